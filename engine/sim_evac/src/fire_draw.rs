//! Fires for the members of a forecast, drawn from what the inference found.

use crate::EvacError;
use crate::infer::FireHypothesis;
use crate::model::{EvacMember, EvacModel, normal};
use sim_core::CounterRng;
use twin_model::{FireGrowth, FireSource};

const PICK_STREAM: u64 = 0x0001_F17E;
const SOURCE_STREAM: u64 = 0x0002_F17E << 16;
const PEOPLE_STREAM: u64 = 0x0003_F17E;
/// Growth classes lie a factor of 4 apart; within its class a fire's coefficient is lognormal with this spread, at most a factor of 2
/// off (the spread of an even share of the logarithm, ln 4/√12).
const WITHIN_CLASS: f64 = 0.4;
/// Spread of the logarithm of the peak. Hopkin et al. (2020) find wider ones for dwellings (about 1.2), with fires that nobody needs to
/// flee from; our choice.
const PEAK_SIGMA: f64 = 0.4;

impl EvacModel {
    /// Fires of `count` members, each equally probable: hypotheses by systematic sampling, growth within its class, start, peak. The
    /// first is the most probable hypothesis at its most probable start, undisturbed. Same seed, same fires. `started_s` of the
    /// hypotheses has to be on the scenario's clock; starts before second 0 are put there.
    #[must_use]
    pub fn draw_fires(&self, hypotheses: &[FireHypothesis], count: u32, seed: u64) -> Vec<FireSource> {
        let picked = pick_hypotheses(hypotheses, count, seed).into_iter().enumerate();
        picked
            .map(|(k, h)| match k.checked_sub(1) {
                None => self.source(h, None),
                Some(k) => self.source(h, Some(&mut CounterRng::new(seed, SOURCE_STREAM | k as u64))),
            })
            .collect()
    }

    /// [`EvacModel::draw_fires`] as members, each with people of its own.
    ///
    /// # Errors
    /// As [`EvacModel::fire`].
    pub fn members_from(
        &self,
        hypotheses: &[FireHypothesis],
        count: u32,
        seed: u64,
    ) -> Result<Vec<EvacMember>, EvacError> {
        let people = CounterRng::new(seed, PEOPLE_STREAM);
        let fires = self.draw_fires(hypotheses, count, seed);
        let member = |(k, f): (usize, &FireSource)| Ok(EvacMember::new(people.at(k as u64), Some(self.fire(f, 1.0)?)));
        fires.iter().enumerate().map(member).collect()
    }

    fn source(&self, h: &FireHypothesis, rng: Option<&mut CounterRng>) -> FireSource {
        let class = h.growth.alpha_kwps2().unwrap_or_default();
        let (pace, start_s, peak) = match rng {
            None => (1.0, h.started_s, 1.0),
            Some(rng) => {
                let half = std::f64::consts::LN_2;
                let pace = libm::exp((WITHIN_CLASS * normal(rng)).clamp(-half, half));
                let start = h.first_signal_s - burnt_s(h, normal(rng).clamp(-2.5, 2.5));
                (pace, start, libm::exp((PEAK_SIGMA * normal(rng)).clamp(-1.0, 1.0)))
            }
        };
        FireSource {
            space: self.space_name(h.space),
            growth: FireGrowth::AlphaKwps2((class * pace).clamp(1e-4, 10.0)),
            peak_kw: (h.peak_kw * peak).clamp(1.0, 100_000.0),
            fuel: h.fuel,
            start_s: start_s.clamp(0.0, h.first_signal_s.max(0.0)),
            growth_sigma: 0.0,
        }
    }
}

/// How long a fire had burnt at the first signal, s: lognormal with the hypothesis' mean and deviation, `z` deviations off.
fn burnt_s(h: &FireHypothesis, z: f64) -> f64 {
    let mean = (h.first_signal_s - h.start_mean_s).max(1.0);
    let variance = libm::log(1.0 + h.start_sd_s * h.start_sd_s / (mean * mean));
    libm::exp(libm::log(mean) - 0.5 * variance + variance.sqrt() * z)
}

/// The hypotheses of `count` members: the most probable one first, then a systematic sample.
pub(crate) fn pick_hypotheses(hypotheses: &[FireHypothesis], count: u32, seed: u64) -> Vec<&FireHypothesis> {
    let Some(best) = hypotheses.iter().max_by(|a, b| a.probability.total_cmp(&b.probability)) else {
        return Vec::new();
    };
    let first = (count > 0).then_some(best);
    first.into_iter().chain(systematic(hypotheses, count.saturating_sub(1), seed)).collect()
}

/// `count` hypotheses, each about as often as its probability says: one random offset, then equal strides (systematic resampling, as in
/// Douc, Cappé and Moulines 2005).
fn systematic(list: &[FireHypothesis], count: u32, seed: u64) -> Vec<&FireHypothesis> {
    let sum: f64 = list.iter().map(|h| h.probability).sum();
    let offset = CounterRng::new(seed, PICK_STREAM).next_f64();
    let mut picked = Vec::new();
    let (mut k, mut below) = (0, list[0].probability);
    for n in 0..count {
        let wanted = sum * (f64::from(n) + offset) / f64::from(count);
        while below <= wanted && k + 1 < list.len() {
            k += 1;
            below += list[k].probability;
        }
        picked.push(&list[k]);
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::RoomDoors;
    use crate::verification::{corridor_plan, corridor_scenario};
    use twin_model::{FireFuel, SpaceIndex};

    fn hypothesis(space: u32, probability: f64) -> FireHypothesis {
        FireHypothesis {
            space: SpaceIndex(space),
            growth: FireGrowth::Fast,
            fuel: FireFuel::Wood,
            doors: RoomDoors::Shut,
            probability,
            first_signal_s: 90.0,
            started_s: 40.0,
            start_mean_s: 38.0,
            start_sd_s: 8.0,
            peak_kw: 1500.0,
        }
    }

    #[test]
    fn members_follow_the_probabilities() {
        let model = EvacModel::new(&corridor_plan(), &corridor_scenario(200.0, false), &[]).unwrap();
        let list = [hypothesis(1, 0.6), hypothesis(2, 0.3), hypothesis(3, 0.1)];
        let fires = model.draw_fires(&list, 101, 5);
        let of = |name: &str| fires[1..].iter().filter(|f| f.space == name).count();
        assert_eq!(fires.len(), 101);
        assert!(of("1F/R1").abs_diff(60) <= 1 && of("1F/R2").abs_diff(30) <= 1 && of("1F/R3").abs_diff(10) <= 1);
        assert_eq!((fires[0].start_s, fires[0].growth.alpha_kwps2()), (40.0, Some(0.0469)));
        let mean = fires[1..].iter().map(|f| f.start_s).sum::<f64>() / 100.0;
        assert!((mean - 38.0).abs() < 4.0 * 8.0 / 10.0, "{mean}");
        assert_eq!(model.draw_fires(&list, 101, 5), fires);
        assert_ne!(model.draw_fires(&list, 101, 6), fires);
        let members = model.members_from(&list, 3, 5).unwrap();
        assert_eq!(members.len(), 3);
        assert!(model.draw_fires(&[], 3, 5).is_empty());
    }
}
