//! What gauges measured over time, for runs that begin in the past.

use crate::RunError;
use crate::live::LiveSnapshot;
use serde::{Deserialize, Serialize};
use std::path::Path;
use twin_model::{CommunityModel, EntityId, EntityKind, PropertyTable, Quality, TimeMs};

/// Measured values of one property of one device, as the server's history query answers
/// (`GET /api/history/{entity}/{property}`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaugeHistory {
    /// The device.
    pub entity: EntityId,
    /// Key of the property.
    pub property: String,
    /// (observed at, value, quality), oldest first.
    pub points: Vec<(TimeMs, f64, Quality)>,
}

/// A gauge's good values in a window of time.
#[derive(Debug, Clone, PartialEq)]
pub struct GaugeSeries {
    /// The device.
    pub entity: EntityId,
    /// Name of the gauge.
    pub name: String,
    /// Where it stands, ENU metres.
    pub p_enu: [f64; 3],
    /// Unit of the values.
    pub unit: String,
    /// (second from the start of the window, value), seconds strictly ascending, the first at most 0 when something was
    /// measured before the window.
    pub points: Vec<(f64, f64)>,
    /// When the last value was measured.
    pub last_at: TimeMs,
}

#[derive(Deserialize)]
struct CsvRow {
    entity: u32,
    property: String,
    observed_at: i64,
    value: f64,
    #[serde(default)]
    quality: Option<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonFile {
    Many(Vec<GaugeHistory>),
    One(GaugeHistory),
}

/// Reads gauges' history: a JSON answer of the server's history query or an array of them, or (name ending in `.csv`) a
/// table with the columns `entity, property, observed_at` (ms since 1970), `value` and, if there is one, `quality`.
///
/// # Errors
/// [`RunError::Io`] or [`RunError::LiveFile`] naming file and line.
pub fn read_history(file: &Path) -> Result<Vec<GaugeHistory>, RunError> {
    let bytes = std::fs::read(file).map_err(|source| RunError::Io { path: file.to_owned(), source })?;
    let bad = |message: String| RunError::LiveFile { file: file.to_owned(), message };
    if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return parse_csv(&bytes).map_err(bad);
    }
    match serde_json::from_slice(&bytes) {
        Ok(JsonFile::Many(many)) => Ok(many),
        Ok(JsonFile::One(one)) => Ok(vec![one]),
        Err(_) => {
            let error = serde_json::from_slice::<Vec<GaugeHistory>>(&bytes).err().map(|e| e.to_string());
            Err(bad(format!("must be a history answer or an array of them: {}", error.unwrap_or_default())))
        }
    }
}

fn parse_csv(bytes: &[u8]) -> Result<Vec<GaugeHistory>, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut found: Vec<GaugeHistory> = Vec::new();
    for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes).deserialize() {
        let row: CsvRow = row.map_err(|e| e.to_string())?;
        let point = (TimeMs(row.observed_at), row.value, Quality(row.quality.unwrap_or(0)));
        let known = found.iter_mut().find(|h| h.entity.0 == row.entity && h.property == row.property);
        match known {
            Some(history) => history.points.push(point),
            None => {
                found.push(GaugeHistory { entity: EntityId(row.entity), property: row.property, points: vec![point] })
            }
        }
    }
    found.iter_mut().for_each(|h| h.points.sort_by_key(|p| p.0));
    Ok(found)
}

impl LiveSnapshot {
    /// Adds history. A snapshot without a present (`now` = 0) takes the time of the latest point as its present.
    pub fn add_history(&mut self, history: Vec<GaugeHistory>) {
        self.history.extend(history);
        if self.now == TimeMs(0) {
            let latest = self.history.iter().flat_map(|h| h.points.iter().map(|p| p.0)).max();
            self.now = latest.unwrap_or_default();
        }
    }

    /// Good values of one property from devices of one class (any class when empty) between two instants; gauges without
    /// one are left out. A value from up to three expected intervals before the window stands for its beginning.
    #[must_use]
    pub fn gauge_series(
        &self,
        model: &CommunityModel,
        table: &PropertyTable,
        class: &str,
        property: &str,
        from: TimeMs,
        to: TimeMs,
    ) -> Vec<GaugeSeries> {
        let unit = table.id(property).and_then(|id| table.def(id)).map(|d| d.unit.clone()).unwrap_or_default();
        let mut found = Vec::new();
        for history in self.history.iter().filter(|h| h.property == property) {
            let device = model.get(history.entity).filter(|e| e.kind == EntityKind::Device);
            let Some(device) = device.filter(|e| class.is_empty() || e.class == class) else { continue };
            let interval_s = table.classes.get(&device.class).map_or(60.0, |c| c.expected_interval_s);
            let earliest = from.plus_secs(-interval_s * twin_model::FRESH_INTERVALS);
            let Some((points, last_at)) = window(&history.points, earliest, from, to) else { continue };
            let (name, unit) = (device.name.clone(), unit.clone());
            found.push(GaugeSeries { entity: device.id, name, p_enu: device.p_enu, unit, points, last_at });
        }
        found
    }
}

/// Good points of a window, at most one of them before it, in seconds from `from`, and the instant of the last.
fn window(
    points: &[(TimeMs, f64, Quality)],
    earliest: TimeMs,
    from: TimeMs,
    to: TimeMs,
) -> Option<(Vec<(f64, f64)>, TimeMs)> {
    let good = |p: &&(TimeMs, f64, Quality)| {
        p.1.is_finite() && !p.2.contains(Quality::BAD_RANGE) && p.0 >= earliest && p.0 <= to
    };
    let mut sorted: Vec<_> = points.iter().filter(good).collect();
    sorted.sort_by_key(|p| p.0);
    let last_at = sorted.last()?.0;
    let mut series: Vec<(f64, f64)> = Vec::with_capacity(sorted.len());
    for (at, value, _) in sorted {
        // What was measured before the window stands at its beginning.
        let t_s = at.secs_since(from).max(0.0);
        match series.last_mut() {
            Some(last) if last.0 >= t_s => last.1 = *value,
            _ => series.push((t_s, *value)),
        }
    }
    Some((series, last_at))
}

/// Mean of several gauges, linear between the points of all of them; each is constant before its first and after its last.
#[must_use]
pub(crate) fn mean_series(gauges: &[GaugeSeries]) -> Vec<(f64, f64)> {
    let mut times: Vec<f64> = gauges.iter().flat_map(|g| g.points.iter().map(|p| p.0)).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mean = |t: f64| gauges.iter().map(|g| linear(&g.points, t)).sum::<f64>() / gauges.len().max(1) as f64;
    times.into_iter().map(|t| (t, mean(t))).collect()
}

/// Piecewise linear value, constant outside; 0 for no points.
#[must_use]
pub(crate) fn linear(points: &[(f64, f64)], t_s: f64) -> f64 {
    let after = points.partition_point(|p| p.0 <= t_s);
    match (after.checked_sub(1).and_then(|k| points.get(k)), points.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (t_s - a.0) / (b.0 - a.0),
        (Some(p), None) | (None, Some(p)) => p.1,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_answer_and_a_table_read_alike() {
        let dir = tempfile::tempdir().unwrap();
        let json = r#"{"entity": 7, "property": "rain_mmph", "unit": "mm/h",
            "points": [[1000, 2.5, 0], [61000, 3.0, 1]], "maybe_more": false}"#;
        let csv = "entity,property,observed_at,value,quality\n7,rain_mmph,61000,3.0,1\n7, rain_mmph, 1000, 2.5,\n";
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let one = read_history(&put("a.json", json)).unwrap();
        assert_eq!(one, read_history(&put("b.json", &format!("[{json}]"))).unwrap());
        assert_eq!(one, read_history(&put("c.csv", csv)).unwrap());
        let error = read_history(&put("d.csv", "entity,property,observed_at,value\n7,rain_mmph,x,1\n")).unwrap_err();
        assert!(error.to_string().contains("line: 2"), "{error}");
        let error = read_history(&put("e.json", "{\"entity\": 7}")).unwrap_err();
        assert!(error.to_string().contains("history answer"), "{error}");
    }

    #[test]
    fn a_window_keeps_good_points_and_what_came_just_before() {
        let p = |s: i64, v: f64, q: Quality| (TimeMs(s * 1000), v, q);
        let points = [
            p(10, 9.0, Quality::GOOD),
            p(90, 1.0, Quality::GOOD),
            p(95, 2.0, Quality::GOOD),
            p(120, 99.0, Quality::BAD_RANGE),
            p(130, 3.0, Quality::GOOD),
            p(300, 4.0, Quality::GOOD),
        ];
        let (series, last) = window(&points, TimeMs(80_000), TimeMs(100_000), TimeMs(200_000)).unwrap();
        assert_eq!(series, [(0.0, 2.0), (30.0, 3.0)]);
        assert_eq!(last, TimeMs(130_000));
        assert!(window(&points, TimeMs(400_000), TimeMs(400_000), TimeMs(500_000)).is_none());
    }

    #[test]
    fn gauges_are_averaged_at_the_times_of_all() {
        let gauge = |points: Vec<(f64, f64)>| GaugeSeries {
            entity: EntityId(0),
            name: String::new(),
            p_enu: [0.0; 3],
            unit: String::new(),
            points,
            last_at: TimeMs(0),
        };
        let mean = mean_series(&[gauge(vec![(0.0, 1.0), (10.0, 3.0)]), gauge(vec![(5.0, 4.0)])]);
        assert_eq!(mean, [(0.0, 2.5), (5.0, 3.0), (10.0, 3.5)]);
    }
}
