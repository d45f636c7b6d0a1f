//! A run: blocks of members stepped together, read out space by space.

use crate::gas::{CP, R_AIR, SPECIES, Species, ZERO_C};
use crate::kernel::FireKernel;
use crate::ledger::{Closure, Ledger};
use crate::model::Model;
use crate::state::FireState;
use crate::{Detector, EXTINCTION_M2PKG, FireError, FireForcing, FireParams, Member, Network, SpaceId, VentId};
use sim_core::{Air, ByteReader, ByteWriter, CancelToken, Kernel, Snapshot};
use std::sync::Arc;

/// One member: one building, one course of events.
pub type FireRun = FireRunOf<1>;
/// Many members side by side, eight to a block.
pub type FireEnsemble = FireRunOf<8>;

const KIND: [u8; 8] = *b"firerun1";

/// A run of any number of members in blocks of `L`.
#[derive(Debug, Clone)]
pub struct FireRunOf<const L: usize> {
    model: Arc<Model>,
    blocks: Vec<Block<L>>,
    members: usize,
    params: FireParams,
    forcing: FireForcing,
    detectors: Arc<Vec<Detector>>,
}

#[derive(Debug, Clone)]
struct Block<const L: usize> {
    kernel: FireKernel<L>,
    state: FireState<L>,
}

/// What is known of a space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpaceView {
    /// Height of the smoke layer's lower edge above the floor, m.
    pub interface_m: f64,
    /// Temperatures of upper and lower layer, °C.
    pub upper_c: f64,
    /// Lower layer.
    pub lower_c: f64,
    /// Pressure at the floor less that of the air outside at that level, Pa.
    pub gauge_pa: f64,
    /// Masses of upper and lower layer, kg.
    pub upper_kg: f64,
    /// Lower layer.
    pub lower_kg: f64,
    /// Mass of each [`Species`] in the upper layer, kg.
    pub upper_species_kg: [f64; SPECIES],
    /// In the lower layer.
    pub lower_species_kg: [f64; SPECIES],
}

impl<const L: usize> FireRunOf<L> {
    /// A run at rest at time 0.
    ///
    /// # Errors
    /// [`FireError`] naming the element and the field that is wrong.
    pub fn new(
        network: Network,
        members: Vec<Member>,
        detectors: Vec<Detector>,
        params: FireParams,
    ) -> Result<Self, FireError> {
        params.check()?;
        let model = Arc::new(Model::new(network));
        let detectors = Arc::new(detectors);
        let count = members.len();
        if count == 0 {
            return Err(crate::error::bad("ensemble", "", "members", 0, "at least 1"));
        }
        let mut blocks = Vec::new();
        let mut rest = members.into_iter().peekable();
        while rest.peek().is_some() {
            let some: Vec<Member> = rest.by_ref().take(L).collect();
            let kernel = FireKernel::shared(Arc::clone(&model), some, Arc::clone(&detectors))?;
            let state = kernel.initial_state();
            blocks.push(Block { kernel, state });
        }
        Ok(Self { model, blocks, members: count, params, forcing: FireForcing::default(), detectors })
    }

    /// Number of members.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.members
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.model.network
    }

    /// Simulated time, s.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        self.blocks.first().map_or(0.0, |b| b.state.t_s())
    }

    /// Sets what drives the run from now on.
    ///
    /// # Errors
    /// [`FireError::Param`].
    pub fn set_forcing(&mut self, forcing: FireForcing) -> Result<(), FireError> {
        forcing.check()?;
        self.forcing = forcing;
        Ok(())
    }

    fn item(&self, member: usize) -> Result<(usize, usize), FireError> {
        if member < self.members {
            Ok((member / L, member % L))
        } else {
            Err(crate::error::bad("ensemble", "", "member", member, format!("below {}", self.members)))
        }
    }

    /// Opens or closes a vent by hand from now on: `Some(share)` 0 to 1, `None` gives it back to its schedule.
    ///
    /// # Errors
    /// [`FireError::Item`].
    pub fn set_opening(&mut self, member: usize, vent: VentId, share: Option<f64>) -> Result<(), FireError> {
        let (block, lane) = self.item(member)?;
        let name = self.model.network.vent_name(vent).to_owned();
        if vent.at() >= self.model.pipes.len() {
            return Err(crate::error::bad("vent", &name, "id", vent.0, format!("below {}", self.model.pipes.len())));
        }
        if let Some(share) = share {
            crate::error::check("vent", &name, "opening", share, 0.0, 1.0)?;
        }
        self.blocks[block].state.held_open[vent.at()].0[lane] = share.unwrap_or(-1.0);
        Ok(())
    }

    /// Steps all members to the first whole step at or after `t_s`.
    ///
    /// # Errors
    /// [`FireError::Cancelled`], [`FireError::BlowUp`].
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<(), FireError> {
        while self.t_s() < t_s - 1e-9 * self.params.dt_s {
            if cancel.is_cancelled() {
                return Err(FireError::Cancelled { t_s: self.t_s() });
            }
            // A second at a time, so that blocks stay together and a cancel is heard.
            let ahead = ((t_s - self.t_s()) / self.params.dt_s - 1e-9).ceil().max(1.0);
            let steps = ahead.min((1.0 / self.params.dt_s).ceil().max(16.0)) as u32;
            self.step_blocks(steps);
            self.healthy()?;
        }
        Ok(())
    }

    fn step_blocks(&mut self, steps: u32) {
        let (params, forcing) = (self.params, self.forcing);
        let work = |b: &mut Block<L>| {
            for _ in 0..steps {
                b.kernel.step(&params, &forcing, &mut b.state);
            }
        };
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            self.blocks.par_iter_mut().for_each(work);
        }
        #[cfg(not(feature = "parallel"))]
        self.blocks.iter_mut().for_each(work);
    }

    fn healthy(&self) -> Result<(), FireError> {
        for b in &self.blocks {
            for (k, (p, v)) in b.state.gauge_pa.iter().zip(&b.state.upper_m3).enumerate() {
                for lane in 0..L {
                    let fields = [("gauge_pa", p.0[lane]), ("upper_m3", v.0[lane])];
                    if let Some((field, value)) = fields.into_iter().find(|f| !f.1.is_finite()) {
                        let space = self.model.network.space_name(SpaceId(k as u32)).to_owned();
                        return Err(FireError::BlowUp { space, field, value: value.to_string(), t_s: self.t_s() });
                    }
                }
            }
        }
        Ok(())
    }

    /// State of a space in a member.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member or space that does not exist.
    pub fn view(&self, member: usize, space: SpaceId) -> Result<SpaceView, FireError> {
        let (block, lane) = self.item(member)?;
        let Some(room) = self.model.rooms.get(space.at()) else {
            return Err(crate::error::bad("space", "", "id", space.0, format!("below {}", self.model.rooms.len())));
        };
        let s = &self.blocks[block].state;
        let k = space.at();
        let upper = s.upper_m3[k].0[lane];
        let volume = [room.volume - upper, upper];
        let gauge_pa = s.gauge_pa[k].0[lane];
        let mixture = &self.blocks[block].kernel.mixture;
        let mass = [0, 1].map(|l| s.gas(k, l)[0].0[lane]);
        let celsius = |l: usize| (room.outer_pa + gauge_pa) * volume[l] / (R_AIR * mass[l]) - ZERO_C;
        let species = [0, 1].map(|l| std::array::from_fn(|x| mixture.one(s.gas(k, l), x, lane)));
        Ok(SpaceView {
            interface_m: volume[0] / room.area,
            upper_c: celsius(1),
            lower_c: celsius(0),
            gauge_pa,
            upper_kg: mass[1],
            lower_kg: mass[0],
            upper_species_kg: species[1],
            lower_species_kg: species[0],
        })
    }

    /// Air at a height above the floor, for people: the layer at that height, mixed over 0.1 m either side of the interface.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member or space that does not exist.
    pub fn air(&self, member: usize, space: SpaceId, height_m: f64) -> Result<Air, FireError> {
        let v = self.view(member, space)?;
        let room = &self.model.rooms[space.at()];
        let share = if room.mixed { 0.5 } else { ((height_m + 0.1 - v.interface_m) / 0.2).clamp(0.0, 1.0) };
        let depth = (room.height - v.interface_m).max(1e-6);
        let upper_m3 = depth * room.area;
        let lower_m3 = (room.volume - upper_m3).max(1e-9);
        let part = |s: Species| {
            let k = s as usize;
            share * v.upper_species_kg[k] / v.upper_kg + (1.0 - share) * v.lower_species_kg[k] / v.lower_kg
        };
        // Volume shares with the molar mass of air for the whole.
        let by_volume = |s: Species| part(s) * crate::gas::M_AIR / s.molar_mass();
        let soot_upper = v.upper_species_kg[Species::Soot as usize] / upper_m3;
        let soot_lower = v.lower_species_kg[Species::Soot as usize] / lower_m3;
        let soot = share * soot_upper + (1.0 - share) * soot_lower;
        let outer_k = room.start_k;
        let radiant = crate::heat::flux_below(v.upper_c + ZERO_C, outer_k, soot_upper, depth);
        Ok(Air {
            extinction_per_m: (EXTINCTION_M2PKG * soot) as f32,
            temperature_c: (share * v.upper_c + (1.0 - share) * v.lower_c) as f32,
            co_ppm: (1e6 * by_volume(Species::CarbonMonoxide)) as f32,
            hcn_ppm: (1e6 * by_volume(Species::HydrogenCyanide)) as f32,
            co2_percent: (1e2 * by_volume(Species::CarbonDioxide)) as f32,
            o2_percent: (1e2 * by_volume(Species::Oxygen)) as f32,
            radiant_kwm2: (1e-3 * radiant) as f32,
        })
    }

    /// Air at a height in every space of a member, in the order of the network.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn airs(&self, member: usize, height_m: f64) -> Result<Vec<Air>, FireError> {
        (0..self.model.rooms.len()).map(|k| self.air(member, SpaceId(k as u32), height_m)).collect()
    }

    /// Heat released by each fire of a member in the last sub-step, kW.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn heat_kw(&self, member: usize) -> Result<Vec<f64>, FireError> {
        let (block, lane) = self.item(member)?;
        Ok(self.blocks[block].state.heat_w[lane].iter().map(|h| h[0] * 1e-3).collect())
    }

    /// Time of the alarm of each detector, s; `None` while silent.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn alarms_s(&self, member: usize) -> Result<Vec<Option<f64>>, FireError> {
        let (block, lane) = self.item(member)?;
        let list = &self.blocks[block].state.sensed[lane];
        Ok(list.iter().map(|d| d[1].is_finite().then_some(d[1])).collect())
    }

    /// Temperature of the element of each detector, °C.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn elements_c(&self, member: usize) -> Result<Vec<f64>, FireError> {
        let (block, lane) = self.item(member)?;
        Ok(self.blocks[block].state.sensed[lane].iter().map(|d| d[0] - ZERO_C).collect())
    }

    /// Mass flows through a vent in the last sub-step, kg/s: from its first side to its second, and back.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member or vent that does not exist. Zero before the first step and after a restore.
    pub fn vent_kgps(&self, member: usize, vent: VentId) -> Result<[f64; 2], FireError> {
        let (block, lane) = self.item(member)?;
        let Some(pipe) = self.model.pipes.get(vent.at()) else {
            return Err(crate::error::bad("vent", "", "id", vent.0, format!("below {}", self.model.pipes.len())));
        };
        let (w, width) = (&self.blocks[block].state.work, self.blocks[block].kernel.mixture.width);
        let Some(flows) = w.flows.get(vent.at()) else { return Ok([0.0; 2]) };
        let side = |s: usize, giver: u32| {
            (0..2).map(|l| flows.out[s][l].0[lane] * w.drawn[(2 * giver as usize + l) * width].0[lane]).sum()
        };
        Ok([side(0, pipe.a), side(1, pipe.b)])
    }

    /// Account of a member.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn ledger(&self, member: usize) -> Result<&Ledger, FireError> {
        let (block, lane) = self.item(member)?;
        Ok(&self.blocks[block].state.ledger[lane])
    }

    /// How well the account of a member closes.
    ///
    /// # Errors
    /// [`FireError::Item`] for a member that does not exist.
    pub fn closure(&self, member: usize) -> Result<Closure, FireError> {
        let (block, lane) = self.item(member)?;
        let s = &self.blocks[block].state;
        let (mass, species, energy) = s.held(&self.model, &self.blocks[block].kernel.mixture, lane);
        let l = &s.ledger[lane];
        let scale = l.mass.initial + l.moved[0];
        let mut worst = (mass - l.mass.expected()).abs() / scale;
        for (held, account) in species.iter().zip(&l.species) {
            worst = worst.max((held - account.expected()).abs() / scale);
        }
        // The pressure's own digits: energy is kept as a small difference to the air outside.
        let volume: f64 = self.model.rooms.iter().map(|r| r.volume).sum();
        let energy_scale = l.moved[1].max(CP * volume);
        Ok(Closure { mass: worst, energy: (energy - l.energy.expected()).abs() / energy_scale })
    }

    /// Sub-steps whose pressures did not settle, over all blocks.
    #[must_use]
    pub fn unsettled_steps(&self) -> u64 {
        self.blocks.iter().map(|b| b.state.unsettled_steps()).sum()
    }

    /// Everything the next step depends on.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.f64(self.forcing.wind_pa);
        w.u64(self.blocks.len() as u64);
        self.blocks.iter().for_each(|b| w.bytes(&b.state.save()));
        w.finish()
    }

    /// Puts this run into a state that [`FireRunOf::save`] wrote for the same network and members.
    ///
    /// # Errors
    /// [`FireError::Snapshot`] on damaged or foreign bytes; the run is then unchanged.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), FireError> {
        let refuse = |field, value: String| {
            FireError::Snapshot(sim_core::SnapshotError::BadValue { field, value, allowed: "that of this run" })
        };
        let mut r = ByteReader::new(bytes, KIND, "sim_fire run 1")?;
        let forcing = FireForcing { wind_pa: r.f64("wind_pa")? };
        forcing.check()?;
        let count = r.u64("blocks")?;
        if count != self.blocks.len() as u64 {
            return Err(refuse("blocks", count.to_string()));
        }
        let mut states = Vec::new();
        for b in &self.blocks {
            let state = FireState::<L>::restore(&r.bytes("block")?)?;
            if state.model != b.state.model || !state.fits(&b.state) {
                return Err(refuse("network", format!("{:016x}", state.model)));
            }
            states.push(state);
        }
        r.end()?;
        self.forcing = forcing;
        self.blocks.iter_mut().zip(states).for_each(|(b, s)| b.state = s);
        Ok(())
    }

    /// The same run in a network with more vents (a fan brought in): they come after the present ones and are given to no member by
    /// hand.
    ///
    /// # Errors
    /// [`FireError::Item`] when the network is otherwise another.
    pub fn with_vents(&self, network: Network) -> Result<Self, FireError> {
        let old = self.network();
        let same = network.ambient() == old.ambient()
            && network.spaces() == old.spaces()
            && network.vents().get(..old.vents().len()) == Some(old.vents());
        if !same {
            let allowed = "the same spaces, and the same vents before the new ones";
            return Err(crate::error::bad("network", "", "vents", network.vents().len(), allowed));
        }
        let model = Arc::new(Model::new(network));
        let blocks = self.blocks.iter().map(|b| {
            let members = b.kernel.members.clone();
            let kernel = FireKernel::shared(Arc::clone(&model), members, Arc::clone(&self.detectors))?;
            let state = b.state.with_vents(&model);
            Ok(Block { kernel, state })
        });
        let blocks = blocks.collect::<Result<_, FireError>>()?;
        Ok(Self { model: Arc::clone(&model), blocks, detectors: Arc::clone(&self.detectors), ..*self })
    }

    /// Digest of the state of all members.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut c = sim_core::Checksum::new();
        self.blocks.iter().for_each(|b| c.add_u64(b.state.checksum()));
        c.finish()
    }

    /// Detectors, in the order of [`FireRunOf::alarms_s`].
    #[must_use]
    pub fn detectors(&self) -> &[Detector] {
        &self.detectors
    }
}
