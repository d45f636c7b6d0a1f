//! The building plan (建筑内部通行图) out of a model: storeys, spaces, doors, stairs and lifts for people and smoke.
//!
//! Relations of the file come first; where it has none, geometry decides. What had to be assumed, left out or derived
//! is a [`PlanDefect`] that names the element by class, name and GlobalId.

mod draft;
mod flights;
mod grid;
mod lifts;
mod openings;
mod regions;
mod shape;
mod sides;
mod spaces;
mod stairs;
mod storeys;
mod touch;
mod words;

use crate::{IfcModel, SpatialKind};
use draft::Draft;
use std::collections::BTreeMap;
use thiserror::Error;
use twin_model::{BuildingPlan, EntityId, PlanDefect};

/// From the model's world frame to ENU, metres.
pub type ToEnu<'a> = &'a dyn Fn([f64; 3]) -> [f64; 3];

/// What the caller knows about a model.
#[derive(Clone, Default)]
pub struct PlanOptions<'a> {
    /// Entity by GlobalId of buildings, storeys, spaces, doors, windows, stairs and lifts.
    pub entities: BTreeMap<String, EntityId>,
    /// Where the model lies: a turn about the vertical and a shift. Without it the plan stays in the model's frame.
    pub enu_from_local: Option<ToEnu<'a>>,
}

/// Why a model has no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Bridges, roads and bare parts.
    #[error("no IfcBuildingStorey: there is nothing to walk through")]
    NoStorey,
}

/// One plan per building that has storeys, and what is wrong with them.
///
/// Plans are fit to run: elements that cannot be used are left out and named in the defects. Besides the findings of
/// the import, the list has those of [`BuildingPlan::check`].
///
/// # Errors
/// The model has no storey.
pub fn building_plan(
    model: &IfcModel,
    options: &PlanOptions<'_>,
) -> Result<(Vec<BuildingPlan>, Vec<PlanDefect>), PlanError> {
    let mut buildings: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (i, _) in model.spatial.iter().enumerate().filter(|(_, n)| n.kind == SpatialKind::Storey) {
        // A storey may stand on a part of a facility that is itself one.
        let above = ancestor(model, i, SpatialKind::Building);
        buildings.entry(above).or_default().push(i);
    }
    if buildings.is_empty() {
        return Err(PlanError::NoStorey);
    }
    let only = buildings.len() == 1;
    let (mut plans, mut defects) = (Vec::new(), Vec::new());
    for (building, storeys) in buildings {
        let mut draft = Draft::new(model, options, building, only);
        storeys::collect(&mut draft, &storeys);
        spaces::collect(&mut draft);
        openings::collect(&mut draft);
        touch::collect(&mut draft);
        stairs::collect(&mut draft);
        lifts::collect(&mut draft);
        let (plan, found) = draft.finish();
        defects.extend(found);
        defects.extend(plan.check());
        plans.push(plan);
    }
    defects.sort_by_key(|d| std::cmp::Reverse(d.level));
    Ok((plans, defects))
}

/// The nearest node of a kind above another.
fn ancestor(model: &IfcModel, node: usize, kind: SpatialKind) -> Option<usize> {
    let up = |i: usize| model.spatial.get(i).and_then(|n| n.parent);
    std::iter::successors(up(node), |i| up(*i)).take(32).find(|i| model.spatial[*i].kind == kind)
}
