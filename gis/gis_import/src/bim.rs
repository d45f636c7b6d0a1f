//! IFC models: entities with GlobalId, property sets, tiles by storey (shell first, inside after), building graph.

use crate::bim_place::Placement;
use crate::entities::Entities;
use crate::error::Result;
use crate::log::FileLog;
use crate::mesh::{Mesh, unit};
use crate::place::Place;
use crate::tiles::{Box3, Node, feature_table, linear, write, write_model, write_tileset};
use community_pack::{BuildingGraph, StoreyGraph};
use ifc_import::{Element, IfcModel, PlanError, PlanOptions, PropertyValue, SpatialKind, building_plan};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tiles3d::glb::{AlphaMode, Material};
use tiles3d::{GlbModel, Refine};
use twin_model::{AttrValue, BuildingPlan, EntityId, EntityKind, LayerId, PlanDefect};

/// Error of a storey's shell without its inside, m: the inside appears nearer than about 250 m.
const SHELL_ERROR_M: f64 = 3.0;
/// Error of a layer whose top tile draws nothing: always refined.
const EMPTY_ERROR_M: f64 = 1000.0;

/// A model with its place in the frame and its entities.
pub(crate) struct Bim<'a> {
    pub model: &'a IfcModel,
    pub placement: &'a Placement,
    pub building: EntityId,
    /// Entity of each element; `None` for those that are not kept.
    pub elements: Vec<Option<EntityId>>,
    /// Entity of each spatial node from storeys down.
    pub nodes: Vec<Option<EntityId>>,
    /// Box of each element, ENU metres.
    boxes: Vec<Box3>,
}

impl<'a> Bim<'a> {
    /// Adds storeys, rooms, doors, stairs and elements below `building`.
    pub fn add(
        model: &'a IfcModel,
        placement: &'a Placement,
        building: EntityId,
        layer: LayerId,
        entities: &mut Entities,
        log: &mut FileLog,
    ) -> Self {
        let boxes: Vec<Box3> = model.elements.par_iter().map(|e| element_box(e, placement)).collect();
        let mut bim = Self {
            model,
            placement,
            building,
            elements: vec![None; model.elements.len()],
            nodes: vec![None; model.spatial.len()],
            boxes,
        };
        bim.add_storeys(layer, entities);
        bim.add_elements(layer, entities, log);
        log.entry.read += model.with_geometry().count() as u64;
        let voids = model.with_geometry().filter(|e| is_void(e)).count();
        if voids > 0 {
            log.approximate(format!("{voids} openings"), "cut out of their walls and slabs, not shown themselves");
        }
        for issue in &model.skipped {
            log.skip(&issue.global_id, format!("{}: {}", issue.what, issue.reason));
        }
        for issue in &model.approximated {
            log.approximate(&issue.global_id, format!("{}: {}", issue.what, issue.reason));
        }
        bim
    }

    fn add_storeys(&mut self, layer: LayerId, entities: &mut Entities) {
        let mut whole = Box3::default();
        self.boxes.iter().for_each(|b| whole.join(b));
        let centre = whole.centre();
        for (i, node) in self.model.spatial.iter().enumerate() {
            if node.kind != SpatialKind::Storey {
                continue;
            }
            let name = if node.name.is_empty() { &node.global_id } else { &node.name };
            let mut e = Entities::blank(EntityKind::Storey, name.clone(), node.global_id.clone());
            e.parent = Some(self.building);
            e.class.clone_from(&node.class);
            e.source.layer = layer;
            let local_z = node.elevation_m.unwrap_or(0.0);
            let z = self.placement.height_of(local_z);
            let at = if whole.is_empty() { [0.0; 3] } else { centre };
            e.p_enu = [at[0], at[1], z];
            e.base_z_m = z;
            e.height_m = self.storey_height(i);
            e.attributes.insert("GlobalId".into(), AttrValue::Text(node.global_id.clone()));
            if let Some(v) = node.elevation_m {
                e.attributes.insert("elevation_m".into(), AttrValue::Number(v));
            }
            self.nodes[i] = Some(entities.add(e));
        }
    }

    /// To the next storey up; 0 for the top one.
    fn storey_height(&self, index: usize) -> f64 {
        let Some(own) = self.model.spatial.get(index).and_then(|n| n.elevation_m) else { return 0.0 };
        let storeys = self.model.spatial.iter().filter(|n| n.kind == SpatialKind::Storey);
        let above = storeys.filter_map(|n| n.elevation_m).filter(|e| *e > own + 0.1);
        above.min_by(f64::total_cmp).map_or(0.0, |e| e - own)
    }

    fn add_elements(&mut self, layer: LayerId, entities: &mut Entities, log: &mut FileLog) {
        let model = self.model;
        let wholes: BTreeSet<usize> = model.elements.iter().filter_map(|e| e.assembly).collect();
        let spaces: BTreeMap<usize, usize> = model
            .spatial
            .iter()
            .enumerate()
            .filter(|(_, n)| n.kind == SpatialKind::Space)
            .filter_map(|(i, n)| Some((n.element?, i)))
            .collect();
        // Assemblies before their parts, so that a part finds its parent.
        let mut order: Vec<usize> = (0..model.elements.len()).collect();
        order.sort_by_key(|i| (self.depth(*i), *i));
        for i in order {
            let Some(element) = model.elements.get(i) else { continue };
            if is_void(element) {
                continue;
            }
            let kind = kind_of(&element.class);
            let is_room = spaces.contains_key(&i);
            if element.meshes.is_empty() && !wholes.contains(&i) && !is_room && kind == EntityKind::BimElement {
                continue;
            }
            if matches!(element.class.as_str(), "IfcSite" | "IfcBuilding" | "IfcBuildingStorey" | "IfcProject")
                && !element.meshes.is_empty()
            {
                log.approximate(&element.global_id, format!("{}: its own shape is shown as an element", element.class));
            }
            let id = self.add_element(
                i,
                if is_room { EntityKind::Room } else { kind },
                spaces.get(&i).copied(),
                layer,
                entities,
            );
            if let Some(slot) = self.elements.get_mut(i) {
                *slot = Some(id);
            }
            if let Some(slot) = spaces.get(&i).and_then(|n| self.nodes.get_mut(*n)) {
                *slot = Some(id);
            }
        }
        self.add_bare_rooms(layer, entities);
    }

    fn depth(&self, index: usize) -> usize {
        let up = |i: usize| self.model.elements.get(i).and_then(|e| e.assembly);
        std::iter::successors(up(index), |i| up(*i)).take(16).count()
    }

    fn add_element(
        &self,
        i: usize,
        kind: EntityKind,
        space: Option<usize>,
        layer: LayerId,
        entities: &mut Entities,
    ) -> EntityId {
        let element = &self.model.elements[i];
        let node = space.and_then(|s| self.model.spatial.get(s));
        let name = match node {
            Some(n) if !n.long_name.is_empty() && !n.name.is_empty() && n.long_name != n.name => {
                format!("{} {}", n.name, n.long_name)
            }
            Some(n) if !n.long_name.is_empty() => n.long_name.clone(),
            _ => element.name.clone(),
        };
        let mut e = Entities::blank(kind, name, element.global_id.clone());
        if e.name.is_empty() {
            e.name = format!("{} {}", kind.zh(), element.global_id);
        }
        e.class.clone_from(&element.class);
        e.source.layer = layer;
        let storey = element.storey.or_else(|| node.and_then(|n| n.parent));
        let storey = storey.and_then(|s| self.nodes.get(s).copied().flatten());
        let whole = element.assembly.and_then(|a| self.elements.get(a).copied().flatten());
        e.parent = Some(whole.or(storey).unwrap_or(self.building));
        let mut b = self.boxes[i];
        if b.is_empty() {
            // An assembly lies where its parts lie.
            let parts = self.model.elements.iter().zip(&self.boxes).filter(|(p, _)| p.assembly == Some(i));
            parts.for_each(|(_, part)| b.join(part));
        }
        if b.is_empty() {
            let up = e.parent.and_then(|p| entities.get(p));
            e.p_enu = up.map_or([0.0; 3], |p| p.p_enu);
            e.base_z_m = e.p_enu[2];
        } else {
            e.p_enu = b.centre();
            e.base_z_m = b.min[2];
            e.height_m = b.size()[2];
        }
        e.attributes.insert("GlobalId".into(), AttrValue::Text(element.global_id.clone()));
        e.attributes.insert("ObjectType".into(), AttrValue::Text(element.object_type.clone()));
        entities.add(e)
    }

    /// Spaces without a shape are rooms too.
    fn add_bare_rooms(&mut self, layer: LayerId, entities: &mut Entities) {
        for i in 0..self.model.spatial.len() {
            let node = &self.model.spatial[i];
            if node.kind != SpatialKind::Space || self.nodes[i].is_some() {
                continue;
            }
            let name = [node.name.as_str(), node.long_name.as_str()].join(" ").trim().to_owned();
            let mut e = Entities::blank(EntityKind::Room, name, node.global_id.clone());
            let storey = node.parent.and_then(|p| self.nodes.get(p).copied().flatten());
            e.parent = Some(storey.unwrap_or(self.building));
            e.p_enu = e.parent.and_then(|p| entities.get(p)).map_or([0.0; 3], |p| p.p_enu);
            e.base_z_m = e.p_enu[2];
            e.class.clone_from(&node.class);
            e.source.layer = layer;
            e.attributes.insert("GlobalId".into(), AttrValue::Text(node.global_id.clone()));
            self.nodes[i] = Some(entities.add(e));
        }
    }

    /// Storeys with their rooms, doors and stairs.
    pub fn graph(&self, entities: &Entities) -> BuildingGraph {
        let mut storeys = Vec::new();
        for (i, node) in self.model.spatial.iter().enumerate() {
            let Some(id) = self.nodes[i].filter(|_| node.kind == SpatialKind::Storey) else { continue };
            let row = entities.get(id);
            let of = |kind: EntityKind| {
                let mine = entities.rows.iter().filter(|e| e.kind == kind && e.parent == Some(id));
                mine.map(|e| e.id).collect::<Vec<_>>()
            };
            storeys.push(StoreyGraph {
                entity: id,
                elevation_m: row.map_or(0.0, |r| r.base_z_m),
                height_m: row.map_or(0.0, |r| r.height_m),
                spaces: of(EntityKind::Room),
                doors: of(EntityKind::Door),
                stairs: of(EntityKind::Stair),
            });
        }
        BuildingGraph { building: self.building, storeys }
    }

    /// The plan of the model's building in the frame, and what is wrong with it.
    ///
    /// A model of several buildings stands for one entity: its first plan takes it, the others have none.
    pub fn plans(&self) -> std::result::Result<(Vec<BuildingPlan>, Vec<PlanDefect>), PlanError> {
        let nodes = self.model.spatial.iter().map(|n| &n.global_id).zip(&self.nodes);
        let elements = self.model.elements.iter().map(|e| &e.global_id).zip(&self.elements);
        let entities = nodes.chain(elements).filter_map(|(key, id)| Some((key.clone(), (*id)?))).collect();
        let to_enu = |p: [f64; 3]| self.placement.enu(p);
        let (mut plans, defects) = building_plan(self.model, &PlanOptions { entities, enu_from_local: Some(&to_enu) })?;
        if let Some(first) = plans.first_mut() {
            first.building = Some(self.building);
        }
        Ok((plans, defects))
    }

    /// Writes all property sets, one file per storey, and notes the file in each entity's attributes.
    pub fn write_properties(&self, out: &Path, entities: &mut Entities) -> Result<()> {
        let mut files: BTreeMap<EntityId, serde_json::Map<String, serde_json::Value>> = BTreeMap::new();
        let elements = self.model.elements.iter().zip(&self.elements).map(|(e, id)| (&e.global_id, id, e.storey));
        let nodes = self.model.spatial.iter().enumerate().map(|(i, n)| {
            let storey = if n.kind == SpatialKind::Storey { Some(i) } else { n.parent };
            (&n.global_id, &self.nodes[i], storey)
        });
        for (global_id, id, storey) in elements.chain(nodes) {
            let (Some(id), Some(sets)) = (id, self.model.properties.get(global_id)) else { continue };
            let file = storey.and_then(|s| self.nodes.get(s).copied().flatten()).unwrap_or(self.building);
            let mut object = serde_json::Map::new();
            for set in sets {
                let values = set.values.iter().map(|(k, v)| (k.clone(), json(v)));
                object.insert(set.name.clone(), serde_json::Value::Object(values.collect()));
            }
            files.entry(file).or_default().insert(id.to_string(), serde_json::Value::Object(object));
            if let Some(row) = entities.get_mut(*id) {
                row.attributes.insert("psets".into(), AttrValue::Text(format!("properties/{file}.json")));
            }
        }
        for (file, objects) in files {
            let text = serde_json::Value::Object(objects).to_string();
            write(&out.join(format!("properties/{file}.json")), text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the tiles.
    pub fn build(&self, dir: &Path, place: &Place) -> Result<Node> {
        let mut groups: BTreeMap<(Option<usize>, bool), Vec<usize>> = BTreeMap::new();
        for (i, element) in self.model.elements.iter().enumerate() {
            if self.elements[i].is_some() && !element.meshes.is_empty() {
                let inside = self.is_inside(element);
                let storey = element.storey.or_else(|| self.space_storey(i));
                groups.entry((storey, inside)).or_default().push(i);
            }
        }
        let groups: Vec<((Option<usize>, bool), Vec<usize>)> = groups.into_iter().collect();
        let written: Vec<Result<((Option<usize>, bool), String, Box3)>> = groups
            .par_iter()
            .map(|(key, elements)| {
                let storey = key.0.map_or_else(|| "x".to_owned(), |s| s.to_string());
                let name = format!("storey_{storey}_{}.glb", if key.1 { "inside" } else { "shell" });
                let model = self.tile(elements);
                write_model(dir, &name, &model)?;
                Ok((*key, name, Box3::of(&model)))
            })
            .collect();
        let mut shells: BTreeMap<Option<usize>, [Option<(String, Box3)>; 2]> = BTreeMap::new();
        for item in written {
            let ((storey, inside), name, bounds) = item?;
            shells.entry(storey).or_default()[usize::from(inside)] = Some((name, bounds));
        }
        let mut children = Vec::new();
        for [shell, inside] in shells.into_values() {
            let inner = inside.map(|(name, b)| Node::new(Some((&name, b)), 0.0, Refine::Add, vec![]));
            let content = shell.as_ref().map(|(name, b)| (name.as_str(), *b));
            let error = if content.is_some() { SHELL_ERROR_M } else { EMPTY_ERROR_M };
            children.push(match inner {
                Some(inner) => Node::new(content, error, Refine::Add, vec![inner]),
                None => Node::new(content, 0.0, Refine::Add, vec![]),
            });
        }
        write_tileset(dir, place, Node::new(None, EMPTY_ERROR_M, Refine::Add, children))
    }

    fn space_storey(&self, element: usize) -> Option<usize> {
        self.model.spatial.iter().find(|n| n.element == Some(element))?.parent
    }

    /// What is not seen from the street: furniture, doors, stairs, rooms, services and walls that say so.
    fn is_inside(&self, e: &Element) -> bool {
        const SHELL: [&str; 16] = [
            "IfcWall",
            "IfcWallStandardCase",
            "IfcSlab",
            "IfcRoof",
            "IfcWindow",
            "IfcCurtainWall",
            "IfcPlate",
            "IfcMember",
            "IfcBeam",
            "IfcColumn",
            "IfcRailing",
            "IfcFooting",
            "IfcBuildingElementProxy",
            "IfcSite",
            "IfcPile",
            "IfcRamp",
        ];
        if !SHELL.contains(&e.class.as_str()) {
            return self.model.spatial.iter().any(|n| n.kind == SpatialKind::Storey);
        }
        let sets = self.model.properties.get(&e.global_id).into_iter().flatten();
        let mut external = sets.flat_map(|s| &s.values).filter(|(k, _)| k == "IsExternal");
        e.class.starts_with("IfcWall") && matches!(external.next(), Some((_, PropertyValue::Bool(false))))
    }

    fn tile(&self, elements: &[usize]) -> GlbModel {
        let (mut opaque, mut glass, mut rooms) = (Mesh::default(), Mesh::default(), Mesh::default());
        let mut features = Vec::new();
        for i in elements {
            let (Some(element), Some(id)) = (self.model.elements.get(*i), self.elements[*i]) else { continue };
            let feature = features.len() as u32;
            features.push((id, element.class.as_str()));
            for mesh in &element.meshes {
                let is_room = element.class == "IfcSpace";
                let is_glass = mesh.colour[3] < 0.99;
                let target = if is_room {
                    &mut rooms
                } else if is_glass {
                    &mut glass
                } else {
                    &mut opaque
                };
                self.append(mesh, is_room, feature, target);
            }
        }
        let mut primitives = Vec::new();
        let solid = Material { roughness: 0.8, double_sided: true, ..Default::default() };
        if !opaque.is_empty() {
            primitives.push(opaque.primitive(solid.clone()));
        }
        if !glass.is_empty() {
            primitives.push(glass.primitive(Material { alpha: AlphaMode::Blend, roughness: 0.2, ..solid.clone() }));
        }
        if !rooms.is_empty() {
            // Not drawn, only picked: fully transparent.
            primitives.push(rooms.primitive(Material {
                alpha: AlphaMode::Blend,
                base_colour: [0.35, 0.6, 0.95, 0.0],
                ..solid
            }));
        }
        GlbModel { primitives, images: vec![], features: Some(feature_table("bim", &features)) }
    }

    fn append(&self, mesh: &ifc_import::Mesh, white: bool, feature: u32, target: &mut Mesh) {
        let [r, g, b, _] = linear([0, 1, 2].map(|k| (mesh.colour[k].clamp(0.0, 1.0) * 255.0).round() as u8));
        let alpha = (mesh.colour[3].clamp(0.0, 1.0) * 255.0).round() as u8;
        let colour = if white { [255; 4] } else { [r, g, b, alpha] };
        let first = target.vertices() as u32;
        for (p, n) in mesh.world_positions().zip(&mesh.normals) {
            target.vertex(self.placement.enu(p), unit(self.placement.turn(n.map(f64::from))), colour, feature);
        }
        target.triangles(first, mesh.indices.iter().copied());
    }
}

fn json(v: &PropertyValue) -> serde_json::Value {
    match v {
        PropertyValue::Bool(b) => (*b).into(),
        PropertyValue::Number(n) => serde_json::Number::from_f64(*n).map_or(serde_json::Value::Null, Into::into),
        PropertyValue::Text(t) => t.as_str().into(),
    }
}

fn element_box(e: &Element, placement: &Placement) -> Box3 {
    let mut b = Box3::default();
    for p in e.meshes.iter().flat_map(ifc_import::Mesh::world_positions) {
        b.add(placement.enu(p));
    }
    b
}

/// The shape of a hole.
fn is_void(e: &Element) -> bool {
    matches!(e.class.as_str(), "IfcOpeningElement" | "IfcOpeningStandardCase" | "IfcVoidingFeature")
}

fn kind_of(class: &str) -> EntityKind {
    match class {
        "IfcDoor" | "IfcDoorStandardCase" => EntityKind::Door,
        "IfcStair" => EntityKind::Stair,
        "IfcSpace" => EntityKind::Room,
        _ => EntityKind::BimElement,
    }
}
