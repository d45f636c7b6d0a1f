//! What a run means for each thing: greatest depth at its place and when water first came.

use crate::RunError;
use crate::domain::{Domain, mark};
use twin_model::{CommunityModel, EntityId, EntityKind};

/// Depth from which a thing counts as affected, m. Half a kerb; shallower water is within the DEM's error.
pub const AFFECTED_DEPTH_M: f64 = 0.05;

/// Kinds that get an outcome: those that stand on the ground.
const KINDS: &[EntityKind] = &[
    EntityKind::Building,
    EntityKind::Gate,
    EntityKind::Green,
    EntityKind::Poi,
    EntityKind::Component,
    EntityKind::Manhole,
    EntityKind::Road,
];

/// (entity, greatest depth m, first wet s) of every affected entity, by entity.
pub fn affected(
    model: &CommunityModel,
    domain: &Domain,
    max_depth_m: &[f32],
    first_wet_s: &[f32],
) -> Result<Vec<(EntityId, f64, f64)>, RunError> {
    let mut rows = Vec::new();
    for entity in model.entities().iter().filter(|e| KINDS.contains(&e.kind)) {
        let mut cells = Vec::new();
        mark(&domain.projector, &domain.spec, entity, |cell| cells.push(cell))?;
        if entity.kind == EntityKind::Building {
            cells = surrounding(domain, &cells);
        }
        if cells.is_empty() {
            let at = domain.raster_from_enu(entity.p_enu)?;
            cells.extend(domain.terrain.grid.cell_at(at).map(|c| c as usize));
        }
        let depth = f64::from(cells.iter().map(|&c| max_depth_m[c]).fold(0.0, f32::max));
        if depth >= AFFECTED_DEPTH_M {
            let first = cells.iter().map(|&c| first_wet_s[c]).filter(|t| t.is_finite()).fold(f32::INFINITY, f32::min);
            rows.push((entity.id, depth, if first.is_finite() { f64::from(first) } else { 0.0 }));
        }
    }
    Ok(rows)
}

/// Open cells next to a building's blocked cells: where its doors are.
fn surrounding(domain: &Domain, inside: &[usize]) -> Vec<usize> {
    let (nx, ny) = (domain.spec.nx as usize, domain.spec.ny as usize);
    let mut ring: Vec<usize> = inside
        .iter()
        .flat_map(|&c| {
            let (i, j) = (c % nx, c / nx);
            [
                (i > 0).then(|| c - 1),
                (i + 1 < nx).then_some(c + 1),
                (j > 0).then(|| c - nx),
                (j + 1 < ny).then_some(c + nx),
            ]
        })
        .flatten()
        .filter(|&c| !domain.terrain.blocked[c])
        .collect();
    ring.sort_unstable();
    ring.dedup();
    ring
}
