//! A 64-bit digest that is the same on every platform.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a folded over 64-bit little-endian words with a final avalanche (constants: Fowler, Noll, Vo; finaliser:
/// MurmurHash3 `fmix64`, Appleby). Not cryptographic: it tells two states apart, nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksum {
    /// An empty digest.
    #[must_use]
    pub const fn new() -> Self {
        Self(OFFSET)
    }

    /// Adds one word.
    pub const fn add_u64(&mut self, word: u64) {
        // The rotation carries high bits back down, which plain word-wise FNV would lose.
        self.0 = (self.0 ^ word).wrapping_mul(PRIME).rotate_left(29);
    }

    /// Adds the bits of an f64. `-0.0` and `0.0` differ, and so do different NaN payloads.
    pub const fn add_f64(&mut self, value: f64) {
        self.add_u64(value.to_bits());
    }

    /// Adds the bits of an f32.
    pub const fn add_f32(&mut self, value: f32) {
        self.add_u64(value.to_bits() as u64);
    }

    /// Adds a slice of f64 and its length.
    pub fn add_f64s(&mut self, values: &[f64]) {
        self.add_u64(values.len() as u64);
        for &v in values {
            self.add_f64(v);
        }
    }

    /// Adds a slice of f32 and its length.
    pub fn add_f32s(&mut self, values: &[f32]) {
        self.add_u64(values.len() as u64);
        for &v in values {
            self.add_f32(v);
        }
    }

    /// Adds bytes and their length.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        self.add_u64(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let mut le = [0_u8; 8];
            le.copy_from_slice(word);
            self.add_u64(u64::from_le_bytes(le));
        }
        let mut last = [0_u8; 8];
        let rest = words.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.add_u64(u64::from_le_bytes(last));
    }

    /// The digest of what was added so far.
    #[must_use]
    pub const fn finish(&self) -> u64 {
        let mut x = self.0;
        x ^= x >> 33;
        x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
        x ^= x >> 33;
        x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        x ^ (x >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> u64 {
        let mut c = Checksum::new();
        c.add_f64s(values);
        c.finish()
    }

    #[test]
    fn one_bit_and_order_matter() {
        let a = of(&[1.0, 2.0, 3.0]);
        assert_ne!(a, of(&[1.0, 3.0, 2.0]));
        assert_ne!(a, of(&[1.0, 2.0, f64::from_bits(3.0_f64.to_bits() ^ 1)]));
        assert_ne!(of(&[0.0]), of(&[-0.0]));
        assert_eq!(a, of(&[1.0, 2.0, 3.0]));
    }

    #[test]
    fn sign_bits_of_many_words_are_not_lost() {
        let mut seen = std::collections::BTreeSet::new();
        for k in 0..64 {
            let mut v = [0.0; 64];
            v[k] = -0.0;
            assert!(seen.insert(of(&v)));
        }
    }

    #[test]
    fn length_is_part_of_the_digest() {
        let mut a = Checksum::new();
        a.add_bytes(&[1, 0]);
        let mut b = Checksum::new();
        b.add_bytes(&[1]);
        assert_ne!(a.finish(), b.finish());
    }
}
