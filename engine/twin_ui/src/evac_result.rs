//! Right panel, 推演 · 疏散: what the shown run says.

use crate::evac_chart::{Mark, chart};
use crate::model::{EvacTime, ViewModel};
use crate::state::UiState;
use crate::theme::Palette;
use crate::timeline::clock;
use crate::widgets::{card_frame, heading, one_line, table_row, tag, weak};
use crate::{evac_outdoor, names, runs};
use egui::{Align, Button, Color32, Layout, RichText, Ui, vec2};
use std::collections::BTreeMap;
use twin_model::{
    ADVICE_MARK_ZH, AsetCriterion, Command, EvacBand, EvacSummary, PeopleSpread, RunStatus, SmokeSpeedLaw,
    SpaceOutcome, StairOutcome, StoreyIndex, ViewCommand, ViewTime, advice,
};

pub(crate) fn panel(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    let (Some(evac), ViewTime::Run { run, t_s }) = (&vm.evac, vm.time) else { return };
    let done = vm.shown_run().filter(|r| matches!(r.status, RunStatus::Done { .. }));
    heading(ui, "疏散结果");
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            tag(ui, "模拟", Palette::SIMULATED);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if let Some(row) = done {
                    runs::again(ui, row, state);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    one_line(ui, format!("{} {}", run.label(), evac.plan.name));
                });
            });
        });
        headline(ui, evac);
        people(ui, evac);
        curve(ui, evac, t_s);
        storeys(ui, evac, commands);
        match &evac.summary {
            Some(summary) => result(ui, summary),
            None if done.is_some() => {
                ui.label(weak("正在读取结果 …"));
            }
            None => {
                ui.label(weak("演算完成后给出 RSET、ASET、各出口与楼梯的使用和救助清单。"));
            }
        }
    });
    ui.add_space(4.0);
}

const RSET: &str = "必需安全疏散时间 (RSET): 从起火 (演练为开始) 到能行走的人全部撤出。";

/// The line that is read first.
fn headline(ui: &mut Ui, evac: &EvacTime) {
    let Some(summary) = &evac.summary else { return };
    ui.label(weak("必需安全疏散时间 RSET")).on_hover_text(RSET);
    let [first, second] = rset_words(summary.rset_s, summary.members);
    let colour = if summary.rset_s.p95.is_some() { Palette::TEXT } else { Palette::BAD };
    ui.label(RichText::new(first).size(20.0).strong().color(colour));
    if !second.is_empty() {
        ui.label(RichText::new(second).size(15.0).color(colour));
    }
    if summary.members_with_stopped > 0 {
        let text = format!("{} / {} 个成员中有人因烟气失能", summary.members_with_stopped, summary.members);
        ui.label(RichText::new(text).size(13.0).color(Palette::BAD));
    }
}

/// Two lines: the middle of the members and the bad end. One member has no band.
pub(crate) fn rset_words(rset: EvacBand, members: u32) -> [String; 2] {
    let words = |t: Option<f64>| t.map_or_else(|| "未全部撤离".to_owned(), clock);
    match (members, rset.p50, rset.p95) {
        (_, None, None) => ["未全部撤离".to_owned(), String::new()],
        (0 | 1, p50, _) => [words(p50), String::new()],
        (_, p50, p95) => [format!("中位 {}", words(p50)), format!("95 % {}", words(p95))],
    }
}

/// Where people of the shown frame are.
fn people(ui: &mut Ui, evac: &EvacTime) {
    let help = evac.stopped + evac.awaiting;
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("室内 {}", evac.inside));
        ui.label(RichText::new(format!("已撤离 {}", evac.left)).color(Palette::GOOD));
        if let Some(outside) = evac.outside {
            ui.label(weak(format!("其中在途 {outside}"))).on_hover_text("已出楼, 正走向集合点。");
        }
        let colour = if help > 0 { Palette::BAD } else { Palette::WEAK };
        ui.label(RichText::new(format!("需救助 {help}")).color(colour));
    });
    if help > 0 {
        ui.label(weak(format!("其中失能 {} · 待援 {}", evac.stopped, evac.awaiting)));
    }
    if evac.smoky > 0 {
        let text = format!("能见度低于 10 m 的空间 {} 个", evac.smoky);
        ui.label(RichText::new(text).size(12.5).color(Palette::WARN));
    }
}

/// People who are not out yet over the run: of the whole first member once it is done, else of the frames that are here.
fn not_out(evac: &EvacTime) -> Vec<(f64, u32)> {
    let Some(summary) = &evac.summary else { return evac.history.clone() };
    let all = summary.balance.entered;
    summary.curve.iter().map(|(t, out)| (*t, u32::try_from(all.saturating_sub(*out)).unwrap_or(u32::MAX))).collect()
}

fn curve(ui: &mut Ui, evac: &EvacTime, t_s: f64) {
    ui.label(weak("未撤离人数"));
    let mut marks = Vec::new();
    let mut mark = |t: Option<f64>, text, colour| marks.extend(t.map(|t_s| Mark { t_s, text, colour }));
    if let Some(s) = &evac.summary {
        mark(s.alarm_s, "报警", Palette::WARN);
        if s.members > 1 {
            mark(s.rset_s.p50, "RSET 中位", Palette::GOOD);
            mark(s.rset_s.p95, "RSET 95 %", Palette::BAD);
        } else {
            mark(s.rset_s.p50, "RSET", Palette::GOOD);
        }
    }
    mark(Some(t_s), "当前", Color32::WHITE);
    chart(ui, &not_out(evac), evac.duration_s, &marks);
}

/// Buttons for one storey alone, with the people on it.
fn storeys(ui: &mut Ui, evac: &EvacTime, commands: &mut Vec<Command>) {
    if evac.plan.storeys.is_empty() {
        return;
    }
    ui.label(weak("楼层 (室内人数)"));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        ui.spacing_mut().button_padding = vec2(6.0, 2.0);
        let mut button = |text: String, storey: Option<StoreyIndex>| {
            let text = RichText::new(text).size(12.5);
            let shown = evac.storey == storey;
            if ui.add(Button::selectable(shown, text).truncate()).clicked() && !shown {
                commands.push(Command::View(ViewCommand::ShowStorey(storey)));
            }
        };
        button("全部".to_owned(), None);
        for (k, storey) in evac.plan.storeys.iter().enumerate() {
            let people = evac.people_by_storey.get(k).copied().unwrap_or(0);
            button(format!("{} ({people})", storey.name), Some(StoreyIndex(k as u32)));
        }
    });
}

fn result(ui: &mut Ui, summary: &EvacSummary) {
    advised(ui, summary);
    unsafe_spaces(ui, summary);
    exits(ui, summary);
    evac_outdoor::result(ui, summary);
    stairs(ui, summary);
    help(ui, summary);
    smoke_alarms(ui, summary);
    inferred(ui, summary);
    assumed(ui, summary);
    warnings(ui, &summary.warnings);
}

/// A title with a line of explanation on hover.
pub(crate) fn title(ui: &mut Ui, text: &str, hover: &str) {
    ui.add_space(4.0);
    ui.label(RichText::new(text).size(13.5).strong().color(Palette::TEXT)).on_hover_text(hover);
}

pub(crate) fn head(ui: &mut Ui, shares: &[f32], words: &[&str]) {
    let cells: Vec<RichText> = words.iter().map(|w| weak(*w)).collect();
    table_row(ui, shares, "", &cells);
}

pub(crate) fn small(text: impl Into<String>, colour: Color32) -> RichText {
    RichText::new(text).size(12.5).color(colour)
}

/// Rows of the lists that only begin here.
const FIRST: usize = 5;
/// Rows that a table has at most.
const ROWS: usize = 12;

pub(crate) fn more(ui: &mut Ui, all: usize, shown: usize) {
    if all > shown {
        ui.label(weak(format!("另有 {} 项, 见导出的结果", all - shown)));
    }
}

pub(crate) fn time_or(t: Option<f64>, otherwise: &str) -> String {
    t.map_or_else(|| otherwise.to_owned(), clock)
}

/// `+01:20` or `-05:46`.
fn signed(t_s: f64) -> String {
    format!("{}{}", if t_s < 0.0 { '-' } else { '+' }, clock(t_s.abs()))
}

/// Spaces in which people were when they were no longer safe: worst first.
fn unsafe_with_people(summary: &EvacSummary) -> Vec<&SpaceOutcome> {
    let mut found: Vec<&SpaceOutcome> = summary.spaces.iter().filter(|s| s.unsafe_share > 0.0).collect();
    let margin = |s: &SpaceOutcome| s.margin_s.unwrap_or(f64::INFINITY);
    found.sort_by(|a, b| b.unsafe_share.total_cmp(&a.unsafe_share).then(margin(a).total_cmp(&margin(b))));
    found
}

fn criterion_zh(criterion: Option<AsetCriterion>) -> &'static str {
    match criterion {
        Some(AsetCriterion::Visibility) => "能见度不足",
        Some(AsetCriterion::Gas) => "毒性气体",
        Some(AsetCriterion::Heat) => "热",
        None => "首个成员中安全",
    }
}

const UNSAFE: &str = "ASET: 可用安全疏散时间, 取不利情形 (5 % 的成员更早)。末人: 最后一人离开的时刻。裕度: 首个成员的 ASET 减末人, 负值为危险。占比: 出现此情形的成员比例。";

fn unsafe_spaces(ui: &mut Ui, summary: &EvacSummary) {
    let found = unsafe_with_people(summary);
    title(ui, "不安全时仍有人的空间", UNSAFE);
    if found.is_empty() {
        ui.label(small("没有: 各空间在不安全之前人已离开", Palette::GOOD));
        return;
    }
    const SHARES: [f32; 5] = [108.0, 44.0, 44.0, 52.0, 46.0];
    head(ui, &SHARES, &["空间", "ASET", "末人", "裕度", "占比"]);
    for s in found.iter().take(ROWS) {
        let margin = s.margin_s.map_or_else(|| "—".to_owned(), signed);
        let colour = if s.margin_s.is_some_and(|m| m < 0.0) { Palette::BAD } else { Palette::WARN };
        let cells = [
            small(names::place(&s.space), Palette::TEXT),
            small(time_or(s.aset_p05_s, "—"), Palette::TEXT),
            small(time_or(s.last_person_s, "—"), Palette::TEXT),
            small(margin, colour),
            small(format!("{:.0} %", s.unsafe_share * 100.0), Palette::WARN),
        ];
        let full = format!("{} · {} · 起始 {} 人", s.space, criterion_zh(s.criterion), s.people);
        table_row(ui, &SHARES, &full, &cells);
    }
    more(ui, found.len(), ROWS);
}

fn exits(ui: &mut Ui, summary: &EvacSummary) {
    if summary.exits.is_empty() {
        return;
    }
    title(ui, "安全出口", "由此撤出的人数, 首个成员");
    let words = names::distinct(summary.exits.iter().map(|e| e.exit.as_str()));
    let mut rows: Vec<_> = summary.exits.iter().zip(words).collect();
    rows.sort_by_key(|(e, _)| std::cmp::Reverse(e.people));
    for (exit, word) in rows.iter().take(ROWS) {
        let colour = if exit.people > 0 { Palette::TEXT } else { Palette::WEAK };
        let cells = [small(word.as_str(), colour), small(format!("{} 人", exit.people), colour)];
        table_row(ui, &[220.0, 74.0], &exit.exit, &cells);
    }
    more(ui, rows.len(), ROWS);
}

/// All flights of a stair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StairUse {
    /// Name for people.
    pub name: String,
    /// Most people on one of its flights.
    pub people: u64,
    /// Earliest last safe time of a flight, s (bad case); `None`: safe to the end.
    pub last_safe_s: Option<f64>,
    /// That flight.
    pub worst: String,
}

/// Flights gathered to stairs by their name, in the summary's order.
pub(crate) fn by_stair(stairs: &[StairOutcome]) -> Vec<StairUse> {
    let mut order: Vec<&str> = Vec::new();
    let mut flights: BTreeMap<&str, Vec<&StairOutcome>> = BTreeMap::new();
    for stair in stairs {
        let name = names::plain(&stair.stair);
        flights.entry(name).or_insert_with(|| {
            order.push(name);
            Vec::new()
        });
        flights.entry(name).and_modify(|list| list.push(stair));
    }
    let gather = |name: &str| {
        let list = flights.get(name)?;
        let safe = |s: &&&StairOutcome| s.last_safe_p05_s.unwrap_or(f64::INFINITY);
        let worst = list.iter().min_by(|a, b| safe(a).total_cmp(&safe(b)))?;
        Some(StairUse {
            name: names::element(name),
            people: list.iter().map(|s| s.people).max().unwrap_or(0),
            last_safe_s: worst.last_safe_p05_s,
            worst: names::element(&worst.stair),
        })
    };
    order.into_iter().filter_map(gather).collect()
}

const LAST_SAFE: &str = "此刻之后从楼梯顶端进入, 到底之前楼梯一端已不安全; 取不利情形 (5 % 的成员更早)。";

fn stairs(ui: &mut Ui, summary: &EvacSummary) {
    if summary.stairs.is_empty() {
        return;
    }
    title(ui, "疏散楼梯", LAST_SAFE);
    const SHARES: [f32; 3] = [140.0, 66.0, 88.0];
    head(ui, &SHARES, &["楼梯", "人数", "最后安全"]);
    let rows = by_stair(&summary.stairs);
    for stair in rows.iter().take(ROWS) {
        let colour = if stair.last_safe_s.is_some() { Palette::WARN } else { Palette::GOOD };
        let cells = [
            small(stair.name.as_str(), Palette::TEXT),
            small(format!("{} 人", stair.people), Palette::TEXT),
            small(time_or(stair.last_safe_s, "始终安全"), colour),
        ];
        let full = format!("人数为最忙的一段; 最先不安全的一段: {}", stair.worst);
        let full = if stair.last_safe_s.is_some() { full } else { stair.name.clone() };
        table_row(ui, &SHARES, &full, &cells);
    }
    more(ui, rows.len(), ROWS);
}

fn help(ui: &mut Ui, summary: &EvacSummary) {
    title(
        ui,
        "需救助 (结束时)",
        "失能: 因烟气或高温停下。待援: 不能自行下楼。未出: 仍在途中或等待。首个成员, 只计人数。",
    );
    if summary.help.is_empty() {
        ui.label(small("没有: 全部撤离", Palette::GOOD));
        return;
    }
    const SHARES: [f32; 4] = [156.0, 46.0, 46.0, 46.0];
    head(ui, &SHARES, &["位置", "失能", "待援", "未出"]);
    let mut rows: Vec<_> = summary.help.iter().collect();
    rows.sort_by_key(|h| std::cmp::Reverse((h.stopped, h.awaiting, h.still_inside)));
    for h in rows.iter().take(ROWS) {
        let count = |n: u32, colour| small(n.to_string(), if n > 0 { colour } else { Palette::WEAK });
        let place = small(names::place(&h.place), Palette::TEXT);
        let cells = [
            place,
            count(h.stopped, Palette::BAD),
            count(h.awaiting, Palette::BAD),
            count(h.still_inside, Palette::WARN),
        ];
        table_row(ui, &SHARES, &h.place, &cells);
    }
    more(ui, rows.len(), ROWS);
}

fn smoke_alarms(ui: &mut Ui, summary: &EvacSummary) {
    if summary.smoke_alarms.is_empty() {
        return;
    }
    title(ui, "感烟探测器报警", "首个成员, 按时间");
    for alarm in summary.smoke_alarms.iter().take(FIRST) {
        let cells = [small(names::place(&alarm.space), Palette::TEXT), small(clock(alarm.alarm_s), Palette::WARN)];
        table_row(ui, &[220.0, 74.0], &alarm.space, &cells);
    }
    more(ui, summary.smoke_alarms.len(), FIRST);
}

/// Where it burns by the alarms that the run started from.
fn inferred(ui: &mut Ui, summary: &EvacSummary) {
    let Some(live) = &summary.live else { return };
    title(ui, "起火点推断", "由报警的先后与时刻推断, 按概率排列");
    for room in live.rooms.iter().take(FIRST) {
        let words = format!("{:.0} %", 100.0 * room.probability);
        table_row(ui, &[0.78, 0.22], &room.space, &[small(names::place(&room.space), Palette::TEXT), weak(words)]);
    }
    let open = 100.0 * live.door_open;
    ui.label(weak(format!("起火房间的门开着的可能 {open:.0} %; 0 秒为 {}", live.origin.hms_china())));
}

/// What to do first, with the numbers that it rests on.
fn advised(ui: &mut Ui, summary: &EvacSummary) {
    let advice = advice(summary);
    if advice.is_empty() {
        return;
    }
    title(ui, "疏散建议", ADVICE_MARK_ZH);
    for a in advice.iter().take(FIRST) {
        ui.label(small(format!("· {}", a.zh.replace(&a.place, &names::place(&a.place))), Palette::TEXT));
    }
    ui.label(small(ADVICE_MARK_ZH, Palette::SIMULATED));
}

/// What the run assumed about people, in words.
fn assumptions(summary: &EvacSummary) -> Vec<String> {
    let people = &summary.scenario.people;
    let smoke = match summary.scenario.smoke_law {
        SmokeSpeedLaw::Lund => "烟中减速按 Lund (Frantzich-Nilsson)",
        SmokeSpeedLaw::Fridolf => "烟中减速按 Fridolf",
        SmokeSpeedLaw::Off => "不计烟气减速",
    };
    vec![
        match summary.network_members {
            0 => format!("集合成员 {} 个; 画面与人数表为首个成员", summary.members),
            n => format!("集合成员 {} 个 (其中 {n} 个用排队网络); 画面与人数表为首个成员", summary.members),
        },
        format!("起始 {} 人, 行走速度 {}, {smoke}", summary.balance.entered, spread_words(&people.speed_mps, "m/s")),
        format!("反应时间 {}", spread_words(&people.pre_movement_s, "s")),
        format!("行动不便 {:.0} %, 需协助 {:.0} %", people.slow_share * 100.0, people.assisted_share * 100.0),
    ]
}

fn spread_words(spread: &PeopleSpread, unit: &str) -> String {
    match *spread {
        PeopleSpread::Constant { value } => format!("{value} {unit}"),
        PeopleSpread::Uniform { low, high } => format!("{low}~{high} {unit}"),
        PeopleSpread::Normal { mean, sd, .. } => format!("{mean} ± {sd} {unit}"),
        PeopleSpread::LogNormal { median, high, .. } => format!("中位 {median} {unit}, 最长 {high} {unit}"),
    }
}

fn assumed(ui: &mut Ui, summary: &EvacSummary) {
    title(ui, "假定", "人与门的状况均为假定");
    assumptions(summary).into_iter().for_each(|line| {
        ui.label(weak(line));
    });
    ui.label(small("推演结果仅供参考, 不替代现场指挥与消防设计审查。", Palette::SIMULATED));
}

fn warnings(ui: &mut Ui, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    let text = RichText::new(format!("平面存疑 {} 项", warnings.len())).size(12.5).color(Palette::WARN);
    egui::CollapsingHeader::new(text).id_salt("plan doubts").show(ui, |ui| {
        for line in warnings.iter().take(40) {
            ui.label(weak(line));
        }
        more(ui, warnings.len(), 40);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_state_of_the_band_has_its_words() {
        let words = |p50, p95, members| rset_words(EvacBand { p50, p95 }, members);
        assert_eq!(words(Some(61.0), Some(125.0), 16), ["中位 01:01", "95 % 02:05"]);
        assert_eq!(words(Some(61.0), None, 16), ["中位 01:01", "95 % 未全部撤离"]);
        assert_eq!(words(None, None, 16), ["未全部撤离", ""]);
        assert_eq!(words(Some(661.8), Some(661.8), 1), ["11:01", ""]);
        assert_eq!((signed(-346.0), signed(80.0)), ("-05:46".into(), "+01:20".into()));
    }

    #[test]
    fn worst_spaces_come_first_and_safe_ones_not_at_all() {
        let summary = sample::summary();
        let found: Vec<f64> = unsafe_with_people(&summary).iter().map(|s| s.unsafe_share).collect();
        assert_eq!(found, [1.0, 0.375]);
    }

    #[test]
    fn flights_make_stairs() {
        let stairs = by_stair(&sample::summary().stairs);
        let rows: Vec<_> =
            stairs.iter().map(|s| (s.name.as_str(), s.people, s.last_safe_s, s.worst.as_str())).collect();
        let expected =
            [("1单元楼梯", 180, Some(132.0), "1单元楼梯 4F-5F"), ("2单元楼梯", 170, Some(280.0), "2单元楼梯 1F-2F")];
        assert_eq!(rows, expected);
    }

    #[test]
    fn the_curve_is_the_result_s_once_there_is_one() {
        let running = sample::shown(None);
        assert_eq!(not_out(&running), running.history);
        let done = not_out(&sample::shown(Some(sample::summary())));
        assert_eq!((done.first(), done.last()), (Some(&(0.0, 397)), Some(&(3600.0, 4))));
    }

    #[test]
    fn assumptions_say_members_and_laws() {
        let lines = assumptions(&sample::summary()).join("\n");
        for part in ["16 个", "1.34 ± 0.26 m/s", "Lund", "中位 60 s, 最长 600 s", "行动不便 10 %"] {
            assert!(lines.contains(part), "{part} in {lines}");
        }
    }
}
