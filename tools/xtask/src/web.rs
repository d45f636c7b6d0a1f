//! The browser build: the viewer and the flood kernel through cargo for wasm32, wasm-bindgen and wasm-opt, a subset font,
//! and a size report.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn run(root: &Path, report: bool, no_build: bool, sim_only: bool) -> Result<()> {
    let out = root.join("target/web");
    if !no_build {
        build(root, &out, sim_only)?;
    }
    if report {
        print_report(root, &out)?;
    }
    Ok(())
}

/// Where `tools/setup` put what only the web build needs.
fn cache() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("SANDTABLE_CACHE") {
        return Ok(dir.into());
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cache/sandtable"))
}

/// A crate that becomes a program of the browser.
struct Module {
    package: &'static str,
    profile: &'static str,
    /// Name of its files in the web folder.
    name: &'static str,
    rustflags: &'static str,
    /// Of wasm-opt.
    optimise: &'static [&'static str],
    /// Files that lie beside it.
    statics: &'static str,
}

const VIEWER: Module = Module {
    package: "web",
    profile: "wasm-release",
    name: "sandtable",
    rustflags: "--cfg getrandom_backend=\"wasm_js\"",
    optimise: &["-O1"],
    statics: "scenes/web/static",
};

/// The flood kernel for a worker, with the vector instructions that every current browser has.
const SIM: Module = Module {
    package: "web_sim",
    profile: "wasm-sim",
    name: "sandtable_sim",
    rustflags: "-C target-feature=+simd128",
    optimise: &["-O1", "--enable-simd", "--enable-bulk-memory"],
    statics: "scenes/web_sim/static",
};

fn build(root: &Path, out: &Path, sim_only: bool) -> Result<()> {
    fs::create_dir_all(out)?;
    build_module(root, out, &SIM)?;
    if !sim_only {
        build_module(root, out, &VIEWER)?;
        subset_font(root, out)?;
    }
    println!("web: {}", out.display());
    Ok(())
}

fn build_module(root: &Path, out: &Path, module: &Module) -> Result<()> {
    let cache = cache()?;
    let target_dir =
        std::env::var_os("SANDTABLE_WASM_TARGET_DIR").map_or_else(|| root.join("target/wasm"), PathBuf::from);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--locked", "-p", module.package, "--lib", "--profile", module.profile]);
    cargo.args(["--target", "wasm32-unknown-unknown"]).arg("--target-dir").arg(&target_dir);
    cargo.env_remove("RUSTFLAGS").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", module.rustflags);
    let distro = cache.join("rust-web/root");
    if !toolchain_has_wasm()? {
        // The distribution's compiler and std sources, unpacked by tools/setup where rustup has no wasm32 target.
        let compiler = distro.join("usr/bin/rustc");
        if !compiler.is_file() {
            bail!("no wasm32 standard library: neither the toolchain's nor {}; run tools/setup", compiler.display());
        }
        cargo.env("RUSTC", compiler);
        cargo.env("LD_LIBRARY_PATH", distro.join("usr/lib/x86_64-linux-gnu"));
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22");
        cargo.arg("-Zbuild-std=std,panic_abort");
    }
    succeed(&mut cargo, "cargo build for wasm32")?;

    let built = target_dir.join("wasm32-unknown-unknown").join(module.profile);
    let staging = target_dir.join("bindgen").join(module.name);
    let mut bindgen = Command::new(tool(&cache.join("bin/wasm-bindgen"), "wasm-bindgen"));
    bindgen.args(["--target", "web", "--no-typescript", "--out-name", module.name, "--out-dir"]);
    bindgen.arg(&staging).arg(built.join(format!("{}.wasm", module.package)));
    succeed(&mut bindgen, "wasm-bindgen")?;

    let program = format!("{}_bg.wasm", module.name);
    let mut opt = Command::new(tool(&cache.join("npm/node_modules/.bin/wasm-opt"), "wasm-opt"));
    opt.args(module.optimise).arg("-o").arg(out.join(&program)).arg(staging.join(&program));
    succeed(&mut opt, "wasm-opt")?;
    let glue = format!("{}.js", module.name);
    fs::copy(staging.join(&glue), out.join(&glue))?;
    copy_folder(&staging.join("snippets"), &out.join("snippets"))?;
    copy_folder(&root.join(module.statics), out)
}

/// True when the Rust toolchain in use brings the wasm32 standard library.
fn toolchain_has_wasm() -> Result<bool> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().context("running rustc")?;
    let sysroot = String::from_utf8(output.stdout).context("rustc printed invalid UTF-8")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir())
}

/// A Chinese font of only the characters that the interface and common place names need.
fn subset_font(root: &Path, out: &Path) -> Result<()> {
    let script = root.join("tools/web_font");
    succeed(Command::new(script).arg(out.join("font.otf")), "tools/web_font")
}

fn tool(preferred: &Path, name: &str) -> PathBuf {
    if preferred.exists() { preferred.to_path_buf() } else { name.into() }
}

fn succeed(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{what}: cannot start {command:?}; run tools/setup"))?;
    if !status.success() {
        bail!("{what} failed with {status}");
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| entry.path().display().to_string())?;
        }
    }
    Ok(())
}

fn print_report(root: &Path, out: &Path) -> Result<()> {
    println!("{:<24} {:>12} {:>12} {:>12}", "file", "raw", "gzip -9", "brotli -9");
    for name in ["sandtable_bg.wasm", "sandtable.js", "sandtable_sim_bg.wasm", "sandtable_sim.js", "font.otf"] {
        let file = out.join(name);
        let raw =
            fs::metadata(&file).with_context(|| format!("{} (build the web viewer first)", file.display()))?.len();
        let gzip = compressed_size("gzip", &["-9", "-c"], &file)?;
        let brotli = compressed_size("brotli", &["-q", "9", "-c"], &file)?;
        println!("{name:<24} {raw:>12} {gzip:>12} {brotli:>12}");
    }
    succeed(Command::new(root.join("tools/web_first_picture")).arg(out), "tools/web_first_picture")
}

fn compressed_size(program: &str, args: &[&str], file: &Path) -> Result<usize> {
    let output = Command::new(program).args(args).arg(file).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {program}; run tools/setup"))?;
    if !output.status.success() {
        bail!("{program} {} failed with {}", file.display(), output.status);
    }
    Ok(output.stdout.len())
}
