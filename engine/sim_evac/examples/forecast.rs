//! How long a forecast takes: `forecast [members] [seconds] [network|micro]` on a block of 10 storeys, 200 spaces, 2,000 people.

use sim_core::CancelToken;
use sim_evac::scenes::{block_plan, block_scenario};
use sim_evac::{EvacEnsemble, EvacError, EvacModel};
use std::sync::Arc;
use std::time::Instant;
use twin_model::MembersWalk;

/// CPU seconds of all threads so far (Linux; in ticks of 10 ms).
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        text.rsplit(") ").next().unwrap_or("").split(' ').map(|f| f.parse().unwrap_or(f64::NAN)).collect();
    fields.get(11).zip(fields.get(12)).map_or(f64::NAN, |(user, system)| (user + system) * 0.01)
}

fn main() -> Result<(), EvacError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = args.iter().filter_map(|a| a.parse::<u32>().ok());
    let (members, seconds) = (numbers.next().unwrap_or(64), f64::from(numbers.next().unwrap_or(600)));
    let mut scenario = block_scenario(members, seconds);
    if args.iter().any(|a| a == "micro") {
        scenario.members_walk = MembersWalk::Micro;
    }
    let plan = block_plan();
    let (started, cpu) = (Instant::now(), cpu_s());
    let model = Arc::new(EvacModel::new(&plan, &scenario, &[])?);
    let list = model.members()?;
    let mut run = EvacEnsemble::new(model, &list)?;
    let ready_s = started.elapsed().as_secs_f64();
    run.advance_to(seconds, &CancelToken::new())?;
    let s = run.summary()?;
    println!(
        "{members} members ({} by network) x {seconds} s, {} spaces, {} people: {:.2} s wall ({ready_s:.2} s to get ready), {:.2} CPU-s",
        s.network_members,
        plan.spaces.len(),
        s.balance.entered,
        started.elapsed().as_secs_f64(),
        cpu_s() - cpu
    );
    println!("alarm {:?} s, RSET p50 {:?}, p95 {:?}, {:?}", s.alarm_s, s.rset_s.p50, s.rset_s.p95, s.balance);
    let left = |m: &sim_evac::MemberRun| m.balance().left;
    let mut others: Vec<u64> = run.members().iter().skip(1).map(left).collect();
    others.sort_unstable();
    if let (Some(least), Some(most)) = (others.first(), others.last()) {
        println!("people out: {} in the first member, {least} to {most} in the others", left(&run.members()[0]));
    }
    let unsafe_spaces = s.spaces.iter().filter(|o| o.unsafe_share > 0.0).count();
    println!("{unsafe_spaces} spaces with people in them after their ASET; gas {:.1e}", s.gas_error[0]);
    Ok(())
}
