//! What scripts see of the app and how they ask for something: one status text, one queue of commands, both JSON.
//! The web door puts it behind `window.sandtable`; tests can use it natively.

use crate::host::Ui;
use bevy::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use twin_bevy::{
    CommandIssued, Community, LinkStatus, Live, LoadProgress, Now, Properties, Selection, ShownRun, TwinSystems,
    ViewClock,
};
use twin_model::{
    CameraPose, CaseAction, CaseId, Command, EntityId, LayerKind, NewCase, RunId, RunScenario, Scenario, TwinCommand,
    ViewCommand, ViewTime,
};
use twin_view::{OrbitCamera, TileStatus, ViewCamera};

/// In [`Last`]: the status of the frame has been written after this.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWritten;

/// Commands that wait and the status of the last frame.
#[derive(Resource, Default)]
pub struct Bridge {
    /// Commands as JSON, oldest first; at most 256 wait.
    pub commands: VecDeque<String>,
    /// Status of the last frame.
    pub status: BridgeStatus,
    /// Errors of commands that could not be understood, newest last; at most 16.
    pub errors: VecDeque<String>,
}

impl Bridge {
    const WAITING: usize = 256;

    /// Queues a command. False when too many wait.
    pub fn push(&mut self, json: String) -> bool {
        let room = self.commands.len() < Self::WAITING;
        if room {
            self.commands.push_back(json);
        }
        room
    }
}

/// The newest observation that this view has applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastObservation {
    /// Entity.
    pub entity: u32,
    /// Property key.
    pub property: String,
    /// Value in the property's unit.
    pub value: f64,
    /// Device time, ms since 1970.
    pub observed_at: i64,
    /// Server time of receipt, ms since 1970.
    pub received_at: i64,
    /// Viewer time at the frame in which it was applied, ms since 1970.
    pub applied_at: i64,
    /// Commit sequence.
    pub seq: u64,
}

/// What scripts can read.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct BridgeStatus {
    /// The pack is read and nothing of the picture is missing.
    pub ready: bool,
    /// The pack could not be read: one line.
    pub error: Option<String>,
    /// Frames drawn since the start.
    pub frame: u64,
    /// Tiles in memory.
    pub tiles_loaded: usize,
    /// Tiles drawn.
    pub tiles_drawn: usize,
    /// Tiles that are needed but not there.
    pub tiles_pending: usize,
    /// Tiles that could not be read.
    pub tiles_failed: usize,
    /// Bytes of loaded tiles.
    pub tile_bytes: u64,
    /// Entities of the community.
    pub entities: usize,
    /// `none`, `connecting`, `live` or `lost`.
    pub link: &'static str,
    /// Selected entity.
    pub selected: Option<u32>,
    /// Last commit sequence applied.
    pub seq: u64,
    /// The newest observation applied.
    pub last_observation: Option<LastObservation>,
    /// Open alarms.
    pub open_alarms: usize,
    /// Cases: id, stage, title, whether it is open.
    pub cases: Vec<Value>,
    /// Runs: the server's records, then those of this viewer.
    pub runs: Vec<Value>,
    /// Shown instant: `"now"`, `{"run":{"run":1,"t_s":60.0}}`.
    pub time: Value,
    /// Wet cells of the shown frame.
    pub water_cells: usize,
    /// Greatest depth of the shown frame, m.
    pub water_max_depth_m: f32,
    /// Frames of the shown run that have arrived.
    pub water_frames: usize,
    /// The compared runs with the areas (m²) and depths (m) by which the second is drier and wetter; none until both
    /// results have arrived.
    pub compared: Option<Value>,
    /// People of the shown evacuation's frame.
    pub people_shown: usize,
    /// Results of evacuations that have arrived: run, members, second at which 95 % of the members are empty, most likely room.
    pub evacuations: Vec<Value>,
    /// The panel with the search field is on the screen.
    pub search_shown: bool,
    /// What was placed in the editor.
    pub works: Vec<twin_model::Intervention>,
    /// Layers that are shown.
    pub layers: Vec<LayerKind>,
    /// Pose of the operated camera.
    pub camera: Option<CameraPose>,
    /// The viewer's clock, ms since 1970.
    pub now_ms: i64,
    /// Estimated server clock, ms since 1970.
    pub server_now_ms: i64,
    /// Commands that could not be understood, newest last.
    pub errors: Vec<String>,
}

/// A command of a script: short forms for the common ones, or any [`Command`].
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
enum ScriptCommand {
    Select {
        id: Option<u32>,
    },
    FlyTo {
        id: u32,
    },
    FlyToPose {
        pose: CameraPose,
    },
    Home,
    SetLayer {
        layer: LayerKind,
        visible: bool,
    },
    StartRun {
        scenario: RunScenario,
    },
    RunHere {
        scenario: Box<Scenario>,
        #[serde(default)]
        preview: bool,
    },
    CancelRun {
        run: u64,
    },
    ShowRun {
        run: u64,
        #[serde(default)]
        t_s: f64,
        #[serde(default)]
        play: bool,
    },
    Now,
    CompareRuns {
        first: u64,
        second: u64,
    },
    CreateCase {
        case: NewCase,
    },
    MoveCase {
        case: u64,
        action: CaseAction,
        #[serde(default)]
        note: String,
    },
    AckAlarm {
        alarm: u64,
    },
    /// Fills the search box; `open` goes to the best hit.
    Search {
        text: String,
        #[serde(default)]
        open: bool,
    },
    Command {
        command: Box<Command>,
    },
}

impl ScriptCommand {
    fn into_commands(self) -> Vec<Command> {
        let view = |c| vec![Command::View(c)];
        let twin = |c| vec![Command::Twin(c)];
        match self {
            Self::Select { id } => view(ViewCommand::Select(id.map(EntityId))),
            Self::FlyTo { id } => view(ViewCommand::FlyTo(EntityId(id))),
            Self::FlyToPose { pose } => view(ViewCommand::FlyToPose(pose)),
            Self::Home => view(ViewCommand::Home),
            Self::SetLayer { layer, visible } => view(ViewCommand::SetLayerVisible(layer, visible)),
            Self::StartRun { scenario } => twin(TwinCommand::StartRun(scenario)),
            Self::RunHere { scenario, preview } => view(ViewCommand::RunHere { scenario, preview }),
            Self::CancelRun { run } => twin(TwinCommand::CancelRun(RunId(run))),
            Self::ShowRun { run, t_s, play } => vec![
                Command::View(ViewCommand::SetTime(ViewTime::Run { run: RunId(run), t_s })),
                Command::View(ViewCommand::SetPlaying(play)),
            ],
            Self::Now => view(ViewCommand::SetTime(ViewTime::Now)),
            Self::CompareRuns { first, second } => view(ViewCommand::CompareRuns(RunId(first), RunId(second))),
            Self::CreateCase { case } => twin(TwinCommand::CreateCase(case)),
            Self::MoveCase { case, action, note } => twin(TwinCommand::MoveCase { case: CaseId(case), action, note }),
            Self::AckAlarm { alarm } => twin(TwinCommand::AcknowledgeAlarm(twin_model::AlarmId(alarm))),
            Self::Command { command } => vec![*command],
            Self::Search { .. } => Vec::new(),
        }
    }
}

/// Puts a text into the search box; the commands that open the best hit, if that was asked for.
fn search(text: String, open: bool, ui: &mut Ui, community: Option<&Community>) -> Vec<Command> {
    let hit = open.then(|| community.and_then(|c| c.0.search(&text, 1).into_iter().next())).flatten();
    ui.0.query = text;
    let Some(hit) = hit else { return Vec::new() };
    ui.0.tab = twin_ui::RightTab::Selection;
    vec![Command::View(ViewCommand::Select(Some(hit.id))), Command::View(ViewCommand::FlyTo(hit.id))]
}

fn take_commands(
    mut bridge: ResMut<Bridge>,
    mut issued: MessageWriter<CommandIssued>,
    mut ui: ResMut<Ui>,
    community: Option<Res<Community>>,
) {
    if bridge.commands.is_empty() {
        return;
    }
    while let Some(json) = bridge.commands.pop_front() {
        match serde_json::from_str::<ScriptCommand>(&json) {
            Ok(ScriptCommand::Search { text, open }) => {
                let commands = search(text, open, &mut ui, community.as_deref());
                issued.write_batch(commands.into_iter().map(CommandIssued));
            }
            Ok(command) => {
                issued.write_batch(command.into_commands().into_iter().map(CommandIssued));
            }
            Err(error) => {
                let short: String = json.chars().take(120).collect();
                if bridge.errors.len() == 16 {
                    bridge.errors.pop_front();
                }
                bridge.errors.push_back(format!("{short}: {error}"));
            }
        }
    }
}

fn update_status(
    mut bridge: ResMut<Bridge>,
    community: Option<Res<Community>>,
    properties: Res<Properties>,
    progress: Res<LoadProgress>,
    tiles: Res<TileStatus>,
    link: Res<LinkStatus>,
    (live, local): (Res<Live>, Res<twin_bevy::LocalRuns>),
    selection: Res<Selection>,
    clock: Res<ViewClock>,
    (shown, evac): (Res<ShownRun>, Res<twin_bevy::ShownEvac>),
    (runs, compared): (Res<twin_bevy::Runs>, Res<twin_bevy::CompareResult>),
    ui: Res<Ui>,
    works: Res<twin_bevy::Works>,
    layers: Res<twin_bevy::LayerVisibility>,
    now: Res<Now>,
    cameras: Query<(&ViewCamera, &OrbitCamera)>,
) {
    let errors = bridge.errors.iter().cloned().collect();
    let status = &mut bridge.status;
    status.frame += 1;
    status.ready = *progress == LoadProgress::Ready && tiles.opened && tiles.pending == 0;
    status.error = if let LoadProgress::Failed(line) = &*progress { Some(line.clone()) } else { None };
    (status.tiles_loaded, status.tiles_drawn, status.tiles_pending) = (tiles.loaded, tiles.drawn, tiles.pending);
    (status.tiles_failed, status.tile_bytes) = (tiles.failed, tiles.bytes);
    status.entities = community.as_ref().map_or(0, |c| c.0.entities().len());
    status.link = match &*link {
        LinkStatus::NoServer => "none",
        LinkStatus::Connecting => "connecting",
        LinkStatus::Live => "live",
        LinkStatus::Lost(_) => "lost",
    };
    status.selected = selection.0.map(|id| id.0);
    if live.0.seq().0 != status.seq || status.last_observation.is_none() {
        status.seq = live.0.seq().0;
        status.last_observation = last_observation(&live, &properties, now.viewer.0);
        status.open_alarms = live.0.open_alarms().count();
        status.cases = live.0.cases().map(case_value).collect();
    }
    status.runs = live.0.runs().chain(local.iter()).filter_map(|r| serde_json::to_value(r).ok()).collect();
    status.time = serde_json::to_value(clock.time).unwrap_or_default();
    (status.water_cells, status.water_max_depth_m) = (shown.wet_cells, shown.max_depth_m);
    status.water_frames = shown.run.and_then(|id| runs.data.get(&id)).map_or(0, twin_bevy::RunData::frame_count);
    status.compared = compared_value(&compared);
    status.people_shown = evac.before.as_ref().map_or(0, |f| f.people.len());
    let results = runs.data.iter().filter_map(|(id, d)| Some((id, d.evacuation.as_ref()?)));
    status.evacuations = results.map(|(id, s)| evacuation_value(*id, s)).collect();
    status.search_shown = ui.0.search_shown;
    if status.works != works.placed {
        status.works.clone_from(&works.placed);
    }
    status.layers = layers.0.iter().copied().collect();
    status.camera = cameras.iter().find(|(view, _)| view.index == 0).map(|(_, orbit)| orbit.pose());
    (status.now_ms, status.server_now_ms) = (now.viewer.0, now.server().0);
    status.errors = errors;
}

fn last_observation(live: &Live, properties: &Properties, applied_at: i64) -> Option<LastObservation> {
    let newest = live.0.iter().max_by_key(|o| o.seq)?;
    Some(LastObservation {
        entity: newest.entity.0,
        property: properties.0.def(newest.property).map_or_else(String::new, |d| d.key.clone()),
        value: newest.value,
        observed_at: newest.observed_at.0,
        received_at: newest.received_at.0,
        applied_at,
        seq: newest.seq.0,
    })
}

fn compared_value(result: &twin_bevy::CompareResult) -> Option<Value> {
    let (first, second, ..) = result.ready.as_ref()?;
    Some(serde_json::json!({
        "first": first, "second": second, "drierM2": result.drier_m2, "wetterM2": result.wetter_m2,
        "maxDropM": result.max_drop_m, "maxRiseM": result.max_rise_m,
    }))
}

fn evacuation_value(run: RunId, s: &twin_model::EvacSummary) -> Value {
    let room = s.live.as_ref().and_then(|l| l.rooms.first()).map(|r| &r.space);
    serde_json::json!({"run": run, "members": s.members, "rsetP95S": s.rset_s.p95, "left": s.balance.left, "room": room})
}

fn case_value(case: &twin_model::Case) -> Value {
    serde_json::json!({"id": case.id, "stage": case.stage, "title": case.title, "open": case.stage.is_open(), "entity": case.entity})
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Bridge>()
        .add_systems(Update, take_commands.in_set(TwinSystems::Ingest))
        .add_systems(Last, update_status.in_set(StatusWritten));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_commands_are_understood() {
        let parse = |json: &str| serde_json::from_str::<ScriptCommand>(json).map(ScriptCommand::into_commands);
        let commands = parse(r#"{"op":"select","id":7}"#).unwrap();
        assert_eq!(commands, [Command::View(ViewCommand::Select(Some(EntityId(7))))]);
        let commands = parse(r#"{"op":"moveCase","case":3,"action":"close"}"#).unwrap();
        assert!(matches!(&commands[..], [Command::Twin(TwinCommand::MoveCase { case: CaseId(3), .. })]));
        let commands = parse(r#"{"op":"setLayer","layer":"mesh","visible":true}"#).unwrap();
        assert_eq!(commands, [Command::View(ViewCommand::SetLayerVisible(LayerKind::Mesh, true))]);
        assert!(parse(r#"{"op":"explode"}"#).is_err());
    }
}
