//! `[CURVES]`, `[TIMESERIES]`, `[PATTERNS]`.

use std::collections::BTreeMap;

use super::lex::Row;
use super::{Note, when};
use crate::{Curve, DrainageError, Series};

/// Points of a named table, in the file's units, and the row it starts at.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub row: Row,
    pub kind: String,
    pub points: Vec<(f64, f64)>,
}

/// Everything named that other sections refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub curves: BTreeMap<String, Table>,
    /// Times in seconds since the start.
    pub series: BTreeMap<String, Table>,
    /// Kind and factors.
    pub patterns: BTreeMap<String, (String, Vec<f64>)>,
}

impl Tables {
    /// A curve in SI; increasing x is checked.
    pub(super) fn curve(&self, row: &Row, name: &str, x: f64, y: f64) -> Result<Curve, DrainageError> {
        let t = self.curves.get(name).ok_or_else(|| row.error("curve", name, "a curve of [CURVES]"))?;
        Curve::new(t.points.iter().map(|p| (p.0 * x, p.1 * y)).collect()).map_err(|why| t.row.error("points", &why, "see there"))
    }

    /// Kind of a curve in capitals.
    pub(super) fn kind(&self, row: &Row, name: &str) -> Result<&str, DrainageError> {
        let t = self.curves.get(name).ok_or_else(|| row.error("curve", name, "a curve of [CURVES]"))?;
        Ok(&t.kind)
    }

    /// A time series with its values scaled and shifted.
    pub(super) fn series(&self, row: &Row, name: &str, scale: f64, hold: bool) -> Result<Series, DrainageError> {
        let t = self.series.get(name).ok_or_else(|| row.error("time series", name, "a series of [TIMESERIES]"))?;
        let points = t.points.iter().map(|p| (p.0, p.1 * scale)).collect();
        Series::new(points, hold).map_err(|why| t.row.error("points", &why, "see there"))
    }
}

/// Reads curves: `name [type] x y [x y …]`; later lines go on without a type.
pub(super) fn curves(rows: &[&Row], out: &mut Tables) -> Result<(), DrainageError> {
    for row in rows {
        let typed = row.word(1).parse::<f64>().is_err();
        let kind = if typed { row.need(1, "type")?.to_ascii_uppercase() } else { String::new() };
        let first = if typed { 2 } else { 1 };
        let new = || Table { row: (*row).clone(), kind: kind.clone(), points: vec![] };
        let table = out.curves.entry(row.id().to_owned()).or_insert_with(new);
        if table.kind.is_empty() {
            return Err(row.error("type", "missing", "STORAGE, SHAPE, RATING, TIDAL, PUMP1 to PUMP4 …"));
        }
        let mut k = first;
        while k < row.words.len() {
            table.points.push((row.number(k, "x")?, row.number(k + 1, "y")?));
            k += 2;
        }
    }
    Ok(())
}

/// Reads series: `name [date] time value …`, times as hours or h:mm, relative to the start without a date.
pub(super) fn series(rows: &[&Row], start: (i64, f64), out: &mut Tables) -> Result<(), DrainageError> {
    for row in rows {
        if row.word(1).eq_ignore_ascii_case("FILE") {
            return Err(row.error("source", "FILE", "values in the text itself"));
        }
        let new = || Table { row: (*row).clone(), kind: String::new(), points: vec![] };
        let table = out.series.entry(row.id().to_owned()).or_insert_with(new);
        let (mut k, mut day) = (1, None);
        while k < row.words.len() {
            if row.word(k).contains('/') {
                let d = when::date(row.word(k)).ok_or_else(|| row.error("date", row.word(k), "month/day/year"))?;
                day = Some(d);
                k += 1;
            }
            let w = row.need(k, "time")?;
            let clock = when::seconds(w, 3600.0).ok_or_else(|| row.error("time", w, "hours or h:mm, 0 or more"))?;
            let t = day.map_or(clock, |d| (d - start.0) as f64 * 86_400.0 + clock - start.1);
            table.points.push((t, row.number(k + 1, "value")?));
            k += 2;
        }
    }
    Ok(())
}

/// Reads patterns: `name [MONTHLY|DAILY|HOURLY|WEEKEND] factor …`.
pub(super) fn patterns(rows: &[&Row], out: &mut Tables) -> Result<(), DrainageError> {
    for row in rows {
        let typed = row.word(1).parse::<f64>().is_err();
        let kind = if typed { row.need(1, "type")?.to_ascii_uppercase() } else { String::new() };
        let entry = out.patterns.entry(row.id().to_owned()).or_insert_with(|| (kind.clone(), vec![]));
        if entry.0.is_empty() {
            return Err(row.error("type", "missing", "MONTHLY, DAILY, HOURLY or WEEKEND"));
        }
        for k in if typed { 2 } else { 1 }..row.words.len() {
            entry.1.push(row.number(k, "factor")?);
        }
        if entry.1.len() > 24 {
            return Err(row.error("factors", &entry.1.len().to_string(), "at most 24"));
        }
    }
    Ok(())
}

/// Hourly factors among the named patterns; others are noted.
pub(super) fn hourly(
    row: &Row,
    names: &[&str],
    tables: &Tables,
    notes: &mut Vec<Note>,
) -> Result<Vec<f64>, DrainageError> {
    let mut factors = Vec::new();
    for name in names.iter().filter(|n| !n.is_empty()) {
        let (kind, values) =
            tables.patterns.get(*name).ok_or_else(|| row.error("pattern", name, "a pattern of [PATTERNS]"))?;
        if kind == "HOURLY" && values.len() == 24 {
            factors.clone_from(values);
        } else {
            notes.push(Note::at(row, format!("pattern {name} ({kind}, {} factors) is not applied", values.len())));
        }
    }
    Ok(factors)
}
