//! `sandtable`: the command line and server of the community sand table (社区电子沙盘).
//!
//! Exit codes: 0 done, 1 failed with one clear line, 2 wrong usage. With `--json` one JSON document goes to stdout;
//! messages go to stderr.

mod access;
mod evacuate;
mod generate;
mod import;
mod import_cases;
mod info;
mod progress;
mod serve;
mod simulate;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Digital-twin sand table of an urban community: import, serve, simulate.
#[derive(Parser)]
#[command(name = "sandtable", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accounts of a server: who may see and do what.
    Account(access::AccountArgs),
    /// Tokens of programmes and credentials of devices.
    Token(access::TokenArgs),
    /// The trace of a server: check it, read it.
    Audit(access::AuditArgs),
    /// Write the deliveries of a fictional riverside community in real formats.
    Generate(generate::Args),
    /// Turn deliveries into a community pack, with a report of everything skipped or approximated.
    Import(import::Args),
    /// Bring the cases of another system into a server or a data folder; every row becomes a case or is told why not.
    ImportCases(import_cases::Args),
    /// Say what is in a pack.
    Info(info::Args),
    /// Serve a pack: MQTT in, state, REST, WebSocket and the web viewer out.
    Serve(serve::Args),
    /// Compute a scenario on a pack.
    Simulate(simulate::Args),
    /// Run the verification suite of the kernels.
    Verify(verify::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Account(args) => access::account(args),
        Command::Token(args) => access::token(args),
        Command::Audit(args) => access::audit(args),
        Command::Generate(args) => generate::run(&args),
        Command::Import(args) => import::run(&args),
        Command::ImportCases(args) => import_cases::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: causes after colons, line breaks inside messages folded.
            let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
            eprintln!("sandtable: {line}");
            ExitCode::FAILURE
        }
    }
}
