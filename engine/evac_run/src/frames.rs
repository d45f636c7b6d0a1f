//! What viewers show of the first member.

use crate::{EvacRunError, street};
use community_pack::evac_folder::{Doing, EvacFrame, PersonMark, SpaceMark};
use sim_core::Air;
use sim_crowd::hazard::visibility_m;
use sim_crowd::{LayerKind, Status};
use sim_evac::EvacView;
use std::collections::BTreeSet;

/// The first member now.
pub(crate) fn of<const L: usize>(run: &EvacView<'_, L>) -> Result<EvacFrame, EvacRunError> {
    let (plan, member) = (run.model().plan(), run.member());
    let waiting: BTreeSet<u32> = member.awaiting().iter().copied().collect();
    let mut counts = vec![0_u32; plan.spaces.len()];
    let mut people = Vec::new();
    for row in member.crowd().frame() {
        if let LayerKind::Floor(Some(space)) = member.crowd().world().layers()[row.layer.index()].kind {
            counts[space.index()] += 1;
        }
        let doing = match row.status {
            Status::Stopped => Doing::Stopped,
            _ if waiting.contains(&row.id) => Doing::Awaiting,
            _ if run.model().tile_of(row.layer).is_some() => Doing::Outside,
            Status::Waiting => Doing::Waiting,
            Status::Riding => Doing::Riding,
            Status::Walking | Status::Left => Doing::Walking,
        };
        let z_m = street::level_m(run.model(), &row);
        people.push(PersonMark { id: row.id, at: [row.x_m, row.y_m, z_m], doing });
    }
    people.sort_by_key(|p| p.id);
    let airs = run.airs()?;
    let (layers, smoke) = (run.layers()?, run.ceiling_smoke()?);
    let space = |k: usize| {
        let air = airs.as_ref().map_or(Air::CLEAN, |list| list[k]);
        let edge_m = layers.as_ref().map(|list| list[k][0]);
        SpaceMark {
            people: counts[k],
            smoke_edge_m: edge_m.filter(|edge| *edge < plan.spaces[k].height_m - LAYER_M),
            smoke_per_m: smoke.as_ref().map_or(0.0, |list| list[k]),
            visibility_m: f64::from(visibility_m(air.extinction_per_m)),
            temperature_c: f64::from(air.temperature_c),
        }
    };
    let (b, spaces) = (member.crowd().balance(), (0..plan.spaces.len()).map(space).collect());
    let (left, stopped) = (b.left as u32, b.stopped as u32);
    Ok(EvacFrame { t_s: run.t_s(), left, stopped, awaiting: waiting.len() as u32, people, spaces })
}

/// A layer of smoke thinner than this under the ceiling is not shown, m.
const LAYER_M: f64 = 0.05;
