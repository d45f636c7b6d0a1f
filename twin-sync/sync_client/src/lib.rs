//! The viewer's side of the wire: [`Fetcher`] reads pack files from a folder or a server, [`LiveLink`] follows live
//! state and reconnects by itself, [`send_command`] asks the server for a change. Nothing blocks, nothing needs an async
//! runtime, and the same code runs natively and in the browser; time is always passed in.

mod command;
mod credentials;
mod error;
mod fetch;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod link;
mod url;

pub use command::{CommandError, CommandReply, CommandTicket, send_command, send_command_as};
pub use credentials::{AccessRefused, Credentials, LoginError, LoginTicket, log_in};
pub use error::FetchError;
pub use fetch::{Fetcher, Source, Ticket};
pub use link::{LinkEvent, LiveLink};
pub use url::{server_url, ws_url};
