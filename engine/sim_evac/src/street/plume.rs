//! The fire's smoke over the ground, on the wind (室外烟羽): coarse, as `sim_fire::OutdoorPlume` is.

use super::outside::Street;
use crate::EvacError;
use crate::member::MemberRun;
use crate::model::{EvacMember, EvacModel};
use sim_core::Air;
use sim_crowd::{CrowdEdit, LayerId};
use sim_fire::{Fuel, OutdoorPlume, Stability};

/// Least wind that the plume knows, m/s.
const LEAST_WIND_MPS: f64 = 0.5;
/// And the greatest.
const MOST_WIND_MPS: f64 = 40.0;
/// People outside are told of the smoke anew so often, s.
pub(crate) const EVERY_S: f64 = 10.0;
/// Breathing height, m.
const HEIGHT_M: f64 = 1.6;
/// Smoke that nobody notices, 1/m: sight of 150 m.
const CLEAR_PER_M: f32 = 0.02;

impl EvacModel {
    /// The plume of a member's fire with nothing in it yet; `None` in calm air, without a fire, or when the scenario wants none.
    pub(crate) fn plume(&self, member: &EvacMember) -> Option<(OutdoorPlume, Fuel)> {
        let (street, fire, w) = (self.street.as_deref()?, member.fire.as_ref()?, self.scenario.weather);
        let wanted = self.scenario.outdoor.as_ref().is_none_or(|o| o.smoke);
        if !wanted || w.wind_mps < LEAST_WIND_MPS {
            return None;
        }
        let room = self.smoke.zones.iter().position(|z| z.contains(&fire.space)).map(|k| &self.plan.spaces[k])?;
        let n = room.outline.len() as f64;
        let source = [0, 1].map(|k| room.outline.iter().map(|p| p[k]).sum::<f64>() / n);
        let ground_m =
            street.ground.tiles.iter().map(|t| t.floor_m).sum::<f64>() / street.ground.tiles.len().max(1) as f64;
        let from = w.wind_from_deg.to_radians();
        let empty = OutdoorPlume {
            wind_mps: w.wind_mps.min(MOST_WIND_MPS),
            towards_rad: libm::atan2(-libm::cos(from), -libm::sin(from)),
            stability: Stability::Neutral,
            source,
            release_m: (room.floor_m + room.height_m - ground_m).clamp(0.0, 1000.0),
            heat_kw: 0.0,
            soot_kgps: 0.0,
        };
        Some((empty, fire.fuel))
    }
}

impl MemberRun {
    /// Extinction at breathing height on a tile as people were told last, 1/m; 0 without ground.
    #[must_use]
    pub fn smoke_on_tile(&self, tile: usize) -> f32 {
        self.outside.as_ref().and_then(|o| o.told.get(tile)).copied().unwrap_or(0.0)
    }

    /// Tells the people outside of the smoke of a fire of `heat_kw`: all its soot and its convective heat are taken to leave the
    /// building where it burns, which is the most there can be.
    pub(crate) fn smoke_outside(&mut self, street: &Street, heat_kw: f64) -> Result<(), EvacError> {
        let Some(outside) = &mut self.outside else { return Ok(()) };
        let Some((plume, fuel)) = outside.plume else { return Ok(()) };
        let soot_kgps = (heat_kw / fuel.heat_kjpkg.max(1.0) * fuel.soot_yield).clamp(0.0, 1000.0);
        let now =
            OutdoorPlume { heat_kw: (heat_kw * (1.0 - fuel.radiative_share)).clamp(0.0, 1e6), soot_kgps, ..plume };
        let mut edits = Vec::new();
        for (k, tile) in street.ground.tiles.iter().enumerate() {
            let n = tile.outline.len() as f64;
            let middle = [0, 1].map(|c| tile.outline.iter().map(|p| p[c]).sum::<f64>() / n);
            let thick = now.extinction_per_m(middle, HEIGHT_M).clamp(0.0, 1000.0) as f32;
            let (old, new) = (outside.told[k], if thick < CLEAR_PER_M { 0.0 } else { thick });
            if (new - old).abs() > 0.05 * new.max(old) {
                outside.told[k] = new;
                let air = Air { extinction_per_m: new, ..Air::CLEAN };
                edits.push(CrowdEdit::SetAir { layer: LayerId(street.first + k as u32), air });
            }
        }
        if edits.is_empty() { Ok(()) } else { self.change(&edits) }
    }
}
