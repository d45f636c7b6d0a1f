//! Right panel, 推演: which kind of run; works and the scenario editor of floods.

use crate::model::ViewModel;
use crate::runs;
use crate::state::{BaseChoice, RainChoice, RiverChoice, RunKind, ScenarioForm, UiState};
use crate::theme::Palette;
use crate::widgets::{check, heading, primary_button, small_button, weak};
use egui::{DragValue, RichText, Ui};
use twin_model::{Command, DesignStorm, Intervention, NewWork, ToolMode, TwinCommand, ViewCommand};

pub(crate) fn panel(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    kinds(ui, vm, state);
    match state.kind {
        RunKind::Flood => flood(ui, vm, state, commands),
        RunKind::Evacuation => crate::evac::panel(ui, vm, state, commands),
    }
}

/// The switch between floods and evacuations.
fn kinds(ui: &mut Ui, vm: &ViewModel, state: &mut UiState) {
    let evacuations = !vm.plans.is_empty() || vm.runs.iter().any(|r| RunKind::of(&r.scenario) == RunKind::Evacuation);
    ui.horizontal(|ui| {
        ui.selectable_value(&mut state.kind, RunKind::Flood, "积水");
        ui.add_enabled_ui(evacuations, |ui| ui.selectable_value(&mut state.kind, RunKind::Evacuation, "疏散"));
        if !evacuations {
            ui.label(weak("无建筑内部平面, 不能推演疏散"));
        }
    });
    ui.add_space(2.0);
}

fn flood(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    works(ui, vm, state, commands);
    forcing(ui, vm, state, commands);
    // A result is wanted at once; the choice of runs comes after their list.
    if vm.compare.is_some() {
        runs::compare(ui, vm, state, commands);
    }
    runs::list(ui, vm, state, commands);
    if vm.compare.is_none() {
        runs::compare(ui, vm, state, commands);
    }
}

fn works(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    heading(ui, "处置");
    let mut view = |c| commands.push(Command::View(c));
    let work = &mut state.form.work;
    ui.add_enabled_ui(vm.tool != ToolMode::Draw, |ui| {
        ui.horizontal(|ui| {
            for (text, kind) in KINDS {
                let same = std::mem::discriminant(work) == std::mem::discriminant(&kind);
                if ui.selectable_label(same, text).clicked() && !same {
                    *work = kind;
                }
            }
        });
    });
    ui.horizontal(|ui| {
        sizes(ui, work);
        if vm.tool == ToolMode::Draw {
            if primary_button(ui, "完成", vm.draft_points >= work.least_points()) {
                view(ViewCommand::FinishWork(*work));
            }
            if small_button(ui, "取消") {
                view(ViewCommand::SetTool(ToolMode::Pick));
            }
        } else {
            if primary_button(ui, "在图上画", true) {
                view(ViewCommand::SetTool(ToolMode::Draw));
            }
            if !vm.works.is_empty() && small_button(ui, "清除") {
                view(ViewCommand::ClearWorks);
            }
        }
    });
    if vm.tool == ToolMode::Draw {
        let text = format!("{} (已有 {} 点, 至少 {} 点)", how(work), vm.draft_points, work.least_points());
        ui.label(RichText::new(text).size(13.0).color(Palette::WARN));
    }
    for (i, placed) in vm.works.iter().enumerate() {
        ui.label(weak(work_text(i, placed)));
    }
    ui.add_space(4.0);
}

const KINDS: [(&str, NewWork); 5] = [
    ("挡水墙", NewWork::Barrier { height_m: 1.0 }),
    ("闸门", NewWork::Gate { height_m: 2.0, opening_m: 0.0 }),
    ("水泵", NewWork::Pump { capacity_m3ps: 0.3 }),
    ("涵管", NewWork::Culvert { width_m: 1.0 }),
    ("挖填", NewWork::Ground { raise_m: 0.5 }),
];

fn sizes(ui: &mut Ui, work: &mut NewWork) {
    let mut size = |name: &str, value: &mut f64, range: std::ops::RangeInclusive<f64>, unit: &str| {
        ui.label(weak(name));
        ui.add(DragValue::new(value).range(range).speed(0.05).suffix(unit));
    };
    match work {
        NewWork::Barrier { height_m } => size("高度", height_m, 0.1..=20.0, " m"),
        NewWork::Gate { height_m, opening_m } => {
            size("高度", height_m, 0.1..=20.0, " m");
            size("开度", opening_m, 0.0..=20.0, " m");
        }
        NewWork::Pump { capacity_m3ps } => size("流量", capacity_m3ps, 0.01..=100.0, " m³/s"),
        NewWork::Culvert { width_m } => size("管径", width_m, 0.1..=20.0, " m"),
        NewWork::Ground { raise_m } => size("抬高", raise_m, -10.0..=10.0, " m"),
    }
}

fn how(work: &NewWork) -> &'static str {
    match work {
        NewWork::Barrier { .. } | NewWork::Gate { .. } => "在图上依次点选走向",
        NewWork::Pump { .. } => "点选取水处; 再点出水处, 不点则排出社区",
        NewWork::Culvert { .. } => "点选管道两端",
        NewWork::Ground { .. } => "依次点选范围的角点",
    }
}

fn work_text(index: usize, work: &Intervention) -> String {
    let name = if work.name().is_empty() { format!("{} {}", work.zh(), index + 1) } else { work.name().to_owned() };
    let points = work.points_enu();
    let length: f64 = points.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).sum();
    match work {
        Intervention::Barrier(b) => format!("{name} · 长 {length:.0} m · 高 {:.1} m", b.height_m),
        Intervention::Gate(g) => {
            let opening = g.opening_m.first().map_or(0.0, |o| o.1);
            format!("{name} · 长 {length:.0} m · 开度 {opening:.1} m")
        }
        Intervention::Pump(p) => {
            let to = if p.to_enu.is_some() { format!("输送 {length:.0} m") } else { "排出社区".to_owned() };
            format!("{name} · {:.2} m³/s · {to}", p.capacity_m3ps)
        }
        Intervention::Culvert(c) => format!("{name} · 长 {length:.0} m · 管径 {:.1} m", c.width_m),
        Intervention::Ground(g) => {
            let raise = g.raise_m.unwrap_or(0.0);
            format!("{name} · {} {:.1} m", if raise < 0.0 { "下挖" } else { "抬高" }, raise.abs())
        }
    }
}

fn forcing(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    heading(ui, "情景");
    let form = &mut state.form;
    egui::Grid::new("scenario").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
        ui.label(weak("名称"));
        ui.add(egui::TextEdit::singleline(&mut form.name).desired_width(190.0));
        ui.end_row();
        base(ui, form);
        ui.label(weak("降雨"));
        ui.horizontal(|ui| {
            ui.selectable_value(&mut form.rain, RainChoice::Live, "实测");
            ui.selectable_value(&mut form.rain, RainChoice::Constant, "设定");
            ui.selectable_value(&mut form.rain, RainChoice::Design, "设计暴雨");
            ui.selectable_value(&mut form.rain, RainChoice::None, "无");
        });
        ui.end_row();
        if form.rain == RainChoice::Constant {
            ui.label(weak("雨强"));
            ui.add(DragValue::new(&mut form.rain_mmph).range(0.0..=500.0).speed(1.0).suffix(" mm/h"));
            ui.end_row();
        }
        if form.rain == RainChoice::Design {
            design_storm(ui, &mut form.storm);
        }
        ui.label(weak("河道水位"));
        ui.horizontal(|ui| {
            ui.selectable_value(&mut form.river, RiverChoice::Live, "实测");
            ui.selectable_value(&mut form.river, RiverChoice::None, "不计");
        });
        ui.end_row();
        if form.river == RiverChoice::Live {
            ui.label(weak("上涨"));
            ui.add(DragValue::new(&mut form.rise_mph).range(-5.0..=5.0).speed(0.05).suffix(" m/h"));
            ui.end_row();
        }
        ui.label(weak("边界"));
        ui.horizontal(|ui| {
            ui.selectable_value(&mut form.closed_edges, false, "敞开");
            ui.selectable_value(&mut form.closed_edges, true, "封闭");
            check(ui, &mut form.with_sewers, "计入雨水管网");
        });
        ui.end_row();
        ui.label(weak("时长"));
        ui.horizontal(|ui| {
            ui.add(DragValue::new(&mut form.duration_min).range(1.0..=1440.0).speed(1.0).suffix(" 分钟"));
            ui.label(weak("网格"));
            ui.add(DragValue::new(&mut form.cell_m).range(1.0..=20.0).speed(0.5).suffix(" m"));
        });
        ui.end_row();
        ui.label(weak("步长"));
        check(ui, &mut form.local_time_steps, "各处自定").on_hover_text(LOCAL_STEPS);
        ui.end_row();
        ui.label(weak("集合")).on_hover_text(ENSEMBLE);
        ui.horizontal(|ui| {
            ui.add(DragValue::new(&mut form.members).range(0..=100).speed(0.2).suffix(" 个成员"));
            ui.label(weak(if form.members == 0 { "不估计不确定性" } else { "给出概率与区间" }));
        });
        ui.end_row();
    });
    start_buttons(ui, vm, state, commands);
    if let Some(error) = &state.form_error {
        ui.label(RichText::new(error).size(13.0).color(Palette::BAD));
    }
    ui.add_space(4.0);
}

fn start_buttons(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    let (mut on_server, mut here) = (false, false);
    ui.horizontal(|ui| {
        on_server = primary_button(ui, "开始演算", vm.has_server());
        if vm.runs_here {
            here = ui.add(egui::Button::new("本机试算")).on_hover_text(HERE).clicked();
            check(ui, &mut state.form.preview, "快速").on_hover_text(PREVIEW);
        }
    });
    if !vm.has_server() && !vm.runs_here {
        ui.label(weak("没有连接服务器, 不能运行演算。"));
    }
    if !on_server && !here {
        return;
    }
    match state.form.scenario(&works_of(vm, state)) {
        Ok(scenario) if on_server => commands.push(Command::Twin(TwinCommand::StartRun(scenario.into()))),
        Ok(scenario) => {
            let (scenario, preview) = (Box::new(scenario), state.form.preview);
            commands.push(Command::View(ViewCommand::RunHere { scenario, preview }));
        }
        Err(error) => {
            state.form_error = Some(error.to_string());
            return;
        }
    }
    state.form_error = None;
}

const HERE: &str = "在本机计算, 不经服务器, 只有自己看得到; 不计雨水管网、集合与订正。";
const PREVIEW: &str = "用快速近似求解器 (局部惯性波), 未经验证, 只作初看。";

/// What is placed, and before it what the run that is continued has.
fn works_of(vm: &ViewModel, state: &UiState) -> Vec<Intervention> {
    let BaseChoice::Run { run, .. } = state.form.base else { return vm.works.clone() };
    let flood = vm.runs.iter().find(|r| r.id == run).and_then(|r| r.scenario.flood());
    let before = flood.map(|s| s.interventions.clone()).unwrap_or_default();
    let sent = state.sent.get(&run).into_iter().flatten();
    let mut works = before;
    for work in sent.chain(&vm.works) {
        if !works.contains(work) {
            works.push(work.clone());
        }
    }
    works
}

const ENSEMBLE: &str = "扰动雨量、水位、糙率各算一遍, 得到淹没概率与 10/50/90 % 区间; 每个成员耗时与主演算相当。";
const LOCAL_STEPS: &str = "深水处小步、浅水处大步, 有深河时快两三倍; 结果之差在格式误差以内, 水量守恒不变。";
const HINDCAST: &str = "从过去开始, 用测站实测的雨量与水位算到现在, 再往后推演。";
const CORRECT: &str = "按积水、水位测点订正雨量倍数与水位偏差, 不凭空增减水量。";

/// Rows of the scenario grid for what it starts from.
fn base(ui: &mut Ui, form: &mut ScenarioForm) {
    ui.label(weak("起点"));
    ui.horizontal(|ui| {
        ui.selectable_value(&mut form.base, BaseChoice::Now, "现在");
        ui.selectable_value(&mut form.base, BaseChoice::Hindcast, "回算").on_hover_text(HINDCAST);
        if let BaseChoice::Run { run, .. } = form.base {
            ui.selectable_label(true, format!("接续 {}", run.label())).on_hover_text("网格与管网设置须与该演算相同");
        }
    });
    ui.end_row();
    if form.base == BaseChoice::Hindcast {
        ui.label(weak("回到"));
        ui.horizontal(|ui| {
            ui.add(DragValue::new(&mut form.before_h).range(0.1..=168.0).speed(0.1).suffix(" 小时前"));
            check(ui, &mut form.correct, "实况订正").on_hover_text(CORRECT);
        });
        ui.end_row();
    }
}

/// Rows of the scenario grid for a design storm (芝加哥雨型).
fn design_storm(ui: &mut Ui, storm: &mut DesignStorm) {
    ui.label(weak("重现期"));
    ui.horizontal(|ui| {
        ui.add(DragValue::new(&mut storm.return_period_a).range(0.25..=1000.0).speed(1.0).suffix(" 年"));
        ui.label(weak("历时"));
        ui.add(DragValue::new(&mut storm.duration_min).range(5.0..=1440.0).speed(5.0).suffix(" 分钟"));
    });
    ui.end_row();
    ui.label(weak("雨峰系数"));
    ui.horizontal(|ui| {
        ui.add(DragValue::new(&mut storm.peak_ratio).range(0.05..=0.95).speed(0.01));
        ui.label(weak(format!("共 {:.0} mm · 峰 {:.0} mm/h", storm.total_mm(), storm.peak_mmph())));
    });
    ui.end_row();
    const FORMULA: &str = "i = A1 (1 + C lg P) / (t + b)ⁿ, mm/min; q = 167 i, L/(s·ha)。请填写本市现行公式的参数。";
    ui.label(weak("强度公式")).on_hover_text(FORMULA);
    ui.horizontal(|ui| {
        parameter(ui, "A1", &mut storm.a1_mm, 0.1..=200.0, 0.1);
        parameter(ui, "C", &mut storm.c, 0.0..=5.0, 0.01);
    });
    ui.end_row();
    ui.label("");
    ui.horizontal(|ui| {
        parameter(ui, "b", &mut storm.b_min, 0.5..=60.0, 0.1);
        parameter(ui, "n", &mut storm.n, 0.3..=1.0, 0.005);
    });
    ui.end_row();
}

fn parameter(ui: &mut Ui, name: &str, value: &mut f64, range: std::ops::RangeInclusive<f64>, speed: f64) {
    ui.label(weak(name));
    ui.add(DragValue::new(value).range(range).speed(speed).max_decimals(3));
}
