//! `sandtable simulate` for evacuations.

use crate::progress::{self, print_line};
use evac_run::{EvacProgress, PlanSource};
use serde_json::json;
use sim_core::CancelToken;
use std::path::Path;
use twin_model::EvacSummary;

/// Computes the scenario in `text` into `out`.
pub fn run(
    text: &str,
    file: &Path,
    source: &PlanSource,
    flood: Option<&Path>,
    out: &Path,
    cancel: &CancelToken,
    as_json: bool,
) -> anyhow::Result<()> {
    let scenario = evac_run::read_scenario(text, file)?;
    let bar = (!as_json).then(progress::bar);
    let mut frames = 0;
    let mut on_progress = |p: EvacProgress| {
        frames = p.frame + 1;
        if let Some(bar) = &bar {
            bar.set_position((p.t_s / p.duration_s * 1000.0) as u64);
            bar.set_message(format!("{:.0} of {:.0} s, {} out, {} inside", p.t_s, p.duration_s, p.left, p.inside));
        } else {
            print_line(
                &json!({"frame": p.frame, "t_s": p.t_s, "reached_s": p.t_s, "left": p.left, "inside": p.inside}),
            );
        }
    };
    let summary = evac_run::run_evacuation(&scenario, source, flood, out, cancel, &mut on_progress)?;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
        print_summary(&summary);
    } else {
        print_line(&json!({"summary": summary, "frames": frames}));
    }
    Ok(())
}

/// Checks the scenario against its building, without a run.
pub fn check(text: &str, file: &Path, source: &PlanSource) -> anyhow::Result<()> {
    let scenario = evac_run::read_scenario(text, file)?;
    let (plan, doubts) = evac_run::read_plan(source, scenario.building.as_deref())?;
    let model = sim_evac::EvacModel::new(&plan, &scenario, &[])?;
    print_line(format_args!("{}: {} spaces, {} doubts", plan.name, plan.spaces.len(), doubts.len()));
    doubts.iter().chain(model.warnings()).for_each(|d| print_line(format_args!("  {d}")));
    Ok(())
}

fn print_summary(r: &EvacSummary) {
    let s = |v: Option<f64>| v.map_or_else(|| "not within the run".to_owned(), |v| format!("{v:.0} s"));
    let b = &r.balance;
    print_line(format_args!("{}: {} people in {}, {} members", r.scenario.name, b.entered, r.building, r.members));
    print_line(format_args!("  alarm       {}", s(r.alarm_s)));
    print_line(format_args!("  RSET        p50 {}, p95 {}", s(r.rset_s.p50), s(r.rset_s.p95)));
    print_line(format_args!(
        "  people      {} left, {} inside, {} stopped, {} await help",
        b.left, b.inside, b.stopped, b.awaiting
    ));
    let lost = r.spaces.iter().filter(|o| o.aset_s.is_some()).count();
    let caught: Vec<&str> = r.spaces.iter().filter(|o| o.unsafe_share > 0.0).map(|o| o.space.as_str()).collect();
    print_line(format_args!(
        "  spaces      {lost} of {} no longer safe, {} with people in them then",
        r.spaces.len(),
        caught.len()
    ));
    for o in r.spaces.iter().filter(|o| o.unsafe_share > 0.0).take(8) {
        print_line(format_args!("    {}: ASET {}, last person {}", o.space, s(o.aset_s), s(o.last_person_s)));
    }
    print_line(format_args!("  gas account {:.1e}", r.gas_error[0]));
    print_line(format_args!("  checksum    {}", r.checksum));
}
