//! Repository checks and the web build: `cargo run -p xtask -- tidy`, `cargo run -p xtask -- web [--report]`.

mod tidy;
mod web;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "xtask", about = "Repository checks and the web build")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Who-may-see-whom table, one version of shared crates, file sizes, READMEs, lints.
    Tidy,
    /// Builds the browser viewer and the flood kernel for its worker into target/web.
    Web {
        /// Print sizes (raw, gzip, brotli) and, when Chromium and Node are there, the time to the first picture.
        #[arg(long)]
        report: bool,
        /// Only report on what is already built.
        #[arg(long)]
        no_build: bool,
        /// Only the flood kernel for a worker, without the viewer: a minute instead of half an hour.
        #[arg(long)]
        sim_only: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Tidy => repository_root().and_then(|root| tidy::run(&root)),
        Task::Web { report, no_build, sim_only } => {
            repository_root().and_then(|root| web::run(&root, report, no_build, sim_only))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace manifest.
fn repository_root() -> Result<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).map(PathBuf::from).context("xtask does not lie in tools/ of the repository")
}
