//! Property tables (`EXT_structural_metadata`), written and read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::Views;
use super::read::GlbReport;
use super::write::identifier;
use super::{Column, ColumnValues, GlbError, PropertyTable};

/// Letters, digits and underscores of a name; identifiers in a schema may hold nothing else, nor start with a digit.
pub(super) fn safe_name(name: &str) -> String {
    let mut out: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    if out.chars().all(|c| c == '_') { String::new() } else { out }
}

/// Writes a table; `view` stores bytes as a buffer view and gives its index.
pub(super) fn write(table: &PropertyTable, view: &mut dyn FnMut(&[u8]) -> usize) -> Value {
    let rows = table.rows();
    let class = identifier(&table.class, "feature");
    let mut properties = Map::new();
    let mut columns = Map::new();
    for (i, column) in table.columns.iter().enumerate() {
        let mut key = identifier(&column.name, &format!("column_{i}"));
        if properties.contains_key(&key) {
            key = format!("{key}_{i}");
        }
        let (mut declared, stored) = match &column.values {
            ColumnValues::U32(values) => {
                numbers("UINT32", values.iter().take(rows).flat_map(|v| v.to_le_bytes()), view)
            }
            ColumnValues::F32(values) => {
                numbers("FLOAT32", values.iter().take(rows).flat_map(|v| v.to_le_bytes()), view)
            }
            ColumnValues::F64(values) => {
                numbers("FLOAT64", values.iter().take(rows).flat_map(|v| v.to_le_bytes()), view)
            }
            ColumnValues::String(values) => texts(values.get(..rows).unwrap_or_default(), view),
        };
        if key != column.name {
            declared["name"] = json!(column.name);
        }
        properties.insert(key.clone(), declared);
        columns.insert(key, stored);
    }
    json!({
        "schema": { "id": "sandtable", "classes": { class.clone(): { "properties": properties } } },
        "propertyTables": [{ "class": class, "count": rows, "properties": columns }],
    })
}

fn numbers(component: &str, bytes: impl Iterator<Item = u8>, view: &mut dyn FnMut(&[u8]) -> usize) -> (Value, Value) {
    let values = view(&bytes.collect::<Vec<_>>());
    (json!({ "type": "SCALAR", "componentType": component }), json!({ "values": values }))
}

fn texts(values: &[String], view: &mut dyn FnMut(&[u8]) -> usize) -> (Value, Value) {
    let text = values.concat();
    let mut end = 0_usize;
    let mut offsets = vec![0; 4];
    for value in values {
        end += value.len();
        offsets.extend(u32::try_from(end).unwrap_or(u32::MAX).to_le_bytes());
    }
    // a buffer view must hold at least one byte
    let values = view(if text.is_empty() { &[0] } else { text.as_bytes() });
    let offsets = view(&offsets);
    (json!({ "type": "STRING" }), json!({ "values": values, "stringOffsets": offsets, "stringOffsetType": "UINT32" }))
}

/// The extension's JSON, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Structural {
    schema: Option<Schema>,
    property_tables: Vec<Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Schema {
    classes: BTreeMap<String, Class>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Class {
    properties: BTreeMap<String, Declared>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Declared {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    component_type: Option<String>,
    array: bool,
    normalized: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Table {
    class: String,
    count: u64,
    properties: BTreeMap<String, Stored>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    values: usize,
    string_offsets: Option<usize>,
    string_offset_type: Option<String>,
}

/// Reads the table of that index. Columns of kinds that are not kept are named in the report.
pub(super) fn read(
    structural: &Structural,
    index: usize,
    views: &Views<'_>,
    report: &mut GlbReport,
) -> Result<Option<PropertyTable>, GlbError> {
    let Some(table) = structural.property_tables.get(index) else {
        return Ok(None);
    };
    let item = format!("propertyTables[{index}]");
    let invalid = |what: String| GlbError::Invalid { item: item.clone(), what };
    let classes = structural.schema.as_ref().map(|schema| &schema.classes);
    let Some(class) = classes.and_then(|classes| classes.get(&table.class)) else {
        return Err(invalid(format!("class {:?} is not in the schema", table.class)));
    };
    let mut columns: Vec<(usize, Column)> = Vec::new();
    for (key, stored) in &table.properties {
        let Some(declared) = class.properties.get(key) else {
            return Err(invalid(format!("property {key:?} is not in class {:?}", table.class)));
        };
        match values(declared, stored, table.count, views)
            .map_err(|what| invalid(format!("property {key:?}: {what}")))?
        {
            Some(values) => columns
                .push((stored.values, Column { name: declared.name.clone().unwrap_or_else(|| key.clone()), values })),
            None => report.skipped_properties.push(key.clone()),
        }
    }
    // buffer views are in the order of writing, JSON members are not
    columns.sort_by_key(|(view, _)| *view);
    Ok(Some(PropertyTable {
        class: table.class.clone(),
        columns: columns.into_iter().map(|(_, column)| column).collect(),
    }))
}

fn values(declared: &Declared, stored: &Stored, count: u64, views: &Views<'_>) -> Result<Option<ColumnValues>, String> {
    if declared.array || declared.normalized {
        return Ok(None);
    }
    let bytes = views.bytes(stored.values).map_err(|e| e.to_string())?;
    match declared.kind.as_str() {
        "STRING" => strings(bytes, stored, count, views).map(|texts| Some(ColumnValues::String(texts))),
        "SCALAR" => scalars(declared.component_type.as_deref().unwrap_or_default(), bytes, count),
        _ => Ok(None),
    }
}

fn scalars(component: &str, bytes: &[u8], count: u64) -> Result<Option<ColumnValues>, String> {
    let width: usize = match component {
        "UINT8" | "INT8" => 1,
        "UINT16" | "INT16" => 2,
        "UINT32" | "INT32" | "FLOAT32" => 4,
        "UINT64" | "INT64" | "FLOAT64" => 8,
        other => return Err(format!("component type {other:?} does not exist")),
    };
    let needed = usize::try_from(count).ok().and_then(|n| n.checked_mul(width)).filter(|n| *n <= bytes.len());
    let Some(bytes) = needed.and_then(|n| bytes.get(..n)) else {
        return Err(format!("{count} values of {width} bytes do not fit {} bytes", bytes.len()));
    };
    let wide = |chunk: &[u8]| {
        let mut b = [0; 8];
        b[..width].copy_from_slice(chunk);
        b
    };
    let chunks = bytes.chunks_exact(width).map(wide);
    Ok(Some(match component {
        "UINT8" | "UINT16" | "UINT32" => {
            ColumnValues::U32(chunks.map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
        }
        "FLOAT32" => ColumnValues::F32(chunks.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
        "INT8" => ColumnValues::F64(chunks.map(|b| f64::from(b[0] as i8)).collect()),
        "INT16" => ColumnValues::F64(chunks.map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))).collect()),
        "INT32" => ColumnValues::F64(chunks.map(|b| f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect()),
        "INT64" => ColumnValues::F64(chunks.map(|b| i64::from_le_bytes(b) as f64).collect()),
        "UINT64" => ColumnValues::F64(chunks.map(|b| u64::from_le_bytes(b) as f64).collect()),
        _ => ColumnValues::F64(chunks.map(f64::from_le_bytes).collect()),
    }))
}

fn strings(bytes: &[u8], stored: &Stored, count: u64, views: &Views<'_>) -> Result<Vec<String>, String> {
    let Some(view) = stored.string_offsets else {
        return Err("a text column needs stringOffsets".to_owned());
    };
    let offsets = views.bytes(view).map_err(|e| e.to_string())?;
    let width = match stored.string_offset_type.as_deref().unwrap_or("UINT32") {
        "UINT8" => 1,
        "UINT16" => 2,
        "UINT32" => 4,
        "UINT64" => 8,
        other => return Err(format!("string offset type {other:?} does not exist")),
    };
    let rows = usize::try_from(count)
        .ok()
        .filter(|n| n.checked_add(1).and_then(|n| n.checked_mul(width)).is_some_and(|n| n <= offsets.len()));
    let Some(rows) = rows else {
        return Err(format!("{count} + 1 string offsets of {width} bytes do not fit {} bytes", offsets.len()));
    };
    let mut ends = offsets.chunks_exact(width).map(|chunk| {
        let mut b = [0; 8];
        b[..width].copy_from_slice(chunk);
        u64::from_le_bytes(b)
    });
    let mut start = ends.next().unwrap_or(0);
    let mut out = Vec::new();
    for end in ends.take(rows) {
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let Some(text) = range.and_then(|(start, end)| bytes.get(start..end)) else {
            return Err(format!("string from {start} to {end} is outside {} bytes", bytes.len()));
        };
        out.push(String::from_utf8_lossy(text).into_owned());
        start = end;
    }
    Ok(out)
}
