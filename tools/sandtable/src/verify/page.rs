//! The page of a suite: `verification.md` with figures beside it.

use super::plot;
use anyhow::Context;
use sim_core::VerificationRow;
use sim_flood::verification::{CASES, VerificationCase};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Cases of the plan that the kernel cannot run yet, with the reason.
const NOT_RUN: &[(&str, &str)] = &[
    ("Sluice gate opening (SWASHES 6 1)", "not written yet; steady flow under a gate is in weir-and-gate"),
    ("Avalanche on a slope with a friction angle", "the kernel has Manning's friction only"),
    ("Pipe networks against SWMM", "a comparison that needs SWMM: tools/compare/drainage"),
    ("Sheet flow after Cea 2008", "its measured hydrograph is published as a picture only"),
    ("EA tests 1, 2, 3, 5 to 8", "their terrains are not ours to give out; 1 to 3 have rebuilt relatives here"),
];

/// Writes the page of the flood suite. What changes from machine to machine stands in one line.
pub fn write(folder: &Path, cases: &[&VerificationCase], took: Duration, threads: usize) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let mut text = String::new();
    head(&mut text, cases, took, threads)?;
    for case in cases.iter().filter(|c| !c.name.ends_with(" f64")) {
        let twin = cases.iter().find(|c| c.name.strip_suffix(" f64") == Some(&case.name));
        section(&mut text, folder, case, twin.copied())?;
    }
    runs(&mut text, cases)?;
    writeln!(text, "\n## Not run\n\n| case | why |\n|---|---|")?;
    for (case, why) in NOT_RUN {
        writeln!(text, "| {case} | {why} |")?;
    }
    let path = folder.join("verification.md");
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}

fn head(text: &mut String, cases: &[&VerificationCase], took: Duration, threads: usize) -> anyhow::Result<()> {
    let rows = || cases.iter().flat_map(|c| &c.rows);
    let failing: Vec<&VerificationRow> = rows().filter(|r| !r.pass).collect();
    writeln!(
        text,
        "# Verification of sim_flood\n\n\
         Written by `sandtable verify flood --page DIR`. Every case is code in `engine/sim_flood/src/verification`; its\n\
         exact solution or reference is computed there. `f32` is the precision of work, `f64` shows the scheme without\n\
         rounding. relL1(q) is the sum of |q - q exact| over the sum of |q exact|.\n"
    )?;
    writeln!(text, "{} rows, {} of them fail.\n", rows().count(), failing.len())?;
    let (machine, date) = (processor(), today());
    writeln!(text, "Measured: {:.0} s on {threads} threads of {machine}, {date}.\n", took.as_secs_f64())?;
    if !failing.is_empty() {
        writeln!(text, "## What fails\n\n| case | measure | value | bound |\n|---|---|---|---|")?;
        for row in failing {
            let sign = if row.at_least { "≥" } else { "≤" };
            let (value, bound) = (number(row.value), number(row.tolerance));
            writeln!(text, "| {} | {} | {value} | {sign} {bound} |", row.case, cell(&row.measure))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// One case: set-up, rows of both precisions, figures.
fn section(
    text: &mut String,
    folder: &Path,
    case: &VerificationCase,
    twin: Option<&VerificationCase>,
) -> anyhow::Result<()> {
    writeln!(text, "## {}\n", case.name)?;
    if let Some(listed) = CASES.iter().find(|c| c.name == case.name) {
        writeln!(text, "{}\n", listed.about)?;
    }
    writeln!(text, "| measure | f32 | f64 | bound | aim | |\n|---|---|---|---|---|---|")?;
    let blank = (case.rows.len()..twin.map_or(0, |t| t.rows.len())).map(|_| None);
    for (k, row) in case.rows.iter().map(Some).chain(blank).enumerate() {
        let other = twin.and_then(|t| t.rows.get(k));
        let Some(any) = row.or(other) else { continue };
        let value = |r: Option<&VerificationRow>| r.map_or(String::new(), |r| number(r.value));
        let goal = case.goals.iter().find(|g| g.0 == k).map_or(String::new(), |g| number(g.1));
        let passes = row.into_iter().chain(other).all(|r| r.pass);
        let verdict = if passes { "pass" } else { "**FAIL**" };
        let (measure, bound) = (cell(&any.measure), bounds(any, other));
        writeln!(text, "| {measure} | {} | {} | {bound} | {goal} | {verdict} |", value(row), value(other))?;
    }
    let mut sources: Vec<&str> = case.rows.iter().map(|r| r.source.as_str()).collect();
    sources.dedup();
    sources.retain(|s| !s.is_empty());
    writeln!(text, "\nAgainst: {}.\n", sources.join("; "))?;
    for (k, figure) in case.figures.iter().enumerate() {
        let name = format!("{}-{}.svg", case.name, k + 1);
        let path = folder.join(&name);
        std::fs::write(&path, plot::svg(figure)?).with_context(|| format!("write {}", path.display()))?;
        writeln!(text, "![{}]({name})\n", figure.title)?;
    }
    Ok(())
}

fn bounds(row: &VerificationRow, other: Option<&VerificationRow>) -> String {
    let sign = if row.at_least { "≥" } else { "≤" };
    match other.filter(|o| o.tolerance.to_bits() != row.tolerance.to_bits()) {
        Some(o) => format!("{sign} {} / {}", number(row.tolerance), number(o.tolerance)),
        None => format!("{sign} {}", number(row.tolerance)),
    }
}

/// Work, account and digest of every run.
fn runs(text: &mut String, cases: &[&VerificationCase]) -> anyhow::Result<()> {
    writeln!(
        text,
        "## Runs\n\nThe digest is that of all states at the end of the case's runs: equal on every machine and for any number of\n\
         threads. The volume error is the greatest of its runs, relative to what flowed in, or to what was there.\n\n\
         | case | million cell-steps | volume error | state |\n|---|---|---|---|"
    )?;
    for case in cases {
        let (steps, error) = (case.cell_steps as f64 / 1e6, number(case.mass_error));
        writeln!(text, "| {} | {steps:.1} | {error} | `{:016x}` |", case.name, case.checksum)?;
    }
    Ok(())
}

/// Three digits; plain for everyday sizes.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-2..1e4).contains(&value.abs()) {
        let text = format!("{value:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.2e}")
    }
}

/// Bars end table cells.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Name of the processor, where the system tells.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name").and_then(|l| l.split_once(':')));
    model.map_or_else(|| format!("a machine of type {}", std::env::consts::ARCH), |m| m.1.trim().to_owned())
}

/// Today's date in universal time.
fn today() -> String {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let (year, month, day, ..) = twin_model::TimeMs(ms).civil(0);
    format!("{year}-{month:02}-{day:02}")
}
