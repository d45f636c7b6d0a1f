//! Places of safety on the ground (集合点): the scenario's, or where roads lead away, or the nearest open ground far enough off.

use super::around::{Site, Surroundings};
use crate::EvacError;
use geo::{Coord, LineString, MultiPolygon};
use twin_model::{AssemblyArea, AssemblySource};

/// Radius of a derived area, m (our choice).
const RADIUS_M: f64 = 5.0;
/// Derived areas nearer to each other than this are one, m.
const APART_M: f64 = 20.0;
/// Most derived areas by roads.
const MOST_ROADS: usize = 8;
/// Steps in which roads and ground are looked over, m.
const STEP_M: f64 = 1.0;
/// A derived area keeps this far from what stands on the ground, m.
const CLEAR_M: f64 = 2.0;

/// Distance of a point from polygons, m; 0 inside.
pub(crate) fn distance_m(of: &MultiPolygon, p: [f64; 2]) -> f64 {
    let mut inside = false;
    let mut least = f64::INFINITY;
    for ring in of.0.iter().flat_map(|g| std::iter::once(g.exterior()).chain(g.interiors())) {
        for w in ring.0.windows(2) {
            least = least.min(to_segment_m(w[0], w[1], p));
            let (a, b) = (w[0], w[1]);
            if (a.y > p[1]) != (b.y > p[1]) && p[0] < a.x + (p[1] - a.y) / (b.y - a.y) * (b.x - a.x) {
                inside = !inside;
            }
        }
    }
    if inside { 0.0 } else { least }
}

fn to_segment_m(a: Coord, b: Coord, p: [f64; 2]) -> f64 {
    let (d, to) = ([b.x - a.x, b.y - a.y], [p[0] - a.x, p[1] - a.y]);
    let size2 = d[0] * d[0] + d[1] * d[1];
    let share = if size2 > 0.0 { ((to[0] * d[0] + to[1] * d[1]) / size2).clamp(0.0, 1.0) } else { 0.0 };
    let off = [to[0] - share * d[0], to[1] - share * d[1]];
    (off[0] * off[0] + off[1] * off[1]).sqrt()
}

/// Finds the places of safety and says which exits lead to one.
pub(crate) fn find(site: &mut Site<'_>, around: &Surroundings<'_>) -> Result<(), EvacError> {
    if site.outdoor.assembly.is_empty() {
        by_roads(site, around);
        by_open_ground(site);
    } else {
        given(site)?;
    }
    let safe: Vec<usize> = site.ground.assembly.iter().map(|a| site.part[a.tile as usize]).collect();
    for k in 0..site.ground.exits.len() {
        let exit = site.ground.exits[k];
        let Some(tile) = exit.tile else { continue };
        let part = site.part[tile as usize];
        site.ground.exits[k].safe = safe.contains(&part);
        if !safe.contains(&part) {
            let area = site.ground.tiles.iter().zip(&site.part).filter(|(_, p)| **p == part).map(|(t, _)| t.area_m2());
            let text = format!("ends in a closed pocket of {:.0} m2: nobody leaves by it", area.sum::<f64>());
            site.defect(format!("exit {}", site.plan.openings[exit.opening.index()].name), text);
        }
    }
    if site.ground.exits.iter().any(|e| e.safe) {
        return Ok(());
    }
    let why =
        site.ground.defects.first().map_or_else(|| "no open ground far enough off".to_owned(), ToString::to_string);
    Err(EvacError::Plan(format!("{}: no exit leads to a place of safety outside ({why})", site.plan.name)))
}

fn given(site: &mut Site<'_>) -> Result<(), EvacError> {
    let reached: Vec<usize> = site.ground.exits.iter().filter_map(|e| e.tile).map(|t| site.part[t as usize]).collect();
    for (k, a) in site.outdoor.assembly.iter().enumerate() {
        let (field, value) = (format!("outdoor.assembly[{k}].at"), format!("[{}, {}]", a.at[0], a.at[1]));
        let from_building_m = distance_m(&site.own, a.at);
        let Some(tile) = site.tile_at(a.at) else {
            let allowed = if from_building_m == 0.0 {
                "on open ground: it lies in the building".to_owned()
            } else if from_building_m > site.outdoor.radius_m {
                format!("within {} m of the building", site.outdoor.radius_m)
            } else {
                "on open ground: something stands there".to_owned()
            };
            return Err(site.refuse(&field, value, &allowed));
        };
        if !reached.contains(&site.part[tile as usize]) {
            return Err(site.refuse(&field, value, "on ground that an exit leads to: there is no way to it"));
        }
        if from_building_m < site.outdoor.distance_m {
            let text = format!("{from_building_m:.0} m from the building, nearer than {} m", site.outdoor.distance_m);
            site.defect(format!("assembly area {}", a.name), text);
        }
        let (name, at, radius_m) = (a.name.clone(), a.at, a.radius_m);
        let source = AssemblySource::Scenario;
        site.ground.assembly.push(AssemblyArea { name, tile, at, radius_m, from_building_m, source });
    }
    Ok(())
}

/// Whether a derived area fits at a point, and its tile. The circle must be clear but for what is at most half of it.
fn fits(site: &Site<'_>, p: [f64; 2]) -> Option<u32> {
    let clear = |d: [f64; 2]| site.tile_at([p[0] + d[0], p[1] + d[1]]).is_some();
    let about = [[CLEAR_M, 0.0], [-CLEAR_M, 0.0], [0.0, CLEAR_M], [0.0, -CLEAR_M]];
    site.tile_at(p).filter(|_| about.into_iter().all(clear))
}

fn apart(site: &Site<'_>, p: [f64; 2]) -> bool {
    let far = |a: &AssemblyArea| (a.at[0] - p[0]).powi(2) + (a.at[1] - p[1]).powi(2) > APART_M * APART_M;
    site.ground.assembly.iter().all(far)
}

/// Where axes of roads come to be far enough from the building.
fn by_roads(site: &mut Site<'_>, around: &Surroundings<'_>) {
    let reached: Vec<usize> = site.ground.exits.iter().filter_map(|e| e.tile).map(|t| site.part[t as usize]).collect();
    let ring_m = site.outdoor.distance_m + RADIUS_M;
    let mut found: Vec<(f64, [f64; 2], u32)> = Vec::new();
    for w in around.roads.iter().flat_map(|r| r.windows(2)) {
        let d = [w[1][0] - w[0][0], w[1][1] - w[0][1]];
        let size = (d[0] * d[0] + d[1] * d[1]).sqrt();
        let line = LineString(vec![Coord { x: w[0][0], y: w[0][1] }, Coord { x: w[1][0], y: w[1][1] }]);
        let nearest = site.own.0.iter().flat_map(|g| &g.exterior().0);
        let nearest = nearest.map(|c| to_segment_m(line.0[0], line.0[1], [c.x, c.y])).fold(f64::INFINITY, f64::min);
        if nearest > site.outdoor.radius_m || !(size.is_finite() && size > 0.0) {
            continue;
        }
        for k in 0..=(size / STEP_M) as u32 {
            let p = [0, 1].map(|c| w[0][c] + d[c] * (f64::from(k) * STEP_M / size));
            let off = distance_m(&site.own, p);
            // Roads that pass farther off than the ring count where they come nearest: they are in the list in order of distance.
            if off < ring_m || off > site.outdoor.radius_m {
                continue;
            }
            if let Some(tile) = fits(site, p).filter(|t| reached.contains(&site.part[*t as usize])) {
                found.push((off, p, tile));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1[0].total_cmp(&b.1[0])).then(a.1[1].total_cmp(&b.1[1])));
    for (from_building_m, at, tile) in found {
        if site.ground.assembly.len() < MOST_ROADS && apart(site, at) {
            let name = format!("道路 {}", site.ground.assembly.len() + 1);
            let source = AssemblySource::Road;
            site.ground.assembly.push(AssemblyArea { name, tile, at, radius_m: RADIUS_M, from_building_m, source });
        }
    }
}

/// For exits that no road serves: the nearest open ground far enough off, in the part of the ground before them.
fn by_open_ground(site: &mut Site<'_>) {
    let ring_m = site.outdoor.distance_m + RADIUS_M;
    for k in 0..site.doors.len() {
        let (door, from) = (site.doors[k].opening, site.doors[k].middle);
        let tile = site.ground.exits.iter().find(|e| e.opening == door).and_then(|e| e.tile);
        let Some(part) = tile.map(|t| site.part[t as usize]) else { continue };
        let of_part = |a: &AssemblyArea| site.part[a.tile as usize] == part;
        if site.ground.assembly.iter().any(|a| of_part(a) && a.source == AssemblySource::Road) {
            continue;
        }
        let steps = (site.outdoor.radius_m / (2.0 * STEP_M)) as i32 + 4;
        let mut best: Option<(f64, [f64; 2], u32, f64)> = None;
        for (i, j) in (-steps..=steps).flat_map(|j| (-steps..=steps).map(move |i| (i, j))) {
            let d = [f64::from(i) * 2.0 * STEP_M, f64::from(j) * 2.0 * STEP_M];
            let (p, far) = ([from[0] + d[0], from[1] + d[1]], d[0] * d[0] + d[1] * d[1]);
            if best.as_ref().is_some_and(|b| b.0 <= far) {
                continue;
            }
            let off = distance_m(&site.own, p);
            if off < ring_m || off > site.outdoor.radius_m {
                continue;
            }
            if let Some(tile) = fits(site, p).filter(|t| site.part[*t as usize] == part) {
                best = Some((far, p, tile, off));
            }
        }
        if let Some((_, at, tile, from_building_m)) = best.filter(|b| apart(site, b.1)) {
            let name = format!("空地 {}", site.ground.assembly.len() + 1);
            let source = AssemblySource::OpenGround;
            site.ground.assembly.push(AssemblyArea { name, tile, at, radius_m: RADIUS_M, from_building_m, source });
        }
    }
}
