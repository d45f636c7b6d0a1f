//! A smoke alarm starts an evacuation forecast of its building; each further alarm starts a better one (实时疏散推演).

use crate::alarms::Forecasting;
use crate::options::ServeOptions;
use crate::runs::RunManager;
use crate::twin::{Twin, now, stopped};
use community_pack::Pack;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync_core::LiveState;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use twin_model::{
    Alarm, AlarmState, BuildingPlan, CountObservation, CountScope, DetectorSignal, EntityId, EntityKind, EvacScenario,
    FRESH_INTERVALS, LiveStart, RunId, RunScenario, SignalKind, SmokeDetail, TimeMs, fire_signal,
};

/// After an alarm so long is waited for others that came with it.
const TOGETHER: Duration = Duration::from_millis(150);
/// Two forecasts of one building begin at least so far apart.
const APART: Duration = Duration::from_secs(3);
/// Older alarms do not belong to the present fire, s.
const RECENT_S: f64 = 3600.0;
/// Courses of events of a forecast.
const MEMBERS: u32 = 16;
/// How far a forecast looks beyond the present, s.
const AHEAD_S: f64 = 600.0;
/// Stored frames are so far apart, s.
const FRAME_S: f64 = 2.0;
/// Share by which a counter of people is off (standard deviation), and the least error, persons: the order of overhead
/// counters' data sheets, from memory.
const COUNTER_SHARE: f64 = 0.1;
const COUNTER_LEAST: f64 = 2.0;
/// What people counters report.
const INSIDE: &str = "people_inside";

/// What a building's forecast was made of.
struct Made {
    signals: Vec<DetectorSignal>,
    run: RunId,
    at: Instant,
}

/// Where alarms become forecasts.
pub(crate) struct Forecasts {
    twin: Arc<Twin>,
    runs: Arc<RunManager>,
    plans: Vec<BuildingPlan>,
    made: BTreeMap<EntityId, Made>,
    asked: mpsc::Receiver<Asked>,
}

/// An alarm whose rule asks for a forecast, and who waits for its run.
type Asked = (Alarm, oneshot::Sender<Result<RunId, String>>);

impl Forecasts {
    /// `None` where there is nothing to do: forecasts are switched off, or no building's inside is known.
    /// The other half is how linked actions ask for one.
    pub(crate) fn new(twin: &Arc<Twin>, runs: &Arc<RunManager>, options: &ServeOptions) -> Option<(Self, Forecasting)> {
        if !options.forecasts {
            return None;
        }
        let plans = match Pack::open(&options.pack_dir).and_then(|pack| pack.plans()) {
            Ok(plans) => plans.buildings,
            Err(error) => {
                tracing::warn!(%error, "no evacuation forecasts");
                return None;
            }
        };
        let known: Vec<BuildingPlan> = plans.into_iter().filter(|p| p.building.is_some()).collect();
        let made = BTreeMap::new();
        let (ask, asked) = mpsc::channel(16);
        let forecasts = || Self { twin: twin.clone(), runs: runs.clone(), plans: known.clone(), made, asked };
        (!known.is_empty()).then(|| (forecasts(), ask))
    }

    /// Works until the server stops.
    pub(crate) async fn watch(mut self) {
        let (mut raised, mut stopping) = (self.twin.alarms.subscribe(), self.twin.stopping.subscribe());
        // Alarms of a previous life of the server have had their forecasts.
        let mut old: BTreeMap<EntityId, Vec<DetectorSignal>> = BTreeMap::new();
        self.signals().into_iter().for_each(|(building, signals)| drop(old.insert(building, signals)));
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return,
                changed = raised.changed() => if changed.is_err() { return },
                Some((alarm, answer)) = self.asked.recv() => {
                    // Whoever asked may have gone; the forecast stands.
                    drop(answer.send(self.asked_for(&alarm).await));
                    continue;
                }
            }
            tokio::time::sleep(TOGETHER).await;
            raised.mark_unchanged();
            for (building, signals) in self.signals() {
                if old.get(&building) != Some(&signals) {
                    old.remove(&building);
                    self.renew(building, signals).await;
                }
            }
        }
    }

    /// The forecast that an alarm's rule asks for: of its building, from the detectors that are in alarm there. One that
    /// was made of the same signals already is the answer.
    async fn asked_for(&mut self, alarm: &Alarm) -> Result<RunId, String> {
        let building = self.twin.pack.model.nearest(alarm.entity, EntityKind::Building).map(|b| b.id);
        let building = building.ok_or("the alarm is in no building")?;
        let signals = self.signals().remove(&building).ok_or("no fire detector of the building is in alarm")?;
        self.renew(building, signals).await;
        self.made.get(&building).map(|m| m.run).ok_or_else(|| "the forecast could not be started".to_owned())
    }

    /// Fire alarms of now by building, in the order in which they came.
    fn signals(&self) -> BTreeMap<EntityId, Vec<DetectorSignal>> {
        let engine = self.twin.read();
        let mut found: BTreeMap<EntityId, Vec<DetectorSignal>> = BTreeMap::new();
        for alarm in engine.live().open_alarms().filter(|a| a.run.is_none() && a.state != AlarmState::OutOfService) {
            if let Some((building, signal)) = self.signal(alarm) {
                found.entry(building).or_default().push(signal);
            }
        }
        for list in found.values_mut() {
            list.sort_by(|a, b| (a.at, &a.space).cmp(&(b.at, &b.space)));
        }
        found
    }

    fn signal(&self, alarm: &Alarm) -> Option<(EntityId, DetectorSignal)> {
        let kind = self.kind(alarm)?;
        let model = &self.twin.pack.model;
        let building = model.nearest(alarm.entity, EntityKind::Building)?.id;
        let plan = self.plans.iter().find(|p| p.building == Some(building))?;
        if now().secs_since(alarm.raised_at) > RECENT_S {
            return None;
        }
        let device = model.get(alarm.entity)?;
        let Some(space) = plan.space_at(device.p_enu) else {
            tracing::warn!(device = %device.code, building = %plan.name, "a fire alarm from outside all spaces of the plan");
            return None;
        };
        Some((building, DetectorSignal { space: plan.space_label(space), kind, at: alarm.raised_at }))
    }

    fn kind(&self, alarm: &Alarm) -> Option<SignalKind> {
        fire_signal(&self.twin.pack.properties.def(alarm.property)?.key)
    }

    async fn renew(&mut self, building: EntityId, signals: Vec<DetectorSignal>) {
        let before = self.made.get(&building);
        if before.is_some_and(|m| m.signals == signals) {
            return;
        }
        if let Some(m) = before {
            tokio::time::sleep_until(m.at + APART).await;
            self.runs.stop(m.run);
        }
        let Some(scenario) = self.scenario(building, &signals) else { return };
        match self.runs.begin(RunScenario::from(scenario)).await {
            Ok(run) => {
                tracing::info!(%run, alarms = signals.len(), "evacuation forecast");
                self.made.insert(building, Made { signals, run, at: Instant::now() });
            }
            Err(error) => tracing::warn!(%error, "evacuation forecast"),
        }
    }

    fn scenario(&self, building: EntityId, signals: &[DetectorSignal]) -> Option<EvacScenario> {
        let plan = self.plans.iter().find(|p| p.building == Some(building))?;
        let now = now();
        let counts = self.counts(building, now).into_iter().collect();
        let name = format!("烟感预测 {} ({} 处报警)", plan.name, signals.len());
        let live = LiveStart { signals: signals.to_vec(), counts, now };
        let mut scenario = EvacScenario::new(name, AHEAD_S);
        scenario.building = Some(plan.name.clone());
        scenario.frame_interval_s = FRAME_S;
        scenario.seed = u64::from(building.0);
        scenario.members = MEMBERS;
        scenario.smoke_detail = SmokeDetail::NearFire;
        scenario.live = Some(live);
        Some(scenario)
    }

    /// People in the building: its own counter's number, or the sum over its units when each has one.
    fn counts(&self, building: EntityId, now: TimeMs) -> Option<CountObservation> {
        let engine = self.twin.read();
        let model = &self.twin.pack.model;
        let of =
            |place: EntityId| model.children(place).iter().find_map(|child| self.inside(engine.live(), *child, now));
        let whole = of(building).or_else(|| {
            let units = model.children(building).iter().filter_map(|c| model.get(*c));
            let units: Vec<EntityId> = units.filter(|e| e.kind == EntityKind::Unit).map(|e| e.id).collect();
            let counted: Option<Vec<(f64, f64)>> = units.into_iter().map(of).collect();
            let counted = counted.filter(|c| !c.is_empty())?;
            Some((counted.iter().map(|c| c.0).sum(), counted.iter().map(|c| c.1).fold(0.0, f64::max)))
        });
        let (count, age_s) = whole?;
        let sd = (COUNTER_SHARE * count).max(COUNTER_LEAST);
        Some(CountObservation { scope: CountScope::Building, count, sd, age_s })
    }

    /// A counter's fresh number of people inside, and its age.
    fn inside(&self, live: &LiveState, device: EntityId, now: TimeMs) -> Option<(f64, f64)> {
        let entry = live
            .of_entity(device)
            .find(|e| self.twin.pack.properties.def(e.property).is_some_and(|d| d.key == INSIDE))?;
        let interval_s = self.twin.index.expected_interval_s(device, entry.property).unwrap_or(60.0);
        let age_s = now.secs_since(entry.observed_at).max(0.0);
        (age_s <= FRESH_INTERVALS * interval_s && entry.value >= 0.0).then_some((entry.value, age_s))
    }
}
