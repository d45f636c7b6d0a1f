//! The evacuation panels as a person meets them: laid out with a real font, read and clicked.

use crate::model::*;
use crate::sample::{self, context};
use crate::{PanelSet, RightTab, RunKind, UiState, layout};
use egui::{Context, Event, Pos2, Rect, Shape, Vec2, vec2};
use std::sync::Arc;
use twin_model::*;

/// So high that nothing of the right panel needs scrolling.
const SIZE: Vec2 = vec2(1280.0, 5000.0);
/// Text of the right panel stays between these: its frame has a margin of 12 points.
const INSIDE: [f32; 2] = [1280.0 - 10.0 - 340.0 + 12.0, 1280.0 - 10.0 - 12.0];

fn row(id: u64, scenario: RunScenario, status: RunStatus) -> RunRow {
    let duration_s = scenario.total_s();
    let files = Some("http://localhost/runs".to_owned());
    RunRow { id: RunId(id), scenario, created_at: TimeMs(1000 * id as i64), status, duration_s, files }
}

/// Two finished evacuations, one that is computed, two floods; the first evacuation is on the screen.
fn model(summary: Option<EvacSummary>) -> ViewModel {
    let alarm = AlarmRow {
        id: AlarmId(4),
        entity: EntityId(9),
        building: Some(EntityId(5)),
        place: "江畔花园 1号楼 5F 公共走廊 感烟探测器 05".into(),
        text: "烟感报警".into(),
        severity: Severity::Critical,
        state: AlarmState::Unacknowledged,
        raised_at: TimeMs(3_000),
        simulated: false,
    };
    let evacuation = |name: &str| EvacScenario { name: name.into(), ..sample::scenario() };
    let flood = crate::ScenarioForm::default().scenario(&[]).expect("the form's own scenario");
    let done = RunStatus::Done { frames: 1801 };
    let other = EvacSummary { rset_s: EvacBand { p50: Some(500.0), p95: Some(590.0) }, ..sample::summary() };
    ViewModel {
        community: "柳湾社区".into(),
        now: Some(TimeMs(1_700_000_000_000)),
        link: LinkState::Live,
        layers: LayerKind::ALL
            .iter()
            .map(|k| LayerRow { kind: *k, visible: true, available: true, count: Some(3) })
            .collect(),
        selection: Some(SelectionModel {
            title: "感烟探测器 05".into(),
            alarms: vec![alarm.clone()],
            ..Default::default()
        }),
        alarms: vec![alarm],
        runs: vec![
            row(7, evacuation("语音广播, 封闭一单元楼梯, 五层走道机械排烟").into(), done.clone()),
            row(6, evacuation("烟感预测 江畔花园1号楼").into(), done.clone()),
            row(5, evacuation("演练").into(), RunStatus::Running { reached_s: 60.0, frames: 31 }),
            row(3, flood.clone().into(), done.clone()),
            row(2, flood.into(), done),
        ],
        time: ViewTime::Run { run: RunId(6), t_s: 300.0 },
        evac: Some(sample::shown(summary)),
        plans: vec![Arc::new(sample::plan())],
        forecasts: [(5, 2), (5, 6), (8, 7)]
            .map(|(building, run)| Forecast {
                building: EntityId(building),
                run: RunId(run),
                summary: Some(Arc::new(sample::summary())),
            })
            .to_vec(),
        evac_compare: Some((RunId(6), RunId(7), Arc::new(sample::summary()), Arc::new(other))),
        ..Default::default()
    }
}

/// One frame: texts with their places, and what was asked for.
fn frame(
    ctx: &Context,
    events: Vec<Event>,
    vm: &ViewModel,
    state: &mut UiState,
) -> (Vec<(String, Rect)>, Vec<Command>) {
    let mut commands = Vec::new();
    let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, SIZE));
    ctx.begin_pass(egui::RawInput { screen_rect, events, ..Default::default() });
    layout(ctx, PanelSet::Full, None, vm, state, &mut commands);
    let mut texts = Vec::new();
    for clipped in ctx.end_pass().shapes {
        let first = texts.len();
        collect(&clipped.shape, &mut texts);
        // A text field cuts its own text; what a panel cuts is an error.
        if clipped.clip_rect.width() < 200.0 {
            texts[first..].iter_mut().for_each(|t| t.1 = t.1.intersect(clipped.clip_rect));
        }
    }
    (texts, commands)
}

fn collect(shape: &Shape, texts: &mut Vec<(String, Rect)>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|s| collect(s, texts)),
        Shape::Text(text) if !text.galley.text().trim().is_empty() => {
            // Row by row: the first row of a wrapped label begins beside what stands before it.
            let rows = text.galley.rows.iter().map(|r| r.rect_without_leading_space());
            let word = text.galley.text();
            texts.extend(rows.map(|r| (word.to_owned(), r.translate(text.pos.to_vec2()))));
        }
        _ => {}
    }
}

/// Texts of the right panel after it has settled.
fn right_texts(ctx: &Context, vm: &ViewModel, state: &mut UiState) -> Vec<(String, Rect)> {
    for _ in 0..3 {
        frame(ctx, vec![], vm, state);
    }
    let (texts, _) = frame(ctx, vec![], vm, state);
    let right = |r: &Rect| r.center().x > INSIDE[0] && r.top() > 56.0;
    texts.into_iter().filter(|(_, r)| right(r)).collect()
}

/// Clicks the text of the right panel that begins with `word`.
fn click(ctx: &Context, word: &str, vm: &ViewModel, state: &mut UiState) -> Vec<Command> {
    let texts = right_texts(ctx, vm, state);
    let found = texts.iter().find(|(text, _)| text.starts_with(word));
    let pos = found.unwrap_or_else(|| panic!("{word} is not shown: {texts:?}")).1.center();
    let button = |pressed| Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Default::default(),
    };
    let mut commands = Vec::new();
    for event in [Event::PointerMoved(pos), button(true), button(false)] {
        commands.extend(frame(ctx, vec![event], vm, state).1);
    }
    commands
}

#[test]
fn nothing_leaves_the_right_panel_or_lies_on_other_text() {
    let Some(ctx) = context() else { return };
    for summary in [None, Some(sample::summary())] {
        let vm = model(summary);
        for tab in [RightTab::Selection, RightTab::Alarms, RightTab::Cases, RightTab::Edit] {
            for kind in [RunKind::Flood, RunKind::Evacuation] {
                let mut state = UiState { tab, ..Default::default() };
                state.follow(&vm);
                state.kind = kind;
                state.evac = crate::EvacForm::from_scenario(&sample::scenario());
                state.evac.fire.space = sample::plan().space_label(SpaceIndex(5));
                state.evac.draft.name = "一个长得放不下的名称".repeat(4);
                state.evac_error = Some(
                    "scenario \"疏散推演\": interventions[0].stair = \"9号楼梯\": must be a stair of the plan".into(),
                );
                let texts = right_texts(&ctx, &vm, &mut state);
                assert!(texts.len() > 4, "{tab:?} shows {texts:?}");
                for (k, (text, rect)) in texts.iter().enumerate() {
                    let inside = rect.left() >= INSIDE[0] - 1.0 && rect.right() <= INSIDE[1] + 1.0;
                    assert!(inside, "{text:?} {rect:?} leaves the panel in {tab:?}, {kind:?}");
                    for (other, place) in &texts[k + 1..] {
                        let apart = !rect.shrink2(vec2(0.5, 3.0)).intersects(place.shrink2(vec2(0.5, 3.0)));
                        assert!(apart, "{text:?} {rect:?} lies on {other:?} {place:?} in {tab:?}, {kind:?}");
                    }
                }
                let panel = ctx.memory(|m| m.area_rect(egui::Id::new(("sandtable", "right")))).unwrap();
                assert!(panel.width() <= 341.0, "{panel:?} in {tab:?}, {kind:?}");
            }
        }
    }
}

#[test]
fn the_result_says_what_matters() {
    let Some(ctx) = context() else { return };
    let mut state = UiState { tab: RightTab::Edit, ..Default::default() };
    let said = |texts: Vec<(String, Rect)>| texts.into_iter().map(|t| t.0).collect::<Vec<_>>().join("\n");
    let done = said(right_texts(&ctx, &model(Some(sample::summary())), &mut state));
    assert_eq!(state.kind, RunKind::Evacuation, "the tab follows the shown run");
    for part in [
        "模拟",
        "中位 11:01",
        "95 % 未全部撤离",
        "需救助 3",
        "仅供参考",
        "平面存疑 60 项",
        "轨迹",
        "最后安全",
        "室外集合",
        "在途 3",
        "没有通往集合点的路",
    ] {
        assert!(done.contains(part), "{part} in {done}");
    }
    assert!(!done.contains("接续") && !done.contains("GeoTIFF"), "that is for floods");
    let arriving = said(right_texts(&ctx, &model(None), &mut state));
    assert!(arriving.contains("正在读取结果"), "{arriving}");
    let vm = ViewModel { time: ViewTime::Run { run: RunId(5), t_s: 9.0 }, ..model(None) };
    let running = said(right_texts(&ctx, &vm, &mut state));
    assert!(running.contains("演算完成后") && !running.contains("95 % 未"), "{running}");
    state.kind = RunKind::Flood;
    let floods = said(right_texts(&ctx, &vm, &mut state));
    assert!(floods.contains("接续") && floods.contains("显示最大水深之差") && !floods.contains("照此修改"));
}

#[test]
fn buttons_ask_for_what_they_say() {
    let Some(ctx) = context() else { return };
    let vm = model(Some(sample::summary()));
    let mut state = UiState { tab: RightTab::Edit, ..Default::default() };
    let view = |c| Command::View(c);
    let asked = click(&ctx, "2F (24)", &vm, &mut state);
    assert_eq!(asked, [view(ViewCommand::ShowStorey(Some(StoreyIndex(1))))]);
    assert_eq!(click(&ctx, "全部", &vm, &mut state), [view(ViewCommand::ShowStorey(None))]);
    // A what-if: filled from the shown run, with its seed.
    assert!(click(&ctx, "照此修改", &vm, &mut state).is_empty());
    assert_eq!(state.evac.draft.interventions, sample::scenario().interventions);
    let asked = click(&ctx, "开始疏散演算", &vm, &mut state);
    let [Command::Twin(TwinCommand::StartRun(RunScenario::Evacuation(scenario)))] = asked.as_slice() else {
        panic!("{asked:?} {:?}", state.evac_error);
    };
    assert_eq!((scenario.seed, &scenario.fire), (sample::scenario().seed, &sample::scenario().fire));
    // Two of a kind.
    (state.compare_first, state.compare_second) = (Some(RunId(6)), Some(RunId(3)));
    assert!(click(&ctx, "对比疏散结果", &vm, &mut state).is_empty(), "a flood and an evacuation");
    state.compare_second = Some(RunId(7));
    let asked = click(&ctx, "对比疏散结果", &vm, &mut state);
    assert_eq!(asked, [view(ViewCommand::CompareRuns(RunId(6), RunId(7)))]);
}

#[test]
fn an_alarm_offers_its_forecast() {
    let Some(ctx) = context() else { return };
    let mut vm = model(None);
    let mut state = UiState { tab: RightTab::Alarms, ..Default::default() };
    let asked = click(&ctx, "疏散预测", &vm, &mut state);
    let shown = ViewCommand::SetTime(ViewTime::Run { run: RunId(6), t_s: 0.0 });
    assert_eq!(asked, [Command::View(shown), Command::View(ViewCommand::SetPlaying(true))]);
    assert_eq!(state.tab, RightTab::Edit);
    vm.alarms[0].raised_at = TimeMs(6_001);
    assert!(vm.forecast(&vm.alarms[0]).is_none(), "the run is older than the alarm");
    vm.alarms[0].raised_at = TimeMs(0);
    vm.alarms[0].building = None;
    assert!(vm.forecast(&vm.alarms[0]).is_none());
}

#[test]
fn the_timeline_counts_people() {
    let Some(ctx) = context() else { return };
    let vm = model(None);
    let mut state = UiState::default();
    frame(&ctx, vec![], &vm, &mut state);
    let (texts, _) = frame(&ctx, vec![], &vm, &mut state);
    let words = "室内 212 · 已撤离 182 · 需救助 3";
    let place = texts.iter().find(|t| t.0 == words).map(|t| t.1);
    assert!(place.is_some_and(|r| r.right() < 910.0 && r.width() > 150.0), "{place:?}");
    assert!(!texts.iter().any(|t| t.0.contains("水面") || t.0.contains("积水深度")), "no water in a building");
}

#[test]
fn a_door_is_shut_instead_of_opened() {
    let Some(ctx) = context() else { return };
    let vm = model(Some(sample::summary()));
    let mut state = UiState { tab: RightTab::Edit, ..Default::default() };
    click(&ctx, "照此修改", &vm, &mut state);
    let door = |state: &UiState| state.evac.draft.interventions.last().cloned();
    let Some(EvacIntervention::OpenDoor { door: name, at_s }) = door(&state) else { panic!("{:?}", door(&state)) };
    click(&ctx, "关", &vm, &mut state);
    assert_eq!(door(&state), Some(EvacIntervention::CloseDoor { door: name, at_s }));
    click(&ctx, "开关门", &vm, &mut state);
    let added = EvacIntervention::CloseDoor { door: "门".into(), at_s: 60.0 };
    assert_eq!((door(&state), state.evac.draft.interventions.len()), (Some(added), 5));
}

#[test]
fn without_plans_evacuations_are_explained() {
    let Some(ctx) = context() else { return };
    let mut vm = ViewModel { link: LinkState::Live, ..Default::default() };
    let mut state = UiState { tab: RightTab::Edit, ..Default::default() };
    assert!(click(&ctx, "疏散", &vm, &mut state).is_empty());
    assert_eq!(state.kind, RunKind::Flood);
    let texts = right_texts(&ctx, &vm, &mut state);
    assert!(texts.iter().any(|t| t.0.contains("无建筑内部平面")), "{texts:?}");
    vm.plans = vec![Arc::new(sample::plan())];
    click(&ctx, "疏散", &vm, &mut state);
    assert_eq!(state.kind, RunKind::Evacuation);
}
