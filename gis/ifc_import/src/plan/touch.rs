//! Spaces that touch without a wall between them (开敞相连): an opening of the shared length.

use super::draft::Draft;
use super::regions::WALLS;
use super::shape::{plan_box, section};
use geo::{Contains, MultiPolygon, Point};
use twin_model::{OpeningKind, PlanOpening, SpaceIndex};

/// Distance of the points along an edge, m.
const STEP_M: f64 = 0.05;
/// How far beyond its edge a space is looked for, m: separation lines lie at 0, drawn gaps up to this.
const REACH_M: [f64; 4] = [0.01, 0.1, 0.2, 0.3];
/// Narrower gaps are nothing to walk through, m.
const LEAST_M: f64 = 0.6;
/// The same beside a derived room, whose outline is rough by a cell on each side, m.
const LEAST_DERIVED_M: f64 = 0.8;
/// Floors further apart than this are not walked across without a stair, m.
const STEP_UP_M: f64 = 0.3;
/// Height above the floor at which walls are cut, m: lower than sills, so that windows' walls count.
const CUT_M: f64 = 0.5;
/// A gap this near to the middle of a door between the same two spaces is the door's, m.
const DOOR_M: f64 = 0.4;

type Wall = (([f64; 2], [f64; 2]), MultiPolygon<f64>);

/// Adds openings between touching spaces.
pub(crate) fn collect(draft: &mut Draft<'_>) {
    let elements = draft.elements(&WALLS);
    for storey in 0..draft.plan.storeys.len() {
        let z = draft.plan.storeys[storey].elevation_m + CUT_M;
        let walls: Vec<Wall> = elements
            .iter()
            .filter(|e| draft.boxes[**e].is_some_and(|b| b.lo[2] < z && b.hi[2] > z))
            .map(|e| section(&draft.model.elements[*e], z))
            .flat_map(|m| m.0)
            .filter_map(|p| Some((plan_box(&p)?, MultiPolygon(vec![p]))))
            .collect();
        for a in 0..draft.plan.spaces.len() {
            if draft.plan.spaces[a].storey.index() == storey {
                join(draft, SpaceIndex(a as u32), &walls);
            }
        }
    }
}

fn join(draft: &mut Draft<'_>, a: SpaceIndex, walls: &[Wall]) {
    let space = draft.space(a);
    let z = space.floor_m + CUT_M;
    // Holes run clockwise, so that what lies right of an edge is never the space itself.
    let rings = std::iter::once(&space.outline).chain(&space.holes);
    let edges: Vec<[[f64; 2]; 2]> =
        rings.flat_map(|r| r.iter().enumerate().map(|(i, p)| [*p, r[(i + 1) % r.len()]])).collect();
    for [p, q] in edges {
        let len = (q[0] - p[0]).hypot(q[1] - p[1]);
        if len < LEAST_M {
            continue;
        }
        let u = [(q[0] - p[0]) / len, (q[1] - p[1]) / len];
        let steps = (len / STEP_M).floor() as usize;
        let mut run: Option<(SpaceIndex, f64, f64)> = None;
        for k in 0..=steps {
            let s = (k as f64 + 0.5) * STEP_M;
            let at = [p[0] + s * u[0], p[1] + s * u[1]];
            let beyond = if s < len { neighbour(draft, a, at, [u[1], -u[0]], z, walls) } else { None };
            run = match (run, beyond) {
                (Some((b, from, _)), Some(c)) if b == c => Some((b, from, s + 0.5 * STEP_M)),
                (old, new) => {
                    if let Some((b, from, to)) = old {
                        add(draft, [a, b], p, u, (from, to.min(len)));
                    }
                    new.map(|b| (b, s - 0.5 * STEP_M, s + 0.5 * STEP_M))
                }
            };
        }
        if let Some((b, from, to)) = run {
            add(draft, [a, b], p, u, (from, to.min(len)));
        }
    }
}

/// The space beyond an edge of `a`, without a wall on the way; only those later in the list, to count each pair once.
fn neighbour(
    draft: &Draft<'_>,
    a: SpaceIndex,
    at: [f64; 2],
    out: [f64; 2],
    z: f64,
    walls: &[Wall],
) -> Option<SpaceIndex> {
    let point = |t: f64| [at[0] + t * out[0], at[1] + t * out[1]];
    let (b, reach) = REACH_M.into_iter().find_map(|t| Some((draft.space_at(point(t), z)?, t)))?;
    let level = (draft.space(b).floor_m - draft.space(a).floor_m).abs() <= STEP_UP_M;
    if b <= a || !level {
        return None;
    }
    let solid = |p: [f64; 2]| {
        walls
            .iter()
            .any(|((lo, hi), w)| (0..2).all(|k| p[k] >= lo[k] && p[k] <= hi[k]) && w.contains(&Point::new(p[0], p[1])))
    };
    (0..4).map(|k| point(reach * f64::from(k) / 3.0)).all(|p| !solid(p)).then_some(b)
}

fn add(draft: &mut Draft<'_>, [a, b]: [SpaceIndex; 2], p: [f64; 2], u: [f64; 2], (from, to): (f64, f64)) {
    let at = |s: f64| [p[0] + s * u[0], p[1] + s * u[1]];
    let (width, ends) = (to - from, [at(from), at(to)]);
    let middle = at(f64::midpoint(from, to));
    let pair = [Some(a), Some(b)];
    let has_door = draft.plan.openings.iter().any(|o| {
        let same = o.sides == pair || o.sides == [pair[1], pair[0]];
        let m = [0, 1].map(|k| f64::midpoint(o.ends[0][k], o.ends[1][k]));
        let half = 0.5 * (o.ends[1][0] - o.ends[0][0]).hypot(o.ends[1][1] - o.ends[0][1]);
        same && (m[0] - middle[0]).hypot(m[1] - middle[1]) < DOOR_M.max(half + 0.2)
    });
    let rough = draft.derived.values().flatten().any(|s| *s == a || *s == b);
    if width < (if rough { LEAST_DERIVED_M } else { LEAST_M }) || has_door {
        return;
    }
    let (sa, sb) = (draft.space(a), draft.space(b));
    let floor = sa.floor_m.min(sb.floor_m);
    let opening = PlanOpening {
        entity: None,
        name: format!("{} – {}", sa.name, sb.name),
        kind: OpeningKind::Opening,
        sides: pair,
        ends,
        clear_width_m: width,
        sill_m: 0.0,
        head_m: (sa.floor_m + sa.height_m).min(sb.floor_m + sb.height_m) - floor,
    };
    if opening.head_m > 0.5 {
        draft.push_opening(opening, None);
    }
}
