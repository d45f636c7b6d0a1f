//! The trace (审计): every record carries the hash of the one before it, and signed checkpoints hold the chain.
//!
//! `hash(n) = BLAKE3-derive-key("sandtable audit v1", hash(n−1) ‖ n ‖ at ‖ body)`, numbers little-endian, `hash(0)` zero.
//! A checkpoint is an Ed25519 signature (RFC 8032) over context, number, time and hash. Whoever edits, removes or
//! reorders records breaks the chain at the first of them; whoever computes it anew fails at the next checkpoint;
//! whoever cuts off the end is found out by a checkpoint beyond it. What came after the last checkpoint can be cut off
//! unseen: that is why one is written at each start and stop and once a day, and why its hash belongs on paper elsewhere.

use crate::secret::{hex, unhex};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use twin_model::{AccountId, TimeMs};

const CHECKPOINT_CONTEXT: &[u8] = b"sandtable audit checkpoint v1";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// Server started or stopped.
    Service,
    /// Log-in, or the attempt.
    Login,
    /// Log-out.
    Logout,
    /// Something was changed, or should have been.
    Write,
    /// Personal data was read.
    ReadPersonal,
    /// Cameras were read.
    ReadCamera,
    /// The trace itself was read.
    ReadAudit,
    /// Account made, shut or changed.
    Account,
    /// Rights given or taken.
    Grant,
    /// Token or session made or revoked.
    Token,
    /// Device identity made or shut, or a device turned away.
    Device,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, or let through to be done.
    Allowed,
    /// Not permitted.
    Refused,
    /// Permitted, but it failed.
    Failed,
}

/// What is told of one act. No passwords, secrets or personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What.
    pub kind: AuditKind,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, if an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Who in words: login name, device id, `console` for the command line of the machine.
    pub who: String,
    /// Address that it came from; empty when from the machine itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// On what: method and path, account, topic.
    pub subject: String,
    /// More words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Hash of a record and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// The hash of the record that follows.
    #[must_use]
    pub fn next(self, number: u64, at: TimeMs, body: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("sandtable audit v1");
        hasher.update(&self.0);
        hasher.update(&number.to_le_bytes());
        hasher.update(&at.0.to_le_bytes());
        hasher.update(body.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// 1, 2, 3 …
    pub number: u64,
    /// When.
    pub at: TimeMs,
    /// [`AuditEvent`] as JSON.
    pub body: String,
    /// Hash of this and all before.
    pub hash: ChainHash,
}

impl AuditRecord {
    /// The record that follows `last` (number and hash; 0 and zero for the first).
    #[must_use]
    pub fn after(last: (u64, ChainHash), at: TimeMs, event: &AuditEvent) -> Self {
        // An event is a plain struct of text: it always has a JSON form.
        let body = serde_json::to_string(event).unwrap_or_default();
        let number = last.0 + 1;
        Self { number, at, hash: last.1.next(number, at, &body), body }
    }
}

/// The key that signs checkpoints.
pub struct AuditKey(SigningKey);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditKey(…)")
    }
}

/// What checks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl AuditKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&bytes))
    }
    /// As 64 hex digits.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex(&self.0.to_bytes())
    }
    /// Reads 64 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text.trim()).map(Self::new)
    }
    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
    /// Signs the chain up to a record.
    #[must_use]
    pub fn checkpoint(&self, number: u64, hash: ChainHash, at: TimeMs) -> Checkpoint {
        let signature = self.0.sign(&checkpoint_text(number, hash, at)).to_bytes();
        Checkpoint { number, at, hash, signature }
    }
}

impl PublicKey {
    /// As 64 hex digits.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex(self.0.as_bytes())
    }
    /// Reads 64 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        VerifyingKey::from_bytes(&unhex(text.trim())?).ok().map(Self)
    }
}

fn checkpoint_text(number: u64, hash: ChainHash, at: TimeMs) -> Vec<u8> {
    [CHECKPOINT_CONTEXT, &number.to_le_bytes(), &at.0.to_le_bytes(), &hash.0].concat()
}

/// A signature over the chain so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Last record it holds.
    pub number: u64,
    /// When it was signed.
    pub at: TimeMs,
    /// Hash of that record.
    pub hash: ChainHash,
    /// Ed25519.
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// True when the key signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let text = checkpoint_text(self.number, self.hash, self.at);
        key.0.verify_strict(&text, &Signature::from_bytes(&self.signature)).is_ok()
    }
}

/// What is wrong with a trace: the first bad record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// There is a hole, or the records begin late.
    #[error("record {missing} is missing: record {found} follows record {}", missing - 1)]
    Missing {
        /// First that is not there.
        missing: u64,
        /// The next one that is.
        found: u64,
    },
    /// Content and hash do not belong together, or it stood elsewhere.
    #[error("record {0} was changed or moved: its hash does not follow from the one before it")]
    Changed(u64),
    /// Signed records are gone from the end.
    #[error("record {missing} is missing: a checkpoint was signed at record {signed}")]
    CutOff {
        /// First that is not there.
        missing: u64,
        /// What was signed.
        signed: u64,
    },
    /// The chain was computed anew after it was signed.
    #[error("record {0} is not the one that its checkpoint was signed over: it or one before it was rewritten")]
    Rewritten(u64),
    /// The signature is not the server's.
    #[error("checkpoint at record {0}: the signature is not of this server's key")]
    Signature(u64),
}

/// What a sound trace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditSummary {
    /// Number of records.
    pub records: u64,
    /// Number of checkpoints.
    pub checkpoints: u64,
    /// Records up to here are signed.
    pub signed_up_to: u64,
    /// Hash of the last record.
    pub head: ChainHash,
}

/// Checks a trace: records in the order of the table, checkpoints by record number.
///
/// # Errors
/// The first [`AuditFault`].
pub fn verify_audit(
    records: impl IntoIterator<Item = AuditRecord>,
    checkpoints: &[Checkpoint],
    key: &PublicKey,
) -> Result<AuditSummary, AuditFault> {
    let mut summary = AuditSummary { checkpoints: checkpoints.len() as u64, ..AuditSummary::default() };
    let mut signed = checkpoints.iter().peekable();
    for record in records {
        let expected = summary.records + 1;
        if record.number > expected {
            return Err(AuditFault::Missing { missing: expected, found: record.number });
        }
        let hash = summary.head.next(record.number, record.at, &record.body);
        if record.number < expected || hash != record.hash {
            return Err(AuditFault::Changed(expected));
        }
        (summary.records, summary.head) = (record.number, hash);
        while let Some(checkpoint) = signed.next_if(|c| c.number <= record.number) {
            if !checkpoint.is_signed_by(key) {
                return Err(AuditFault::Signature(checkpoint.number));
            }
            if checkpoint.number != record.number || checkpoint.hash != hash {
                return Err(AuditFault::Rewritten(checkpoint.number));
            }
            summary.signed_up_to = checkpoint.number;
        }
    }
    match signed.next() {
        None => Ok(summary),
        Some(beyond) if !beyond.is_signed_by(key) => Err(AuditFault::Signature(beyond.number)),
        Some(beyond) => Err(AuditFault::CutOff { missing: summary.records + 1, signed: beyond.number }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(i: u64) -> AuditEvent {
        AuditEvent {
            kind: AuditKind::Write,
            outcome: Outcome::Allowed,
            account: Some(AccountId(2)),
            who: "wang".into(),
            from: "127.0.0.1".into(),
            subject: format!("POST /api/alarms/{i}/ack"),
            note: String::new(),
        }
    }

    fn trace() -> (Vec<AuditRecord>, Vec<Checkpoint>, AuditKey) {
        let key = AuditKey::new([9; 32]);
        let (mut records, mut checkpoints, mut last) = (Vec::new(), Vec::new(), (0, ChainHash::default()));
        for i in 1..=20 {
            let record = AuditRecord::after(last, TimeMs(1000 + i as i64), &event(i));
            last = (record.number, record.hash);
            records.push(record);
            if i % 8 == 0 {
                checkpoints.push(key.checkpoint(last.0, last.1, TimeMs(5000)));
            }
        }
        (records, checkpoints, key)
    }

    #[test]
    fn a_sound_trace_verifies_and_damage_is_named() {
        let (records, checkpoints, key) = trace();
        let check = |r: &[AuditRecord], c: &[Checkpoint]| verify_audit(r.iter().cloned(), c, &key.public());
        let summary = check(&records, &checkpoints).unwrap();
        assert_eq!((summary.records, summary.checkpoints, summary.signed_up_to), (20, 2, 16));
        assert_eq!(summary.head, records[19].hash);

        let mut edited = records.clone();
        edited[4].body = edited[4].body.replace("wang", "zhao");
        assert_eq!(check(&edited, &checkpoints), Err(AuditFault::Changed(5)));
        let mut dated = records.clone();
        dated[4].at = TimeMs(0);
        assert_eq!(check(&dated, &checkpoints), Err(AuditFault::Changed(5)));
        let mut deleted = records.clone();
        deleted.remove(6);
        assert_eq!(check(&deleted, &checkpoints), Err(AuditFault::Missing { missing: 7, found: 8 }));
        let mut swapped = records.clone();
        swapped.swap(2, 3);
        assert_eq!(check(&swapped, &checkpoints), Err(AuditFault::Missing { missing: 3, found: 4 }));
        // Swapped and numbered anew: the content is in the wrong place.
        let mut moved = records.clone();
        moved.swap(2, 3);
        (moved[2].number, moved[3].number) = (3, 4);
        assert_eq!(check(&moved, &checkpoints), Err(AuditFault::Changed(3)));
        assert_eq!(check(&records[..10], &checkpoints), Err(AuditFault::CutOff { missing: 11, signed: 16 }));
        assert_eq!(check(&[], &checkpoints), Err(AuditFault::CutOff { missing: 1, signed: 8 }));
    }

    #[test]
    fn a_chain_computed_anew_fails_at_the_checkpoint() {
        let (mut records, mut checkpoints, key) = trace();
        records[4].body = records[4].body.replace("wang", "zhao");
        let mut last = ChainHash::default();
        for record in &mut records {
            record.hash = last.next(record.number, record.at, &record.body);
            last = record.hash;
        }
        let check = |c: &[Checkpoint]| verify_audit(records.iter().cloned(), c, &key.public());
        assert_eq!(check(&checkpoints), Err(AuditFault::Rewritten(8)));
        // With a checkpoint of the forger's own.
        let forger = AuditKey::new([1; 32]);
        checkpoints[0] = forger.checkpoint(8, records[7].hash, TimeMs(5000));
        assert_eq!(check(&checkpoints), Err(AuditFault::Signature(8)));
        checkpoints[0].signature[3] ^= 1;
        assert_eq!(check(&checkpoints), Err(AuditFault::Signature(8)));
    }

    #[test]
    fn keys_read_back() {
        let key = AuditKey::new([5; 32]);
        assert_eq!(AuditKey::parse(&key.to_text()).unwrap().public(), key.public());
        assert_eq!(PublicKey::parse(&key.public().to_text()), Some(key.public()));
        assert!(PublicKey::parse("00").is_none() && !format!("{key:?}").contains("05"));
    }
}
