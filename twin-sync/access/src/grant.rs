//! A grant (授权): a role, where, over which kinds of things, with which fields, from when to when.

use crate::role::{Role, UnknownWord, words};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use twin_model::{EntityKind, TimeMs};

/// Where a grant holds (管辖范围).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Jurisdiction {
    /// Everywhere: `*`.
    Everywhere,
    /// All whose division or grid code begins so: `420199001001` (GB/T 2260 division, street, community; a grid has
    /// its number behind it).
    Prefix(String),
    /// An entity of the address spine by its code, and all below it: `below:XQ03`.
    Below(String),
}

/// A grant that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Not a jurisdiction.
    #[error("jurisdiction {0:?}: must be *, 2..24 digits of a division or grid code, or below:CODE")]
    Jurisdiction(String),
    /// A word that is not known.
    #[error(transparent)]
    Word(#[from] UnknownWord),
    /// Ends before it begins.
    #[error("validity from {from} to {to} ms: must begin before it ends")]
    Validity {
        /// Begin, ms.
        from: i64,
        /// End, ms.
        to: i64,
    },
    /// Roles that one account may not have together.
    #[error("roles {0} and {1} on one account: an administrator (三权分立) may have no other role")]
    Separation(Role, Role),
}

impl FromStr for Jurisdiction {
    type Err = GrantError;
    fn from_str(text: &str) -> Result<Self, GrantError> {
        let wrong = || GrantError::Jurisdiction(text.to_owned());
        if text == "*" {
            return Ok(Self::Everywhere);
        }
        if let Some(code) = text.strip_prefix("below:") {
            let fits = (1..=64).contains(&code.chars().count()) && !code.chars().any(char::is_control);
            return if fits { Ok(Self::Below(code.to_owned())) } else { Err(wrong()) };
        }
        let fits = (2..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if fits { Ok(Self::Prefix(text.to_owned())) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everywhere => f.write_str("*"),
            Self::Prefix(prefix) => f.write_str(prefix),
            Self::Below(code) => write!(f, "below:{code}"),
        }
    }
}

impl From<Jurisdiction> for String {
    fn from(j: Jurisdiction) -> String {
        j.to_string()
    }
}

impl TryFrom<String> for Jurisdiction {
    type Error = GrantError;
    fn try_from(text: String) -> Result<Self, GrantError> {
        text.parse()
    }
}

/// Which kinds of entities, and of devices which classes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassMask {
    /// Kinds; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<EntityKind>,
    /// Device classes (`smoke`, `rain_gauge` …); empty for all. Other kinds have no such limit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_classes: Vec<String>,
}

impl ClassMask {
    /// True when an entity of this kind and class is within.
    #[must_use]
    pub fn admits(&self, kind: EntityKind, class: &str) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&kind);
        let of_class = kind != EntityKind::Device
            || self.device_classes.is_empty()
            || self.device_classes.iter().any(|c| c == class);
        of_kind && of_class
    }
}

words! {
    /// What is masked unless it was granted (脱敏字段).
    Field, "field";
    /// Who lives where and how: attributes of households, people's names and numbers, care devices, meters in flats.
    Personal = "personal", "个人信息";
    /// Who needs help to get out (疏散协助名单).
    Evacuation = "evacuation", "疏散协助名单";
    /// Free text of cases: description and notes, in which people are named.
    Notes = "notes", "事件描述与办理意见";
}

/// A set of fields. The default shows none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(into = "Vec<Field>", from = "Vec<Field>")]
pub struct FieldMask(u8);

impl FieldMask {
    /// These.
    #[must_use]
    pub fn of(fields: &[Field]) -> Self {
        Self(fields.iter().fold(0, |bits, f| bits | 1 << *f as u8))
    }
    /// True when the field is shown.
    #[must_use]
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }
    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    pub(crate) fn bits(self) -> u8 {
        self.0
    }
}

impl From<FieldMask> for Vec<Field> {
    fn from(mask: FieldMask) -> Self {
        Field::ALL.iter().copied().filter(|f| mask.contains(*f)).collect()
    }
}

impl From<Vec<Field>> for FieldMask {
    fn from(fields: Vec<Field>) -> Self {
        Self::of(&fields)
    }
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// As what.
    pub role: Role,
    /// Where.
    pub jurisdiction: Jurisdiction,
    /// Over which kinds of things.
    #[serde(default)]
    pub classes: ClassMask,
    /// With which fields.
    #[serde(default)]
    pub fields: FieldMask,
    /// Valid from this instant; `None` for always so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TimeMs>,
    /// Valid until just before this instant; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TimeMs>,
}

impl Grant {
    /// A role in a jurisdiction: all classes; of the masked fields those that the role's work needs (the notes of cases
    /// for who works on them), nothing personal.
    #[must_use]
    pub fn new(role: Role, jurisdiction: Jurisdiction) -> Self {
        let works_on_cases = role.actions().contains(crate::Action::MoveCase);
        let fields = if works_on_cases { FieldMask::of(&[Field::Notes]) } else { FieldMask::default() };
        Self { role, jurisdiction, classes: ClassMask::default(), fields, from: None, to: None }
    }

    /// True at an instant of its validity.
    #[must_use]
    pub fn is_valid_at(&self, at: TimeMs) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}
