use crate::PackError;
use crate::entities_write::FILE;
use flatgeobuf::{ColumnType, Header, size_prefixed_root_as_feature, size_prefixed_root_as_header};
use serde::de::DeserializeOwned;
use twin_model::{Entity, EntityId, EntityKind, FeatureRef, LayerId};

const MAGIC: &[u8] = b"fgb\x03fgb";
/// Bytes of one node of the packed R-tree: four doubles and an offset.
const NODE_BYTES: u64 = 40;

/// Reads the entity table. Columns may come in any order and unknown ones are ignored, so that a table edited in a GIS
/// is accepted; rows are returned in order of their id.
///
/// # Errors
/// Not FlatGeobuf, a missing column, an unknown kind or a value of the wrong type, naming the row.
pub fn read_entities(fgb: &[u8]) -> Result<Vec<Entity>, PackError> {
    let bad = |reason: String| PackError::format(FILE, reason);
    if !fgb.starts_with(MAGIC) {
        return Err(bad("not a FlatGeobuf 3 file".into()));
    }
    let after_magic = fgb.get(8..).unwrap_or_default();
    let (header_bytes, rest) = split_sized(after_magic).ok_or_else(|| bad("cut short in the header".into()))?;
    let header = size_prefixed_root_as_header(header_bytes).map_err(|e| bad(format!("header: {e}")))?;
    let columns = Columns::of(&header)?;
    let index = index_bytes(header.features_count(), header.index_node_size());
    let mut rest = index
        .and_then(|n| rest.get(usize::try_from(n).ok()?..))
        .ok_or_else(|| bad("cut short in the spatial index".into()))?;
    let mut entities = Vec::new();
    while !rest.is_empty() {
        let row = entities.len();
        let (bytes, after) = split_sized(rest).ok_or_else(|| bad(format!("row {row}: cut short")))?;
        let feature = size_prefixed_root_as_feature(bytes).map_err(|e| bad(format!("row {row}: {e}")))?;
        let properties = feature.properties().map(|p| p.bytes()).unwrap_or_default();
        entities.push(columns.entity(row, properties)?);
        rest = after;
    }
    if header.features_count() != 0 && header.features_count() != entities.len() as u64 {
        return Err(bad(format!("{} rows, but the header says {}", entities.len(), header.features_count())));
    }
    entities.sort_by_key(|e| e.id);
    Ok(entities)
}

/// A size-prefixed buffer (prefix included) and what follows it.
fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let end = usize::try_from(size).ok()?.checked_add(4)?;
    (size >= 8 && end <= bytes.len()).then(|| bytes.split_at(end))
}

/// Size of the packed R-tree; `None` when the header is nonsense.
fn index_bytes(features: u64, node_size: u16) -> Option<u64> {
    if node_size == 0 || features == 0 {
        return Some(0);
    }
    if node_size < 2 || features > 1 << 40 {
        return None;
    }
    let (mut level, mut nodes) = (features, features);
    while level > 1 {
        level = level.div_ceil(u64::from(node_size));
        nodes += level;
    }
    // A single feature still has a root above it.
    Some(if features == 1 { 2 } else { nodes } * NODE_BYTES)
}

/// Which column of the file is which field.
struct Columns {
    names: Vec<(String, ColumnType)>,
}

/// The cells of one row that an entity is made of.
#[derive(Default)]
struct Row<'a> {
    id: Option<f64>,
    parent: Option<f64>,
    layer: Option<f64>,
    numbers: [Option<f64>; 5],
    kind: &'a str,
    name: &'a str,
    code: &'a str,
    class: &'a str,
    key: &'a str,
    camera: &'a str,
    attributes: &'a str,
    line: &'a str,
    footprint: &'a str,
}

const NUMBERS: [&str; 5] = ["px", "py", "pz", "height_m", "base_z_m"];

enum Cell<'a> {
    Number(f64),
    Text(&'a str),
    Other,
}

impl Columns {
    fn of(header: &Header<'_>) -> Result<Self, PackError> {
        let columns = header.columns().ok_or_else(|| PackError::format(FILE, "no columns"))?;
        let names: Vec<_> = columns.iter().map(|c| (c.name().to_owned(), c.type_())).collect();
        for needed in ["id", "kind", "px", "py", "pz"] {
            if !names.iter().any(|(n, _)| n == needed) {
                return Err(PackError::format(FILE, format!("column {needed:?} is missing")));
            }
        }
        Ok(Self { names })
    }

    fn entity(&self, row: usize, properties: &[u8]) -> Result<Entity, PackError> {
        let cut = || PackError::format(FILE, format!("row {row}: properties cut short or of an unknown type"));
        let mut cells = Row::default();
        let mut rest = properties;
        while !rest.is_empty() {
            let index = usize::from(u16::from_le_bytes(take(&mut rest).ok_or_else(cut)?));
            let (name, column_type) = self.names.get(index).ok_or_else(cut)?;
            let cell = read_cell(*column_type, &mut rest).ok_or_else(cut)?;
            cells.set(name, cell);
        }
        cells.entity(row)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn read_cell<'a>(column_type: ColumnType, rest: &mut &'a [u8]) -> Option<Cell<'a>> {
    Some(match column_type {
        ColumnType::Byte => Cell::Number(f64::from(i8::from_le_bytes(take(rest)?))),
        ColumnType::UByte | ColumnType::Bool => Cell::Number(f64::from(u8::from_le_bytes(take(rest)?))),
        ColumnType::Short => Cell::Number(f64::from(i16::from_le_bytes(take(rest)?))),
        ColumnType::UShort => Cell::Number(f64::from(u16::from_le_bytes(take(rest)?))),
        ColumnType::Int => Cell::Number(f64::from(i32::from_le_bytes(take(rest)?))),
        ColumnType::UInt => Cell::Number(f64::from(u32::from_le_bytes(take(rest)?))),
        ColumnType::Long => Cell::Number(i64::from_le_bytes(take(rest)?) as f64),
        ColumnType::ULong => Cell::Number(u64::from_le_bytes(take(rest)?) as f64),
        ColumnType::Float => Cell::Number(f64::from(f32::from_le_bytes(take(rest)?))),
        ColumnType::Double => Cell::Number(f64::from_le_bytes(take(rest)?)),
        ColumnType::String | ColumnType::Json | ColumnType::DateTime | ColumnType::Binary => {
            let size = usize::try_from(u32::from_le_bytes(take(rest)?)).ok()?;
            let (bytes, tail) = rest.split_at_checked(size)?;
            *rest = tail;
            std::str::from_utf8(bytes).map_or(Cell::Other, Cell::Text)
        }
        _ => return None,
    })
}

impl<'a> Row<'a> {
    fn set(&mut self, name: &str, cell: Cell<'a>) {
        match cell {
            Cell::Number(v) => match name {
                "id" => self.id = Some(v),
                "parent" => self.parent = Some(v),
                "layer" => self.layer = Some(v),
                _ => {
                    if let Some(slot) = NUMBERS.iter().zip(&mut self.numbers).find(|(n, _)| **n == name) {
                        *slot.1 = Some(v);
                    }
                }
            },
            Cell::Text(t) => match name {
                "kind" => self.kind = t,
                "name" => self.name = t,
                "code" => self.code = t,
                "class" => self.class = t,
                "key" => self.key = t,
                "camera" => self.camera = t,
                "attributes" => self.attributes = t,
                "line" => self.line = t,
                "footprint" => self.footprint = t,
                _ => {}
            },
            Cell::Other => {}
        }
    }

    fn entity(self, row: usize) -> Result<Entity, PackError> {
        let id = whole(self.id, f64::from(u32::MAX))
            .ok_or_else(|| PackError::value(FILE, format!("row {row}"), shown("id", self.id), "0..4294967295"))?;
        let here = format!("row {row} (id {id})");
        let parent = match self.parent {
            None => None,
            Some(p) if p < 0.0 => None,
            given => Some(EntityId(
                whole(given, f64::from(u32::MAX))
                    .ok_or_else(|| PackError::value(FILE, &here, shown("parent", given), "an entity id or -1"))?,
            )),
        };
        let kind: EntityKind = self.kind.parse().map_err(|e| PackError::format(FILE, format!("{here}: {e}")))?;
        let mut numbers = [0.0; 5];
        for ((slot, given), name) in numbers.iter_mut().zip(self.numbers).zip(NUMBERS) {
            *slot = given.unwrap_or(0.0);
            if !slot.is_finite() {
                return Err(PackError::value(FILE, &here, shown(name, given), "finite metres"));
            }
        }
        let layer = whole(self.layer, f64::from(u16::MAX)).and_then(|l| u16::try_from(l).ok());
        Ok(Entity {
            id: EntityId(id),
            kind,
            parent,
            name: self.name.to_owned(),
            code: self.code.to_owned(),
            class: self.class.to_owned(),
            p_enu: [numbers[0], numbers[1], numbers[2]],
            height_m: numbers[3],
            base_z_m: numbers[4],
            footprint: json(&here, "footprint", self.footprint)?,
            line: json(&here, "line", self.line)?.unwrap_or_default(),
            camera: json(&here, "camera", self.camera)?,
            attributes: json(&here, "attributes", self.attributes)?.unwrap_or_default(),
            source: FeatureRef { layer: layer.map_or(crate::NO_LAYER, LayerId), key: self.key.to_owned() },
        })
    }
}

fn shown(name: &str, value: Option<f64>) -> String {
    value.map_or_else(|| format!("{name} is missing"), |v| format!("{name} = {v}"))
}

fn whole(value: Option<f64>, max: f64) -> Option<u32> {
    let v = value.filter(|v| *v >= 0.0 && *v <= max && v.fract().abs() < f64::EPSILON)?;
    Some(v as u32)
}

fn json<T: DeserializeOwned>(here: &str, column: &str, text: &str) -> Result<Option<T>, PackError> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|e| PackError::format(FILE, format!("{here}: {column}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, write_entities};
    use proptest::prelude::*;
    use twin_model::{AttrValue, CameraView, Polygon};

    fn origin() -> Origin {
        Origin { lon_deg: 114.53, lat_deg: 30.36, height_m: 20.0 }
    }

    fn table() -> Vec<Entity> {
        let bare = |id: u32, kind| Entity {
            id: EntityId(id),
            kind,
            parent: None,
            name: format!("{}号", id),
            code: String::new(),
            class: String::new(),
            p_enu: [1.25 * f64::from(id), 0.1, 3.0],
            height_m: 0.0,
            base_z_m: -0.3,
            footprint: None,
            line: vec![],
            camera: None,
            attributes: Default::default(),
            source: FeatureRef::default(),
        };
        let mut rows = vec![bare(0, EntityKind::Building), bare(1, EntityKind::Pipe), bare(2, EntityKind::Camera)];
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b]];
        rows[0].footprint = Some(Polygon(vec![square(0.0, 10.1), square(4.0, 6.0)]));
        rows[0].attributes.insert("层数".into(), AttrValue::Number(18.0));
        rows[0].attributes.insert("usage".into(), AttrValue::Text("住宅".into()));
        rows[1].line = vec![[0.0, 0.0], [1.0 / 3.0, 7.7]];
        rows[1].parent = Some(EntityId(0));
        rows[2].camera = Some(CameraView { heading_deg: 12.5, pitch_deg: -20.0, hfov_deg: 60.0, range_m: 80.0 });
        rows[2].source = FeatureRef { layer: LayerId(3), key: "CAM-1".into() };
        rows
    }

    fn bytes() -> Vec<u8> {
        let mut out = Vec::new();
        write_entities(&table(), &origin(), &mut out).unwrap();
        out
    }

    #[test]
    fn nothing_is_lost() {
        assert_eq!(read_entities(&bytes()).unwrap(), table());
        assert_eq!(bytes(), bytes());
        let mut none = Vec::new();
        write_entities(&[], &origin(), &mut none).unwrap();
        assert_eq!(read_entities(&none).unwrap(), []);
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        let mut rows = table();
        rows[1].p_enu[2] = f64::NAN;
        let error = write_entities(&rows, &origin(), Vec::new()).unwrap_err().to_string();
        assert!(error.contains("entity 1 (1号)") && error.contains("finite"), "{error}");
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let whole = bytes();
        for cut in 0..whole.len() {
            if read_entities(&whole[..cut]).is_ok() {
                panic!("accepted {cut} of {} bytes", whole.len());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn never_panics(at in 0..bytes().len(), value in any::<u8>(), run in 1..8_usize) {
            let mut bytes = bytes();
            let end = (at + run).min(bytes.len());
            bytes[at..end].fill(value);
            drop(read_entities(&bytes));
        }
    }
}
