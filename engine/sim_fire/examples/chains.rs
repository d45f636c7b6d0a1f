//! Processor seconds for 600 s of a fire in a chain of rooms with doors, for `tools/compare/fire`: one line of JSON per run.

use sim_core::CancelToken;
use sim_fire::{
    Ambient, Fire, FireError, FireParams, FireRun, Fuel, Growth, Lining, Member, NetworkBuilder, Side, Space, SpaceId,
    Vent,
};

/// Processor time of the process, s (Linux: fields 14 and 15 of its `stat`, hundredths).
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or("");
    after.split_whitespace().skip(11).take(2).filter_map(|x| x.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn chain(rooms: u32, growth: Growth, peak_kw: f64) -> Result<FireRun, FireError> {
    let mut b = NetworkBuilder::new(Ambient::default());
    let gypsum = Lining::named("gypsum", 0.016)?;
    for k in 0..rooms {
        b.space(&format!("room {k}"), Space::new(16.0, 2.5, 0.0).lined(&gypsum))?;
        let side = Side::Space(SpaceId(k));
        let next = if k == 0 { Side::Outside } else { Side::Space(SpaceId(k - 1)) };
        b.vent(&format!("door {k}"), Vent::wall(side, next, 0.9, 0.0, 2.0))?;
    }
    let fire = Fire::growing("fire", SpaceId(0), growth, peak_kw, Fuel::WOOD);
    FireRun::new(b.build()?, vec![Member::with_fire(fire)], Vec::new(), FireParams::default())
}

fn main() -> Result<(), FireError> {
    for (growth, name, peak_kw) in [(Growth::Medium, "medium", 300.0), (Growth::Fast, "fast", 1000.0)] {
        for rooms in [5, 10, 20, 100, 1000] {
            // Ten runs, for hundredths of a second are the finest the clock has.
            let repeats = if rooms < 1000 { 10 } else { 1 };
            let start = cpu_s();
            let mut hottest = 0.0;
            for _ in 0..repeats {
                let mut run = chain(rooms, growth, peak_kw)?;
                run.advance_to(600.0, &CancelToken::new())?;
                hottest = run.view(0, SpaceId(0))?.upper_c;
            }
            let took = (cpu_s() - start) / f64::from(repeats);
            println!(
                "{{\"growth\": \"{name}\", \"peak_kw\": {peak_kw}, \"rooms\": {rooms}, \"cpu_s\": {took}, \"upper_c\": {hottest:.1}}}"
            );
        }
    }
    Ok(())
}
