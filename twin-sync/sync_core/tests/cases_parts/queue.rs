//! The queue against sorting everything; near reports against comparing with everything.

use crate::world::{World, cst, to};
use proptest::prelude::*;
use sync_core::cases::{CaseQueue, QueueFilter, QueueOrder, SIMILAR_WITHIN_MS, SimilarIndex};
use twin_model::{Case, CaseClock, CaseId, CaseStage, DepartmentId, EntityId, Placement, Severity, TimeMs};

fn case(id: u64, pick: (u32, u8, i64, u8)) -> Case {
    let (grid, class, at, kind) = pick;
    let mut c = Case::reported(CaseId(id), format!("k{}", class % 3), "t".into(), String::new(), TimeMs(at));
    c.grid = (grid < 5).then_some(EntityId(grid));
    c.severity = [None, Some(Severity::Critical), Some(Severity::Notice)][usize::from(class % 3)];
    c.department = (kind % 2 == 0).then_some(DepartmentId(u16::from(kind % 5)));
    let due_at = (kind % 3 != 0).then_some(TimeMs(at * 7 % 1000));
    c.clock = Some(CaseClock { limit_ms: Some(1), used_ms: 0, since: due_at, due_at });
    if kind > 200 {
        c.stage = CaseStage::Closed;
    }
    c
}

fn picks() -> impl Strategy<Value = Vec<(u32, u8, i64, u8)>> {
    prop::collection::vec((0u32..6, any::<u8>(), 0i64..1000, any::<u8>()), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pages_are_the_sorted_list(picks in picks(), changed in picks(), limit in 1usize..9, by in 0usize..3, only in any::<bool>()) {
        let mut queue = CaseQueue::default();
        let mut all: Vec<Case> = picks.iter().enumerate().map(|(i, p)| case(i as u64, *p)).collect();
        all.iter().for_each(|c| queue.put(c));
        for (i, p) in changed.iter().enumerate().take(all.len()) {
            all[i] = case(i as u64, *p);
            queue.put(&all[i]);
        }
        let order = [QueueOrder::Due, QueueOrder::Severity, QueueOrder::Age][by];
        let filter = QueueFilter { department: only.then_some(DepartmentId(2)), ..QueueFilter::default() };
        let grids = [Some(EntityId(0)), Some(EntityId(3)), None];
        let never = TimeMs(i64::MAX >> 10);
        let mut wanted: Vec<&Case> = all.iter().filter(|c| c.stage.is_open() && grids.contains(&c.grid)).collect();
        let open = wanted.len();
        wanted.retain(|c| !only || c.department == Some(DepartmentId(2)));
        wanted.sort_by_key(|c| {
            let due = c.due_at().unwrap_or(never).0;
            let worst = c.severity.map_or(9, |s| s as i64);
            let key = match order {
                QueueOrder::Due => (due, 0),
                QueueOrder::Severity => (worst, due),
                QueueOrder::Age => (c.reported_at().0, 0),
            };
            (key, c.id)
        });
        let (mut got, mut after) = (vec![], None);
        loop {
            let page = queue.page(grids, order, &filter, after, limit);
            prop_assert_eq!(page.open, open);
            prop_assert!(page.cases.len() <= limit);
            got.extend(page.cases);
            match page.next { Some(next) => after = Some(next), None => break }
        }
        prop_assert_eq!(got, wanted.iter().map(|c| c.id).collect::<Vec<_>>());
        let load = all.iter().filter(|c| c.stage.is_open() && c.department == Some(DepartmentId(4))).count();
        prop_assert_eq!(queue.load(DepartmentId(4)) as usize, load);
        let late = all.iter().filter(|c| c.stage.is_open() && c.due_at().is_some_and(|d| d.0 < 500)).count();
        prop_assert_eq!(queue.overdue(TimeMs(500)).count(), late);
    }

    #[test]
    fn near_reports_are_all_found(places in prop::collection::vec((0i32..400, 0i32..400, 0i64..50, any::<u8>()), 2..60)) {
        let cases: Vec<Case> = places.iter().enumerate().map(|(i, (x, y, h, k))| {
            let mut c = Case::reported(CaseId(i as u64), format!("k{}", k % 2), "t".into(), String::new(), TimeMs(h * 3_600_000));
            c.p_enu = [f64::from(x - 200), f64::from(y - 200), 0.0];
            c
        }).collect();
        let mut index = SimilarIndex::default();
        cases.iter().for_each(|c| index.put(c));
        let removed = &cases[0];
        index.remove(removed);
        for c in &cases[1..] {
            let near = |o: &&Case| {
                let (dx, dy) = (o.p_enu[0] - c.p_enu[0], o.p_enu[1] - c.p_enu[1]);
                o.id != c.id && o.id != removed.id && o.class == c.class && dx * dx + dy * dy <= 2500.0
                    && (o.reported_at().0 - c.reported_at().0).abs() <= SIMILAR_WITHIN_MS
            };
            let mut wanted: Vec<CaseId> = cases.iter().filter(near).map(|o| o.id).collect();
            let mut got: Vec<CaseId> = index.of(c, |id| cases.get(id.0 as usize), 1000).iter().map(|s| s.case).collect();
            wanted.sort();
            got.sort();
            prop_assert_eq!(got, wanted);
        }
    }
}

#[test]
fn the_limits_of_nearness_are_included() {
    let mut w = World::new();
    let at = cst("2026-11-13 09:00");
    let first = w.report("e101", [0.0, 0.0], at);
    let near = w.report("e101", [30.0, 40.0], TimeMs(at.0 + SIMILAR_WITHIN_MS));
    w.report("e101", [30.0, 40.01], at);
    w.report("e101", [0.0, 0.0], TimeMs(at.0 + SIMILAR_WITHIN_MS + 1));
    w.report("c101", [0.0, 0.0], at);
    let live = w.engine.live();
    let found = w.engine.book().similar.of(&w.case(first), |id| live.case(id), 10);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].case, found[0].distance_m, found[0].seconds), (near, 50.0, 86_400.0));
    assert_eq!(w.case(near).duplicate_of, None, "suggested, never merged by itself");
    let mut nowhere = w.case(first);
    nowhere.placed = Placement::Unlocated;
    assert!(w.engine.book().similar.of(&nowhere, |id| live.case(id), 10).is_empty());
    w.make(near, twin_model::CaseAction::MarkDuplicate { of: first }, at).unwrap();
    assert_eq!((w.case(near).duplicate_of, w.case(near).stage), (Some(first), CaseStage::Cancelled));
}

#[test]
fn what_is_dispatched_moves_up_the_queue() {
    let mut w = World::new();
    let at = cst("2026-11-13 09:00");
    let slow = w.report_in("c101", [0.0, 0.0], at, Some(1));
    let quick = w.report_in("e101", [0.0, 0.0], at, Some(1));
    for id in [slow, quick] {
        w.make(id, twin_model::CaseAction::Register, at).unwrap();
        w.make(id, to(1), at).unwrap();
    }
    let page = |w: &World, order| {
        w.engine.book().queue.page([Some(EntityId(1))], order, &QueueFilter::default(), None, 10).cases
    };
    assert_eq!(page(&w, QueueOrder::Due), [quick, slow], "4 hours before 2 days");
    assert_eq!(page(&w, QueueOrder::Severity), [slow, quick], "一级 before 三级");
    w.make(quick, twin_model::CaseAction::Suspend, at).unwrap();
    assert_eq!(page(&w, QueueOrder::Due), [slow, quick]);
    w.make(quick, twin_model::CaseAction::Cancel, at).unwrap();
    assert_eq!(page(&w, QueueOrder::Age), [slow]);
}
