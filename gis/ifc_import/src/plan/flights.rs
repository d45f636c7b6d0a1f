//! A flight's foot, head, width and steps out of its triangles (梯段几何).

use super::shape::{normal, triangles};
use crate::Element;
use twin_model::PlanFlight;

/// Treads within this height are one, m.
const SAME_TREAD_M: f64 = 0.03;
/// Rises that a person takes in one step, m (GB 50352-2019 6.8.10: 0.13–0.175; old and steep ones allowed for).
const RISER_M: [f64; 2] = [0.08, 0.26];
/// A tread this many times the usual area is a landing.
const LANDING: f64 = 2.2;
/// A path bends where treads leave the straight line by this, m.
const BEND_M: f64 = 0.12;
/// Least slope of a ramp's face, as a rise per length; flatter faces are treads and landings (falls for water run to 2 %).
const RAMP_SLOPE: f64 = 0.02;

/// One tread or landing.
#[derive(Debug, Clone)]
struct Tread {
    z: f64,
    area: f64,
    middle: [f64; 2],
    points: Vec<[f64; 2]>,
}

/// Flights of an element from the foot up; several when it has landings or bends. Empty when it has neither treads nor
/// a slope. `floors` are levels that a flight may end on, metres.
pub(crate) fn of(element: &Element, floors: &[f64]) -> Vec<PlanFlight> {
    let treads = treads(element);
    let stepped = if treads.len() < 2 { Vec::new() } else { steps(element, &treads, floors) };
    // A ramp may have level ends, which are no steps.
    if stepped.is_empty() { ramp(element).into_iter().collect() } else { stepped }
}

fn treads(element: &Element) -> Vec<Tread> {
    let mut faces: Vec<([[f64; 3]; 3], f64)> = element
        .meshes
        .iter()
        .flat_map(triangles)
        .filter_map(|t| {
            normal(&t).filter(|(n, _)| n[2] > 0.0 && n[0].hypot(n[1]) <= RAMP_SLOPE * n[2]).map(|(_, area)| (t, area))
        })
        .collect();
    let height = |t: &[[f64; 3]; 3]| (t[0][2] + t[1][2] + t[2][2]) / 3.0;
    faces.sort_by(|a, b| height(&a.0).total_cmp(&height(&b.0)));
    let mut found: Vec<Tread> = Vec::new();
    for (t, area) in &faces {
        let z = height(t);
        if found.last().is_none_or(|last| z - last.z > SAME_TREAD_M) {
            found.push(Tread { z, area: 0.0, middle: [0.0; 2], points: Vec::new() });
        }
        let Some(last) = found.last_mut() else { continue };
        last.area += area;
        for k in 0..2 {
            last.middle[k] += area * (t[0][k] + t[1][k] + t[2][k]) / 3.0;
        }
        last.points.extend(t.iter().map(|p| [p[0], p[1]]));
    }
    for t in &mut found {
        t.middle = t.middle.map(|v| v / t.area.max(1e-9));
    }
    // Nosings, balusters and plates under a step are small beside a tread.
    let usual = median(found.iter().map(|t| t.area));
    found.retain(|t| t.area > 0.3 * usual && t.area > 0.02);
    found
}

fn steps(element: &Element, treads: &[Tread], floors: &[f64]) -> Vec<PlanFlight> {
    let rises = treads.windows(2).map(|w| w[1].z - w[0].z).filter(|r| (RISER_M[0]..=RISER_M[1]).contains(r));
    let drawn = median(rises);
    if drawn <= 0.0 {
        return Vec::new();
    }
    let a = &element.attributes;
    // Some exporters write these two in feet, whatever the unit of the file: only a value that fits is taken.
    let riser = a.riser_m.filter(|r| (r - drawn).abs() < 0.03).unwrap_or(drawn);
    let top = element.meshes.iter().flat_map(crate::Mesh::world_positions).map(|p| p[2]).fold(f64::MIN, f64::max);
    let usual = median(treads.iter().map(|t| t.area));
    let mut found: Vec<PlanFlight> = Vec::new();
    let mut piece: Vec<&Tread> = Vec::new();
    let pieces = {
        let mut all = Vec::new();
        for (i, t) in treads.iter().enumerate() {
            let landing = t.area > LANDING * usual && i > 0 && i + 1 < treads.len();
            piece.push(t);
            if landing {
                all.push(std::mem::take(&mut piece));
            }
        }
        all.push(piece);
        all
    };
    for (k, piece) in pieces.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
        let ends_on_landing = k + 1 < pieces.len();
        let walked: &[&Tread] = if ends_on_landing { &piece[..piece.len() - 1] } else { piece };
        let last_z = piece[piece.len() - 1].z;
        // The last riser leads to a floor or landing that is not part of the flight, or is the last tread itself.
        let near = |z: f64| floors.iter().any(|f| (f - z).abs() < 0.4 * riser);
        let by_count = a.risers.is_some_and(|n| pieces.len() == 1 && n as usize == treads.len() + 1);
        let one_more = near(last_z + riser) || (!near(last_z) && (by_count || top - last_z > 0.6 * riser));
        let head_z = if !ends_on_landing && one_more { last_z + riser } else { last_z };
        found.extend(straight_pieces(walked, riser, a.tread_m, head_z));
    }
    found
}

/// Flights along treads, cut where the path bends.
fn straight_pieces(treads: &[&Tread], riser: f64, stated_tread: Option<f64>, head_z: f64) -> Vec<PlanFlight> {
    let (Some(first), Some(last)) = (treads.first(), treads.last()) else { return Vec::new() };
    let mut cuts = vec![0, treads.len() - 1];
    bend(treads, 0, treads.len() - 1, &mut cuts);
    cuts.sort_unstable();
    cuts.dedup();
    if treads.len() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let count = cuts.len() - 1;
    for (k, w) in cuts.windows(2).enumerate() {
        let (a, b) = (treads[w[0]], treads[w[1]]);
        let run = [b.middle[0] - a.middle[0], b.middle[1] - a.middle[1]];
        let len = run[0].hypot(run[1]);
        if len < 1e-3 {
            continue;
        }
        let u = run.map(|v| v / len);
        let drawn = len / (w[1] - w[0]) as f64;
        let tread = stated_tread.filter(|t| (t - drawn).abs() < 0.05).unwrap_or(drawn);
        let widths = treads[w[0]..=w[1]].iter().map(|t| across(t, u));
        let width = median(widths);
        // The outer ends are the edges of the first and last tread; between pieces the middles of treads.
        let foot = if k == 0 {
            [first.middle[0] - 0.5 * tread * u[0], first.middle[1] - 0.5 * tread * u[1], first.z - riser]
        } else {
            [a.middle[0], a.middle[1], a.z]
        };
        let head = if k + 1 == count {
            [last.middle[0] + 0.5 * tread * u[0], last.middle[1] + 0.5 * tread * u[1], head_z]
        } else {
            [b.middle[0], b.middle[1], b.z]
        };
        found.push(PlanFlight { foot, head, width_m: width, riser_m: riser, tread_m: tread });
    }
    found
}

/// Adds the tread farthest from the straight line, and so on (Douglas and Peucker, 1973).
fn bend(treads: &[&Tread], from: usize, to: usize, cuts: &mut Vec<usize>) {
    let (a, b) = (treads[from].middle, treads[to].middle);
    let d = [b[0] - a[0], b[1] - a[1]];
    let len = d[0].hypot(d[1]);
    let off = |p: [f64; 2]| {
        let v = [p[0] - a[0], p[1] - a[1]];
        if len < 1e-6 { v[0].hypot(v[1]) } else { (v[0] * d[1] - v[1] * d[0]).abs() / len }
    };
    let far = (from + 1..to).map(|i| (off(treads[i].middle), i)).max_by(|x, y| x.0.total_cmp(&y.0));
    if let Some((_, i)) = far.filter(|(d, _)| *d > BEND_M) {
        cuts.push(i);
        bend(treads, from, i, cuts);
        bend(treads, i, to, cuts);
    }
}

fn across(t: &Tread, u: [f64; 2]) -> f64 {
    let side = t.points.iter().map(|p| p[1] * u[0] - p[0] * u[1]);
    let (lo, hi) = side.fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
    (hi - lo).max(0.0)
}

/// The sloping upper faces of a ramp as one flight without steps.
fn ramp(element: &Element) -> Option<PlanFlight> {
    let mut sum = [0.0; 2];
    let mut points: Vec<[f64; 3]> = Vec::new();
    for t in element.meshes.iter().flat_map(triangles) {
        let Some((n, area)) = normal(&t) else { continue };
        let slope = n[0].hypot(n[1]) / n[2].max(1e-9);
        if n[2] > 0.7 && slope > RAMP_SLOPE {
            // The normal leans downhill.
            sum = [sum[0] - area * n[0], sum[1] - area * n[1]];
            points.extend(t);
        }
    }
    let len = sum[0].hypot(sum[1]);
    if len < 1e-9 {
        return None;
    }
    let u = sum.map(|v| v / len);
    let coordinates: Vec<[f64; 3]> =
        points.iter().map(|p| [p[0] * u[0] + p[1] * u[1], p[1] * u[0] - p[0] * u[1], p[2]]).collect();
    let low = coordinates.iter().min_by(|a, b| a[0].total_cmp(&b[0]))?;
    let high = coordinates.iter().max_by(|a, b| a[0].total_cmp(&b[0]))?;
    let sides = coordinates.iter().map(|c| c[1]);
    let (lo, hi) = sides.fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let middle = f64::midpoint(lo, hi);
    let at = |c: &[f64; 3]| [c[0] * u[0] - middle * u[1], c[0] * u[1] + middle * u[0], c[2]];
    (high[2] > low[2]).then(|| PlanFlight {
        foot: at(low),
        head: at(high),
        width_m: hi - lo,
        riser_m: 0.0,
        tread_m: 0.0,
    })
}

/// Middle value; 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}
