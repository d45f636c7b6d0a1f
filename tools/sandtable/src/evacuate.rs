//! `sandtable simulate` for evacuations.

use crate::progress::{self, print_line};
use evac_run::{EvacProgress, PlanSource};
use serde_json::json;
use sim_core::CancelToken;
use std::path::Path;
use twin_model::{EvacScenario, EvacSummary};

/// The scenario of a file, with the ground outside by defaults where `outdoor` asks for it and the file has none.
fn scenario(text: &str, file: &Path, outdoor: bool) -> anyhow::Result<EvacScenario> {
    let mut scenario = evac_run::read_scenario(text, file)?;
    if outdoor {
        scenario.outdoor.get_or_insert_default();
    }
    Ok(scenario)
}

/// Computes the scenario in `text` into `out`.
pub fn run(
    text: &str,
    file: &Path,
    outdoor: bool,
    source: &PlanSource,
    flood: Option<&Path>,
    out: &Path,
    cancel: &CancelToken,
    as_json: bool,
) -> anyhow::Result<()> {
    let scenario = scenario(text, file, outdoor)?;
    let bar = (!as_json).then(progress::bar);
    let mut frames = 0;
    let mut on_progress = |p: EvacProgress| {
        frames = p.frame + 1;
        if let Some(bar) = &bar {
            bar.set_position((p.t_s / p.duration_s * 1000.0) as u64);
            let safe = p.safe.map_or_else(String::new, |n| format!(", {n} of them safe"));
            bar.set_message(format!(
                "{:.0} of {:.0} s, {} inside, {} out{safe}",
                p.t_s, p.duration_s, p.inside, p.left
            ));
        } else {
            let mut line =
                json!({"frame": p.frame, "t_s": p.t_s, "reached_s": p.t_s, "left": p.left, "inside": p.inside});
            if let Some(safe) = p.safe {
                line["safe"] = safe.into();
            }
            print_line(&line);
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
pub fn check(text: &str, file: &Path, outdoor: bool, source: &PlanSource) -> anyhow::Result<()> {
    let scenario = scenario(text, file, outdoor)?;
    let (plan, doubts) = evac_run::read_plan(source, scenario.building.as_deref())?;
    let model = match evac_run::ground_of(&plan, &scenario, source)? {
        Some(ground) => sim_evac::EvacModel::on_ground(&plan, &scenario, &ground)?,
        None => sim_evac::EvacModel::new(&plan, &scenario, &[])?,
    };
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
    if let Some(o) = &r.outdoor {
        print_line(format_args!(
            "  safe        p50 {}, p95 {} (last person at a place of safety)",
            s(o.safe_s.p50),
            s(o.safe_s.p95)
        ));
        print_line(format_args!("  outside     {} safe, {} on the way, {} stopped", o.safe, o.on_the_way, o.stopped));
        for a in o.assembly.iter().filter(|a| a.people > 0).take(8) {
            print_line(format_args!(
                "    {} ({:.0} m off): {} people, last {}",
                a.name,
                a.from_building_m,
                a.people,
                s(a.last_s)
            ));
        }
    }
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
