//! What the summary says of the way from the doors to safety.

use crate::member::MemberRun;
use crate::run::EvacRunOf;
use crate::summary::quantile;
use twin_model::{AssemblyOutcome, EvacBand, ExitWalk, OutdoorOutcome};

impl<const L: usize> EvacRunOf<L> {
    /// The way from the doors to safety; `None` without ground.
    pub(crate) fn outdoor(&self) -> Option<OutdoorOutcome> {
        let model = self.model();
        let street = model.street.as_deref()?;
        let first = &self.members()[0];
        let safe: Vec<Option<f64>> = self.members().iter().map(|m| m.safe_s(model)).collect();
        let arrivals = first.arrivals(model);
        let times: Vec<Option<f64>> = arrivals.iter().map(|a| Some(a.0)).collect();
        let assembly = street.ground.assembly.iter().enumerate().map(|(k, a)| {
            let here: Vec<f64> = arrivals.iter().filter(|x| x.1 == Some(k as u32)).map(|x| x.0).collect();
            AssemblyOutcome {
                name: a.name.clone(),
                source: a.source,
                at: a.at,
                from_building_m: a.from_building_m,
                people: here.len() as u64,
                first_s: here.first().copied(),
                last_s: here.last().copied(),
            }
        });
        let w = first.whereabouts().unwrap_or_default();
        let portals = model.kernel.world().portals();
        let walks = street.exits.iter().map(|(p, _, walk_m)| (p, *walk_m)).chain(street.shut.iter().map(|p| (p, None)));
        let exit = |(p, walk_m): (&sim_crowd::PortalId, Option<f64>)| ExitWalk {
            exit: portals[p.index()].name.clone(),
            walk_m,
        };
        Some(OutdoorOutcome {
            safe_s: EvacBand { p50: quantile(&safe, 0.5), p95: quantile(&safe, 0.95) },
            safe_members_s: safe,
            arrived_s: EvacBand { p50: quantile(&times, 0.5), p95: quantile(&times, 0.95) },
            assembly: assembly.collect(),
            exits: walks.map(exit).collect(),
            safe: w.safe,
            on_the_way: w.on_the_way,
            stopped: w.stopped,
            curve: self.counted(&arrivals.iter().map(|a| a.0).collect::<Vec<_>>()),
            tiles: street.ground.tiles.len() as u32,
            area_m2: street.ground.area_m2(),
        })
    }
}

impl MemberRun {
    /// People walking outside.
    pub(crate) fn walking_outside(&self) -> u64 {
        self.whereabouts().map_or(0, |w| w.on_the_way)
    }
}
