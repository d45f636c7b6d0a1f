//! Building plans of real files (skipped when the folder of shared test data is not there) and of a small one here.

use ifc_import::{ImportOptions, PlanError, PlanOptions, building_plan, import_ifc};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;
use twin_model::{BuildingPlan, EntityId, OpeningKind, PlanDefect, PlanOpening, SpaceIndex, SpaceUse};

/// The bytes of a shared file, if present.
fn shared(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let bytes = std::fs::read(root.join("data").join(path)).ok();
    if bytes.is_none() {
        println!("skipped: {path} is not there (set SANDTABLE_SHARED)");
    }
    bytes
}

/// The only plan of a shared file, if present.
fn plan_of(path: &str) -> Option<(BuildingPlan, Vec<PlanDefect>)> {
    Some(one_plan(&shared(path)?))
}

fn one_plan(bytes: &[u8]) -> (BuildingPlan, Vec<PlanDefect>) {
    let model = import_ifc(bytes, &ImportOptions::default()).unwrap();
    let (mut plans, defects) = building_plan(&model, &PlanOptions::default()).unwrap();
    assert_eq!(plans.len(), 1);
    (plans.remove(0), defects)
}

fn doors(plan: &BuildingPlan) -> impl Iterator<Item = &PlanOpening> {
    plan.openings.iter().filter(|o| o.kind == OpeningKind::Door)
}

fn exits(plan: &BuildingPlan) -> usize {
    plan.openings.iter().filter(|o| o.is_exit()).count()
}

fn space(plan: &BuildingPlan, name: &str) -> SpaceIndex {
    SpaceIndex(plan.spaces.iter().position(|s| s.name == name).unwrap_or_else(|| panic!("no space {name}")) as u32)
}

/// Names of the spaces from which no walk leads to the open air; told independently of `BuildingPlan::check`.
fn trapped(plan: &BuildingPlan) -> Vec<&str> {
    let mut free: Vec<bool> = vec![false; plan.spaces.len()];
    loop {
        let mut changed = false;
        let doors = plan.openings.iter().filter(|o| o.walkable()).map(|o| o.sides);
        for [a, b] in doors.chain(plan.stairs.iter().map(|s| [Some(s.lower), Some(s.upper)])) {
            for (from, to) in [(a, b), (b, a)] {
                let open = to.is_none_or(|s| free[s.index()]);
                if let Some(s) = from.filter(|s| open && !free[s.index()]) {
                    free[s.index()] = true;
                    changed = true;
                }
            }
        }
        if !changed {
            return plan.spaces.iter().zip(free).filter(|(_, f)| !f).map(|(s, _)| s.name.as_str()).collect();
        }
    }
}

#[test]
fn duplex_has_two_flats_with_a_stair_each_and_every_room_reaches_an_exit() {
    let Some((plan, defects)) = plan_of("ifc/duplex.ifc") else { return };
    assert_eq!((plan.storeys.len(), plan.spaces.len()), (4, 21));
    assert_eq!(doors(&plan).count(), 14, "all doors have two sides");
    assert_eq!(exits(&plan), 4, "front and terrace door of each flat");
    assert_eq!(trapped(&plan), ["R301 Roof"], "there is no way onto the roof");
    let joined: Vec<_> = plan.stairs.iter().map(|s| (s.lower, s.upper)).collect();
    let expected = [("A101 Foyer", "A201 Hallway"), ("B101 Foyer", "B201 Hallway")];
    assert_eq!(joined, expected.map(|(a, b)| (space(&plan, a), space(&plan, b))));
    for s in &plan.stairs {
        let [f] = s.flights.as_slice() else { panic!("{s:?}") };
        // 16 risers over 3.10 m, 15 treads of 250 mm; the file's own riser height is in feet.
        assert!((f.riser_m - 3.1 / 16.0).abs() < 0.002 && (f.tread_m - 0.25).abs() < 0.002, "{f:?}");
        assert!((f.head[2] - f.foot[2] - 3.1).abs() < 0.01 && (f.run_m() - 3.75).abs() < 0.01, "{f:?}");
        assert!((0.85..1.0).contains(&f.width_m), "{f:?}");
    }
    let clear: Vec<f64> = doors(&plan).filter(|d| d.is_exit()).map(|d| d.clear_width_m).collect();
    // OverallWidth 1,250 and 813 mm, 0.10 m for the frame.
    for (got, want) in clear.iter().zip([1.15, 1.15, 0.713, 0.713]) {
        assert!((got - want).abs() < 1e-6, "{clear:?}");
    }
    // The two flats share no door.
    let flat = |s: SpaceIndex| plan.spaces[s.index()].name.as_bytes()[0];
    for [a, b] in plan.openings.iter().filter(|o| o.walkable()).map(|o| o.sides) {
        if let (Some(a), Some(b)) = (a, b) {
            assert_eq!(flat(a), flat(b));
        }
    }
    assert_eq!(plan.spaces[space(&plan, "A202 Bedroom 1").index()].use_, SpaceUse::Dwelling);
    assert_eq!(plan.spaces[space(&plan, "A101 Foyer").index()].use_, SpaceUse::Circulation);
    assert!(defects.iter().any(|d| d.to_string() == "space R301 Roof: has no way out"), "{defects:?}");
}

#[test]
fn the_office_has_99_rooms_that_all_reach_an_exit() {
    let Some((plan, defects)) = plan_of("ifc/Office_A_20110811.ifc") else { return };
    assert_eq!((plan.storeys.len(), plan.spaces.len()), (3, 99));
    // 102 doors, of which 9 are toilet partitions inside one room.
    let partitions = defects.iter().filter(|d| d.text.contains("on both sides: left out")).count();
    assert_eq!((doors(&plan).count(), partitions), (93, 9));
    assert_eq!(exits(&plan), 6);
    assert_eq!(trapped(&plan), ["124 ELEV"]);
    let joined: Vec<_> = plan.stairs.iter().map(|s| (s.lower, s.upper, s.flights.len())).collect();
    let expected = [("S102 STAIR", "S202 STAIR"), ("S101 STAIR", "S201 STAIR")];
    assert_eq!(joined, expected.map(|(a, b)| (space(&plan, a), space(&plan, b), 2)));
    for f in plan.stairs.iter().flat_map(|s| &s.flights) {
        // 12 risers and 11 treads of 280 mm on each flight, 4.267 m in all.
        assert!((f.riser_m - 4.267 / 24.0).abs() < 0.002 && (f.tread_m - 0.28).abs() < 0.002, "{f:?}");
        assert!((f.run_m() - 3.08).abs() < 0.01, "{f:?}");
    }
}

#[test]
fn the_house_with_a_spiral_stair() {
    let Some((plan, _)) = plan_of("ifc/AC20-FZK-Haus.ifc") else { return };
    assert_eq!((plan.spaces.len(), doors(&plan).count(), exits(&plan)), (7, 5, 2));
    assert_eq!(trapped(&plan), [""; 0]);
    let windows = plan.openings.iter().filter(|o| o.kind == OpeningKind::Window).count();
    assert_eq!(windows, 11);
    let [stair] = plan.stairs.as_slice() else { panic!("{:?}", plan.stairs) };
    assert_eq!((stair.lower, stair.upper), (space(&plan, "5 Wohnen"), space(&plan, "7 Galerie")));
    assert!(stair.flights.len() >= 3, "a spiral bends");
    let (first, last) = (stair.flights[0], stair.flights[stair.flights.len() - 1]);
    assert!(first.foot[2].abs() < 0.01 && (last.head[2] - 2.7).abs() < 0.2, "{:?}", stair.flights);
    assert!(stair.flights.windows(2).all(|w| w[0].head == w[1].foot), "no gap between the pieces");
    // The living room, the hall and the kitchen are one open plan.
    let open = plan.openings.iter().filter(|o| o.kind == OpeningKind::Opening).count();
    assert_eq!(open, 3);
}

#[test]
fn two_rooms_without_a_wall_between_them_are_joined() {
    let Some((plan, defects)) = plan_of("ifc/building-architecture.ifc") else { return };
    assert_eq!((plan.spaces.len(), doors(&plan).count(), plan.openings.len()), (2, 0, 1));
    assert_eq!(plan.openings[0].kind, OpeningKind::Opening);
    assert!((plan.openings[0].clear_width_m - 3.8).abs() < 0.05, "{:?}", plan.openings);
    assert!(defects.iter().any(|d| d.text == "has no exit to the open air"));
}

#[test]
fn a_storey_without_spaces_gets_rooms_from_its_walls() {
    let Some((plan, defects)) = plan_of("ifc/tested_sample_project.ifc") else { return };
    assert_eq!((plan.spaces.len(), doors(&plan).count(), exits(&plan)), (1, 1, 1));
    assert!(defects.iter().any(|d| d.text.contains("derived from walls")), "{defects:?}");
    assert_eq!(trapped(&plan), [""; 0]);
}

#[test]
fn a_bridge_has_no_rooms() {
    let Some(bytes) = shared("ifc/infra-bridge.ifc") else { return };
    let model = import_ifc(&bytes, &ImportOptions::default()).unwrap();
    match building_plan(&model, &PlanOptions::default()) {
        Err(error) => assert_eq!(error, PlanError::NoStorey),
        Ok((plans, _)) => assert!(plans.iter().all(|p| p.openings.is_empty())),
    }
}

/// A box from `at` with `size`, as a representation; record numbers from `id`.
fn solid(id: u32, at: [f64; 3], size: [f64; 3]) -> String {
    let [x, y, z] = at;
    let [w, d, h] = size;
    format!(
        "#{a}=IFCCARTESIANPOINT(({cx:?},{cy:?}));
#{b}=IFCAXIS2PLACEMENT2D(#{a},$);
#{c}=IFCRECTANGLEPROFILEDEF(.AREA.,$,#{b},{w:?},{d:?});
#{e}=IFCCARTESIANPOINT((0.,0.,{z:?}));
#{f}=IFCAXIS2PLACEMENT3D(#{e},$,$);
#{g}=IFCEXTRUDEDAREASOLID(#{c},#{f},#53,{h:?});
#{i}=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#{g}));
#{j}=IFCPRODUCTDEFINITIONSHAPE($,$,(#{i}));
",
        a = id,
        b = id + 1,
        c = id + 2,
        e = id + 3,
        f = id + 4,
        g = id + 5,
        i = id + 6,
        j = id + 7,
        cx = x + 0.5 * w,
        cy = y + 0.5 * d,
    )
}

/// What the small house is made with.
struct House {
    /// Width of the front door as drawn, m.
    front_m: f64,
    /// Its `OverallWidth`, m.
    overall_m: f64,
    /// Whether the right room has an `IfcSpace`.
    right_space: bool,
    /// Storey floor, m.
    floor_m: f64,
}

/// Two rooms of 4 by 4 m side by side, walls 0.2 m, a front door into the left one and a door between them.
fn house(h: &House) -> String {
    let z = h.floor_m;
    let mut records = String::new();
    let mut elements = Vec::new();
    let mut id = 100;
    let mut add = |class: &str, name: &str, at: [f64; 3], size: [f64; 3], tail: &str| {
        records.push_str(&solid(id, at, size));
        let shape = id + 7;
        id += 10;
        records.push_str(&format!("#{id}={class}('{:0>22}',$,'{name}',$,$,#40,#{shape},{tail});\n", format!("G{id}")));
        let made = id;
        id += 1;
        made
    };
    for (name, at, size) in [
        ("south", [0.0, 0.0, z], [8.6, 0.2, 2.8]),
        ("north", [0.0, 4.2, z], [8.6, 0.2, 2.8]),
        ("west", [0.0, 0.2, z], [0.2, 4.0, 2.8]),
        ("east", [8.4, 0.2, z], [0.2, 4.0, 2.8]),
        ("middle", [4.2, 0.2, z], [0.2, 4.0, 2.8]),
    ] {
        elements.push(add("IFCWALL", name, at, size, "$,$"));
    }
    let front = format!("$,2.1,{:?},$,$,$", h.overall_m);
    elements.push(add("IFCDOOR", "front", [1.0, 0.05, z], [h.front_m, 0.1, 2.1], &front));
    elements.push(add("IFCDOOR", "between", [4.25, 1.5, z], [0.1, 0.9, 2.1], "$,2.1,0.9,$,$,$"));
    let mut spaces = vec![add("IFCSPACE", "left", [0.2, 0.2, z], [4.0, 4.0, 2.6], "'走道',.ELEMENT.,.INTERNAL.,$")];
    if h.right_space {
        spaces.push(add("IFCSPACE", "right", [4.4, 0.2, z], [4.0, 4.0, 2.6], "'卧室',.ELEMENT.,.INTERNAL.,$"));
    }
    let list = |ids: &[u32]| ids.iter().map(|i| format!("#{i}")).collect::<Vec<_>>().join(",");
    format!(
        "ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('house.ifc','2024-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('IFC4'));
ENDSEC;
DATA;
#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,(#10),#20);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#20=IFCUNITASSIGNMENT((#21));
#21=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#40=IFCLOCALPLACEMENT($,#11);
#41=IFCSITE('0000000000000000000002',$,'S',$,$,#40,$,$,.ELEMENT.,$,$,$,$,$);
#42=IFCBUILDING('0000000000000000000003',$,'House',$,$,#40,$,$,.ELEMENT.,$,$,$);
#43=IFCBUILDINGSTOREY('0000000000000000000004',$,'1F',$,$,#48,$,$,.ELEMENT.,{z:?});
#44=IFCRELAGGREGATES('0000000000000000000005',$,$,$,#1,(#41));
#45=IFCRELAGGREGATES('0000000000000000000006',$,$,$,#41,(#42));
#46=IFCRELAGGREGATES('0000000000000000000007',$,$,$,#42,(#43));
#47=IFCCARTESIANPOINT((0.,0.,{z:?}));
#48=IFCLOCALPLACEMENT(#40,#49);
#49=IFCAXIS2PLACEMENT3D(#47,$,$);
#53=IFCDIRECTION((0.,0.,1.));
{records}#90=IFCRELCONTAINEDINSPATIALSTRUCTURE('000000000000000000000A',$,$,$,({}),#43);
#91=IFCRELAGGREGATES('000000000000000000000B',$,$,$,#43,({}));
ENDSEC;
END-ISO-10303-21;
",
        list(&elements),
        list(&spaces),
    )
}

const SOUND: House = House { front_m: 1.0, overall_m: 1.0, right_space: true, floor_m: 0.0 };

#[test]
fn the_small_house_is_planned_whole() {
    let (plan, defects) = one_plan(house(&SOUND).as_bytes());
    assert_eq!(defects, []);
    assert_eq!((plan.name.as_str(), plan.spaces.len(), plan.openings.len()), ("House", 2, 2));
    for s in &plan.spaces {
        assert!((s.area_m2() - 16.0).abs() < 1e-4 && (s.height_m - 2.6).abs() < 1e-5, "{s:?}");
    }
    assert_eq!([plan.spaces[0].use_, plan.spaces[1].use_], [SpaceUse::Circulation, SpaceUse::Dwelling]);
    let front = plan.openings.iter().find(|o| o.is_exit()).unwrap();
    assert!(front.sides.contains(&Some(space(&plan, "left 走道"))));
    assert!((front.clear_width_m - 0.9).abs() < 1e-9 && front.sill_m == 0.0 && (front.head_m - 2.1).abs() < 1e-5);
    let mut ends = front.ends;
    ends.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for (got, want) in ends.iter().flatten().zip([1.05, 0.1, 1.95, 0.1]) {
        assert!((got - want).abs() < 1e-4, "{ends:?}");
    }
    let between = plan.openings.iter().find(|o| !o.is_exit()).unwrap();
    assert!(
        between.sides == [Some(SpaceIndex(0)), Some(SpaceIndex(1))]
            || between.sides == [Some(SpaceIndex(1)), Some(SpaceIndex(0))]
    );
}

#[test]
fn faults_name_their_element() {
    let said =
        |h: &House| one_plan(house(h).as_bytes()).1.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let zero = said(&House { overall_m: 0.0, ..SOUND });
    assert!(
        zero.contains("door front (") && zero.contains("OverallWidth 0.00 m does not fit its shape: 1.00 m"),
        "{zero}"
    );
    let shut = said(&House { front_m: 0.12, overall_m: 0.12, ..SOUND });
    assert!(shut.contains("door front (") && shut.contains("clear width 0.02 m; allowed: > 0: left out"), "{shut}");
    assert!(shut.contains("space left 走道: has no way out"), "{shut}");
    let high = said(&House { floor_m: 9.0, ..SOUND });
    assert_eq!(high, "", "the only storey is the ground floor, however high its coordinates");
    let missing = said(&House { right_space: false, ..SOUND });
    assert!(missing.contains("derived from walls"), "{missing}");
}

#[test]
fn a_room_without_a_space_is_derived_where_a_door_leads() {
    let (plan, _) = one_plan(house(&House { right_space: false, ..SOUND }).as_bytes());
    assert_eq!((plan.spaces.len(), plan.openings.len()), (2, 2));
    // A 0.1 m grid marks every cell that a wall touches: up to one cell is lost on each side.
    let area = plan.spaces[1].area_m2();
    assert!((14.0..16.1).contains(&area), "{area}");
    assert!(plan.spaces[1].contains([6.4, 2.2]));
    assert_eq!(trapped(&plan), [""; 0]);
}

#[test]
fn a_plan_is_placed_and_takes_entity_ids() {
    let model = import_ifc(house(&SOUND).as_bytes(), &ImportOptions::default()).unwrap();
    let of = |name: &str| model.elements.iter().find(|e| e.name == name).unwrap().global_id.clone();
    let entities = BTreeMap::from([
        ("0000000000000000000003".to_owned(), EntityId(3)),
        ("0000000000000000000004".to_owned(), EntityId(4)),
        (of("left"), EntityId(5)),
        (of("front"), EntityId(6)),
    ]);
    // A quarter turn and a shift.
    let to_enu = |p: [f64; 3]| [100.0 - p[1], 50.0 + p[0], p[2] + 20.0];
    let options = PlanOptions { entities, enu_from_local: Some(&to_enu) };
    let (plans, defects) = building_plan(&model, &options).unwrap();
    assert_eq!(defects, []);
    let plan = &plans[0];
    assert_eq!((plan.building, plan.storeys[0].entity), (Some(EntityId(3)), Some(EntityId(4))));
    assert_eq!((plan.spaces[0].entity, plan.spaces[1].entity), (Some(EntityId(5)), None));
    assert!(plan.spaces[0].contains([98.0, 52.0]) && (plan.spaces[0].floor_m - 20.0).abs() < 1e-5);
    let front = plan.openings.iter().find(|o| o.is_exit()).unwrap();
    assert_eq!(front.entity, Some(EntityId(6)));
    assert!(front.ends.iter().all(|p| (p[0] - 99.9).abs() < 1e-4), "{:?}", front.ends);
}

#[test]
fn the_same_file_gives_the_same_plan() {
    let Some(bytes) = shared("ifc/duplex.ifc") else { return };
    assert_eq!(one_plan(&bytes), one_plan(&bytes));
}

static SMALL: LazyLock<String> = LazyLock::new(|| house(&SOUND));

/// Numbers that break geometry: huge, tiny, not a number in STEP terms, negative, degenerate.
const NASTY: [&str; 8] = ["1.E30", "-1.E30", "0.", "-4.", "1.E-12", "123456789.", "$", "(0.,0.)"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damaged_bytes_never_panic_in_the_plan(at in any::<prop::sample::Index>(), with in any::<[u8; 3]>()) {
        let mut bytes = SMALL.clone().into_bytes();
        let at = at.index(bytes.len() - 40);
        bytes[at..at + 3].copy_from_slice(&with);
        plan_if_readable(&bytes);
    }

    #[test]
    fn odd_numbers_never_panic_in_the_plan(line in any::<prop::sample::Index>(), nth in 0_usize..4, with in 0_usize..NASTY.len()) {
        let lines: Vec<&str> = SMALL.lines().collect();
        let pick = line.index(lines.len() - 10) + 7;
        let mut out: Vec<String> = lines.iter().map(ToString::to_string).collect();
        // The nth number with a decimal point of the line.
        let text = &lines[pick];
        let dots: Vec<usize> = text.match_indices('.').map(|(i, _)| i).filter(|i| *i > 0 && text.as_bytes()[i - 1].is_ascii_digit()).collect();
        if let Some(dot) = dots.get(nth % dots.len().max(1)) {
            let start = text[..*dot].rfind(|c: char| !c.is_ascii_digit() && c != '-').map_or(0, |i| i + 1);
            let end = text[*dot + 1..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |i| dot + 1 + i);
            out[pick] = format!("{}{}{}", &text[..start], NASTY[with], &text[end..]);
        }
        plan_if_readable(out.join("\n").as_bytes());
    }

    #[test]
    fn missing_records_never_panic_in_the_plan(from in any::<prop::sample::Index>(), count in 1_usize..150) {
        let lines: Vec<&str> = SMALL.lines().collect();
        let from = 7 + from.index(lines.len() - 10);
        let end = (from + count).min(lines.len() - 2);
        let left: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i < from || *i >= end).map(|(_, l)| *l).collect();
        plan_if_readable(left.join("\n").as_bytes());
    }
}

/// Plans what can be read at all; every plan passes its own check but for warnings.
fn plan_if_readable(bytes: &[u8]) {
    let Ok(model) = import_ifc(bytes, &ImportOptions::default()) else { return };
    let Ok((plans, _)) = building_plan(&model, &PlanOptions::default()) else { return };
    for plan in plans {
        let errors: Vec<String> = plan
            .check()
            .iter()
            .filter(|d| d.level == twin_model::DefectLevel::Error)
            .map(ToString::to_string)
            .filter(|d| !d.ends_with("has no space"))
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
