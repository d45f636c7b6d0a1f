//! Builds the panels' view-model from the state.

use crate::model_evac::EvacParams;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::egui;
use std::collections::BTreeMap;
use sync_core::{is_stale, quality_at};
use twin_bevy::{
    CasePoint, Community, CompareResult, Comparison, Devices, Intervals, LayerVisibility, LinkStatus, Live,
    LoadProgress, Notices, Now, Properties, Runs, Selection, Server, ShownRun, Tool, ViewClock, Works,
};
use twin_model::{
    Alarm, Case, CommunityModel, Entity as Thing, EntityId, EntityKind, LayerKind, Quality, StateEntry, ViewTime,
};
use twin_ui::{
    AlarmRow, CaseRow, CompareModel, LabelStyle, LayerRow, LinkState, Loading, Notice, RunRow, RunTime, ScreenLabel,
    SelectionModel, Totals, UiState, ValueRow, ViewModel,
};
use twin_view::{Labels, PropertySets, TileLayers, TileStatus};

/// Everything that the view-model is made of.
#[derive(SystemParam)]
pub(crate) struct ModelParams<'w, 's> {
    community: Option<Res<'w, Community>>,
    properties: Res<'w, Properties>,
    intervals: Res<'w, Intervals>,
    live: Res<'w, Live>,
    devices: Res<'w, Devices>,
    link: Res<'w, LinkStatus>,
    progress: Res<'w, LoadProgress>,
    layers: Res<'w, LayerVisibility>,
    tiles: Res<'w, TileLayers>,
    tile_status: Res<'w, TileStatus>,
    selection: Res<'w, Selection>,
    clock: Res<'w, ViewClock>,
    runs: Res<'w, Runs>,
    shown: Res<'w, ShownRun>,
    compare: Res<'w, CompareResult>,
    comparison: Res<'w, Comparison>,
    works: Res<'w, Works>,
    local: Res<'w, twin_bevy::LocalRuns>,
    server: Res<'w, Server>,
    tool: Res<'w, Tool>,
    case_point: Res<'w, CasePoint>,
    notices: Res<'w, Notices>,
    sets: Res<'w, PropertySets>,
    now: Res<'w, Now>,
    evac: EvacParams<'w>,
    cache: Local<'s, Cache>,
}

/// What is too slow to work out every frame.
#[derive(Default)]
pub(crate) struct Cache {
    query: String,
    hits: Vec<twin_model::SearchHit>,
    counts: BTreeMap<EntityKind, usize>,
}

const HITS: usize = 60;
const CHILDREN: usize = 60;

impl ModelParams<'_, '_> {
    pub(crate) fn build(mut self, ui: &UiState) -> ViewModel {
        let mut vm = ViewModel {
            now: Some(self.now.server()),
            link: link_state(&self.link),
            loading: self.loading(),
            time: self.clock.time,
            playing: self.clock.playing,
            tool: self.tool.0,
            draft_points: self.works.draft.len(),
            works: self.works.placed.clone(),
            runs_here: self.local.available,
            case_point: self.case_point.0,
            compare: self.compare_model(),
            notices: self.notices.0.iter().map(|n| Notice { text: n.text.clone(), error: n.error }).collect(),
            run: self.run_time(),
            evac: self.evac.shown(&self.runs, &self.live, &self.local),
            plans: self.evac.plans(),
            forecasts: self.evac.forecasts(&self.live, &self.runs),
            evac_compare: self.evac.compared(),
            runs: self.run_rows(),
            ..Default::default()
        };
        let Some(community) = self.community.as_ref().map(|c| &c.0) else {
            "读取数据包".clone_into(&mut vm.community);
            return vm;
        };
        let cache = &mut *self.cache;
        if cache.counts.is_empty() {
            for entity in community.entities() {
                *cache.counts.entry(entity.kind).or_default() += 1;
            }
        }
        if cache.query != ui.query {
            cache.query.clone_from(&ui.query);
            cache.hits = community.search(&ui.query, HITS);
        }
        vm.hits.clone_from(&cache.hits);
        let counts = cache.counts.clone();
        vm.community.clone_from(&community.community.name);
        vm.alarms = alarm_rows(community, self.live.0.open_alarms());
        vm.cases = case_rows(community, self.live.0.cases());
        vm.totals = self.totals(&counts);
        vm.layers = self.layer_rows(&counts, &vm);
        vm.selection = self.selection.0.and_then(|id| self.selection_model(community, id));
        vm
    }

    fn totals(&self, counts: &BTreeMap<EntityKind, usize>) -> Totals {
        let of = |kind| counts.get(&kind).copied().unwrap_or(0);
        let cameras = of(EntityKind::Camera);
        Totals {
            buildings: of(EntityKind::Building),
            households: of(EntityKind::Household),
            devices: of(EntityKind::Device) + cameras,
            devices_fresh: self.devices.fresh(),
            cameras,
            open_alarms: self.live.0.open_alarms().count(),
            open_cases: self.live.0.cases().filter(|c| c.stage.is_open()).count(),
        }
    }

    fn layer_rows(&self, counts: &BTreeMap<EntityKind, usize>, vm: &ViewModel) -> Vec<LayerRow> {
        let tiled = self.tiles.kinds();
        let of = |kind| counts.get(&kind).copied().unwrap_or(0);
        let row = |kind| {
            let (available, count) = match kind {
                LayerKind::Terrain | LayerKind::Bim | LayerKind::Mesh => (tiled.contains(&kind), None),
                LayerKind::Buildings => (tiled.contains(&kind), Some(of(EntityKind::Building))),
                LayerKind::Devices => (of(EntityKind::Device) > 0, Some(of(EntityKind::Device))),
                LayerKind::Cameras => (of(EntityKind::Camera) > 0, Some(of(EntityKind::Camera))),
                LayerKind::Alarms => (vm.has_server(), Some(vm.totals.open_alarms)),
                LayerKind::Cases => (vm.has_server(), Some(vm.totals.open_cases)),
                LayerKind::Grids => (of(EntityKind::Grid) > 0, Some(of(EntityKind::Grid))),
                LayerKind::Labels => (true, None),
                LayerKind::Water => (!vm.runs.is_empty(), None),
                LayerKind::Floors | LayerKind::People | LayerKind::Density | LayerKind::Smoke => {
                    (!vm.plans.is_empty(), None)
                }
                LayerKind::DepthDifference => (self.comparison.0.is_some(), None),
            };
            LayerRow { kind, visible: self.layers.shows(kind), available, count }
        };
        LayerKind::ALL.into_iter().map(row).collect()
    }

    fn loading(&self) -> Option<Loading> {
        let (text, fraction) = match &*self.progress {
            LoadProgress::Manifest => ("读取数据包".to_owned(), 0.05),
            LoadProgress::Tables { done, of } => {
                (format!("读取数据表 {done}/{of}"), 0.1 + 0.3 * *done as f32 / (*of).max(1) as f32)
            }
            LoadProgress::Failed(line) => (line.clone(), 0.0),
            LoadProgress::Ready if self.tile_status.pending > 0 => {
                let (loaded, pending) = (self.tile_status.loaded as f32, self.tile_status.pending as f32);
                (format!("载入三维瓦片 · 余 {}", self.tile_status.pending), loaded / (loaded + pending))
            }
            LoadProgress::Ready => return None,
        };
        Some(Loading { text, fraction })
    }

    fn run_time(&self) -> Option<RunTime> {
        let ViewTime::Run { run, .. } = self.clock.time else { return None };
        let live = self.local.find(&self.live, run).filter(|r| r.scenario.flood().is_some())?;
        let data = self.runs.data.get(&run);
        let cell_m2 = data.and_then(|d| d.grid.as_ref()).map_or(0.0, |g| g.dx_m * g.dx_m);
        let begun = live.created_at.plus_secs(-live.scenario.past_s());
        Some(RunTime {
            frames_s: data.map(twin_bevy::RunData::frame_times_s).unwrap_or_default(),
            duration_s: live.scenario.total_s(),
            started_from: Some(data.and_then(|d| d.summary.as_ref()).map_or(begun, |s| s.started_from)),
            wet_cells: self.shown.wet_cells,
            wet_area_m2: self.shown.wet_cells as f64 * cell_m2,
            max_depth_m: f64::from(self.shown.max_depth_m),
            impact: data.and_then(|d| d.summary.as_ref()).map(|s| s.impact.clone()),
        })
    }

    fn run_rows(&self) -> Vec<RunRow> {
        let row = |run: &twin_model::Run| RunRow {
            id: run.id,
            created_at: run.created_at,
            status: run.status.clone(),
            duration_s: run.scenario.total_s(),
            scenario: run.scenario.clone(),
            files: self.server.0.as_ref().filter(|_| !run.id.is_local()).map(|a| format!("{a}/runs/{}", run.id)),
        };
        self.local.iter().rev().chain(self.live.0.runs().rev()).map(row).collect()
    }

    fn compare_model(&self) -> Option<CompareModel> {
        let (first, second) = self.comparison.0?;
        let c = &self.compare;
        // Two evacuations are compared by their results.
        let flood = |id| self.local.find(&self.live, id).is_none_or(|r| r.scenario.flood().is_some());
        if !flood(first) {
            return None;
        }
        Some(CompareModel {
            first,
            second,
            drier_m2: c.drier_m2,
            wetter_m2: c.wetter_m2,
            max_drop_m: c.max_drop_m,
            max_rise_m: c.max_rise_m,
            ready: c.ready.is_some(),
        })
    }

    fn selection_model(&self, model: &CommunityModel, id: EntityId) -> Option<SelectionModel> {
        let thing = model.get(id)?;
        let children = model.children(id);
        let named = |id: &EntityId| model.get(*id).map(|e| (*id, e.name.clone()));
        let mut alarms = alarm_rows(
            model,
            self.live.0.open_alarms().filter(|a| a.entity == id || model.ancestors(a.entity).any(|p| p.id == id)),
        );
        alarms.truncate(12);
        Some(SelectionModel {
            id,
            title: thing.name.clone(),
            address: model.address(id),
            kind: thing.kind.zh().to_owned(),
            class: self.class_word(thing),
            code: thing.code.clone(),
            attributes: attributes(thing),
            property_sets: self.sets.of(id),
            values: self.values(thing),
            alarms,
            cases: case_rows(model, self.live.0.cases().filter(|c| c.entity == Some(id))),
            ancestors: model.ancestors(id).map(|e| (e.id, e.name.clone())).collect(),
            children: children.iter().take(CHILDREN).filter_map(named).collect(),
            child_count: children.len(),
            cameras: nearby_cameras(model, thing),
            flooded: self.flooded(id),
        })
    }

    fn class_word(&self, thing: &Thing) -> String {
        self.properties.0.classes.get(&thing.class).map_or_else(|| thing.class.clone(), |c| c.name.clone())
    }

    fn flooded(&self, id: EntityId) -> Option<(f64, f64)> {
        let ViewTime::Run { run, .. } = self.clock.time else { return None };
        let summary = self.runs.data.get(&run)?.summary.as_ref()?;
        let i = summary.affected.binary_search_by_key(&id, |a| a.0).ok()?;
        summary.affected.get(i).map(|a| (a.1, a.2))
    }

    fn values(&self, thing: &Thing) -> Vec<ValueRow> {
        let now = self.now.server();
        let of_class = self.properties.0.classes.get(&thing.class).map_or(0.0, |c| c.expected_interval_s);
        let row = |entry: &StateEntry| {
            let def = self.properties.0.def(entry.property);
            let interval = self.intervals.0.get(&(thing.id, entry.property)).copied().unwrap_or(of_class);
            let quality = quality_at(entry, now, interval);
            ValueRow {
                name: def.map_or_else(|| format!("属性 {}", entry.property), |d| d.name.clone()),
                text: def.map_or_else(|| entry.value.to_string(), |d| d.format(entry.value)),
                age_s: now.secs_since(entry.observed_at),
                stale: is_stale(entry, now, interval),
                quality: quality.zh(),
                good: quality == Quality::GOOD,
                simulated: quality.contains(Quality::SIMULATED),
            }
        };
        self.live.0.of_entity(thing.id).map(row).collect()
    }
}

fn link_state(status: &LinkStatus) -> LinkState {
    match status {
        LinkStatus::NoServer => LinkState::NoServer,
        LinkStatus::Connecting => LinkState::Connecting,
        LinkStatus::Live => LinkState::Live,
        LinkStatus::Lost(reason) => LinkState::Lost(reason.clone()),
    }
}

fn alarm_rows<'a>(model: &CommunityModel, alarms: impl Iterator<Item = &'a Alarm>) -> Vec<AlarmRow> {
    let row = |alarm: &Alarm| AlarmRow {
        id: alarm.id,
        entity: alarm.entity,
        building: model.nearest(alarm.entity, EntityKind::Building).map(|e| e.id),
        place: model.address(alarm.entity),
        text: alarm.text.clone(),
        severity: alarm.severity,
        state: alarm.state,
        raised_at: alarm.raised_at,
        simulated: alarm.run.is_some(),
    };
    let mut rows: Vec<AlarmRow> = alarms.map(row).collect();
    rows.sort_by(|a, b| a.severity.cmp(&b.severity).then(b.raised_at.cmp(&a.raised_at)).then(a.id.cmp(&b.id)));
    rows
}

fn case_rows<'a>(model: &CommunityModel, cases: impl Iterator<Item = &'a Case>) -> Vec<CaseRow> {
    let row = |case: &Case| CaseRow {
        id: case.id,
        title: case.title.clone(),
        class: case.class.clone(),
        stage: case.stage,
        place: case.entity.or(case.grid).map_or_else(String::new, |id| model.address(id)),
        entity: case.entity,
        reported_at: case.events.first().map_or_else(Default::default, |e| e.at),
    };
    let mut rows: Vec<CaseRow> = cases.map(row).collect();
    rows.sort_by(|a, b| b.stage.is_open().cmp(&a.stage.is_open()).then(b.id.cmp(&a.id)));
    rows
}

/// Words for attribute keys that importers use.
fn attribute_word(key: &str) -> String {
    let word = match key {
        "storeys" | "floors" => "层数",
        "use" | "usage" => "用途",
        "year" | "built" => "建成年份",
        "households" => "户数",
        "area_m2" => "面积 m²",
        "height_m" => "高度 m",
        "diameter_m" => "管径 m",
        "invert_m" => "管底高程 m",
        "elevation_m" => "标高 m",
        "material" => "材质",
        "width_m" => "宽度 m",
        "grid_chief" => "网格长",
        "model" => "型号",
        "vendor" => "厂家",
        "install_height_m" => "安装高度 m",
        "ifc_type" | "ifc_class" => "IFC 类型",
        "global_id" => "GlobalId",
        "long_name" => "名称",
        "length_m" => "长度 m",
        "stream" => "视频流",
        other => other,
    };
    word.to_owned()
}

fn attributes(thing: &Thing) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = thing
        .attributes
        .iter()
        .filter(|(key, _)| key.as_str() != "psets")
        .map(|(key, value)| (attribute_word(key), value.to_string()))
        .collect();
    if thing.height_m > 0.0 && !thing.attributes.contains_key("height_m") {
        rows.push(("高度".to_owned(), format!("{:.1} m", thing.height_m)));
    }
    if let Some(footprint) = &thing.footprint {
        rows.push(("占地".to_owned(), format!("{:.0} m²", footprint.area_m2())));
    }
    if let Some(view) = thing.camera {
        rows.push(("朝向".to_owned(), format!("{:.0}°", view.heading_deg)));
        rows.push(("视角 / 距离".to_owned(), format!("{:.0}° / {:.0} m", view.hfov_deg, view.range_m)));
    }
    let [x, y, z] = thing.p_enu;
    rows.push(("位置".to_owned(), format!("东 {x:.1}  北 {y:.1}  高 {z:.1} m")));
    rows
}

fn nearby_cameras(model: &CommunityModel, thing: &Thing) -> Vec<(EntityId, String, f64)> {
    const NEAR_M: f64 = 60.0;
    if thing.kind == EntityKind::Camera || (thing.kind.is_spine() && thing.kind < EntityKind::Building) {
        return Vec::new();
    }
    let distance = |e: &Thing| (e.p_enu[0] - thing.p_enu[0]).hypot(e.p_enu[1] - thing.p_enu[1]);
    let mut near: Vec<(EntityId, String, f64)> = model
        .of_kind(EntityKind::Camera)
        .map(|e| (e.id, e.name.clone(), distance(e)))
        .filter(|c| c.2 <= NEAR_M)
        .collect();
    near.sort_by(|a, b| a.2.total_cmp(&b.2));
    near.truncate(3);
    near
}

/// Paints what lies between picture and panels: names, crosshair of a tool.
#[derive(SystemParam)]
pub(crate) struct Panels<'w> {
    labels: Res<'w, Labels>,
}

impl Panels<'_> {
    pub(crate) fn paint(&self, ctx: &egui::Context, view: usize, set: twin_ui::PanelSet) {
        let painter = ctx.layer_painter(egui::LayerId::background());
        let mut labels: Vec<ScreenLabel> = self
            .labels
            .of_view(view)
            .map(|label| ScreenLabel {
                at: egui::pos2(label.at.x, label.at.y),
                text: label.text.clone(),
                style: style(label.rank),
                distance_m: label.distance_m,
            })
            .collect();
        let panels = twin_ui::panel_rects(ctx, set);
        twin_ui::paint_labels(&painter, ctx.content_rect(), &panels, &mut labels);
    }
}

fn style(rank: twin_view::LabelRank) -> LabelStyle {
    use twin_view::LabelRank;
    match rank {
        LabelRank::Selected => LabelStyle::Selected,
        LabelRank::Alarm => LabelStyle::Alarm,
        LabelRank::Place => LabelStyle::Place,
        LabelRank::Grid => LabelStyle::Grid,
        LabelRank::Case => LabelStyle::Case,
        LabelRank::Building => LabelStyle::Building,
        LabelRank::Road => LabelStyle::Road,
        LabelRank::Small => LabelStyle::Small,
    }
}
