//! The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 s, one step of tolerance), as authenticator
//! apps have them.

use totp_rs::{Algorithm, Builder, Secret, Totp};
use twin_model::TimeMs;

/// A shared secret of 160 bits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

/// A stored secret that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("second factor: must be 16..64 bytes as Base32")]
pub struct TotpError;

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    /// From random bytes; 160 bits as RFC 4226 §4 recommends.
    #[must_use]
    pub fn new(bytes: [u8; 20]) -> Self {
        Self(bytes.to_vec())
    }

    /// Base32, for an authenticator app and for storing.
    #[must_use]
    pub fn to_text(&self) -> String {
        Secret::from(self.0.clone()).to_base32()
    }

    /// Reads Base32.
    ///
    /// # Errors
    /// [`TotpError`].
    pub fn parse(text: &str) -> Result<Self, TotpError> {
        let secret = Secret::try_from_base32(text).map_err(|_unreadable| TotpError)?;
        let bytes = secret.as_bytes().to_vec();
        if (16..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(TotpError) }
    }

    /// The step (30 s since 1970) that the code is right for; the caller refuses one that was used before, so that a
    /// code that was looked at over a shoulder is worth nothing.
    #[must_use]
    pub fn step_of(&self, code: &str, now: TimeMs) -> Option<u64> {
        let six_digits = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        let seconds = u64::try_from(now.0.div_euclid(1000)).ok()?;
        if six_digits { self.generator()?.check(code, seconds) } else { None }
    }

    fn generator(&self) -> Option<Totp> {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(30);
        builder.with_secret(self.0.clone()).build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(secret.step_of(code, TimeMs(seconds * 1000)), Some(seconds as u64 / 30), "{seconds}");
            assert!(secret.step_of(code, TimeMs((seconds + 30) * 1000)).is_some(), "one step of tolerance");
            assert_eq!(secret.step_of(code, TimeMs((seconds + 90) * 1000)), None);
        }
        for bad in ["", "28708", "2870820", "28708a", "２８７０８２"] {
            assert_eq!(secret.step_of(bad, TimeMs(59_000)), None, "{bad}");
        }
        assert_eq!(TotpSecret::parse(&secret.to_text()), Ok(secret));
        assert!(TotpSecret::parse("no base32!").is_err() && TotpSecret::parse("AAAA").is_err());
    }
}
