//! Plane geometry in `f32` and an exponential of our own: the same bits on every machine.

/// A point or a vector, m.
pub(crate) type V2 = [f32; 2];

#[inline(always)]
pub(crate) fn sub(a: V2, b: V2) -> V2 {
    [a[0] - b[0], a[1] - b[1]]
}

#[inline(always)]
pub(crate) fn add_scaled(a: V2, b: V2, k: f32) -> V2 {
    [a[0] + b[0] * k, a[1] + b[1] * k]
}

#[inline(always)]
pub(crate) fn dot(a: V2, b: V2) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

#[inline(always)]
pub(crate) fn cross(a: V2, b: V2) -> f32 {
    a[0] * b[1] - a[1] * b[0]
}

#[inline(always)]
pub(crate) fn length(a: V2) -> f32 {
    dot(a, a).sqrt()
}

/// Unit vector; zero for a vector too short to have a direction.
#[inline(always)]
pub(crate) fn unit(a: V2) -> V2 {
    let n = length(a);
    let k = if n > 1e-9 { 1.0 / n } else { 0.0 };
    [a[0] * k, a[1] * k]
}

/// Nearest point of the segment `a`–`b`.
#[inline(always)]
pub(crate) fn nearest_on(a: V2, b: V2, p: V2) -> V2 {
    let ab = sub(b, a);
    let len2 = dot(ab, ab);
    let t = if len2 > 0.0 { (dot(sub(p, a), ab) / len2).clamp(0.0, 1.0) } else { 0.0 };
    add_scaled(a, ab, t)
}

/// A segment with what is needed again and again to measure from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub a: V2,
    pub b: V2,
    ab: V2,
    /// 1 / length²; 0 for a point.
    inv_len2: f32,
}

impl Segment {
    pub(crate) fn new(a: V2, b: V2) -> Self {
        let ab = sub(b, a);
        let len2 = dot(ab, ab);
        Self { a, b, ab, inv_len2: if len2 > 0.0 { 1.0 / len2 } else { 0.0 } }
    }

    /// As [`nearest_on`], but for rounding.
    #[inline(always)]
    pub(crate) fn nearest(&self, p: V2) -> V2 {
        add_scaled(self.a, self.ab, (dot(sub(p, self.a), self.ab) * self.inv_len2).clamp(0.0, 1.0))
    }
}

#[inline(always)]
pub(crate) fn distance_to(a: V2, b: V2, p: V2) -> f32 {
    length(sub(p, nearest_on(a, b, p)))
}

/// Where along `p`–`q` the segment `a`–`b` is crossed, 0 to 1.
#[inline(always)]
pub(crate) fn crossing(p: V2, q: V2, a: V2, b: V2) -> Option<f32> {
    let (d, e, f) = (sub(q, p), sub(b, a), sub(a, p));
    let det = cross(d, e);
    if det == 0.0 {
        return None;
    }
    let (t, u) = (cross(f, e) / det, cross(f, d) / det);
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then_some(t)
}

/// `2^f` for `f` in -0.5 to 0.5: Taylor series of `exp(f ln 2)` to the fifth power, relative error below 3e-6.
pub(crate) const EXP2: [f32; 6] = [1.0, std::f32::consts::LN_2, 0.240_226_5, 0.055_504_11, 0.009_618_13, 0.001_333_36];
/// 1 / ln 2.
pub(crate) const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// 1.5 · 2^23: adding it rounds to a whole number, which then stands in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// `e^x` for `x` in -80 to 80, relative error below 1e-5.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let y = x.clamp(-80.0, 80.0) * LOG2_E;
    let shifted = y + ROUND;
    let f = y - (shifted - ROUND);
    let p = EXP2[..5].iter().rev().fold(EXP2[5], |p, c| p * f + c);
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_good_to_a_hundred_thousandth() {
        let worst = (-8000..8000)
            .map(|k| k as f32 * 0.01)
            .map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-5, "{worst:e}");
    }

    #[test]
    fn segments_cross_where_they_should() {
        let t = crossing([0.0, 0.0], [2.0, 0.0], [0.5, -1.0], [0.5, 1.0]).unwrap();
        assert!((t - 0.25).abs() < 1e-6);
        assert!(crossing([0.0, 0.0], [2.0, 0.0], [0.5, 0.1], [0.5, 1.0]).is_none());
        assert!((distance_to([0.0, 0.0], [1.0, 0.0], [2.0, 1.0]) - 2.0_f32.sqrt()).abs() < 1e-6);
    }
}
