//! The number type of a run: `f32` for work, `f64` to verify the scheme without rounding.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use sim_core::{ByteReader, ByteWriter, Checksum, SnapshotError};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// Number type of a run: `f32` or `f64`. Every operation is one IEEE 754 operation, so that all instruction sets give
/// the same bits.
pub trait Real:
    sealed::Sealed
    + Copy
    + Debug
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1/4.
    const QUARTER: Self;
    /// 1/2.
    const HALF: Self;
    /// 1.
    const ONE: Self;
    /// 2.
    const TWO: Self;
    /// 4.
    const FOUR: Self;
    /// Crest of a face without a wall, metres relative to the run's datum.
    const NO_CREST: Self;
    /// Not a number.
    const NAN: Self;
    /// Crest of an impassable face.
    const WALL: Self;
    /// What saved states of this type begin with.
    const STATE_KIND: [u8; 8];
    /// "f32" or "f64".
    const NAME: &'static str;

    /// The nearest value.
    fn of(value: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// The nearest `f32`.
    fn to_f32(self) -> f32;
    /// Magnitude.
    fn abs(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Magnitude of `self`, sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// `self^(-1/3)` of a positive normal number, to the last bits: an exponent guess and Newton steps without division.
    fn inv_cbrt(self) -> Self;
    /// Appends values to a saved state.
    fn write(w: &mut ByteWriter, values: &[Self]);
    /// Reads what [`Real::write`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] naming `field`.
    fn read(r: &mut ByteReader<'_>, field: &'static str) -> Result<Vec<Self>, SnapshotError>;
    /// Adds values to a digest.
    fn digest(c: &mut Checksum, values: &[Self]);
}

macro_rules! real {
    ($t:ty, $name:literal, $kind:literal, $write:ident, $read:ident, $digest:ident, $guess:expr, $newton:literal) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const QUARTER: Self = 0.25;
            const HALF: Self = 0.5;
            const ONE: Self = 1.0;
            const TWO: Self = 2.0;
            const FOUR: Self = 4.0;
            const NO_CREST: Self = -1e30;
            const NAN: Self = Self::NAN;
            const WALL: Self = 1e30;
            const STATE_KIND: [u8; 8] = *$kind;
            const NAME: &'static str = $name;

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                self.copysign(sign)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn inv_cbrt(self) -> Self {
                let guess: fn($t) -> $t = $guess;
                let mut r = guess(self);
                for _ in 0..$newton {
                    r = r * (4.0 - self * (r * r * r)) * (1.0 / 3.0);
                }
                r
            }
            fn write(w: &mut ByteWriter, values: &[Self]) {
                w.$write(values);
            }
            fn read(r: &mut ByteReader<'_>, field: &'static str) -> Result<Vec<Self>, SnapshotError> {
                r.$read(field)
            }
            fn digest(c: &mut Checksum, values: &[Self]) {
                c.$digest(values);
            }
        }
    };
}

real!(f32, "f32", b"floodS32", f32s, f32s, add_f32s, guess_f32, 3);
real!(f64, "f64", b"floodS64", f64s, f64s, add_f64s, guess_f64, 4);

/// The high 32 bits less a third of them; 0x553E_F000 halves the worst relative error of the guess to 3.4 %.
#[inline(always)]
fn guess_f64(h: f64) -> f64 {
    let top = h.to_bits() >> 32;
    let third = (top.wrapping_mul(0xAAAA_AAAB)) >> 33;
    f64::from_bits(0x553E_F000_u64.wrapping_sub(third) << 32)
}

/// The same in 32 bits. A third as 1/4 + 1/16 + … + 1/4096: shifts and sums, which every instruction set has.
#[inline(always)]
fn guess_f32(h: f32) -> f32 {
    let b = h.to_bits();
    let third = (b >> 2) + (b >> 4) + (b >> 6) + (b >> 8) + (b >> 10) + (b >> 12);
    f32::from_bits(GUESS_F32.wrapping_sub(third))
}

/// Least worst relative error of the guess, 3.5 % (found by search).
const GUESS_F32: u32 = 0x54A0_C000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_cube_root_is_exact_to_rounding() {
        let (mut worst64, mut worst32) = (0.0_f64, 0.0_f64);
        for k in -400..400 {
            let h = 1.037_f64.powi(k);
            worst64 = worst64.max((h.inv_cbrt() * h.cbrt() - 1.0).abs());
            let h = h as f32;
            worst32 = worst32.max((f64::from(h.inv_cbrt()) * f64::from(h).cbrt() - 1.0).abs());
        }
        assert!(worst64 < 1e-14, "{worst64:e}");
        assert!(worst32 < 4e-7, "{worst32:e}");
    }

    #[test]
    fn the_guess_is_good_to_five_percent() {
        let worst = (-126 * 8..126 * 8)
            .map(|k| 2.0_f32.powf(k as f32 / 8.0))
            .map(|h| (f64::from(guess_f32(h)) * f64::from(h).cbrt() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 0.05, "{worst}");
    }
}
