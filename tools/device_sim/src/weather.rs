//! The storm that drives water, in simulated seconds.

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SimScenario {
    /// An ordinary dry day; no event at all.
    Calm,
    /// A storm every two simulated hours, and one event of each kind.
    #[default]
    Storm,
}

/// Simulated seconds from one storm to the next.
const CYCLE_S: f64 = 7200.0;
/// The rain as (second of the cycle, mm/h), linear in between.
const RAIN: [(f64, f64); 5] = [(240.0, 0.0), (840.0, 45.0), (1500.0, 38.0), (2700.0, 0.0), (CYCLE_S, 0.0)];
/// The river as (second of the cycle, share of the rise): it follows the rain and falls slowly.
const RIVER: [(f64, f64); 5] = [(0.0, 0.0), (480.0, 0.0), (2100.0, 1.0), (3000.0, 1.0), (CYCLE_S, 0.0)];

/// Rain and river over simulated time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// What happens.
    pub scenario: SimScenario,
    /// River level before the storm, m in the pack's vertical datum.
    pub river_low_m: f64,
    /// River level at the peak, m.
    pub river_high_m: f64,
}

impl Default for Weather {
    fn default() -> Self {
        Self { scenario: SimScenario::Storm, river_low_m: 16.8, river_high_m: 20.5 }
    }
}

impl Weather {
    /// Rain rate, mm/h.
    #[must_use]
    pub fn rain_mmph(&self, t_s: f64) -> f64 {
        match self.scenario {
            SimScenario::Calm => 0.0,
            SimScenario::Storm => along(&RAIN, t_s.max(0.0) % CYCLE_S),
        }
    }

    /// Rain since second 0, mm.
    #[must_use]
    pub fn rain_total_mm(&self, t_s: f64) -> f64 {
        if self.scenario == SimScenario::Calm {
            return 0.0;
        }
        let t = t_s.max(0.0);
        ((t / CYCLE_S).floor() * area(CYCLE_S) + area(t % CYCLE_S)) / 3600.0
    }

    /// River level, m in the pack's vertical datum.
    #[must_use]
    pub fn river_m(&self, t_s: f64) -> f64 {
        let share = match self.scenario {
            SimScenario::Calm => 0.0,
            SimScenario::Storm => along(&RIVER, t_s.max(0.0) % CYCLE_S),
        };
        self.river_low_m + share * (self.river_high_m - self.river_low_m)
    }
}

/// Value of a piecewise-linear curve.
fn along(curve: &[(f64, f64)], t: f64) -> f64 {
    let first = curve.first().map_or(0.0, |p| p.1);
    let part = curve.windows(2).find(|w| t >= w[0].0 && t < w[1].0);
    part.map_or(first, |w| w[0].1 + (w[1].1 - w[0].1) * (t - w[0].0) / (w[1].0 - w[0].0))
}

/// Integral of the rain curve from 0 to `t`, mm/h · s.
fn area(t: f64) -> f64 {
    let spans = RAIN.windows(2).filter(|w| t > w[0].0);
    spans.map(|w| (along(&RAIN, w[0].0) + along(&RAIN, t.min(w[1].0 - 1e-9))) / 2.0 * (t.min(w[1].0) - w[0].0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_storm_comes_peaks_and_goes() {
        let w = Weather::default();
        assert_eq!((w.rain_mmph(0.0), w.rain_mmph(840.0), w.rain_mmph(4000.0)), (0.0, 45.0, 0.0));
        assert_eq!((w.river_m(0.0), w.river_m(2500.0)), (16.8, 20.5));
        assert!(w.rain_mmph(CYCLE_S + 840.0) > 44.9);
        let calm = Weather { scenario: SimScenario::Calm, ..w };
        assert_eq!((calm.rain_mmph(840.0), calm.rain_total_mm(1e5), calm.river_m(2500.0)), (0.0, 0.0, 16.8));
    }

    #[test]
    fn the_total_is_the_integral_of_the_rate() {
        let w = Weather::default();
        let mut sum = 0.0;
        for second in 0..9000 {
            let t = f64::from(second);
            assert!((w.rain_total_mm(t) - sum).abs() < 0.02, "{t}: {} {sum}", w.rain_total_mm(t));
            sum += (w.rain_mmph(t) + w.rain_mmph(t + 1.0)) / 2.0 / 3600.0;
        }
    }
}
