//! The pack's storm drains (雨水管网) as a sewer network under the grid of a run.

use crate::RunError;
use crate::built::open_cell_near;
use crate::domain::Domain;
use community_pack::{DrainLink, DrainNode, Drainage};
use sim_drainage::{
    Conduit, DrainageError, LinkKind, Network, NetworkBuilder, Node, NodeId, NodeKind, OpeningLaw, OutfallStage, Shape,
};
use sim_urban::{Coupling, SurfaceOpening, SurfaceOutfall};
use std::collections::BTreeMap;
use twin_model::EntityId;

/// Manning n of concrete sewers, s/m^(1/3) (GB 50014-2021, table 5.2.3).
const CONCRETE: f64 = 0.013;
/// Diameter of pipes without one, m: the least of storm sewers in GB 50014-2021, 5.2.10.
const LEAST_DIAMETER_M: f64 = 0.3;
/// Depth of shafts without an invert, m: the usual cover over a street pipe and the pipe.
const USUAL_DEPTH_M: f64 = 1.5;
/// Least depth of a shaft, m.
const LEAST_DEPTH_M: f64 = 0.5;
/// Clear diameter of a manhole cover, m (GB/T 23858-2009).
const COVER_M: f64 = 0.7;
/// Clear opening and free perimeter of a single street grate of 750 x 450 mm (atlas 06MS201-8): half of its plan area is open.
const GRATE_AREA_M2: f64 = 0.17;
const GRATE_PERIMETER_M: f64 = 1.65;
/// Part of a grate that leaves and litter close.
const CLOGGED: f64 = 0.3;

/// A network with where it meets the surface.
#[derive(Debug, Clone)]
pub struct Sewers {
    /// The network.
    pub network: Network,
    /// Manholes, inlets and outfalls on the grid.
    pub coupling: Coupling,
    /// Entity of each opening, in the order of the coupling.
    pub entities: Vec<EntityId>,
    /// What was assumed, one line each.
    pub assumptions: Vec<String>,
}

/// Builds the network of a pack under a grid; `None` when the pack has no pipes.
///
/// # Errors
/// [`RunError::Sewer`] when the delivered sizes cannot be computed with.
pub fn sewers(drainage: &Drainage, domain: &Domain, flap_gate: bool) -> Result<Option<Sewers>, RunError> {
    let links: Vec<&DrainLink> =
        drainage.links.iter().filter(|l| l.from.is_some() && l.to.is_some() && l.from != l.to).collect();
    if links.is_empty() {
        return Ok(None);
    }
    let mut plan = Plan::new(drainage, &links, domain, flap_gate)?;
    plan.count("pipes have an end without a manhole and are left out", drainage.links.len() - links.len());
    for link in &links {
        plan.link(link).map_err(RunError::Sewer)?;
    }
    plan.finish().map(Some)
}

struct Plan {
    builder: NetworkBuilder,
    /// Kernel's node, invert, cell.
    nodes: BTreeMap<EntityId, (NodeId, f64)>,
    openings: Vec<SurfaceOpening>,
    outfalls: Vec<SurfaceOutfall>,
    entities: Vec<EntityId>,
    assumptions: Vec<String>,
    without_diameter: usize,
    flap_gate: bool,
}

impl Plan {
    fn new(drainage: &Drainage, links: &[&DrainLink], domain: &Domain, flap_gate: bool) -> Result<Self, RunError> {
        let mut plan = Self {
            builder: NetworkBuilder::new(),
            nodes: BTreeMap::new(),
            openings: vec![],
            outfalls: vec![],
            entities: vec![],
            assumptions: vec![],
            without_diameter: 0,
            flap_gate,
        };
        let mut lowest: BTreeMap<EntityId, f64> = BTreeMap::new();
        for l in links {
            for (end, invert) in [(l.from, l.invert_from_m), (l.to, l.invert_to_m)] {
                let Some(end) = end else { continue };
                let entry = lowest.entry(end).or_insert(f64::INFINITY);
                *entry = entry.min(invert.unwrap_or(f64::INFINITY));
            }
        }
        let with_inlets = drainage.nodes.iter().any(|n| n.kind == "inlet" && lowest.contains_key(&n.entity));
        if !with_inlets {
            plan.assumptions.push(format!(
                "no storm inlets delivered: every storm manhole counts as two street grates of {GRATE_AREA_M2} m2"
            ));
        }
        let (mut guessed, mut outside) = (0, 0);
        for node in &drainage.nodes {
            let Some(pipe) = lowest.get(&node.entity) else { continue };
            let Some(cell) = open_cell_near(domain, [node.p_enu[0], node.p_enu[1]])? else {
                outside += 1;
                continue;
            };
            let ground = domain.terrain.bed_m[cell as usize];
            let known = node.invert_m.unwrap_or(f64::INFINITY).min(*pipe);
            guessed += usize::from(!known.is_finite());
            let invert = if known.is_finite() { known } else { ground - USUAL_DEPTH_M };
            plan.node(node, cell, ground, invert, with_inlets).map_err(RunError::Sewer)?;
        }
        if !plan.outfalls.is_empty() {
            let line = if flap_gate {
                "outfalls have flap gates, as GB 50014-2021 asks for where the river can stand against them"
            } else {
                "flap gates are open: a high river comes back through the outfalls"
            };
            plan.assumptions.push(line.to_owned());
        }
        plan.count("shafts have no invert: 1.5 m below ground assumed", guessed);
        plan.count("shafts lie outside the raster or inside buildings and are left out", outside);
        Ok(plan)
    }

    fn node(
        &mut self,
        n: &DrainNode,
        cell: u32,
        ground: f64,
        invert: f64,
        with_inlets: bool,
    ) -> Result<(), DrainageError> {
        let name = n.entity.to_string();
        if n.kind == "outfall" {
            let mut outfall = Node::outfall(invert, OutfallStage::Free);
            outfall.kind = NodeKind::Outfall { stage: OutfallStage::Free, flap_gate: self.flap_gate };
            let node = self.builder.node(&name, outfall)?;
            self.outfalls.push(SurfaceOutfall { node, cell });
            self.nodes.insert(n.entity, (node, invert));
            return Ok(());
        }
        let depth = (ground - invert).max(LEAST_DEPTH_M);
        let node = self.builder.node(&name, Node::manhole(invert, depth))?;
        let grates = |count: f64| OpeningLaw::Grate {
            area_m2: count * GRATE_AREA_M2,
            perimeter_m: count * GRATE_PERIMETER_M,
            clogging: CLOGGED,
        };
        let law = match (n.kind.as_str(), with_inlets) {
            ("inlet", _) => grates(1.0),
            (_, false) => grates(2.0),
            (_, true) => OpeningLaw::round_manhole(COVER_M),
        };
        self.openings.push(SurfaceOpening { node, cell, law });
        self.entities.push(n.entity);
        self.nodes.insert(n.entity, (node, invert));
        Ok(())
    }

    fn link(&mut self, l: &DrainLink) -> Result<(), DrainageError> {
        let end = |id: Option<EntityId>| id.and_then(|id| self.nodes.get(&id).copied());
        let (Some((from, low)), Some((to, high))) = (end(l.from), end(l.to)) else { return Ok(()) };
        self.without_diameter += usize::from(l.diameter_m.is_none());
        let diameter_m = l.diameter_m.unwrap_or(LEAST_DIAMETER_M);
        let mut conduit = Conduit::new(Shape::Circular { diameter_m }, l.length_m.max(1.0), CONCRETE);
        let above = |invert: Option<f64>, node: f64| invert.map_or(0.0, |z| (z - node).max(0.0));
        conduit.offset_m = [above(l.invert_from_m, low), above(l.invert_to_m, high)];
        self.builder.link(&l.entity.to_string(), from, to, LinkKind::Conduit(conduit)).map(|_| ())
    }

    fn count(&mut self, what: &str, n: usize) {
        if n > 0 {
            self.assumptions.push(format!("{n} {what}"));
        }
    }

    fn finish(mut self) -> Result<Sewers, RunError> {
        let n = self.without_diameter;
        self.count("pipes have no diameter: 0.3 m assumed", n);
        let network = self.builder.build().map_err(RunError::Sewer)?;
        let dry = network.nodes().iter().filter(|n| matches!(n.kind, NodeKind::Outfall { .. })).count();
        if dry == 0 {
            self.assumptions.push("the network has no outfall: it only fills".to_owned());
        }
        let coupling = Coupling { openings: self.openings, outfalls: self.outfalls, ..Coupling::default() };
        Ok(Sewers { network, coupling, entities: self.entities, assumptions: self.assumptions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;

    fn node(id: u32, x: f64, kind: &str, invert_m: Option<f64>) -> DrainNode {
        DrainNode { entity: EntityId(id), p_enu: [x, 0.0, 0.0], invert_m, kind: kind.into() }
    }

    fn pipe(id: u32, from: u32, to: u32, invert: Option<f64>) -> DrainLink {
        let (from, to) = (Some(EntityId(from)), Some(EntityId(to)));
        let (diameter_m, length_m) = (invert.map(|_| 0.6), 30.0);
        DrainLink { entity: EntityId(id), from, to, diameter_m, length_m, invert_from_m: invert, invert_to_m: invert }
    }

    #[test]
    fn shafts_and_pipes_become_a_network() {
        let domain = domain_of(60, 10, 2.0, |_, _| 10.0);
        let drainage = Drainage {
            nodes: vec![
                node(1, -40.0, "manhole", Some(8.2)),
                node(2, -10.0, "manhole", None),
                node(3, 20.0, "outfall", Some(7.9)),
                node(4, 0.0, "manhole", Some(8.0)),
                node(5, 900.0, "manhole", Some(8.0)),
            ],
            links: vec![pipe(11, 1, 2, Some(8.3)), pipe(12, 2, 3, None), pipe(13, 5, 1, Some(8.0))],
        };
        let s = sewers(&drainage, &domain, true).unwrap().unwrap();
        assert_eq!((s.network.nodes().len(), s.network.links().len()), (3, 2));
        assert_eq!((s.coupling.openings.len(), s.coupling.outfalls.len()), (2, 1));
        assert_eq!(s.entities, [EntityId(1), EntityId(2)]);
        // The pipe of the shaft outside comes in lower than the shaft was said to be.
        assert_eq!(s.network.nodes()[0].invert_m, 8.0);
        assert!((s.network.nodes()[0].max_depth_m - 2.0).abs() < 1e-12);
        assert!(s.assumptions.iter().any(|a| a.contains("no storm inlets")), "{:?}", s.assumptions);
        assert!(s.assumptions.iter().any(|a| a.starts_with("1 shafts lie outside")), "{:?}", s.assumptions);
        assert!(s.assumptions.iter().any(|a| a.starts_with("1 pipes have no diameter")), "{:?}", s.assumptions);
        assert!(sewers(&Drainage::default(), &domain, true).unwrap().is_none());
    }
}
