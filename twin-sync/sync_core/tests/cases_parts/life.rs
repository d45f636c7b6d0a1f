//! What stays in memory and goes to viewers, and logs of before.

use crate::world::{World, cst};
use sync_core::cases::{ImportedCase, ImportedMove, check_import, check_update};
use sync_core::{Dedup, LiveEngine, LiveState, LogRecord, RuleBook};
use twin_model::{
    CaseAction, CaseId, CasePhoto, CaseSource, CaseStage, CommunityModel, NewCase, PhotoKind, Placement, Seq, TimeMs,
};

#[test]
fn ended_cases_leave_memory_in_order_and_come_back() {
    let mut w = World::new();
    let at = cst("2026-11-13 09:00");
    let open = w.report("e101", [0.0, 0.0], at);
    let early = w.engine.live().seq();
    let mut viewer = LiveState::default();
    viewer.apply_message(&w.engine.live().snapshot()).unwrap();
    for _ in 0..1500 {
        let id = w.report("e101", [0.0, 0.0], at);
        w.make(id, CaseAction::Close, at).unwrap();
    }
    assert_eq!(w.engine.live().cases().count(), 1001, "the open one and the last thousand");
    let retired: Vec<u64> = w.engine.retired().map(|c| c.id.0).collect();
    assert_eq!(retired, (2..=501).collect::<Vec<_>>());
    assert!(w.engine.live().delta_since(early).is_none(), "too old: some of what closed since is forgotten");
    let recent = w.engine.live().delta_since(Seq(w.engine.live().seq().0 - 1500)).unwrap();
    assert!(recent.cases.len() <= 1000);
    viewer.apply_message(&w.engine.live().snapshot()).unwrap();
    assert_eq!(viewer.hash(), w.engine.live().hash());

    // A retired case is still there for whoever asks, and moves like any other.
    assert_eq!(w.engine.case(CaseId(2)).unwrap().stage, CaseStage::Closed);
    let snapshot = w.engine.snapshot(&Dedup::default());
    let text = serde_json::to_vec(&snapshot).unwrap();
    assert!(w.engine.live().case(CaseId(2)).is_none());
    w.make(CaseId(2), CaseAction::SendBack, at).unwrap();
    assert_eq!(w.engine.live().case(CaseId(2)).unwrap().stage, CaseStage::InProgress);
    assert_eq!(w.engine.live().delta_since(Seq(w.engine.live().seq().0 - 1)).unwrap().cases.len(), 1);

    // From the archive: the record carries the whole case.
    let archived = w.case(CaseId(3));
    let mut second = World::new();
    (second.engine, _) = LiveEngine::restore(RuleBook::default(), serde_json::from_slice(&text).unwrap());
    assert!(second.engine.case(CaseId(3)).is_none(), "the snapshot does not hold what the archive has");
    assert_eq!(second.engine.next_case_id(), CaseId(1502));
    second.commit(LogRecord::CaseRecalled { case: Box::new(archived) });
    second.make(CaseId(3), CaseAction::SendBack, at).unwrap();
    assert_eq!(second.case(CaseId(3)).stage, CaseStage::InProgress);
    let counts = second.engine.book().figures.cells().map(|(_, c)| c.reworks).sum::<i64>();
    assert_eq!(counts, 1);
    assert_eq!(second.case(open).stage, CaseStage::Reported);
}

#[test]
fn logs_of_before_read_and_count() {
    let old = [
        r#"{"kind":"case_created","case":{"id":4,"class":"环卫","title":"积存垃圾","description":"","entity":null,
            "grid":2,"p_enu":[1.0,2.0,0.0],"stage":"reported","events":[{"at":1000,"stage":"reported","note":""}]}}"#,
        r#"{"kind":"case_moved","case":4,"action":"advance","note":"","at":2000}"#,
        r#"{"kind":"case_moved","case":4,"action":"close","note":"好了","at":3000}"#,
    ];
    let mut engine = LiveEngine::new(RuleBook::default());
    for (i, text) in old.iter().enumerate() {
        let bytes = [&[1u8, 2], text.as_bytes()].concat();
        engine.apply(Seq(i as u64 + 1), &LogRecord::decode(&bytes).unwrap());
    }
    let case = engine.case(CaseId(4)).unwrap();
    assert_eq!((case.stage, case.events.len(), case.clock), (CaseStage::Closed, 3, None));
    let counts = engine.book().figures.cells().fold((0, 0), |(r, c), (_, n)| (r + n.registered, c + n.closed));
    assert_eq!((counts, engine.next_case_id()), ((1, 1), CaseId(5)));
    // A snapshot of before has no figures: they are made from the cases that it holds.
    let mut text = serde_json::to_value(engine.snapshot(&Dedup::default())).unwrap();
    let fields = text.as_object_mut().unwrap();
    assert!(fields.remove("figures").is_some() && fields.remove("last_case").is_some());
    let (restored, _) = LiveEngine::restore(RuleBook::default(), serde_json::from_value(text).unwrap());
    assert_eq!(restored.book().figures, engine.book().figures);
    assert_eq!(restored.next_case_id(), CaseId(5));
}

#[test]
fn a_photo_is_an_event_of_the_log() {
    let mut w = World::new();
    let id = w.report("e101", [0.0, 0.0], cst("2026-11-13 09:00"));
    let photo = CasePhoto { sha256: "ab".repeat(32), kind: PhotoKind::Png, bytes: 9, at: TimeMs(5) };
    w.commit(LogRecord::CasePhotoAdded { case: id, photo: photo.clone(), by: None });
    assert_eq!(w.case(id).photos, [photo]);
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0];
    assert_eq!(
        (PhotoKind::of(&png), PhotoKind::of(b"<svg onload=alert(1)>"), PhotoKind::of(b"GIF89a")),
        (Some(PhotoKind::Png), None, None)
    );
}

#[test]
fn imported_cases_are_checked_and_placed() {
    let w = World::new();
    let at = cst("2022-05-01 00:07");
    let item = ImportedCase {
        new: NewCase { class: "e101".into(), title: "t".into(), description: "=1".into(), entity: None, p_enu: None },
        source: CaseSource { system: "nyc311".into(), id: "54049402".into() },
        reported_at: at,
        placed: Placement::Unlocated,
        moves: vec![
            ImportedMove { action: CaseAction::Register, at, note: String::new() },
            ImportedMove { action: CaseAction::Close, at: TimeMs(at.0 + 60_000), note: "done".into() },
        ],
    };
    let check = |item: &ImportedCase| check_import(&CommunityModel::default(), &w.rules, item, CaseId(1), |_| true);
    let records = check(&item).unwrap();
    let [LogRecord::CaseCreated { case }, LogRecord::CaseMoved { .. }, LogRecord::CaseMoved { at: end, .. }] =
        &records[..]
    else {
        panic!("{records:?}")
    };
    assert_eq!((case.placed, case.grid, case.code_system.as_str()), (Placement::Unlocated, None, "demo:1"));
    assert_eq!((case.reported_at(), end.0), (at, at.0 + 60_000));
    let placeless = ImportedCase { placed: Placement::Given, ..item.clone() };
    assert!(check(&placeless).unwrap_err().contains("p_enu is needed"));
    let mut backwards = item.clone();
    backwards.moves[1].at = TimeMs(at.0 - 1);
    assert!(check(&backwards).unwrap_err().starts_with("moves.at = "));
    let mut impossible = item.clone();
    impossible.moves[0].action = CaseAction::Feedback;
    assert!(check(&impossible).unwrap_err().contains("feedback is not possible there"));
    let old = ImportedCase { reported_at: TimeMs(5), ..item };
    assert!(check(&old).unwrap_err().starts_with("reported_at = 5: must be a time in ms, 2000 to 2100"));

    // The same case again, further on.
    let mut w = World::new();
    let mut item = impossible;
    item.moves[0].action = CaseAction::Register;
    let first = ImportedCase { moves: item.moves[..1].to_vec(), ..item.clone() };
    let records = check_import(&CommunityModel::default(), &w.rules, &first, CaseId(1), |_| true).unwrap();
    records.into_iter().for_each(|r| w.commit(r));
    let update = |w: &World, item: &ImportedCase| check_update(&w.rules, &w.case(CaseId(1)), item, |_| true);
    assert_eq!(update(&w, &first).unwrap(), []);
    update(&w, &item).unwrap().into_iter().for_each(|r| w.commit(r));
    assert_eq!(w.case(CaseId(1)).stage, CaseStage::Closed);
    w.make(CaseId(1), CaseAction::SendBack, TimeMs(at.0 + 70_000)).unwrap();
    assert_eq!(update(&w, &item).unwrap_err(), "case 1 has moved otherwise here since it was imported");
}
