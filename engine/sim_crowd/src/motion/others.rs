//! What the others around do to somebody's direction and step, sixteen of them at a time.

use super::Viewer;
use super::around::Around;
use crate::lanes::{Chunk, Lanes, WIDTH, least, sum};
use crate::math::V2;
use crate::params::CrowdParams;
use pulp::Simd;

/// Sixteen values of a column.
#[inline(always)]
fn chunk(column: &[f32], c: usize) -> &Chunk {
    &column.as_chunks::<WIDTH>().0[c]
}

/// Reach of giving way to those who come towards one, m.
const ONCOMING_M: f32 = 0.5;
/// Strength of giving way, as a multiple of the wanted direction per person.
const GIVE_WAY: f32 = 0.6;
/// Who is less than this to the left of straight ahead, as a sine, is passed on the right like those on the left.
const KEEP_RIGHT: f32 = 0.2;

/// The push of all others: away from each, stronger the nearer they will be; and sideways from who comes towards one
/// (people keep to the right 靠右避让 when it is all the same).
#[inline(always)]
pub(super) fn push_apart<S: Simd>(simd: S, around: &Around, v: &Viewer, params: &CrowdParams) -> V2 {
    let of = |value: f32| Lanes::of(simd, value);
    let zero = of(0.0);
    // No `array::map` here: it would leave the vector code.
    let (x, y, ax, ay) = (of(v.at[0]), of(v.at[1]), of(v.ahead[0]), of(v.ahead[1]));
    let (ex, ey) = (of(v.wish[0]), of(v.wish[1]));
    let (radius, reach2) = (of(v.radius), of(params.reach_m * params.reach_m));
    let (inv_range, push) = (of(1.0 / params.push_range_m), of(v.push));
    let (inv_oncoming, give_way, right) = (of(1.0 / ONCOMING_M), of(GIVE_WAY * params.give_way), of(-KEEP_RIGHT));
    let mut total: [Chunk; 3] = [[0.0; WIDTH]; 3];
    let people = &around.people;
    for c in 0..around.chunks() {
        let (cx, cy, cax, cay) = (chunk(&people.x, c), chunk(&people.y, c), chunk(&people.ax, c), chunk(&people.ay, c));
        let (cr, chx, chy) = (chunk(&people.r, c), chunk(&people.hx, c), chunk(&people.hy, c));
        for k in 0..Lanes::<S>::IN_CHUNK {
            let load = |c: &Chunk| Lanes::load(simd, c, k);
            let (dx, dy) = (x - load(cx), y - load(cy));
            let s2 = dx * dx + dy * dy;
            let here = s2.above(of(1e-8)).and(reach2.above(s2));
            let inv_s = of(1.0) / s2.max(of(1e-8)).sqrt();
            let (nx, ny) = (dx * inv_s, dy * inv_s);
            let anticipated = ((ax - load(cax)) * nx + (ay - load(cay)) * ny).max(zero);
            let l = radius + load(cr);
            let along = load(chx) * ex + load(chy) * ey;
            let close = ((l - anticipated) * inv_range).min(zero).exp();
            let strength = here.choose(push * (of(1.5) - of(0.5) * along) * close, zero);
            (Lanes::load(simd, &total[0], k) + strength * nx).store(&mut total[0], k);
            (Lanes::load(simd, &total[1], k) + strength * ny).store(&mut total[1], k);
            let forward = zero - (nx * ex + ny * ey);
            let meets = here.and(forward.above(zero)).and(of(-0.3).above(along));
            if !meets.any() {
                continue;
            }
            let left = (ny * ex - nx * ey) * of(-1.0);
            let yields = give_way * (zero - along) * ((l - anticipated) * inv_oncoming).min(zero).exp();
            let signed = left.above(right).choose(zero - yields, yields);
            (Lanes::load(simd, &total[2], k) + meets.choose(signed, zero)).store(&mut total[2], k);
        }
    }
    let (px, py) = (sum(&total[0]), sum(&total[1]));
    let aside = sum(&total[2]).clamp(-1.0, 1.0);
    [px - v.wish[1] * aside, py + v.wish[0] * aside]
}

/// Bodies keep this much more than turned shoulders need, m: two who slide past one another at once lose it.
const MARGIN_M: f32 = 0.006;
/// Who stands beside rather than in front, up to this cosine, is never bumped into: one slides past.
const SLIDE: f32 = 0.1;

/// Free distance along `heading` before the nearest person in the way, and the longest step that touches nobody: less than
/// half of what separates the bodies, so that two who step towards one another still do not meet; both in m.
#[inline(always)]
pub(super) fn free_way<S: Simd>(
    simd: S,
    around: &Around,
    v: &Viewer,
    heading: V2,
    turned: bool,
    params: &CrowdParams,
) -> (f32, f32) {
    let of = |value: f32| Lanes::of(simd, value);
    let (x, y, ex, ey) = (of(v.at[0]), of(v.at[1]), of(heading[0]), of(heading[1]));
    let reach_m = params.reach_m;
    let least_l = if turned { params.squeezed_m } else { f32::INFINITY };
    let (radius, least_l, far, reach2) = (of(v.radius), of(least_l), of(reach_m), of(reach_m * reach_m));
    let breadth = of(params.breadth);
    // With turned shoulders, who stands beside rather than in front is no hindrance.
    let slip = of(if turned { 0.3 } else { 0.0 });
    let (body, share, half, zero, slide) = (of(params.squeezed_m + MARGIN_M), of(0.45), of(0.5), of(0.0), of(SLIDE));
    let mut nearest: Chunk = [reach_m; WIDTH];
    let mut longest: Chunk = [reach_m; WIDTH];
    let (turned_l, against) = (of(params.squeezed_m), of(-0.3));
    let people = &around.people;
    for c in 0..around.chunks() {
        let (cx, cy, cr) = (chunk(&people.x, c), chunk(&people.y, c), chunk(&people.r, c));
        let (chx, chy) = (chunk(&people.hx, c), chunk(&people.hy, c));
        for k in 0..Lanes::<S>::IN_CHUNK {
            let load = |c: &Chunk| Lanes::load(simd, c, k);
            let (dx, dy) = (load(cx) - x, load(cy) - y);
            let s2 = dx * dx + dy * dy;
            // Two who meet turn their shoulders.
            let meets = against.above(load(chx) * ex + load(chy) * ey);
            let l = (radius + load(cr)).min(least_l);
            let l = meets.choose(l.min(turned_l), l);
            let forward = dx * ex + dy * ey;
            let beside = (ex * dy - ey * dx).abs();
            let s = s2.sqrt();
            let in_way =
                s2.above(of(1e-8)).and(reach2.above(s2)).and(forward.above(slip * s)).and((l * breadth).above(beside));
            let gap = in_way.choose(s - l, far);
            Lanes::load(simd, &nearest, k).min(gap).store(&mut nearest, k);
            // The step that would touch a body that stands: none when the way goes past it.
            let past = forward * forward - (s2 - body * body);
            let touch = half * (forward - past.max(zero).sqrt());
            let closing = forward.above(slide * s).and(past.above(zero)).and(s2.above(of(1e-8)));
            let step = closing.choose((share * (s - body) * s / forward).max(touch), far);
            Lanes::load(simd, &longest, k).min(step).store(&mut longest, k);
        }
    }
    (least(&nearest), least(&longest))
}
