//! Commands: the only way back from views to state.

use crate::fetch::CommandOutbox;
use crate::{
    CasePoint, Comparison, LayerVisibility, Live, LocalRuns, Notices, Now, Selection, Server, ShownStorey, Tool,
    TwinSystems, ViewClock, Works,
};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use twin_model::{CameraPose, Command, EntityId, LayerKind, NewWork, ToolMode, TwinCommand, ViewCommand, ViewTime};

/// A person (or a script) asks for something.
#[derive(Message, Debug, Clone, PartialEq)]
pub struct CommandIssued(pub Command);

/// The camera is asked to move.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
pub enum FlyRequest {
    /// To the pack's home view.
    Home,
    /// So that an entity is seen well.
    Entity(EntityId),
    /// To a pose.
    Pose(CameraPose),
}

#[derive(bevy::ecs::system::SystemParam)]
struct ViewState<'w> {
    selection: ResMut<'w, Selection>,
    layers: ResMut<'w, LayerVisibility>,
    clock: ResMut<'w, ViewClock>,
    tool: ResMut<'w, Tool>,
    works: ResMut<'w, Works>,
    comparison: ResMut<'w, Comparison>,
    storey: ResMut<'w, ShownStorey>,
    case_point: ResMut<'w, CasePoint>,
    fly: MessageWriter<'w, FlyRequest>,
}

fn apply(
    mut issued: MessageReader<CommandIssued>,
    mut view: ViewState,
    mut outbox: ResMut<CommandOutbox>,
    mut notices: ResMut<Notices>,
    mut local: ResMut<LocalRuns>,
    server: Res<Server>,
    live: Res<Live>,
    now: Res<Now>,
) {
    for CommandIssued(command) in issued.read() {
        match command {
            Command::View(ViewCommand::RunHere { scenario, preview }) => {
                if let Err(line) = local.start(scenario, *preview, &live, &now) {
                    notices.push(line, true, now.viewer);
                }
            }
            Command::View(command) => view.apply(command),
            Command::Twin(TwinCommand::CancelRun(run)) if run.is_local() => local.cancel(*run),
            Command::Twin(TwinCommand::EditRun { run, interventions }) if run.is_local() => {
                local.edit(*run, interventions);
            }
            Command::Twin(command) => match &server.0 {
                Some(address) => outbox.send(address, command),
                None => notices.push(refusal(command), true, now.viewer),
            },
        }
    }
}

fn refusal(command: &TwinCommand) -> String {
    let what = match command {
        TwinCommand::AcknowledgeAlarm(_) => "确认告警",
        TwinCommand::OperateAlarm { .. } => "处理告警",
        TwinCommand::CreateCase(_) => "上报事件",
        TwinCommand::MoveCase { .. } => "处理事件",
        TwinCommand::StartRun(_) => "开始演算",
        TwinCommand::CancelRun(_) => "停止演算",
        TwinCommand::EditRun { .. } => "加入处置",
    };
    format!("没有连接服务器, 不能{what}")
}

impl ViewState<'_> {
    fn apply(&mut self, command: &ViewCommand) {
        match command {
            ViewCommand::Select(id) => self.selection.0 = *id,
            ViewCommand::FlyTo(id) => {
                self.fly.write(FlyRequest::Entity(*id));
            }
            ViewCommand::FlyToPose(pose) => {
                self.fly.write(FlyRequest::Pose(*pose));
            }
            ViewCommand::Home => {
                self.fly.write(FlyRequest::Home);
            }
            ViewCommand::SetLayerVisible(kind, visible) => self.layers.set(*kind, *visible),
            ViewCommand::SetTime(time) => {
                self.clock.time = *time;
                if !matches!(time, ViewTime::Run { .. }) {
                    self.clock.playing = false;
                }
            }
            ViewCommand::SetPlaying(playing) => self.clock.playing = *playing,
            ViewCommand::SetTool(tool) => {
                self.tool.0 = *tool;
                self.works.draft.clear();
                self.case_point.0 = None;
            }
            ViewCommand::FinishWork(work) => self.finish_work(*work),
            ViewCommand::ClearWorks => *self.works = Works::default(),
            // Carried out before views are asked.
            ViewCommand::RunHere { .. } => {}
            ViewCommand::CompareRuns(a, b) => {
                self.comparison.0 = Some((*a, *b));
                self.layers.set(LayerKind::DepthDifference, true);
            }
            ViewCommand::ShowStorey(storey) => self.storey.0 = *storey,
        }
    }

    fn finish_work(&mut self, work: NewWork) {
        let points = std::mem::take(&mut self.works.draft);
        self.works.placed.extend(work.on(points));
        self.tool.0 = ToolMode::Pick;
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_message::<CommandIssued>()
        .add_message::<FlyRequest>()
        .add_systems(Update, apply.in_set(TwinSystems::Apply));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, TwinPlugin, WallClock};
    use twin_model::{AlarmId, TimeMs};

    fn app() -> App {
        let mut app = App::new();
        let dir = std::env::temp_dir().join("sandtable-no-such-pack");
        app.init_resource::<bevy::time::Time>();
        app.add_plugins(TwinPlugin { source: Source::PackDir(dir), clock: WallClock(|| TimeMs(1000)) });
        app
    }

    fn issue(app: &mut App, command: Command) {
        app.world_mut().write_message(CommandIssued(command));
        app.update();
    }

    #[test]
    fn view_commands_change_the_view() {
        let mut app = app();
        issue(&mut app, Command::View(ViewCommand::Select(Some(EntityId(7)))));
        assert_eq!(app.world().resource::<Selection>().0, Some(EntityId(7)));
        issue(&mut app, Command::View(ViewCommand::SetLayerVisible(LayerKind::Devices, false)));
        assert!(!app.world().resource::<LayerVisibility>().shows(LayerKind::Devices));
    }

    #[test]
    fn a_barrier_needs_two_points() {
        let mut app = app();
        app.world_mut().resource_mut::<Works>().draft = vec![[0.0, 0.0]];
        issue(&mut app, Command::View(ViewCommand::FinishWork(NewWork::Barrier { height_m: 1.0 })));
        assert!(app.world().resource::<Works>().placed.is_empty());
        app.world_mut().resource_mut::<Works>().draft = vec![[0.0, 0.0], [5.0, 0.0]];
        issue(&mut app, Command::View(ViewCommand::FinishWork(NewWork::Barrier { height_m: 1.5 })));
        let works = app.world().resource::<Works>();
        assert_eq!(works.placed.len(), 1);
        assert!(works.draft.is_empty());
    }

    #[test]
    fn without_a_server_shared_state_is_refused_aloud() {
        let mut app = app();
        issue(&mut app, Command::Twin(TwinCommand::AcknowledgeAlarm(AlarmId(1))));
        let notices = app.world().resource::<Notices>();
        assert!(notices.0.iter().any(|n| n.error && n.text.contains("确认告警")), "{notices:?}");
    }
}
