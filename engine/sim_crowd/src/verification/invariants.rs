//! What holds in every run: threads, snapshots, walls, nobody lost.

use super::case::VerificationCase;
use super::rimea_rooms::{block_run, populate};
use super::scenes::{Manners, bottleneck, watch};
use crate::{CrowdEdit, CrowdError, CrowdParams, CrowdRun, Spread};
use sim_core::Air;

/// A busy building with smoke on its middle floor.
fn busy(seed: u64) -> Result<CrowdRun, CrowdError> {
    let mut run = block_run(4, CrowdParams { seed, ..CrowdParams::default() })?;
    populate(&mut run, 12, Spread::LogNormal { median: 5.0, sigma: 0.6, high: 60.0 }, seed)?;
    if let Some(layer) = run.world().layer_named("2F corridor") {
        run.apply(&CrowdEdit::SetAir { layer, air: Air { extinction_per_m: 0.5, co_ppm: 500.0, ..Air::CLEAN } })?;
    }
    Ok(run)
}

fn digest(mut run: CrowdRun, steps: u32) -> u64 {
    for _ in 0..steps {
        run.step();
    }
    run.checksum()
}

#[cfg(feature = "parallel")]
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok().map(|pool| pool.install(work))
}

#[cfg(not(feature = "parallel"))]
fn on_threads<T: Send>(_threads: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    Some(work())
}

pub(super) fn threads_agree(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let scenes = [busy(3)?, bottleneck(1.0, 600, &Manners::default(), 3)?.run];
    for run in scenes {
        let one = on_threads(1, || digest(run.clone(), 400));
        let differing = [2, 3, 4].iter().filter(|n| on_threads(**n, || digest(run.clone(), 400)) != one).count();
        case.at_most("thread counts that differ from one thread", differing as f64, 0.0, "design §6");
        case.close(&run);
    }
    Ok(())
}

pub(super) fn snapshot_continues(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut run = busy(4)?;
    watch(&mut run, 15.0, |_| {});
    let mut resumed = busy(4)?;
    resumed.restore(&run.save())?;
    let (a, b) = (digest(run.clone(), 500), digest(resumed, 500));
    case.at_most("digests that differ after restoring", f64::from(u8::from(a != b)), 0.0, "design §6");
    case.close(&run);
    Ok(())
}

pub(super) fn walls_and_balance(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut run = busy(5)?;
    let (mut outside, mut least, mut open_books) = (0_u32, f64::INFINITY, 0_u32);
    let mut nearest = f64::INFINITY;
    watch(&mut run, 240.0, |r| {
        open_books += u32::from(!r.balance().closes());
        if !r.state().tick.is_multiple_of(5) {
            return;
        }
        for (_, l, x, y, _) in r.motions() {
            let layer = &r.world().layers()[l.index()];
            outside += u32::from(!layer.contains([x, y]));
            least = least.min(layer.wall_distance_m([x, y]).map_or(f64::INFINITY, f64::from));
        }
        nearest = nearest.min(super::scenes::least_distance(r));
    });
    case.at_most("positions off the floor", f64::from(outside), 0.0, "walls are never crossed");
    case.at_least("least distance to a wall, m", least, 0.1499, "clearance 0.15 m");
    case.at_least("least distance of two centres, m", nearest, 0.28, "turned bodies 0.30 m, most overlap 2 cm");
    case.at_most("steps with people missing", f64::from(open_books), 0.0, "entered = inside + left + stopped");
    case.at_least(
        "persons out or stopped",
        (run.balance().left + run.balance().stopped) as f64,
        192.0,
        "4 floors of 48",
    );
    case.close(&run);
    Ok(())
}
