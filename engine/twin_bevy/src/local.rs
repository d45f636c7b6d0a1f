//! Runs computed by the viewer itself (本机试算): in a worker of the page, or in a thread. They are this viewer's own: no
//! log has them, no other viewer sees them, and storm drains take no part.

use crate::{Live, Notices, Now, Runs, TwinSystems, ViewClock};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use sync_core::StateRow;
use twin_model::{GridSpec, Intervention, Run, RunId, RunStatus, Scenario, SewerMode, ViewTime};

/// What a [`LocalEngine`] is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalRequest {
    /// Compute a scenario.
    Start {
        /// The id of the run.
        run: RunId,
        /// What to compute.
        scenario: Scenario,
        /// Live state, as the server writes it for its runs.
        live_json: String,
        /// With the fast solver that is not certified.
        preview: bool,
    },
    /// Build something more from now on.
    Edit {
        /// Which run.
        run: RunId,
        /// What is built.
        interventions: Vec<Intervention>,
    },
    /// Stop.
    Cancel {
        /// Which run.
        run: RunId,
    },
}

/// What a [`LocalEngine`] says of a run. Bytes are files of a run folder.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalEvent {
    /// The grid and the ground (`bed.q`).
    Ready(GridSpec, Vec<u8>),
    /// The next depth frame (`frame_00000.q`).
    Frame(Vec<u8>),
    /// The greatest depths (`max_depth.q`); nothing comes after it.
    Done(Vec<u8>),
    /// One clear line; the run goes on without what was refused.
    Refused(String),
    /// One clear line; nothing comes after it.
    Failed(String),
}

/// Something that computes floods beside the frames of the viewer.
pub trait LocalEngine {
    /// Takes a request; what comes of it is polled.
    fn send(&mut self, request: LocalRequest);
    /// What has happened since, oldest first.
    fn poll(&mut self) -> Vec<(RunId, LocalEvent)>;
}

/// The engine of this viewer, a non-send value: a page's worker belongs to its main thread.
pub struct LocalRunner(pub Box<dyn LocalEngine>);

/// The runs of this viewer.
#[derive(Resource, Debug, Default)]
pub struct LocalRuns {
    /// Whether there is an engine.
    pub available: bool,
    runs: BTreeMap<RunId, Run>,
    requests: VecDeque<LocalRequest>,
}

impl LocalRuns {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.values()
    }

    /// A run of this viewer or of the server.
    #[must_use]
    pub fn find<'a>(&'a self, live: &'a Live, run: RunId) -> Option<&'a Run> {
        if run.is_local() { self.runs.get(&run) } else { live.0.run(run) }
    }

    /// Asks for a run; a line when there cannot be one now.
    pub(crate) fn start(&mut self, scenario: &Scenario, preview: bool, live: &Live, now: &Now) -> Result<(), String> {
        if !self.available {
            return Err("此视图不能本机试算".to_owned());
        }
        if self.runs.values().any(|r| matches!(r.status, RunStatus::Queued | RunStatus::Running { .. })) {
            return Err("本机一次只算一个: 请等前一个算完或停止它".to_owned());
        }
        let id = RunId::local(self.runs.len() as u64 + 1);
        // What the worker cannot do is left out, and the run says so by its scenario.
        let name = if preview { format!("{} (快速, 未验证)", scenario.name) } else { scenario.name.clone() };
        let scenario = Scenario { name, sewers: SewerMode::None, members: 0, correct: false, ..scenario.clone() };
        let rows: Vec<StateRow> = live.0.iter().map(StateRow::from).collect();
        let live_json = serde_json::json!({ "now": now.server(), "state": rows }).to_string();
        let (created_at, status) = (now.server(), RunStatus::Queued);
        self.runs.insert(id, Run { id, scenario: scenario.clone().into(), created_at, status });
        self.requests.push_back(LocalRequest::Start { run: id, scenario, live_json, preview });
        Ok(())
    }

    pub(crate) fn edit(&mut self, run: RunId, interventions: &[Intervention]) {
        self.requests.push_back(LocalRequest::Edit { run, interventions: interventions.to_vec() });
    }

    pub(crate) fn cancel(&mut self, run: RunId) {
        self.requests.push_back(LocalRequest::Cancel { run });
        self.set(run, RunStatus::Cancelled);
    }

    fn set(&mut self, run: RunId, status: RunStatus) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.status = status;
        }
    }
}

fn drive(
    runner: Option<NonSendMut<LocalRunner>>,
    mut local: ResMut<LocalRuns>,
    mut runs: ResMut<Runs>,
    mut clock: ResMut<ViewClock>,
    mut notices: ResMut<Notices>,
    now: Res<Now>,
) {
    let Some(mut runner) = runner else { return };
    if !local.available {
        local.available = true;
    }
    while let Some(request) = local.bypass_change_detection().requests.pop_front() {
        runner.0.send(request);
    }
    for (id, event) in runner.0.poll() {
        let cancelled = local.runs.get(&id).is_none_or(|r| r.status == RunStatus::Cancelled);
        let data = runs.data.entry(id).or_default();
        let frames = data.frame_count() as u32;
        let result = match event {
            _ if cancelled => continue,
            LocalEvent::Ready(grid, bed) => data.begin(grid, &bed),
            LocalEvent::Frame(bytes) => data.push_frame(bytes).map(|t_s| {
                local.set(id, RunStatus::Running { reached_s: t_s, frames: frames + 1 });
                if frames == 0 {
                    clock.time = ViewTime::Run { run: id, t_s: 0.0 };
                    clock.playing = true;
                }
            }),
            LocalEvent::Done(max_depth) => data.end(&max_depth).map(|()| local.set(id, RunStatus::Done { frames })),
            LocalEvent::Refused(line) => {
                notices.push(line, true, now.viewer);
                Ok(())
            }
            LocalEvent::Failed(line) => Err(line),
        };
        if let Err(error) = result {
            notices.push(format!("演算 {}: {error}", id.label()), true, now.viewer);
            local.set(id, RunStatus::Failed { error });
        }
    }
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<LocalRuns>().add_systems(Update, drive.in_set(TwinSystems::Ingest));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandIssued, Source, TwinPlugin, WallClock};
    use community_pack::run_folder;
    use twin_model::{Command, EdgeForcing, Forcing, RainForcing, StageForcing, TimeMs, TwinCommand, ViewCommand};

    /// Answers every start with two frames and the end, and remembers what else it was asked.
    #[derive(Default)]
    struct Echo {
        events: Vec<(RunId, LocalEvent)>,
        asked: std::sync::Arc<std::sync::Mutex<Vec<LocalRequest>>>,
        whole: bool,
    }

    impl LocalEngine for Echo {
        fn send(&mut self, request: LocalRequest) {
            if let LocalRequest::Start { run, .. } = &request {
                let grid = GridSpec { epsg: 4547, x0: 0.0, y0: 0.0, dx_m: 2.0, nx: 2, ny: 1 };
                let frame = |t_s| run_folder::encode_depth(2, 1, t_s, &[0.0, 0.5]);
                self.events.push((*run, LocalEvent::Ready(grid, run_folder::encode_bed(2, 1, &[1.0; 2]))));
                self.events.push((*run, LocalEvent::Frame(frame(0.0))));
                if self.whole {
                    self.events.push((*run, LocalEvent::Frame(frame(60.0))));
                    self.events.push((*run, LocalEvent::Done(frame(60.0))));
                }
            }
            self.asked.lock().unwrap().push(request);
        }

        fn poll(&mut self) -> Vec<(RunId, LocalEvent)> {
            std::mem::take(&mut self.events)
        }
    }

    fn scenario() -> Scenario {
        let forcing = Forcing {
            rain: RainForcing::Constant { rain_mmph: 60.0 },
            river: StageForcing::None,
            edges: EdgeForcing::Open,
            infiltration: BTreeMap::new(),
        };
        let text = serde_json::json!({ "name": "试", "base": "none", "duration_s": 60.0, "frame_interval_s": 60.0,
            "cell_m": 2.0, "forcing": forcing, "members": 3 });
        serde_json::from_value(text).unwrap()
    }

    fn app(engine: Echo) -> App {
        let mut app = App::new();
        app.init_resource::<bevy::time::Time>();
        let dir = std::env::temp_dir().join("sandtable-no-such-pack");
        app.add_plugins(TwinPlugin { source: Source::PackDir(dir), clock: WallClock(|| TimeMs(1000)) });
        app.world_mut().insert_non_send(LocalRunner(Box::new(engine)));
        app.update();
        app
    }

    fn issue(app: &mut App, command: Command) {
        app.world_mut().write_message(CommandIssued(command));
        app.update();
        app.update();
    }

    #[test]
    fn a_run_of_the_viewer_is_shown_like_any_other() {
        let mut app = app(Echo { whole: true, ..Echo::default() });
        issue(&mut app, Command::View(ViewCommand::RunHere { scenario: Box::new(scenario()), preview: false }));
        let id = RunId::local(1);
        let local = app.world().resource::<LocalRuns>();
        let run = local.find(app.world().resource::<Live>(), id).unwrap();
        assert_eq!(
            (run.status.clone(), run.scenario.flood().map(|s| s.members)),
            (RunStatus::Done { frames: 2 }, Some(0))
        );
        assert_eq!(app.world().resource::<Runs>().data[&id].frame_times_s(), [0.0, 60.0]);
        assert_eq!(app.world().resource::<crate::ShownRun>().run, Some(id));
    }

    #[test]
    fn one_at_a_time_edits_and_stops_go_to_the_engine() {
        let engine = Echo::default();
        let asked = engine.asked.clone();
        let mut app = app(engine);
        let start = || Command::View(ViewCommand::RunHere { scenario: Box::new(scenario()), preview: true });
        issue(&mut app, start());
        issue(&mut app, start());
        assert!(app.world().resource::<Notices>().0.iter().any(|n| n.error && n.text.contains("一次只算一个")));
        let run = RunId::local(1);
        issue(&mut app, Command::Twin(TwinCommand::EditRun { run, interventions: vec![] }));
        issue(&mut app, Command::Twin(TwinCommand::CancelRun(run)));
        let asked = asked.lock().unwrap();
        assert!(matches!(asked[0], LocalRequest::Start { preview: true, .. }));
        assert_eq!(asked[1..], [LocalRequest::Edit { run, interventions: vec![] }, LocalRequest::Cancel { run }]);
        assert_eq!(app.world().resource::<LocalRuns>().iter().next().unwrap().status, RunStatus::Cancelled);
    }
}
