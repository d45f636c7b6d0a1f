//! Advice drawn from a finished forecast (疏散建议): rules on its numbers, nothing computed anew.

use crate::EvacSummary;
use serde::{Deserialize, Serialize};

/// Stands with every piece of advice.
pub const ADVICE_MARK_ZH: &str = "推演结果,仅供参考";
/// The same in English.
pub const ADVICE_MARK_EN: &str = "Result of a simulation, for reference only";

/// What it is about, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceKind {
    /// People who cannot leave by themselves (优先救助).
    Fetch,
    /// Unsafe before everybody is out (来不及撤空).
    UnsafeBeforeEmpty,
    /// The stair that becomes unsafe first (楼梯最后安全时刻).
    StairMargin,
    /// An exit that carries too much (出口过载).
    ExitCrowded,
    /// An exit that nobody uses (出口闲置).
    ExitUnused,
    /// Some are still inside at the end (未全部撤出).
    NotEmpty,
}

/// A number that a piece of advice rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdviceNumber {
    /// The field of the summary that it comes from.
    pub name: String,
    /// Value; counts in persons, times in s, shares of 1.
    pub value: f64,
}

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// What it is about.
    pub kind: AdviceKind,
    /// Space, stair or exit.
    pub place: String,
    /// What it rests on.
    pub numbers: Vec<AdviceNumber>,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
}

/// Places named at most, per kind.
const NAMED: usize = 5;
/// Exits are compared only when at least so many people left, persons (our choice).
const ENOUGH_PEOPLE: u64 = 20;
/// An exit is crowded when it carries this many times its equal share (our choice).
const CROWDED: f64 = 1.5;

/// What the numbers of a forecast advise, most urgent first. Empty when nothing stands out.
#[must_use]
pub fn advice(s: &EvacSummary) -> Vec<Advice> {
    let mut list = fetch(s);
    list.extend(unsafe_spaces(s));
    list.extend(stair(s));
    list.extend(exits(s));
    list.extend(not_empty(s));
    list
}

fn number(name: &str, value: f64) -> AdviceNumber {
    AdviceNumber { name: name.into(), value }
}

fn made(kind: AdviceKind, place: &str, numbers: Vec<AdviceNumber>, zh: String, en: String) -> Advice {
    Advice { kind, place: place.into(), numbers, zh, en }
}

/// Whole minute that has begun, for people: "before minute 7".
fn minute(s: f64) -> u64 {
    (s.max(0.0) / 60.0) as u64
}

fn fetch(s: &EvacSummary) -> Vec<Advice> {
    let aset = |place: &str| s.spaces.iter().find(|o| o.space == place).and_then(|o| o.aset_p05_s.or(o.aset_s));
    let mut places: Vec<_> = s
        .help
        .iter()
        .filter(|h| h.stopped + h.awaiting > 0)
        .map(|h| (h, aset(&h.place).unwrap_or(f64::INFINITY)))
        .collect();
    // Those already stopped, then those whose place becomes unsafe first, then the larger group.
    places.sort_by(|(a, at), (b, bt)| {
        let people = (b.stopped + b.awaiting).cmp(&(a.stopped + a.awaiting));
        (b.stopped > 0).cmp(&(a.stopped > 0)).then(at.total_cmp(bt)).then(people).then(a.place.cmp(&b.place))
    });
    let told = |(h, at): (&crate::HelpNeeded, f64)| {
        let (stopped, awaiting) = (h.stopped, h.awaiting);
        let mut numbers = vec![number("stopped", f64::from(stopped)), number("awaiting", f64::from(awaiting))];
        let (mut zh, mut en) = (
            format!("先救{}:失能{stopped}人,需协助{awaiting}人", h.place),
            format!("Fetch first at {}: {stopped} overcome, {awaiting} need help", h.place),
        );
        if at.is_finite() {
            numbers.push(number("aset_p05_s", at));
            zh += &format!(",该处约{at:.0} s后不安全");
            en += &format!(", unsafe from about {at:.0} s");
        }
        made(AdviceKind::Fetch, &h.place, numbers, zh + "。", en + ".")
    };
    places.into_iter().take(NAMED).map(told).collect()
}

fn unsafe_spaces(s: &EvacSummary) -> Vec<Advice> {
    let mut list: Vec<_> = s.spaces.iter().filter(|o| o.unsafe_share > 0.0).collect();
    list.sort_by(|a, b| {
        let margin = |o: &crate::SpaceOutcome| o.margin_s.unwrap_or(0.0);
        b.unsafe_share.total_cmp(&a.unsafe_share).then(margin(a).total_cmp(&margin(b))).then(a.space.cmp(&b.space))
    });
    let told = |o: &crate::SpaceOutcome| {
        let (share, people) = (o.unsafe_share, o.people);
        let mut numbers = vec![number("unsafe_share", share), number("people", f64::from(people))];
        let percent = 100.0 * share;
        let (mut zh, mut en) = (
            format!("{}在撤空前可能不安全:{percent:.0}%的推演如此,起始{people}人", o.space),
            format!(
                "{} may be unsafe before it is empty: in {percent:.0} % of courses, {people} people at the start",
                o.space
            ),
        );
        if let Some(t) = o.aset_p05_s.or(o.aset_s) {
            numbers.push(number("aset_p05_s", t));
            zh += &format!(",最早约{t:.0} s");
            en += &format!(", earliest about {t:.0} s");
        }
        made(AdviceKind::UnsafeBeforeEmpty, &o.space, numbers, zh + "。", en + ".")
    };
    list.into_iter().take(NAMED).map(told).collect()
}

fn stair(s: &EvacSummary) -> Option<Advice> {
    let last = |t: &crate::StairOutcome| t.last_safe_p05_s.or(t.last_safe_s);
    let worst = s.stairs.iter().filter_map(|t| last(t).map(|at| (t, at)));
    let (t, at) = worst.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.stair.cmp(&b.0.stair)))?;
    let numbers = vec![number("last_safe_p05_s", at), number("people", t.people as f64)];
    let (m, n) = (minute(at), t.people);
    let zh = format!("{}余量最小:最后安全时刻约第{m}分({at:.0} s),推演中{n}人经此。", t.stair);
    let en = format!("{} has the least margin: last safe at about minute {m} ({at:.0} s); {n} people use it.", t.stair);
    Some(made(AdviceKind::StairMargin, &t.stair, numbers, zh, en))
}

fn exits(s: &EvacSummary) -> Vec<Advice> {
    let left: u64 = s.exits.iter().map(|e| e.people).sum();
    if s.exits.len() < 2 || left < ENOUGH_PEOPLE {
        return Vec::new();
    }
    let equal = 1.0 / s.exits.len() as f64;
    let told = |e: &crate::ExitUse| {
        let (n, share) = (e.people, e.people as f64 / left as f64);
        let numbers = vec![number("people", n as f64), number("share", share), number("equal_share", equal)];
        let percent = 100.0 * share;
        if n == 0 {
            let zh = format!("{}未被使用,可引导分流(其余出口共{left}人)。", e.exit);
            let en = format!("{} is not used; send people there ({left} left by the others).", e.exit);
            Some(made(AdviceKind::ExitUnused, &e.exit, numbers, zh, en))
        } else if share > CROWDED * equal {
            let zh = format!("{}承担{percent:.0}%({n}人),建议分流到其他出口。", e.exit);
            let en = format!("{} carries {percent:.0} % ({n} people); send some to other exits.", e.exit);
            Some(made(AdviceKind::ExitCrowded, &e.exit, numbers, zh, en))
        } else {
            None
        }
    };
    let mut list: Vec<Advice> = s.exits.iter().filter_map(told).collect();
    list.sort_by_key(|a| a.kind);
    list
}

fn not_empty(s: &EvacSummary) -> Option<Advice> {
    let open = s.rset_members_s.iter().filter(|r| r.is_none()).count();
    if open == 0 {
        return None;
    }
    let (n, inside) = (s.members, s.balance.inside);
    let numbers = vec![
        number("members_not_empty", open as f64),
        number("members", f64::from(n)),
        number("inside", inside as f64),
    ];
    let zh = format!("{n}次推演中{open}次在结束时仍有人未撤出(首次推演{inside}人)。");
    let en = format!("In {open} of {n} courses somebody who can walk is inside at the end ({inside} in the first).");
    Some(made(AdviceKind::NotEmpty, &s.building, numbers, zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EvacBalance, EvacBand, ExitUse, HelpNeeded, SpaceOutcome, StairOutcome};

    fn summary() -> EvacSummary {
        let text = r#"{"kind": "evacuation", "name": "x", "duration_s": 600, "members": 2}"#;
        EvacSummary {
            scenario: serde_json::from_str(text).unwrap(),
            live: None,
            building: "B".into(),
            members: 2,
            network_members: 0,
            alarm_s: Some(60.0),
            rset_s: EvacBand::default(),
            rset_members_s: vec![Some(300.0), Some(310.0)],
            left_s: EvacBand::default(),
            members_with_stopped: 0,
            spaces: vec![],
            exits: vec![],
            stairs: vec![],
            help: vec![],
            smoke_alarms: vec![],
            doses: [0; 3],
            balance: EvacBalance::default(),
            gas_error: [0.0; 2],
            curve: vec![],
            outdoor: None,
            warnings: vec![],
            checksum: String::new(),
        }
    }

    fn space(name: &str, aset: Option<f64>, share: f64) -> SpaceOutcome {
        SpaceOutcome {
            space: name.into(),
            people: 7,
            aset_s: aset,
            criterion: None,
            aset_p05_s: aset,
            last_person_s: None,
            margin_s: None,
            unsafe_share: share,
            gas_fed_s: [None; 3],
            least_visibility_m: 1.0,
            greatest_c: 20.0,
        }
    }

    #[test]
    fn nothing_stands_out() {
        assert_eq!(advice(&summary()), []);
    }

    #[test]
    fn who_is_overcome_comes_first_then_who_has_least_time() {
        let mut s = summary();
        let help =
            |place: &str, stopped, awaiting| HelpNeeded { place: place.into(), stopped, awaiting, still_inside: 0 };
        s.help = vec![help("2F/A", 0, 3), help("2F/B", 0, 1), help("3F/C", 2, 0), help("1F/D", 0, 0)];
        s.spaces = vec![space("2F/A", Some(400.0), 0.0), space("2F/B", Some(200.0), 0.5)];
        let list = advice(&s);
        let places: Vec<&str> = list.iter().map(|a| a.place.as_str()).collect();
        assert_eq!(places, ["3F/C", "2F/B", "2F/A", "2F/B"]);
        assert_eq!(list[1].zh, "先救2F/B:失能0人,需协助1人,该处约200 s后不安全。");
        assert_eq!(list[3].kind, AdviceKind::UnsafeBeforeEmpty);
        assert_eq!(list[3].numbers[0], number("unsafe_share", 0.5));
    }

    #[test]
    fn exits_are_compared_with_an_equal_share() {
        let mut s = summary();
        let exit = |name: &str, people| ExitUse { exit: name.into(), people };
        s.exits = vec![exit("west", 80), exit("east", 20), exit("north", 0)];
        let list = advice(&s);
        assert_eq!(list.iter().map(|a| a.kind).collect::<Vec<_>>(), [AdviceKind::ExitCrowded, AdviceKind::ExitUnused]);
        assert!(list[0].en.contains("west carries 80 %"), "{}", list[0].en);
        s.exits = vec![exit("west", 12), exit("east", 0)];
        assert_eq!(advice(&s), []);
    }

    #[test]
    fn the_stair_with_the_least_margin_has_its_minute() {
        let mut s = summary();
        let stair =
            |name: &str, p05| StairOutcome { stair: name.into(), people: 40, last_safe_s: None, last_safe_p05_s: p05 };
        s.stairs = vec![stair("S1", Some(430.0)), stair("S2", None), stair("S3", Some(250.0))];
        s.rset_members_s[1] = None;
        let list = advice(&s);
        assert_eq!((list[0].place.as_str(), list[0].kind), ("S3", AdviceKind::StairMargin));
        assert!(list[0].zh.contains("第4分(250 s)"), "{}", list[0].zh);
        assert_eq!(list[1].kind, AdviceKind::NotEmpty);
    }
}
