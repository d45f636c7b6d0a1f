//! Random numbers that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

/// A stream of random numbers for one purpose; streams of one seed do not disturb each other.
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream `purpose` of `seed`.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut inner = ChaCha8Rng::seed_from_u64(seed);
        inner.set_stream(purpose);
        Self(inner)
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform whole number in `low..=high`.
    pub fn int(&mut self, low: u32, high: u32) -> u32 {
        low + (self.unit() * f64::from(high - low + 1)) as u32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.0.next_u64() as usize % items.len()]
    }
}

/// A well-mixed number of two integers (splitmix64's finaliser).
pub fn hash2(x: i64, y: i64, salt: u64) -> u64 {
    let mut h = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        ^ salt.wrapping_mul(0x1656_67B1_9E37_79F9);
    h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}

/// White noise in 0..1 of an integer lattice point.
pub fn white(x: i64, y: i64, salt: u64) -> f64 {
    (hash2(x, y, salt) >> 40) as f64 / (1u64 << 24) as f64
}

/// Smooth noise in 0..1 with features of size 1.
pub fn smooth(x: f64, y: f64, salt: u64) -> f64 {
    let (fx, fy) = (x.floor(), y.floor());
    let (tx, ty) = (x - fx, y - fy);
    let (ix, iy) = (fx as i64, fy as i64);
    let (sx, sy) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
    let a = white(ix, iy, salt) * (1.0 - sx) + white(ix + 1, iy, salt) * sx;
    let b = white(ix, iy + 1, salt) * (1.0 - sx) + white(ix + 1, iy + 1, salt) * sx;
    a * (1.0 - sy) + b * sy
}

/// Three octaves of [`smooth`], in 0..1.
pub fn fractal(x: f64, y: f64, salt: u64) -> f64 {
    (smooth(x, y, salt) * 4.0 + smooth(x * 2.03, y * 2.03, salt + 1) * 2.0 + smooth(x * 4.1, y * 4.1, salt + 2)) / 7.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let take = |seed, purpose| {
            let mut r = Rng::new(seed, purpose);
            (0..4).map(|_| r.int(0, 1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(take(1, 2), take(1, 2));
        assert_ne!(take(1, 2), take(1, 3));
        assert_ne!(take(1, 2), take(2, 2));
    }

    #[test]
    fn noise_is_in_range_and_continuous() {
        for i in 0..500 {
            let (x, y) = (f64::from(i) * 0.37 - 40.0, f64::from(i) * 0.11);
            let v = fractal(x, y, 7);
            assert!((0.0..=1.0).contains(&v));
            assert!((v - fractal(x + 1e-6, y, 7)).abs() < 1e-4);
        }
    }
}
