//! Attributes of single classes that the kernel's tables leave out: door and window sizes, steps, lifts, placements.

use crate::ElementAttributes;
use crate::kernel::{RawRecord, RawRelation, RelationKind, Role};
use ifc_lite_core::{AttributeValue, DecodedEntity, EntityDecoder};
use std::collections::BTreeMap;

/// Longest chain of local placements that is followed.
const MAX_DEPTH: usize = 32;

#[derive(Default)]
pub(crate) struct PlanAttributes {
    pub placements_z_m: BTreeMap<u32, f64>,
    pub attributes: BTreeMap<u32, ElementAttributes>,
    pub linings_m: BTreeMap<u32, f64>,
}

/// Reads what the building plan needs; lengths in metres.
pub(crate) fn read(
    decoder: &mut EntityDecoder<'_>,
    records: &BTreeMap<u32, RawRecord>,
    relations: &[RawRelation],
    unit_m: f64,
) -> PlanAttributes {
    let mut found = PlanAttributes::default();
    for (id, r) in records {
        if r.role == Role::Storey
            && let Some(z) = placement_z(decoder, *id)
        {
            found.placements_z_m.insert(*id, z * unit_m);
        }
        if let Some(a) = decoder.decode_by_id(*id).ok().and_then(|e| attributes(&e, &r.class, unit_m)) {
            found.attributes.insert(*id, a);
        }
    }
    for set in
        relations.iter().filter(|r| matches!(r.kind, RelationKind::TypeHasSet | RelationKind::DefinesByProperties))
    {
        let Ok(e) = decoder.decode_by_id(set.from) else { continue };
        // LiningThickness is attribute 5 of both, in every schema.
        if matches!(e.ifc_type.name(), "IfcDoorLiningProperties" | "IfcWindowLiningProperties")
            && let Some(t) = e.get_float(5).filter(|t| t.is_finite() && *t > 0.0)
        {
            found.linings_m.insert(set.from, t * unit_m);
        }
    }
    found
}

/// The attribute positions are the same in IFC 2x3, 4 and 4x3 unless a line says otherwise.
fn attributes(e: &DecodedEntity, class: &str, unit_m: f64) -> Option<ElementAttributes> {
    let length = |i: usize| e.get_float(i).filter(|v| v.is_finite() && *v >= 0.0).map(|v| v * unit_m);
    let count =
        |i: usize| e.get(i).and_then(AttributeValue::as_int).and_then(|v| u32::try_from(v).ok()).filter(|v| *v > 0);
    let word = |i: usize| e.get(i).and_then(AttributeValue::as_enum).map(str::to_owned);
    Some(match class {
        "IfcDoor" | "IfcDoorStandardCase" | "IfcWindow" | "IfcWindowStandardCase" => {
            ElementAttributes { height_m: length(8), width_m: length(9), kind: word(10), ..Default::default() }
        }
        "IfcStairFlight" => ElementAttributes {
            risers: count(8),
            riser_m: length(10),
            tread_m: length(11),
            kind: word(12),
            ..Default::default()
        },
        // Attribute 10 is CapacityByNumber of IFC 2x3; later schemas keep it in property sets.
        "IfcTransportElement" => {
            ElementAttributes { kind: word(8), persons: e.get_float(10).and_then(persons), ..Default::default() }
        }
        "IfcSpace" => ElementAttributes { kind: word(9), ..Default::default() },
        "IfcSlab" | "IfcStair" | "IfcRamp" | "IfcOpeningElement" | "IfcCovering" => {
            ElementAttributes { kind: word(8), ..Default::default() }
        }
        _ => return None,
    })
}

fn persons(v: f64) -> Option<u32> {
    (1.0..=1000.0).contains(&v).then_some(v as u32)
}

/// World z of an `IfcProduct`'s placement in file units, for placements whose z axes point up.
fn placement_z(decoder: &mut EntityDecoder<'_>, product: u32) -> Option<f64> {
    let mut at = decoder.decode_by_id(product).ok()?.get_ref(5);
    let mut z = 0.0;
    for _ in 0..MAX_DEPTH {
        let Some(id) = at else { break };
        let local = decoder.decode_by_id(id).ok()?;
        if local.ifc_type.name() != "IfcLocalPlacement" {
            return None;
        }
        at = local.get_ref(0);
        let axes = decoder.decode_by_id(local.get_ref(1)?).ok()?;
        let point = decoder.decode_by_id(axes.get_ref(0)?).ok()?;
        z += point.get_list(0)?.get(2).and_then(AttributeValue::as_float).unwrap_or(0.0);
    }
    (z.is_finite() && z.abs() < 1e9).then_some(z)
}
