//! A plan while it is being put together, in the model's own frame.

use super::grid::Grid;
use super::shape::Bounds;
use super::{PlanOptions, ancestor};
use crate::{Element, IfcModel, PropertyValue, SpatialKind};
use std::collections::BTreeMap;
use twin_model::{
    BuildingPlan, DefectLevel, EntityId, PlanDefect, PlanFlight, PlanOpening, PlanSpace, PlanStair, SpaceIndex,
    StoreyIndex,
};

/// A plan in the making.
pub(crate) struct Draft<'a> {
    pub model: &'a IfcModel,
    options: &'a PlanOptions<'a>,
    /// The only building of the file: elements without a storey belong to it.
    only: bool,
    building: Option<usize>,
    pub plan: BuildingPlan,
    /// Spatial node of each storey of the plan.
    pub storey_nodes: Vec<usize>,
    /// Cells of each storey, made when the doors are placed.
    pub grids: Vec<Option<Grid>>,
    /// Spaces of the plan by spatial node; a space in several parts has several.
    pub space_of_node: BTreeMap<usize, Vec<SpaceIndex>>,
    /// Spaces derived from walls, by storey and region.
    pub derived: BTreeMap<(StoreyIndex, usize), Option<SpaceIndex>>,
    /// Box of each element, in the model's frame.
    pub boxes: Vec<Option<Bounds>>,
    /// Element of each opening of the plan; `None` for those between touching spaces.
    pub opening_elements: Vec<Option<usize>>,
    defects: Vec<PlanDefect>,
}

impl<'a> Draft<'a> {
    pub fn new(model: &'a IfcModel, options: &'a PlanOptions<'a>, building: Option<usize>, only: bool) -> Self {
        let node = building.and_then(|b| model.spatial.get(b));
        let named = node.map(|n| if n.name.is_empty() { n.long_name.clone() } else { n.name.clone() });
        let plan = BuildingPlan {
            building: node.and_then(|n| options.entities.get(&n.global_id).copied()),
            name: named.filter(|n| !n.is_empty()).or(node.map(|n| n.global_id.clone())).unwrap_or_default(),
            ..Default::default()
        };
        Self {
            model,
            options,
            only,
            building,
            plan,
            storey_nodes: Vec::new(),
            grids: Vec::new(),
            space_of_node: BTreeMap::new(),
            derived: BTreeMap::new(),
            boxes: model.elements.iter().map(Bounds::of).collect(),
            opening_elements: Vec::new(),
            defects: Vec::new(),
        }
    }

    pub fn warn(&mut self, element: String, text: impl Into<String>) {
        self.defects.push(PlanDefect { level: DefectLevel::Warning, element, text: text.into() });
    }

    /// The entity of an object of the file.
    pub fn entity(&self, global_id: &str) -> Option<EntityId> {
        self.options.entities.get(global_id).copied()
    }

    /// How defects name an element: class, name, GlobalId.
    pub fn label(&self, element: usize) -> String {
        let e = &self.model.elements[element];
        label(&e.class, &e.name, &e.global_id)
    }

    /// How defects name a spatial node.
    pub fn node_label(&self, node: usize) -> String {
        let n = &self.model.spatial[node];
        let name = [n.name.as_str(), n.long_name.as_str()].join(" ");
        label(&n.class, name.trim(), &n.global_id)
    }

    /// Elements of this building with one of some classes, in file order.
    pub fn elements(&self, classes: &[&str]) -> Vec<usize> {
        let wanted = |e: &Element| classes.contains(&e.class.as_str());
        (0..self.model.elements.len()).filter(|i| wanted(&self.model.elements[*i]) && self.owns(*i)).collect()
    }

    fn owns(&self, element: usize) -> bool {
        match self.model.elements[element].storey {
            Some(s) => ancestor(self.model, s, SpatialKind::Building) == self.building,
            None => self.only,
        }
    }

    /// The storey of the plan whose floor is the highest not above `z`, a little tolerance given; else the lowest.
    pub fn storey_at(&self, z: f64) -> Option<StoreyIndex> {
        let below = self.plan.storeys.iter().rposition(|s| s.elevation_m <= z + 0.3);
        (!self.plan.storeys.is_empty()).then(|| StoreyIndex(below.unwrap_or(0) as u32))
    }

    /// The space at a point: floor at most 0.3 m above it and ceiling not below. The nearest floor below wins.
    pub fn space_at(&self, p: [f64; 2], z: f64) -> Option<SpaceIndex> {
        let spaces = self.plan.spaces.iter().enumerate();
        let hit = spaces.filter(|(_, s)| z > s.floor_m - 0.3 && z < s.floor_m + s.height_m && s.contains(p));
        hit.max_by(|a, b| a.1.floor_m.total_cmp(&b.1.floor_m)).map(|(i, _)| SpaceIndex(i as u32))
    }

    pub fn space(&self, s: SpaceIndex) -> &PlanSpace {
        &self.plan.spaces[s.index()]
    }

    /// A number, text or flag of an element's property sets.
    pub fn property(&self, element: usize, names: &[&str]) -> Option<&PropertyValue> {
        let sets = self.model.properties.get(&self.model.elements[element].global_id)?;
        sets.iter().flat_map(|s| &s.values).find(|(k, _)| names.contains(&k.as_str())).map(|(_, v)| v)
    }

    /// `IsExternal` of an element; `None` when the file does not say.
    pub fn external(&self, element: usize) -> Option<bool> {
        match self.property(element, &["IsExternal"]) {
            Some(PropertyValue::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    pub fn push_opening(&mut self, opening: PlanOpening, element: Option<usize>) {
        self.plan.openings.push(opening);
        self.opening_elements.push(element);
    }

    /// The plan in ENU, and the findings.
    pub fn finish(self) -> (BuildingPlan, Vec<PlanDefect>) {
        let mut plan = self.plan;
        if let Some(to_enu) = self.options.enu_from_local {
            place(&mut plan, to_enu);
        }
        (plan, self.defects)
    }
}

pub(crate) fn label(class: &str, name: &str, global_id: &str) -> String {
    let class = class.strip_prefix("Ifc").unwrap_or(class).to_lowercase();
    if name.is_empty() { format!("{class} {global_id}") } else { format!("{class} {name} ({global_id})") }
}

fn place(plan: &mut BuildingPlan, to_enu: super::ToEnu<'_>) {
    let middle = |ring: &[[f64; 2]]| {
        let n = ring.len().max(1) as f64;
        ring.iter().fold([0.0; 2], |m, p| [m[0] + p[0] / n, m[1] + p[1] / n])
    };
    // Levels at one place for all storeys: a storey stays flat.
    let at = plan.spaces.first().map_or([0.0; 2], |s| middle(&s.outline));
    let level = |z: f64| to_enu([at[0], at[1], z])[2];
    let flat = |p: &mut [f64; 2], z: f64| {
        let q = to_enu([p[0], p[1], z]);
        *p = [q[0], q[1]];
    };
    for s in &mut plan.storeys {
        s.elevation_m = level(s.elevation_m);
    }
    let floors: Vec<f64> = plan.spaces.iter().map(|s| s.floor_m).collect();
    for s in &mut plan.spaces {
        let z = s.floor_m;
        s.outline.iter_mut().chain(s.holes.iter_mut().flatten()).for_each(|p| flat(p, z));
        s.floor_m = level(z);
    }
    for o in &mut plan.openings {
        let z = o.sides.iter().flatten().filter_map(|s| floors.get(s.index())).copied().fold(f64::MAX, f64::min);
        o.ends.iter_mut().for_each(|p| flat(p, if z < f64::MAX { z } else { 0.0 }));
    }
    for f in plan.stairs.iter_mut().flat_map(|s: &mut PlanStair| &mut s.flights) {
        let end = |p: [f64; 3]| {
            let q = to_enu(p);
            [q[0], q[1], level(p[2])]
        };
        *f = PlanFlight { foot: end(f.foot), head: end(f.head), ..*f };
    }
}
