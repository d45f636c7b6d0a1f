//! What the panels show. Built anew by the host; panels only read it.

use std::sync::Arc;
use twin_model::{
    AlarmId, AlarmState, BuildingPlan, CaseId, CaseStage, EntityId, EvacSummary, FloodImpact, Intervention, LayerKind,
    RunId, RunScenario, RunStatus, SearchHit, Severity, StoreyIndex, TimeMs, ToolMode, ViewTime,
};

/// How the view is connected to a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkState {
    /// Opened from a folder: there is no server and no live state.
    #[default]
    NoServer,
    /// First connection is being made.
    Connecting,
    /// Deltas arrive.
    Live,
    /// Was connected; the reason of the loss.
    Lost(String),
}

/// Counts for the top bar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// 楼栋.
    pub buildings: usize,
    /// 户.
    pub households: usize,
    /// 设备.
    pub devices: usize,
    /// Devices whose shown value is fresh.
    pub devices_fresh: usize,
    /// 摄像头.
    pub cameras: usize,
    /// Alarms that are not closed.
    pub open_alarms: usize,
    /// Cases that somebody still works on.
    pub open_cases: usize,
}

/// Progress before the first picture is complete.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loading {
    /// What is being loaded, Chinese.
    pub text: String,
    /// In [0, 1].
    pub fraction: f32,
}

/// A row of the layer panel.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRow {
    /// Which layer.
    pub kind: LayerKind,
    /// Shown now.
    pub visible: bool,
    /// False when the pack has nothing for it.
    pub available: bool,
    /// How many things it has, when that is a sensible number.
    pub count: Option<usize>,
}

/// One observed property of the selection.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueRow {
    /// Property name, Chinese.
    pub name: String,
    /// Value with its unit.
    pub text: String,
    /// Seconds since it was measured, by the server's clock.
    pub age_s: f64,
    /// Older than three expected intervals.
    pub stale: bool,
    /// Quality words.
    pub quality: String,
    /// True when the quality is good.
    pub good: bool,
    /// Computed by a run, not measured.
    pub simulated: bool,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRow {
    /// Its id.
    pub id: AlarmId,
    /// About what.
    pub entity: EntityId,
    /// The building that it stands in, for forecasts of evacuations.
    pub building: Option<EntityId>,
    /// Name of that thing with its address.
    pub place: String,
    /// Text of the rule.
    pub text: String,
    /// Severity.
    pub severity: Severity,
    /// ISA-18.2 state.
    pub state: AlarmState,
    /// When it was raised.
    pub raised_at: TimeMs,
    /// Predicted by a run.
    pub simulated: bool,
}

/// One grid case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRow {
    /// Its id.
    pub id: CaseId,
    /// One line.
    pub title: String,
    /// Matter class.
    pub class: String,
    /// Stage.
    pub stage: CaseStage,
    /// Address or grid.
    pub place: String,
    /// About what, if it was picked.
    pub entity: Option<EntityId>,
    /// When it was reported.
    pub reported_at: TimeMs,
}

/// The picked thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SelectionModel {
    /// Which.
    pub id: EntityId,
    /// Name.
    pub title: String,
    /// Address on the spine.
    pub address: String,
    /// Kind word, Chinese.
    pub kind: String,
    /// Class word; may be empty.
    pub class: String,
    /// Code; may be empty.
    pub code: String,
    /// Attributes: name and value.
    pub attributes: Vec<(String, String)>,
    /// Full property sets, by set name; filled when they have arrived.
    pub property_sets: Vec<(String, Vec<(String, String)>)>,
    /// Live (or simulated) values.
    pub values: Vec<ValueRow>,
    /// Its open alarms.
    pub alarms: Vec<AlarmRow>,
    /// Its cases.
    pub cases: Vec<CaseRow>,
    /// What it stands in, nearest first.
    pub ancestors: Vec<(EntityId, String)>,
    /// What stands in it (at most 60) and how many there are.
    pub children: Vec<(EntityId, String)>,
    /// Number of all children.
    pub child_count: usize,
    /// Cameras that are near: name and distance in metres.
    pub cameras: Vec<(EntityId, String, f64)>,
    /// Greatest depth (m) and first wet second in the shown run.
    pub flooded: Option<(f64, f64)>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// What is computed.
    pub scenario: RunScenario,
    /// When it was asked for.
    pub created_at: TimeMs,
    /// Where it stands.
    pub status: RunStatus,
    /// Simulated length, s.
    pub duration_s: f64,
    /// Address of its folder on the server.
    pub files: Option<String>,
}

/// The flood that the view shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunTime {
    /// Seconds of the frames that can be shown, ascending.
    pub frames_s: Vec<f64>,
    /// Simulated length, s.
    pub duration_s: f64,
    /// Instant that second 0 stands for.
    pub started_from: Option<TimeMs>,
    /// Wet cells in the shown frame.
    pub wet_cells: usize,
    /// Wet area in the shown frame, m².
    pub wet_area_m2: f64,
    /// Greatest depth in the shown frame, m.
    pub max_depth_m: f64,
    /// What the whole run means; there once it is done.
    pub impact: Option<FloodImpact>,
}

/// The evacuation that the view shows.
#[derive(Debug, Clone, PartialEq)]
pub struct EvacTime {
    /// Its building.
    pub plan: Arc<BuildingPlan>,
    /// Seconds of the frames that can be shown, ascending.
    pub frames_s: Vec<f64>,
    /// Simulated length, s.
    pub duration_s: f64,
    /// Instant that second 0 stands for.
    pub started_from: Option<TimeMs>,
    /// People inside who can walk, in the shown frame.
    pub inside: u32,
    /// People who are out, in the shown frame.
    pub left: u32,
    /// Of these, people on their way to a place of safety; `None` for a run that ends at the doors.
    pub outside: Option<u32>,
    /// People stopped by gas or heat, in the shown frame.
    pub stopped: u32,
    /// People who cannot use stairs and wait for help, in the shown frame.
    pub awaiting: u32,
    /// Spaces with a visibility below 10 m, in the shown frame.
    pub smoky: u32,
    /// People on each storey of the plan in the shown frame; may be shorter than the plan's list.
    pub people_by_storey: Vec<u32>,
    /// (s, people who are not out: inside, stopped and awaiting) of the frames that have been fetched, ascending.
    pub history: Vec<(f64, u32)>,
    /// The storey that is shown alone.
    pub storey: Option<StoreyIndex>,
    /// The result; there once the run is done.
    pub summary: Option<Arc<EvacSummary>>,
}

/// A forecast that fire alarms started.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The building.
    pub building: EntityId,
    /// The run.
    pub run: RunId,
    /// Its result, once it has arrived.
    pub summary: Option<Arc<EvacSummary>>,
}

/// Two evacuations with their results: base, other.
pub type EvacPair = (RunId, RunId, Arc<EvacSummary>, Arc<EvacSummary>);

/// The comparison of two floods.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareModel {
    /// Base run.
    pub first: RunId,
    /// Other run; the difference is `second` − `first`.
    pub second: RunId,
    /// Area that became drier by more than 5 cm, m².
    pub drier_m2: f64,
    /// Area that became wetter by more than 5 cm, m².
    pub wetter_m2: f64,
    /// Greatest decrease of the maximum depth, m ≥ 0.
    pub max_drop_m: f64,
    /// Greatest increase of the maximum depth, m ≥ 0.
    pub max_rise_m: f64,
    /// False while the maximum depths are being fetched.
    pub ready: bool,
}

/// A line for the person: refusal or confirmation.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Text.
    pub text: String,
    /// True for errors.
    pub error: bool,
}

/// Everything that the panels show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ViewModel {
    /// Name of the community, Chinese.
    pub community: String,
    /// The shown clock: server time when linked, else the viewer's.
    pub now: Option<TimeMs>,
    /// Connection.
    pub link: LinkState,
    /// Counts.
    pub totals: Totals,
    /// Progress while loading.
    pub loading: Option<Loading>,
    /// Layers in panel order.
    pub layers: Vec<LayerRow>,
    /// Results of [`crate::UiState::query`].
    pub hits: Vec<SearchHit>,
    /// The picked thing.
    pub selection: Option<SelectionModel>,
    /// Open alarms, worst first.
    pub alarms: Vec<AlarmRow>,
    /// Cases, open first, newest first.
    pub cases: Vec<CaseRow>,
    /// Runs, newest first.
    pub runs: Vec<RunRow>,
    /// The instant shown.
    pub time: ViewTime,
    /// Playing a run.
    pub playing: bool,
    /// The shown flood, when [`Self::time`] is in one.
    pub run: Option<RunTime>,
    /// The shown evacuation, when [`Self::time`] is in one.
    pub evac: Option<EvacTime>,
    /// Buildings whose inside is known, for evacuations.
    pub plans: Vec<Arc<BuildingPlan>>,
    /// Forecasts that fire alarms started.
    pub forecasts: Vec<Forecast>,
    /// What clicks mean.
    pub tool: ToolMode,
    /// Points of what is being drawn.
    pub draft_points: usize,
    /// What was placed.
    pub works: Vec<Intervention>,
    /// This viewer can compute runs itself.
    pub runs_here: bool,
    /// Where a case is about to be reported, ENU metres.
    pub case_point: Option<[f64; 3]>,
    /// Two floods compared.
    pub compare: Option<CompareModel>,
    /// Two evacuations compared.
    pub evac_compare: Option<EvacPair>,
    /// Messages, oldest first.
    pub notices: Vec<Notice>,
    /// Started as scenario editor.
    pub edit: bool,
}

impl ViewModel {
    /// True when the view shows simulated values: a run, or the difference of two.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        let difference = |l: &LayerRow| l.kind == LayerKind::DepthDifference && l.visible;
        matches!(self.time, ViewTime::Run { .. }) || (self.compare.is_some() && self.layers.iter().any(difference))
    }

    /// The row of the shown run.
    #[must_use]
    pub fn shown_run(&self) -> Option<&RunRow> {
        let ViewTime::Run { run, .. } = self.time else { return None };
        self.runs.iter().find(|r| r.id == run)
    }

    /// The newest forecast of the alarm's building that began after the alarm.
    #[must_use]
    pub fn forecast(&self, alarm: &AlarmRow) -> Option<(&RunRow, &Forecast)> {
        let building = alarm.building?;
        let of_building = self.forecasts.iter().filter(|f| f.building == building);
        let rows = of_building.filter_map(|f| self.runs.iter().find(|r| r.id == f.run).map(|r| (r, f)));
        rows.filter(|(r, _)| r.created_at >= alarm.raised_at).max_by_key(|(r, _)| (r.created_at, r.id))
    }

    /// True when there is a server to send commands to.
    #[must_use]
    pub fn has_server(&self) -> bool {
        self.link != LinkState::NoServer
    }
}

/// "12 秒前", "3 分钟前", "2 小时前", "5 天前"; "刚刚" below one second (and for clocks slightly apart).
#[must_use]
pub fn age_zh(age_s: f64) -> String {
    match age_s {
        s if !s.is_finite() => "时间未知".to_owned(),
        s if s < 1.0 => "刚刚".to_owned(),
        s if s < 60.0 => format!("{s:.0} 秒前"),
        s if s < 3600.0 => format!("{:.0} 分钟前", (s / 60.0).floor()),
        s if s < 86_400.0 => format!("{:.0} 小时前", (s / 3600.0).floor()),
        s => format!("{:.0} 天前", (s / 86_400.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_in_chinese() {
        let cases = [(0.2, "刚刚"), (12.0, "12 秒前"), (59.9, "60 秒前"), (61.0, "1 分钟前"), (7300.0, "2 小时前")];
        for (age, words) in cases {
            assert_eq!(age_zh(age), words);
        }
        assert_eq!(age_zh(f64::NAN), "时间未知");
        assert_eq!(age_zh(-3.0), "刚刚");
    }
}
