//! Random secrets that stand for a session, a programme or a device. Only their hash is kept.

use subtle::ConstantTimeEq;

/// What a secret is for. The first letters say so, so that one that turns up in a wrong place is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// Of somebody who logged in (会话): `sts_…`.
    Session,
    /// Of a programme (接口令牌): `stt_…`.
    Token,
    /// Of a device (设备密钥): `std_…`.
    Device,
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            SecretKind::Session => "sts_",
            SecretKind::Token => "stt_",
            SecretKind::Device => "std_",
        }
    }
}

/// 256 random bits with their kind. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: SecretKind,
    bytes: [u8; 32],
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({:?}, …)", self.kind)
    }
}

impl Secret {
    /// From random bytes of the system.
    #[must_use]
    pub fn new(kind: SecretKind, bytes: [u8; 32]) -> Self {
        Self { kind, bytes }
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    /// The text that is given away once: kind and 64 hex digits.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}{}", self.kind.prefix(), hex(&self.bytes))
    }

    /// Reads the text; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let kinds = [SecretKind::Session, SecretKind::Token, SecretKind::Device];
        let (kind, digits) = kinds.into_iter().find_map(|k| Some((k, text.strip_prefix(k.prefix())?)))?;
        Some(Self { kind, bytes: unhex(digits)? })
    }

    /// What is kept. 256 random bits need no slow hash; the kind is in it, so that one kind never passes for another.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        let mut hasher = blake3::Hasher::new_derive_key("sandtable secret v1");
        hasher.update(self.kind.prefix().as_bytes());
        hasher.update(&self.bytes);
        SecretHash(*hasher.finalize().as_bytes())
    }
}

/// Hash of a [`Secret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Compares in constant time.
    #[must_use]
    pub fn is_of(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.hash().0).into()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_read_back_and_kinds_stay_apart() {
        let secret = Secret::new(SecretKind::Session, std::array::from_fn(|i| i as u8));
        assert_eq!(Secret::parse(&secret.to_text()), Some(secret.clone()));
        assert!(secret.hash().is_of(&secret));
        let token = Secret::new(SecretKind::Token, std::array::from_fn(|i| i as u8));
        assert!(!token.hash().is_of(&secret));
        let text = secret.to_text();
        let upper = text.to_uppercase();
        let long = format!("{text}0");
        for bad in ["", "sts_", "sts_00", &text[1..], upper.as_str(), long.as_str(), &text.replace("sts_", "stx_")] {
            assert_eq!(Secret::parse(bad), None, "{bad}");
        }
        assert!(!format!("{secret:?}").contains("0001"));
    }
}
