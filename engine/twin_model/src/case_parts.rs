//! Parts of a grid case.

use crate::TimeMs;
use serde::{Deserialize, Serialize};

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseEnd {
    /// 结案.
    Closed,
    /// 不立案: checked and not accepted.
    NotAccepted,
    /// 作废: withdrawn or entered by mistake.
    Void,
    /// 重复: another case tells of the same matter.
    Duplicate,
}

impl CaseEnd {
    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            CaseEnd::Closed => "结案",
            CaseEnd::NotAccepted => "不立案",
            CaseEnd::Void => "作废",
            CaseEnd::Duplicate => "重复",
        }
    }
}

/// How the place of a case came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Given by the reporter, or that of the thing it is about.
    #[default]
    Given,
    /// 换算: moved into the community by an import; not where it happened.
    Mapped,
    /// 位置不明: nobody knows; the point is the middle of the community and means nothing.
    Unlocated,
}

impl Placement {
    /// True for the normal case.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self == Placement::Given
    }
}

/// The deadline clock of a case, in working time (工作时). Worked out when a move is made and kept with it, so that no
/// later change of the calendar or the class table alters what was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseClock {
    /// Allowed working time with granted extensions, ms; `None` when the class has no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<i64>,
    /// Working time used up to `since`, or in all while the clock stands, ms.
    pub used_ms: i64,
    /// Running since; `None` while it stands (挂账, handed in, ended).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<TimeMs>,
    /// When the limit is reached if nothing stops the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<TimeMs>,
}

impl CaseClock {
    /// Whether the time used keeps the limit; `None` without a limit.
    #[must_use]
    pub fn is_within(&self) -> Option<bool> {
        self.limit_ms.map(|limit| self.used_ms <= limit)
    }
}

/// An extension (延期) that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseExtension {
    /// Working minutes more.
    pub work_min: u32,
    /// When it was asked for.
    pub asked_at: TimeMs,
}

/// What a photograph is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl PhotoKind {
    /// The kind that the first bytes announce: JPEG `FF D8 FF` (ITU-T T.81 B.1.1.3), PNG's signature (W3C PNG §5.2),
    /// WebP `RIFF....WEBP` (RFC 9649 §2.4).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(PhotoKind::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(PhotoKind::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PhotoKind::Webp),
            _ => None,
        }
    }
    /// Media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            PhotoKind::Jpeg => "image/jpeg",
            PhotoKind::Png => "image/png",
            PhotoKind::Webp => "image/webp",
        }
    }
}

/// A photograph of a case. It is known by its content; nobody's file name is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasePhoto {
    /// SHA-256 of the content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What it is.
    pub kind: PhotoKind,
    /// Length, bytes.
    pub bytes: u32,
    /// When it was added.
    pub at: TimeMs,
}

/// The number that another system knows a case by. Looked up at the edge, never followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSource {
    /// Name of the system, e.g. `nyc311`, `open311`.
    pub system: String,
    /// Its number there.
    pub id: String,
}
