//! What changes during a run.

use crate::gas::{CP, R_AIR, SPECIES};
use crate::lane::V;
use crate::ledger::Ledger;
use crate::mixture::{FULL, LEAN, Mixture};
use crate::model::{Model, SURFACES, WALL};
use crate::sparse::Numbers;
use crate::step::Work;
use sim_core::{ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

const KIND: [u8; 8] = *b"simfire2";

/// State of a block of `L` members of a fire run.
#[derive(Debug, Clone)]
pub struct FireState<const L: usize> {
    pub(crate) model: u64,
    pub(crate) tick: u64,
    pub(crate) t_s: f64,
    /// Per space: pressure at the floor less that of the air outside at the same level, Pa.
    pub(crate) gauge_pa: Vec<V<L>>,
    /// Per space: volume of the upper layer, m³.
    pub(crate) upper_m3: Vec<V<L>>,
    /// Per space and layer (lower, upper): the numbers of [`Mixture`], kg; mass is the first.
    pub(crate) gas_kg: Vec<V<L>>,
    /// Of [`Mixture::numbers`]: what those numbers mean.
    pub(crate) meaning: Vec<f64>,
    /// Numbers per layer.
    pub(crate) width: usize,
    /// Per space and surface: surface temperature and cells, K.
    pub(crate) wall_k: Vec<V<L>>,
    /// Per space: greatest share of its gas that left in a second, 1/s; sets the next sub-steps.
    pub(crate) turnover: Vec<V<L>>,
    /// Per space: speed of the air that comes in below, m/s, smoothed.
    pub(crate) draught: Vec<V<L>>,
    /// Per space: fuel that came in hot through vents in the last sub-step and met the air to burn it, kg/s.
    pub(crate) flame: Vec<V<L>>,
    /// Per vent: flow of enthalpy and its slope over the pressure across it, W, W/Pa, and that pressure, Pa, at the end of the last
    /// sub-step; empty before the first. The next search for pressures starts from them.
    pub(crate) tangent: Vec<[V<L>; 3]>,
    /// Per vent: share open set by hand; negative: by schedule.
    pub(crate) held_open: Vec<V<L>>,
    /// Per member and fire: time from which a sprinkler damps it (infinite: never), s, and its time constant, s.
    pub(crate) damped: Vec<Vec<[f64; 2]>>,
    /// Per member and fire: heat released in the last step, W, and radiated, W.
    pub(crate) heat_w: Vec<Vec<[f64; 2]>>,
    /// Per member and detector: element temperature K, time of the alarm (infinite: none).
    pub(crate) sensed: Vec<Vec<[f64; 2]>>,
    pub(crate) ledger: Vec<Ledger>,
    /// Steps whose pressures did not settle.
    pub(crate) unsettled: u64,
    /// Room for the solver; carries nothing from step to step.
    pub(crate) numbers: Numbers<L>,
    pub(crate) work: Work<L>,
}

impl<const L: usize> FireState<L> {
    pub(crate) fn new(model: &Model, mixture: &Mixture<L>, fires: &[usize; L], detectors: usize) -> Self {
        let n = model.rooms.len();
        // Both layers are there from the start; the upper one is thin and of the same air.
        let share = |r: &crate::model::Room| if r.mixed { 0.5 } else { THIN };
        let layers = model.rooms.iter().flat_map(|r| {
            let density = r.outer_pa / (R_AIR * r.start_k);
            [1.0 - share(r), share(r)].map(|s| V::splat(density * r.volume * s))
        });
        let gas = layers.flat_map(|mass| mixture.air(mass)).collect();
        let walls = model.rooms.iter().flat_map(|r| {
            r.walls.into_iter().flat_map(move |w| {
                let back = model.walls.get(w as usize).map_or(r.start_k, |w| w.back_k);
                wall_at_rest(model, w, r.start_k, back)
            })
        });
        let mut state = Self {
            model: model.digest(),
            tick: 0,
            t_s: 0.0,
            gauge_pa: vec![V::default(); n],
            upper_m3: model.rooms.iter().map(|r| V::splat(r.volume * share(r))).collect(),
            wall_k: walls.collect(),
            gas_kg: gas,
            meaning: mixture.numbers(),
            width: mixture.width,
            turnover: vec![V::default(); n],
            draught: vec![V::default(); n],
            flame: vec![V::default(); n],
            tangent: Vec::new(),
            held_open: vec![V::splat(-1.0); model.pipes.len()],
            damped: fires.iter().map(|k| vec![[f64::INFINITY, 1.0]; *k]).collect(),
            heat_w: fires.iter().map(|k| vec![[0.0; 2]; *k]).collect(),
            sensed: vec![vec![[model.outer_k, f64::INFINITY]; detectors]; L],
            ledger: vec![Ledger::default(); L],
            unsettled: 0,
            numbers: Numbers::default(),
            work: Work::default(),
        };
        for lane in 0..L {
            let (mass, species, energy) = state.held(model, mixture, lane);
            let l = &mut state.ledger[lane];
            (l.mass.initial, l.energy.initial) = (mass, energy);
            for s in 0..SPECIES {
                l.species[s].initial = species[s];
            }
        }
        state
    }

    /// Mass, species and inner energy (P V / (γ - 1), less that at the outer pressure) of a member.
    pub(crate) fn held(&self, model: &Model, mixture: &Mixture<L>, lane: usize) -> (f64, [f64; SPECIES], f64) {
        let mut mass = 0.0;
        let mut species = [0.0; SPECIES];
        let mut energy = 0.0;
        for (k, room) in model.rooms.iter().enumerate() {
            for layer in 0..2 {
                let gas = self.gas(k, layer);
                mass += gas[0].0[lane];
                for s in 0..SPECIES {
                    species[s] += mixture.one(gas, s, lane);
                }
            }
            energy += self.gauge_pa[k].0[lane] * room.volume * (CP / R_AIR - 1.0);
        }
        (mass, species, energy)
    }

    /// The same state in a model with more vents at the end.
    pub(crate) fn with_vents(&self, model: &Model) -> Self {
        let mut s = self.clone();
        s.model = model.digest();
        s.held_open.resize(model.pipes.len(), V::splat(-1.0));
        if !s.tangent.is_empty() {
            s.tangent.resize(model.pipes.len(), [V::default(); 3]);
        }
        s
    }

    /// Numbers of a layer (0 lower, 1 upper).
    #[inline(always)]
    pub(crate) fn gas(&self, space: usize, layer: usize) -> &[V<L>] {
        let from = (2 * space + layer) * self.width;
        &self.gas_kg[from..from + self.width]
    }

    /// Whether another state has the same shape and burns the same.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        // The last column is empty before the first step.
        let lengths = |s: &Self| s.columns()[..10].iter().map(Vec::len).collect::<Vec<_>>();
        let fires = |s: &Self| s.damped.iter().map(Vec::len).collect::<Vec<_>>();
        lengths(self) == lengths(other) && fires(self) == fires(other) && self.meaning == other.meaning
    }

    /// Simulated time, s.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Steps taken.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Sub-steps whose pressures did not settle within the allowed turns. Mass and energy close all the same.
    #[must_use]
    pub const fn unsettled_steps(&self) -> u64 {
        self.unsettled
    }

    /// Account of a member; `None` beyond the block.
    #[must_use]
    pub fn ledger(&self, lane: usize) -> Option<&Ledger> {
        self.ledger.get(lane)
    }

    fn columns(&self) -> [Vec<f64>; 11] {
        let flat = |v: &[V<L>]| -> Vec<f64> { v.iter().flat_map(|x| x.0).collect() };
        let ragged = |v: &[Vec<[f64; 2]>]| -> Vec<f64> { v.iter().flatten().flatten().copied().collect() };
        [
            flat(&self.gauge_pa),
            flat(&self.upper_m3),
            flat(&self.gas_kg),
            self.meaning.clone(),
            flat(&self.wall_k),
            flat(&self.turnover),
            [flat(&self.draught), flat(&self.flame)].concat(),
            flat(&self.held_open),
            [ragged(&self.damped), ragged(&self.heat_w), ragged(&self.sensed)].concat(),
            self.ledger.iter().flat_map(Ledger::numbers).collect(),
            self.tangent.iter().flatten().flat_map(|x| x.0).collect(),
        ]
    }
}

/// Least share of a space's volume that a layer has.
pub(crate) const THIN: f64 = 1e-3;

/// Temperatures through a wall in balance between the room and what lies behind.
fn wall_at_rest<const L: usize>(model: &Model, wall: u32, inside_k: f64, back_k: f64) -> Vec<V<L>> {
    let Some(w) = model.walls.get(wall as usize) else { return vec![V::splat(inside_k); WALL] };
    // Walls start at the room's temperature when it is that outside, and on the straight line otherwise.
    let inner: f64 = 1.0 / 8.0 + 1.0 / w.skin;
    let total: f64 = inner + w.outward.iter().map(|g| 1.0 / g).sum::<f64>();
    let mut from = inner;
    let mut out = vec![V::splat(inside_k + (back_k - inside_k) * (1.0 / 8.0) / total)];
    for g in w.outward {
        out.push(V::splat(inside_k + (back_k - inside_k) * from / total));
        from += 1.0 / g;
    }
    out
}

const NAMES: [&str; 11] = [
    "gauge_pa",
    "upper_m3",
    "gas_kg",
    "meaning",
    "wall_k",
    "turnover",
    "draught",
    "held_open",
    "devices",
    "ledger",
    "tangent",
];

impl<const L: usize> Snapshot for FireState<L> {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(L as u64);
        w.u64(self.model);
        w.u64(self.tick);
        w.f64(self.t_s);
        w.u64(self.unsettled);
        w.u64(SURFACES as u64);
        self.damped.iter().for_each(|d| w.u64(d.len() as u64));
        w.u64(self.sensed.first().map_or(0, Vec::len) as u64);
        self.columns().iter().for_each(|c| w.f64s(c));
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "sim_fire 2")?;
        let lanes = r.u64("lanes")?;
        if lanes != L as u64 {
            return Err(SnapshotError::BadValue {
                field: "lanes",
                value: lanes.to_string(),
                allowed: "that of the run",
            });
        }
        let (model, tick, t_s, unsettled) = (r.u64("model")?, r.u64("tick")?, r.f64("t_s")?, r.u64("unsettled")?);
        r.u64("surfaces")?;
        let mut fires = [0_usize; L];
        for k in &mut fires {
            *k = small(r.u64("fires")?)?;
        }
        let detectors = small(r.u64("detectors")?)?;
        let mut columns: [Vec<f64>; 11] = Default::default();
        for (c, name) in columns.iter_mut().zip(NAMES) {
            *c = r.f64s(name)?;
        }
        r.end()?;
        let n = columns[0].len() / L;
        let width = if columns[3].first() == Some(&(LEAN as f64)) { LEAN } else { FULL };
        let vents = columns[7].len() / L;
        let total: usize = fires.iter().sum();
        let lengths = [
            n * L,
            n * L,
            2 * n * L * width,
            1 + SPECIES + L * (SPECIES + 1),
            n * SURFACES * WALL * L,
            n * L,
            2 * n * L,
            vents * L,
            4 * total + 2 * detectors * L,
            Ledger::NUMBERS * L,
            if columns[10].is_empty() { 0 } else { 3 * vents * L },
        ];
        for (k, (column, want)) in columns.iter().zip(lengths).enumerate() {
            if column.len() != want {
                let value = format!("{} numbers", column.len());
                return Err(SnapshotError::BadValue {
                    field: NAMES[k],
                    value,
                    allowed: "as many as the network needs",
                });
            }
        }
        let lane = |v: &[f64]| -> Vec<V<L>> { v.chunks_exact(L).map(|c| V(std::array::from_fn(|k| c[k]))).collect() };
        let mut devices = columns[8].chunks_exact(2).map(|c| [c[0], c[1]]);
        let mut ragged = |counts: &[usize]| -> Vec<Vec<[f64; 2]>> {
            counts.iter().map(|k| devices.by_ref().take(*k).collect()).collect()
        };
        let (damped, heat_w, sensed) = (ragged(&fires), ragged(&fires), ragged(&[detectors; L]));
        Ok(Self {
            model,
            tick,
            t_s,
            gauge_pa: lane(&columns[0]),
            upper_m3: lane(&columns[1]),
            gas_kg: lane(&columns[2]),
            meaning: columns[3].clone(),
            width,
            wall_k: lane(&columns[4]),
            turnover: lane(&columns[5]),
            draught: lane(&columns[6][..n * L]),
            flame: lane(&columns[6][n * L..]),
            tangent: lane(&columns[10]).as_chunks::<3>().0.to_vec(),
            held_open: lane(&columns[7]),
            damped,
            heat_w,
            sensed,
            ledger: columns[9].chunks_exact(Ledger::NUMBERS).map(Ledger::from_numbers).collect(),
            unsettled,
            numbers: Numbers::default(),
            work: Work::default(),
        })
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.model);
        c.add_u64(self.tick);
        c.add_f64(self.t_s);
        self.columns().iter().for_each(|v| c.add_f64s(v));
        c.finish()
    }
}

fn small(n: u64) -> Result<usize, SnapshotError> {
    if n <= 1 << 20 {
        Ok(n as usize)
    } else {
        Err(SnapshotError::BadValue { field: "count", value: n.to_string(), allowed: "at most 1048576" })
    }
}
