//! From signals and counters to a scenario that can be run (实时推演输入): what the server calls when a smoke alarm comes.

use crate::alarm_table::AlarmTable;
use crate::fire_draw::pick_hypotheses;
use crate::infer::{FireBelief, FireHypothesis, InferOptions, RoomDoors, SeenSignal};
use crate::model::{EvacMember, EvacModel};
use crate::names::Names;
use crate::occupancy::{Occupancy, OccupancyOptions, drawn_where};
use crate::{EvacError, infer};
use sim_core::CancelToken;
use std::collections::BTreeMap;
use twin_model::{
    BuildingPlan, CountObservation, CountScope, DayKind, DetectorPlaces, DetectorSignal, DoorState, EvacScenario,
    LikelyFire, LiveForecast, OpeningIndex, RoomChance, SignalKind, SpaceCount, SpaceIndex, TimeMs,
};

/// What signals and counters do not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveOptions {
    /// Local time, hours east of UTC; China 8.
    pub utc_offset_hours: i64,
    /// Kind of day; `None`: by the weekday, holidays unknown.
    pub day: Option<DayKind>,
    /// Candidates lie at most this many doors from the first signal.
    pub doors: u32,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { utc_offset_hours: 8, day: None, doors: 3 }
    }
}

/// Signals later than this after the first say where the smoke went, not where it burns, s.
const SPAN_S: f64 = 240.0;
/// Rooms listed.
const ROOMS: usize = 20;
/// People that a space is given at most, 1/m²: they have to find a place to stand (our choice).
const MOST_PPM2: f64 = 3.0;

/// What a forecast from live signals starts from: [`EvacModel::live_forecast`] on a model of its own, with default options.
///
/// # Errors
/// [`EvacError::Alarms`] when no signal can be used; as [`EvacModel::new`] for a plan or scenario that cannot be run.
pub fn live_forecast(
    plan: &BuildingPlan,
    base: &EvacScenario,
    signals: &[DetectorSignal],
    counts: &[CountObservation],
    now: TimeMs,
) -> Result<LiveForecast, EvacError> {
    let model = EvacModel::new(plan, base, &[])?;
    model.live_forecast(signals, counts, now, &LiveOptions::default(), &mut None, &CancelToken::new())
}

impl EvacModel {
    /// What a forecast from live signals starts from. The model is of the building as it stands (doors, detectors, people by use,
    /// members, seed); of its fire only the peak is taken over, of its interventions and water nothing.
    ///
    /// Clock: second 0 is the first signal less a lead of mean and two deviations of what the fire may have burnt by then, in whole tens
    /// of seconds, so that nearly every drawn fire starts within the run (later ones are put at 0). The sounders begin at the first
    /// signal and the scenario's delay: the simulated detectors are switched off, for theirs would be another time in every member.
    /// The run lasts the model's duration from the present on. People are those of the first signal's time. `table` as in
    /// [`EvacModel::believe`].
    ///
    /// # Errors
    /// [`EvacError::Alarms`] when no signal can be used; [`EvacError::Counts`] for a bad count.
    pub fn live_forecast(
        &self,
        signals: &[DetectorSignal],
        counts: &[CountObservation],
        now: TimeMs,
        options: &LiveOptions,
        table: &mut Option<AlarmTable>,
        cancel: &CancelToken,
    ) -> Result<LiveForecast, EvacError> {
        let mut doubts = Vec::new();
        let (first, seen) = self.usable(signals, now, &mut doubts)?;
        let until_now_s = now.secs_since(first);
        let mut infer_options = InferOptions { doors: options.doors, ..InferOptions::at(until_now_s.min(SPAN_S)) };
        infer_options.peak_kw = self.scenario.fire.as_ref().map_or(infer_options.peak_kw, |f| f.peak_kw);
        let belief = self.believe(&seen, &infer_options, table, cancel)?;
        if seen.len() == 1 {
            doubts.push("one detector only: the room and whether it burns at all are open".into());
        }
        let lead_s = lead_s(&belief, infer_options.horizon_s);
        let (origin, now_s) = (first.plus_secs(-lead_s), lead_s + until_now_s);
        let people = self.people_at(first, counts, until_now_s, options)?;
        doubts.extend(people.doubts.iter().cloned());
        let mut scenario = self.scenario.clone();
        if !(scenario.interventions.is_empty() && scenario.water.is_empty()) {
            doubts.push("interventions and water of the base scenario are not taken over".into());
            scenario.interventions.clear();
            scenario.water.clear();
        }
        scenario.duration_s = (now_s + scenario.duration_s).ceil().min(36_000.0);
        scenario.frame_interval_s = scenario.frame_interval_s.min(scenario.duration_s);
        let middle = self.fitting(people.middle(), &mut |d| doubts.push(d));
        scenario.people.spaces = self.standing(&middle, &mut doubts);
        let drawn = people.draws.iter().skip(1).take(scenario.members.saturating_sub(1) as usize);
        let drawn = drawn.map(|d| self.fitting(d.clone(), &mut |_| {}));
        let people_by_member = std::iter::once(middle.clone()).chain(drawn).collect();
        scenario.detection.detectors = DetectorPlaces::Nowhere;
        scenario.detection.alarm_s = Some((lead_s + scenario.detection.delay_s).min(scenario.duration_s));
        let opened = self.set_doors(&belief, &mut scenario, &mut doubts);
        let on_clock: Vec<FireHypothesis> = belief.hypotheses.iter().map(|h| shifted(h, lead_s)).collect();
        let fires = self.draw_fires(&on_clock, scenario.members, scenario.seed);
        let picked = pick_hypotheses(&on_clock, scenario.members, scenario.seed);
        let doors_by_member = picked.into_iter().map(|h| self.doors_believed(h, &opened)).collect();
        scenario.fire = fires.first().cloned();
        let share = 1.0 / f64::from(scenario.members);
        scenario.fires = fires.into_iter().map(|source| LikelyFire { probability: share, source }).collect();
        doubts.dedup();
        Ok(LiveForecast {
            origin,
            now_s,
            rooms: self.room_chances(&belief, lead_s),
            false_alarm: belief.false_alarm,
            door_open: belief.door_open(),
            people: people.estimate(&self.plan),
            people_by_member,
            doors_by_member,
            doubts,
            scenario,
        })
    }

    /// The members of a forecast, on the model of its scenario: each with its fire, its people and its doors. The first has the mean
    /// numbers of people and the most probable fire.
    ///
    /// # Errors
    /// As [`EvacModel::members`].
    pub fn live_members(&self, forecast: &LiveForecast) -> Result<Vec<EvacMember>, EvacError> {
        let mut members = self.members()?;
        for (m, people) in members.iter_mut().zip(&forecast.people_by_member) {
            m.people = Some(people.clone());
        }
        for (m, doors) in members.iter_mut().zip(&forecast.doors_by_member) {
            m.doors.clone_from(doors);
        }
        Ok(members)
    }

    /// Signals that can be used, by time, s since the first of them; and when that was.
    fn usable(
        &self,
        signals: &[DetectorSignal],
        now: TimeMs,
        doubts: &mut Vec<String>,
    ) -> Result<(TimeMs, Vec<SeenSignal>), EvacError> {
        let mut list: Vec<(TimeMs, SpaceIndex, SignalKind)> = Vec::new();
        for (k, s) in signals.iter().enumerate() {
            let space = match self.space_named(&format!("signals[{k}].space"), &s.space) {
                Ok(space) => space,
                Err(e) => {
                    doubts.push(format!("{e}: signal left out"));
                    continue;
                }
            };
            if s.kind == SignalKind::Smoke && !self.smoke.detector_spaces.contains(&space) {
                doubts.push(format!("{}: a smoke alarm where the scenario has no detector: left out", s.space));
            } else if s.at > now {
                doubts.push(format!("{}: a signal from the future ({}): left out", s.space, s.at.datetime_china()));
            } else {
                list.push((s.at, space, s.kind));
            }
        }
        list.sort_unstable();
        let Some((first, ..)) = list.first().copied() else {
            return Err(EvacError::Alarms("none that can be used; allowed: at least 1".into()));
        };
        let mut seen: Vec<SeenSignal> = Vec::new();
        for (at, space, kind) in list {
            let at_s = at.secs_since(first);
            if at_s <= SPAN_S && !seen.iter().any(|s| s.space == space && s.kind == kind) {
                seen.push(SeenSignal { space, kind, at_s });
            }
        }
        Ok((first, seen))
    }

    fn people_at(
        &self,
        first: TimeMs,
        counts: &[CountObservation],
        until_now_s: f64,
        options: &LiveOptions,
    ) -> Result<Occupancy, EvacError> {
        let mut after = Vec::new();
        let at_alarm = |c: &CountObservation| {
            // Ages count from now; the people wanted are those of the first signal.
            if c.age_s < until_now_s && !matches!(c.scope, CountScope::Door { .. }) {
                after.push(format!(
                    "{}: counted {:.0} s after the first signal: some may have left",
                    scope(&c.scope),
                    until_now_s - c.age_s
                ));
            }
            CountObservation { age_s: (c.age_s - until_now_s).abs(), ..c.clone() }
        };
        let counts: Vec<CountObservation> = counts.iter().map(at_alarm).collect();
        let (.., hour, minute, _) = first.civil(options.utc_offset_hours);
        let hour = f64::from(hour) + f64::from(minute) / 60.0;
        let day = options.day.unwrap_or_else(|| weekday(first, options.utc_offset_hours));
        let names = Names { plan: &self.plan, scenario: &self.scenario };
        let o = OccupancyOptions::at(hour, day, self.scenario.members.max(200), self.scenario.seed);
        let mut drawn = drawn_where(&names, &counts, &o, &|k| self.portals[k].is_some())?;
        drawn.doubts.extend(after);
        Ok(drawn)
    }

    /// People per space, at most as many as find a place to stand.
    fn fitting(&self, mut count: Vec<u32>, doubt: &mut dyn FnMut(String)) -> Vec<u32> {
        let most: Vec<u32> = self.plan.spaces.iter().map(|s| (MOST_PPM2 * s.area_m2()).max(1.0) as u32).collect();
        for k in 0..count.len() {
            let over = count[k].saturating_sub(most[k]);
            if over > 0 {
                let space = self.space_name(SpaceIndex(k as u32));
                doubt(format!("{space}: {} people do not fit: {over} are put beside", count[k]));
                count[k] -= over;
                self.put_beside(k, over, &mut count, &most);
            }
        }
        count
    }

    /// People by space for the scenario: every space is listed, so that none is filled by density.
    fn standing(&self, count: &[u32], doubts: &mut Vec<String>) -> Vec<SpaceCount> {
        let mut named: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let names = (0..count.len()).map(|k| self.plan.space_label(SpaceIndex(k as u32)));
        names.zip(count).for_each(|(name, n)| named.entry(name).or_default().push(*n));
        let mut list = Vec::new();
        for (space, n) in named {
            match n.as_slice() {
                [n] => list.push(SpaceCount { space, count: *n }),
                many => doubts.push(format!("{space}: {} spaces share the name: filled by density", many.len())),
            }
        }
        list
    }

    /// The rest goes where people of that storey are already, then is lost.
    fn put_beside(&self, from: usize, mut over: u32, count: &mut [u32], most: &[u32]) {
        let storey = self.plan.spaces[from].storey;
        for k in (0..count.len()).filter(|k| *k != from && self.plan.spaces[*k].storey == storey) {
            if count[k] > 0 && count[k] < most[k] {
                let more = over.min(most[k] - count[k]);
                count[k] += more;
                over -= more;
            }
        }
    }

    /// The doors of the likeliest room stand open in the scenario when that is more probable than not; returns them. Members have
    /// those of their own fires, see [`EvacModel::doors_believed`].
    fn set_doors(
        &self,
        belief: &FireBelief,
        scenario: &mut EvacScenario,
        doubts: &mut Vec<String>,
    ) -> Vec<OpeningIndex> {
        let mut opened = Vec::new();
        let Some((room, _)) = belief.rooms().first().copied() else { return opened };
        let of = |d: RoomDoors| -> f64 {
            belief.hypotheses.iter().filter(|h| h.space == room && h.doors == d).map(|h| h.probability).sum()
        };
        if of(RoomDoors::Open) <= of(RoomDoors::Shut) {
            return opened;
        }
        for k in self.unknown_doors(room) {
            let name = &self.plan.openings[k].name;
            if self.plan.openings.iter().filter(|o| o.name == *name).count() == 1 {
                scenario.doors.named.insert(name.clone(), DoorState::Open);
                doubts.push(format!("door {name}: taken to stand open, as the alarms suggest"));
                opened.push(OpeningIndex(k as u32));
            }
        }
        opened
    }

    /// Doors that stand otherwise in a member of a hypothesis than in the scenario, which holds those of `opened` open.
    fn doors_believed(&self, h: &FireHypothesis, opened: &[OpeningIndex]) -> Vec<(OpeningIndex, DoorState)> {
        let mut doors: BTreeMap<OpeningIndex, DoorState> = opened.iter().map(|o| (*o, self.doors[o.index()])).collect();
        for k in self.unknown_doors(h.space) {
            let state = if h.doors == RoomDoors::Open { DoorState::Open } else { self.doors[k] };
            doors.insert(OpeningIndex(k as u32), state);
        }
        let said = |o: OpeningIndex| if opened.contains(&o) { DoorState::Open } else { self.doors[o.index()] };
        doors.into_iter().filter(|(o, state)| *state != said(*o)).collect()
    }

    fn room_chances(&self, belief: &FireBelief, lead_s: f64) -> Vec<RoomChance> {
        let started =
            |room: SpaceIndex| belief.hypotheses.iter().find(|h| h.space == room).map_or(0.0, |h| h.started_s);
        let told = |(room, probability): (SpaceIndex, f64)| RoomChance {
            space: self.space_name(room),
            probability,
            started_s: (started(room) + lead_s).max(0.0),
        };
        belief.rooms().into_iter().take(ROOMS).map(told).collect()
    }
}

fn shifted(h: &infer::FireHypothesis, by_s: f64) -> FireHypothesis {
    FireHypothesis {
        first_signal_s: h.first_signal_s + by_s,
        started_s: h.started_s + by_s,
        start_mean_s: h.start_mean_s + by_s,
        ..h.clone()
    }
}

/// Mean and two deviations of the time that the fire had burnt at the first signal, whole tens of seconds.
fn lead_s(belief: &FireBelief, horizon_s: f64) -> f64 {
    let sum =
        |of: &dyn Fn(&FireHypothesis) -> f64| belief.hypotheses.iter().map(|h| h.probability * of(h)).sum::<f64>();
    let mean = sum(&|h| -h.start_mean_s);
    let variance = sum(&|h| {
        let off = h.start_mean_s + mean;
        h.start_sd_s * h.start_sd_s + off * off
    });
    (10.0 * (0.1 * (mean + 2.0 * variance.sqrt())).ceil()).clamp(10.0, horizon_s)
}

fn scope(s: &CountScope) -> &str {
    match s {
        CountScope::Building => "building",
        CountScope::Storey(name) | CountScope::Space(name) | CountScope::Door { door: name, .. } => name,
    }
}

/// Monday to Friday work; 1 January 1970 was a Thursday.
fn weekday(at: TimeMs, offset_hours: i64) -> DayKind {
    let days = (at.0.div_euclid(1000) + offset_hours * 3600).div_euclid(86_400);
    if (days + 3).rem_euclid(7) < 5 { DayKind::Work } else { DayKind::Rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EvacEnsemble;
    use crate::verification_live::{block_plan, block_scenario};
    use std::sync::Arc;

    /// Friday 20 November 2026, 10:00 in China.
    const TEN: TimeMs = TimeMs(1_795_140_000_000);

    fn base() -> EvacScenario {
        EvacScenario { members: 6, ..block_scenario(300.0) }
    }

    fn smoke(space: &str, after_s: f64) -> DetectorSignal {
        DetectorSignal { space: space.into(), kind: SignalKind::Smoke, at: TEN.plus_secs(after_s) }
    }

    fn forecast(signals: &[DetectorSignal], counts: &[CountObservation]) -> LiveForecast {
        live_forecast(&block_plan(3), &base(), signals, counts, TEN.plus_secs(90.0)).unwrap()
    }

    #[test]
    fn weekdays() {
        assert_eq!(TEN.datetime_china(), "2026-11-20 10:00:00");
        assert_eq!(weekday(TEN, 8), DayKind::Work);
        assert_eq!(weekday(TEN.plus_secs(86_400.0), 8), DayKind::Rest);
        assert_eq!(weekday(TEN.plus_secs(3.0 * 86_400.0), 8), DayKind::Work);
    }

    #[test]
    fn a_forecast_can_be_kept_and_run() {
        let counts = [CountObservation { scope: CountScope::Building, count: 90.0, sd: 0.0, age_s: 90.0 }];
        let f = forecast(&[smoke("2F/R3", 0.0), smoke("2F/corridor", 60.0)], &counts);
        assert_eq!(f.rooms[0].space, "2F/R3");
        assert!(f.rooms[0].probability > 0.8 && f.false_alarm < 0.01, "{:?} {}", f.rooms[0], f.false_alarm);
        // Numbers in JSON keep 15 digits.
        let kept: LiveForecast = serde_json::from_str(&serde_json::to_string(&f).unwrap()).unwrap();
        assert!(kept.people_by_member == f.people_by_member && kept.scenario.people == f.scenario.people);
        assert!(kept.scenario.fires.len() == 6 && kept.scenario.validate().is_ok() && kept.origin == f.origin);
        // Clock: first signal, sounders, present.
        let alarm_s = f.scenario.detection.alarm_s.unwrap();
        assert_eq!((f.origin.plus_secs(alarm_s), f.now_s), (TEN, alarm_s + 90.0));
        assert_eq!(f.scenario.duration_s, f.now_s + 300.0);
        assert!(f.scenario.fires.iter().all(|l| l.source.start_s < alarm_s));
        assert_eq!(f.scenario.people.spaces.iter().map(|s| s.count).sum::<u32>(), 90);
        assert!(f.people_by_member.iter().all(|p| p.iter().sum::<u32>() == 90));
        let model = Arc::new(EvacModel::new(&block_plan(3), &f.scenario, &[]).unwrap());
        let members = model.live_members(&f).unwrap();
        assert_eq!(members.len(), 6);
        assert!(members.iter().zip(&f.people_by_member).all(|(m, p)| m.people.as_ref() == Some(p)));
        assert!(members[1].people != members[2].people, "the counter says how many, not where");
        let mut run = EvacEnsemble::new(Arc::clone(&model), &members).unwrap();
        run.advance_to(alarm_s + 20.0, &CancelToken::new()).unwrap();
        assert!(run.members().iter().all(|m| m.balance().entered == 90 && m.alarm_s() == Some(alarm_s)));
        let rooms: std::collections::BTreeSet<String> =
            f.scenario.fires.iter().map(|l| l.source.space.clone()).collect();
        assert!(rooms.contains("2F/R3"));
    }

    #[test]
    fn what_cannot_be_used_is_a_doubt() {
        let f = forecast(&[smoke("9F/R1", 0.0), smoke("2F/R3", 0.0), smoke("2F/R4", 500.0)], &[]);
        let has = |text: &str| f.doubts.iter().any(|d| d.contains(text));
        assert!(
            has("signals[0].space = \"9F/R1\"") && has("from the future") && has("one detector only"),
            "{:?}",
            f.doubts
        );
        assert!(f.false_alarm > 0.9, "one alarm is mostly a false one: {}", f.false_alarm);
        let none = live_forecast(&block_plan(1), &base(), &[smoke("9F/R1", 0.0)], &[], TEN).unwrap_err();
        assert_eq!(none.to_string(), "alarms: none that can be used; allowed: at least 1");
    }

    #[test]
    fn people_who_do_not_fit_are_put_beside() {
        let counts =
            [CountObservation { scope: CountScope::Space("2F/R3".into()), count: 200.0, sd: 0.0, age_s: 90.0 }];
        let f = forecast(&[smoke("2F/R3", 0.0)], &counts);
        let of = |name: &str| f.scenario.people.spaces.iter().find(|s| s.space == name).unwrap().count;
        assert!(of("2F/R3") <= 67 && f.doubts.iter().any(|d| d.contains("do not fit")), "{:?}", f.doubts);
        let all: u32 = f.scenario.people.spaces.iter().map(|s| s.count).sum();
        assert!(f64::from(all) > 0.95 * f.people.building.mean, "{all} {}", f.people.building.mean);
        assert!(EvacModel::new(&block_plan(3), &f.scenario, &[]).is_ok());
    }

    #[test]
    fn any_signals_and_counts_give_a_scenario_or_one_line() {
        let plan = block_plan(1);
        let model = EvacModel::new(&plan, &base(), &[]).unwrap();
        let mut rng = sim_core::CounterRng::new(8, 8);
        let mut table = None;
        for case in 0..10 {
            let kinds = [SignalKind::Smoke, SignalKind::Smoke, SignalKind::Smoke, SignalKind::Heat];
            let signals: Vec<DetectorSignal> = (0..rng.below(6))
                .map(|_| DetectorSignal {
                    space: format!("1F/R{}", rng.below(20)),
                    kind: kinds[rng.below(4) as usize],
                    at: TEN.plus_secs(rng.range_f64(-4000.0, 100.0)),
                })
                .collect();
            let counts: Vec<CountObservation> = (0..rng.below(4))
                .map(|_| CountObservation {
                    scope: CountScope::Space(format!("1F/R{}", rng.below(17))),
                    count: rng.range_f64(0.0, 400.0),
                    sd: 0.0,
                    age_s: rng.range_f64(0.0, 5000.0),
                })
                .collect();
            let options = LiveOptions::default();
            match model.live_forecast(&signals, &counts, TEN, &options, &mut table, &CancelToken::new()) {
                Ok(f) => {
                    assert_eq!(f.scenario.validate(), Ok(()), "case {case}");
                    assert!(EvacModel::new(&plan, &f.scenario, &[]).and_then(|m| m.members()).is_ok(), "case {case}");
                }
                Err(e) => assert!(e.to_string().starts_with("alarms: none that can be used"), "case {case}: {e}"),
            }
        }
    }
}
