//! Gas that moves between the layers of a space.

use crate::gas::CP;
use crate::lane::V;

/// Air lifted by a stream that rises as a plume, kg/s: the far field of Heskestad's plume, 0.071 Q^(1/3) z^(5/3), from a virtual
/// origin where it carries the stream itself. The whole never cools below the layer it joins.
#[inline(always)]
pub(crate) fn jet<const L: usize>(mass: V<L>, excess_k: V<L>, layer_k: V<L>, rise_m: V<L>) -> V<L> {
    let kw = (mass * excess_k * (CP * 1e-3)).at_least(1e-9);
    let a = kw.cbrt() * 0.071;
    let base = mass / a;
    // (z + v)^(5/3) with v^(5/3) = base: v = base^(3/5) by its cube and a fifth root.
    let origin = (base * base * base).fifth_root();
    let z = rise_m + origin;
    let c = z.cbrt();
    let whole = a * z * c * c;
    let most = kw * (1e3 / CP) / layer_k.at_least(1.0);
    (whole.min(most) - mass).at_least(0.0)
}

/// Gives a layer that has become too thin gas of the other.
#[inline(always)]
pub(crate) fn keep_thin<const L: usize, const G: usize>(
    gas: &mut [[V<L>; G]; 2],
    upper: &mut V<L>,
    whole: f64,
    least: f64,
) {
    let lower = V::splat(whole) - *upper;
    let want = [(V::splat(least) - lower).at_least(0.0), (V::splat(least) - *upper).at_least(0.0)];
    if want[0].greatest().max(want[1].greatest()) <= 0.0 {
        return;
    }
    let share = [want[0] / upper.at_least(least), want[1] / lower.at_least(least)];
    for x in 0..G {
        let down = gas[1][x] * share[0];
        let up = gas[0][x] * share[1];
        gas[0][x] += down - up;
        gas[1][x] += up - down;
    }
    *upper += want[1] - want[0];
}

/// Brings the layers to the same gas by a share; `upper` is the upper layer's share of the volume.
#[inline(always)]
pub(crate) fn level<const L: usize, const G: usize>(gas: &mut [[V<L>; G]; 2], share: V<L>, upper: V<L>) {
    for x in 0..G {
        let moved = share * ((gas[0][x] + gas[1][x]) * upper - gas[1][x]);
        gas[1][x] += moved;
        gas[0][x] -= moved;
    }
}
