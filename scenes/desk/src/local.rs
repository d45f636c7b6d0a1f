//! Floods computed by the native viewer itself, from a pack folder: a thread a run.

use community_pack::Manifest;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use twin_bevy::{LocalEngine, LocalEvent, LocalRequest};
use twin_model::{Intervention, RunId, Scenario};
use web_sim::{FloodMode, PackParts, Session, SessionError};

/// Events that may wait for the viewer's next frame; then the thread waits.
const EVENTS_WAITING: usize = 64;
/// Edits that may wait for the next slice of steps.
const EDITS_WAITING: usize = 16;
/// Steps between two looks for edits.
const SLICE: u64 = 64;

type Told = (RunId, LocalEvent);

/// Threads that compute runs of one pack folder.
pub struct ThreadEngine {
    pack_dir: PathBuf,
    events: Receiver<Told>,
    give: SyncSender<Told>,
    /// Edits for the run that goes on; dropping it stops the thread.
    edits: Option<(RunId, SyncSender<Vec<Intervention>>)>,
}

impl ThreadEngine {
    /// For the pack in a folder.
    #[must_use]
    pub fn new(pack_dir: PathBuf) -> Self {
        let (give, events) = sync_channel(EVENTS_WAITING);
        Self { pack_dir, events, give, edits: None }
    }

    fn start(&mut self, run: RunId, scenario: Scenario, live_json: String, preview: bool) {
        let (edits, taken) = sync_channel(EDITS_WAITING);
        self.edits = Some((run, edits));
        let (dir, give) = (self.pack_dir.clone(), self.give.clone());
        let job = Job { run, give: give.clone(), edits: taken };
        let spawned = std::thread::Builder::new().name(format!("flood {run}")).spawn(move || {
            if let Err(error) = job.compute(&dir, &scenario, &live_json, preview) {
                job.tell(LocalEvent::Failed(error));
            }
        });
        if let Err(error) = spawned {
            give.try_send((run, LocalEvent::Failed(error.to_string()))).unwrap_or_default();
        }
    }
}

impl LocalEngine for ThreadEngine {
    fn send(&mut self, request: LocalRequest) {
        match request {
            LocalRequest::Start { run, scenario, live_json, preview } => self.start(run, scenario, live_json, preview),
            LocalRequest::Edit { run, interventions } => {
                let taken = self.edits.as_ref().filter(|(id, _)| *id == run).map(|(_, e)| e.try_send(interventions));
                if !matches!(taken, Some(Ok(()))) {
                    let line = "处置没有加入: 演算已结束或正忙".to_owned();
                    self.give.try_send((run, LocalEvent::Refused(line))).unwrap_or_default();
                }
            }
            LocalRequest::Cancel { run } => self.edits = self.edits.take().filter(|(id, _)| *id != run),
        }
    }

    fn poll(&mut self) -> Vec<Told> {
        self.events.try_iter().collect()
    }
}

struct Job {
    run: RunId,
    give: SyncSender<Told>,
    edits: Receiver<Vec<Intervention>>,
}

/// A run that nobody waits for any more.
struct Stopped;

impl Job {
    /// False when the viewer is gone.
    fn tell(&self, event: LocalEvent) -> bool {
        self.give.send((self.run, event)).is_ok()
    }

    fn compute(&self, dir: &Path, scenario: &Scenario, live_json: &str, preview: bool) -> Result<(), String> {
        let files = Files::read(dir)?;
        let mode = if preview { FloodMode::Preview } else { FloodMode::Full };
        let scenario_json = serde_json::to_string(scenario).map_err(|e| e.to_string())?;
        // Without a server there is no present; a scenario that needs one says so.
        let live_json = if live_json.contains("\"state\":[]") { "" } else { live_json };
        let line = |e: SessionError| e.to_string();
        let mut session = Session::new(files.parts(), &scenario_json, live_json, mode).map_err(line)?;
        if !self.tell(LocalEvent::Ready(session.grid().clone(), session.bed())) {
            return Ok(());
        }
        while !session.is_done() {
            if session.advance(SLICE).map_err(line)? && !self.tell(LocalEvent::Frame(session.frame())) {
                return Ok(());
            }
            if let Err(Stopped) = self.take_edits(&mut session) {
                return Ok(());
            }
        }
        self.tell(LocalEvent::Done(session.max_depth()));
        Ok(())
    }

    fn take_edits(&self, session: &mut Session) -> Result<(), Stopped> {
        loop {
            match self.edits.try_recv() {
                Ok(interventions) => {
                    let built = serde_json::to_string(&interventions)
                        .map_err(|e| e.to_string())
                        .and_then(|json| session.build(&json).map_err(|e| e.to_string()));
                    if let Err(line) = built {
                        self.tell(LocalEvent::Refused(line));
                    }
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Stopped),
            }
        }
    }
}

/// The files of a pack that a flood needs.
struct Files {
    manifest: Vec<u8>,
    entities: Vec<u8>,
    device_types: Vec<u8>,
    terrain: Vec<u8>,
    landcover: Vec<u8>,
}

impl Files {
    fn read(dir: &Path) -> Result<Self, String> {
        let read = |name: &str| std::fs::read(dir.join(name)).map_err(|e| format!("{}: {e}", dir.join(name).display()));
        let manifest = read("community.json")?;
        let names = Manifest::parse(&manifest).map_err(|e| e.to_string())?;
        let Some(terrain) = names.terrain else { return Err("此数据包没有地形, 不能演算".to_owned()) };
        Ok(Self {
            entities: read(&names.files.entities)?,
            device_types: read(&names.files.device_types)?,
            landcover: terrain.landcover.map(|name| read(&name)).transpose()?.unwrap_or_default(),
            terrain: read(&terrain.path)?,
            manifest,
        })
    }

    fn parts(&self) -> PackParts<'_> {
        PackParts {
            manifest: &self.manifest,
            entities: &self.entities,
            device_types: &self.device_types,
            terrain: &self.terrain,
            landcover: &self.landcover,
        }
    }
}
