//! Sixteen `f32` in as many vectors as the instruction set needs.
//!
//! The width is always sixteen, so that sums come out in the same order, hence with the same bits, on every machine.

use crate::math::{EXP2, LOG2_E, ROUND};
use pulp::Simd;
use std::ops::{Add, Div, Mul, Sub};

/// Values handled at once.
pub(crate) const WIDTH: usize = 16;
/// Sixteen values in memory.
pub(crate) type Chunk = [f32; WIDTH];

/// As many `f32` as the instruction set `S` takes at once.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd>(S, S::f32s);

macro_rules! operator {
    ($trait:ident, $method:ident, $lanes:ident) => {
        impl<S: Simd> $trait for Lanes<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0, self.0.$lanes(self.1, other.1))
            }
        }
    };
}

operator!(Add, add, add_f32s);
operator!(Sub, sub, sub_f32s);
operator!(Mul, mul, mul_f32s);
operator!(Div, div, div_f32s);

impl<S: Simd> Lanes<S> {
    /// Vectors of a chunk.
    pub(crate) const IN_CHUNK: usize = WIDTH / (size_of::<S::f32s>() / size_of::<f32>());

    #[inline(always)]
    pub(crate) fn of(simd: S, value: f32) -> Self {
        Self(simd, simd.splat_f32s(value))
    }

    /// Vector `k` of a chunk.
    #[inline(always)]
    pub(crate) fn load(simd: S, chunk: &Chunk, k: usize) -> Self {
        Self(simd, S::as_simd_f32s(chunk).0[k])
    }

    #[inline(always)]
    pub(crate) fn store(self, chunk: &mut Chunk, k: usize) {
        S::as_mut_simd_f32s(chunk).0[k] = self.1;
    }

    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        Self(self.0, self.0.sqrt_f32s(self.1))
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        Self(self.0, self.0.abs_f32s(self.1))
    }

    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask<S> {
        Mask(self.0, self.0.greater_than_f32s(self.1, other.1))
    }

    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.above(other).choose(self, other)
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        other.above(self).choose(self, other)
    }

    /// `e^x` for `x` in -80 to 80, as [`crate::math::exp`].
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        let (simd, of) = (self.0, |v| Self::of(self.0, v));
        let y = self.max(of(-80.0)).min(of(80.0)) * of(LOG2_E);
        let shifted = y + of(ROUND);
        let f = y - (shifted - of(ROUND));
        let mut p = of(EXP2[5]);
        for c in EXP2[..5].iter().rev() {
            p = p * f + of(*c);
        }
        let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted.1), simd.splat_u32s(23));
        p * Self(simd, simd.transmute_f32s_u32s(simd.add_u32s(bits, simd.splat_u32s(0x3f80_0000))))
    }
}

/// One truth per lane.
#[derive(Clone, Copy)]
pub(crate) struct Mask<S: Simd>(S, S::m32s);

impl<S: Simd> Mask<S> {
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0, self.0.and_m32s(self.1, other.1))
    }

    /// Whether it holds anywhere.
    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self.0.first_true_m32s(self.1) < size_of::<S::f32s>() / size_of::<f32>()
    }

    #[inline(always)]
    pub(crate) fn choose(self, yes: Lanes<S>, no: Lanes<S>) -> Lanes<S> {
        Lanes(self.0, self.0.select_f32s(self.1, yes.1, no.1))
    }
}

/// Sum in a fixed tree.
#[inline(always)]
pub(crate) fn sum(c: &Chunk) -> f32 {
    let mut a = *c;
    let mut n = WIDTH / 2;
    while n > 0 {
        for k in 0..n {
            a[k] += a[k + n];
        }
        n /= 2;
    }
    a[0]
}

/// Least value, in the same tree.
#[inline(always)]
pub(crate) fn least(c: &Chunk) -> f32 {
    let mut a = *c;
    let mut n = WIDTH / 2;
    while n > 0 {
        for k in 0..n {
            a[k] = if a[k + n] < a[k] { a[k + n] } else { a[k] };
        }
        n /= 2;
    }
    a[0]
}
