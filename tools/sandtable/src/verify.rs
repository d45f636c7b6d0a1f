//! `sandtable verify`: every case against its bounds, and the public page of them.

mod data;
mod page;
mod plot;
mod steckler;

use crate::progress::print_line;
use anyhow::Context;
use sim_core::VerificationRow;
use sim_flood::TimeStepping;
use sim_flood::verification::{self, VerificationCase};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Args {
    /// Which kernel.
    #[arg(value_enum, default_value_t = Kernel::Flood)]
    kernel: Kernel,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    /// Write `verification.md` and its figures into this folder.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// Folder with published data that are not part of the program (EA test 4, Merewether).
    #[arg(long, value_name = "DIR", env = "SANDTABLE_SHARED")]
    data: Option<PathBuf>,
    /// Cases at a time; 0: one for each processor.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kernel {
    /// Shallow water.
    Flood,
    /// People.
    Crowd,
    /// Fire and smoke, and people in it.
    Fire,
}

/// What a task found: rows, and for cases with a page what it shows.
struct Outcome {
    rows: Vec<VerificationRow>,
    detail: Option<VerificationCase>,
    took: Duration,
}

/// A piece of a suite that runs by itself. A suite is a list of these, so that another kernel adds its rows by a list of its
/// own.
struct Task {
    name: String,
    work: Box<dyn Fn() -> Found + Send + Sync>,
}

/// Rows and, where there is one, the case behind them.
type Found = (Vec<VerificationRow>, Option<VerificationCase>);

pub fn run(args: &Args) -> anyhow::Result<()> {
    let paged = matches!(args.kernel, Kernel::Flood) || args.page.is_none();
    anyhow::ensure!(paged, "--page: only the flood kernel has a page so far");
    let tasks = match args.kernel {
        Kernel::Flood => flood_tasks(args.data.as_deref())?,
        Kernel::Crowd => crowd_tasks(),
        Kernel::Fire => fire_tasks(args.data.as_deref())?,
    };
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let started = Instant::now();
    let outcomes = run_all(&tasks, threads);
    let took = started.elapsed();
    let rows: Vec<&VerificationRow> = outcomes.iter().flat_map(|o| &o.rows).collect();
    if args.json {
        print_line(serde_json::to_string_pretty(&rows)?);
    } else {
        outcomes.iter().zip(&tasks).for_each(|(o, task)| print_outcome(&task.name, o));
    }
    if let Some(folder) = &args.page {
        let cases: Vec<&VerificationCase> = outcomes.iter().filter_map(|o| o.detail.as_ref()).collect();
        page::write(folder, &cases, took, threads).with_context(|| format!("page in {}", folder.display()))?;
    }
    let failed = rows.iter().filter(|r| !r.pass).count();
    anyhow::ensure!(failed == 0, "{failed} of {} verification rows failed", rows.len());
    Ok(())
}

fn print_outcome(name: &str, outcome: &Outcome) {
    outcome.rows.iter().for_each(print_line);
    if let Some(case) = &outcome.detail {
        let (took, steps) = (outcome.took.as_secs_f64(), case.cell_steps as f64 / 1e6);
        let (error, state) = (case.mass_error, case.checksum);
        print_line(format_args!(
            "      {name}: {took:.1} s, {steps:.1} M cell-steps, volume error {error:.1e}, state {state:016x}"
        ));
    }
}

/// The flood kernel's cases, and the published ones whose data are at hand.
fn flood_tasks(data: Option<&Path>) -> anyhow::Result<Vec<Task>> {
    let mut tasks: Vec<Task> = verification::CASES
        .iter()
        .map(|case| task(format!("{} {}", case.name, case.precision), move || case.run()))
        .collect();
    tasks.extend([
        rows_only("preview", sim_flood::preview::verification::all),
        rows_only("sewers", sim_drainage::verification::all),
        rows_only("surface and sewers", sim_urban::verification::all),
    ]);
    let root = data.unwrap_or(Path::new(""));
    match data::ea_test_4_series(root)? {
        Some(series) => {
            for (name, stepping) in [("ea-test-4", TimeStepping::Global), ("ea-test-4-local", TimeStepping::LOCAL)] {
                let series = series.clone();
                tasks.push(task(name.into(), move || {
                    verification::ea_test_4(&series, stepping).unwrap_or_else(|e| VerificationCase::refused(name, &e))
                }));
            }
        }
        None => eprintln!("sandtable: ea-test-4 not run: no data (--data DIR or SANDTABLE_SHARED)"),
    }
    match data::merewether_files(root)? {
        Some(files) => tasks.push(task("merewether".into(), move || {
            verification::merewether(&files).unwrap_or_else(|e| VerificationCase::refused("merewether", &e))
        })),
        None => eprintln!("sandtable: merewether not run: no data (--data DIR or SANDTABLE_SHARED)"),
    }
    Ok(tasks)
}

/// The crowd kernel's cases; the published numbers they need are part of the program.
fn crowd_tasks() -> Vec<Task> {
    let one = |case: &'static sim_crowd::verification::Case| Task {
        name: case.name.to_owned(),
        work: Box::new(move || (case.run().rows, None)),
    };
    sim_crowd::verification::CASES.iter().map(one).collect()
}

/// The smoke network's cases, Steckler's rooms where the data are at hand, and the coupling's.
fn fire_tasks(data: Option<&Path>) -> anyhow::Result<Vec<Task>> {
    let one = |&(name, case): &'static sim_fire::verification::Case| Task {
        name: name.to_owned(),
        work: Box::new(move || (case().unwrap_or_else(|e| vec![refused_row(name, &e.to_string())]), None)),
    };
    let mut tasks: Vec<Task> = sim_fire::verification::CASES.iter().map(one).collect();
    match steckler::tests(data.unwrap_or(Path::new("")))? {
        Some(tests) => tasks.push(Task {
            name: "steckler".into(),
            work: Box::new(move || {
                let rows = sim_fire::verification::steckler(&tests);
                (rows.unwrap_or_else(|e| vec![refused_row("steckler", &e.to_string())]), None)
            }),
        }),
        None => eprintln!("sandtable: steckler not run: no data (--data DIR or SANDTABLE_SHARED)"),
    }
    let coupled = |case: &'static sim_evac::verification::Case| Task {
        name: case.0.to_owned(),
        work: Box::new(move || (sim_evac::verification::rows(case), None)),
    };
    tasks.extend(sim_evac::verification::CASES.iter().map(coupled));
    Ok(tasks)
}

/// A case that cannot run at all is a failing row with the reason as its source.
fn refused_row(case: &str, why: &str) -> VerificationRow {
    VerificationRow::at_most(case, "runs", f64::NAN, 0.0, why)
}

fn rows_only(name: &str, rows: fn() -> Vec<VerificationRow>) -> Task {
    Task { name: name.to_owned(), work: Box::new(move || (rows(), None)) }
}

fn task(name: String, case: impl Fn() -> VerificationCase + Send + Sync + 'static) -> Task {
    let work = move || {
        let case = case();
        (case.rows.clone(), Some(case))
    };
    Task { name, work: Box::new(work) }
}

/// Runs the tasks on a few threads; outcomes come in the order of the tasks.
fn run_all(tasks: &[Task], threads: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let k = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(k) else { return };
                    let started = Instant::now();
                    let (rows, detail) = (task.work)();
                    let outcome = Outcome { rows, detail, took: started.elapsed() };
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((k, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(k, _)| *k);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
