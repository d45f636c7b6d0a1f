//! How long a space stays safe (可用安全疏散时间 ASET), and what people meet there.

use sim_core::Air;
use sim_core::{ByteReader, ByteWriter, SnapshotError};
use sim_crowd::hazard::{heat_per_min, purser_per_min, visibility_m};
use twin_model::{AsetCriterion, PlanSpace, SpaceUse};

/// Height of breathing, m.
pub const BREATHING_M: f64 = 1.5;
/// Least visibility in corridors, stairs and spaces above [`LARGE_M2`], m: PD 7974-6 and the SFPE guide give 10 m for large
/// and unfamiliar spaces; from memory.
pub const SIGHT_LARGE_M: f64 = 10.0;
/// In small rooms, m: the same sources give 5 m.
pub const SIGHT_SMALL_M: f64 = 5.0;
/// Floor area above which a space counts as large, m² (our choice: 10 m × 10 m).
pub const LARGE_M2: f64 = 100.0;
/// Dose at which a space counts as no longer safe: 0.3 protects all but the most susceptible 11 % (ISO 13571).
pub const FED_LIMIT: f64 = 0.3;
/// Doses whose times are reported.
pub const FED_STEPS: [f64; 3] = [0.1, 0.3, 1.0];

/// Least visibility asked of a space, m.
#[must_use]
pub fn sight_limit_m(space: &PlanSpace) -> f64 {
    let large = matches!(space.use_, SpaceUse::Circulation | SpaceUse::Stair) || space.area_m2() > LARGE_M2;
    if large { SIGHT_LARGE_M } else { SIGHT_SMALL_M }
}

/// What a space went through so far, at breathing height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpaceWatch {
    /// Doses of gas (Purser) and heat (ISO 13571) of somebody who stayed from the start.
    pub dose: [f64; 2],
    /// When it was first no longer safe, s; infinite while it is.
    pub aset_s: f64,
    /// Why: 0 safe, 1 visibility, 2 gas, 3 heat.
    why: f64,
    /// When the gas dose reached [`FED_STEPS`], s; infinite while it has not.
    pub fed_s: [f64; 3],
    /// Greatest extinction, 1/m.
    pub most_extinction: f64,
    /// Greatest temperature, °C.
    pub most_c: f64,
    /// When a walking person was last there, s; negative: never.
    pub last_person_s: f64,
}

impl Default for SpaceWatch {
    fn default() -> Self {
        Self {
            dose: [0.0; 2],
            aset_s: f64::INFINITY,
            why: 0.0,
            fed_s: [f64::INFINITY; 3],
            most_extinction: 0.0,
            most_c: -273.15,
            last_person_s: -1.0,
        }
    }
}

/// Numbers of a watch in a snapshot.
const FIELDS: usize = 10;

impl SpaceWatch {
    /// A second of this air, ending at `t_s`.
    pub(crate) fn breathe(&mut self, air: &Air, sight_m: f64, t_s: f64, dt_s: f64) {
        let harmless = air.co_ppm == 0.0 && air.hcn_ppm == 0.0 && air.o2_percent >= 20.0;
        let rate = if harmless && air.temperature_c < 37.0 && air.radiant_kwm2 < 2.5 {
            // Untouched by the fire: no powers to take.
            [0.0; 2]
        } else {
            [purser_per_min(air), heat_per_min(air)]
        };
        for (d, r) in self.dose.iter_mut().zip(rate) {
            *d = (*d + r * dt_s / 60.0).min(1e9);
        }
        for (t, step) in self.fed_s.iter_mut().zip(FED_STEPS) {
            if t.is_infinite() && self.dose[0] >= step {
                *t = t_s;
            }
        }
        self.most_extinction = self.most_extinction.max(f64::from(air.extinction_per_m));
        self.most_c = self.most_c.max(f64::from(air.temperature_c));
        if self.aset_s.is_infinite() {
            let why = if f64::from(visibility_m(air.extinction_per_m)) < sight_m {
                1.0
            } else if self.dose[0] >= FED_LIMIT {
                2.0
            } else if self.dose[1] >= FED_LIMIT {
                3.0
            } else {
                return;
            };
            (self.aset_s, self.why) = (t_s, why);
        }
    }

    /// Why the space is no longer safe.
    #[must_use]
    pub fn criterion(&self) -> Option<AsetCriterion> {
        match self.why as u8 {
            1 => Some(AsetCriterion::Visibility),
            2 => Some(AsetCriterion::Gas),
            3 => Some(AsetCriterion::Heat),
            _ => None,
        }
    }

    /// Least visibility of reflecting signs so far, m; at most 1000.
    #[must_use]
    pub fn least_visibility_m(&self) -> f64 {
        f64::from(visibility_m(self.most_extinction as f32)).min(1000.0)
    }

    pub(crate) fn save(list: &[Self], w: &mut ByteWriter) {
        let flat: Vec<f64> = list.iter().flat_map(|s| s.numbers()).collect();
        w.f64s(&flat);
    }

    fn numbers(&self) -> [f64; FIELDS] {
        let [a, b, c] = self.fed_s;
        let s = self;
        [s.dose[0], s.dose[1], s.aset_s, s.why, a, b, c, s.most_extinction, s.most_c, s.last_person_s]
    }

    pub(crate) fn restore(r: &mut ByteReader<'_>, count: usize) -> Result<Vec<Self>, SnapshotError> {
        let flat = r.f64s("spaces")?;
        if flat.len() != count * FIELDS {
            let value = (flat.len() / FIELDS).to_string();
            return Err(SnapshotError::BadValue { field: "spaces", value, allowed: "those of this run" });
        }
        let of = |v: &[f64; FIELDS]| Self {
            dose: [v[0], v[1]],
            aset_s: v[2],
            why: v[3],
            fed_s: [v[4], v[5], v[6]],
            most_extinction: v[7],
            most_c: v[8],
            last_person_s: v[9],
        };
        Ok(flat.as_chunks::<FIELDS>().0.iter().map(of).collect())
    }
}
