//! One progress bar on stderr for long work, results on stdout, and Ctrl-C as a request to stop.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// True once the user pressed Ctrl-C (or the process was asked to end).
pub fn interrupt_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&flag);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed))?;
    Ok(flag)
}

/// A bar of 1000 thousandths with a message.
pub fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// Writes a line of results to stdout. A reader that went away (`| head`) is no error of ours.
pub fn print_line(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap_or_default();
}
