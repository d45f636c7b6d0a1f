//! What walls and doors do to somebody's direction and step.

use super::Viewer;
use crate::math::{V2, add_scaled, crossing, dot, exp, length, sub};
use crate::params::CrowdParams;
use crate::world::{Layer, Near, WALL_SIGHT_M};

/// The push of the others and of the walls in sight, and whether all walls, and doors that the person does not head for, are farther than
/// `free_m`.
#[inline(always)]
pub(super) fn push_off_walls(
    layer: &Layer,
    near: Near<'_>,
    way: usize,
    v: &Viewer,
    others: V2,
    free_m: f32,
    params: &CrowdParams,
) -> (V2, bool) {
    let (mut push, mut least2) = (others, f32::INFINITY);
    for w in near.walls {
        let away = sub(v.at, layer.segments[*w as usize].nearest(v.at));
        let d2 = dot(away, away);
        least2 = least2.min(d2);
        if d2 < WALL_SIGHT_M * WALL_SIGHT_M && d2 > 0.0 {
            let d = d2.sqrt();
            let strength = params.wall_push * exp((v.radius - d) / params.wall_range_m).min(1.0);
            // Walls push sideways only: a jamb ahead must not hold up who walks to the door beside it.
            let back = dot(away, v.wish).min(0.0);
            push = add_scaled(push, add_scaled(away, v.wish, -back), strength / d);
        }
    }
    for k in near.ways {
        let gate = &layer.gates[*k as usize];
        if *k as usize != way && !gate.disc {
            let away = sub(v.at, gate.line.nearest(v.at));
            least2 = least2.min(dot(away, away));
        }
    }
    (push, least2 > free_m * free_m)
}

/// The step `p`–`q` bent so that it comes no nearer to a wall than the clearance, nor than it was; no step at all where that
/// cannot be. Every way but `way` (a position in the layer's lists) counts as a wall: people pass only where they mean to.
#[inline(never)]
pub(crate) fn keep_off_walls(layer: &Layer, near: Near<'_>, way: Option<usize>, p: V2, q: V2, clearance_m: f32) -> V2 {
    if near.walls.is_empty() && near.ways.is_empty() {
        return q;
    }
    let doors = || near.ways.iter().map(|k| *k as usize).filter(|k| Some(*k) != way && !layer.gates[*k].disc);
    let segments =
        || near.walls.iter().map(|w| &layer.segments[*w as usize]).chain(doors().map(|k| &layer.gates[k].line));
    let step = length(sub(q, p));
    let mut q = q;
    for _ in 0..4 {
        // The wall most intruded upon: (how much, nearest point, allowed distance).
        let mut worst: (f32, V2, f32) = (0.0, q, 0.0);
        for s in segments() {
            let foot = s.nearest(q);
            let d = length(sub(q, foot));
            if d < clearance_m {
                let allowed = clearance_m.min(length(sub(p, s.nearest(p))));
                if allowed - d > worst.0 {
                    worst = (allowed - d, foot, allowed);
                }
            }
        }
        if worst.0 <= 0.0 {
            // A step shorter than twice the clearance cannot have jumped a wall that both its ends keep off; who stands
            // nearer than that to a door line must be asked.
            // Who stands on the line and walks inwards jumps nothing.
            let beyond = |k: &usize| {
                let g = &layer.gates[*k];
                dot(sub(q, g.line.a), g.out) > 0.0
            };
            let across = |k: usize| crossing(p, q, layer.gates[k].line.a, layer.gates[k].line.b).is_some();
            let jumped = doors().filter(beyond).any(across);
            return if length(sub(q, p)) <= step + 1e-4 && !jumped { q } else { p };
        }
        let away = sub(q, worst.1);
        let d = length(away);
        if d < 1e-6 {
            return p;
        }
        q = add_scaled(worst.1, away, (worst.2 + 1e-5) / d);
    }
    p
}
