//! With `ifc_lite_attributes`, the only file that knows `ifc-lite`.

use crate::ifc_lite_attributes;
use crate::kernel::{Kernel, RawGeoreference, RawMesh, RawModel, RawRecord, RawRelation, RelationKind, Role};
use crate::{IfcError, PropertySet, PropertyValue};
use ifc_lite_core::{EntityDecoder, IfcType};
use ifc_lite_processing::data_model::{DataModel, EntityMetadata, Property, extract_data_model};
use ifc_lite_processing::{
    MeshData, MeshFrame, ProcessingRequest, ProcessingResult, ProcessingSink, ProductGeometryAudit, process,
};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `MeshData::geometry_class` of shapes that belong to a type library and are not drawn: 1 no occurrence uses it,
/// 2 its occurrences draw it themselves.
const TYPE_LIBRARY: [u8; 2] = [1, 2];

pub(crate) struct IfcLite;

#[derive(Default)]
struct Audit(ProductGeometryAudit);

impl ProcessingSink for Audit {
    fn product_geometry_audit(&self) -> Option<ProductGeometryAudit> {
        Some(self.0.clone())
    }
}

impl Kernel for IfcLite {
    fn read(&self, step: &[u8], skip_properties: bool) -> Result<RawModel, IfcError> {
        guarded(|| {
            let mut audit = Audit::default();
            let result = process(step, &ProcessingRequest::full_pass(), &mut audit);
            if let Some(record) = result.metadata.length_unit_refused {
                return Err(IfcError::LengthUnit { record });
            }
            if result.metadata.entity_count == 0 {
                return Err(IfcError::Empty);
            }
            let data = extract_data_model(step);
            Ok(raw_model(step, result, data, &audit.0, skip_properties))
        })?
    }
}

/// The kernel checks its input, but a panic in a library must not take the import down.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, IfcError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        IfcError::Kernel(text.unwrap_or_else(|| "internal error".into()))
    })
}

fn raw_model(
    step: &[u8],
    result: ProcessingResult,
    data: DataModel,
    audit: &ProductGeometryAudit,
    skip_properties: bool,
) -> RawModel {
    let frame = result.frame;
    let drawn: Vec<MeshData> =
        result.meshes.into_iter().filter(|m| !TYPE_LIBRARY.contains(&m.geometry_class)).collect();
    let mut decoder = EntityDecoder::new(step);
    let mut records: BTreeMap<u32, RawRecord> =
        data.entities.iter().filter_map(|e| Some((e.entity_id, record(e, &mut decoder)?))).collect();
    for mesh in &drawn {
        let row = records.entry(mesh.express_id).or_default();
        if row.class.is_empty() {
            row.class.clone_from(&mesh.ifc_type);
            row.global_id = mesh.global_id.clone().unwrap_or_default();
            row.name = mesh.name.clone().unwrap_or_default();
        }
    }
    let relations: Vec<RawRelation> = data.relationships.iter().filter_map(relation).collect();
    let unit_m = result.metadata.length_unit_scale.filter(|s| *s > 0.0).unwrap_or(1.0);
    let plan = ifc_lite_attributes::read(&mut decoder, &records, &relations, unit_m);
    let mut classifications: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for c in &data.classifications {
        let words = [&c.identification, &c.name].into_iter().flatten().cloned();
        classifications.entry(c.element_id).or_default().extend(words);
    }
    let elevations_m = data.spatial_hierarchy.nodes.iter().filter_map(|n| Some((n.entity_id, n.elevation?))).collect();
    let meshed: BTreeSet<u32> = drawn.iter().map(|m| m.express_id).collect();
    let products = records.iter().filter(|(id, r)| meshed.contains(id) || r.role == Role::Element);
    let incomplete = products.filter_map(|(id, _)| Some((*id, incompleteness(audit, *id)?))).collect();
    RawModel {
        schema: result.metadata.schema_version,
        length_unit_m: unit_m,
        meshes: drawn.iter().filter_map(|m| mesh(m, frame)).collect(),
        records,
        relations,
        property_sets: if skip_properties { BTreeMap::new() } else { property_sets(&data) },
        elevations_m,
        placements_z_m: plan.placements_z_m,
        attributes: plan.attributes,
        linings_m: plan.linings_m,
        classifications,
        georeference: result.metadata.georeferencing.map(|g| RawGeoreference {
            from_site: g.source.as_deref() == Some("siteLocation"),
            from_property_set: g.source.as_deref() == Some("ePSetMapConversion"),
            crs_name: g.crs_name,
            eastings: g.eastings,
            northings: g.northings,
            height: g.orthogonal_height,
            x_axis: [g.x_axis_abscissa, g.x_axis_ordinate],
            scale: g.scale,
            map_unit_m: g.map_unit_scale,
        }),
        incomplete,
    }
}

/// Why a product's geometry is not complete; `None` when it is, or when it was no geometry job at all.
fn incompleteness(audit: &ProductGeometryAudit, record: u32) -> Option<String> {
    let reason = audit.require_complete(record).err()?;
    let reason = reason.split_once(": ").map_or(reason.as_str(), |(_, r)| r).to_owned();
    (!reason.contains("no completed processing receipt")).then_some(reason)
}

fn record(e: &EntityMetadata, decoder: &mut EntityDecoder<'_>) -> Option<RawRecord> {
    let ifc_type = IfcType::from_str(&e.type_name);
    let role = role(&ifc_type);
    // Types, relations and property sets carry a GlobalId too; only objects are kept.
    if role == Role::Other && !ifc_type.is_subtype_of(IfcType::IfcProduct) {
        return None;
    }
    let is_spatial = !matches!(role, Role::Element | Role::Other);
    let long_name = is_spatial.then(|| long_name(e.entity_id, role, decoder)).flatten().unwrap_or_default();
    Some(RawRecord {
        class: ifc_type.name().to_owned(),
        global_id: e.global_id.clone().unwrap_or_default(),
        name: e.name.clone().unwrap_or_default(),
        long_name,
        object_type: e.object_type.clone().unwrap_or_default(),
        role,
    })
}

/// `LongName` is attribute 7 of spatial elements and 5 of the project, in every schema.
fn long_name(record: u32, role: Role, decoder: &mut EntityDecoder<'_>) -> Option<String> {
    let entity = decoder.decode_by_id(record).ok()?;
    entity.get_string(if role == Role::Project { 5 } else { 7 }).map(ToString::to_string)
}

fn role(t: &IfcType) -> Role {
    match t {
        IfcType::IfcProject => Role::Project,
        IfcType::IfcSite => Role::Site,
        IfcType::IfcBuilding => Role::Building,
        IfcType::IfcBuildingStorey => Role::Storey,
        IfcType::IfcSpace => Role::Space,
        t if t.is_subtype_of(IfcType::IfcFeatureElementSubtraction) => Role::Other,
        t if t.is_subtype_of(IfcType::IfcFacilityPart) => Role::Storey,
        t if t.is_subtype_of(IfcType::IfcFacility) => Role::Building,
        t if t.is_subtype_of(IfcType::IfcElement) => Role::Element,
        _ => Role::Other,
    }
}

fn relation(r: &ifc_lite_processing::data_model::Relationship) -> Option<RawRelation> {
    let kind = match r.rel_type.to_ascii_uppercase().as_str() {
        "IFCRELAGGREGATES" | "IFCRELNESTS" => RelationKind::Aggregates,
        "IFCRELCONTAINEDINSPATIALSTRUCTURE" => RelationKind::Contains,
        "IFCRELVOIDSELEMENT" => RelationKind::Voids,
        "IFCRELFILLSELEMENT" => RelationKind::Fills,
        "IFCRELDEFINESBYPROPERTIES" => RelationKind::DefinesByProperties,
        "IFCRELDEFINESBYTYPE" => RelationKind::DefinesByType,
        "TYPEHASPROPERTYSETS" => RelationKind::TypeHasSet,
        "IFCRELSPACEBOUNDARY" | "IFCRELSPACEBOUNDARY1STLEVEL" | "IFCRELSPACEBOUNDARY2NDLEVEL" => {
            RelationKind::BoundsSpace
        }
        _ => return None,
    };
    Some(RawRelation { kind, from: r.relating_id, to: r.related_id })
}

fn property_sets(data: &DataModel) -> BTreeMap<u32, PropertySet> {
    let sets = data.property_sets.iter().map(|s| {
        let values = s.properties.iter().map(|p| (p.property_name.clone(), value(p))).collect();
        (s.pset_id, PropertySet { name: s.pset_name.clone(), values })
    });
    let quantities = data.quantity_sets.iter().map(|s| {
        let number = |q: f64| PropertyValue::Number(q);
        let values = s.quantities.iter().map(|q| (q.quantity_name.clone(), number(q.quantity_value))).collect();
        (s.qset_id, PropertySet { name: s.qset_name.clone(), values })
    });
    sets.chain(quantities).collect()
}

fn value(p: &Property) -> PropertyValue {
    let text = || PropertyValue::Text(p.property_value.clone());
    match p.property_type.as_str() {
        "boolean" => p.property_value.parse().map_or_else(|_| text(), PropertyValue::Bool),
        "integer" | "real" => match p.property_value.parse::<f64>() {
            Ok(v) if v.is_finite() => PropertyValue::Number(v),
            _ => text(),
        },
        _ => text(),
    }
}

/// The mesh in the project's world frame; `None` when nothing drawable is left of it.
fn mesh(m: &MeshData, frame: MeshFrame) -> Option<RawMesh> {
    let (to_world, turn) = (frame.world_mapper(), frame.direction_mapper());
    let local = |p: &[f32]| [f64::from(p[0]), f64::from(p[1]), f64::from(p[2])];
    let origin = to_world(m.origin);
    let positions: Vec<[f32; 3]> = m.positions.chunks_exact(3).map(|p| turn(local(p)).map(|v| v as f32)).collect();
    let normals: Vec<[f32; 3]> = m.normals.chunks_exact(3).map(|p| turn(local(p)).map(|v| v as f32)).collect();
    let finite = origin.iter().all(|v| v.is_finite()) && positions.iter().flatten().all(|v| v.is_finite());
    let in_range = m.indices.iter().all(|i| (*i as usize) < positions.len());
    if positions.is_empty() || m.indices.len() < 3 || !finite || !in_range || normals.len() != positions.len() {
        return None;
    }
    let whole = m.indices.len() / 3 * 3;
    Some(RawMesh {
        record: m.express_id,
        colour: m.color,
        origin,
        positions,
        normals,
        indices: m.indices.get(..whole)?.to_vec(),
    })
}
