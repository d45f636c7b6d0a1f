use crate::PackError;
use serde::Deserialize;
use std::collections::BTreeMap;
use twin_model::{DeviceClass, PropertyDef, PropertyTable};

const FILE: &str = "device_types.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    property: BTreeMap<String, Property>,
    #[serde(default)]
    class: BTreeMap<String, DeviceClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Property {
    name: String,
    unit: String,
    min: f64,
    max: f64,
    #[serde(default)]
    states: Vec<String>,
}

/// Reads `device_types.toml`: `[property.<key>]` tables and `[class.<key>]` tables with `[[class.<key>.alarms]]`.
///
/// # Errors
/// Not TOML, an unknown or missing key (with line), or a table that contradicts itself.
pub fn parse_device_types(toml: &str) -> Result<PropertyTable, PackError> {
    let file: File = toml::from_str(toml).map_err(|e| {
        let line = e.span().map_or(0, |s| toml.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
        PackError::format(FILE, format!("line {line}: {}", e.message()))
    })?;
    let define = |(key, p): (String, Property)| PropertyDef {
        key,
        name: p.name,
        unit: p.unit,
        min: p.min,
        max: p.max,
        states: p.states,
    };
    Ok(PropertyTable::new(file.property.into_iter().map(define).collect(), file.class)?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use twin_model::{Comparison, Severity};

    pub(crate) const SAMPLE: &str = r#"
[property.water_level_m]
name = "水位"
unit = "m"
min = -5.0
max = 60.0

[property.online]
name = "在线"
unit = "1"
min = 0
max = 1
states = ["离线", "在线"]

[class.river_level]
name = "水位计"
properties = ["water_level_m"]
expected_interval_s = 60

[[class.river_level.alarms]]
property = "water_level_m"
when = "at_least"
limit = 22.5
hysteresis = 0.2
severity = "critical"
text = "超保证水位"
"#;

    #[test]
    fn the_sample_reads() {
        let table = parse_device_types(SAMPLE).unwrap();
        assert_eq!(table.properties.len(), 2);
        let class = &table.classes["river_level"];
        assert_eq!(class.alarms[0].when, Comparison::AtLeast);
        assert_eq!(class.alarms[0].severity, Severity::Critical);
        assert_eq!(table.def(table.id("online").unwrap()).unwrap().states[1], "在线");
    }

    #[test]
    fn errors_name_line_and_key() {
        let text = SAMPLE.replace("hysteresis", "histeresis_x = 1\nlimit_y");
        let error = parse_device_types(&text.replace("min = -5.0", "min = \"low\"")).unwrap_err().to_string();
        assert!(error.starts_with("device_types.toml: line 5"), "{error}");
        let error = parse_device_types(&SAMPLE.replace("[\"water_level_m\"]", "[\"level\"]")).unwrap_err().to_string();
        assert!(error.contains("\"level\""), "{error}");
    }

    proptest! {
        #[test]
        fn never_panics(cut in 0..SAMPLE.len(), with in "\\PC{0,6}") {
            let cut = (0..=cut).rev().find(|i| SAMPLE.is_char_boundary(*i)).unwrap_or(0);
            let text = format!("{}{}{}", &SAMPLE[..cut], with, &SAMPLE[cut..]);
            drop(parse_device_types(&text));
            drop(parse_device_types(&SAMPLE[..cut]));
        }
    }
}
