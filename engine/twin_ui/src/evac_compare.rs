//! Two evacuations side by side.

use crate::evac_result::by_stair;
use crate::model::EvacPair;
use crate::names;
use crate::theme::Palette;
use crate::timeline::clock;
use crate::widgets::{card_frame, table_row, tag, weak};
use egui::{Color32, RichText, Ui};
use std::collections::BTreeMap;
use twin_model::{EvacScenario, EvacSummary, SpaceOutcome};

/// Whether a change is for the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Same,
    Better,
    Worse,
    /// Other people, neither good nor bad.
    Other,
}

impl Change {
    const fn colour(self) -> Color32 {
        match self {
            Self::Same => Palette::WEAK,
            Self::Better => Palette::GOOD,
            Self::Worse => Palette::BAD,
            Self::Other => Palette::ACCENT,
        }
    }
}

/// One line: name, value in the base and in the other run, their difference.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    name: String,
    values: [String; 2],
    difference: String,
    change: Change,
}

/// A time that is better early (`sign` 1) or late (-1); `None` is written `never` and is beyond every time.
fn times(name: &str, [a, b]: [Option<f64>; 2], sign: f64, never: &str) -> Line {
    let words = |t: Option<f64>| t.map_or_else(|| never.to_owned(), clock);
    let beyond = |t: Option<f64>| t.unwrap_or(f64::INFINITY);
    let difference = match (a, b) {
        (Some(a), Some(b)) => {
            let d_s = (b - a).round();
            if d_s == 0.0 { "0 s".to_owned() } else { format!("{d_s:+.0} s") }
        }
        (None, None) => "—".to_owned(),
        _ => "改变".to_owned(),
    };
    let same = beyond(a) == beyond(b) || (beyond(b) - beyond(a)).abs() < 0.5;
    let change = match (beyond(b) - beyond(a)) * sign {
        _ if same => Change::Same,
        d if d < 0.0 => Change::Better,
        _ => Change::Worse,
    };
    Line { name: name.to_owned(), values: [words(a), words(b)], difference, change }
}

/// A number of people; `worse` when more of them is worse.
fn counts(name: &str, [a, b]: [u64; 2], worse: bool) -> Line {
    let change = match b.cmp(&a) {
        std::cmp::Ordering::Equal => Change::Same,
        _ if !worse => Change::Other,
        std::cmp::Ordering::Less => Change::Better,
        std::cmp::Ordering::Greater => Change::Worse,
    };
    let difference = if a == b { "0".to_owned() } else { format!("{:+}", i128::from(b) - i128::from(a)) };
    Line { name: name.to_owned(), values: [a.to_string(), b.to_string()], difference, change }
}

/// Values of both lists by name, in the order of the first list and then of the second.
fn joined<T: Clone>(first: &[(String, T)], second: &[(String, T)]) -> Vec<(String, [Option<T>; 2])> {
    let of = |list: &[(String, T)], name: &str| list.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut rows: Vec<(String, [Option<T>; 2])> =
        first.iter().map(|(name, v)| (name.clone(), [Some(v.clone()), of(second, name)])).collect();
    let new = second.iter().filter(|(name, _)| of(first, name).is_none());
    rows.extend(new.map(|(name, v)| (name.clone(), [None, Some(v.clone())])));
    rows
}

fn headlines(a: &EvacSummary, b: &EvacSummary) -> Vec<Line> {
    let never = "未撤完";
    vec![
        times("RSET 中位", [a.rset_s.p50, b.rset_s.p50], 1.0, never),
        times("RSET 95 %", [a.rset_s.p95, b.rset_s.p95], 1.0, never),
        counts("失能", [a.balance.stopped, b.balance.stopped], true),
        counts("待援", [a.balance.awaiting, b.balance.awaiting], true),
        counts("未出", [a.balance.inside, b.balance.inside], true),
    ]
}

fn exits(a: &EvacSummary, b: &EvacSummary) -> Vec<Line> {
    // Exits are matched by their full names; only what is read is shortened.
    let of = |s: &EvacSummary| s.exits.iter().map(|e| (e.exit.clone(), e.people)).collect::<Vec<_>>();
    let rows = joined(&of(a), &of(b));
    let words = names::distinct(rows.iter().map(|r| r.0.as_str()));
    let people = |v: &[Option<u64>; 2]| v.map(|n| n.unwrap_or(0));
    rows.iter().zip(words).map(|((_, v), word)| counts(&word, people(v), false)).collect()
}

/// Of each stair the people, and the last safe time if a run has one.
fn stairs(a: &EvacSummary, b: &EvacSummary) -> Vec<Line> {
    let of = |s: &EvacSummary| {
        by_stair(&s.stairs).into_iter().map(|t| (t.name, (t.people, t.last_safe_s))).collect::<Vec<_>>()
    };
    let lines = |(name, v): (String, [Option<(u64, Option<f64>)>; 2])| {
        let people = v.map(|v| v.map_or(0, |v| v.0));
        let safe = v.map(|v| v.and_then(|v| v.1));
        let time = safe.iter().any(Option::is_some).then(|| times("· 最后安全", safe, -1.0, "始终安全"));
        std::iter::once(counts(&name, people, false)).chain(time)
    };
    joined(&of(a), &of(b)).into_iter().flat_map(lines).collect()
}

/// Spaces that only the second run, and only the first run, leaves unsafe with people in them.
fn unsafe_changes(a: &EvacSummary, b: &EvacSummary) -> [Vec<String>; 2] {
    let of = |s: &EvacSummary| -> BTreeMap<String, bool> {
        let caught = |o: &SpaceOutcome| (o.space.clone(), o.unsafe_share > 0.0);
        s.spaces.iter().map(caught).collect()
    };
    let (a, b) = (of(a), of(b));
    let only = |these: &BTreeMap<String, bool>, others: &BTreeMap<String, bool>| {
        let new = |(name, caught): &(&String, &bool)| **caught && others.get(*name) != Some(&true);
        these.iter().filter(new).map(|(name, _)| name.clone()).collect()
    };
    [only(&b, &a), only(&a, &b)]
}

/// Why the two runs differ in more than what was changed on purpose.
fn doubts(a: &EvacScenario, b: &EvacScenario) -> Vec<&'static str> {
    let mut found = Vec::new();
    if a.building != b.building {
        found.push("两次演算的建筑不同。");
    }
    if a.seed != b.seed || a.members != b.members {
        found.push("两次演算的随机种子或成员数不同, 差异含随机性。");
    }
    found
}

const SHARES: [f32; 4] = [104.0, 62.0, 62.0, 66.0];

pub(crate) fn panel(ui: &mut Ui, (first, second, a, b): &EvacPair) {
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            tag(ui, "模拟", Palette::SIMULATED);
            ui.label(format!("{} 相对 {}", second.label(), first.label()));
        });
        for doubt in doubts(&a.scenario, &b.scenario) {
            ui.label(RichText::new(doubt).size(12.5).color(Palette::WARN));
        }
        table_row(ui, &SHARES, "", &["", &first.label(), &second.label(), "差"].map(weak));
        headlines(a, b).iter().for_each(|l| line(ui, l));
        section(ui, "安全出口 (人)", &exits(a, b));
        section(ui, "疏散楼梯 (人)", &stairs(a, b));
        let [lost, gained] = unsafe_changes(a, b);
        places(ui, "变为不安全 (有人在内)", &lost, Palette::BAD);
        places(ui, "不再不安全", &gained, Palette::GOOD);
        if lost.is_empty() && gained.is_empty() {
            ui.label(weak("不安全时有人的空间没有变化"));
        }
    });
}

fn section(ui: &mut Ui, title: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.label(RichText::new(title).size(13.5).strong().color(Palette::TEXT));
    lines.iter().take(ROWS).for_each(|l| line(ui, l));
    if lines.len() > ROWS {
        ui.label(weak(format!("另有 {} 项", lines.len() - ROWS)));
    }
}

/// Rows that a list has at most.
const ROWS: usize = 12;

fn line(ui: &mut Ui, l: &Line) {
    let cell = |text: &str, colour| RichText::new(text).size(12.5).color(colour);
    let [a, b] = &l.values;
    let cells = [
        cell(&l.name, Palette::TEXT),
        cell(a, Palette::TEXT),
        cell(b, Palette::TEXT),
        cell(&l.difference, l.change.colour()),
    ];
    table_row(ui, &SHARES, &l.name, &cells);
}

fn places(ui: &mut Ui, title: &str, names: &[String], colour: Color32) {
    if names.is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.label(RichText::new(format!("{title} {} 个", names.len())).size(13.5).color(colour));
    for name in names.iter().take(ROWS) {
        table_row(ui, &[1.0], name, &[weak(names::place(name))]);
    }
    if names.len() > ROWS {
        ui.label(weak(format!("另有 {} 个", names.len() - ROWS)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use twin_model::{EvacBand, ExitUse};

    #[test]
    fn times_differ_towards_better_or_worse() {
        let of = |a, b, sign| {
            let l = times("", [a, b], sign, "未撤完");
            (l.difference, l.change)
        };
        assert_eq!(of(Some(600.0), Some(540.2), 1.0), ("-60 s".into(), Change::Better));
        assert_eq!(of(Some(600.0), None, 1.0), ("改变".into(), Change::Worse));
        assert_eq!(of(None, Some(600.0), 1.0), ("改变".into(), Change::Better));
        assert_eq!(of(None, None, 1.0), ("—".into(), Change::Same));
        assert_eq!(of(Some(600.0), Some(600.2), 1.0), ("0 s".into(), Change::Same));
        assert_eq!(of(Some(100.0), Some(160.0), -1.0), ("+60 s".into(), Change::Better), "safe for longer");
        assert_eq!(of(Some(100.0), None, -1.0), ("改变".into(), Change::Better), "safe to the end");
        assert_eq!(times("", [None, Some(60.0)], 1.0, "未撤完").values, ["未撤完", "01:00"]);
    }

    #[test]
    fn a_blocked_stair_shows_in_every_part() {
        let base = sample::summary();
        let mut other = sample::summary();
        other.rset_s = EvacBand { p50: Some(700.0), p95: Some(800.0) };
        other.balance.stopped = 0;
        other.exits.swap_remove(1);
        other.exits.push(ExitUse { exit: "新门".into(), people: 9 });
        other.stairs.iter_mut().filter(|s| s.stair.starts_with('1')).for_each(|s| s.people = 0);
        for s in &mut other.spaces {
            s.unsafe_share = if s.space == "1F/走道" { 0.5 } else { 0.0 };
        }
        let [p50, p95, stopped, awaiting, inside] = headlines(&base, &other).try_into().unwrap();
        assert_eq!((p50.difference.as_str(), p50.change), ("+38 s", Change::Worse));
        assert_eq!((p95.values[0].as_str(), p95.change), ("未撤完", Change::Better));
        assert_eq!((stopped.difference.as_str(), stopped.change), ("-2", Change::Better));
        assert_eq!((awaiting.change, inside.change), (Change::Same, Change::Same));
        let doors: Vec<(String, String)> = exits(&base, &other).into_iter().map(|l| (l.name, l.difference)).collect();
        let expected = [("单元门-1F 1", "0"), ("单元门-1F 2", "-202"), ("M_Single-Flush 146596", "0"), ("新门", "+9")];
        assert_eq!(doors, expected.map(|(n, d)| (n.to_owned(), d.to_owned())));
        let flights = stairs(&base, &other);
        assert_eq!((flights[0].name.as_str(), flights[0].difference.as_str()), ("1单元楼梯", "-180"));
        assert_eq!((flights[0].change, flights[1].change), (Change::Other, Change::Same));
        let [lost, gained] = unsafe_changes(&base, &other);
        assert_eq!((lost, gained.len()), (vec!["1F/走道".to_owned()], 2));
    }

    #[test]
    fn draws_that_differ_are_said() {
        let a = sample::scenario();
        assert!(doubts(&a, &a).is_empty());
        let b = EvacScenario { seed: 9, ..a.clone() };
        assert_eq!(doubts(&a, &b), ["两次演算的随机种子或成员数不同, 差异含随机性。"]);
        let b = EvacScenario { building: None, ..a.clone() };
        assert_eq!(doubts(&a, &b), ["两次演算的建筑不同。"]);
    }
}
