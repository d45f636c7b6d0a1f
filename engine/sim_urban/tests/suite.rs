//! Every verification case of the crate, and refused input, as tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sim_urban::UrbanError;
use sim_urban::verification::{self, VerificationRow};

fn check(rows: Result<Vec<VerificationRow>, UrbanError>) {
    let rows = rows.expect("the case runs");
    assert!(!rows.is_empty());
    for r in &rows {
        println!("{r}");
    }
    assert!(
        rows.iter().all(|r| r.pass),
        "{}",
        rows.iter().filter(|r| !r.pass).map(|r| format!("\n{r}")).collect::<String>()
    );
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { check(verification::$name()); })*

        #[test]
        fn the_list_is_complete() {
            assert_eq!(verification::CASES.len(), [$(stringify!($name)),*].len());
        }
    };
}

cases!(exchange_laws, river_outfall, random_day, snapshot_continues, ea_8b_lite);

mod input {
    use sim_drainage::{
        Conduit, DrainageForcing, DrainageParams, Inflow, LinkKind, NetworkBuilder, Node, NodeId, OpeningLaw,
        OutfallStage, Shape,
    };
    use sim_flood::{FloodParams, Forcing, Grid, Initial, Terrain};
    use sim_urban::{CoupledRun, Coupling, SurfaceOpening, SurfaceOutfall, UrbanModel};

    fn model(coupling: Coupling) -> UrbanModel {
        let grid = Grid { nx: 8, ny: 6, dx_m: 2.0 };
        let mut terrain = Terrain::from_fn(grid, 0.03, |_, _| 3.0);
        terrain.blocked[5] = true;
        let mut b = NetworkBuilder::new();
        b.node("M1", Node::manhole(1.0, 2.0)).unwrap();
        UrbanModel {
            initial: Initial::level(&terrain, 3.2),
            terrain,
            structures: sim_flood::Structures::default(),
            surface_forcing: Forcing::default(),
            surface_params: FloodParams::default(),
            network: b.build().unwrap(),
            sewer_forcing: DrainageForcing::default(),
            sewer_params: DrainageParams::default(),
            coupling,
        }
    }

    fn opening(node: u32, cell: u32) -> Coupling {
        let law = OpeningLaw::round_manhole(0.7);
        Coupling { openings: vec![SurfaceOpening { node: NodeId(node), cell, law }], ..Coupling::default() }
    }

    #[test]
    fn bad_places_are_named() {
        let said = |c| CoupledRun::new(model(c)).unwrap_err().to_string();
        assert_eq!(said(opening(0, 48)), "opening `M1` cell = 48 cell; allowed: below 48");
        assert_eq!(said(opening(0, 5)), "opening `M1` cell = 5 cell; allowed: a cell that is not blocked");
        assert_eq!(said(opening(3, 0)), "opening node = 3 node; allowed: below 1");
        assert_eq!(said(Coupling { exchange_s: 0.0, ..opening(0, 0) }), "exchange_s = 0 s; allowed: 0.01 to 60");
    }

    #[test]
    fn damaged_snapshots_are_refused_and_change_nothing() {
        let mut run = CoupledRun::new(model(opening(0, 0))).unwrap();
        run.advance_to(20.0, &sim_core::CancelToken::new()).unwrap();
        assert!(run.ledger().down_m3 > 0.0);
        let (saved, sum) = (run.save(), run.checksum());
        for k in 0..40 {
            assert!(run.restore(&saved[..saved.len() * k / 40]).is_err());
        }
        let other = CoupledRun::new(model(Coupling::default())).unwrap();
        assert!(run.restore(&other.save()).is_err());
        assert_eq!(run.checksum(), sum);
        run.restore(&saved).unwrap();
        assert_eq!(run.checksum(), sum);
    }

    /// A shaft that fills from the surface and from below, in exchange intervals of every length: nothing is lost, the sewer
    /// takes no more than the cells hold.
    #[test]
    fn any_interval_keeps_the_account() {
        for exchange_s in [0.1, 1.0, 7.0, 60.0] {
            let mut run = CoupledRun::new(model(Coupling { exchange_s, ..opening(0, 20) })).unwrap();
            run.advance_to(300.0, &sim_core::CancelToken::new()).unwrap();
            let l = run.ledger();
            assert!(l.relative_error() < 1e-7, "{exchange_s}: {l:?}");
            assert!(l.pending_m3.abs() < 1e-9 && run.surface().depth_at_m(20) >= 0.0);
            // The shaft ends level with the water above; a minute is too coarse for a shaft that fills in seconds.
            let level = 3.0 + run.surface().depth_at_m(20);
            let off = (run.sewer().state().head_m()[0] - level).abs();
            assert!(off < 0.02 || exchange_s > 10.0, "{exchange_s}: {level}");
        }
    }

    /// Two grates in one cell share its water.
    #[test]
    fn openings_of_one_cell_share_it() {
        let law = OpeningLaw::Grate { area_m2: 2.0, perimeter_m: 6.0, clogging: 0.0 };
        let one = SurfaceOpening { node: NodeId(0), cell: 20, law };
        let coupling = Coupling { openings: vec![one, one], exchange_s: 20.0, ..Coupling::default() };
        let mut run = CoupledRun::new(model(coupling)).unwrap();
        run.advance_to(100.0, &sim_core::CancelToken::new()).unwrap();
        let l = run.ledger();
        assert!(l.down_m3 > 1.0 && l.pending_m3.abs() < 1e-9, "{l:?}");
        assert!(l.relative_error() < 1e-7 && run.surface().depth_at_m(20) >= 0.0);
    }

    /// An outfall below dry ground: nothing flows in out of nothing, and what flows out reaches the cell.
    #[test]
    fn dry_ground_gives_no_tail_water() {
        let grid = Grid { nx: 8, ny: 6, dx_m: 2.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 3.0);
        let mut b = NetworkBuilder::new();
        let m = b.node("M", Node::manhole(2.6, 2.0)).unwrap();
        let o = b.node("O", Node::outfall(2.5, OutfallStage::Free)).unwrap();
        let pipe = Conduit::new(Shape::Circular { diameter_m: 0.4 }, 20.0, 0.013);
        b.link("P", m, o, LinkKind::Conduit(pipe)).unwrap();
        let outfalls = vec![SurfaceOutfall { node: o, cell: 20 }];
        let mut run = CoupledRun::new(UrbanModel {
            initial: Initial::dry(),
            terrain,
            structures: sim_flood::Structures::default(),
            surface_forcing: Forcing::default(),
            surface_params: FloodParams::default(),
            network: b.build().unwrap(),
            sewer_forcing: DrainageForcing::default(),
            sewer_params: DrainageParams::default(),
            coupling: Coupling { outfalls, ..Coupling::default() },
        })
        .unwrap();
        run.advance_to(60.0, &sim_core::CancelToken::new()).unwrap();
        assert_eq!((run.ledger().down_m3, run.ledger().pending_m3, run.ledger().sewer.current_m3), (0.0, 0.0, 0.0));
        run.sewer_mut().set_inflows(vec![Inflow::constant(m, 0.05)]).unwrap();
        run.advance_to(360.0, &sim_core::CancelToken::new()).unwrap();
        let l = run.ledger();
        assert!(l.up_m3 > 5.0 && l.relative_error() < 1e-7 && l.pending_m3.abs() < 0.1, "{l:?}");
    }
}
