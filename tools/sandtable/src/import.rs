//! `sandtable import`.

use crate::progress;
use gis_import::Progress;
use indicatif::ProgressBar;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(clap::Args)]
pub struct Args {
    /// Project file (TOML) that lists the deliveries.
    project: PathBuf,
    /// Pack folder to write; appears when the import is complete.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut progress = Bar { bar: progress::bar(), interrupted: progress::interrupt_flag()? };
    let report = gis_import::import(&args.project, &args.out, &mut progress);
    progress.bar.finish_and_clear();
    eprintln!("{}", report?);
    Ok(())
}

struct Bar {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Progress for Bar {
    fn stage(&mut self, name: &str, total: u64) {
        self.bar.set_length(total.max(1));
        self.bar.set_position(0);
        self.bar.set_message(name.to_owned());
    }

    fn tick(&mut self) {
        self.bar.inc(1);
    }

    fn is_cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
