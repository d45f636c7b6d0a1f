//! Accounts at the edge: the store, who a request comes from, what each route needs, and the trace. Decisions
//! themselves are the crate `access`.

mod accounts_api;
mod admin;
mod auditor;
mod caller;
mod devices;
mod filter;
mod guard;
mod login;
mod pack_files;
mod routes;
mod sessions;
mod store;
mod visitor;

pub use admin::{AccessAdmin, AccountChange, NewAccount, NewDevice};
pub(crate) use caller::{Caller, RunPlaces};
pub(crate) use devices::{Admission, DeviceGate};
pub(crate) use filter::{delta_for, is_unrestricted, snapshot_for};
pub(crate) use guard::{guard, note_reads, router};
pub(crate) use pack_files::{ScopedFiles, scoped_files};
pub(crate) use sessions::Access;
pub use store::AccessError;
pub(crate) use visitor::Visitor;
