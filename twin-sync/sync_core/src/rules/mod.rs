//! Rules and alarms (规则与告警): data in, alarms out, a function of the log.
//!
//! A [`RuleBook`] holds the rules compiled against the community. The running state (slots, timers, shelving, floods,
//! actions, commands, journal) lives in the [`crate::LiveEngine`]; it changes only by records, and time passes only by
//! [`crate::LogRecord::Tick`]. States and transitions: `doc/alarms.md`; the rule file: `doc/rules.md`.

mod alarm_store;
mod book;
mod check;
mod downlink;
mod expression;
mod floods;
mod geometry;
mod journal;
mod operate;
mod runtime;
mod snapshot;
mod world;

pub(crate) use alarm_store::Occasion;
pub use book::RuleBook;
pub use check::RuleError;
pub use downlink::{CommandError, Commands, check_command};
pub use expression::{Expression, ExpressionError, MAX_OPS, MAX_TEXT};
pub use journal::{AlarmFigures, Announcement, Bad, JOURNAL_KEPT, Journal};
pub use operate::{MAX_SHELVE_MIN, OperateError, check_operation};
pub use runtime::OutOfService;
pub(crate) use runtime::{RuleEngine, Timer};
pub(crate) use snapshot::RulesSnapshot;
