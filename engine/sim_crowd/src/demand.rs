//! Who is there: speeds, pre-movement times, groups, and places to stand.
//!
//! Draws are addressed by (seed, person): adding people somewhere changes nobody elsewhere. `libm` gives the same
//! logarithms and cosines on every machine.

use crate::CrowdError;
use crate::kernel::Person;
use crate::math::{V2, length, sub};
use crate::run::CrowdRun;
use crate::world::LayerId;
use sim_core::{CounterRng, check_range};
use std::collections::BTreeMap;

/// How a quantity is spread over people.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Spread {
    /// All the same.
    Constant {
        /// The value.
        value: f64,
    },
    /// Every value between two bounds equally likely.
    Uniform {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
    },
    /// Normal, drawn anew until inside the bounds.
    Normal {
        /// Mean before cutting.
        mean: f64,
        /// Standard deviation before cutting, >= 0.
        sd: f64,
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
    },
    /// Logarithm is normal: pre-movement times (Lovreglio et al. 2019; ISO/TR 16738).
    LogNormal {
        /// Median, > 0.
        median: f64,
        /// Standard deviation of the logarithm, 0 to 3.
        sigma: f64,
        /// Greatest.
        high: f64,
    },
}

impl Spread {
    /// Free speed of adults, m/s: Weidmann (1993), mean 1.34, standard deviation 0.26, cut at two deviations.
    pub const WEIDMANN_MPS: Self = Self::Normal { mean: 1.34, sd: 0.26, low: 0.82, high: 1.86 };

    /// Free speed of the young adults of the Jülich experiments, m/s: 1.55 ± 0.18 (Zhang et al. 2011).
    pub const YOUNG_MPS: Self = Self::Normal { mean: 1.55, sd: 0.18, low: 1.0, high: 2.1 };

    /// Free speed of the people of Jülich's closed corridor, m/s: mean of the experiment's own points below 0.35 persons/m²
    /// (44 points, 1.13; 32 points below 0.3, 1.14); the spread is the same share of the mean as of the young adults.
    pub const RING_MPS: Self = Self::Normal { mean: 1.14, sd: 0.13, low: 0.88, high: 1.4 };

    /// Checks that every draw lies in `low` to `high`.
    ///
    /// # Errors
    /// [`CrowdError::Param`] naming `name`.
    pub fn check(&self, name: &str, unit: &'static str, low: f64, high: f64) -> Result<(), CrowdError> {
        let at = |field: &str| format!("{name}.{field}");
        match *self {
            Self::Constant { value } => {
                check_range(&at("value"), value, unit, low, high)?;
            }
            Self::Uniform { low: a, high: b } => {
                check_range(&at("low"), a, unit, low, high)?;
                check_range(&at("high"), b, unit, a, high)?;
            }
            Self::Normal { mean, sd, low: a, high: b } => {
                check_range(&at("low"), a, unit, low, high)?;
                check_range(&at("high"), b, unit, a, high)?;
                check_range(&at("mean"), mean, unit, a, b)?;
                check_range(&at("sd"), sd, unit, 0.0, 1e6)?;
            }
            Self::LogNormal { median, sigma, high: b } => {
                check_range(&at("high"), b, unit, low, high)?;
                check_range(&at("median"), median, unit, low.max(1e-6), b)?;
                check_range(&at("sigma"), sigma, "-", 0.0, 3.0)?;
            }
        }
        Ok(())
    }

    /// One draw.
    pub fn draw(&self, rng: &mut CounterRng) -> f64 {
        match *self {
            Self::Constant { value } => value,
            Self::Uniform { low, high } => rng.range_f64(low, high),
            Self::Normal { mean, sd, low, high } => (0..64)
                .map(|_| mean + sd * normal(rng))
                .find(|v| (low..=high).contains(v))
                .unwrap_or_else(|| mean.clamp(low, high)),
            Self::LogNormal { median, sigma, high } => (median * libm::exp(sigma * normal(rng))).min(high),
        }
    }
}

/// Standard normal deviate (Box and Muller 1958).
fn normal(rng: &mut CounterRng) -> f64 {
    let u = 1.0 - rng.next_f64();
    let v = rng.next_f64();
    (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

/// A part of a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cohort {
    /// What they are.
    pub name: &'static str,
    /// Share of the population, %.
    pub percent: f64,
    /// Speed on the level, m/s, uniform between the two.
    pub level_mps: [f64; 2],
}

const fn cohort(name: &'static str, percent: f64, low: f64, high: f64) -> Cohort {
    Cohort { name, percent, level_mps: [low, high] }
}

/// Passengers of IMO MSC.1/Circ.1533 (Annex 3, tables of population and of walking speed on flat terrain); from memory.
pub const IMO_PASSENGERS: [Cohort; 10] = [
    cohort("women under 30", 7.0, 0.93, 1.55),
    cohort("women 30 to 50", 7.0, 0.71, 1.19),
    cohort("women over 50", 16.0, 0.56, 0.94),
    cohort("women over 50, impaired (1)", 10.0, 0.43, 0.71),
    cohort("women over 50, impaired (2)", 10.0, 0.37, 0.61),
    cohort("men under 30", 7.0, 1.11, 1.85),
    cohort("men 30 to 50", 7.0, 0.97, 1.62),
    cohort("men over 50", 16.0, 0.84, 1.4),
    cohort("men over 50, impaired (1)", 10.0, 0.64, 1.06),
    cohort("men over 50, impaired (2)", 10.0, 0.55, 0.91),
];

/// Cohort and speed of one passenger.
#[must_use]
pub fn imo_passenger(rng: &mut CounterRng) -> (usize, f64) {
    let mut left = rng.range_f64(0.0, 100.0);
    let found = IMO_PASSENGERS.iter().position(|c| {
        left -= c.percent;
        left < 0.0
    });
    let k = found.unwrap_or(IMO_PASSENGERS.len() - 1);
    let [low, high] = IMO_PASSENGERS[k].level_mps;
    (k, rng.range_f64(low, high))
}

/// People to be placed in one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Where.
    pub layer: LayerId,
    /// Only within this rectangle of the layer's own coordinates (least and greatest corner), m.
    pub within: Option<[[f32; 2]; 2]>,
    /// How many.
    pub count: usize,
    /// Destination class.
    pub class: u32,
    /// Free speed, m/s.
    pub speed_mps: Spread,
    /// When they set off (反应时间), s.
    pub pre_movement_s: Spread,
    /// Persons per group; 1 for people on their own.
    pub group_size: u32,
    /// See [`Person::radius_m`].
    pub radius_m: f32,
    /// Time gap, s.
    pub gap_s: f32,
    /// Seed of places and draws.
    pub seed: u64,
}

impl Demand {
    /// Adults on their own, all over a layer, who walk at once.
    #[must_use]
    pub const fn adults(layer: LayerId, count: usize, seed: u64) -> Self {
        Self {
            layer,
            within: None,
            count,
            class: 0,
            speed_mps: Spread::WEIDMANN_MPS,
            pre_movement_s: Spread::Constant { value: 0.0 },
            group_size: 1,
            radius_m: Person::RADIUS_M,
            gap_s: Person::GAP_S,
            seed,
        }
    }
}

/// Tries per person before a layer counts as full.
const TRIES: u64 = 2000;

/// Half the least distance of standing people, m: the body alone, without the room for steps.
const STANDING_M: f32 = 0.17;

/// Who stands where, for finding a free place.
struct Taken {
    cells: BTreeMap<(i32, i32), Vec<(V2, f32)>>,
    cell_m: f32,
}

impl Taken {
    fn key(&self, p: V2) -> (i32, i32) {
        ((p[0] / self.cell_m).floor() as i32, (p[1] / self.cell_m).floor() as i32)
    }

    fn free(&self, p: V2, r: f32) -> bool {
        let (i, j) = self.key(p);
        let around = (-1..=1).flat_map(|di| (-1..=1).map(move |dj| (i + di, j + dj)));
        around.filter_map(|k| self.cells.get(&k)).flatten().all(|(q, s)| length(sub(p, *q)) >= r + s)
    }

    fn take(&mut self, p: V2, r: f32) {
        self.cells.entry(self.key(p)).or_default().push((p, r));
    }
}

impl CrowdRun {
    /// Places people at random, none nearer to another than their bodies are wide; returns their numbers.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for a value outside its range, [`CrowdError::Full`] when they find no room, and as
    /// [`CrowdRun::enter`].
    pub fn place(&mut self, demand: &Demand) -> Result<Vec<u32>, CrowdError> {
        demand.speed_mps.check("speed_mps", "m/s", 0.05, 3.0)?;
        demand.pre_movement_s.check("pre_movement_s", "s", 0.0, 1e6)?;
        check_range("group_size", f64::from(demand.group_size), "-", 1.0, 100.0)?;
        check_range("radius_m", f64::from(demand.radius_m), "m", 0.1 - 1e-6, 0.4 + 1e-6)?;
        check_range("count", demand.count as f64, "-", 0.0, 1e7)?;
        let layers = self.world().layers();
        check_range("layer", f64::from(demand.layer.0), "-", 0.0, layers.len() as f64 - 1.0)?;
        let mut taken = Taken { cells: BTreeMap::new(), cell_m: 0.8 };
        let radii = self.state().agents.radius.iter();
        for ((_, layer, x, y, _), r) in self.motions().zip(radii) {
            if layer == demand.layer {
                taken.take([x, y], r.min(STANDING_M));
            }
        }
        let mut ids: Vec<u32> = Vec::with_capacity(demand.count);
        let mut leader: Option<(V2, f64, f64)> = None;
        for k in 0..demand.count {
            let mut rng = CounterRng::new(demand.seed, k as u64);
            let (mut speed, mut start) = (demand.speed_mps.draw(&mut rng), demand.pre_movement_s.draw(&mut rng));
            let follows = !(k as u32).is_multiple_of(demand.group_size);
            if let Some((_, v, t)) = leader.filter(|_| follows) {
                (speed, start) = (speed.min(v * 1.2), t);
            }
            let near = leader.filter(|_| follows).map(|l| l.0);
            let Some(at) = self.free_place(demand, &taken, near, &mut rng) else {
                let l = &self.world().layers()[demand.layer.index()];
                let (layer, area_m2) = (l.name.clone(), l.area_m2());
                return Err(CrowdError::Full { layer, wanted: demand.count, placed: k, area_m2 });
            };
            taken.take(at, demand.radius_m.min(STANDING_M));
            if !follows {
                leader = Some((at, speed, start));
            }
            let first = ids.first().copied().unwrap_or(self.state().next_id);
            let group = (demand.group_size > 1).then(|| first + k as u32 / demand.group_size);
            ids.push(self.enter(&Person {
                layer: demand.layer,
                at,
                class: demand.class,
                free_mps: speed as f32,
                radius_m: demand.radius_m,
                gap_s: demand.gap_s,
                start_s: start as f32,
                group,
            })?);
        }
        Ok(ids)
    }

    fn free_place(&self, demand: &Demand, taken: &Taken, near: Option<V2>, rng: &mut CounterRng) -> Option<V2> {
        let layer = &self.world().layers()[demand.layer.index()];
        let [mut lo, mut hi] = demand.within.unwrap_or([layer.lo, layer.hi]);
        for k in 0..2 {
            (lo[k], hi[k]) = (lo[k].max(layer.lo[k]), hi[k].min(layer.hi[k]));
        }
        let whole = [lo, hi];
        if let Some(p) = near {
            (lo, hi) = ([p[0] - 1.5, p[1] - 1.5], [p[0] + 1.5, p[1] + 1.5]);
        }
        let clearance_m = self.params().clearance_m + 0.02;
        (0..TRIES).find_map(|k| {
            // A follower who finds no room beside the group stands anywhere.
            let [a, b] = if k < TRIES / 2 { [lo, hi] } else { whole };
            let p = [0, 1].map(|k| rng.range_f64(f64::from(a[k]), f64::from(b[k])) as f32);
            let clear = layer.wall_distance_m(p).is_none_or(|d| d >= clearance_m);
            let reached = || layer.fields.is_empty() || layer.fields.iter().any(|f| f.reaches(p));
            (clear && layer.contains(p) && reached() && taken.free(p, demand.radius_m.min(STANDING_M))).then_some(p)
        })
    }
}
