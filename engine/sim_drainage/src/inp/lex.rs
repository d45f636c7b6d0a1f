//! Lines, words and sections of an `.inp` text.

use crate::DrainageError;

/// A line of data: its words and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// Line number, from 1.
    pub line: usize,
    /// Section it stands in.
    pub section: &'static str,
    /// Words; quotes removed.
    pub words: Vec<String>,
}

/// Sections by the first letters that tell them (as SWMM does), and their full names.
const SECTIONS: &[(&str, &str)] = &[
    ("TITLE", "TITLE"),
    ("OPTION", "OPTIONS"),
    ("JUNC", "JUNCTIONS"),
    ("OUTFALL", "OUTFALLS"),
    ("STORAGE", "STORAGE"),
    ("DIVIDER", "DIVIDERS"),
    ("CONDUIT", "CONDUITS"),
    ("PUMP", "PUMPS"),
    ("ORIFICE", "ORIFICES"),
    ("WEIR", "WEIRS"),
    ("OUTLET", "OUTLETS"),
    ("XSECT", "XSECTIONS"),
    ("LOSS", "LOSSES"),
    ("INFLOW", "INFLOWS"),
    ("DWF", "DWF"),
    ("PATTERN", "PATTERNS"),
    ("CURVE", "CURVES"),
    ("TIMESERIES", "TIMESERIES"),
    ("COORDINATE", "COORDINATES"),
    ("RAINGAGE", "RAINGAGES"),
    ("SUBCATCH", "SUBCATCHMENTS"),
    ("SUBAREA", "SUBAREAS"),
    ("INFIL", "INFILTRATION"),
    ("EVAP", "EVAPORATION"),
    ("TEMP", "TEMPERATURE"),
    ("AQUIFER", "AQUIFERS"),
    ("GROUND", "GROUNDWATER"),
    ("GWF", "GWF"),
    ("SNOW", "SNOWPACKS"),
    ("LID_CON", "LID_CONTROLS"),
    ("LID_USAGE", "LID_USAGE"),
    ("TRANSECT", "TRANSECTS"),
    ("STREET", "STREETS"),
    ("INLET_USAGE", "INLET_USAGE"),
    ("INLET", "INLETS"),
    ("CONTROL", "CONTROLS"),
    ("POLLUT", "POLLUTANTS"),
    ("LANDUSE", "LANDUSES"),
    ("COVERAGE", "COVERAGES"),
    ("LOADING", "LOADINGS"),
    ("BUILDUP", "BUILDUP"),
    ("WASHOFF", "WASHOFF"),
    ("TREATMENT", "TREATMENT"),
    ("RDII", "RDII"),
    ("HYDROGRAPH", "HYDROGRAPHS"),
    ("EVENT", "EVENTS"),
    ("FILE", "FILES"),
    ("REPORT", "REPORT"),
    ("TAG", "TAGS"),
    ("MAP", "MAP"),
    ("VERTICES", "VERTICES"),
    ("POLYGON", "POLYGONS"),
    ("SYMBOL", "SYMBOLS"),
    ("LABEL", "LABELS"),
    ("BACKDROP", "BACKDROP"),
    ("PROFILE", "PROFILES"),
    ("ADJUST", "ADJUSTMENTS"),
];

/// Splits a text into rows.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, DrainageError> {
    let mut section: Option<&'static str> = None;
    let mut out = Vec::new();
    for (k, raw) in text.lines().enumerate() {
        let line = k + 1;
        let body = raw.split(';').next().unwrap_or("").trim();
        if body.is_empty() {
            continue;
        }
        if let Some(name) = body.strip_prefix('[') {
            let name = name.trim_end_matches(']').trim().to_ascii_uppercase();
            let known = SECTIONS.iter().find(|s| name.starts_with(s.0)).map(|s| s.1);
            section = Some(known.ok_or_else(|| error(line, &name, "", "section", &name, "a section of SWMM 5"))?);
            continue;
        }
        let Some(section) = section else {
            return Err(error(line, "", body, "line", body, "a section header such as [OPTIONS] first"));
        };
        let words = if section == "TITLE" { vec![body.to_owned()] } else { words(body) };
        out.push(Row { line, section, words });
    }
    Ok(out)
}

/// Words of a line: blanks separate, double quotes join.
fn words(body: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = body.trim_start();
    while !rest.is_empty() {
        let (word, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        out.push(word.to_owned());
        rest = tail.trim_start();
    }
    out
}

/// An error of a line. Long values are cut.
pub(super) fn error(line: usize, section: &str, id: &str, field: &str, value: &str, allowed: &str) -> DrainageError {
    let short = |s: &str| s.chars().take(60).collect::<String>();
    DrainageError::Inp {
        line,
        section: section.to_owned(),
        id: short(id),
        field: field.to_owned(),
        value: short(value),
        allowed: allowed.to_owned(),
    }
}

impl Row {
    /// First word.
    pub(super) fn id(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// A word, or an empty one.
    pub(super) fn word(&self, k: usize) -> &str {
        self.words.get(k).map_or("", String::as_str)
    }

    /// A word that must be there.
    pub(super) fn need(&self, k: usize, field: &str) -> Result<&str, DrainageError> {
        match self.word(k) {
            "" => Err(self.error(field, "missing", "a value")),
            w => Ok(w),
        }
    }

    /// A finite number that must be there.
    pub(super) fn number(&self, k: usize, field: &str) -> Result<f64, DrainageError> {
        let w = self.need(k, field)?;
        w.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| self.error(field, w, "a finite number"))
    }

    /// A finite number, or `default` when the word is missing or `*`.
    pub(super) fn number_or(&self, k: usize, field: &str, default: f64) -> Result<f64, DrainageError> {
        if matches!(self.word(k), "" | "*") { Ok(default) } else { self.number(k, field) }
    }

    /// YES or NO; missing means no.
    pub(super) fn yes(&self, k: usize, field: &str) -> Result<bool, DrainageError> {
        match self.word(k).to_ascii_uppercase().as_str() {
            "YES" => Ok(true),
            "NO" | "" | "*" => Ok(false),
            w => Err(self.error(field, w, "YES or NO")),
        }
    }

    pub(super) fn error(&self, field: &str, value: &str, allowed: &str) -> DrainageError {
        error(self.line, self.section, self.id(), field, value, allowed)
    }

    /// Puts the line in front of an error of the network builder.
    pub(super) fn wrap(&self, e: DrainageError) -> DrainageError {
        match e {
            DrainageError::Item { field, value, allowed, .. } => self.error(field, &value, &allowed),
            other => other,
        }
    }
}
