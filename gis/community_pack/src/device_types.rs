use crate::PackError;
use serde::Deserialize;
use std::collections::BTreeMap;
use twin_model::{AlarmRule, ClassTraits, DeviceClass, PropertyDef, PropertyTable, PropertyTraits, RuleSet};

const FILE: &str = "device_types.toml";
/// File of the alarm rules in a pack; may be absent.
pub const RULES_FILE: &str = "rules.toml";

/// UCUM codes (unitsofmeasure.org, case-sensitive) of what a community's devices measure.
const UNITS: &[&str] = &[
    "1", "%", "[ppm]", "[ppb]", "[pH]", "m", "cm", "mm", "km", "m2", "m3", "L", "mm/h", "mm/d", "m/s", "km/h", "m3/h",
    "m3/s", "L/s", "L/h", "L/min", "s", "min", "h", "d", "ms", "Hz", "Cel", "K", "%RH", "Pa", "hPa", "kPa", "MPa",
    "bar", "W", "kW", "MW", "W.h", "kW.h", "MW.h", "J", "kJ", "MJ", "GJ", "V", "mV", "kV", "A", "mA", "Ohm", "kOhm",
    "MOhm", "VA", "kVA", "var", "kvar", "lx", "klx", "cd", "dB", "dB[SPL]", "dB/m", "deg", "rad", "deg/s", "m/s2",
    "mm/s", "g", "kg", "t", "N", "kN", "ug/m3", "mg/m3", "mg/L", "ug/L", "g/m3", "uS/cm", "mS/cm", "[NTU]", "mol/L",
    "mmol/L", "W/m2", "Sv/h", "uSv/h", "Bq/m3", "1/min", "1/h", "/min", "/h", "{count}",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    property: BTreeMap<String, Property>,
    #[serde(default)]
    class: BTreeMap<String, Class>,
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
    #[serde(default)]
    dead_band: f64,
    frozen_after_s: Option<f64>,
    spike_per_s: Option<f64>,
    #[serde(default)]
    personal: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    name: String,
    properties: Vec<String>,
    expected_interval_s: f64,
    #[serde(default)]
    alarms: Vec<AlarmRule>,
    stale_after_s: Option<f64>,
    #[serde(default)]
    personal: bool,
    #[serde(default)]
    commanded: bool,
    #[serde(default)]
    two_person: bool,
}

/// Reads `device_types.toml`: `[property.<key>]` tables and `[class.<key>]` tables with `[[class.<key>.alarms]]`.
///
/// # Errors
/// Not TOML, an unknown or missing key (with line), a unit that is no UCUM code, or a table that contradicts itself.
pub fn parse_device_types(toml: &str) -> Result<PropertyTable, PackError> {
    let file: File = read(FILE, toml)?;
    for (key, p) in &file.property {
        if !UNITS.contains(&p.unit.as_str()) {
            let allowed = "a UCUM code such as 1, %, m, mm/h, m3/h, Cel, kPa, kW.h, V, ug/m3, dB[SPL]";
            return Err(PackError::value(FILE, format!("unit of property {key}"), format!("{:?}", p.unit), allowed));
        }
    }
    let (mut defs, mut property_traits) = (Vec::new(), BTreeMap::new());
    for (key, p) in file.property {
        let Property { name, unit, min, max, states, dead_band, frozen_after_s, spike_per_s, personal } = p;
        property_traits.insert(key.clone(), PropertyTraits { dead_band, frozen_after_s, spike_per_s, personal });
        defs.push(PropertyDef { key, name, unit, min, max, states });
    }
    let (mut classes, mut class_traits) = (BTreeMap::new(), BTreeMap::new());
    for (key, c) in file.class {
        let Class { name, properties, expected_interval_s, alarms, stale_after_s, personal, commanded, two_person } = c;
        class_traits.insert(key.clone(), ClassTraits { stale_after_s, personal, commanded, two_person });
        classes.insert(key, DeviceClass { name, properties, expected_interval_s, alarms });
    }
    Ok(PropertyTable::new(defs, classes)?.with_traits(property_traits, class_traits)?)
}

/// Reads `rules.toml`: `[rule.<key>]` tables, `[grouping]`, `[calendar]`. What the rules name is checked where they are
/// compiled, against the pack's entities and properties.
///
/// # Errors
/// Not TOML, or an unknown, missing or misspelt key (with line).
pub fn parse_rules(toml: &str) -> Result<RuleSet, PackError> {
    read(RULES_FILE, toml)
}

fn read<T: serde::de::DeserializeOwned>(file: &str, toml: &str) -> Result<T, PackError> {
    toml::from_str(toml).map_err(|e| {
        let line = e.span().map_or(0, |s| toml.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
        PackError::format(file, format!("line {line}: {}", e.message()))
    })
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
    fn traits_and_units_are_checked() {
        let text =
            SAMPLE.replace("max = 60.0", "max = 60.0\ndead_band = 0.01\nfrozen_after_s = 3600\nspike_per_s = 0.5");
        let text =
            text.replace("expected_interval_s = 60", "expected_interval_s = 60\nstale_after_s = 200\npersonal = true");
        let table = parse_device_types(&text).unwrap();
        assert_eq!(table.traits_of(table.id("water_level_m").unwrap()).spike_per_s, Some(0.5));
        assert!(table.class_traits_of("river_level").personal);
        let refuse = |from: &str, to: &str| parse_device_types(&text.replace(from, to)).unwrap_err().to_string();
        let line = refuse("unit = \"m\"", "unit = \"metre\"");
        assert!(
            line.starts_with("device_types.toml: unit of property water_level_m: \"metre\": must be a UCUM code"),
            "{line}"
        );
        let line = refuse("dead_band = 0.01", "dead_band = -1");
        assert_eq!(line, "device_types.toml: dead_band of property water_level_m = -1: must be >= 0");
        let line = refuse("personal = true", "personal = 1");
        assert!(line.starts_with("device_types.toml: line "), "{line}");
    }

    #[test]
    fn rule_files_are_read_and_errors_name_the_line() {
        let text = "[rule.offline]\ntext = \"离线\"\nseverity = \"minor\"\nsubject = { kind = \"device\" }\nwhen.no_data = {}\n";
        assert_eq!(parse_rules(text).unwrap().rule.len(), 1);
        assert_eq!(parse_rules("").unwrap(), RuleSet::default());
        let error = parse_rules(&text.replace("subject", "subjects")).unwrap_err().to_string();
        assert!(error.starts_with("rules.toml: line "), "{error}");
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
