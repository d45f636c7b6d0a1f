//! Water that the ground takes in (下渗).

use serde::{Deserialize, Serialize};
use sim_core::{ParamError, check_range};

use crate::{FloodError, Grid, Real};

/// How a kind of ground takes in water. Limited by the water that is there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "law")]
pub enum Infiltration {
    /// Sealed ground.
    #[default]
    None,
    /// Green and Ampt 1911 ("Studies on soil physics"): f = K (1 + psi dtheta / F) with the depth F taken in so far.
    GreenAmpt {
        /// Saturated conductivity K, mm/h, 0 to 2000.
        conductivity_mmph: f64,
        /// Suction head at the wetting front psi, metres, 0 to 5.
        suction_m: f64,
        /// Pores that can still fill dtheta, 0 to 1.
        deficit: f64,
    },
    /// Horton 1940: capacity from `initial` to `end`, falling exponentially while it is used. It does not recover in a run.
    Horton {
        /// Capacity of dry ground f0, mm/h, 0 to 5000.
        initial_mmph: f64,
        /// Capacity of wet ground fc, mm/h, at most `initial_mmph`.
        end_mmph: f64,
        /// Decay k, 1/h, 0 to 100.
        decay_ph: f64,
    },
    /// Initial loss, then a continuing loss (初损后损法).
    InitialContinuing {
        /// Depth taken in first, mm, 0 to 1000.
        initial_mm: f64,
        /// Rate after that, mm/h, 0 to 2000.
        continuing_mmph: f64,
    },
}

/// Kinds of ground of a run; empty: all ground is sealed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Soil {
    /// Laws, at most 256.
    pub kinds: Vec<Infiltration>,
    /// Kind of each cell, an index into `kinds`, in the order of the grid; empty when all cells are of the first kind.
    pub kind: Vec<u8>,
}

impl Infiltration {
    fn validate(&self, index: usize) -> Result<(), ParamError> {
        let name = |part: &str| format!("soil.kinds[{index}].{part}");
        match *self {
            Self::None => {}
            Self::GreenAmpt { conductivity_mmph, suction_m, deficit } => {
                check_range(&name("conductivity_mmph"), conductivity_mmph, "mm/h", 0.0, 2000.0)?;
                check_range(&name("suction_m"), suction_m, "m", 0.0, 5.0)?;
                check_range(&name("deficit"), deficit, "-", 0.0, 1.0)?;
            }
            Self::Horton { initial_mmph, end_mmph, decay_ph } => {
                check_range(&name("initial_mmph"), initial_mmph, "mm/h", 0.0, 5000.0)?;
                check_range(&name("end_mmph"), end_mmph, "mm/h", 0.0, initial_mmph)?;
                check_range(&name("decay_ph"), decay_ph, "1/h", 0.0, 100.0)?;
            }
            Self::InitialContinuing { initial_mm, continuing_mmph } => {
                check_range(&name("initial_mm"), initial_mm, "mm", 0.0, 1000.0)?;
                check_range(&name("continuing_mmph"), continuing_mmph, "mm/h", 0.0, 2000.0)?;
            }
        }
        Ok(())
    }
}

impl Soil {
    /// Checks kinds and cells.
    ///
    /// # Errors
    /// [`FloodError`] naming the kind or the cell.
    pub fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        if self.kinds.len() > 256 {
            return Err(ParamError::new("soil.kinds", self.kinds.len(), "-", "0 to 256").into());
        }
        self.kinds.iter().enumerate().try_for_each(|(k, law)| law.validate(k))?;
        if self.kind.is_empty() {
            return Ok(());
        }
        crate::grid::check_len("soil.kind", self.kind.len(), grid.cell_count())?;
        match self.kind.iter().position(|k| usize::from(*k) >= self.kinds.len()) {
            Some(cell) => {
                let allowed = format!("0 to {}", self.kinds.len() as i64 - 1);
                Err(ParamError::new(format!("soil.kind[cell {cell}]"), self.kind[cell], "-", allowed).into())
            }
            None => Ok(()),
        }
    }

    /// No ground takes in water.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.kinds.iter().all(|k| *k == Infiltration::None)
    }

    /// Kind of a cell.
    pub(crate) fn kind_of(&self, cell: usize) -> u8 {
        self.kind.get(cell).copied().unwrap_or(0)
    }
}

/// A law for one interval, SI units.
///
/// What is kept per cell (`used`): depth taken in, m (Green-Ampt, initial loss); capacity lost, m/s (Horton).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Law<R> {
    None,
    GreenAmpt { k_dt: R, suction: R },
    Horton { initial_excess: R, end_dt: R, half_decay_dt: R, dt: R },
    InitialContinuing { initial: R, continuing_dt: R },
}

impl<R: Real> Law<R> {
    pub(crate) fn new(law: &Infiltration, dt_s: f64) -> Self {
        let mps = |mmph: f64| mmph * 1e-3 / 3600.0;
        match *law {
            Infiltration::None => Self::None,
            Infiltration::GreenAmpt { conductivity_mmph, suction_m, deficit } => {
                Self::GreenAmpt { k_dt: R::of(mps(conductivity_mmph) * dt_s), suction: R::of(suction_m * deficit) }
            }
            Infiltration::Horton { initial_mmph, end_mmph, decay_ph } => Self::Horton {
                initial_excess: R::of(mps(initial_mmph) - mps(end_mmph)),
                end_dt: R::of(mps(end_mmph) * dt_s),
                half_decay_dt: R::of(0.5 * decay_ph / 3600.0 * dt_s),
                dt: R::of(dt_s),
            },
            Infiltration::InitialContinuing { initial_mm, continuing_mmph } => Self::InitialContinuing {
                initial: R::of(initial_mm * 1e-3),
                continuing_dt: R::of(mps(continuing_mmph) * dt_s),
            },
        }
    }

    /// Depth taken of the `water` there, metres; brings `used` up to date. Second order in the interval.
    #[inline(always)]
    pub(crate) fn take(&self, water: R, used: &mut R) -> R {
        let least = |a: R, b: R| if a < b { a } else { b };
        match *self {
            Self::None => R::ZERO,
            Self::GreenAmpt { k_dt, suction } => {
                // x = K dt (1 + S / (F + x / 2)), solved for x without cancellation.
                let f2 = R::TWO * *used;
                let b = f2 - k_dt;
                let c = R::TWO * k_dt * (*used + suction);
                let root = (b * b + R::FOUR * c).sqrt();
                let capacity = if b > R::ZERO { R::TWO * c / (b + root) } else { R::HALF * (root - b) };
                let taken = least(if capacity > R::ZERO { capacity } else { R::ZERO }, water);
                *used += taken;
                taken
            }
            Self::Horton { initial_excess, end_dt, half_decay_dt, dt } => {
                let excess = initial_excess - *used;
                let capacity = end_dt + excess * dt / (R::ONE + half_decay_dt);
                let taken = least(capacity, water);
                let share = if capacity > R::ZERO { taken / capacity } else { R::ZERO };
                let a = half_decay_dt * share;
                *used += excess * (R::TWO * a / (R::ONE + a));
                taken
            }
            Self::InitialContinuing { initial, continuing_dt } => {
                let left = if initial > *used { initial - *used } else { R::ZERO };
                let first = least(left, water);
                *used += first;
                first + least(continuing_dt, water - first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Depth taken in after `t_s` under water that never runs out.
    fn ponded(law: Infiltration, t_s: f64, steps: usize) -> f64 {
        let law = Law::<f64>::new(&law, t_s / steps as f64);
        let mut used = 0.0;
        (0..steps).map(|_| law.take(1e9, &mut used)).sum()
    }

    #[test]
    fn green_ampt_under_a_pond() {
        let (k, s) = (10.0e-3 / 3600.0, 0.11 * 0.3);
        let law = Infiltration::GreenAmpt { conductivity_mmph: 10.0, suction_m: 0.11, deficit: 0.3 };
        for t in [600.0, 3600.0, 7200.0] {
            let f = ponded(law, t, t as usize);
            // F - S ln(1 + F/S) = K t.
            let implied = (f - s * (1.0 + f / s).ln()) / k;
            assert!((implied / t - 1.0).abs() < 2e-4, "{t}: {implied}");
        }
        let (coarse, fine) = (ponded(law, 3600.0, 900), ponded(law, 3600.0, 360_000));
        assert!((coarse / fine - 1.0).abs() < 1e-3, "{coarse} {fine}");
        let exact = |f: f64| (f - s * (1.0 + f / s).ln()) / k;
        assert!((exact(fine) / 3600.0 - 1.0).abs() < 1e-5, "{}", exact(fine));
    }

    #[test]
    fn horton_under_a_pond_and_in_light_rain() {
        let (f0, fc, k): (f64, f64, f64) = (76.0e-3 / 3600.0, 6.0e-3 / 3600.0, 4.0 / 3600.0);
        let law = Infiltration::Horton { initial_mmph: 76.0, end_mmph: 6.0, decay_ph: 4.0 };
        for t in [300.0, 3600.0] {
            let exact = fc * t + (f0 - fc) / k * (1.0 - (-k * t).exp());
            assert!((ponded(law, t, t as usize) / exact - 1.0).abs() < 1e-5);
        }
        // Half the capacity used at each moment: the curve falls half as fast.
        let step = Law::<f64>::new(&law, 1.0);
        let (mut used, mut taken) = (0.0, 0.0);
        for _ in 0..3600 {
            let mut probe = used;
            let capacity = step.take(1e9, &mut probe);
            taken += step.take(0.5 * capacity, &mut used);
        }
        let slow = 0.5 * (fc * 3600.0 + (f0 - fc) / (0.5 * k) * (1.0 - (-0.5 * k * 3600.0).exp()));
        // First order in the interval where less is used than could be.
        assert!((taken / slow - 1.0).abs() < 5e-4, "{taken} {slow}");
    }

    #[test]
    fn losses_and_limits() {
        let law = Infiltration::InitialContinuing { initial_mm: 10.0, continuing_mmph: 3.6 };
        assert!((ponded(law, 100.0, 100) - (0.010 + 1e-4)).abs() < 1e-12);
        let step = Law::<f64>::new(&law, 1.0);
        let mut used = 0.0;
        assert_eq!(step.take(0.004, &mut used), 0.004);
        assert_eq!(used, 0.004);
        let grid = Grid { nx: 2, ny: 1, dx_m: 1.0 };
        let bad = Soil {
            kinds: vec![Infiltration::Horton { initial_mmph: 5.0, end_mmph: 6.0, decay_ph: 1.0 }],
            kind: vec![],
        };
        assert_eq!(bad.validate(&grid).unwrap_err().to_string(), "soil.kinds[0].end_mmph = 6 mm/h; allowed: 0 to 5");
        let bad = Soil { kinds: vec![law], kind: vec![0, 1] };
        assert_eq!(bad.validate(&grid).unwrap_err().to_string(), "soil.kind[cell 1] = 1 -; allowed: 0 to 0");
    }
}
