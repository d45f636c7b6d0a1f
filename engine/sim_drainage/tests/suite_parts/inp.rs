//! The reader of `.inp` texts: what it takes, what it says, and that nothing makes it panic.

use proptest::prelude::*;
use sim_core::CancelToken;
use sim_drainage::inp::{InpModel, read};
use sim_drainage::{DrainageRun, LinkKind, NodeKind};

const FULL: &str = r#"[TITLE]
Everything at once ; a comment
[OPTIONS]
FLOW_UNITS CFS
FLOW_ROUTING DYNWAVE
START_DATE 01/02/2026
START_TIME 06:00
END_DATE 01/02/2026
END_TIME 8:00:00
REPORT_STEP 0:05:00
ROUTING_STEP 10
LINK_OFFSETS ELEVATION
ALLOW_PONDING YES
MIN_SURFAREA 10
[RAINGAGES]
G INTENSITY 1:00 1.0 TIMESERIES rain
[SUBCATCHMENTS]
S1 G J1 1 50 100 0.5 0
[JUNCTIONS]
J1 100 10 0 0 500
J2 99 10 1.5
[STORAGE]
T1 95 12 1 TABULAR pond 0 0
[OUTFALLS]
O1 94 TIDAL sea YES
O2 93 FREE
[CONDUITS]
C1 J1 J2 300 0.013 101 * 0 0
C2 J2 T1 200 0.013 99 96 0 0
C3 T1 O1 100 0.02 95 94 0 0
[PUMPS]
P1 T1 J1 p3 OFF 3 1
[ORIFICES]
R1 T1 O2 SIDE 96 0.65 NO 0
[XSECTIONS]
C1 CIRCULAR 3 0 0 0 2
C2 CUSTOM 4 sh 0 0 1
C3 TRAPEZOIDAL 5 4 1.5 1.5
R1 RECT_CLOSED 0.5 1 0 0
[LOSSES]
C2 0.5 1.0 0 YES
[INFLOWS]
J1 FLOW "q in" FLOW 1.0 2.0 0.5
J1 TSS tss CONCEN 1 1
[DWF]
J2 FLOW 1.5 "day" "month"
[PATTERNS]
day HOURLY 1 1 1 1 1 1
day 2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1
month MONTHLY 1 1 1 1 1 1 1 1 1 1 1 1
[CURVES]
pond STORAGE 0 100 10 200
sea TIDAL 0 95 12 97
sh SHAPE 0 0.5 0.5 1.0 1 0.2
p3 PUMP3 0 5 20 0
[TIMESERIES]
"q in" 0:00 0
"q in" 0:30 20 1:00 10
"q in" 01/02/2026 7:30 0
tss 0 1
[CONTROLS]
RULE 1
[COORDINATES]
J1 10 20
gauge 1 1
"#;

fn model() -> InpModel {
    read(FULL).unwrap()
}

#[test]
fn everything_is_turned_into_si() {
    let m = model();
    assert_eq!((m.title.as_str(), m.duration_s, m.report_step_s), ("Everything at once", 7200.0, 300.0));
    let n = &m.network;
    assert_eq!((n.nodes().len(), n.links().len()), (5, 5));
    let c1 = &n.links()[n.link("C1").unwrap().at()];
    let LinkKind::Conduit(c) = &c1.kind else { panic!("not a conduit") };
    assert!((c.length_m - 91.44).abs() < 1e-9 && (c.offset_m[0] - 0.3048).abs() < 1e-9 && c.barrels == 2);
    assert_eq!(c.offset_m[1], 0.0);
    let NodeKind::Junction { area_m2, ponded_area_m2, .. } = n.nodes()[0].kind else { panic!("not a junction") };
    assert!((area_m2 - 0.929_030_4).abs() < 1e-9 && (ponded_area_m2 - 46.451_52).abs() < 1e-6);
    // 2 x 20 cfs half an hour in, baseline 0.5; dry weather 1.5 cfs twice as much from 6 to 12.
    let inflow = &m.forcing.inflows[0];
    assert!((inflow.series.as_ref().unwrap().at(1800.0) - 40.0 * 0.028_316_846_592).abs() < 1e-9);
    assert!((inflow.base_m3ps - 0.5 * 0.028_316_846_592).abs() < 1e-12);
    assert_eq!(m.forcing.inflows[1].hourly[6], 2.0);
    assert_eq!(inflow.series.as_ref().unwrap().points().last().unwrap().0, 5400.0);
    assert_eq!(m.positions.len(), 1);
    let noted: Vec<&str> = m.notes.iter().map(|n| n.section.as_str()).collect();
    assert_eq!(noted, ["INFLOWS", "DWF", "RAINGAGES", "SUBCATCHMENTS", "CONTROLS"]);
}

#[test]
fn the_model_runs() {
    let m = model();
    let mut run = DrainageRun::new(m.network, m.forcing, m.params).unwrap();
    run.advance_to(m.duration_s, &CancelToken::new()).unwrap();
    assert!(run.ledger().relative_error() < 1e-9 && run.ledger().lateral_in_m3 > 1000.0);
}

fn said(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn mistakes_name_line_section_id_and_range() {
    let with = |from: &str, to: &str| said(&FULL.replacen(from, to, 1));
    assert_eq!(
        with("C1 J1 J2 300", "C1 J1 J2 0"),
        "line 28 [CONDUITS] C1: length = 0; allowed: 0.01 to 1000000"
    );
    assert_eq!(with("C1 J1 J2", "C1 J1 J9"), "line 28 [CONDUITS] C1: node = J9; allowed: a node of this file");
    assert_eq!(with("C1 J1 J2", "C1 J1 J1"), "line 28 [CONDUITS] C1: to = J1; allowed: another node than `from`");
    assert_eq!(with("J2 99 10", "J1 99 10"), "line 21 [JUNCTIONS] J1: id = J1; allowed: each name once");
    assert_eq!(with("J2 99 10", "J2 NaN 10"), "line 21 [JUNCTIONS] J2: invert = NaN; allowed: a finite number");
    assert_eq!(
        with("C1 CIRCULAR 3", "C1 CIRCULAR -3"),
        "line 36 [XSECTIONS] C1: diameter = -0.9144000000000001; allowed: 0.01 to 200"
    );
    assert_eq!(
        with("C1 CIRCULAR 3", "C1 SQUARE 3"),
        "line 36 [XSECTIONS] C1: shape = SQUARE; allowed: CIRCULAR, RECT_CLOSED, RECT_OPEN, TRAPEZOIDAL, TRIANGULAR, EGG or CUSTOM"
    );
    assert!(with("pond STORAGE 0 100 10 200", "pond STORAGE 0 100 0 200").contains("line 52 [CURVES] pond: points"));
    assert!(with("FLOW_UNITS CFS", "FLOW_UNITS FURLONG").contains("allowed: CFS, GPM, MGD, CMS, LPS or MLD"));
    assert!(with("C1 CIRCULAR 3 0 0 0 2", "C9 CIRCULAR 3 0 0 0 2").contains("cross-section = missing"));
    assert!(with("[CONTROLS]", "[CONTRAPTIONS]").contains("a section of SWMM 5"));
    assert!(with("[RAINGAGES]", "[DIVIDERS]").contains("divider = G"));
    assert!(with("p3 PUMP3 0 5 20 0", "p3 PUMP3 0 5 20 9").contains("falling with the head"));
    assert!(with("\"q in\" 0:30", "\"q in\" 0:30 FILE").contains("line"));
    assert!(said("hello").contains("a section header"));
    assert!(said("[JUNCTIONS]\n").contains("nodes = 0"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One word of one line replaced, a line dropped or doubled: a model or one line of error, never a panic; a model that is
    /// accepted can be stepped.
    #[test]
    fn mutations_never_panic(line in 0_usize..70, word in 0_usize..9, what in 0_usize..14, other in 0_usize..70) {
        let swaps = ["0", "-1", "NaN", "1e308", "*", "", "J1", "999999999999999999999", "\"", "FILE", "0:0:0", ";", "[", "1e-300"];
        let mut lines: Vec<String> = FULL.lines().map(str::to_owned).collect();
        let line = line % lines.len();
        match word {
            7 => { lines.remove(line); }
            8 => { let l = lines[other % lines.len()].clone(); lines.insert(line, l); }
            k => {
                let mut words: Vec<String> = lines[line].split(' ').map(str::to_owned).collect();
                let k = k % words.len();
                words[k] = swaps[what].to_owned();
                lines[line] = words.join(" ");
            }
        }
        match read(&lines.join("\n")) {
            Ok(m) => {
                let mut run = DrainageRun::new(m.network, m.forcing, m.params).unwrap();
                match run.advance_to(60.0, &CancelToken::new()) {
                    Ok(_) => prop_assert!(run.ledger().relative_error() < 1e-6, "{:?}", run.ledger()),
                    Err(e) => prop_assert_eq!(e.to_string().lines().count(), 1),
                }
            }
            Err(e) => prop_assert_eq!(e.to_string().lines().count(), 1),
        }
    }

    #[test]
    fn noise_never_panics(text in "[\\[\\]A-Z0-9 .;\"\n*-]{0,400}") {
        let _unused_outcome = read(&text);
    }
}
