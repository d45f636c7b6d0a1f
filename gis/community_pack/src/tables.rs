use crate::PackWarning;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use twin_model::{CommunityModel, EntityId, PropertyId, PropertyTable};

/// What an MQTT topic means.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Exact topic.
    pub topic: String,
    /// The entity that the value belongs to.
    pub entity: EntityId,
    /// The property.
    pub property: PropertyId,
    /// Where the value stands in the payload: "" for a bare number, "v", "m.water_level_m".
    pub payload_path: String,
    /// Expected time between samples, s > 0.
    pub expected_interval_s: f64,
    /// Least and greatest plausible value, in the property's unit.
    pub range: (f64, f64),
}

/// A row of `devices.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeviceRow {
    /// Code of the device.
    pub device_code: String,
    /// The device's entity.
    pub entity_id: u32,
    /// Key of its class.
    pub class: String,
    /// Name.
    pub name: String,
    /// What it is mounted on or in.
    pub on_entity: Option<u32>,
}

#[derive(Deserialize)]
struct BindingRow {
    topic: String,
    entity_id: u32,
    property: String,
    unit: Option<String>,
    #[serde(default)]
    payload_path: String,
    expected_interval_s: Option<f64>,
    range_min: Option<f64>,
    range_max: Option<f64>,
}

/// Reads `bindings.csv`. Rows with unknown entities or properties, wrong units or bad numbers are left out, each with
/// a warning that has the line. An empty interval is the class's, an empty range the property's.
#[must_use]
pub fn parse_bindings(
    csv: &[u8],
    properties: &PropertyTable,
    model: &CommunityModel,
) -> (Vec<Binding>, Vec<PackWarning>) {
    let mut warnings = Vec::new();
    let rows = rows::<BindingRow>("bindings.csv", csv, &mut warnings);
    let mut bindings = Vec::with_capacity(rows.len());
    for (line, row) in rows {
        match bind(row, properties, model) {
            Ok(binding) => bindings.push(binding),
            Err(reason) => warnings.push(PackWarning { file: "bindings.csv".into(), line, reason }),
        }
    }
    warnings.sort_by_key(|w| w.line);
    (bindings, warnings)
}

fn bind(row: BindingRow, properties: &PropertyTable, model: &CommunityModel) -> Result<Binding, String> {
    let topic = row.topic;
    let entity = EntityId(row.entity_id);
    let found = model.get(entity).ok_or_else(|| {
        format!("topic {topic:?}: entity {entity} is not in the table of {} rows", model.entities().len())
    })?;
    let property = properties
        .id(&row.property)
        .ok_or_else(|| format!("topic {topic:?}: property {:?} is not in device_types.toml", row.property))?;
    let def = properties.def(property).ok_or_else(|| format!("property {property} has no definition"))?;
    if let Some(unit) = row.unit.filter(|u| !u.is_empty() && *u != def.unit) {
        return Err(format!("topic {topic:?}: unit {unit:?}: must be {:?}", def.unit));
    }
    let class_interval = properties.classes.get(&found.class).map_or(60.0, |c| c.expected_interval_s);
    let expected_interval_s = row.expected_interval_s.unwrap_or(class_interval);
    if !(expected_interval_s > 0.0 && expected_interval_s.is_finite()) {
        return Err(format!("topic {topic:?}: expected_interval_s = {expected_interval_s}: must be > 0 s"));
    }
    let range = (row.range_min.unwrap_or(def.min), row.range_max.unwrap_or(def.max));
    let ordered = range.0 <= range.1;
    if !ordered {
        return Err(format!("topic {topic:?}: range {}..{}: must be range_min <= range_max", range.0, range.1));
    }
    Ok(Binding { topic, entity, property, payload_path: row.payload_path, expected_interval_s, range })
}

/// Reads `devices.csv`; rows that do not parse are left out with a warning.
#[must_use]
pub fn parse_devices(csv: &[u8]) -> (Vec<DeviceRow>, Vec<PackWarning>) {
    let mut warnings = Vec::new();
    let rows = rows("devices.csv", csv, &mut warnings);
    (rows.into_iter().map(|(_, row)| row).collect(), warnings)
}

/// The rows with their lines; a byte order mark and spaces around values are dropped.
fn rows<T: DeserializeOwned>(file: &str, csv: &[u8], warnings: &mut Vec<PackWarning>) -> Vec<(u64, T)> {
    let csv = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(csv);
    let mut found = Vec::new();
    let headers = match reader.headers() {
        Ok(h) => h.clone(),
        Err(e) => {
            warnings.push(PackWarning { file: file.to_owned(), line: 1, reason: e.to_string() });
            return found;
        }
    };
    for record in reader.records() {
        let parsed = record.and_then(|r| {
            let line = r.position().map_or(0, csv::Position::line);
            Ok((line, r.deserialize::<T>(Some(&headers))?))
        });
        match parsed {
            Ok(row) => found.push(row),
            Err(e) => {
                let line = e.position().map_or(0, csv::Position::line);
                warnings.push(PackWarning { file: file.to_owned(), line, reason: e.to_string() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device_types::{parse_device_types, tests::SAMPLE};
    use proptest::prelude::*;
    use twin_model::{Community, Entity, EntityKind, FeatureRef};

    fn model() -> CommunityModel {
        let device = Entity {
            id: EntityId(0),
            kind: EntityKind::Device,
            parent: None,
            name: "水位计".into(),
            code: "D1".into(),
            class: "river_level".into(),
            p_enu: [0.0; 3],
            height_m: 0.0,
            base_z_m: 0.0,
            footprint: None,
            line: vec![],
            camera: None,
            attributes: Default::default(),
            source: FeatureRef::default(),
        };
        CommunityModel::new(Community::default(), vec![device]).unwrap()
    }

    const CSV: &str = "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n\
        a/1,0,water_level_m,m,m.water_level_m,30,0,40\n\
        a/2,7,water_level_m,m,,30,0,40\n\
        a/3,0,depth,m,,30,0,40\n\
        a/4,0,water_level_m,cm,,30,0,40\n\
        a/5,x,water_level_m,m,,30,0,40\n\
        a/6,0,online,,v,,,\n";

    #[test]
    fn unknown_ids_become_warnings_with_their_line() {
        let table = parse_device_types(SAMPLE).unwrap();
        let (bindings, warnings) = parse_bindings(CSV.as_bytes(), &table, &model());
        assert_eq!(bindings.iter().map(|b| b.topic.as_str()).collect::<Vec<_>>(), ["a/1", "a/6"]);
        assert_eq!(bindings[0].range, (0.0, 40.0));
        assert_eq!((bindings[1].expected_interval_s, bindings[1].range), (60.0, (0.0, 1.0)));
        assert_eq!(warnings.iter().map(|w| w.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert!(warnings[0].to_string().contains("entity 7"), "{}", warnings[0]);
        assert!(warnings[1].reason.contains("\"depth\""));
    }

    proptest! {
        #[test]
        fn never_panics(at in 0..CSV.len(), byte in any::<u8>()) {
            let table = parse_device_types(SAMPLE).unwrap();
            let mut bytes = CSV.as_bytes().to_vec();
            bytes[at] = byte;
            drop(parse_bindings(&bytes, &table, &model()));
            drop(parse_bindings(&bytes[..at], &table, &model()));
            drop(parse_devices(&bytes));
        }
    }
}
