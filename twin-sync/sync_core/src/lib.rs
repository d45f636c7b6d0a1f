//! Live state without sockets (实时状态): topics and payloads, de-duplication, order, quality, alarms, and the deltas
//! that viewers receive. Everything here is a function of its arguments: no clock, no IO, no threads; builds for wasm32.
//!
//! The way of a message: [`BindingIndex`] finds who is observed, [`Payload`] reads the values, [`Intake`] refuses
//! repeats and judges quality, the result is a [`LogRecord`]. Once a record is durable, [`LiveEngine::apply`] turns it
//! into [`LiveState`]; the same records give the same state, whatever wall clock or restart lies between.

mod alarms;
mod binding;
mod calendar;
pub mod cases;
mod dedup;
mod engine;
mod intake;
mod live;
mod log;
mod motion;
mod payload;
mod rules;
mod stale;
mod wire;

pub use binding::{BindingIndex, BindingRow, Target};
pub use dedup::Dedup;
pub use engine::{Applied, EngineSnapshot, LiveEngine, NewCaseError, check_new_case};
pub use intake::{Admitted, Incoming, Intake, Reject};
pub use live::{Changes, Delta, LiveState, ProtocolError, fnv1a_64};
pub use log::{LOG_VERSION, LogError, LogRecord, LoggedMessage, LoggedSample};
pub use payload::{DecodeError, MAX_ABS_VALUE, MAX_PAYLOAD_BYTES, Payload, Reading};
pub use rules::{
    AlarmFigures, Announcement, Bad, CommandError, Commands, Expression, ExpressionError, JOURNAL_KEPT, Journal,
    MAX_OPS, MAX_SHELVE_MIN, MAX_TEXT, OperateError, OutOfService, RuleBook, RuleError, check_command, check_operation,
};
pub use stale::{STALE_AFTER_INTERVALS, is_stale, quality_at};
pub use wire::{ClientMessage, PROTOCOL, ResumeToken, ServerMessage, StateRow};
