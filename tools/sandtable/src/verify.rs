//! `sandtable verify`: every case against its tolerance.

use crate::progress::print_line;
use sim_core::VerificationRow;

#[derive(clap::Args)]
pub struct Args {
    /// Which kernel.
    #[arg(value_enum, default_value_t = Kernel::Flood)]
    kernel: Kernel,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kernel {
    /// Shallow water.
    Flood,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let rows: Vec<VerificationRow> = match args.kernel {
        Kernel::Flood => sim_flood::verification::all(),
    };
    if args.json {
        print_line(serde_json::to_string_pretty(&rows)?);
    } else {
        rows.iter().for_each(print_line);
    }
    let failed = rows.iter().filter(|r| !r.pass).count();
    anyhow::ensure!(failed == 0, "{failed} of {} verification rows failed", rows.len());
    Ok(())
}
