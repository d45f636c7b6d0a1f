//! `sandtable generate`.

use crate::progress;
use anyhow::Context;
use community_gen::GenerateOptions;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Same seed, same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write the deliveries into; must not exist or be empty.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let occupied = args.out.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(!occupied, "{}: the folder is not empty", args.out.display());
    let bar = progress::bar();
    let options = GenerateOptions::new(args.seed, &args.out);
    let report = community_gen::generate(&options, &mut |stage: &str, fraction: f32| {
        bar.set_message(stage.to_owned());
        bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
    })
    .with_context(|| format!("generating seed {} into {}", args.seed, args.out.display()))?;
    bar.finish_and_clear();
    eprintln!(
        "{}: {} buildings, {} households, {} grids, {} devices, {} cameras, {} oblique tiles",
        report.project.display(),
        report.buildings,
        report.households,
        report.grids,
        report.devices,
        report.cameras,
        report.oblique_files
    );
    Ok(())
}
