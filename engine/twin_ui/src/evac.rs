//! Right panel, 推演 · 疏散: the evacuation editor. The shown result stands above it, the runs below.

use crate::evac_form::{EvacForm, growth_zh, measure_zh, room_of};
use crate::model::ViewModel;
use crate::state::UiState;
use crate::theme::Palette;
use crate::widgets::{card_frame, heading, percent, primary_button, small_button, tag, weak};
use crate::{evac_doors, evac_outdoor, evac_result, names, runs};
use egui::{Align, ComboBox, DragValue, Layout, RichText, Ui};
use twin_model::{BuildingPlan, Command, EvacIntervention, FireGrowth, StoreyIndex, TwinCommand};

pub(crate) fn panel(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    // A result is wanted at once, and so is a comparison.
    evac_result::panel(ui, vm, state, commands);
    if vm.evac_compare.is_some() {
        runs::compare(ui, vm, state, commands);
    }
    match state.evac.plan(&vm.plans) {
        Some(plan) => editor(ui, vm, plan, state, commands),
        None => {
            ui.label(weak("数据包没有建筑内部平面 (由 BIM 模型生成), 不能设置疏散情景。"));
        }
    }
    runs::list(ui, vm, state, commands);
    if vm.evac_compare.is_none() {
        runs::compare(ui, vm, state, commands);
    }
}

fn editor(ui: &mut Ui, vm: &ViewModel, plan: &BuildingPlan, state: &mut UiState, commands: &mut Vec<Command>) {
    let form = &mut state.evac;
    form.settle(plan);
    heading(ui, "疏散情景");
    egui::Grid::new("evacuation").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
        ui.label(weak("名称"));
        ui.add(egui::TextEdit::singleline(&mut form.draft.name).desired_width(FIELD));
        ui.end_row();
        building(ui, vm, plan, form);
        fire(ui, plan, form);
        people(ui, form);
        evac_doors::rows(ui, vm, form);
        evac_outdoor::row(ui, form);
        extent(ui, form);
    });
    measures(ui, plan, form);
    start(ui, vm, plan, state, commands);
    ui.add_space(4.0);
}

/// Width of the fields beside their names, points.
pub(crate) const FIELD: f32 = 190.0;

fn building(ui: &mut Ui, vm: &ViewModel, plan: &BuildingPlan, form: &mut EvacForm) {
    ui.label(weak("建筑"));
    let combo = ComboBox::from_id_salt("building").width(FIELD).truncate().selected_text(plan.name.as_str());
    combo.show_ui(ui, |ui| {
        for other in &vm.plans {
            if ui.selectable_label(other.name == plan.name, other.name.as_str()).clicked() {
                form.draft.building = Some(other.name.clone());
            }
        }
    });
    ui.end_row();
}

fn fire(ui: &mut Ui, plan: &BuildingPlan, form: &mut EvacForm) {
    ui.label(weak("火源"));
    if form.is_inferred() {
        let alarms = form.draft.live.as_ref().map_or(0, |l| l.signals.len());
        ui.horizontal(|ui| {
            ui.label(if alarms > 0 { format!("由 {alarms} 处报警推断") } else { "由报警推断".to_owned() });
            if small_button(ui, "改为指定") {
                form.forget_inferred();
            }
        });
        ui.end_row();
        return;
    }
    ui.horizontal(|ui| {
        ui.selectable_value(&mut form.with_fire, true, "有火灾");
        ui.selectable_value(&mut form.with_fire, false, "疏散演练").on_hover_text("没有火, 一开始就报警。");
    });
    ui.end_row();
    if !form.with_fire {
        return;
    }
    let fire = &mut form.fire;
    ui.label(weak("起火楼层"));
    storey_choice(ui, plan, &mut fire.space);
    ui.end_row();
    ui.label(weak("起火位置"));
    room_choice(ui, plan, &mut fire.space);
    ui.end_row();
    ui.label(weak("火灾增长"));
    ComboBox::from_id_salt("growth").width(FIELD).selected_text(growth_zh(&fire.growth)).show_ui(ui, |ui| {
        for growth in [FireGrowth::Slow, FireGrowth::Medium, FireGrowth::Fast, FireGrowth::Ultrafast] {
            let text = growth_zh(&growth);
            ui.selectable_value(&mut fire.growth, growth, text);
        }
    });
    ui.end_row();
    ui.label(weak("热释放峰值"));
    ui.add(DragValue::new(&mut fire.peak_kw).range(1.0..=100_000.0).speed(50.0).max_decimals(0).suffix(" kW"));
    ui.end_row();
}

/// A storey of the plan; another one takes its first room.
fn storey_choice(ui: &mut Ui, plan: &BuildingPlan, space: &mut String) {
    let storey = names::find_space(plan, space).map(|s| s.storey);
    let word = |k: StoreyIndex| plan.storeys.get(k.index()).map_or("", |s| s.name.as_str());
    let combo = ComboBox::from_id_salt("storey").width(FIELD).truncate().selected_text(storey.map_or("", word));
    combo.show_ui(ui, |ui| {
        for k in (0..plan.storeys.len() as u32).map(StoreyIndex) {
            if ui.selectable_label(storey == Some(k), word(k)).clicked()
                && let Some(room) = room_of(plan, k)
            {
                *space = room;
            }
        }
    });
}

/// A space of the storey that is chosen.
fn room_choice(ui: &mut Ui, plan: &BuildingPlan, space: &mut String) {
    let Some(chosen) = names::find_space(plan, space) else {
        ui.label(weak("没有可选的空间"));
        return;
    };
    let (storey, word) = (chosen.storey, names::plain(&chosen.name));
    ComboBox::from_id_salt("room").width(FIELD).truncate().selected_text(word).show_ui(ui, |ui| {
        for (label, room) in names::rooms(plan, storey) {
            if ui.selectable_label(std::ptr::eq(room, chosen), names::plain(&room.name)).clicked() {
                *space = label;
            }
        }
    });
}

fn people(ui: &mut Ui, form: &mut EvacForm) {
    let people = &mut form.draft.people;
    ui.label(weak("在楼率"));
    ui.horizontal(|ui| {
        percent(ui, &mut people.occupancy, 10.0);
        ui.label(weak("相对设计人数密度")).on_hover_text("按各空间用途的人数密度折算; 已点人数的空间不受影响。");
    });
    ui.end_row();
    ui.label(weak("行动不便"));
    let most = 1.0 - people.assisted_share;
    ui.horizontal(|ui| {
        percent(ui, &mut people.slow_share, most);
        ui.label(weak("走得慢"));
    });
    ui.end_row();
    ui.label(weak("需协助"));
    let most = 1.0 - people.slow_share;
    ui.horizontal(|ui| {
        percent(ui, &mut people.assisted_share, most);
        ui.label(weak("不能自行下楼梯"));
    });
    ui.end_row();
}

const MEMBERS: &str = "起火快慢、人员位置与快慢各不相同的多种可能; 成员越多区间越可信, 耗时按成员数增加。";

fn extent(ui: &mut Ui, form: &mut EvacForm) {
    let draft = &mut form.draft;
    ui.label(weak("时长"));
    let mut minutes = draft.duration_s / 60.0;
    let drag = DragValue::new(&mut minutes).range(10.0 / 60.0..=600.0).speed(0.5).max_decimals(1).suffix(" 分钟");
    if ui.add(drag).changed() {
        draft.duration_s = minutes * 60.0;
    }
    ui.end_row();
    ui.label(weak("集合成员")).on_hover_text(MEMBERS);
    ui.horizontal(|ui| {
        ui.add(DragValue::new(&mut draft.members).range(1..=1000).speed(0.2).suffix(" 个"));
        ui.label(weak(if draft.members == 1 { "不估计不确定性" } else { "给出中位与 95 %" }));
    });
    ui.end_row();
}

fn measures(ui: &mut Ui, plan: &BuildingPlan, form: &mut EvacForm) {
    heading(ui, "处置");
    let end_s = form.draft.duration_s;
    let list = &mut form.draft.interventions;
    let mut removed = None;
    for (k, measure) in list.iter_mut().enumerate() {
        ui.push_id(k, |ui| {
            card_frame().show(ui, |ui| {
                ui.set_width(ui.available_width());
                if measure_card(ui, plan, measure, end_s) {
                    removed = Some(k);
                }
            });
        });
    }
    if let Some(k) = removed {
        list.remove(k);
    }
    ui.horizontal(|ui| {
        ui.label(weak("添加"));
        let at_s = 60.0_f64.min(end_s);
        if let Some(stair) = names::stairs(plan).first()
            && small_button(ui, "封楼梯")
        {
            list.push(EvacIntervention::BlockStair { stair: (*stair).to_owned(), at_s });
        }
        if let Some(door) = evac_doors::first_door(plan)
            && small_button(ui, "开关门")
        {
            list.push(EvacIntervention::CloseDoor { door, at_s });
        }
        if small_button(ui, "语音广播") {
            list.push(EvacIntervention::VoiceMessage { remaining: 0.3, at_s });
        }
        if let Some(space) = crate::evac_form::first_room(plan)
            && small_button(ui, "机械排烟")
        {
            list.push(EvacIntervention::Fan { space, flow_m3ps: 5.0, at_s });
        }
    });
}

/// One measure; true when it is to go.
fn measure_card(ui: &mut Ui, plan: &BuildingPlan, measure: &mut EvacIntervention, end_s: f64) -> bool {
    let mut remove = false;
    ui.horizontal(|ui| {
        tag(ui, measure_zh(measure), Palette::ACCENT);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            remove = small_button(ui, "删除");
            time(ui, measure, end_s);
            ui.label(weak("开始后"));
        });
    });
    match measure {
        EvacIntervention::BlockStair { stair, .. } | EvacIntervention::UnblockStair { stair, .. } => {
            stair_choice(ui, plan, stair);
        }
        EvacIntervention::VoiceMessage { remaining, .. } => {
            ui.horizontal(|ui| {
                percent(ui, remaining, 1.0);
                ui.label(weak("未动身者剩余反应时间的保留比例"));
            });
        }
        EvacIntervention::Fan { space, flow_m3ps, .. } => {
            storey_choice(ui, plan, space);
            room_choice(ui, plan, space);
            ui.horizontal(|ui| {
                ui.label(weak("排烟量"));
                ui.add(DragValue::new(flow_m3ps).range(0.001..=200.0).speed(0.1).max_decimals(3).suffix(" m³/s"));
            });
        }
        EvacIntervention::CloseDoor { .. } | EvacIntervention::OpenDoor { .. } | EvacIntervention::BlockDoor { .. } => {
            evac_doors::measure(ui, plan, measure)
        }
    }
    remove
}

fn time(ui: &mut Ui, measure: &mut EvacIntervention, end_s: f64) {
    let (EvacIntervention::CloseDoor { at_s, .. }
    | EvacIntervention::OpenDoor { at_s, .. }
    | EvacIntervention::BlockDoor { at_s, .. }
    | EvacIntervention::BlockStair { at_s, .. }
    | EvacIntervention::UnblockStair { at_s, .. }
    | EvacIntervention::VoiceMessage { at_s, .. }
    | EvacIntervention::Fan { at_s, .. }) = measure;
    ui.add(DragValue::new(at_s).range(0.0..=end_s).speed(1.0).max_decimals(0).suffix(" s"));
}

fn stair_choice(ui: &mut Ui, plan: &BuildingPlan, stair: &mut String) {
    let shown = names::element(stair);
    ComboBox::from_id_salt("stair").width(FIELD).truncate().selected_text(shown).show_ui(ui, |ui| {
        for name in names::stairs(plan) {
            if ui.selectable_label(name == stair, names::element(name)).clicked() {
                name.clone_into(stair);
            }
        }
    });
}

fn start(ui: &mut Ui, vm: &ViewModel, plan: &BuildingPlan, state: &mut UiState, commands: &mut Vec<Command>) {
    let asked = primary_button(ui, "开始疏散演算", vm.has_server());
    if !vm.has_server() {
        ui.label(weak("没有连接服务器, 不能运行疏散演算。"));
    }
    if asked {
        match state.evac.scenario(plan) {
            Ok(scenario) => {
                commands.push(Command::Twin(TwinCommand::StartRun(scenario.into())));
                state.evac_error = None;
            }
            Err(error) => state.evac_error = Some(error.to_string()),
        }
    }
    if let Some(error) = &state.evac_error {
        ui.label(RichText::new(error).size(13.0).color(Palette::BAD));
    }
}
