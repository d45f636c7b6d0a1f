//! For tests: a font with Chinese; a small building, a run of it and its result.

use crate::model::EvacTime;
use std::sync::Arc;
use twin_model::*;

/// With the CJK font of the system; `None` (said) where there is none.
pub(crate) fn context() -> Option<egui::Context> {
    let Ok(bytes) = std::fs::read("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc") else {
        eprintln!("skipped: no CJK font on this machine");
        return None;
    };
    let ctx = egui::Context::default();
    let mut fonts = egui::FontDefinitions::empty();
    let mut data = egui::FontData::from_owned(bytes);
    data.index = 2;
    fonts.font_data.insert("cjk".into(), data.into());
    for family in [egui::FontFamily::Proportional, egui::FontFamily::Monospace] {
        fonts.families.insert(family, vec!["cjk".into()]);
    }
    ctx.set_fonts(fonts);
    crate::apply_theme(&ctx);
    Some(ctx)
}

const FLIGHT: PlanFlight =
    PlanFlight { foot: [0.0; 3], head: [4.0, 0.0, 3.0], width_m: 1.2, riser_m: 0.15, tread_m: 0.28 };
/// GlobalIds of two stairs.
const IDS: [&str; 2] = ["2defL3I7dSUHMRY2HsH3qM", "1dQLCWcWtlk2QHKI08fzeB"];

/// Two storeys named as IFC plans name them, with many storeys' worth of long names.
pub(crate) fn plan() -> BuildingPlan {
    let mut plan =
        BuildingPlan { name: "江畔花园1号楼".into(), building: Some(EntityId(5)), ..Default::default() };
    for k in 0..17_u32 {
        let z = 3.0 * f64::from(k);
        plan.storeys.push(PlanStorey { entity: None, name: format!("{}F", k + 1), elevation_m: z, height_m: 3.0 });
        let mut space = |name: &str, use_| {
            let outline = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]];
            let (name, storey) = (name.to_owned(), StoreyIndex(k));
            plan.spaces.push(PlanSpace {
                entity: None,
                name,
                storey,
                use_,
                outline,
                holes: vec![],
                floor_m: z,
                height_m: 2.8,
            });
        };
        space("走道", SpaceUse::Circulation);
        space("101 客厅", SpaceUse::Dwelling);
        space("LW01001-U1-F05-0501-0 带独立卫生间和步入式衣帽间的主卧室", SpaceUse::Dwelling);
        plan.openings.push(door("门", [Some(3 * k), Some(3 * k + 1)]));
        if k == 0 {
            plan.openings.push(door("单元门-1F (29K6OsgHAk5iwTQGO8L_uS)", [Some(0), None]));
            plan.openings.push(door("单元门-1F (07$aGVae0a7lVSwgqgLh__)", [Some(0), None]));
        }
        if k > 0 {
            for (unit, id) in IDS.iter().enumerate() {
                let (lower, upper) = (SpaceIndex(3 * k - 3), SpaceIndex(3 * k));
                let name = format!("{}单元楼梯 ({id})", unit + 1);
                plan.stairs.push(PlanStair { entity: None, name, lower, upper, flights: vec![FLIGHT] });
            }
        }
    }
    plan
}

fn door(name: &str, sides: [Option<u32>; 2]) -> PlanOpening {
    PlanOpening {
        entity: None,
        name: name.to_owned(),
        kind: OpeningKind::Door,
        sides: sides.map(|s| s.map(SpaceIndex)),
        ends: [[1.0, 0.0], [2.0, 0.0]],
        clear_width_m: 0.9,
        sill_m: 0.0,
        head_m: 2.1,
    }
}

fn assembly(name: &str, source: AssemblySource, people: u64) -> AssemblyOutcome {
    let times = (people > 0).then_some(700.0);
    let (at, from_building_m) = ([0.0; 2], 42.0);
    AssemblyOutcome { name: name.into(), source, at, from_building_m, people, first_s: times, last_s: times }
}

/// A scenario in [`plan`] with a fire and all measures.
pub(crate) fn scenario() -> EvacScenario {
    let mut form = crate::EvacForm::default();
    let plan = plan();
    form.settle(&plan);
    let stair = |k: usize| EvacIntervention::BlockStair { stair: format!("{k}单元楼梯"), at_s: 60.0 };
    let fan = EvacIntervention::Fan { space: plan.space_label(SpaceIndex(5)), flow_m3ps: 12.5, at_s: 3599.0 };
    let voice = EvacIntervention::VoiceMessage { remaining: 0.25, at_s: 30.0 };
    let door = EvacIntervention::OpenDoor { door: "单元门-1F (29K6OsgHAk5iwTQGO8L_uS)".into(), at_s: 30.0 };
    form.draft.interventions = vec![stair(1), fan, voice, door];
    form.draft.outdoor = Some(Outdoor::default());
    form.draft.duration_s = 3600.0;
    form.scenario(&plan).expect("a valid sample")
}

fn space(name: &str, unsafe_share: f64, aset_s: Option<f64>) -> SpaceOutcome {
    SpaceOutcome {
        space: name.into(),
        people: 4,
        aset_s,
        criterion: aset_s.map(|_| AsetCriterion::Visibility),
        aset_p05_s: aset_s.map(|s| s - 10.0),
        last_person_s: Some(504.0),
        margin_s: aset_s.map(|s| s - 504.0),
        unsafe_share,
        gas_fed_s: [None; 3],
        least_visibility_m: 4.9,
        greatest_c: 22.6,
    }
}

fn stair(unit: usize, storey: u32, people: u64, last_safe_s: Option<f64>) -> StairOutcome {
    let stair = format!("{unit}单元楼梯 ({}) {storey}F-{}F", IDS[unit - 1], storey + 1);
    StairOutcome { stair, people, last_safe_s, last_safe_p05_s: last_safe_s.map(|s| s - 20.0) }
}

/// A result in which not everybody is out.
pub(crate) fn summary() -> EvacSummary {
    let long = "5F/LW01001-U1-F05-0501-0 带独立卫生间和步入式衣帽间的主卧室";
    let exit = |exit: &str, people| ExitUse { exit: exit.into(), people };
    let help = |place: &str, stopped, awaiting, still_inside| HelpNeeded {
        place: place.into(),
        stopped,
        awaiting,
        still_inside,
    };
    EvacSummary {
        scenario: scenario(),
        live: None,
        building: "江畔花园1号楼".into(),
        members: 16,
        network_members: 15,
        alarm_s: Some(14.0),
        rset_s: EvacBand { p50: Some(661.8), p95: None },
        rset_members_s: vec![Some(661.8); 15],
        left_s: EvacBand { p50: Some(200.0), p95: Some(500.0) },
        members_with_stopped: 3,
        spaces: vec![
            space("4F/LW01001-U1-F04-15 楼梯间", 0.375, Some(158.0)),
            space(long, 1.0, Some(50.0)),
            space("1F/走道", 0.0, None),
        ],
        exits: vec![
            exit("单元门-1F (29K6OsgHAk5iwTQGO8L_uS)", 191),
            exit("单元门-1F (07$aGVae0a7lVSwgqgLh__)", 202),
            exit("M_Single-Flush:1250mm x 2010mm:1250mm x 2010mm:146596 (1hOSvn6df7F8_7GcBWlRGQ)", 0),
        ],
        stairs: vec![
            stair(1, 1, 180, None),
            stair(2, 1, 170, Some(300.0)),
            stair(1, 4, 80, Some(152.0)),
            stair(2, 4, 75, None),
        ],
        help: vec![help(long, 2, 1, 0), help("1单元楼梯 (2defL3I7dSUHMRY2HsH3qM) 6F-7F", 0, 0, 1)],
        smoke_alarms: (0..30).map(|k| SmokeAlarmTime { space: long.into(), alarm_s: 14.0 + f64::from(k) }).collect(),
        doses: [5, 3, 2],
        balance: EvacBalance { entered: 397, left: 393, inside: 1, stopped: 2, awaiting: 1 },
        gas_error: [0.0; 2],
        curve: (0..=360).map(|k| (f64::from(k) * 10.0, (u64::from(k as u32) * 4).min(393))).collect(),
        outdoor: Some(OutdoorOutcome {
            safe_s: EvacBand { p50: Some(700.0), p95: None },
            safe_members_s: vec![Some(700.0), None],
            arrived_s: EvacBand { p50: Some(400.0), p95: Some(650.0) },
            assembly: vec![
                assembly("道路 江畔路与沿江大道交叉口东北侧人行道", AssemblySource::Road, 390),
                assembly("开阔地 1", AssemblySource::OpenGround, 0),
            ],
            exits: vec![ExitWalk { exit: "单元门-1F (29K6OsgHAk5iwTQGO8L_uS)".into(), walk_m: None }],
            safe: 390,
            on_the_way: 3,
            stopped: 0,
            curve: vec![(0.0, 0), (700.0, 390)],
            tiles: 60,
            area_m2: 21_000.0,
        }),
        warnings: vec!["opening 门-1F (2iokAOe7KKVzmH9OlxkAwk): clear width 0.70 m, narrower than 0.8 m".into(); 60],
        checksum: String::new(),
    }
}

/// The run of [`scenario`] on the screen.
pub(crate) fn shown(summary: Option<EvacSummary>) -> EvacTime {
    EvacTime {
        plan: Arc::new(plan()),
        frames_s: (0..=1800).map(|k| f64::from(k) * 2.0).collect(),
        duration_s: 3600.0,
        started_from: Some(TimeMs(1_700_000_000_000)),
        inside: 212,
        left: 182,
        outside: Some(12),
        stopped: 2,
        awaiting: 1,
        smoky: 14,
        people_by_storey: (0..17).map(|k| 25 - k).collect(),
        history: (0..100).map(|k| (f64::from(k) * 2.0, 397 - k as u32)).collect(),
        storey: Some(StoreyIndex(4)),
        summary: summary.map(Arc::new),
    }
}
