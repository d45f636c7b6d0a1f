//! Generates the deliveries: `cargo run --release -p community_gen --example generate -- --seed 1 --out DIR`.

use std::path::PathBuf;

use clap::Parser;
use community_gen::{GenerateOptions, generate};

#[derive(Parser)]
struct Args {
    /// Seed of the plan.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the deliveries.
    #[arg(long)]
    out: PathBuf,
    /// Leave the oblique mesh out.
    #[arg(long)]
    no_oblique: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut options = GenerateOptions::new(args.seed, args.out);
    options.oblique = !args.no_oblique;
    let report = generate(&options, &mut |what, fraction| eprintln!("{:3.0} % {what}", fraction * 100.0))?;
    println!("{report:#?}");
    Ok(())
}
