//! Frames of runs: fetched as they are computed, decoded when shown.

use crate::fetch::{Fetches, Ticket};
use crate::{Comparison, Live, LocalRuns, Notices, Now, TwinSystems, ViewClock};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use bevy::time::Time;
use community_pack::evac_folder::{self, Doing, EvacFrame};
use community_pack::run_folder::{self, Frame};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use twin_model::{EvacSummary, GridSpec, OutdoorGround, Run, RunId, RunStatus, RunSummary, ViewTime};

/// A stored frame: still packed, with its time.
#[derive(Debug, Clone)]
struct Packed {
    t_s: f64,
    bytes: Arc<Vec<u8>>,
}

/// What has been fetched of one run.
#[derive(Debug, Default)]
pub struct RunData {
    /// Grid, once it is known.
    pub grid: Option<GridSpec>,
    /// Bed elevation in the grid's vertical datum (m), row 0 = south; NaN where there is none.
    pub bed: Option<Arc<Frame>>,
    /// Greatest depths of a finished run.
    pub max_depth: Option<Arc<Frame>>,
    /// Summary of a finished flood.
    pub summary: Option<RunSummary>,
    /// Summary of a finished evacuation.
    pub evacuation: Option<Arc<EvacSummary>>,
    /// The ground outside, of an evacuation that goes on there.
    pub ground: Option<Arc<OutdoorGround>>,
    /// Of an evacuation: seconds and people who are not out, frame by frame.
    pub people_inside: Vec<(f64, u32)>,
    frames: Vec<Packed>,
    asked: Vec<(What, Ticket)>,
    /// Files that came before those they stand on.
    early: BTreeMap<What, Vec<u8>>,
    failures: u32,
    retry_at_s: f64,
}

/// Files of one run asked for at a time: a round trip costs a slow viewer a frame.
const AT_ONCE: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Grid,
    Bed,
    Frame(u32),
    MaxDepth,
    Summary,
    Evacuation,
    Ground,
    People(u32),
}

impl What {
    fn file(self) -> String {
        match self {
            What::Grid => run_folder::GRID.to_owned(),
            What::Bed => run_folder::BED.to_owned(),
            What::Frame(i) => run_folder::frame_name(i),
            What::MaxDepth => run_folder::MAX_DEPTH.to_owned(),
            What::Summary => run_folder::RUN.to_owned(),
            What::Evacuation => evac_folder::SUMMARY.to_owned(),
            What::Ground => evac_folder::OUTDOOR.to_owned(),
            What::People(i) => evac_folder::frame_name(i),
        }
    }
}

impl RunData {
    /// Simulated seconds of the frames that can be shown, ascending.
    #[must_use]
    pub fn frame_times_s(&self) -> Vec<f64> {
        self.frames.iter().map(|f| f.t_s).collect()
    }

    /// Number of frames fetched.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// Seconds of the last frame that can be shown.
    #[must_use]
    pub fn reached_s(&self) -> f64 {
        self.frames.last().map_or(0.0, |f| f.t_s)
    }

    /// Index of the frame at or before `t_s`, the next one, and how far in between (0..1).
    pub(crate) fn bracket(&self, t_s: f64) -> Option<(usize, usize, f32)> {
        let after = self.frames.partition_point(|f| f.t_s <= t_s);
        let a = after.saturating_sub(1);
        let b = after.min(self.frames.len().checked_sub(1)?);
        let (ta, tb) = (self.frames.get(a)?.t_s, self.frames.get(b)?.t_s);
        let blend = if tb > ta { ((t_s - ta) / (tb - ta)).clamp(0.0, 1.0) as f32 } else { 0.0 };
        Some((a, b, blend))
    }

    /// What to ask for next, given what the server says of a flood. `play`: its frames are wanted, not only the result.
    fn wanted(&self, status: &RunStatus, play: bool) -> Vec<What> {
        let Some((available, finished)) = computed(status) else { return Vec::new() };
        let frames = (self.frames.len() as u32..available).filter(|_| play).map(What::Frame);
        let result = [What::MaxDepth, What::Summary].into_iter().filter(|_| finished);
        self.missing([What::Grid, What::Bed].into_iter().chain(frames).chain(result))
    }

    /// The same of an evacuation: its result counts more than its frames.
    fn wanted_of_evacuation(&self, status: &RunStatus, play: bool, outside: bool) -> Vec<What> {
        let Some((available, finished)) = computed(status) else { return Vec::new() };
        let frames = (self.frames.len() as u32..available).filter(|_| play).map(What::People);
        let ground = [What::Ground].into_iter().filter(|_| play && outside);
        self.missing([What::Evacuation].into_iter().filter(|_| finished).chain(ground).chain(frames))
    }

    fn missing(&self, all: impl Iterator<Item = What>) -> Vec<What> {
        let missing = all.filter(|what| {
            !self.has(*what) && !self.early.contains_key(what) && !self.asked.iter().any(|(asked, _)| asked == what)
        });
        missing.take(AT_ONCE.saturating_sub(self.asked.len())).collect()
    }

    fn next(&self, run: &Run, play: bool) -> Vec<What> {
        match run.scenario.evacuation() {
            Some(s) => self.wanted_of_evacuation(&run.status, play, s.outdoor.is_some()),
            None => self.wanted(&run.status, play),
        }
    }

    fn has(&self, what: What) -> bool {
        match what {
            What::Grid => self.grid.is_some(),
            What::Bed => self.bed.is_some(),
            What::Frame(i) | What::People(i) => (i as usize) < self.frames.len(),
            What::MaxDepth => self.max_depth.is_some(),
            What::Summary => self.summary.is_some(),
            What::Evacuation => self.evacuation.is_some(),
            What::Ground => self.ground.is_some(),
        }
    }

    /// Takes a file in whatever order files come: depths need the grid, a frame the one before it.
    fn take(&mut self, what: What, bytes: Vec<u8>) -> Result<(), String> {
        self.early.insert(what, bytes);
        while let Some(next) = self.early.keys().copied().find(|what| self.can_store(*what)) {
            let bytes = self.early.remove(&next).unwrap_or_default();
            self.store(next, bytes)?;
        }
        Ok(())
    }

    fn can_store(&self, what: What) -> bool {
        match what {
            What::Grid | What::Summary | What::Evacuation | What::Ground => true,
            What::People(i) => i as usize == self.frames.len(),
            What::Bed | What::MaxDepth => self.grid.is_some(),
            What::Frame(i) => self.grid.is_some() && i as usize == self.frames.len(),
        }
    }

    fn store(&mut self, what: What, bytes: Vec<u8>) -> Result<(), String> {
        let frame = |bytes: &[u8]| run_folder::decode(bytes).map_err(|e| e.to_string());
        match what {
            What::Grid => self.grid = Some(serde_json::from_slice(&bytes).map_err(|e| format!("grid.json: {e}"))?),
            What::Bed => self.bed = Some(Arc::new(self.fits(frame(&bytes)?)?)),
            What::MaxDepth => self.max_depth = Some(Arc::new(self.fits(frame(&bytes)?)?)),
            What::Summary => {
                self.summary = Some(serde_json::from_slice(&bytes).map_err(|e| format!("run.json: {e}"))?);
            }
            What::Evacuation => {
                let read = serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", evac_folder::SUMMARY))?;
                self.evacuation = Some(Arc::new(read));
            }
            What::Ground => {
                let read = serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", evac_folder::OUTDOOR))?;
                self.ground = Some(Arc::new(read));
            }
            What::People(_) => {
                let EvacFrame { t_s, people, .. } = evac_folder::decode(&bytes).map_err(|e| e.to_string())?;
                let inside = people.iter().filter(|p| p.doing != Doing::Outside).count();
                self.people_inside.push((t_s, inside as u32));
                self.frames.push(Packed { t_s, bytes: Arc::new(bytes) });
            }
            What::Frame(_) => {
                let t_s = self.fits(frame(&bytes)?)?.t_s;
                self.frames.push(Packed { t_s, bytes: Arc::new(bytes) });
            }
        }
        Ok(())
    }

    /// Begins a run of the viewer itself.
    pub(crate) fn begin(&mut self, grid: GridSpec, bed: &[u8]) -> Result<(), String> {
        self.grid = Some(grid);
        self.store(What::Bed, bed.to_vec())
    }

    /// The next frame of it; gives its second.
    pub(crate) fn push_frame(&mut self, bytes: Vec<u8>) -> Result<f64, String> {
        self.store(What::Frame(self.frames.len() as u32), bytes)?;
        Ok(self.reached_s())
    }

    /// Its greatest depths.
    pub(crate) fn end(&mut self, max_depth: &[u8]) -> Result<(), String> {
        self.store(What::MaxDepth, max_depth.to_vec())
    }

    fn fits(&self, frame: Frame) -> Result<Frame, String> {
        let Some(grid) = &self.grid else { return Err("a frame came before its grid".to_owned()) };
        if (frame.nx, frame.ny) == (grid.nx, grid.ny) {
            return Ok(frame);
        }
        Err(format!("frame of {} × {} cells on a grid of {} × {}", frame.nx, frame.ny, grid.nx, grid.ny))
    }
}

/// Frames that can be had and whether there will be no more; `None` before the first.
fn computed(status: &RunStatus) -> Option<(u32, bool)> {
    match status {
        RunStatus::Running { frames, .. } => Some((*frames, false)),
        RunStatus::Done { frames } => Some((*frames, true)),
        RunStatus::Queued | RunStatus::Failed { .. } | RunStatus::Cancelled => None,
    }
    .filter(|(frames, _)| *frames > 0)
}

/// The runs that are or were shown or compared.
#[derive(Resource, Debug, Default)]
pub struct Runs {
    /// By id.
    pub data: BTreeMap<RunId, RunData>,
    decoded: VecDeque<((RunId, usize), Arc<Frame>)>,
    decoded_people: VecDeque<((RunId, usize), Arc<EvacFrame>)>,
}

/// Decoded frames kept: the two shown and their neighbours.
const DECODED: usize = 6;

impl Runs {
    pub(crate) fn people(&mut self, run: RunId, index: usize) -> Option<Arc<EvacFrame>> {
        if let Some(hit) = self.decoded_people.iter().find(|(key, _)| *key == (run, index)) {
            return Some(hit.1.clone());
        }
        let packed = self.data.get(&run)?.frames.get(index)?.clone();
        let frame = Arc::new(evac_folder::decode(&packed.bytes).ok()?);
        if self.decoded_people.len() == DECODED {
            self.decoded_people.pop_front();
        }
        self.decoded_people.push_back(((run, index), frame.clone()));
        Some(frame)
    }

    fn frame(&mut self, run: RunId, index: usize) -> Option<Arc<Frame>> {
        if let Some(hit) = self.decoded.iter().find(|(key, _)| *key == (run, index)) {
            return Some(hit.1.clone());
        }
        let packed = self.data.get(&run)?.frames.get(index)?.clone();
        let frame = Arc::new(run_folder::decode(&packed.bytes).ok()?);
        if self.decoded.len() == DECODED {
            self.decoded.pop_front();
        }
        self.decoded.push_back(((run, index), frame.clone()));
        Some(frame)
    }
}

/// What of a run is on the screen: the two frames around the shown second.
#[derive(Resource, Debug, Default)]
pub struct ShownRun {
    /// Which run; `None` when the view does not show one, or nothing of it has arrived.
    pub run: Option<RunId>,
    /// Frame before the shown second.
    pub before: Option<Arc<Frame>>,
    /// Frame after it.
    pub after: Option<Arc<Frame>>,
    /// Position between them in [0, 1].
    pub blend: f32,
    /// Index of the frame before; changes when textures must.
    pub key: Option<(RunId, usize, usize)>,
    /// Cells deeper than 5 cm in the nearer frame.
    pub wet_cells: usize,
    /// Greatest depth in the nearer frame, m.
    pub max_depth_m: f32,
}

/// Depth above which a cell counts as wet, m (also the threshold of the run's own flooded area).
const WET_M: f32 = 0.05;

/// The difference of two runs' greatest depths.
#[derive(Resource, Debug, Default)]
pub struct CompareResult {
    /// The runs and their greatest depths, when both have arrived and lie on the same grid.
    pub ready: Option<(RunId, RunId, Arc<Frame>, Arc<Frame>)>,
    /// Area drier by more than 5 cm, m².
    pub drier_m2: f64,
    /// Area wetter by more than 5 cm, m².
    pub wetter_m2: f64,
    /// Greatest decrease, m ≥ 0.
    pub max_drop_m: f64,
    /// Greatest increase, m ≥ 0.
    pub max_rise_m: f64,
}

fn fetch_runs(
    mut runs: ResMut<Runs>,
    mut fetches: ResMut<Fetches>,
    mut notices: ResMut<Notices>,
    live: Res<Live>,
    clock: Res<ViewClock>,
    comparison: Res<Comparison>,
    now: Res<Now>,
) {
    let played = if let ViewTime::Run { run, .. } = clock.time { Some(run) } else { None };
    let compared = comparison.0.into_iter().flat_map(|(a, b)| [a, b]);
    let wanted: BTreeSet<RunId> = played.into_iter().chain(compared).chain(newest_forecasts(&live)).collect();
    let clock_s = now.viewer.0 as f64 / 1000.0;
    for id in wanted {
        let Some(run) = live.0.run(id) else { continue };
        let data = runs.data.entry(id).or_default();
        for (what, ticket) in std::mem::take(&mut data.asked) {
            let Some(result) = fetches.take(ticket) else {
                data.asked.push((what, ticket));
                continue;
            };
            match result.and_then(|bytes| data.take(what, bytes)) {
                Ok(()) => data.failures = 0,
                Err(error) => {
                    // The last frames of a run in progress may be announced just before they can be read.
                    data.failures += 1;
                    data.retry_at_s = clock_s + 0.5 * f64::from(data.failures.min(10));
                    if data.failures == 4 {
                        notices.push(format!("演算 {}: {error}", id.label()), true, now.viewer);
                    }
                }
            }
        }
        if clock_s < data.retry_at_s {
            continue;
        }
        for what in data.next(run, played == Some(id)) {
            data.asked.push((what, fetches.fetch_url(&format!("/runs/{id}/{}", what.file()))));
        }
    }
}

/// The newest forecast from live alarms of each building: its result is shown beside the alarm.
fn newest_forecasts(live: &Live) -> impl Iterator<Item = RunId> {
    let mut newest: BTreeMap<Option<&str>, RunId> = BTreeMap::new();
    for run in live.0.runs() {
        if let Some(s) = run.scenario.evacuation().filter(|s| s.is_forecast()) {
            newest.insert(s.building.as_deref(), run.id);
        }
    }
    newest.into_values()
}

/// A whole run plays in about this many seconds.
const PLAY_S: f64 = 30.0;

fn play(mut clock: ResMut<ViewClock>, runs: Res<Runs>, live: Res<Live>, local: Res<LocalRuns>, time: Res<Time>) {
    let ViewTime::Run { run, t_s } = clock.time else { return };
    if !clock.playing {
        return;
    }
    let (Some(data), Some(live_run)) = (runs.data.get(&run), local.find(&live, run)) else { return };
    let reached = data.reached_s();
    let speed = live_run.scenario.total_s() / PLAY_S;
    let next = (t_s + speed * time.delta_secs_f64()).min(reached);
    if next > t_s {
        clock.time = ViewTime::Run { run, t_s: next };
    }
    let complete = matches!(live_run.status, RunStatus::Done { frames } if data.frame_count() as u32 >= frames);
    if next >= reached && (complete || !matches!(live_run.status, RunStatus::Running { .. } | RunStatus::Done { .. })) {
        clock.playing = false;
    }
}

fn publish(mut shown: ResMut<ShownRun>, mut runs: ResMut<Runs>, clock: Res<ViewClock>) {
    let flood = |d: &&RunData| d.grid.is_some();
    let wanted = match clock.time {
        ViewTime::Run { run, t_s } => runs.data.get(&run).filter(flood).and_then(|d| d.bracket(t_s)).map(|b| (run, b)),
        ViewTime::Now | ViewTime::Past(_) => None,
    };
    let Some((run, (a, b, blend))) = wanted else {
        if shown.run.is_some() {
            *shown = ShownRun::default();
        }
        return;
    };
    if shown.key != Some((run, a, b)) {
        shown.before = runs.frame(run, a);
        shown.after = runs.frame(run, b);
        shown.run = Some(run);
        shown.key = Some((run, a, b));
        let nearer = if blend < 0.5 { &shown.before } else { &shown.after };
        let (wet, deepest) = nearer.as_ref().map_or((0, 0.0), |f| statistics(&f.values_m));
        shown.wet_cells = wet;
        shown.max_depth_m = deepest;
    }
    if (shown.blend - blend).abs() > 1e-4 {
        shown.blend = blend;
    }
}

fn statistics(depth_m: &[f32]) -> (usize, f32) {
    depth_m.iter().fold((0, 0.0), |(n, deepest), d| (n + usize::from(*d > WET_M), deepest.max(*d)))
}

fn compare(mut result: ResMut<CompareResult>, runs: Res<Runs>, comparison: Res<Comparison>) {
    let Some((a, b)) = comparison.0 else { return };
    if matches!(&result.ready, Some((ra, rb, ..)) if (*ra, *rb) == (a, b)) {
        return;
    }
    let max_depth = |id| runs.data.get(&id).and_then(|d: &RunData| d.max_depth.clone().zip(d.grid.clone()));
    let (Some((da, ga)), Some((db, gb))) = (max_depth(a), max_depth(b)) else {
        if result.ready.is_some() {
            *result = CompareResult::default();
        }
        return;
    };
    if ga != gb {
        return;
    }
    let cell_m2 = ga.dx_m * ga.dx_m;
    let mut new = CompareResult::default();
    for (x, y) in da.values_m.iter().zip(&db.values_m) {
        let change = f64::from(y - x);
        if change > f64::from(WET_M) {
            new.wetter_m2 += cell_m2;
        } else if change < -f64::from(WET_M) {
            new.drier_m2 += cell_m2;
        }
        new.max_rise_m = new.max_rise_m.max(change);
        new.max_drop_m = new.max_drop_m.max(-change);
    }
    new.ready = Some((a, b, da, db));
    *result = new;
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Runs>().init_resource::<ShownRun>().init_resource::<CompareResult>().add_systems(
        Update,
        (
            fetch_runs.in_set(TwinSystems::Ingest).after(crate::fetch::collect),
            play.in_set(TwinSystems::Simulate),
            (publish, compare).in_set(TwinSystems::Publish),
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(times: &[f64]) -> RunData {
        let frames = times.iter().map(|t| Packed { t_s: *t, bytes: Arc::default() }).collect();
        RunData { frames, ..Default::default() }
    }

    #[test]
    fn brackets_hold_at_both_ends() {
        let d = data(&[0.0, 60.0, 120.0]);
        assert_eq!(d.bracket(30.0), Some((0, 1, 0.5)));
        assert_eq!(d.bracket(60.0), Some((1, 2, 0.0)));
        assert_eq!(d.bracket(500.0), Some((2, 2, 0.0)));
        assert_eq!(d.bracket(-5.0), Some((0, 0, 0.0)));
        assert_eq!(data(&[]).bracket(1.0), None);
    }

    #[test]
    fn files_are_asked_for_together_and_taken_in_any_order() {
        let mut d = RunData::default();
        let running = RunStatus::Running { reached_s: 60.0, frames: 2 };
        let frame = |t_s| run_folder::encode_depth(3, 2, t_s, &[0.5; 6]);
        assert_eq!(d.wanted(&RunStatus::Queued, true), []);
        assert_eq!(d.wanted(&RunStatus::Running { reached_s: 0.0, frames: 0 }, true), []);
        assert_eq!(d.wanted(&running, true), [What::Grid, What::Bed, What::Frame(0), What::Frame(1)]);
        d.take(What::Frame(1), frame(60.0)).unwrap();
        d.take(What::Frame(0), frame(0.0)).unwrap();
        d.take(What::Bed, run_folder::encode_bed(3, 2, &[1.0; 6])).unwrap();
        assert_eq!((d.frame_count(), d.wanted(&running, true)), (0, vec![What::Grid]));
        let grid = br#"{"epsg":4547,"x0":0.0,"y0":0.0,"dx_m":2.0,"nx":3,"ny":2}"#;
        d.take(What::Grid, grid.to_vec()).unwrap();
        assert_eq!(d.frame_times_s(), [0.0, 60.0]);
        assert_eq!(d.wanted(&running, true), []);
        assert_eq!(d.wanted(&RunStatus::Done { frames: 2 }, true), [What::MaxDepth, What::Summary]);
        let wrong = d.take(What::Frame(2), run_folder::encode_depth(2, 2, 60.0, &[0.5; 4])).unwrap_err();
        assert!(wrong.contains("2 × 2") && wrong.contains("3 × 2"), "{wrong}");
    }

    #[test]
    fn a_compared_run_asks_for_its_result_only_and_never_for_too_much() {
        let d = RunData::default();
        let done = RunStatus::Done { frames: 100 };
        assert_eq!(d.wanted(&done, false), [What::Grid, What::Bed, What::MaxDepth, What::Summary]);
        assert_eq!(d.wanted(&done, true).len(), AT_ONCE);
        assert_eq!(d.wanted_of_evacuation(&done, false, false), [What::Evacuation]);
        assert_eq!(d.wanted_of_evacuation(&done, true, false)[..2], [What::Evacuation, What::People(0)]);
        assert_eq!(
            d.wanted_of_evacuation(&RunStatus::Running { reached_s: 0.0, frames: 1 }, true, false),
            [What::People(0)]
        );
    }

    #[test]
    fn frames_of_people_are_taken_in_order_without_a_grid() {
        let mut d = RunData::default();
        let frame = |t_s| evac_folder::encode(&EvacFrame { t_s, ..EvacFrame::default() });
        d.take(What::People(1), frame(1.0)).unwrap();
        assert_eq!(d.frame_count(), 0);
        d.take(What::People(0), frame(0.0)).unwrap();
        assert_eq!(d.frame_times_s(), [0.0, 1.0]);
        assert!(d.take(What::People(2), vec![0; 90]).unwrap_err().contains("SEV1"));
    }
}
