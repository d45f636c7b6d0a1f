//! Figures kept as moves are made, made again from the log, and counted by a plain reading of the log.

use crate::world::{World, cst, to};
use proptest::prelude::*;
use std::collections::BTreeMap;
use sync_core::cases::{Counts, FigureBy, Figures, QueueFilter, QueueOrder, Rates};
use sync_core::{Dedup, LiveEngine, LogRecord, RuleBook};
use twin_model::{CaseAction, CaseId, CaseStage, EntityId, TimeMs};

fn totals(figures: &Figures) -> Counts {
    figures.table(FigureBy::All, (i64::MIN, i64::MAX), |_| true).remove("").unwrap_or_default()
}

#[test]
fn figures_by_hand() {
    use CaseAction::*;
    let mut w = World::new();
    let at = |h: i64| TimeMs(cst("2026-11-16 09:00").0 + h * 3_600_000);
    let report = |w: &mut World, class: &str, grid| w.report_in(class, [0.0, 0.0], at(0), Some(grid));
    let make = |w: &mut World, id, actions: &[(CaseAction, i64)]| {
        actions.iter().for_each(|(a, h)| w.make(id, *a, at(*h)).unwrap());
    };
    // On time (2 h of 4), closed, rated 5.
    let a = report(&mut w, "e101", 1);
    make(&mut w, a, &[(Register, 0), (to(1), 0), (Start, 0), (Feedback, 2), (Close, 2), (Rate { satisfaction: 5 }, 3)]);
    // Late (9 h), sent back, handed in again, closed, rated 2.
    let b = report(&mut w, "e101", 1);
    make(
        &mut w,
        b,
        &[(Register, 0), (to(1), 0), (Start, 0), (Feedback, 25), (SendBack, 25), (Feedback, 26), (Close, 26)],
    );
    make(&mut w, b, &[(Rate { satisfaction: 2 }, 27)]);
    // Not accepted; void; returned and waiting; suspended.
    let c = report(&mut w, "e101", 2);
    make(&mut w, c, &[(Reject, 1)]);
    let d = report(&mut w, "e101", 2);
    make(&mut w, d, &[(Register, 1), (Cancel, 2)]);
    let e = report(&mut w, "e102", 2);
    make(&mut w, e, &[(Register, 1), (to(1), 1), (Return, 2)]);
    let f = report(&mut w, "e102", 2);
    make(
        &mut w,
        f,
        &[(Register, 1), (to(2), 1), (RequestExtension { work_min: 60 }, 1), (GrantExtension, 1), (Suspend, 2)],
    );
    // Overdue and still open.
    let g = report(&mut w, "e101", 1);
    make(&mut w, g, &[(Register, 0), (to(1), 0)]);

    let c = totals(&w.engine.book().figures);
    assert_eq!((c.reported, c.registered, c.rejected, c.voided, c.closed), (7, 6, 1, 1, 2));
    assert_eq!((c.dispatched, c.returned, c.suspended, c.extended), (4, 1, 1, 1));
    assert_eq!((c.handled, c.handled_on_time, c.checks, c.reworks), (3, 1, 3, 1));
    let overdue = w.engine.book().queue.overdue(at(30)).count();
    assert_eq!(overdue, 1);
    let r = Rates::of(&c, overdue as i64, false);
    assert_eq!(r.registration, Some(6.0 / 7.0), "立案率");
    assert_eq!(r.on_time, Some(1.0 / 4.0), "按期处置率: one of three handled and one overdue");
    assert_eq!(r.closing, Some(2.0 / 5.0), "结案率: two of six registered, one of them void");
    assert_eq!(r.rework, Some(1.0 / 3.0), "返工率");
    assert_eq!((r.satisfaction, r.satisfied), (Some(3.5), Some(0.5)), "满意度");
    // 2 h + 9 h + 1 h more; the second counts once at 9 h and once at 9 + 1 h.
    let worked = [2.0, 8.0 + 1.0, 8.0 + 1.0 + 1.0].iter().sum::<f64>() / 3.0;
    let noon = 1.0;
    assert!((r.mean_handling_h.unwrap() - worked).abs() < 2.0 * noon, "{:?}", r.mean_handling_h);
    let by_department = w.engine.book().figures.table(FigureBy::Department, (i64::MIN, i64::MAX), |_| true);
    let one = &by_department["1"];
    assert_eq!((one.dispatched, one.dispatched_closed, one.returned), (3, 2, 1));
    assert_eq!(Rates::of(one, 1, true).closing, Some(2.0 / 3.0));
    let by_grid = w.engine.book().figures.table(FigureBy::Grid, (i64::MIN, i64::MAX), |_| true);
    assert_eq!((by_grid["1"].reported, by_grid["2"].reported), (3, 4));
    let by_day = w.engine.book().figures.table(FigureBy::Day, (i64::MIN, i64::MAX), |g| g == Some(EntityId(1)));
    assert_eq!(by_day["2026-11-16"].handled, 1);
    assert_eq!(by_day["2026-11-17"].closed, 1);
    assert_eq!(Rates::of(&Counts::default(), 0, false), Rates::default(), "nothing to divide by");
}

/// What a plain reading of the log counts: (reported, registered, closed now, rejected, dispatched now, handed in,
/// reworks, ratings).
fn read(log: &[LogRecord]) -> [i64; 8] {
    #[derive(Default)]
    struct Line {
        stages: Vec<CaseStage>,
        departments: Vec<bool>,
        rejected: bool,
        reworks: i64,
        handed: i64,
        ratings: i64,
    }
    let mut cases: BTreeMap<CaseId, Line> = BTreeMap::new();
    let mut replayed: BTreeMap<CaseId, twin_model::Case> = BTreeMap::new();
    for record in log {
        match record {
            LogRecord::CaseCreated { case } => {
                cases.insert(case.id, Line { stages: vec![CaseStage::Reported], ..Line::default() });
                replayed.insert(case.id, case.clone());
            }
            LogRecord::CaseMoved { case, action, at, .. } => {
                let (line, state) = (cases.get_mut(case).unwrap(), replayed.get_mut(case).unwrap());
                let before = state.stage;
                let stage = state.apply(*action, *at, String::new()).unwrap();
                line.stages.push(stage);
                line.rejected |= *action == CaseAction::Reject;
                line.reworks += i64::from(*action == CaseAction::SendBack);
                line.ratings += i64::from(matches!(action, CaseAction::Rate { .. }));
                let worked = matches!(before, CaseStage::Dispatched | CaseStage::InProgress);
                line.handed += i64::from(worked && matches!(stage, CaseStage::Feedback | CaseStage::Closed));
                match action {
                    CaseAction::Dispatch { .. } => line.departments.push(true),
                    CaseAction::Advance if stage == CaseStage::Dispatched => line.departments.push(true),
                    CaseAction::Return => line.departments.push(false),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let count = |f: &dyn Fn(&Line) -> bool| cases.values().filter(|l| f(l)).count() as i64;
    let sum = |f: &dyn Fn(&Line) -> i64| cases.values().map(f).sum();
    use CaseStage::*;
    [
        cases.len() as i64,
        count(&|l| l.stages.iter().any(|s| !matches!(s, Reported | Cancelled))),
        count(&|l| matches!(l.stages.last(), Some(Closed | Evaluated))),
        count(&|l| l.rejected),
        count(&|l| l.departments.last() == Some(&true)),
        sum(&|l| l.handed),
        sum(&|l| l.reworks),
        sum(&|l| l.ratings),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn kept_replayed_and_read_agree(moves in prop::collection::vec((0u64..12, 0usize..18, 0i64..600), 0..300)) {
        let mut w = World::new();
        let mut now = cst("2026-11-13 09:00");
        for i in 0..12u32 {
            w.report_in(["e101", "c101", "环卫"][i as usize % 3], [0.0, 0.0], now, Some(i % 4));
        }
        let mut halfway = None;
        for (i, (id, kind, minutes)) in moves.iter().enumerate() {
            now = TimeMs(now.0 + minutes * 60_000);
            let action = match CaseAction::KINDS[*kind] {
                CaseAction::Dispatch { .. } => to(1 + (*minutes % 4) as u16),
                CaseAction::MarkDuplicate { .. } => CaseAction::MarkDuplicate { of: CaseId(1 + (id + 1) % 12) },
                CaseAction::Rate { .. } => CaseAction::Rate { satisfaction: 1 + (*minutes % 5) as u8 },
                other => other,
            };
            // What is refused is not in the log.
            let _refused = w.make(CaseId(id + 1), action, now);
            if i == moves.len() / 2 {
                halfway = Some((w.engine.snapshot(&Dedup::default()), w.log.len()));
            }
        }
        let kept = &w.engine.book().figures;
        // Replay from nothing.
        let mut replayed = LiveEngine::new(RuleBook::default());
        for (seq, record) in &w.log {
            replayed.apply(*seq, record);
        }
        prop_assert_eq!(&replayed.book().figures, kept);
        prop_assert_eq!(replayed.book(), w.engine.book());
        // Snapshot and tail.
        if let Some((snapshot, read)) = halfway {
            let text = serde_json::to_string(&snapshot).unwrap();
            let (mut restored, _) = LiveEngine::restore(RuleBook::default(), serde_json::from_str(&text).unwrap());
            for (seq, record) in &w.log[read..] {
                restored.apply(*seq, record);
            }
            prop_assert_eq!(&restored.book().figures, kept);
            prop_assert_eq!(restored.live().hash(), w.engine.live().hash());
            for order in [QueueOrder::Due, QueueOrder::Severity, QueueOrder::Age] {
                let grids = || (0..4).map(|g| Some(EntityId(g)));
                let page = |e: &LiveEngine| e.book().queue.page(grids(), order, &QueueFilter::default(), None, 100);
                prop_assert_eq!(page(&restored), page(&replayed));
            }
        }
        // The histories alone.
        let histories = Figures::of_cases(w.engine.live().cases());
        let cells = |f: &Figures| {
            let some = f.cells().filter(|(_, c)| **c != Counts::default());
            some.map(|(cell, c)| (cell.clone(), *c)).collect::<Vec<_>>()
        };
        prop_assert_eq!(cells(&histories), cells(kept));
        // A plain reading of the log.
        let c = totals(kept);
        let log: Vec<LogRecord> = w.log.iter().map(|(_, r)| r.clone()).collect();
        let counted = [c.reported, c.registered, c.closed, c.rejected, c.dispatched, c.handled, c.reworks, c.rated];
        prop_assert_eq!(counted, read(&log));
        prop_assert_eq!((c.registered_closed, c.closed), (c.closed, c.closed));
    }
}
