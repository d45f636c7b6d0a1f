//! Who may see and do what (账号、权限与审计): accounts, roles, grants, the scope that a session compiles from them,
//! back-off after failed log-ins, and a hash-chained audit trail. Everything here is a function of its arguments: time
//! and random bytes are passed in; no IO, no threads; builds for wasm32.
//!
//! The way of a request: a [`Secret`] names a session, its account has [`Grant`]s, [`Scope::compile`] turns them into
//! bitmaps over the community's [`Territory`], and every decision is a look into those.

mod account;
mod audit;
mod device;
mod grant;
mod personal;
mod role;
mod scope;
mod secret;
mod territory;
mod throttle;
mod totp;

pub use account::{
    Account, AccountError, Login, PasswordHash, check_display_name, check_grants, check_login_name, check_password,
};
pub use audit::{
    AuditEvent, AuditFault, AuditKey, AuditKind, AuditRecord, AuditSummary, ChainHash, Checkpoint, Outcome, PublicKey,
    verify_audit,
};
pub use device::{DeviceError, DeviceIdentity, check_device_id, check_topic};
pub use grant::{ClassMask, Field, FieldMask, Grant, GrantError, Jurisdiction};
pub use personal::{attribute_field, is_personal, shows_series};
pub use role::{Action, ActionSet, Role, UnknownWord};
pub use scope::Scope;
pub use secret::{Secret, SecretHash, SecretKind};
pub use territory::Territory;
pub use throttle::{Backoff, Bucket};
pub use totp::{TotpError, TotpSecret};
