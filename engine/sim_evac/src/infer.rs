//! Where does it burn? A ranked posterior over fire room and growth from the order and times of smoke alarms (火源反演).

use crate::EvacError;
use crate::model::EvacModel;
use sim_core::CancelToken;
use sim_fire::{Fire, FireEnsemble, FireParams, HeatCurve, Member};
use twin_model::{FireFuel, FireGrowth, FireSource, SpaceIndex, SpaceUse};

/// A smoke alarm that was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenAlarm {
    /// The detector's space.
    pub space: SpaceIndex,
    /// When it was seen, s on any clock.
    pub at_s: f64,
}

/// A fire that may be behind the alarms.
#[derive(Debug, Clone, PartialEq)]
pub struct FireHypothesis {
    /// Room.
    pub space: SpaceIndex,
    /// Growth.
    pub growth: FireGrowth,
    /// Probability; those of all hypotheses sum to 1.
    pub probability: f64,
    /// Most probable start on the alarms' clock, s.
    pub started_s: f64,
}

/// What the inference may try.
#[derive(Debug, Clone, PartialEq)]
pub struct InferOptions {
    /// The present on the alarms' clock, s: detectors silent until now count.
    pub now_s: f64,
    /// Candidates lie at most this many doors and stairs from the first alarm.
    pub doors: u32,
    /// Longest time from start to the present, s, 30 to 3600.
    pub horizon_s: f64,
    /// Greatest heat release of candidates, kW.
    pub peak_kw: f64,
    /// Fuel of candidates.
    pub fuel: FireFuel,
}

impl InferOptions {
    /// Candidates within three doors, started within ten minutes.
    #[must_use]
    pub const fn at(now_s: f64) -> Self {
        Self { now_s, doors: 3, horizon_s: 600.0, peak_kw: 3000.0, fuel: FireFuel::Polyurethane }
    }
}

/// Spread of a detector's time about the model's: 34 %, the experimental and model scatter of smoke alarm times in NIST's CFAST
/// validation.
const SIGMA: f64 = 0.34;
/// Likelihood density per second of an alarm that the candidate cannot explain (a dirty detector, an unknown way of the smoke).
const STRAY_PER_S: f64 = 1e-5;
/// Probability that a detector which should have answered stays silent (broken, covered).
const SILENT: f64 = 0.01;
/// Steps of the start time, s.
const START_STEP_S: f64 = 2.0;
const GROWTHS: [FireGrowth; 4] = [FireGrowth::Slow, FireGrowth::Medium, FireGrowth::Fast, FireGrowth::Ultrafast];

impl EvacModel {
    /// Fires that may be behind the alarms, most probable first. Doors stand as the scenario says.
    ///
    /// The time of each detector is lognormal about the candidate's with σ = 0.34; detectors silent until `now_s` count; the
    /// unknown start is summed over. Before the alarms all candidate rooms and growths are equally likely.
    ///
    /// # Errors
    /// [`EvacError::Alarms`] for none, for times that fall or lie after `now_s`, or a space without detector.
    pub fn infer_fire(
        &self,
        alarms: &[SeenAlarm],
        options: &InferOptions,
        cancel: &CancelToken,
    ) -> Result<Vec<FireHypothesis>, EvacError> {
        self.check_alarms(alarms, options)?;
        let rooms = self.rooms_near(alarms[0].space, options.doors);
        let mut candidates = Vec::new();
        let mut members = Vec::new();
        for space in rooms {
            for growth in &GROWTHS {
                members.push(Member::with_fire(self.candidate(space, growth, options)));
                candidates.push((space, growth.clone()));
            }
        }
        let s = &self.smoke;
        let mut run = FireEnsemble::new(s.network.clone(), members, s.detectors.clone(), FireParams::default())?;
        for (k, vent) in s.vents.iter().enumerate() {
            if let Some(vent) = vent {
                let share = self.open_share(k, self.doors[k], false, false);
                (0..candidates.len()).try_for_each(|m| run.set_opening(m, *vent, Some(share)))?;
            }
        }
        run.advance_to(options.horizon_s, cancel)?;
        let mut found = Vec::new();
        for (m, (space, growth)) in candidates.into_iter().enumerate() {
            let model = self.times(&run.alarms_s(m)?);
            let (likelihood, started_s) = evidence(&model, alarms, options);
            found.push(FireHypothesis { space, growth, probability: likelihood, started_s });
        }
        let sum: f64 = found.iter().map(|h| h.probability).sum();
        found.iter_mut().for_each(|h| h.probability /= sum);
        found.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(found)
    }

    fn check_alarms(&self, alarms: &[SeenAlarm], options: &InferOptions) -> Result<(), EvacError> {
        let wrong = |text: String| Err(EvacError::Alarms(text));
        if alarms.is_empty() {
            return wrong("none; allowed: at least 1".into());
        }
        if !(30.0..=3600.0).contains(&options.horizon_s) {
            return wrong(format!("horizon_s = {} s; allowed: 30..3600 s", options.horizon_s));
        }
        let mut last = f64::NEG_INFINITY;
        for a in alarms {
            if !self.smoke.detector_spaces.contains(&a.space) {
                return wrong(format!("space number {} has no detector in the scenario", a.space.0));
            }
            if !(a.at_s.is_finite() && a.at_s >= last && a.at_s <= options.now_s) {
                let [t, now] = [a.at_s, options.now_s];
                return wrong(format!("time {t} s; allowed: times that do not fall, up to now ({now} s)"));
            }
            last = a.at_s;
        }
        Ok(())
    }

    fn candidate(&self, space: SpaceIndex, growth: &FireGrowth, o: &InferOptions) -> Fire {
        let source = FireSource {
            space: self.space_name(space),
            growth: growth.clone(),
            peak_kw: o.peak_kw,
            fuel: o.fuel,
            start_s: 0.0,
            growth_sigma: 0.0,
        };
        let curve = HeatCurve::Squared {
            alpha_kwps2: growth.alpha_kwps2().unwrap_or_default(),
            peak_kw: o.peak_kw,
            start_s: 0.0,
        };
        self.fire_in(space, curve, &source)
    }

    /// Spaces up to `doors` openings or stairs away, where something can burn.
    fn rooms_near(&self, from: SpaceIndex, doors: u32) -> Vec<SpaceIndex> {
        let mut far = vec![u32::MAX; self.plan.spaces.len()];
        far[from.index()] = 0;
        let pairs = || {
            let openings = self.plan.openings.iter().filter_map(|o| o.sides[0].zip(o.sides[1]));
            openings.chain(self.plan.stairs.iter().map(|s| (s.lower, s.upper)))
        };
        for step in 0..doors {
            let reached: Vec<usize> = pairs()
                .flat_map(|(a, b)| [(a, b), (b, a)])
                .filter(|(a, _)| far[a.index()] == step)
                .map(|(_, b)| b.index())
                .collect();
            reached.into_iter().for_each(|k| far[k] = far[k].min(step + 1));
        }
        (0..self.plan.spaces.len() as u32)
            .map(SpaceIndex)
            .filter(|s| far[s.index()] < u32::MAX && self.plan.spaces[s.index()].use_ != SpaceUse::Shaft)
            .collect()
    }

    /// First alarm per space with a detector, s after the start; infinite for silent ones.
    fn times(&self, alarms: &[Option<f64>]) -> Vec<(SpaceIndex, f64)> {
        let mut list: Vec<(SpaceIndex, f64)> = Vec::new();
        for (s, t) in self.smoke.detector_spaces.iter().zip(alarms) {
            let t = t.unwrap_or(f64::INFINITY);
            match list.iter_mut().find(|e| e.0 == *s) {
                Some(e) => e.1 = e.1.min(t),
                None => list.push((*s, t)),
            }
        }
        list
    }
}

/// Likelihood of what was seen, summed over start times, and the most likely start.
fn evidence(model: &[(SpaceIndex, f64)], alarms: &[SeenAlarm], o: &InferOptions) -> (f64, f64) {
    let first = alarms[0].at_s;
    let earliest = o.now_s - o.horizon_s;
    let (mut sum, mut best, mut best_at) = (0.0, -1.0, first);
    let mut start = first - 0.5 * START_STEP_S;
    while start >= earliest {
        let mut log = 0.0;
        for (space, tau) in model {
            log += match alarms.iter().find(|a| a.space == *space) {
                Some(a) => libm::log(STRAY_PER_S + density(a.at_s - start, *tau)),
                None => libm::log(SILENT + (1.0 - SILENT) * (1.0 - reached(o.now_s - start, *tau))),
            };
        }
        let p = libm::exp(log);
        sum += p;
        if p > best {
            (best, best_at) = (p, start);
        }
        start -= START_STEP_S;
    }
    (sum.max(f64::MIN_POSITIVE), best_at)
}

/// Lognormal density about `tau`, 1/s.
fn density(t_s: f64, tau: f64) -> f64 {
    if !(tau.is_finite() && tau > 0.0 && t_s > 0.0) {
        return 0.0;
    }
    let z = libm::log(t_s / tau) / SIGMA;
    libm::exp(-0.5 * z * z) / (t_s * SIGMA * (2.0 * std::f64::consts::PI).sqrt())
}

/// Probability that a detector with median `tau` has answered by `t_s`.
fn reached(t_s: f64, tau: f64) -> f64 {
    if !(tau.is_finite() && tau > 0.0 && t_s > 0.0) {
        return 0.0;
    }
    0.5 * libm::erfc(-libm::log(t_s / tau) / (SIGMA * std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lognormal_by_hand() {
        assert!((reached(60.0, 60.0) - 0.5).abs() < 1e-12);
        assert!((reached(60.0 * libm::exp(SIGMA), 60.0) - 0.841_344_7).abs() < 1e-6);
        let sum: f64 = (1..20_000).map(|k| density(f64::from(k) * 0.05, 60.0) * 0.05).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert_eq!(density(10.0, f64::INFINITY), 0.0);
    }
}
