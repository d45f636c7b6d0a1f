//! How steps and slopes slow people.

use crate::world::Slope;

/// Steps and slope of a flight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grade {
    /// Height of a step, m; 0 for a ramp.
    pub riser_m: f64,
    /// Depth of a step, m; 0 for a ramp.
    pub tread_m: f64,
    /// Height of the flight, m.
    pub rise_m: f64,
    /// Length of the flight in plan, m.
    pub run_m: f64,
}

/// Free speed on the level in the SFPE relation, m/s: k (1 − 0.266 · 0.54) with k = 1.40.
const SFPE_LEVEL_K: f64 = 1.40;

/// Speed factors along the slope.
///
/// Stairs: SFPE Handbook (Gwynne and Rosenbaum), k = 0.86 (G/R)^0.5 m/s for tread G and riser R; tabled 1.00, 1.08,
/// 1.16 and 1.23 m/s for four steps against 1.40 on the level. Upwards: times 0.8, the mean ratio of
/// horizontal speeds up and down in Fruin (1971), 0.51 to 0.67 m/s, 0.57 to 0.76 (from memory). Ramps: down as on
/// the level to 10 %, then falling by 1 % per 1 %; up by 1.3 % per 1 % of slope beyond 5 % (after Fruin 1971 and
/// Weidmann 1993, from memory).
#[must_use]
pub fn slope_of(g: &Grade) -> Slope {
    let slope = g.rise_m / g.run_m.max(1e-6);
    let stepped = g.riser_m > 0.0 && g.tread_m > 0.0;
    if !stepped && slope < 0.25 {
        let up = 1.0 - 1.3 * (slope - 0.05).max(0.0);
        let down = 1.0 - (slope - 0.10).max(0.0);
        return Slope { up: up as f32, down: down as f32 };
    }
    let tread_to_riser = if stepped { g.tread_m / g.riser_m } else { 1.0 / slope };
    // 0.866 reproduces the four tabled values to 0.02 m/s.
    let k = 0.866 * tread_to_riser.clamp(0.5, 4.0).sqrt();
    let down = (k / SFPE_LEVEL_K).min(1.0);
    Slope { up: (0.8 * down) as f32, down: down as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabled_steps_of_the_sfpe_handbook() {
        // Riser and tread in inches and k in m/s: SFPE Handbook, table of constants for stairs.
        for (riser, tread, k) in [(7.5, 10.0, 1.00), (7.0, 11.0, 1.08), (6.5, 12.0, 1.16), (6.5, 13.0, 1.23)] {
            let g = Grade { riser_m: riser * 0.0254, tread_m: tread * 0.0254, rise_m: 1.0, run_m: 1.5 };
            let got = f64::from(slope_of(&g).down) * SFPE_LEVEL_K;
            assert!((got - k).abs() < 0.02, "{riser} {tread}: {got}");
        }
    }

    #[test]
    fn up_is_never_faster_than_down_and_a_level_ramp_is_free() {
        let ramp = |rise_m: f64| slope_of(&Grade { riser_m: 0.0, tread_m: 0.0, rise_m, run_m: 10.0 });
        assert_eq!(ramp(0.0), Slope { up: 1.0, down: 1.0 });
        for rise in [0.5, 1.0, 1.5, 2.0, 4.0, 8.0] {
            assert!(ramp(rise).up <= ramp(rise).down && ramp(rise).up > 0.2);
        }
    }
}
