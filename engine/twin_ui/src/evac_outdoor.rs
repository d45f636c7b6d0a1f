//! Beyond the doors, in the evacuation editor and in the result: from the exits to a place of safety.

use crate::evac_form::EvacForm;
use crate::evac_result::{head, more, rset_words, small, time_or, title};
use crate::theme::Palette;
use crate::widgets::{table_row, weak};
use egui::{DragValue, RichText, Ui};
use twin_model::{AssemblySource, EvacSummary, Outdoor};

const HELP: &str =
    "出楼之后走到集合点为止: 绕开周边建筑、水面和坡度, 情景没有给定集合点时取通往外面的道路或开阔地。耗时更长。";

/// A row of the editor's grid.
pub(crate) fn row(ui: &mut Ui, form: &mut EvacForm) {
    ui.label(weak("室外")).on_hover_text(HELP);
    ui.horizontal(|ui| {
        let mut on = form.draft.outdoor.is_some();
        if ui.checkbox(&mut on, "走到集合点").changed() {
            form.draft.outdoor = on.then(Outdoor::default);
        }
        if let Some(outdoor) = &mut form.draft.outdoor {
            let range = outdoor.distance_m.max(20.0)..=200.0;
            let drag = DragValue::new(&mut outdoor.radius_m).range(range).speed(1.0).max_decimals(0).suffix(" m");
            ui.add(drag).on_hover_text("计算到离楼多远");
        }
    });
    ui.end_row();
}

/// Areas listed.
const AREAS: usize = 8;

/// What the result says of it.
pub(crate) fn result(ui: &mut Ui, summary: &EvacSummary) {
    let Some(o) = &summary.outdoor else { return };
    title(ui, "室外集合", "从出口到集合点, 在 RSET 之后; 不与室内的可用安全疏散时间比较。");
    ui.label(weak("全部到达集合点"));
    let [first, second] = rset_words(o.safe_s, summary.members);
    let colour = if o.safe_s.p95.is_some() { Palette::TEXT } else { Palette::WARN };
    let both = if second.is_empty() { first } else { format!("{first} · {second}") };
    ui.label(RichText::new(both).size(14.0).color(colour));
    ui.label(weak(format!("已到 {} · 在途 {} · 室外失能 {}", o.safe, o.on_the_way, o.stopped)));
    const SHARES: [f32; 4] = [0.40, 0.22, 0.16, 0.22];
    head(ui, &SHARES, &["集合点", "离楼", "人数", "最后到达"]);
    let mut areas: Vec<_> = o.assembly.iter().collect();
    areas.sort_by_key(|a| std::cmp::Reverse(a.people));
    for a in areas.iter().take(AREAS) {
        let colour = if a.people > 0 { Palette::TEXT } else { Palette::WEAK };
        let cells = [
            small(a.name.as_str(), colour),
            small(format!("{:.0} m", a.from_building_m), colour),
            small(a.people.to_string(), colour),
            small(time_or(a.last_s, "–"), colour),
        ];
        table_row(ui, &SHARES, source_zh(a.source), &cells);
    }
    more(ui, areas.len(), AREAS);
    for exit in o.exits.iter().filter(|e| e.walk_m.is_none()) {
        let text = format!("{}: 出口外没有通往集合点的路", crate::names::element(&exit.exit));
        ui.label(RichText::new(text).size(12.5).color(Palette::BAD));
    }
}

fn source_zh(source: AssemblySource) -> &'static str {
    match source {
        AssemblySource::Scenario => "情景给定",
        AssemblySource::Road => "通往外面的道路",
        AssemblySource::OpenGround => "最近的开阔地",
    }
}
