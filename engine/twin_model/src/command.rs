//! Commands: the only way back from views to state. Plain data; who receives one decides whether it may happen.

use crate::{
    AlarmId, AlarmOperation, CaseAction, CaseId, EntityId, Intervention, NewCase, NewWork, RunId, RunScenario,
    Scenario, StoreyIndex, TimeMs,
};
use serde::{Deserialize, Serialize};

/// What a person asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Changes shared state: goes to the server and into its log.
    Twin(TwinCommand),
    /// Changes only this view.
    View(ViewCommand),
}

/// Commands that change shared state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwinCommand {
    /// 确认告警.
    AcknowledgeAlarm(AlarmId),
    /// 搁置、取消搁置、复位、停用、恢复使用.
    OperateAlarm {
        /// Which.
        alarm: AlarmId,
        /// What is done.
        operation: AlarmOperation,
    },
    /// 上报网格事件.
    CreateCase(NewCase),
    /// Move a case.
    MoveCase {
        /// Which.
        case: CaseId,
        /// How.
        action: CaseAction,
        /// Note; may be empty.
        note: String,
    },
    /// Start a run.
    StartRun(RunScenario),
    /// Stop a run.
    CancelRun(RunId),
    /// Build something in a run that goes on (演算中途处置).
    EditRun {
        /// Which.
        run: RunId,
        /// What is added.
        interventions: Vec<Intervention>,
    },
}

/// Kinds of layers that can be switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// 地形与影像.
    Terrain,
    /// 建筑体块.
    Buildings,
    /// BIM 模型.
    Bim,
    /// 倾斜摄影.
    Mesh,
    /// 设备.
    Devices,
    /// 摄像头与视域.
    Cameras,
    /// 告警.
    Alarms,
    /// 网格事件.
    Cases,
    /// 网格边界.
    Grids,
    /// 注记.
    Labels,
    /// 积水.
    Water,
    /// 两次演算最大水深之差.
    DepthDifference,
    /// 疏散演算的楼层平面: takes the place of the building while a run of it is shown.
    Floors,
    /// 疏散演算的人.
    People,
    /// 疏散演算的人群密度.
    Density,
    /// 疏散演算的烟气.
    Smoke,
}

impl LayerKind {
    /// Every kind, in panel order.
    pub const ALL: [LayerKind; 16] = [
        LayerKind::Terrain,
        LayerKind::Buildings,
        LayerKind::Bim,
        LayerKind::Mesh,
        LayerKind::Devices,
        LayerKind::Cameras,
        LayerKind::Alarms,
        LayerKind::Cases,
        LayerKind::Grids,
        LayerKind::Labels,
        LayerKind::Water,
        LayerKind::DepthDifference,
        LayerKind::Floors,
        LayerKind::People,
        LayerKind::Density,
        LayerKind::Smoke,
    ];

    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            LayerKind::Terrain => "地形影像",
            LayerKind::Buildings => "建筑",
            LayerKind::Bim => "BIM",
            LayerKind::Mesh => "倾斜摄影",
            LayerKind::Devices => "设备",
            LayerKind::Cameras => "摄像头",
            LayerKind::Alarms => "告警",
            LayerKind::Cases => "网格事件",
            LayerKind::Grids => "网格",
            LayerKind::Labels => "注记",
            LayerKind::Water => "积水",
            LayerKind::DepthDifference => "水深差",
            LayerKind::Floors => "楼层平面",
            LayerKind::People => "人群",
            LayerKind::Density => "人群密度",
            LayerKind::Smoke => "烟气",
        }
    }
}

/// The instant that the view shows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewTime {
    /// Follows the live state.
    #[default]
    Now,
    /// Simulated seconds of a run.
    Run {
        /// The run.
        run: RunId,
        /// Seconds from its start.
        t_s: f64,
    },
    /// A past instant.
    Past(TimeMs),
}

/// A camera pose in the ENU frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CameraPose {
    /// Eye, ENU metres.
    pub eye_enu: [f64; 3],
    /// Looked-at point, ENU metres.
    pub target_enu: [f64; 3],
}

/// What a click on the ground means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolMode {
    /// Select the thing under the pointer.
    #[default]
    Pick,
    /// Add a point to what is being drawn.
    Draw,
    /// Report a case at the point.
    PlaceCase,
}

/// Commands that change only this view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewCommand {
    /// Select an entity, or nothing.
    Select(Option<EntityId>),
    /// Move the camera to an entity.
    FlyTo(EntityId),
    /// Move the camera to a pose.
    FlyToPose(CameraPose),
    /// Back to the pack's home view.
    Home,
    /// Show or hide a layer.
    SetLayerVisible(LayerKind, bool),
    /// Show another instant.
    SetTime(ViewTime),
    /// Play or pause a run.
    SetPlaying(bool),
    /// What clicks mean.
    SetTool(ToolMode),
    /// Make this of the points drawn.
    FinishWork(NewWork),
    /// Drop the points drawn and everything placed.
    ClearWorks,
    /// Compute a scenario in this viewer (本机试算), for nobody else to see.
    RunHere {
        /// What to compute.
        scenario: Box<Scenario>,
        /// With the fast solver that is not certified.
        preview: bool,
    },
    /// Compare two runs of a kind: for floods the difference of their maximum depths (second minus first).
    CompareRuns(RunId, RunId),
    /// Show one storey of the building of an evacuation (楼层隔离), or all.
    ShowStorey(Option<StoreyIndex>),
}
