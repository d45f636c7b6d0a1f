//! Compiled scopes against a reference evaluator that reads grants one by one, over a tree of five levels.

#![expect(clippy::unwrap_used, reason = "a test may panic; helpers outside test functions do so too")]

use access::{Action, Field, FieldMask, Grant, Jurisdiction, Role, Scope, Territory, is_personal};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use twin_model::{
    ClassTraits, Community, CommunityModel, DeviceClass, Entity, EntityId, EntityKind, FeatureRef, PropertyTable,
    TimeMs,
};

const DIVISION: &str = "420199001001";
const CLASSES: [&str; 4] = ["smoke", "rain_gauge", "care_button", "meter"];

fn entity(id: usize, kind: EntityKind, parent: Option<u32>, code: String, class: &str) -> Entity {
    Entity {
        id: EntityId(id as u32),
        kind,
        parent: parent.map(EntityId),
        name: format!("e{id}"),
        code,
        class: class.to_owned(),
        p_enu: [0.0; 3],
        height_m: 0.0,
        base_z_m: 0.0,
        footprint: None,
        line: vec![],
        camera: None,
        attributes: Default::default(),
        source: FeatureRef::default(),
    }
}

/// Community → 4 grids → 3 estates each → 4 buildings each → devices, cameras and households; and things in no grid.
/// Calls for care are personal.
fn properties() -> PropertyTable {
    let none = DeviceClass { name: "呼叫".into(), properties: vec![], expected_interval_s: 60.0, alarms: vec![] };
    let personal = ClassTraits { personal: true, ..ClassTraits::default() };
    let table = PropertyTable::new(vec![], BTreeMap::from([("care_button".to_owned(), none)])).unwrap();
    table.with_traits(BTreeMap::new(), BTreeMap::from([("care_button".to_owned(), personal)])).unwrap()
}

fn model() -> CommunityModel {
    let mut rows = vec![entity(0, EntityKind::Community, None, DIVISION.into(), "")];
    let add = |rows: &mut Vec<Entity>, kind, parent: u32, code: String, class: &str| {
        let id = rows.len();
        rows.push(entity(id, kind, Some(parent), code, class));
        id as u32
    };
    for g in 1..=4 {
        let grid = add(&mut rows, EntityKind::Grid, 0, format!("{DIVISION}{g:03}"), "");
        for e in 1..=3 {
            let estate = add(&mut rows, EntityKind::Estate, grid, format!("XQ{g}{e}"), "");
            for b in 1..=4 {
                let building = add(&mut rows, EntityKind::Building, estate, format!("B{g}{e}{b}"), "residential");
                for class in CLASSES {
                    add(&mut rows, EntityKind::Device, building, format!("D{building}{class}"), class);
                }
                add(&mut rows, EntityKind::Camera, building, String::new(), "camera");
                add(&mut rows, EntityKind::Household, building, String::new(), "");
            }
        }
    }
    add(&mut rows, EntityKind::Road, 0, "RD01".into(), "");
    add(&mut rows, EntityKind::Device, 0, "river".into(), "rain_gauge");
    let community = Community { division: DIVISION.into(), ..Community::default() };
    CommunityModel::new(community, rows).unwrap()
}

/// What a grant is meant to say, written as it is read.
fn reference(model: &CommunityModel, grants: &[Grant], now: TimeMs, entity: &Entity, what: Operation) -> bool {
    grants.iter().any(|g| {
        let valid = g.from.is_none_or(|t| now >= t) && g.to.is_none_or(|t| now < t);
        let mut chain = vec![entity];
        chain.extend(model.ancestors(entity.id));
        let inside = match &g.jurisdiction {
            Jurisdiction::Everywhere => true,
            Jurisdiction::Below(code) => chain.iter().any(|e| e.kind.is_spine() && e.code == *code),
            Jurisdiction::Prefix(p) => {
                let digits = |e: &&&Entity| matches!(e.kind, EntityKind::Grid | EntityKind::Community);
                chain.iter().find(digits).is_some_and(|e| e.code.starts_with(p.as_str()))
            }
        };
        let of_kind = g.classes.kinds.is_empty() || g.classes.kinds.contains(&entity.kind);
        let of_class = entity.kind != EntityKind::Device
            || g.classes.device_classes.is_empty()
            || g.classes.device_classes.contains(&entity.class);
        let can = |a| g.role.actions().contains(a);
        let camera = entity.kind != EntityKind::Camera || can(Action::SeeCamera);
        let personal = !is_personal(&properties(), entity) || g.fields.contains(Field::Personal);
        let seen = valid && inside && of_kind && of_class && can(Action::See) && camera && personal;
        seen && match what {
            Operation::See => true,
            Operation::Do(action) => can(action),
            Operation::Read(field) => g.fields.contains(field),
        }
    })
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    See,
    Do(Action),
    Read(Field),
}

fn grant() -> impl Strategy<Value = Grant> {
    let prefix = prop_oneof![
        Just("*".to_owned()),
        Just("4201".to_owned()),
        Just("4301".to_owned()),
        (1..=5).prop_map(|g| format!("{DIVISION}{g:03}")),
        Just(format!("{DIVISION}00")),
        (1..=4, 1..=3).prop_map(|(g, e)| format!("below:XQ{g}{e}")),
        (1..=4, 1..=3, 1..=4).prop_map(|(g, e, b)| format!("below:B{g}{e}{b}")),
        Just("below:none".to_owned()),
    ];
    let kinds = prop::collection::vec(prop::sample::select(EntityKind::ALL), 0..6);
    let classes = prop::collection::vec(prop::sample::select(&CLASSES[..]), 0..3);
    let fields = prop::collection::vec(prop::sample::select(Field::ALL), 0..3);
    let time = || prop::option::weighted(0.3, (0i64..20).prop_map(TimeMs));
    (prop::sample::select(Role::ALL), prefix, kinds, classes, fields, time(), time()).prop_map(
        |(role, jurisdiction, kinds, classes, fields, from, to)| {
            let mut grant = Grant::new(role, jurisdiction.parse().unwrap());
            grant.classes.kinds = kinds;
            grant.classes.device_classes = classes.into_iter().map(str::to_owned).collect();
            grant.fields = FieldMask::of(&fields);
            (grant.from, grant.to) = (from, to);
            grant
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        Just(Operation::See),
        prop::sample::select(Action::ALL).prop_map(Operation::Do),
        prop::sample::select(Field::ALL).prop_map(Operation::Read),
    ]
}

/// S7: 10,000 random (subject, entity, operation); both answers occur often enough to mean something.
#[test]
fn ten_thousand_decisions_agree_with_the_reference() {
    let model = model();
    let territory = Territory::new(&model, &properties());
    let count = model.entities().len() as u32;
    let mut runner = TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    let allowed = std::cell::Cell::new(0);
    // Masks of kinds and times make most grants narrow; without them more are wide.
    let wide = grant().prop_map(|mut g| {
        g.classes.kinds.clear();
        (g.from, g.to) = (None, None);
        g
    });
    let grants = prop::collection::vec(prop_oneof![grant(), wide], 0..5);
    let input = (grants, 0..count, operation(), 0i64..20);
    let outcome = runner.run(&input, |(grants, id, operation, now)| {
        let (entity, now) = (model.get(EntityId(id)).unwrap(), TimeMs(now));
        let scope = Scope::compile(&grants, &territory, now);
        let compiled = match operation {
            Operation::See => scope.sees(entity.id),
            Operation::Do(action) => scope.may(action, entity.id),
            Operation::Read(field) => scope.shows(field, entity.id),
        };
        let expected = reference(&model, &grants, now, entity, operation);
        prop_assert_eq!(compiled, expected);
        allowed.set(allowed.get() + u32::from(expected));
        // What comes later is compiled anew in time.
        if let Some(edge) = scope.changes_at() {
            let before = Scope::compile(&grants, &territory, TimeMs(edge.0 - 1));
            prop_assert_eq!(before.fingerprint(), scope.fingerprint());
        }
        Ok(())
    });
    outcome.unwrap();
    let share = f64::from(allowed.get()) / 10_000.0;
    println!("10,000 decisions, 0 disagreements, {} allowed", allowed.get());
    assert!((0.05..0.95).contains(&share), "{share}");
}

/// S13: of everything that one account may have at once, nothing both changes and watches, nothing both makes accounts
/// and gives them rights, and nothing at all touches the trace.
#[test]
fn no_account_both_acts_and_watches() {
    let mut runner = TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    let admitted = std::cell::Cell::new(0);
    let outcome = runner.run(&prop::collection::vec(grant(), 1..4), |mut grants| {
        grants.iter_mut().for_each(|g| (g.from, g.to) = (None, None));
        if access::check_grants(&grants).is_err() {
            return Ok(());
        }
        admitted.set(admitted.get() + 1);
        let actions: Vec<Action> = grants.iter().flat_map(|g| g.role.actions().iter()).collect();
        let has = |a| actions.contains(&a);
        let acts = actions.iter().any(|a| a.is_change());
        prop_assert!(!(has(Action::ReadAudit) && actions.iter().any(|a| *a != Action::ReadAudit)));
        prop_assert!(!(has(Action::ManageAccounts) && has(Action::ManageGrants)));
        prop_assert!(!(acts && has(Action::ReadAudit)));
        let manages = has(Action::ManageAccounts) || has(Action::ManageGrants) || has(Action::ManageDevices);
        prop_assert!(!(manages && has(Action::See)));
        Ok(())
    });
    outcome.unwrap();
    assert!(admitted.get() > 1000, "{}", admitted.get());
}

#[test]
fn scopes_that_do_the_same_have_the_same_fingerprint() {
    let territory = Territory::new(&model(), &properties());
    let chief = |g: u32| Grant::new(Role::GridChief, format!("{DIVISION}{g:03}").parse().unwrap());
    let compile = |grants: &[Grant]| Scope::compile(grants, &territory, TimeMs(5));
    let first = compile(&[chief(1)]);
    assert_eq!(first.fingerprint(), compile(&[chief(1)]).fingerprint());
    assert_ne!(first.fingerprint(), compile(&[chief(2)]).fingerprint());
    let mut more = chief(1);
    more.fields = FieldMask::of(&[Field::Notes, Field::Personal]);
    assert_ne!(first.fingerprint(), compile(&[more]).fingerprint());
    let ended = Grant { to: Some(TimeMs(5)), ..chief(2) };
    assert_eq!(first.fingerprint(), compile(&[chief(1), ended]).fingerprint());
    assert!(!first.sees_everything() && first.seen_count() > 0);
    let everything = Grant {
        fields: FieldMask::of(Field::ALL),
        ..Grant::new(Role::DutyOfficer, Jurisdiction::Prefix(DIVISION.into()))
    };
    assert!(compile(&[everything]).sees_everything());
}

#[test]
fn jurisdictions_read_back_or_are_refused() {
    for good in ["*", "42", "420199001001003", "below:XQ03"] {
        assert_eq!(good.parse::<Jurisdiction>().unwrap().to_string(), good);
    }
    for bad in ["", "4", "42x", "４２", "below:", "everywhere", "4201%", &"4".repeat(25)] {
        let error = bad.parse::<Jurisdiction>().unwrap_err().to_string();
        assert!(error.contains("must be"), "{error}");
    }
}

/// How long a decision takes, over a community of 200,000 entities; printed, not judged.
#[test]
fn a_decision_is_a_look_into_bitmaps() {
    let mut rows = vec![entity(0, EntityKind::Community, None, DIVISION.into(), "")];
    for g in 1..=10u32 {
        let id = rows.len();
        rows.push(entity(id, EntityKind::Grid, Some(0), format!("{DIVISION}{g:03}"), ""));
    }
    for i in 0..200_000u32 {
        let id = rows.len();
        rows.push(entity(id, EntityKind::Device, Some(1 + i % 10), String::new(), CLASSES[i as usize % 4]));
    }
    let community = Community { division: DIVISION.into(), ..Community::default() };
    let model = CommunityModel::new(community, rows).unwrap();
    let started = std::time::Instant::now();
    let territory = Territory::new(&model, &properties());
    let built = started.elapsed();
    let grants: Vec<Grant> =
        (1..=3).map(|g| Grant::new(Role::GridChief, format!("{DIVISION}{g:03}").parse().unwrap())).collect();
    let started = std::time::Instant::now();
    let scope = Scope::compile(&grants, &territory, TimeMs(0));
    let compiled = started.elapsed();
    let started = std::time::Instant::now();
    let mut seen = 0u32;
    for round in 0..10 {
        for id in 0..200_000u32 {
            seen += u32::from(scope.may(Action::MoveCase, EntityId(id.wrapping_mul(7919) % 200_000 + round)));
        }
    }
    let each = started.elapsed().as_secs_f64() / 2e6 * 1e9;
    println!("territory {built:?}, scope of three grids {compiled:?}, one decision {each:.1} ns");
    assert!(seen > 0);
}
