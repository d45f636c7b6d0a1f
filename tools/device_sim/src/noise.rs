//! Repeatable randomness: a value for every (seed, stream, time) without any state.

/// SplitMix64 finaliser (Steele, Lea, Flood 2014): mixes a key into 64 even bits.
pub(crate) fn mix(key: u64) -> u64 {
    let z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) that belongs to the key.
pub(crate) fn unit(key: u64) -> f64 {
    (mix(key) >> 11) as f64 / (1u64 << 53) as f64
}

/// Stable key of a text.
pub(crate) fn key_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| mix(h ^ u64::from(b)))
}

/// Smooth noise in [-1, 1] that wanders with `period_s`.
pub(crate) fn wander(key: u64, t_s: f64, period_s: f64) -> f64 {
    let x = t_s / period_s;
    let (cell, part) = (x.floor(), x - x.floor());
    let at = |i: f64| unit(key ^ mix(i as i64 as u64)) * 2.0 - 1.0;
    let blend = part * part * (3.0 - 2.0 * part);
    at(cell) * (1.0 - blend) + at(cell + 1.0) * blend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_repeatable_bounded_and_smooth() {
        for i in 0..1000 {
            let t = f64::from(i) * 0.37;
            let (a, b) = (wander(7, t, 10.0), wander(7, t + 0.01, 10.0));
            assert!(a.abs() <= 1.0 && (a - b).abs() < 0.01);
            assert_eq!(a.to_bits(), wander(7, t, 10.0).to_bits());
            assert!((0.0..1.0).contains(&unit(i as u64)));
        }
        assert_ne!(key_of("a"), key_of("b"));
    }
}
