//! Counter-based random numbers: no state to share, no order to keep.

/// Random numbers addressed by (seed, stream, counter).
///
/// Every draw is a hash of its address (the SplitMix64 output function: Steele, Lea, Flood 2014, "Fast splittable
/// pseudorandom number generators"), so agent 7 draws the same numbers whichever thread serves it and whatever other
/// agents do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CounterRng {
    key: u64,
    counter: u64,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl CounterRng {
    /// A generator for `stream` (an agent, a cell, a purpose) of the run seeded with `seed`.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        let key = mix(mix(seed.wrapping_add(GOLDEN)) ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self { key, counter: 0 }
    }

    /// The draw with number `counter`, whatever was drawn before.
    #[must_use]
    pub const fn at(&self, counter: u64) -> u64 {
        mix(self.key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        let x = self.at(self.counter);
        self.counter = self.counter.wrapping_add(1);
        x
    }

    /// Uniform in `[0, 1)` with 53 random bits.
    pub const fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in `[low, high)`.
    pub const fn range_f64(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next_f64()
    }

    /// Uniform in `0..n`; 0 when `n` is 0. The bias is below `n / 2^64`.
    pub const fn below(&mut self, n: u64) -> u64 {
        ((self.next_u64() as u128 * n as u128) >> 64) as u64
    }

    /// Standard normal deviate (Box and Muller 1958). Uses the platform's `ln` and `cos`, hence equal across
    /// platforms only to the last bit of those; do not use where a checksum must match between platforms.
    pub fn next_normal(&mut self) -> f64 {
        let u = 1.0 - self.next_f64();
        let v = self.next_f64();
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Draws made so far.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addressed_draws_equal_sequential_ones() {
        let fixed = CounterRng::new(7, 3);
        let mut seq = fixed;
        for k in 0..100 {
            assert_eq!(seq.next_u64(), fixed.at(k));
        }
        assert_eq!(seq.counter(), 100);
    }

    #[test]
    fn streams_and_seeds_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..20 {
            for stream in 0..20 {
                assert!(seen.insert(CounterRng::new(seed, stream).at(0)));
            }
        }
    }

    #[test]
    fn mean_variance_and_range() {
        let mut r = CounterRng::new(1, 1);
        let n = 200_000;
        let (mut s, mut q, mut ns, mut nq) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = r.next_f64();
            assert!((0.0..1.0).contains(&x));
            assert!(r.below(7) < 7);
            let g = r.next_normal();
            s += x;
            q += x * x;
            ns += g;
            nq += g * g;
        }
        let m = s / f64::from(n);
        // Five standard errors of the mean and of the variance.
        assert!((m - 0.5).abs() < 5.0 * (1.0 / 12.0_f64).sqrt() / f64::from(n).sqrt());
        assert!((q / f64::from(n) - m * m - 1.0 / 12.0).abs() < 1e-3);
        assert!((ns / f64::from(n)).abs() < 5.0 / f64::from(n).sqrt());
        assert!((nq / f64::from(n) - 1.0).abs() < 0.02);
    }
}
