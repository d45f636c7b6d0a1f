//! Vectors of the machine's widest instruction set, with the operators of numbers.
//!
//! Every operation is one IEEE 754 operation per lane, so that all instruction sets give the same bits.

use std::ops::{Add, Div, Mul, Sub};

use pulp::Simd;

use super::layout::CHUNK;
use super::rows::Chunk;

/// As many `f32` as the instruction set `S` takes at once.
#[derive(Debug, Clone, Copy)]
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
    pub(crate) const IN_CHUNK: usize = CHUNK / (size_of::<S::f32s>() / size_of::<f32>());

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

    /// The larger of two numbers; `other` when either is NaN.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.above(other).choose(self, other)
    }

    /// The greatest of all lanes.
    #[inline(always)]
    pub(crate) fn greatest(self) -> f32 {
        self.0.reduce_max_f32s(self.1)
    }

    #[inline(always)]
    pub(crate) fn above(self, other: Self) -> Mask<S> {
        Mask(self.0, self.0.greater_than_f32s(self.1, other.1))
    }

    #[inline(always)]
    pub(crate) fn is(self, other: Self) -> Mask<S> {
        Mask(self.0, self.0.equal_f32s(self.1, other.1))
    }

    /// `self^(-1/3)` of a number from 1e-6 to 1e3, to 5e-4: an exponent guess and one step of third order.
    #[inline(always)]
    pub(crate) fn rough_inv_cbrt(self) -> Self {
        let (simd, of) = (self.0, |value| Self::of(self.0, value));
        let bits = simd.transmute_u32s_f32s(self.1);
        let shifted = |by: u32| simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(by));
        // A third as 1/4 + 1/16 + 1/64 + 1/256.
        let third = simd.add_u32s(simd.add_u32s(shifted(2), shifted(4)), simd.add_u32s(shifted(6), shifted(8)));
        let guess = simd.sub_u32s(simd.splat_u32s(GUESS), third);
        let r = Self(simd, simd.transmute_f32s_u32s(guess));
        let e = of(1.0) - self * (r * r * r);
        r + r * (e * (of(1.0 / 3.0) + e * of(2.0 / 9.0)))
    }
}

/// Least worst relative error of the guess (found by search).
const GUESS: u32 = 0x548D_8000;

/// One truth per lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask<S: Simd>(S, S::m32s);

impl<S: Simd> Mask<S> {
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0, self.0.and_m32s(self.1, other.1))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0, self.0.or_m32s(self.1, other.1))
    }

    #[inline(always)]
    pub(crate) fn choose(self, yes: Lanes<S>, no: Lanes<S>) -> Lanes<S> {
        Lanes(self.0, self.0.select_f32s(self.1, yes.1, no.1))
    }
}
