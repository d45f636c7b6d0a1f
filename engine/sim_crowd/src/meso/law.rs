//! How fast queues pass people on.

use crate::SpacingLaw;

const OF_MPS: f64 = SpacingLaw::OF_MPS as f64;

/// Speed falls to nothing at this density, 1/m²: 1/0.266 (SFPE).
pub(super) const JAM_PM2: f64 = 3.76;
/// Below this density, 1/m², people walk freely (SFPE).
const FREE_PM2: f64 = 0.54;
/// Greatest flow through level doors per metre of effective width, 1/(m s) (SFPE).
const DOOR_FLOW: f64 = 1.3;
/// Boundary layer of doors and stairs, m per side (SFPE).
const EDGE_M: f64 = 0.15;
/// Slowest walking, as a part of the free speed: at the density of the greatest flow, 1.88/m². Beyond it the exits hold people
/// up, which the queues do.
const LEAST_SPEED: f64 = 0.584;
/// Files of people side by side per metre of width beyond [`FILE_EDGE_M`]: from the micro kernel's flow through necks, which is
/// 1.988 (b − 0.116)/s for 0.8 to 2.5 m with people of 1.55 m/s, 0.35 s and 0.54 m (README, "Calibration"):
/// 1.988 · (0.35 · 1.34 + 0.54)/1.55.
const FILES_PM: f64 = 1.294;
/// Width that no file uses, m; of the same fit.
const FILE_EDGE_M: f64 = 0.116;

/// What lets people through a door or onto a stair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueLaw {
    /// SFPE Handbook (Gwynne and Rosenbaum): 1.3/(m s) of effective width at level doors, less in proportion where stairs
    /// or smoke slow. Cautious: experiments with necks pass 1.5 to 2 times as many.
    #[default]
    Sfpe,
    /// As the micro kernel passes people: each follows the one before at (spacing length + body)/speed, the spacing length that of
    /// the time gap at 1.34 m/s ([`SpacingLaw::Eased`]: speed in proportion to the free speed), in as many files as the width gives.
    Files,
}

impl QueueLaw {
    /// Seconds until the next after this one through `width_m`.
    pub(super) fn gap_s(self, width_m: f64, of: &Passing) -> f64 {
        let mps = of.mps.max(0.05);
        match self {
            Self::Sfpe => {
                let flow = DOOR_FLOW * (width_m - 2.0 * EDGE_M).max(0.3);
                1.0 / (flow * (mps / of.free_mps).min(1.0))
            }
            Self::Files => (of.gap_s * OF_MPS + of.length_m) / mps / (FILES_PM * (width_m - FILE_EDGE_M).max(0.3)),
        }
    }
}

/// Who passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Passing {
    /// Speed on the slower side, m/s, and free speed on the level.
    pub mps: f64,
    pub free_mps: f64,
    /// Time gap to the one before, s.
    pub gap_s: f64,
    /// Room that they take at a stand, m.
    pub length_m: f64,
}

/// Speed in a crowd as a share of the free speed; `density_pm2` >= 0.
pub(super) fn crowding(density_pm2: f64) -> f64 {
    ((1.0 - density_pm2 / JAM_PM2) / (1.0 - FREE_PM2 / JAM_PM2)).clamp(LEAST_SPEED, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_by_hand() {
        let of = |mps, free_mps| Passing { mps, free_mps, gap_s: 0.35, length_m: 0.54 };
        // 1.3 x 0.7/s; half as many in smoke that halves the speed.
        assert!((QueueLaw::Sfpe.gap_s(1.0, &of(0.9, 0.9)) - 1.0 / 0.91).abs() < 1e-12);
        assert!((QueueLaw::Sfpe.gap_s(1.0, &of(0.6, 1.2)) - 2.0 / 0.91).abs() < 1e-12);
        for (width, flow) in [(0.8, 1.36), (1.0, 1.76), (1.6, 2.95), (2.5, 4.74)] {
            let got = 1.0 / QueueLaw::Files.gap_s(width, &of(1.55, 1.55));
            assert!((got - flow).abs() < 0.01, "{width} m: {got}/s");
        }
        assert_eq!(crowding(0.3), 1.0);
        assert_eq!(crowding(3.5), LEAST_SPEED);
    }
}
