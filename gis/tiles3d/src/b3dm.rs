//! Batched 3D models of 3D Tiles 1.0 (`.b3dm`): a glb with a batch table in front.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::glb::{Column, ColumnValues, GlbError, GlbModel, PropertyTable, read_glb};

/// A batched model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct B3dm {
    /// The model; its feature ids are batch ids, its property table the batch table.
    pub model: GlbModel,
    /// To be added to every position in the tile's frame (z up), metres (`RTC_CENTER`).
    pub rtc_center: Option<[f64; 3]>,
    /// Columns of the batch table that are not kept (in the binary part, or nested).
    pub skipped_properties: Vec<String>,
}

#[derive(Deserialize, Default)]
struct FeatureTable {
    #[serde(rename = "RTC_CENTER")]
    rtc_center: Option<[f64; 3]>,
    #[serde(rename = "BATCH_LENGTH", default)]
    batch_length: u64,
}

/// Reads a `.b3dm` file.
///
/// # Errors
/// Names the byte or the item that is wrong; see also [`read_glb`].
pub fn read_b3dm(bytes: &[u8]) -> Result<B3dm, GlbError> {
    let error = |offset: usize, what: String| GlbError::Container { offset, what };
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if !bytes.starts_with(b"b3dm") {
        return Err(error(0, "not a b3dm (expected the letters b3dm)".to_owned()));
    }
    if word(4) != Some(1) {
        return Err(error(4, "expected version 1".to_owned()));
    }
    let mut at = 28_usize;
    let mut parts: [&[u8]; 4] = [&[]; 4];
    for (i, part) in parts.iter_mut().enumerate() {
        let length = word(12 + 4 * i).map_or(usize::MAX, |n| n as usize);
        let end = at.checked_add(length);
        let Some(slice) = end.and_then(|end| bytes.get(at..end)) else {
            return Err(error(
                12 + 4 * i,
                format!("a table of {length} bytes from byte {at} does not fit the {} bytes of the file", bytes.len()),
            ));
        };
        *part = slice;
        at += length;
    }
    let [feature_json, _, batch_json, _] = parts;
    let features: FeatureTable =
        if feature_json.is_empty() { FeatureTable::default() } else { json(feature_json, "feature table")? };
    if features.rtc_center.is_some_and(|c| c.iter().any(|x| !x.is_finite())) {
        return Err(GlbError::Invalid { item: "RTC_CENTER".to_owned(), what: "not finite".to_owned() });
    }
    let mut out = B3dm {
        model: read_glb(bytes.get(at..).unwrap_or_default())?,
        rtc_center: features.rtc_center,
        skipped_properties: Vec::new(),
    };
    if !batch_json.is_empty() && features.batch_length > 0 {
        let table: Map<String, Value> = json(batch_json, "batch table")?;
        out.model.features = Some(columns(table, features.batch_length, &mut out.skipped_properties));
    }
    Ok(out)
}

fn json<T: for<'de> Deserialize<'de>>(bytes: &[u8], what: &str) -> Result<T, GlbError> {
    // padded with spaces, and by some writers with zeros
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    serde_json::from_slice(bytes.get(..end).unwrap_or_default()).map_err(|e| GlbError::Json(format!("{what}: {e}")))
}

fn columns(table: Map<String, Value>, rows: u64, skipped: &mut Vec<String>) -> PropertyTable {
    let mut out = PropertyTable { class: "batch".to_owned(), columns: Vec::new() };
    for (name, value) in table {
        let values = match value {
            Value::Array(list) if list.len() as u64 == rows => column(&list),
            _ => None,
        };
        match values {
            Some(values) => out.columns.push(Column { name, values }),
            None => skipped.push(name),
        }
    }
    out
}

/// The narrowest kind that holds all values; texts when kinds are mixed, nothing when values are nested.
fn column(list: &[Value]) -> Option<ColumnValues> {
    if list.iter().any(|v| v.is_array() || v.is_object()) {
        return None;
    }
    let whole: Option<Vec<u32>> = list.iter().map(|v| v.as_u64().and_then(|n| u32::try_from(n).ok())).collect();
    if let Some(values) = whole {
        return Some(ColumnValues::U32(values));
    }
    let numbers: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
    if let Some(values) = numbers {
        return Some(ColumnValues::F64(values));
    }
    let text = |v: &Value| match v {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Some(ColumnValues::String(list.iter().map(text).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glb::{Primitive, write_glb};

    fn file(feature: &str, batch: &str) -> Vec<u8> {
        let primitive = Primitive {
            positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 2.0]],
            feature_ids: Some(vec![0, 0, 1]),
            indices: vec![0, 1, 2],
            ..Primitive::default()
        };
        let glb = write_glb(&GlbModel { primitives: vec![primitive], ..GlbModel::default() });
        let mut out = b"b3dm\x01\0\0\0".to_vec();
        for n in [28 + feature.len() + batch.len() + glb.len(), feature.len(), 0, batch.len(), 0] {
            out.extend((n as u32).to_le_bytes());
        }
        out.extend(feature.as_bytes());
        out.extend(batch.as_bytes());
        out.extend(glb);
        out
    }

    const FEATURE: &str = r#"{"BATCH_LENGTH":2,"RTC_CENTER":[1,2,3]}  "#;
    const BATCH: &str = r#"{"name":["甲",null],"id":[7,8],"h":[1.5,2],"bin":{"byteOffset":0},"list":[[1],[2]]}"#;

    #[test]
    fn reads_tables() {
        let read = read_b3dm(&file(FEATURE, BATCH)).expect("valid");
        assert_eq!(read.rtc_center, Some([1.0, 2.0, 3.0]));
        let table = read.model.features.expect("a table");
        assert_eq!(
            (table.text("name", 0), table.text("name", 1), table.u32("id", 1), table.number("h", 0)),
            (Some("甲"), Some(""), Some(8), Some(1.5))
        );
        assert_eq!(read.skipped_properties, ["bin", "list"]);
        assert_eq!(read.model.primitives[0].feature_ids, Some(vec![0, 0, 1]));
    }

    #[test]
    fn cut_and_changed_files() {
        let bytes = file(FEATURE, BATCH);
        for length in 0..bytes.len() {
            assert!(read_b3dm(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len().min(400) {
            for value in [0, 0xFF, b'9'] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                if let Ok(read) = read_b3dm(&damaged) {
                    assert!(read.model.primitives.len() <= 1);
                }
            }
        }
        assert!(read_b3dm(&file("{}", "")).is_ok_and(|b| b.rtc_center.is_none() && b.model.features.is_none()));
    }
}
