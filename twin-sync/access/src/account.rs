//! Local accounts (账号).

use crate::grant::{Grant, GrantError};
use crate::totp::TotpSecret;
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use twin_model::{AccountId, TimeMs};

/// Argon2id with 19 MiB, two passes, one lane: OWASP Password Storage Cheat Sheet (2024), the first of its minima.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Length of a password, characters. NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only factor, 8 with a
/// second one; longer than 128 only costs time.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=128;

/// What is wrong with an account; one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Login name.
    #[error("login name {0:?}: must be 2..32 of a-z 0-9 . _ - and begin with a letter")]
    LoginName(String),
    /// Display name.
    #[error("display name {0:?}: must be 1..64 characters without line breaks")]
    DisplayName(String),
    /// Password.
    #[error("password: has {0} characters: must be 12..128 and not be the login name")]
    Password(usize),
    /// A stored password hash is damaged.
    #[error("password hash: {0}")]
    Hash(String),
    /// Roles that exclude each other, or a grant that cannot be.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

/// Checks a login name: `[a-z][a-z0-9._-]{1,31}`.
///
/// # Errors
/// [`AccountError::LoginName`].
pub fn check_login_name(name: &str) -> Result<(), AccountError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let fits = (2..=32).contains(&name.len())
        && name.bytes().all(plain)
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if fits { Ok(()) } else { Err(AccountError::LoginName(name.chars().take(64).collect())) }
}

/// Checks a name for people: 1..64 characters, none of them a control character.
///
/// # Errors
/// [`AccountError::DisplayName`].
pub fn check_display_name(name: &str) -> Result<(), AccountError> {
    let fits = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) && name.trim() == name;
    if fits { Ok(()) } else { Err(AccountError::DisplayName(name.chars().take(80).collect())) }
}

/// Checks a new password.
///
/// # Errors
/// [`AccountError::Password`]; the password itself is in no text.
pub fn check_password(login: &str, password: &str) -> Result<(), AccountError> {
    let length = password.chars().count();
    let fits = PASSWORD_CHARS.contains(&length) && !password.eq_ignore_ascii_case(login);
    if fits { Ok(()) } else { Err(AccountError::Password(length)) }
}

/// Checks that an account may have these grants together (三权分立).
///
/// # Errors
/// [`GrantError`] naming the two roles, or the validity.
pub fn check_grants(grants: &[Grant]) -> Result<(), GrantError> {
    for (i, grant) in grants.iter().enumerate() {
        if let (Some(from), Some(to)) = (grant.from, grant.to)
            && from >= to
        {
            return Err(GrantError::Validity { from: from.0, to: to.0 });
        }
        if let Some(other) = grants.iter().take(i).find(|g| !g.role.may_join(grant.role)) {
            return Err(GrantError::Separation(other.role, grant.role));
        }
    }
    Ok(())
}

/// A password as it is stored: `argon2id$MEMORY_KIB$PASSES$LANES$SALT$HASH`, salt and hash in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// Hashes a password; takes tens of milliseconds and 19 MiB, which is the point.
    ///
    /// # Errors
    /// [`AccountError::Hash`] when the library refuses the parameters.
    pub fn new(password: &str, salt: [u8; 16]) -> Result<Self, AccountError> {
        let mut made = Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt, hash: [0; 32] };
        made.hash = made.derive(password)?;
        Ok(made)
    }

    /// What is checked when there is no such account: it fits no password and takes as long as any other.
    #[must_use]
    pub fn nobody() -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt: [0x5a; 16], hash: [0; 32] }
    }

    /// True for the right password; compares in constant time.
    #[must_use]
    pub fn fits(&self, password: &str) -> bool {
        self.derive(password).is_ok_and(|hash| hash.ct_eq(&self.hash).into())
    }

    fn derive(&self, password: &str) -> Result<[u8; 32], AccountError> {
        let fail = |e: argon2::Error| AccountError::Hash(e.to_string());
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(fail)?;
        let mut out = [0; 32];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(password.as_bytes(), &self.salt, &mut out).map_err(fail)?;
        Ok(out)
    }

    /// The stored text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (salt, hash) = (crate::secret::hex(&self.salt), crate::secret::hex(&self.hash));
        format!("argon2id${}${}${}${salt}${hash}", self.memory_kib, self.passes, self.lanes)
    }

    /// Reads the stored text.
    ///
    /// # Errors
    /// [`AccountError::Hash`].
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let damaged = || AccountError::Hash("damaged: must be argon2id$KIB$PASSES$LANES$SALT$HASH".to_owned());
        let parts: Vec<&str> = text.split('$').collect();
        let ["argon2id", memory, passes, lanes, salt, hash] = parts[..] else { return Err(damaged()) };
        let number = |text: &str| text.parse::<u32>().map_err(|_unparsable| damaged());
        Ok(Self {
            memory_kib: number(memory)?,
            passes: number(passes)?,
            lanes: number(lanes)?,
            salt: crate::secret::unhex(salt).ok_or_else(damaged)?,
            hash: crate::secret::unhex(hash).ok_or_else(damaged)?,
        })
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id; never used again.
    pub id: AccountId,
    /// What is typed at log-in.
    pub login: String,
    /// What people see.
    pub display_name: String,
    /// The password.
    pub password: PasswordHash,
    /// The second factor, if there is one.
    pub totp: Option<TotpSecret>,
    /// False when it was shut: nothing of it is valid then.
    pub enabled: bool,
    /// When it was made.
    pub created_at: TimeMs,
    /// What it may do.
    pub grants: Vec<Grant>,
}

impl Account {
    /// The roles of the grants valid at an instant, each once.
    #[must_use]
    pub fn roles_at(&self, at: TimeMs) -> Vec<crate::Role> {
        let mut roles: Vec<_> = self.grants.iter().filter(|g| g.is_valid_at(at)).map(|g| g.role).collect();
        roles.sort();
        roles.dedup();
        roles
    }
}

/// The parts of an account that lists show. Neither password nor second factor is in it.
impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            id: AccountId,
            login: &'a str,
            display_name: &'a str,
            second_factor: bool,
            enabled: bool,
            created_at: TimeMs,
            grants: &'a [Grant],
        }
        let Account { id, login, display_name, enabled, created_at, grants, .. } = self;
        let second_factor = self.totp.is_some();
        let (id, enabled, created_at) = (*id, *enabled, *created_at);
        Shown { id, login, display_name, second_factor, enabled, created_at, grants }.serialize(serializer)
    }
}

/// A login as it is sent.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Login name.
    pub login: String,
    /// Password.
    pub password: String,
    /// Six digits of the second factor.
    #[serde(default)]
    pub code: Option<String>,
    /// True for a programme that keeps the session itself: it gets a token instead of a cookie.
    #[serde(default)]
    pub bearer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Jurisdiction, Role};

    #[test]
    fn passwords_are_checked_and_read_back() {
        let hash = PasswordHash::new("correct horse battery", [7; 16]).unwrap();
        let back = PasswordHash::parse(&hash.to_text()).unwrap();
        assert_eq!(back, hash);
        assert!(back.fits("correct horse battery") && !back.fits("correct horse batterz"));
        assert!(hash.to_text().starts_with("argon2id$19456$2$1$"));
        assert!(!format!("{hash:?}").contains("argon2"));
        assert!(!PasswordHash::nobody().fits(""));
        for bad in ["", "argon2id$1$2$3", "argon2id$1$2$3$zz$00", "bcrypt$1$2$3$4$5"] {
            assert!(PasswordHash::parse(bad).is_err(), "{bad}");
        }
    }

    /// Vector of the reference implementation's test.c (phc-winner-argon2): argon2id, version 0x13, t=2, m=2^8 KiB, p=1,
    /// "password", "somesalt". Its salt is shorter than ours, so the library is asked directly.
    #[test]
    fn the_library_agrees_with_the_reference_implementation() {
        let params = Params::new(256, 2, 1, Some(32)).unwrap();
        let mut out = [0; 32];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into(b"password", b"somesalt", &mut out).unwrap();
        assert_eq!(crate::secret::hex(&out), "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
    }

    #[test]
    fn names_and_passwords_have_limits() {
        assert!(check_login_name("wang.wei-3").is_ok());
        for bad in ["", "a", "Wang", "1ab", "a b", "a/b", "王", "a$", &"x".repeat(33)] {
            assert!(check_login_name(bad).is_err(), "{bad}");
        }
        assert!(check_display_name("王伟").is_ok() && check_display_name("a\nb").is_err());
        assert!(check_password("wang", "long enough 1").is_ok() && check_password("wang", "short").is_err());
        assert!(check_password("wang.wei.wang", "Wang.Wei.Wang").is_err());
    }

    #[test]
    fn administrators_have_no_other_role() {
        let grant = |role| Grant::new(role, Jurisdiction::Everywhere);
        for a in Role::ALL {
            for b in Role::ALL {
                let apart = a != b && (a.is_administrator() || b.is_administrator());
                assert_eq!(check_grants(&[grant(*a), grant(*b)]).is_err(), apart, "{a} {b}");
            }
        }
    }
}
