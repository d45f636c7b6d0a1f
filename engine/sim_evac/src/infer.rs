//! Where does it burn? A ranked posterior over fire room, growth, fuel and the room's doors from the order and times of
//! detectors' signals (火源反演).

use crate::EvacError;
use crate::alarm_table::{AlarmTable, Course, GROWTHS, Sensor, TableSpec, sensors_of};
use crate::model::EvacModel;
use sim_core::CancelToken;
use std::collections::BTreeSet;
use twin_model::{DoorState, FireFuel, FireGrowth, SignalKind, SpaceIndex, SpaceUse};

/// A smoke alarm that was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenAlarm {
    /// The detector's space.
    pub space: SpaceIndex,
    /// When it was seen, s on any clock.
    pub at_s: f64,
}

/// A signal of any detector that was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenSignal {
    /// The detector's space.
    pub space: SpaceIndex,
    /// What answered.
    pub kind: SignalKind,
    /// When it was seen, s on any clock.
    pub at_s: f64,
}

impl From<&SeenAlarm> for SeenSignal {
    fn from(a: &SeenAlarm) -> Self {
        Self { space: a.space, kind: SignalKind::Smoke, at_s: a.at_s }
    }
}

/// Doors of the burning room whose state nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomDoors {
    /// There are none: all are named in the scenario, or it is a corridor or stair.
    Known,
    /// All shut.
    Shut,
    /// All open.
    Open,
}

/// A fire that may be behind the alarms.
#[derive(Debug, Clone, PartialEq)]
pub struct FireHypothesis {
    /// Room.
    pub space: SpaceIndex,
    /// Growth.
    pub growth: FireGrowth,
    /// Fuel.
    pub fuel: FireFuel,
    /// The room's doors.
    pub doors: RoomDoors,
    /// Probability given that there is a fire; those of all hypotheses sum to 1.
    pub probability: f64,
    /// First signal on the alarms' clock, s: every start lies before it.
    pub first_signal_s: f64,
    /// Most probable start, s.
    pub started_s: f64,
    /// Mean start, s.
    pub start_mean_s: f64,
    /// Standard deviation of the start, s.
    pub start_sd_s: f64,
    /// Greatest heat release, kW: not inferred, for detectors answer before it is reached.
    pub peak_kw: f64,
}

/// What the signals say.
#[derive(Debug, Clone, PartialEq)]
pub struct FireBelief {
    /// Fires, most probable first; their probabilities sum to 1.
    pub hypotheses: Vec<FireHypothesis>,
    /// Probability that all signals are false and nothing burns (误报).
    pub false_alarm: f64,
}

impl FireBelief {
    /// Rooms with their probabilities given a fire, most probable first.
    #[must_use]
    pub fn rooms(&self) -> Vec<(SpaceIndex, f64)> {
        let mut list: Vec<(SpaceIndex, f64)> = Vec::new();
        for h in &self.hypotheses {
            match list.iter_mut().find(|e| e.0 == h.space) {
                Some(e) => e.1 += h.probability,
                None => list.push((h.space, h.probability)),
            }
        }
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list
    }

    /// Probability that the doors of the burning room stand open, among fires in rooms with doors of unknown state.
    #[must_use]
    pub fn door_open(&self) -> f64 {
        let sum = |d: RoomDoors| self.hypotheses.iter().filter(|h| h.doors == d).map(|h| h.probability).sum::<f64>();
        let (open, shut) = (sum(RoomDoors::Open), sum(RoomDoors::Shut));
        if open + shut > 0.0 { open / (open + shut) } else { 0.0 }
    }
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
    /// Prior share of fires that burn wood and paper, not foam and plastics, 0..1 (no statistics read: even).
    pub wood_share: f64,
    /// Prior share of doors that stand open where the scenario names none, 0..1; `None`: by its word for doors not named.
    pub open_share: Option<f64>,
}

impl InferOptions {
    /// Candidates within three doors, started within ten minutes.
    #[must_use]
    pub const fn at(now_s: f64) -> Self {
        Self { now_s, doors: 3, horizon_s: 600.0, peak_kw: 3000.0, wood_share: 0.5, open_share: None }
    }
}

/// Spread of a detector's time about the model's: 34 %, the experimental and model scatter of smoke alarm times in NIST's CFAST
/// validation.
const SIGMA: f64 = 0.34;
/// Likelihood density per second, given a fire, of an alarm that the candidate cannot explain (a dirty detector, an unknown way
/// of the smoke).
const STRAY_PER_S: f64 = 1e-5;
/// Probability that a detector which should have answered stays silent (broken, covered).
const SILENT: f64 = 0.01;
/// Start times tried lie this much further back each, relative.
const START_RATIO: f64 = 1.04;
/// Seconds that a table reaches beyond the first alarm at least, so that the next alarms need no new one.
const REACH_S: f64 = 90.0;
const YEAR_S: f64 = 31_557_600.0;
/// False alarms of a detector, 1/s: one in 20 detectors in a year, what BS 5839-1 takes for tolerable; from memory.
const FALSE_PER_S: f64 = 0.05 / YEAR_S;

/// Fires per floor area, 1/(s m²). Flats 9.6e-6 per m² and year (Fire 6 (2023) 35, Australia 2012–2019); others 5e-6, the order of
/// Tillander and Keski-Rahkonen (2003) for Finland, from memory; a tenth of that in corridors and stairs, where little burns (our
/// choice).
const fn fires_per_s_m2(of: SpaceUse) -> f64 {
    let per_year = match of {
        SpaceUse::Dwelling => 9.6e-6,
        SpaceUse::Circulation | SpaceUse::Stair | SpaceUse::Shaft => 5e-7,
        _ => 5e-6,
    };
    per_year / YEAR_S
}

/// Shares of the growth classes. Dwellings: growth coefficients are lognormal with mean 0.0073 and deviation 0.0132 kW/s² (Hopkin et
/// al., Fire Technology 56 (2020) 1179, fires reported at once: means 0.0058 to 0.0088, greatest deviation), cut half-way between
/// the classes, nine tenths of it and one tenth even. Other uses: even, for no statistics were read.
const fn growth_share(of: SpaceUse, class: usize) -> f64 {
    match of {
        SpaceUse::Dwelling => [0.624, 0.275, 0.073, 0.028][class],
        _ => 0.25,
    }
}

/// Share of doors that stand open where nobody knows: of sleeping rooms 0.104 of the time (Frank, Spearpoint and Weddell, Fire Safety
/// Science 11 (2014) 969); the rest our choice.
const fn open_share(others: DoorState) -> f64 {
    match others {
        DoorState::SelfClosing => 0.104,
        DoorState::LeftOpen => 0.5,
        DoorState::Open => 0.9,
        DoorState::Locked => 0.02,
    }
}

impl EvacModel {
    /// Fires that may be behind smoke alarms, most probable first: [`EvacModel::believe`] without its table.
    ///
    /// # Errors
    /// [`EvacError::Alarms`] for none, for times that fall or lie after `now_s`, or a space without detector.
    pub fn infer_fire(
        &self,
        alarms: &[SeenAlarm],
        options: &InferOptions,
        cancel: &CancelToken,
    ) -> Result<Vec<FireHypothesis>, EvacError> {
        let signals: Vec<SeenSignal> = alarms.iter().map(SeenSignal::from).collect();
        Ok(self.believe(&signals, options, &mut None, cancel)?.hypotheses)
    }

    /// What signals say about the fire. `table` is made when there is none or it does not cover the signals, and kept for the next
    /// call with the same model: with it a new alarm costs milliseconds.
    ///
    /// Candidates are all rooms within `doors` doors of the first signal and one door of the others, four growths, two fuels, and the
    /// room's unknown doors open or shut. The time of each detector is lognormal about the candidate's with σ = 0.34; smoke detectors
    /// silent until `now_s` count; the unknown start is summed over. Prior: fires per floor area by use, growth by use.
    ///
    /// # Errors
    /// [`EvacError::Alarms`] for none, for times that fall or lie after `now_s`, or a smoke alarm of a space without detector.
    pub fn believe(
        &self,
        signals: &[SeenSignal],
        options: &InferOptions,
        table: &mut Option<AlarmTable>,
        cancel: &CancelToken,
    ) -> Result<FireBelief, EvacError> {
        self.check_signals(signals, options)?;
        let spec = self.spec(signals, options);
        let table = match table {
            Some(t) if spec.met_by(t) => t,
            slot => slot.insert(self.make_table(&spec, cancel)?),
        };
        Ok(self.weigh(table, &spec.rooms, signals, options))
    }

    /// A table of all rooms of the building: made when a building is loaded, every later inference costs milliseconds.
    ///
    /// # Errors
    /// [`EvacError::Fire`] when cancelled.
    pub fn alarm_table(&self, options: &InferOptions, cancel: &CancelToken) -> Result<AlarmTable, EvacError> {
        let all = (0..self.plan.spaces.len() as u32).map(SpaceIndex);
        let rooms = all.filter(|s| self.plan.spaces[s.index()].use_ != SpaceUse::Shaft).collect();
        let (horizon_s, peak_kw) = (options.horizon_s, options.peak_kw);
        self.make_table(&TableSpec { rooms, signals: Vec::new(), reach_s: REACH_S, horizon_s, peak_kw }, cancel)
    }

    fn spec(&self, signals: &[SeenSignal], o: &InferOptions) -> TableSpec {
        let mut rooms: BTreeSet<SpaceIndex> = self.rooms_near(signals[0].space, o.doors).into_iter().collect();
        for s in &signals[1..] {
            rooms.extend(self.rooms_near(s.space, o.doors.min(1)));
        }
        let reach_s = (o.now_s - signals[0].at_s).max(REACH_S);
        TableSpec { rooms, signals: sensors_of(signals), reach_s, horizon_s: o.horizon_s, peak_kw: o.peak_kw }
    }

    fn weigh(
        &self,
        table: &AlarmTable,
        rooms: &BTreeSet<SpaceIndex>,
        signals: &[SeenSignal],
        o: &InferOptions,
    ) -> FireBelief {
        let seen: Vec<Option<f64>> = table.sensors.iter().map(|s| seen_at(signals, s)).collect();
        let mut found = Vec::new();
        let mut logs = Vec::new();
        for c in table.courses.iter().filter(|c| rooms.contains(&c.space)) {
            let e = evidence(&c.times_s, &seen, signals[0].at_s, o);
            logs.push(e.log + libm::log(self.prior_per_s(c, o).max(f64::MIN_POSITIVE)));
            found.push(FireHypothesis {
                space: c.space,
                growth: c.growth.clone(),
                fuel: c.fuel,
                doors: c.doors,
                probability: 0.0,
                first_signal_s: signals[0].at_s,
                started_s: e.best_s,
                start_mean_s: e.mean_s,
                start_sd_s: e.sd_s,
                peak_kw: table.peak_kw,
            });
        }
        // Every signal by itself a false one; relative to strays, as the evidence is.
        let false_log = seen.iter().flatten().count() as f64 * libm::log(FALSE_PER_S / STRAY_PER_S);
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|l| libm::exp(l - top)).sum();
        found.iter_mut().zip(&logs).for_each(|(h, l)| h.probability = libm::exp(l - top) / sum);
        found.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let fire_log = top + libm::log(sum);
        FireBelief { hypotheses: found, false_alarm: 1.0 / (1.0 + libm::exp(fire_log - false_log)) }
    }

    /// Rate of such fires before anything was seen, 1/s.
    fn prior_per_s(&self, c: &Course, o: &InferOptions) -> f64 {
        let space = &self.plan.spaces[c.space.index()];
        let class = GROWTHS.iter().position(|g| *g == c.growth).unwrap_or(0);
        let wood = if c.fuel == FireFuel::Wood { o.wood_share } else { 1.0 - o.wood_share };
        let open = o.open_share.unwrap_or_else(|| open_share(self.scenario.doors.others));
        let doors = match c.doors {
            RoomDoors::Known => 1.0,
            RoomDoors::Shut => 1.0 - open,
            RoomDoors::Open => open,
        };
        fires_per_s_m2(space.use_) * space.area_m2() * growth_share(space.use_, class) * wood * doors
    }

    fn check_signals(&self, signals: &[SeenSignal], options: &InferOptions) -> Result<(), EvacError> {
        let wrong = |text: String| Err(EvacError::Alarms(text));
        if signals.is_empty() {
            return wrong("none; allowed: at least 1".into());
        }
        let shares = [("wood_share", options.wood_share), ("open_share", options.open_share.unwrap_or(0.0))];
        let ranges =
            [("horizon_s", options.horizon_s, 30.0, 3600.0, " s"), ("peak_kw", options.peak_kw, 1.0, 1e5, " kW")];
        let all = shares.map(|(f, v)| (f, v, 0.0, 1.0, "")).into_iter().chain(ranges);
        for (field, value, low, high, unit) in all {
            if !(low..=high).contains(&value) {
                return wrong(format!("{field} = {value}{unit}; allowed: {low}..{high}{unit}"));
            }
        }
        let mut last = f64::NEG_INFINITY;
        for a in signals {
            let fits = match a.kind {
                SignalKind::Smoke => self.smoke.detector_spaces.contains(&a.space),
                _ => a.space.index() < self.plan.spaces.len(),
            };
            if !fits {
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
}

/// First signal of a sensor.
fn seen_at(signals: &[SeenSignal], sensor: &Sensor) -> Option<f64> {
    signals.iter().find(|s| s.space == sensor.space && s.kind == sensor.kind).map(|s| s.at_s)
}

struct Evidence {
    /// Logarithm of the likelihood summed over starts, s, over that of strays alone.
    log: f64,
    best_s: f64,
    mean_s: f64,
    sd_s: f64,
}

/// Likelihood of what was seen, summed over start times, and when it started.
fn evidence(times_s: &[f64], seen: &[Option<f64>], first_s: f64, o: &InferOptions) -> Evidence {
    let mut starts: Vec<(f64, f64, f64)> = Vec::new();
    let mut back = 1.0;
    while back <= o.horizon_s && first_s - back >= o.now_s - o.horizon_s - 1.0 {
        let start = first_s - back;
        let mut log = libm::log(back * (START_RATIO - 1.0));
        for (tau, seen) in times_s.iter().zip(seen).filter(|(tau, _)| tau.is_finite()) {
            log += match seen {
                Some(at) => libm::log(1.0 + density(at - start, *tau) / STRAY_PER_S),
                None => libm::log(SILENT + (1.0 - SILENT) * (1.0 - reached(o.now_s - start, *tau))),
            };
        }
        starts.push((start, back, log));
        back *= START_RATIO;
    }
    let Some(top) = starts.iter().map(|s| s.2).reduce(f64::max) else {
        return Evidence { log: libm::log(f64::MIN_POSITIVE), best_s: first_s, mean_s: first_s, sd_s: 0.0 };
    };
    let sums = starts.iter().fold([0.0; 3], |sum, (start, _, log)| {
        let w = libm::exp(log - top);
        [sum[0] + w, sum[1] + w * (start - first_s), sum[2] + w * (start - first_s) * (start - first_s)]
    });
    // The best by density: the width of its step taken off.
    let best = starts.iter().max_by(|a, b| (a.2 - libm::log(a.1)).total_cmp(&(b.2 - libm::log(b.1))));
    let mean = sums[1] / sums[0];
    Evidence {
        log: top + libm::log(sums[0]),
        best_s: best.map_or(first_s, |b| b.0),
        mean_s: first_s + mean,
        sd_s: (sums[2] / sums[0] - mean * mean).max(0.0).sqrt(),
    }
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

    #[test]
    fn one_detector_finds_its_own_start() {
        // One detector with τ = 60 s seen at 1000 s: the start lies a lognormal of median 60 s before, and the sum over starts of its
        // density is the sum of f(t; τ) dt = 1, over the stray density; strays add an even 1e-5 over the 900 s.
        let e =
            evidence(&[60.0], &[Some(1000.0)], 1000.0, &InferOptions { horizon_s: 900.0, ..InferOptions::at(1000.0) });
        assert!((libm::exp(e.log) * STRAY_PER_S - 1.0).abs() < 0.03, "{}", libm::exp(e.log) * STRAY_PER_S);
        let strays = 900.0 * STRAY_PER_S;
        let mean = (60.0 * libm::exp(0.5 * SIGMA * SIGMA) + 450.0 * strays) / (1.0 + strays);
        assert!((1000.0 - e.mean_s - mean).abs() < 0.5, "{}", 1000.0 - e.mean_s);
        let mode = 60.0 * libm::exp(-SIGMA * SIGMA);
        assert!((1000.0 - e.best_s - mode).abs() < 2.5, "{}", 1000.0 - e.best_s);
    }

    #[test]
    fn shares_are_shares() {
        for of in [SpaceUse::Dwelling, SpaceUse::Office] {
            assert!(((0..4).map(|k| growth_share(of, k)).sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn growth_shares_of_dwellings_follow_from_the_lognormal() {
        let cv = 0.0132 / 0.0073_f64;
        let sigma = libm::log(1.0 + cv * cv).sqrt();
        let median = 0.0073 / libm::exp(0.5 * sigma * sigma);
        let below = |a: f64| 0.5 * libm::erfc(-libm::log(a / median) / (sigma * std::f64::consts::SQRT_2));
        let alpha = GROWTHS.map(|g| g.alpha_kwps2().unwrap());
        let cuts = [0.0, (alpha[0] * alpha[1]).sqrt(), (alpha[1] * alpha[2]).sqrt(), (alpha[2] * alpha[3]).sqrt()];
        let cdf = cuts.map(|c| if c > 0.0 { below(c) } else { 0.0 });
        for k in 0..4 {
            let top = if k == 3 { 1.0 } else { cdf[k + 1] };
            let share = 0.9 * (top - cdf[k]) + 0.025;
            assert!((share - growth_share(SpaceUse::Dwelling, k)).abs() < 0.003, "{k}: {share}");
        }
    }

    fn block() -> EvacModel {
        let (plan, scenario) =
            (crate::verification_live::block_plan(1), crate::verification_live::block_scenario(600.0));
        EvacModel::new(&plan, &scenario, &[]).unwrap()
    }

    fn signal(space: u32, kind: SignalKind, at_s: f64) -> SeenSignal {
        SeenSignal { space: SpaceIndex(space), kind, at_s }
    }

    #[test]
    fn a_heat_detector_that_answers_soon_means_quick_growth() {
        let model = block();
        let growth = |kind, heat_s: f64| {
            let signals = [signal(7, SignalKind::Smoke, 0.0), signal(7, kind, heat_s)];
            let options = InferOptions::at(heat_s + 5.0);
            let belief = model.believe(&signals, &options, &mut None, &CancelToken::new()).unwrap();
            assert_eq!(belief.rooms()[0].0, SpaceIndex(7));
            belief.hypotheses.iter().map(|h| h.probability * libm::log(h.growth.alpha_kwps2().unwrap())).sum::<f64>()
        };
        for kind in [SignalKind::Heat, SignalKind::SprinklerFlow] {
            let (soon, late) = (growth(kind, 25.0), growth(kind, 150.0));
            assert!(soon > late + 1.0, "{kind:?}: {soon} {late}");
        }
    }

    #[test]
    fn a_table_made_before_serves_later_alarms() {
        let model = block();
        let cancel = CancelToken::new();
        let one = [signal(7, SignalKind::Smoke, 0.0)];
        let two = [one[0], signal(0, SignalKind::Smoke, 40.0)];
        let options = InferOptions::at(50.0);
        let mut kept = None;
        model.believe(&one, &InferOptions::at(10.0), &mut kept, &cancel).unwrap();
        let before = kept.clone();
        let again = model.believe(&two, &options, &mut kept, &cancel).unwrap();
        assert!(kept == before, "the table was made anew");
        let fresh = model.believe(&two, &options, &mut None, &cancel).unwrap();
        let (a, b) = (again.rooms(), fresh.rooms());
        assert!(a[0].0 == b[0].0 && (a[0].1 - b[0].1).abs() < 1e-6, "{:?} {:?}", a[0], b[0]);
        let all = model.alarm_table(&InferOptions::at(0.0), &cancel).unwrap();
        let whole = model.believe(&two, &options, &mut Some(all), &cancel).unwrap().rooms();
        assert!(whole[0].0 == b[0].0 && (whole[0].1 - b[0].1).abs() < 0.05, "{:?} {:?}", whole[0], b[0]);
    }

    #[test]
    fn a_door_known_to_be_shut_is_not_asked_about() {
        let mut scenario = crate::verification_live::block_scenario(600.0);
        scenario.doors.named.insert("D1-4".into(), DoorState::SelfClosing);
        let model = EvacModel::new(&crate::verification_live::block_plan(1), &scenario, &[]).unwrap();
        let signals = [signal(7, SignalKind::Smoke, 0.0)];
        let found = model.believe(&signals, &InferOptions::at(5.0), &mut None, &CancelToken::new()).unwrap().hypotheses;
        let doors = |space: u32| -> BTreeSet<RoomDoors> {
            found.iter().filter(|h| h.space == SpaceIndex(space)).map(|h| h.doors).collect()
        };
        assert_eq!(doors(7), BTreeSet::from([RoomDoors::Known]));
        assert_eq!(doors(8), BTreeSet::from([RoomDoors::Shut, RoomDoors::Open]));
    }
}
