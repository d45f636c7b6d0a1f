//! Flow through openings for given pressures: slabs, neutral planes, slopes for Newton's method.
//!
//! Pressures are differences to the air outside at the same level, so that a building at rest has none. Orifice flow is
//! C A √(2/ρ) (√(|Δp| + ε) - √ε): Bernoulli's law (Emmons, SFPE Handbook, "Vent flows") with a finite slope at rest; ε = 1e-6 Pa.

use crate::lane::{M, V};

/// See the head of the module, Pa.
const EPS: f64 = 1e-6;
const ROOT_EPS: f64 = 1e-3;

/// A space as its vents see it. Levels are absolute, densities by layer: lower, upper.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Column<const L: usize> {
    /// Level of the floor, m (the same in all members).
    pub floor_m: f64,
    /// Level of the interface, m.
    pub interface_m: V<L>,
    /// Density less that of the outer air at the floor's level, times g, Pa/m.
    pub weight: [V<L>; 2],
    /// √(2/ρ).
    pub swift: [V<L>; 2],
    /// cp/R times the pressure, J/m³.
    pub enthalpy: V<L>,
}

impl<const L: usize> Column<L> {
    /// Pressure at a level less that at the floor.
    #[inline(always)]
    pub fn fall(&self, z: V<L>) -> V<L> {
        let lower = z.min(self.interface_m) - self.floor_m;
        let upper = (z - self.interface_m).at_least(0.0);
        lower * self.weight[0] + upper * self.weight[1]
    }
}

/// Volume flows, m³/s, by the layer they leave: of `from` (towards `to`), of `to` (towards `from`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flows<const L: usize> {
    pub out: [[V<L>; 2]; 2],
    /// Flow-weighted level of each, m³/s × m.
    pub moment: [[V<L>; 2]; 2],
    /// Height of the part of the opening through which gas enters `from`, `to`, m.
    pub inflow_m: [V<L>; 2],
}

impl<const L: usize> Default for Flows<L> {
    #[inline(always)]
    fn default() -> Self {
        Self { out: [[V::default(); 2]; 2], moment: [[V::default(); 2]; 2], inflow_m: [V::default(); 2] }
    }
}

/// Enthalpy flow from `from` to `to`, W, and its slope over the difference of pressure, W/Pa.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Response<const L: usize> {
    pub flow: V<L>,
    pub slope: V<L>,
}

impl<const L: usize> Column<L> {
    #[inline(always)]
    fn lane(&self, k: usize) -> Column<1> {
        Column {
            floor_m: self.floor_m,
            interface_m: V([self.interface_m.0[k]]),
            weight: [V([self.weight[0].0[k]]), V([self.weight[1].0[k]])],
            swift: [V([self.swift[0].0[k]]), V([self.swift[1].0[k]])],
            enthalpy: V([self.enthalpy.0[k]]),
        }
    }
}

/// [`wall`] for all members of a block: a plain loop over lanes is what compilers turn into vectors best.
#[inline(always)]
pub(crate) fn walls<const L: usize>(
    bottom: f64,
    top: f64,
    cw: &V<L>,
    a: &Column<L>,
    b: &Column<L>,
    difference: &V<L>,
    response: &mut Response<L>,
    flows: &mut Flows<L>,
) {
    for k in 0..L {
        let (r, f) = wall(bottom, top, V([cw.0[k]]), &a.lane(k), &b.lane(k), V([difference.0[k]]));
        response.flow.0[k] = r.flow.0[0];
        response.slope.0[k] = r.slope.0[0];
        flows.out[0][0].0[k] = f.out[0][0].0[0];
        flows.out[0][1].0[k] = f.out[0][1].0[0];
        flows.out[1][0].0[k] = f.out[1][0].0[0];
        flows.out[1][1].0[k] = f.out[1][1].0[0];
        flows.moment[0][0].0[k] = f.moment[0][0].0[0];
        flows.moment[0][1].0[k] = f.moment[0][1].0[0];
        flows.moment[1][0].0[k] = f.moment[1][0].0[0];
        flows.moment[1][1].0[k] = f.moment[1][1].0[0];
        flows.inflow_m[0].0[k] = f.inflow_m[0].0[0];
        flows.inflow_m[1].0[k] = f.inflow_m[1].0[0];
    }
}

/// A wall opening between the levels `bottom` and `top` with coefficient × width `cw` (m).
#[inline(always)]
pub(crate) fn wall<const L: usize>(
    bottom: f64,
    top: f64,
    cw: V<L>,
    a: &Column<L>,
    b: &Column<L>,
    difference: V<L>,
) -> (Response<L>, Flows<L>) {
    let za = a.interface_m.clamp(bottom, top);
    let zb = b.interface_m.clamp(bottom, top);
    let level = [V::splat(bottom), za.min(zb), za.max(zb), V::splat(top)];
    let a_first = zb.gt(za);
    let mut p = [V::default(); 4];
    let mut root = [V::default(); 4];
    for k in 0..4 {
        p[k] = difference + b.fall(level[k]) - a.fall(level[k]);
        root[k] = (p[k].abs() + EPS).sqrt();
    }
    let mut flows = Flows::default();
    let mut response = Response { flow: V::default(), slope: V::default() };
    for k in 0..3 {
        let height = level[k + 1] - level[k];
        let (p1, p2) = (p[k], p[k + 1]);
        let (s1, s2) = (root[k], root[k + 1]);
        let share = V::splat(1.0) / (p1.abs() + p2.abs() + 2e-30);
        let middle = (level[k] + level[k + 1]) * 0.5;
        for side in 0..2 {
            let sign = if side == 0 { 1.0 } else { -1.0 };
            let (q1, q2) = ((p1 * sign).at_least(0.0), (p2 * sign).at_least(0.0));
            let thick = height * (q1 + q2 + 1e-30) * share;
            let zero = V::splat(0.0);
            let r1 = V::select(q1.gt(zero), s1, V::splat(ROOT_EPS));
            let r2 = V::select(q2.gt(zero), s2, V::splat(ROOT_EPS));
            let inverse = V::splat(1.0) / (r1 + r2);
            let mean = (r1 * r1 + r1 * r2 + r2 * r2) * inverse * (2.0 / 3.0) - ROOT_EPS;
            let (donor, upper): (&Column<L>, M<L>) = match (k, side) {
                (0, 0) => (a, [false; L]),
                (0, _) => (b, [false; L]),
                (1, 0) => (a, a_first),
                (1, _) => (b, a_first.map(|m| !m)),
                (_, 0) => (a, [true; L]),
                (_, _) => (b, [true; L]),
            };
            let swift = V::select(upper, donor.swift[1], donor.swift[0]);
            let scale = cw * swift * thick;
            let flow = scale * mean.at_least(0.0);
            let low = V::select(upper, zero, flow);
            let high = flow - low;
            flows.out[side][0] += low;
            flows.out[side][1] += high;
            flows.moment[side][0] += low * middle;
            flows.moment[side][1] += high * middle;
            flows.inflow_m[1 - side] += thick;
            response.flow += flow * donor.enthalpy * sign;
            response.slope += scale * inverse * donor.enthalpy;
        }
    }
    (response, flows)
}

/// A hole of coefficient × area `ca` (m²) at a level, `a` below, `b` above: orifice flow, and when heavy gas lies above light
/// the exchange of Cooper (NISTIR 89-4052) that dies out at the flooding pressure C² g Δρ D⁵ / (2 A²), C = 0.754 (square),
/// as CFAST's technical reference has it.
#[inline(always)]
pub(crate) fn slab<const L: usize>(
    level: f64,
    ca: V<L>,
    area: V<L>,
    a: &Column<L>,
    b: &Column<L>,
    difference: V<L>,
) -> (Response<L>, Flows<L>) {
    const SHAPE: f64 = 0.754;
    let z = V::splat(level);
    let p = difference + b.fall(z) - a.fall(z);
    let root = (p.abs() + EPS).sqrt();
    let zero = V::splat(0.0);
    let up = p.gt(zero);
    // Below the hole lies the upper layer of `a`, above it the lower layer of `b`; a layer of no thickness is none.
    let (from_a, from_b) = (a.swift[1], b.swift[0]);
    let swift = V::select(up, from_a, from_b);
    let flow = ca * swift * (root - ROOT_EPS);
    let rising = V::select(up, flow, zero);
    let falling = flow - rising;
    let heat = V::select(up, a.enthalpy, b.enthalpy);
    let slope = ca * swift * heat / (root * 2.0);
    let response = Response { flow: V::select(up, flow, -flow) * heat, slope };
    // Densities at the same pressure: a gas is heavy by being cold, not by lying lower in the atmosphere.
    let density_a = V::splat(2.0) / (from_a * from_a) * (b.enthalpy / a.enthalpy);
    let density_b = V::splat(2.0) / (from_b * from_b);
    let excess = (density_b - density_a).at_least(0.0);
    let root_area = area.sqrt();
    // Cooper's 0.1 √(g Δρ A^(5/2) / ρ), with the finite slope at rest that all flows here have.
    let head = excess * root_area * crate::gas::GRAVITY;
    let swiftest = (V::splat(2.0) / (density_a + density_b)).sqrt();
    let most = area * swiftest * ((head + EPS).sqrt() - ROOT_EPS) * 0.1;
    // D⁵/A² of a circle of area A is (4/π)^(5/2) √A.
    let flood = excess * root_area * (SHAPE * SHAPE * crate::gas::GRAVITY * 0.5 * 1.829_1) + 1e-12;
    let exchange = most * (V::splat(1.0) - p.abs() / flood).at_least(0.0);
    // The same volume both ways, little enthalpy moves; `a` may lie at another pressure than `b` by its storey only.
    let mut flows = Flows::default();
    flows.out[0][1] = rising + exchange;
    flows.out[1][0] = falling + exchange;
    flows.moment[0][1] = flows.out[0][1] * level;
    flows.moment[1][0] = flows.out[1][0] * level;
    let response = Response { flow: response.flow + exchange * (a.enthalpy - b.enthalpy), ..response };
    (response, flows)
}

/// A fan with flow `q` (m³/s) that falls from `start` to `end` Pa of rise.
#[inline(always)]
pub(crate) fn fan<const L: usize>(
    (bottom, top): (f64, f64),
    q: V<L>,
    (start, end): (f64, f64),
    a: &Column<L>,
    b: &Column<L>,
    difference: V<L>,
) -> (Response<L>, Flows<L>) {
    let middle = 0.5 * (bottom + top);
    let z = V::splat(middle);
    let rise = a.fall(z) - b.fall(z) - difference;
    let share = ((V::splat(end) - rise) / (end - start)).clamp(0.0, 1.0);
    let moving = V::splat(end).gt(rise);
    let full = V::splat(start).gt(rise);
    let flow = q * share;
    let zero = V::splat(0.0);
    let falling = V::select(full, zero, q / (end - start));
    let slope = V::select(moving, falling, zero) * a.enthalpy;
    let upper = ((V::splat(top) - a.interface_m) / (top - bottom)).clamp(0.0, 1.0);
    let mut flows = Flows::default();
    flows.out[0][1] = flow * upper;
    flows.out[0][0] = flow - flows.out[0][1];
    flows.moment[0][0] = flows.out[0][0] * middle;
    flows.moment[0][1] = flows.out[0][1] * middle;
    (Response { flow: flow * a.enthalpy, slope }, flows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(density: f64, outer: f64) -> Column<1> {
        let weight = V::splat((density - outer) * crate::gas::GRAVITY);
        let swift = V::splat((2.0 / density).sqrt());
        Column {
            floor_m: 0.0,
            interface_m: V::splat(0.0),
            weight: [weight; 2],
            swift: [swift; 2],
            enthalpy: V::splat(1.0),
        }
    }

    /// Door 2 m high between 0.9 and 1.2 kg/m³ with the neutral plane in the middle: each half carries
    /// C W (2/3) h √(2 g Δρ h / ρ).
    #[test]
    fn a_door_with_its_neutral_plane_in_the_middle() {
        let (hot, cold) = (still(0.9, 1.2), still(1.2, 1.2));
        let h: f64 = 1.0;
        let middle = 0.3 * crate::gas::GRAVITY * h;
        let (_, flows) = wall(0.0, 2.0, V::splat(0.7), &hot, &cold, V::splat(-middle));
        let expect = |rho: f64| 0.7 * (2.0 / 3.0) * h * (2.0 * middle / rho).sqrt();
        let out = flows.out[0][0].0[0] + flows.out[0][1].0[0];
        let inward = flows.out[1][0].0[0] + flows.out[1][1].0[0];
        assert!((out / expect(0.9) - 1.0).abs() < 1e-3, "{out} {}", expect(0.9));
        assert!((inward / expect(1.2) - 1.0).abs() < 1e-3, "{inward} {}", expect(1.2));
        assert!((flows.inflow_m[0].0[0] - 1.0).abs() < 1e-9);
    }

    /// The slope is that of the flow.
    #[test]
    fn slopes_are_derivatives() {
        let (hot, cold) = (still(0.7, 1.2), still(1.15, 1.2));
        for k in -20..20 {
            let p = 0.37 * f64::from(k) + 0.011;
            let d = 1e-6;
            let pick = |which: usize, p: f64| match which {
                0 => wall(0.2, 2.0, V::splat(0.7), &hot, &cold, V::splat(p)).0,
                1 => slab(2.0, V::splat(0.7), V::splat(1.0), &hot, &cold, V::splat(p)).0,
                _ => fan((1.0, 1.3), V::splat(2.0), (1.0, 9.0), &hot, &cold, V::splat(p)).0,
            };
            for which in 0..3 {
                let slope = (pick(which, p + d).flow.0[0] - pick(which, p - d).flow.0[0]) / (2.0 * d);
                let given = pick(which, p).slope.0[0];
                assert!((slope - given).abs() < 2e-3 * (1.0 + slope.abs()), "{which} {p} {slope} {given}");
            }
        }
    }
}
