//! Tables read from CSV, the deadline clock, proposals.

use crate::world::{CLASSES, DEPARTMENTS, HOUR, World, cst, load, rules, to};
use sync_core::cases::{Reason, WorkLimit, propose};
use twin_model::{CaseAction, CaseStage, DepartmentId, Severity};

#[test]
fn tables_read_and_name_classes() {
    let rules = rules();
    let (table, class) = rules.class("c101").unwrap();
    assert_eq!((table.code_system.as_str(), class.name.as_str()), ("demo:1", "井盖破损"));
    assert_eq!((class.limit, class.severity), (Some(WorkLimit::Days(2)), Some(Severity::Critical)));
    assert_eq!(rules.class("demo:1/e101").unwrap().1.department, Some(DepartmentId(1)));
    assert!(rules.class("环卫").is_none() && rules.class("cjt214-2007/e101").is_none());
    assert_eq!(rules.departments[&DepartmentId(2)].grids, ["g1", "第一网格"]);
}

#[test]
fn a_code_that_two_tables_share_must_say_which() {
    let mut rules = rules();
    let mut other = rules.tables[0].clone();
    other.code_system = "city:340100:7".into();
    rules.tables.push(other);
    assert!(rules.class("e101").is_none());
    assert_eq!(rules.class("city:340100:7/e101").unwrap().0.code_system, "city:340100:7");
}

#[test]
fn every_bad_line_is_told_with_its_number() {
    let departments = format!("{DEPARTMENTS}x,坏,*,,1\n1,又一个,*,,1\n9,零,*,,0\n8,少\n");
    let classes = format!(
        "{CLASSES}e101,再来,event,1,work_hours,1,3\n# a comment\ne200,无单位,event,4,,1,3\ne201,无部门,event,,,77,\n\
         e202,级别,event,,,1,5\ne203,种类,other,,,1,\n=cmd,公式,event,,,1,\ne204,,event,,,1,\n\"e205,\"\"引号\n,event"
    );
    let error = load(&departments, &classes).unwrap_err().to_string();
    for line in [
        "departments.csv line 6: id = \"x\": must be a number 0..65535",
        "departments.csv line 7: id = 1: given to \"环卫所\" already",
        "departments.csv line 8: capacity must be ≥ 1",
        "departments.csv line 9: has 2 cells: must have 5",
        "classes.csv line 6: code = \"e101\": occurs twice",
        "classes.csv line 8: limit = \"4\", unit = \"\": must be a number",
        "classes.csv line 9: department = 77: not in the table",
        "classes.csv line 10: severity = \"5\": must be 1 (worst) to 4",
        "classes.csv line 11: kind = \"other\": must be component (部件) or event (事件)",
        "classes.csv line 12: code = \"=cmd\": must be letters",
        "classes.csv line 13: name has 0 characters: must be 1..60",
        "classes.csv line 14: has 1 cells: must have 7",
    ] {
        assert!(error.contains(line), "{line}\nnot in\n{}", error.replace("; ", "\n"));
    }
    let error = load("id,name\n", CLASSES).unwrap_err().to_string();
    assert!(error.contains("departments.csv line 1: columns are missing: grids, classes, capacity"), "{error}");
}

#[test]
fn the_clock_starts_at_the_dispatch_and_stands_while_suspended() {
    let mut w = World::new();
    let id = w.report("e101", [0.0, 0.0], cst("2026-11-13 09:00"));
    w.make(id, CaseAction::Register, cst("2026-11-13 09:30")).unwrap();
    assert_eq!(w.case(id).clock, None);
    w.make(id, to(1), cst("2026-11-13 10:00")).unwrap();
    let due = |w: &World| w.case(id).due_at();
    assert_eq!(due(&w), Some(cst("2026-11-13 16:00")), "4 working hours over noon");
    w.make(id, CaseAction::Start, cst("2026-11-13 10:30")).unwrap();
    assert_eq!(due(&w), Some(cst("2026-11-13 16:00")), "taking it up changes nothing");
    w.make(id, CaseAction::Suspend, cst("2026-11-13 11:00")).unwrap();
    assert_eq!((due(&w), w.case(id).clock.unwrap().used_ms), (None, HOUR));
    w.make(id, CaseAction::Resume, cst("2026-11-16 09:30")).unwrap();
    assert_eq!(due(&w), Some(cst("2026-11-16 14:30")), "three hours are left after the weekend");
    w.make(id, CaseAction::RequestExtension { work_min: 120 }, cst("2026-11-16 10:00")).unwrap();
    assert_eq!(due(&w), Some(cst("2026-11-16 14:30")), "asking changes nothing");
    w.make(id, CaseAction::GrantExtension, cst("2026-11-16 10:30")).unwrap();
    assert_eq!(due(&w), Some(cst("2026-11-16 16:30")));
    w.make(id, to(2), cst("2026-11-16 11:00")).unwrap();
    assert_eq!((due(&w), w.case(id).stage), (Some(cst("2026-11-16 16:30")), CaseStage::Dispatched), "改派 goes on");
    w.make(id, CaseAction::Start, cst("2026-11-16 11:00")).unwrap();
    w.make(id, CaseAction::Feedback, cst("2026-11-16 11:30")).unwrap();
    let clock = w.case(id).clock.unwrap();
    assert_eq!(
        (clock.used_ms, clock.limit_ms, clock.due_at, clock.is_within()),
        (3 * HOUR, Some(6 * HOUR), None, Some(true))
    );
    w.make(id, CaseAction::SendBack, cst("2026-11-17 09:00")).unwrap();
    assert_eq!(due(&w), Some(cst("2026-11-17 12:00")), "sent back: three hours are left");
    w.make(id, CaseAction::Feedback, cst("2026-11-17 15:00")).unwrap();
    assert_eq!(w.case(id).clock.unwrap().is_within(), Some(false));
    let refused = w.make(id, to(1), cst("2026-11-17 15:00")).unwrap_err();
    assert!(refused.starts_with("case 1 is at stage 反馈: dispatch is not possible there; allowed: "), "{refused}");
}

#[test]
fn a_returned_task_starts_anew_and_details_are_checked() {
    let mut w = World::new();
    let id = w.report("c101", [0.0, 0.0], cst("2026-11-13 09:00"));
    w.make(id, CaseAction::Advance, cst("2026-11-13 09:00")).unwrap();
    let unknown = w.make(id, to(9), cst("2026-11-13 09:00")).unwrap_err();
    assert_eq!(unknown, "case 1: department = 9: must be one of 1, 2, 3, 4");
    w.make(id, to(3), cst("2026-11-13 09:00")).unwrap();
    assert_eq!(w.case(id).due_at(), Some(cst("2026-11-17 09:00")), "2 working days");
    w.make(id, CaseAction::Return, cst("2026-11-13 11:00")).unwrap();
    assert_eq!((w.case(id).due_at(), w.case(id).department), (None, None));
    w.make(id, to(1), cst("2026-11-16 09:00")).unwrap();
    assert_eq!(w.case(id).due_at(), Some(cst("2026-11-18 09:00")));
    let of = CaseAction::MarkDuplicate { of: twin_model::CaseId(44) };
    assert_eq!(w.make(id, of, cst("2026-11-16 09:00")).unwrap_err(), "case 1: of = 44: there is no such case");
    // Without a limit there is time used, but no deadline.
    let free = w.report("环卫", [0.0, 0.0], cst("2026-11-13 09:00"));
    w.make(free, CaseAction::Advance, cst("2026-11-13 09:00")).unwrap();
    w.make(free, CaseAction::Advance, cst("2026-11-13 09:00")).unwrap();
    w.make(free, CaseAction::Close, cst("2026-11-13 10:00")).unwrap();
    let clock = w.case(free).clock.unwrap();
    assert_eq!((clock.used_ms, clock.limit_ms, clock.is_within()), (HOUR, None, None));
}

#[test]
fn proposals_follow_class_grid_and_load() {
    let mut w = World::new();
    let id = w.report("e101", [0.0, 0.0], cst("2026-11-13 09:00"));
    let case = w.case(id);
    let names = |list: &[sync_core::cases::Proposal]| list.iter().map(|p| p.department.0).collect::<Vec<_>>();
    let g1 = Some(("g1", "第一网格"));
    let list = propose(&w.rules, &case, g1, |_| 0);
    assert_eq!(names(&list), [1, 2], "responsible first, the grid's property company second, not that of another grid");
    assert_eq!(list[0].reasons[0], Reason::ResponsibleForClass);
    assert_eq!((list[0].score, list[1].score), (70.0, 50.0));
    assert_eq!(list[1].reasons[0].zh(), "受理 e1 类");
    // A department that is full comes after one that is free.
    let list = propose(&w.rules, &case, g1, |d| if d.0 == 1 { 20 } else { 0 });
    assert_eq!((names(&list), list[1].score), (vec![2, 1], 30.0));
    assert_eq!(list[1].reasons[2], Reason::Load { open: 20, capacity: 20 });
    assert_eq!(names(&propose(&w.rules, &case, None, |_| 0)), [1], "without a grid only who works everywhere");
    let free = w.report("矛盾纠纷", [0.0, 0.0], cst("2026-11-13 09:00"));
    assert!(propose(&w.rules, &w.case(free), g1, |_| 0).is_empty());
}
