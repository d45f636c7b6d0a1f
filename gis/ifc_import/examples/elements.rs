//! `cargo run --release -p ifc_import --example elements -- FILE.ifc`: GlobalId and class of every element with
//! triangles, for comparisons with other tools.

use ifc_import::{ImportOptions, import_ifc};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: elements FILE.ifc");
        return ExitCode::from(2);
    };
    let read = std::fs::read(&path).map_err(|e| e.to_string());
    match read.and_then(|bytes| import_ifc(&bytes, &ImportOptions::default()).map_err(|e| e.to_string())) {
        Ok(model) => {
            for element in model.with_geometry() {
                println!("{}\t{}", element.global_id, element.class);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
