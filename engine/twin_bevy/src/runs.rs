//! Frames of runs: fetched as they are computed, decoded when shown.

use crate::fetch::{Fetches, Ticket};
use crate::{Comparison, Live, Notices, Now, TwinSystems, ViewClock};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use bevy::time::Time;
use community_pack::run_folder::{self, Frame};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use twin_model::{GridSpec, RunId, RunStatus, RunSummary, ViewTime};

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
    /// Summary of a finished run.
    pub summary: Option<RunSummary>,
    frames: Vec<Packed>,
    asked: Option<(What, Ticket)>,
    failures: u32,
    retry_at_s: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Grid,
    Bed,
    Frame(u32),
    MaxDepth,
    Summary,
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
    fn bracket(&self, t_s: f64) -> Option<(usize, usize, f32)> {
        let after = self.frames.partition_point(|f| f.t_s <= t_s);
        let a = after.saturating_sub(1);
        let b = after.min(self.frames.len().checked_sub(1)?);
        let (ta, tb) = (self.frames.get(a)?.t_s, self.frames.get(b)?.t_s);
        let blend = if tb > ta { ((t_s - ta) / (tb - ta)).clamp(0.0, 1.0) as f32 } else { 0.0 };
        Some((a, b, blend))
    }

    /// What to ask for next, given what the server says of the run.
    fn wanted(&self, status: &RunStatus) -> Option<What> {
        let (available, finished) = match status {
            RunStatus::Running { frames, .. } => (*frames, false),
            RunStatus::Done { frames } => (*frames, true),
            RunStatus::Queued | RunStatus::Failed { .. } | RunStatus::Cancelled => (0, false),
        };
        if available == 0 {
            return None;
        }
        let have = self.frames.len() as u32;
        match () {
            () if self.grid.is_none() => Some(What::Grid),
            () if self.bed.is_none() => Some(What::Bed),
            () if have < available => Some(What::Frame(have)),
            () if finished && self.max_depth.is_none() => Some(What::MaxDepth),
            () if finished && self.summary.is_none() => Some(What::Summary),
            () => None,
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
            What::Frame(_) => {
                let t_s = self.fits(frame(&bytes)?)?.t_s;
                self.frames.push(Packed { t_s, bytes: Arc::new(bytes) });
            }
        }
        Ok(())
    }

    fn fits(&self, frame: Frame) -> Result<Frame, String> {
        let Some(grid) = &self.grid else { return Err("a frame came before its grid".to_owned()) };
        if (frame.nx, frame.ny) == (grid.nx, grid.ny) {
            return Ok(frame);
        }
        Err(format!("frame of {} × {} cells on a grid of {} × {}", frame.nx, frame.ny, grid.nx, grid.ny))
    }
}

/// The runs that are or were shown or compared.
#[derive(Resource, Debug, Default)]
pub struct Runs {
    /// By id.
    pub data: BTreeMap<RunId, RunData>,
    decoded: VecDeque<((RunId, usize), Arc<Frame>)>,
}

/// Decoded frames kept: the two shown and their neighbours.
const DECODED: usize = 6;

impl Runs {
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
    let mut wanted = Vec::new();
    if let ViewTime::Run { run, .. } = clock.time {
        wanted.push(run);
    }
    if let Some((a, b)) = comparison.0 {
        wanted.extend([a, b]);
    }
    let clock_s = now.viewer.0 as f64 / 1000.0;
    for id in wanted {
        let Some(run) = live.0.run(id) else { continue };
        let data = runs.data.entry(id).or_default();
        if let Some((what, ticket)) = data.asked {
            let Some(result) = fetches.take(ticket) else { continue };
            data.asked = None;
            match result.and_then(|bytes| data.store(what, bytes)) {
                Ok(()) => data.failures = 0,
                Err(error) => {
                    // The last frames of a run in progress may be announced just before they can be read.
                    data.failures += 1;
                    data.retry_at_s = clock_s + 0.5 * f64::from(data.failures.min(10));
                    if data.failures == 4 {
                        notices.push(format!("演算 #{id}: {error}"), true, now.viewer);
                    }
                }
            }
        }
        if clock_s < data.retry_at_s {
            continue;
        }
        if let Some(what) = data.wanted(&run.status) {
            let file = match what {
                What::Grid => run_folder::GRID.to_owned(),
                What::Bed => run_folder::BED.to_owned(),
                What::Frame(i) => run_folder::frame_name(i),
                What::MaxDepth => run_folder::MAX_DEPTH.to_owned(),
                What::Summary => run_folder::RUN.to_owned(),
            };
            data.asked = Some((what, fetches.fetch_url(&format!("/runs/{id}/{file}"))));
        }
    }
}

/// A whole run plays in about this many seconds.
const PLAY_S: f64 = 30.0;

fn play(mut clock: ResMut<ViewClock>, runs: Res<Runs>, live: Res<Live>, time: Res<Time>) {
    let ViewTime::Run { run, t_s } = clock.time else { return };
    if !clock.playing {
        return;
    }
    let (Some(data), Some(live_run)) = (runs.data.get(&run), live.0.run(run)) else { return };
    let reached = data.reached_s();
    let speed = live_run.scenario.duration_s / PLAY_S;
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
    let wanted = match clock.time {
        ViewTime::Run { run, t_s } => runs.data.get(&run).and_then(|d| d.bracket(t_s)).map(|b| (run, b)),
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
    fn files_are_asked_for_in_the_order_they_are_written() {
        let mut d = RunData::default();
        let running = RunStatus::Running { reached_s: 60.0, frames: 1 };
        assert_eq!(d.wanted(&RunStatus::Queued), None);
        assert_eq!(d.wanted(&running), Some(What::Grid));
        let grid = br#"{"epsg":4547,"x0":0.0,"y0":0.0,"dx_m":2.0,"nx":3,"ny":2}"#;
        d.store(What::Grid, grid.to_vec()).unwrap();
        d.store(What::Bed, run_folder::encode_bed(3, 2, &[1.0; 6])).unwrap();
        assert_eq!(d.wanted(&running), Some(What::Frame(0)));
        d.store(What::Frame(0), run_folder::encode_depth(3, 2, 60.0, &[0.5; 6])).unwrap();
        assert_eq!(d.wanted(&running), None);
        assert_eq!(d.wanted(&RunStatus::Done { frames: 1 }), Some(What::MaxDepth));
        let wrong = d.store(What::Frame(1), run_folder::encode_depth(2, 2, 60.0, &[0.5; 4])).unwrap_err();
        assert!(wrong.contains("2 × 2") && wrong.contains("3 × 2"), "{wrong}");
    }
}
