//! Who stands where, how fast they are and when they set off.
//!
//! Every draw is addressed by (member's seed, space, person): a branch with another door or message draws the same people.

use crate::EvacError;
use crate::model::{EvacMember, EvacModel, Place, Wanted};
use sim_core::CounterRng;
use sim_crowd::{
    CrowdEdit, CrowdError, CrowdForcing, CrowdKernel, CrowdParams, CrowdRun, Demand, Person, SmokeLaw, Spread,
};
use std::sync::Arc;
use twin_model::{DoorState, PeopleSpread, ScenarioError, SmokeSpeedLaw, SpaceIndex};

/// Free speed of slow walkers on the level, m/s: walking stick 0.81 ± 0.38, without aid 0.95 ± 0.32, rollator 0.57 ± 0.29
/// (Boyce, Shields and Silcock 1999; from memory), cut to 0.3 to 1.3.
const SLOW_MPS: Spread = Spread::Normal { mean: 0.80, sd: 0.30, low: 0.3, high: 1.3 };
/// People who never hear an alarm set off after this, s.
pub(crate) const NEVER_S: f64 = 1e6;
const COUNT_STREAM: u64 = 0xC0 << 32;
const PLACE_STREAM: u64 = 0xA1 << 32;
const PERSON_STREAM: u64 = 0x9E << 56;

/// Where a person began and when they set off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Origin {
    /// Space at the start.
    pub space: SpaceIndex,
    /// Time from the alarm to setting off, as drawn, s.
    pub pre_movement_s: f64,
    /// Setting off, s; 1e6 while no alarm has sounded.
    pub start_s: f64,
    /// Free speed on the level, m/s.
    pub free_mps: f64,
}

/// A crowd in the building.
pub(crate) struct Populated {
    pub crowd: CrowdRun,
    /// By number of the person.
    pub origins: Vec<Origin>,
    /// Per space: people who cannot use stairs and wait for help.
    pub awaiting: Vec<u32>,
    /// Per opening: how its door stands at the start.
    pub doors: Vec<DoorState>,
    pub warnings: Vec<String>,
}

pub(crate) fn spread(s: &PeopleSpread) -> Spread {
    match *s {
        PeopleSpread::Constant { value } => Spread::Constant { value },
        PeopleSpread::Uniform { low, high } => Spread::Uniform { low, high },
        PeopleSpread::Normal { mean, sd, low, high } => Spread::Normal { mean, sd, low, high },
        PeopleSpread::LogNormal { median, sigma, high } => Spread::LogNormal { median, sigma, high },
    }
}

impl EvacModel {
    fn crowd(&self, seed: u64, kernel: &Arc<CrowdKernel>) -> Result<CrowdRun, EvacError> {
        let smoke_law = match self.scenario.smoke_law {
            SmokeSpeedLaw::Lund => SmokeLaw::Lund,
            SmokeSpeedLaw::Fridolf => SmokeLaw::Fridolf,
            SmokeSpeedLaw::Off => SmokeLaw::Off,
        };
        let params = CrowdParams { seed, smoke_law, ..CrowdParams::default() };
        Ok(CrowdRun::with_kernel(Arc::clone(kernel), params, CrowdForcing::default())?)
    }

    /// A crowd that waits for the alarm; `outside`: people who come out walk on over the ground.
    pub(crate) fn populate(&self, member: &EvacMember, outside: bool) -> Result<Populated, EvacError> {
        let seed = member.seed;
        let doors = self.doors_of(member)?;
        let (standing, mut warnings, mut awaiting) = self.places(seed, &self.wanted_of(member)?)?;
        let kernel = self.street.as_deref().filter(|_| outside).map_or(&self.kernel, |s| &s.kernel);
        let mut crowd = self.crowd(seed, kernel)?;
        let locked = doors.iter().zip(&self.portals).filter(|(state, _)| **state == DoorState::Locked);
        let shut = locked.filter_map(|(_, portal)| portal.map(|portal| CrowdEdit::SetOpen { portal, open: false }));
        crowd.apply_all(&shut.collect::<Vec<_>>())?;
        let mut origins = Vec::new();
        let mut seen = vec![0_u64; self.plan.spaces.len()];
        for (layer, at) in standing {
            let Place::Space(space) = self.places[layer.index()] else { continue };
            let k = seen[space.index()];
            seen[space.index()] += 1;
            let mut rng = CounterRng::new(seed, PERSON_STREAM | u64::from(space.0) << 24 | k);
            let (person, pre_movement_s) = self.person(&mut rng, Person::new(layer, at, 1.0));
            let Err(refused) = crowd.enter(&person) else {
                let free_mps = f64::from(person.free_mps);
                origins.push(Origin { space, pre_movement_s, start_s: NEVER_S, free_mps });
                continue;
            };
            if !matches!(refused, CrowdError::NoWayOut { .. }) {
                return Err(refused.into());
            }
            awaiting[space.index()] += 1;
            if person.class == 0 {
                warnings
                    .push(format!("space {}: the way out cannot be walked: people there wait", self.space_name(space)));
            }
        }
        warnings.dedup();
        Ok(Populated { crowd, origins, awaiting, doors, warnings })
    }

    /// Free places for everybody.
    fn places(
        &self,
        seed: u64,
        wanted: &[(SpaceIndex, Wanted)],
    ) -> Result<(Vec<(sim_crowd::LayerId, [f32; 2])>, Vec<String>, Vec<u32>), EvacError> {
        let mut stand = self.crowd(seed, &self.kernel)?;
        let mut warnings = Vec::new();
        let mut awaiting = vec![0; self.plan.spaces.len()];
        for (space, wanted) in wanted {
            let Some(layer) = self.layers[space.index()] else { continue };
            let count = match wanted {
                Wanted::Counted { count, .. } => *count as usize,
                Wanted::Density(n) => {
                    (n + CounterRng::new(seed, COUNT_STREAM | u64::from(space.0)).next_f64()) as usize
                }
            };
            let places = CounterRng::new(seed, PLACE_STREAM | u64::from(space.0)).at(0);
            let before = stand.balance().entered;
            match (stand.place(&Demand::adults(layer, count, places)), wanted) {
                (Ok(_), _) => {}
                (Err(CrowdError::NoWayOut { .. }), _) => {
                    awaiting[space.index()] += count as u32 - (stand.balance().entered - before) as u32;
                    let name = self.space_name(*space);
                    warnings.push(format!("space {name}: the way out cannot be walked: people there wait"));
                }
                (Err(CrowdError::Full { placed, area_m2, .. }), Wanted::Counted { entry, count }) => {
                    let (scenario, field) = (self.scenario.name.clone(), format!("people.spaces[{entry}].count"));
                    let allowed = format!("at most {placed}: there is no room for more on {area_m2:.0} m2");
                    return Err(ScenarioError { scenario, field, value: count.to_string(), allowed }.into());
                }
                (Err(CrowdError::Full { placed, .. }), Wanted::Density(_)) => {
                    let name = self.space_name(*space);
                    warnings.push(format!("space {name}: room for {placed} of {count} persons by density"));
                }
                (Err(other), _) => return Err(other.into()),
            }
        }
        let mut standing: Vec<_> = stand.motions().collect();
        standing.sort_by_key(|m| m.0);
        Ok((standing.into_iter().map(|(_, layer, x, y, _)| (layer, [x, y])).collect(), warnings, awaiting))
    }

    /// Draws what a person is and how long they take from the alarm to setting off, s.
    fn person(&self, rng: &mut CounterRng, at: Person) -> (Person, f64) {
        let p = &self.scenario.people;
        let kind = rng.next_f64();
        let pre = spread(&p.pre_movement_s).draw(rng);
        let assisted = kind < p.assisted_share;
        let slow = assisted || kind < p.assisted_share + p.slow_share;
        let free = if slow { SLOW_MPS.draw(rng) } else { spread(&p.speed_mps).draw(rng) };
        (Person { class: u32::from(assisted), free_mps: free as f32, start_s: NEVER_S as f32, ..at }, pre)
    }
}
