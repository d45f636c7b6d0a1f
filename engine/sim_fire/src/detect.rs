//! Detectors and sprinklers (探测器、喷淋).

use crate::error::{bad, check};
use crate::gas::{R_AIR, Species, ZERO_C};
use crate::kernel::FireKernel;
use crate::plume::alpert;
use crate::state::FireState;
use crate::{FireError, Network, SpaceId};
use serde::{Deserialize, Serialize};

/// Specific extinction of flaming soot, m²/kg (Mulholland & Croarkin, Fire and Materials 24, 2000).
pub const EXTINCTION_M2PKG: f64 = 8700.0;
/// Air past a detector where no ceiling jet blows, m/s (floor of CFAST's ceiling jet).
const STILL_MPS: f64 = 0.1;

/// What a detector feels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKind {
    /// Smoke (感烟): light lost over one metre, share 0.0005 to 0.99; 0.24 (8 %/ft) is CFAST's default.
    Smoke {
        /// Share of light lost over a metre at the alarm.
        obscuration_per_m: f64,
    },
    /// Smoke by its warmth (Heskestad & Delichatsios 1977; CFAST: 5 K with RTI 5).
    SmokeWarmth {
        /// Rise at the alarm, K, 0.1 to 200.
        rise_k: f64,
        /// Response time index, (m s)^(1/2), 0.1 to 1000.
        rti: f64,
    },
    /// Heat (感温).
    Heat {
        /// Temperature at the alarm, °C, 25 to 400.
        set_c: f64,
        /// Response time index, (m s)^(1/2).
        rti: f64,
    },
    /// Sprinkler (喷头): opens like a heat detector, then damps the fires of its space.
    Sprinkler {
        /// Temperature at which it opens, °C, 25 to 400.
        set_c: f64,
        /// Response time index, (m s)^(1/2).
        rti: f64,
        /// Water per floor area and time, m/s, 0.00001 to 0.01. The fire falls as e^(-(t-ta)/τ), τ = 3 w^(-1.8) s with w in
        /// mm/s (Madrzykowski & Vettori, Journal of Fire Protection Engineering 4, 1992).
        spray_mps: f64,
    },
}

/// One detector under a ceiling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// Name for messages.
    pub name: String,
    /// Its space.
    pub space: SpaceId,
    /// Kind.
    pub kind: DetectorKind,
    /// Distance in plan from the axis of a fire in the space, m, 0 to 1000.
    pub distance_m: f64,
}

impl Detector {
    pub(crate) fn check(&self, network: &Network) -> Result<(), FireError> {
        let name = &self.name;
        if self.space.at() >= network.spaces().len() {
            return Err(bad("detector", name, "space", self.space.0, format!("below {}", network.spaces().len())));
        }
        check("detector", name, "distance_m", self.distance_m, 0.0, 1000.0)?;
        match self.kind {
            DetectorKind::Smoke { obscuration_per_m } => {
                check("detector", name, "obscuration_per_m", obscuration_per_m, 0.0005, 0.99)
            }
            DetectorKind::SmokeWarmth { rise_k, rti } => {
                check("detector", name, "rise_k", rise_k, 0.1, 200.0)?;
                check("detector", name, "rti", rti, 0.1, 1000.0)
            }
            DetectorKind::Heat { set_c, rti } => {
                check("detector", name, "set_c", set_c, 25.0, 400.0)?;
                check("detector", name, "rti", rti, 0.1, 1000.0)
            }
            DetectorKind::Sprinkler { set_c, rti, spray_mps } => {
                check("detector", name, "set_c", set_c, 25.0, 400.0)?;
                check("detector", name, "rti", rti, 0.1, 1000.0)?;
                check("detector", name, "spray_mps", spray_mps, 1e-5, 0.01)
            }
        }
    }
}

/// Temperature of an element after `dt` in gas of `gas_k` moving at `speed_mps`: dT/dt = √u (Tg - T)/RTI, exactly for constant gas.
#[must_use]
pub fn element_k(before_k: f64, gas_k: f64, speed_mps: f64, rti: f64, dt_s: f64) -> f64 {
    gas_k + (before_k - gas_k) * crate::lane::exp(-speed_mps.max(0.0).sqrt() * dt_s / rti)
}

/// Time constant of a sprinkler's damping, s.
#[must_use]
pub fn damping_s(spray_mps: f64) -> f64 {
    3.0 * libm::pow(spray_mps * 1e3, -1.8)
}

/// All detectors of a block after a sub-step of `dt`.
pub(crate) fn sense<const L: usize>(kernel: &FireKernel<L>, s: &mut FireState<L>, dt: f64) {
    for (d, detector) in kernel.detectors.iter().enumerate() {
        let k = detector.space.at();
        let room = &kernel.model.rooms[k];
        for lane in 0..L {
            let pressure = room.outer_pa + s.gauge_pa[k].0[lane];
            let upper = s.upper_m3[k].0[lane];
            let volume = [room.volume - upper, upper];
            let kelvin = |l: usize| pressure * volume[l] / (R_AIR * s.gas(k, l)[0].0[lane]);
            let mut gas_k = kelvin(1);
            let mut speed = STILL_MPS;
            let fires = &kernel.members[lane.min(kernel.members.len() - 1)].fires;
            for (f, fire) in fires.iter().enumerate().filter(|(_, f)| f.space == detector.space) {
                let convective_kw = (s.heat_w[lane][f][0] - s.heat_w[lane][f][1]) * 1e-3;
                if convective_kw > 0.1 {
                    // Alpert's law is for the whole heat release of fires that radiate about 30 %.
                    let rise = (room.height - fire.height_m).max(0.1);
                    let (warmer, blows) = alpert(convective_kw / 0.7, rise, detector.distance_m);
                    gas_k = gas_k.max(kelvin(0) + warmer);
                    speed = speed.max(blows);
                }
            }
            let soot = kernel.mixture.one(s.gas(k, 1), Species::Soot as usize, lane) / upper;
            let [element, alarm] = &mut s.sensed[lane][d];
            let (rti, set_k) = match detector.kind {
                DetectorKind::Smoke { obscuration_per_m } => {
                    let lost = 1.0 - crate::lane::exp(-EXTINCTION_M2PKG * soot);
                    *element = gas_k;
                    if lost >= obscuration_per_m {
                        *alarm = alarm.min(s.t_s);
                    }
                    continue;
                }
                DetectorKind::SmokeWarmth { rise_k, rti } => (rti, room.start_k + rise_k),
                DetectorKind::Heat { set_c, rti } | DetectorKind::Sprinkler { set_c, rti, .. } => (rti, set_c + ZERO_C),
            };
            *element = element_k(*element, gas_k, speed, rti, dt);
            if *element < set_k || alarm.is_finite() {
                continue;
            }
            *alarm = s.t_s;
            if let DetectorKind::Sprinkler { spray_mps, .. } = detector.kind {
                for (f, _) in fires.iter().enumerate().filter(|(_, f)| f.space == detector.space) {
                    let first = s.damped[lane][f][0].is_infinite();
                    if first {
                        s.damped[lane][f] = [s.t_s, damping_s(spray_mps)];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sprinkler_numbers_by_hand() {
        // 0.07 mm/s: 3 * 0.07^-1.8 = 3 * 119.9 = 359.8 s.
        assert!((damping_s(7e-5) / 359.8 - 1.0).abs() < 0.01, "{}", damping_s(7e-5));
        // RTI 100, 1 m/s, one time constant: 1 - 1/e of the way.
        let t = element_k(293.15, 393.15, 1.0, 100.0, 100.0);
        assert!((t - 356.36).abs() < 0.01, "{t}");
    }
}
