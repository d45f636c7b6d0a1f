//! Where on the grid each thing is met by water.

use crate::RunError;
use crate::domain::{Domain, mark};
use twin_model::{AttrValue, CommunityModel, Entity, EntityId, EntityKind, Polygon};

/// Kinds with an outcome: what stands on the ground or is entered from it.
const KINDS: &[EntityKind] = &[
    EntityKind::Building,
    EntityKind::Gate,
    EntityKind::Green,
    EntityKind::Poi,
    EntityKind::Component,
    EntityKind::Manhole,
    EntityKind::Road,
    EntityKind::Device,
];

/// Attributes that hold a count of people, first match wins: on the building, else summed over its units, storeys or
/// households. A count is all that is read: the twin knows no persons.
pub const PEOPLE_ATTRIBUTES: &[&str] = &["residents", "people", "population", "常住人口", "居住人数", "人口", "人数"];

/// Things inside a building are met by water at the nearest open cell, at most this far away, m.
const NEAR_M: f64 = 30.0;
/// A door counts as an entrance when it is this near to the outline of its building, m.
const OUTER_DOOR_M: f64 = 1.0;
/// A door counts as an entrance when its sill is this near to the building's ground, m (up: outside steps; down: area ways).
const ENTRANCE_STEP_M: f64 = 1.5;

/// Cells at which water meets a thing; all open, ascending, none twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The thing.
    pub entity: EntityId,
    /// Its kind.
    pub kind: EntityKind,
    /// Cells of the grid.
    pub cells: Vec<u32>,
    /// What is known of a building; `None` for other kinds.
    pub building: Option<BuildingSite>,
}

/// What is known of a building.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BuildingSite {
    /// Doors to the outside, else unit entrances: the thing and the open cell before it.
    pub entrances: Vec<(EntityId, EntityKind, u32)>,
    /// Households on the ground floor.
    pub ground_households: u32,
    /// People in the building and the attribute that says so; `None` when the pack has no count.
    pub people: Option<(u32, &'static str)>,
    /// Whether it has a storey below ground.
    pub basement: bool,
}

/// The sites of a community on a grid, by entity.
///
/// # Errors
/// [`RunError::Frame`] when a place cannot be projected.
pub fn sites(model: &CommunityModel, domain: &Domain) -> Result<Vec<Site>, RunError> {
    let mut found = Vec::new();
    for entity in model.entities().iter().filter(|e| KINDS.contains(&e.kind) && !is_upstairs(e)) {
        let mut cells = Vec::new();
        mark(&domain.projector, &domain.spec, entity, |cell| cells.push(cell as u32))?;
        let mut building = None;
        match entity.kind {
            EntityKind::Building => {
                cells = surrounding(domain, &cells);
                building = Some(building_site(model, domain, entity, &cells)?);
            }
            EntityKind::Road => cells = crate::roads::axis_cells(domain, entity)?,
            _ => {}
        }
        cells.retain(|&c| !domain.terrain.blocked[c as usize]);
        if cells.is_empty() {
            cells.extend(nearest_open(domain, entity.p_enu)?);
        }
        cells.sort_unstable();
        cells.dedup();
        found.push(Site { entity: entity.id, kind: entity.kind, cells, building });
    }
    Ok(found)
}

/// A device above the ground floor, which no flood of the street reaches.
fn is_upstairs(entity: &Entity) -> bool {
    entity.kind == EntityKind::Device && storey_number(entity).is_some_and(|n| n > 1.0)
}

fn storey_number(entity: &Entity) -> Option<f64> {
    match entity.attributes.get("storey") {
        Some(AttrValue::Number(n)) => Some(*n),
        _ => None,
    }
}

/// Open cells next to a building's cells: where its doors are.
fn surrounding(domain: &Domain, inside: &[u32]) -> Vec<u32> {
    let mut ring: Vec<u32> = inside.iter().flat_map(|&c| neighbours(domain, c)).collect();
    ring.retain(|&c| !domain.terrain.blocked[c as usize]);
    ring.sort_unstable();
    ring.dedup();
    ring
}

/// The up to four cells that share an edge with a cell.
pub(crate) fn neighbours(domain: &Domain, cell: u32) -> impl Iterator<Item = u32> + use<> {
    let (nx, ny) = (domain.spec.nx, domain.spec.ny);
    let (i, j) = (cell % nx, cell / nx);
    let around = [
        (i > 0).then(|| cell - 1),
        (i + 1 < nx).then(|| cell + 1),
        (j > 0).then(|| cell - nx),
        (j + 1 < ny).then(|| cell + nx),
    ];
    around.into_iter().flatten()
}

/// The open cell nearest to a point, at most [`NEAR_M`] away; `None` outside the raster.
pub(crate) fn nearest_open(domain: &Domain, p_enu: [f64; 3]) -> Result<Option<u32>, RunError> {
    let at = domain.raster_from_enu(p_enu)?;
    Ok(nearest_where(domain, at, NEAR_M, |cell| !domain.terrain.blocked[cell as usize]))
}

/// The nearest cell to a raster point for which `wanted` holds, at most `reach_m` away; ties go to the lower index.
pub(crate) fn nearest_where(
    domain: &Domain,
    at_m: [f64; 2],
    reach_m: f64,
    wanted: impl Fn(u32) -> bool,
) -> Option<u32> {
    let grid = &domain.terrain.grid;
    let own = grid.cell_at(at_m)?;
    if wanted(own) {
        return Some(own);
    }
    let (i, j) = (i64::from(own) % grid.nx as i64, i64::from(own) / grid.nx as i64);
    let rings = (reach_m / grid.dx_m).ceil() as i64;
    let mut best: Option<(f64, u32)> = None;
    for ring in 1..=rings {
        // A cell of ring r is at least r − 1/2 cells away.
        if best.is_some_and(|(d, _)| d < (ring as f64 - 0.5) * grid.dx_m) {
            break;
        }
        for (di, dj) in square_ring(ring) {
            let cell =
                usize::try_from(i + di).ok().zip(usize::try_from(j + dj).ok()).and_then(|(i, j)| grid.cell(i, j));
            let Some(cell) = cell.filter(|c| wanted(*c)) else { continue };
            let centre = grid.centre_m(cell);
            let (dx, dy) = (centre[0] - at_m[0], centre[1] - at_m[1]);
            let distance = (dx * dx + dy * dy).sqrt();
            if distance <= reach_m && best.is_none_or(|b| (distance, cell) < b) {
                best = Some((distance, cell));
            }
        }
    }
    best.map(|(_, cell)| cell)
}

fn square_ring(ring: i64) -> impl Iterator<Item = (i64, i64)> {
    let sides = (-ring..=ring).flat_map(move |k| [(k, -ring), (k, ring)]);
    sides.chain((1 - ring..ring).flat_map(move |k| [(-ring, k), (ring, k)]))
}

fn building_site(
    model: &CommunityModel,
    domain: &Domain,
    building: &Entity,
    ring: &[u32],
) -> Result<BuildingSite, RunError> {
    let inside: Vec<&Entity> = model.descendants(building.id).into_iter().filter_map(|id| model.get(id)).collect();
    let of_kind = |kind| inside.iter().copied().filter(move |e| e.kind == kind);
    let mut doors: Vec<&Entity> = of_kind(EntityKind::Door).filter(|d| is_entrance(building, d)).collect();
    if doors.is_empty() {
        doors = of_kind(EntityKind::Unit).collect();
    }
    let mut entrances = Vec::with_capacity(doors.len());
    for door in doors {
        let at = domain.raster_from_enu(door.p_enu)?;
        let distance = |cell: u32| {
            let c = domain.terrain.grid.centre_m(cell);
            (c[0] - at[0]).powi(2) + (c[1] - at[1]).powi(2)
        };
        let before = ring.iter().copied().min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        entrances.extend(before.map(|cell| (door.id, door.kind, cell)));
    }
    let ground_households = of_kind(EntityKind::Household).filter(|h| is_ground_floor(model, building, h)).count();
    Ok(BuildingSite {
        entrances,
        ground_households: ground_households as u32,
        people: people(building, &inside),
        basement: of_kind(EntityKind::Storey)
            .any(|s| storey_number(s).is_some_and(|n| n < 0.0) || s.name.contains("地下")),
    })
}

/// A door near the ground and near the outline: the BIM deliveries do not always say which doors lead outside.
fn is_entrance(building: &Entity, door: &Entity) -> bool {
    let near_ground = (door.base_z_m - building.base_z_m).abs() <= ENTRANCE_STEP_M;
    let outline = building.footprint.as_ref().map_or(f64::INFINITY, |f| distance_to_outline(f, door.p_enu));
    near_ground && outline <= OUTER_DOOR_M
}

fn distance_to_outline(footprint: &Polygon, p: [f64; 3]) -> f64 {
    let edges = footprint.0.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    edges.map(|(a, b)| distance_to_segment([p[0], p[1]], *a, *b)).fold(f64::INFINITY, f64::min)
}

pub(crate) fn distance_to_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let d = [b[0] - a[0], b[1] - a[1]];
    let length2 = d[0] * d[0] + d[1] * d[1];
    let along = if length2 > 0.0 { ((p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1]) / length2 } else { 0.0 };
    let t = along.clamp(0.0, 1.0);
    let (x, y) = (p[0] - a[0] - t * d[0], p[1] - a[1] - t * d[1]);
    (x * x + y * y).sqrt()
}

/// Storey 1 is the ground floor in China; without storey numbers the base decides.
fn is_ground_floor(model: &CommunityModel, building: &Entity, household: &Entity) -> bool {
    let storey = model.nearest(household.id, EntityKind::Storey);
    let number = storey_number(household).or_else(|| storey.and_then(storey_number));
    number.map_or((household.base_z_m - building.base_z_m).abs() <= ENTRANCE_STEP_M, |n| (n - 1.0).abs() < 0.5)
}

fn people(building: &Entity, inside: &[&Entity]) -> Option<(u32, &'static str)> {
    let count = |e: &Entity, key: &str| match e.attributes.get(key) {
        Some(AttrValue::Number(n)) if *n >= 0.0 && n.is_finite() => Some(*n),
        _ => None,
    };
    let levels = [EntityKind::Unit, EntityKind::Storey, EntityKind::Household];
    PEOPLE_ATTRIBUTES.iter().find_map(|&key| {
        let on_building = count(building, key);
        let below = levels.iter().find_map(|kind| {
            let counts: Vec<f64> = inside.iter().filter(|e| e.kind == *kind).filter_map(|e| count(e, key)).collect();
            (!counts.is_empty()).then(|| counts.iter().sum::<f64>())
        });
        on_building.or(below).map(|n| (n.round() as u32, key))
    })
}
