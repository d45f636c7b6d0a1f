//! A few ensemble members side by side: arithmetic on fixed arrays that the compiler turns into vector instructions.
//!
//! Every operation is exactly rounded or built from such operations, so a lane holds the same bits on every machine and
//! whatever its neighbours hold.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// One value per member of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct V<const L: usize>(pub [f64; L]);

/// One truth value per member.
pub(crate) type M<const L: usize> = [bool; L];

impl<const L: usize> Default for V<L> {
    #[inline(always)]
    fn default() -> Self {
        Self([0.0; L])
    }
}

macro_rules! binary {
    ($trait:ident, $fn:ident, $op:tt) => {
        impl<const L: usize> $trait for V<L> {
            type Output = Self;
            #[inline(always)]
            fn $fn(mut self, other: Self) -> Self {
                for k in 0..L {
                    self.0[k] $op other.0[k];
                }
                self
            }
        }
        impl<const L: usize> $trait<f64> for V<L> {
            type Output = Self;
            #[inline(always)]
            fn $fn(mut self, other: f64) -> Self {
                for k in 0..L {
                    self.0[k] $op other;
                }
                self
            }
        }
    };
}
binary!(Add, add, +=);
binary!(Sub, sub, -=);
binary!(Mul, mul, *=);
binary!(Div, div, /=);

impl<const L: usize> Neg for V<L> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self * -1.0
    }
}

impl<const L: usize> AddAssign for V<L> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<const L: usize> SubAssign for V<L> {
    #[inline(always)]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<const L: usize> V<L> {
    #[inline(always)]
    pub fn splat(x: f64) -> Self {
        Self([x; L])
    }

    #[inline(always)]
    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for k in 0..L {
            self.0[k] = f(self.0[k]);
        }
        self
    }

    #[inline(always)]
    pub fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    #[inline(always)]
    pub fn abs(self) -> Self {
        self.map(f64::abs)
    }

    /// The greater of two; plain comparison, so that it is one instruction.
    #[inline(always)]
    pub fn max(mut self, other: Self) -> Self {
        for k in 0..L {
            self.0[k] = if self.0[k] > other.0[k] { self.0[k] } else { other.0[k] };
        }
        self
    }

    #[inline(always)]
    pub fn min(mut self, other: Self) -> Self {
        for k in 0..L {
            self.0[k] = if self.0[k] < other.0[k] { self.0[k] } else { other.0[k] };
        }
        self
    }

    #[inline(always)]
    pub fn at_least(self, low: f64) -> Self {
        self.max(Self::splat(low))
    }

    #[inline(always)]
    pub fn at_most(self, high: f64) -> Self {
        self.min(Self::splat(high))
    }

    #[inline(always)]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        self.at_least(low).at_most(high)
    }

    #[inline(always)]
    pub fn gt(self, other: Self) -> M<L> {
        let mut m = [false; L];
        for k in 0..L {
            m[k] = self.0[k] > other.0[k];
        }
        m
    }

    /// `a` where `mask`, else `b`.
    #[inline(always)]
    pub fn select(mask: M<L>, a: Self, b: Self) -> Self {
        let mut out = b;
        for k in 0..L {
            out.0[k] = if mask[k] { a.0[k] } else { b.0[k] };
        }
        out
    }

    /// Cube root of a value >= 0 (0 below 1e-200), relative error < 1e-15.
    #[inline(always)]
    pub fn cbrt(self) -> Self {
        self.map(cbrt)
    }

    /// Fifth root of a value >= 0 (0 below 1e-150), relative error < 2e-15.
    #[inline(always)]
    pub fn fifth_root(self) -> Self {
        self.map(fifth_root)
    }

    /// Natural exponential, relative error < 1e-15; the argument is held in -700 to 700.
    #[inline(always)]
    pub fn exp(self) -> Self {
        self.map(exp)
    }

    /// Greatest value over the members.
    #[inline(always)]
    pub fn greatest(self) -> f64 {
        let mut top = self.0[0];
        for k in 1..L {
            top = if self.0[k] > top { self.0[k] } else { top };
        }
        top
    }
}

/// See [`V::cbrt`]: x y² with y the inverse root by Newton's method, y (4 - x y³)/3, which needs no division. The start (within 4 %)
/// comes from a third of the exponent, in 32-bit steps that do not overflow, so that all of it becomes vector code.
#[inline(always)]
pub(crate) fn cbrt(x: f64) -> f64 {
    let safe = if x > 1e-200 { x } else { 1.0 };
    let third = (safe.to_bits() >> 32).wrapping_mul(0x5555_5556) >> 32;
    let mut y = f64::from_bits(0x553e_f084_u64.wrapping_sub(third) << 32);
    for _ in 0..4 {
        y *= 4.0 / 3.0 - safe * (y * y * y) * (1.0 / 3.0);
    }
    if x > 1e-200 { safe * (y * y) } else { 0.0 }
}

/// x^(1/5) for x >= 0 (0 below 1e-150), relative error < 2e-15: the same with y (6 - x y⁵)/5 and x y⁴.
#[inline(always)]
pub(crate) fn fifth_root(x: f64) -> f64 {
    let safe = if x > 1e-150 { x } else { 1.0 };
    let fifth = (safe.to_bits() >> 32).wrapping_mul(0x3333_3334) >> 32;
    let mut y = f64::from_bits(0x4cb8_a769_u64.wrapping_sub(fifth) << 32);
    for _ in 0..4 {
        let y2 = y * y;
        y *= 1.2 - safe * (y2 * y2 * y) * 0.2;
    }
    let y2 = y * y;
    if x > 1e-150 { safe * (y2 * y2) } else { 0.0 }
}

/// 1/k! for k = 13 down to 0.
const TAYLOR: [f64; 14] = {
    let mut c = [1.0; 14];
    let mut factorial = 1.0;
    let mut k = 1;
    while k < 14 {
        factorial *= k as f64;
        c[13 - k] = 1.0 / factorial;
        k += 1;
    }
    c
};

/// See [`V::exp`]: reduction by ln 2 in two parts (Cody & Waite 1980) and the Taylor sum to the 13th power.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    const MAGIC: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: adding it rounds to a whole number
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x > -700.0 { x } else { -700.0 };
    let x = if x < 700.0 { x } else { 700.0 };
    let t = x * std::f64::consts::LOG2_E + MAGIC;
    let n = t - MAGIC;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut s = TAYLOR[0];
    for c in &TAYLOR[1..] {
        s = s * r + c;
    }
    let power = (t.to_bits() << 52).wrapping_add(1.0_f64.to_bits());
    s * f64::from_bits(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_exponentials_agree_with_libm() {
        for k in 1..4000 {
            let x = libm::exp(f64::from(k - 2000) * 0.05);
            assert!((cbrt(x) / libm::cbrt(x) - 1.0).abs() < 1e-14, "{x} {} {}", cbrt(x), libm::cbrt(x));
            assert!((fifth_root(x) / libm::exp(f64::from(k - 2000) * 0.01) - 1.0).abs() < 3e-14, "{x}");
            let y = f64::from(k - 2000) * 0.3;
            assert!((exp(y) / libm::exp(y) - 1.0).abs() < 3e-15, "{y}");
        }
        assert_eq!([cbrt(0.0), fifth_root(0.0)], [0.0; 2]);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) >= 0.0 && exp(1e9).is_finite());
    }
}
