//! The queue network against hand calculation and against the micro kernel.

use super::case::VerificationCase;
use super::rimea_rooms::{block_run, populate};
use super::scenes::{clear, open_run, watch};
use crate::{CrowdError, CrowdParams, Demand, LayerSpec, Spread, WorldBuilder};

pub(super) fn by_hand(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [20.0, 10.0]))?;
    w.door("exit", (room, [[20.0, 4.5], [20.0, 5.5]]), None)?;
    let mut run = open_run(w, 1)?;
    run.place(&Demand::adults(room, 200, 1))?;
    let result = run.network().run(&run.hand_to_network(), 1e4)?;
    // 200 persons through 1.0 - 2 x 0.15 m of effective width at 1.3/(m s); the first at once or soon.
    let exact = 200.0 / (1.3 * 0.7);
    let t = result.rset_s().unwrap_or(f64::NAN);
    case.at_most("|t - 219.8 s| / t of 200 through 1 m", (t / exact - 1.0).abs(), 0.02, "SFPE hydraulic, by hand");
    case.at_most("people missing", f64::from(u8::from(!result.balance.closes())), 0.0, "balance");
    Ok(())
}

pub(super) fn tower(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut run = block_run(10, CrowdParams::default())?;
    let people = populate(&mut run, 25, Spread::LogNormal { median: 60.0, sigma: 0.5, high: 300.0 }, 1)?;
    let crowd = run.hand_to_network();
    let result = run.network().run(&crowd, 1e5)?;
    let rset = result.rset_s().unwrap_or(f64::NAN);
    case.at_least("persons out of ten storeys", result.balance.left as f64, people as f64, "everybody, 1000");
    // The last stair door lets 1.3 x (1.0 - 0.3) persons a second through: nobody is faster than that with 900 behind it.
    case.at_least("RSET, s", rset, 900.0 / (1.3 * 0.7), "flow through the stair's last door, by hand");
    case.at_most(
        "RSET, s",
        rset,
        3.0 * 900.0 / (1.3 * 0.7),
        "three times that: queues on the stairs, walking, pre-movement",
    );
    Ok(())
}

pub(super) fn hand_over(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut micro = block_run(3, CrowdParams::default())?;
    let people = populate(&mut micro, 10, Spread::Uniform { low: 0.0, high: 30.0 }, 7)? as u64;
    watch(&mut micro, 20.0, |_| {});
    let crowd = micro.hand_to_network();
    case.at_most(
        "|taken over - inside|",
        (crowd.len() as f64 - micro.balance().inside as f64).abs(),
        0.0,
        "micro to meso",
    );
    let halfway = micro.network().run(&crowd, micro.t_s() + 30.0)?;
    let mut again = block_run(3, CrowdParams::default())?;
    let rest = again.take_from_network(&halfway.inside, 70)?.len() as u64;
    let back = again.balance().entered;
    let total = micro.balance().left + halfway.balance.left + back + rest;
    case.at_most("persons without room", rest as f64, 3.0, "a network packs layers closer than people stand");
    case.at_most("|people after micro, meso, micro - people|", total.abs_diff(people) as f64, 0.0, "counts conserved");
    let micro_s = clear(&mut micro, 900.0)?;
    case.at_most("persons left inside by micro", micro.balance().inside as f64, 0.0, "the same building to its end");
    case.at_least("RSET of micro, s", micro_s, 30.0, "not before the last sets off");
    clear(&mut again, 900.0)?;
    case.at_least("persons out after the way back", again.balance().left as f64, back as f64, "meso to micro");
    case.close(&again);
    Ok(())
}
