//! Checks that keep the architecture true: who may see whom, one version of what must agree, no oversized files.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates, and what must never appear in their dependency trees (DESIGN "who may see whom").
struct Rule {
    crates: &'static [&'static str],
    forbidden: &'static [&'static str],
    target: Option<&'static str>,
}

const PURE: &[&str] = &["bevy*", "wgpu*", "egui*", "tokio", "gdal", "gdal-sys", "proj", "proj-sys"];
const WASM: Option<&str> = Some("wasm32-unknown-unknown");

const RULES: &[Rule] = &[
    Rule {
        crates: &["twin_model", "geo_frame", "sync_core", "access", "community_pack", "osgb", "tiles3d"],
        forbidden: PURE,
        target: None,
    },
    Rule { crates: &["access"], forbidden: &["axum*", "rusqlite", "getrandom"], target: None },
    Rule { crates: &["sim_core", "sim_flood", "sim_drainage", "sim_urban", "sim_run"], forbidden: PURE, target: None },
    Rule { crates: &["sim_crowd", "sim_fire", "sim_evac", "evac_run"], forbidden: PURE, target: None },
    Rule { crates: &["gis_import", "ifc_import"], forbidden: &["bevy*", "egui*", "tokio"], target: None },
    Rule {
        crates: &["sync_server", "sandtable"],
        forbidden: &["bevy*", "egui*", "winit", "x11*", "wayland*", "alsa*", "cpal", "rodio"],
        target: None,
    },
    Rule { crates: &["twin_bevy"], forbidden: &["egui*", "bevy_egui", "tokio", "gdal", "gdal-sys"], target: None },
    Rule { crates: &["twin_ui"], forbidden: &["bevy_render", "tokio", "gdal", "gdal-sys"], target: None },
    Rule { crates: &["web_sim"], forbidden: PURE, target: WASM },
    Rule { crates: &["web"], forbidden: &["gdal", "gdal-sys", "proj", "proj-sys", "tokio"], target: WASM },
];

/// Crates of which the built tree holds exactly one version.
const SINGLE: &[&str] = &["bevy_ecs", "egui", "wgpu", "glam"];

/// Source files longer than this need splitting.
const MAX_LINES: usize = 900;

pub fn run(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    check_trees(root, &mut faults)?;
    check_single_versions(root, &mut faults)?;
    check_crates(root, &mut faults)?;
    check_sources(root, &mut faults)?;
    if faults.is_empty() {
        println!("tidy: {} dependency rules, {} single versions, sources: ok", RULES.len(), SINGLE.len());
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!("{} fault(s)", faults.len())
}

fn check_trees(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for rule in RULES {
        for name in rule.crates {
            let tree = cargo_tree(root, &["-p", name], rule.target)?;
            for dependency in crate_names(&tree).filter(|d| rule.forbidden.iter().any(|f| matches(f, d))) {
                faults.push(format!("{name} must not see {dependency}: run `cargo tree -p {name} -i {dependency}`"));
            }
        }
    }
    Ok(())
}

fn check_single_versions(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let tree = cargo_tree(root, &["--workspace"], None)?;
    for name in SINGLE {
        let versions: BTreeSet<&str> = tree
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(n, _)| n == name)
            .filter_map(|(_, rest)| rest.split(' ').next())
            .collect();
        if versions.len() != 1 {
            faults.push(format!("{name}: expected exactly one version in the built tree, found {versions:?}"));
        }
    }
    Ok(())
}

fn cargo_tree(root: &Path, scope: &[&str], target: Option<&str>) -> Result<String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["tree", "--locked", "-e", "normal", "--prefix", "none"]).args(scope);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let output = command.output().context("running cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree {scope:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("cargo tree printed invalid UTF-8")
}

fn crate_names(tree: &str) -> impl Iterator<Item = &str> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.into_iter()
}

/// `pattern*` matches any name with that prefix; otherwise names must be equal.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

fn check_crates(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for manifest in tracked_files(root, "*Cargo.toml")? {
        let text = fs::read_to_string(root.join(&manifest)).with_context(|| manifest.display().to_string())?;
        if text.starts_with("[workspace]") {
            continue;
        }
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{}: missing `[lints] workspace = true`", manifest.display()));
        }
        let folder = manifest.parent().unwrap_or(Path::new(""));
        if !root.join(folder).join("README.md").is_file() {
            faults.push(format!("{}: crate without README.md", folder.display()));
        }
        let entry = ["src/lib.rs", "src/main.rs"].iter().map(|f| root.join(folder).join(f)).find(|p| p.is_file());
        let documented = entry.is_some_and(|path| fs::read_to_string(path).is_ok_and(|t| t.starts_with("//!")));
        if !documented {
            faults.push(format!("{}: entry file does not begin with a `//!` description", folder.display()));
        }
    }
    Ok(())
}

fn check_sources(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for file in tracked_files(root, "*.rs")? {
        let text = fs::read_to_string(root.join(&file)).with_context(|| file.display().to_string())?;
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{}: {lines} lines, at most {MAX_LINES}", file.display()));
        }
        if file.ends_with("tidy.rs") {
            continue;
        }
        for mark in ["TODO", "FIXME", "XXX", "#[ignore", "#[should_panic"] {
            if let Some(line) = text.lines().position(|l| l.contains(mark)) {
                faults.push(format!("{}:{}: contains {mark}", file.display(), line + 1));
            }
        }
    }
    Ok(())
}

fn tracked_files(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let output =
        Command::new("git").current_dir(root).args(["ls-files", "--", pattern]).output().context("running git")?;
    let text = String::from_utf8(output.stdout).context("git ls-files printed invalid UTF-8")?;
    Ok(text.lines().map(PathBuf::from).filter(|f| root.join(f).is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_prefix_only_with_a_star() {
        assert!(matches("bevy*", "bevy_ecs") && matches("tokio", "tokio"));
        assert!(!matches("tokio", "tokio-util") && !matches("proj", "proj4rs"));
    }

    #[test]
    fn names_come_from_the_first_column() {
        let tree = "web v0.1.0 (/x)\nglam v0.32.1\nglam v0.32.1 (*)\n";
        assert_eq!(crate_names(tree).collect::<Vec<_>>(), ["glam", "web"]);
    }
}
