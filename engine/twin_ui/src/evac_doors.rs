//! How the building stands, in the evacuation editor: its doors, the wind, the water of a flood; and the door of a measure.

use crate::evac::FIELD;
use crate::evac_form::EvacForm;
use crate::model::{RunRow, ViewModel};
use crate::names;
use crate::widgets::weak;
use egui::{ComboBox, DragValue, Ui};
use twin_model::{
    BuildingPlan, DoorState, EvacIntervention, FloodAtDoors, PlanOpening, RunScenario, RunStatus, StoreyIndex,
};

const DOORS: &str = "没有单独说明的门。随手不关: 有人走过之后一直开着, 烟由此扩散。";
const WATER: &str = "取一次算完的积水演算在各出口外的水深和流速, 从它的 0 秒算起。";

/// Rows of the editor's grid.
pub(crate) fn rows(ui: &mut Ui, vm: &ViewModel, form: &mut EvacForm) {
    ui.label(weak("房门")).on_hover_text(DOORS);
    let others = &mut form.draft.doors.others;
    ComboBox::from_id_salt("doors").width(FIELD).selected_text(state_zh(*others)).show_ui(ui, |ui| {
        for state in [DoorState::SelfClosing, DoorState::LeftOpen, DoorState::Open] {
            ui.selectable_value(others, state, state_zh(state));
        }
    });
    ui.end_row();
    ui.label(weak("风"));
    let weather = &mut form.draft.weather;
    ui.horizontal(|ui| {
        ui.add(DragValue::new(&mut weather.wind_mps).range(0.0..=60.0).speed(0.1).max_decimals(1).suffix(" m/s"));
        ui.label(weak("来自"));
        ui.add(DragValue::new(&mut weather.wind_from_deg).range(0.0..=360.0).speed(1.0).max_decimals(0).suffix("°"))
            .on_hover_text("北 0°, 东 90°");
    });
    ui.end_row();
    ui.label(weak("出口外积水")).on_hover_text(WATER);
    water(ui, vm, &mut form.draft.flood);
    ui.end_row();
}

fn water(ui: &mut Ui, vm: &ViewModel, flood: &mut Option<FloodAtDoors>) {
    let done: Vec<&RunRow> = vm.runs.iter().filter(|r| is_finished_flood(r)).collect();
    let named = |run: &str| done.iter().find(|r| r.id.0.to_string() == run).copied();
    let shown = match flood.as_ref() {
        None => "无".to_owned(),
        Some(f) => named(&f.run).map_or_else(|| format!("#{}", f.run), title),
    };
    ComboBox::from_id_salt("flood").width(FIELD).truncate().selected_text(shown).show_ui(ui, |ui| {
        if ui.selectable_label(flood.is_none(), "无").clicked() {
            *flood = None;
        }
        for row in &done {
            let run = row.id.0.to_string();
            let chosen = flood.as_ref().is_some_and(|f| f.run == run);
            if ui.selectable_label(chosen, title(row)).clicked() {
                *flood = Some(FloodAtDoors { run, from_s: 0.0 });
            }
        }
    });
}

/// Whether the server can take its water: computed there, to the end.
fn is_finished_flood(row: &RunRow) -> bool {
    let flood = matches!(row.scenario, RunScenario::Flood(_));
    flood && !row.id.is_local() && matches!(row.status, RunStatus::Done { .. })
}

fn title(row: &RunRow) -> String {
    format!("{} {}", row.id.label(), row.scenario.name())
}

fn state_zh(state: DoorState) -> &'static str {
    match state {
        DoorState::SelfClosing => "自动闭门",
        DoorState::LeftOpen => "随手不关",
        DoorState::Open => "敞开",
        DoorState::Locked => "锁闭",
    }
}

/// What is done to the door of a measure, and which door it is: by its storey, then by its name.
pub(crate) fn measure(ui: &mut Ui, plan: &BuildingPlan, measure: &mut EvacIntervention) {
    let (EvacIntervention::CloseDoor { door, at_s }
    | EvacIntervention::OpenDoor { door, at_s }
    | EvacIntervention::BlockDoor { door, at_s }) = measure
    else {
        return;
    };
    let (mut chosen, at_s) = (door.clone(), *at_s);
    let made: [(&str, fn(String, f64) -> EvacIntervention); 3] = [
        ("关", |door, at_s| EvacIntervention::CloseDoor { door, at_s }),
        ("开", |door, at_s| EvacIntervention::OpenDoor { door, at_s }),
        ("封", |door, at_s| EvacIntervention::BlockDoor { door, at_s }),
    ];
    let mut make = made[match measure {
        EvacIntervention::OpenDoor { .. } => 1,
        EvacIntervention::BlockDoor { .. } => 2,
        _ => 0,
    }];
    ui.horizontal(|ui| {
        for kind in made {
            if ui.selectable_label(kind.0 == make.0, kind.0).clicked() {
                make = kind;
            }
        }
        storey_choice(ui, plan, &mut chosen);
    });
    door_choice(ui, plan, &mut chosen);
    *measure = make.1(chosen, at_s);
}

/// Doors that people walk through, with the storey of one side.
fn doors(plan: &BuildingPlan, storey: StoreyIndex) -> Vec<&PlanOpening> {
    plan.openings.iter().filter(|o| o.walkable() && storey_of(plan, o) == Some(storey)).collect()
}

fn storey_of(plan: &BuildingPlan, door: &PlanOpening) -> Option<StoreyIndex> {
    let of = |s: &twin_model::SpaceIndex| plan.spaces.get(s.index()).map(|s| s.storey);
    door.sides.iter().flatten().find_map(of)
}

/// The first door of the lowest storey that has one.
pub(crate) fn first_door(plan: &BuildingPlan) -> Option<String> {
    let storeys = (0..plan.storeys.len() as u32).map(StoreyIndex);
    storeys.into_iter().find_map(|k| doors(plan, k).first().map(|o| o.name.clone()))
}

fn find<'a>(plan: &'a BuildingPlan, name: &str) -> Option<&'a PlanOpening> {
    plan.openings.iter().find(|o| o.walkable() && (o.name == name || names::plain(&o.name) == name))
}

/// Whether a scenario's name stands for a door of the plan, in full or without its GlobalId.
pub(crate) fn has_door(plan: &BuildingPlan, name: &str) -> bool {
    plan.openings.iter().any(|o| o.name == name || names::plain(&o.name) == name)
}

fn storey_choice(ui: &mut Ui, plan: &BuildingPlan, door: &mut String) {
    let at = find(plan, door).and_then(|o| storey_of(plan, o));
    let word = |k: StoreyIndex| plan.storeys.get(k.index()).map_or("", |s| s.name.as_str());
    ComboBox::from_id_salt("door storey").width(80.0).truncate().selected_text(at.map_or("", word)).show_ui(ui, |ui| {
        for k in (0..plan.storeys.len() as u32).map(StoreyIndex) {
            if let Some(first) = doors(plan, k).first()
                && ui.selectable_label(at == Some(k), word(k)).clicked()
            {
                door.clone_from(&first.name);
            }
        }
    });
}

fn door_choice(ui: &mut Ui, plan: &BuildingPlan, door: &mut String) {
    let Some(at) = find(plan, door).and_then(|o| storey_of(plan, o)) else {
        ui.label(weak(names::element(door)));
        return;
    };
    let list = doors(plan, at);
    let words = names::distinct(list.iter().map(|o| o.name.as_str()));
    let shown = list.iter().position(|o| o.name == *door || names::plain(&o.name) == *door);
    let text = shown.map_or_else(|| names::element(door), |k| words[k].clone());
    ComboBox::from_id_salt("door").width(FIELD).truncate().selected_text(text).show_ui(ui, |ui| {
        for (k, (o, word)) in list.iter().zip(&words).enumerate() {
            if ui.selectable_label(shown == Some(k), word).clicked() {
                door.clone_from(&o.name);
            }
        }
    });
}
