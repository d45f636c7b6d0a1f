//! `cargo run --release -p gis_import --example import -- PROJECT.toml OUT`: imports and prints stages with seconds.

use gis_import::{Progress, import};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

struct Print(Instant, String);

impl Progress for Print {
    fn stage(&mut self, name: &str, _total: u64) {
        if !self.1.is_empty() {
            eprintln!("{:>8.2} s  {}", self.0.elapsed().as_secs_f64(), self.1);
        }
        *self = Self(Instant::now(), name.to_owned());
    }
    fn tick(&mut self) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [project, out] = &args[..] else {
        eprintln!("usage: import PROJECT.toml OUT");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    match import(Path::new(project), Path::new(out), &mut Print(started, String::new())) {
        Ok(report) => {
            let s = started.elapsed().as_secs_f64();
            eprintln!("{report}\n{s:.2} s, {:.1} MB/s", report.bytes_read as f64 / 1e6 / s);
            for (kind, count) in &report.entities {
                eprintln!("{count:>8} {kind}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
