//! A surcharged culvert that spills through one manhole and takes the water back.

use super::advance;
use crate::{Coupling, CoupledRun, SurfaceOpening, UrbanError, UrbanModel};
use sim_core::VerificationRow;
use sim_drainage::{
    Conduit, DrainageForcing, DrainageParams, Inflow, LinkKind, NetworkBuilder, Node, NodeKind, NormalLimit, OpeningLaw,
    OutfallStage, Series, Shape,
};
use sim_flood::{FloodParams, Forcing, Grid, Initial, Terrain};

/// Inverts of the seven manholes and the outfall, metres.
const INVERTS_M: [f64; 8] = [39.17, 29.46, 27.70, 26.37, 25.70, 24.64, 24.29, 23.49];
/// Lengths of the seven conduits, metres.
const LENGTHS_M: [f64; 7] = [467.0, 104.0, 106.0, 200.0, 114.0, 154.0, 195.0];
/// Rising half of the inflow: (minutes, m3/s); it falls again as a mirror image about 119 min.
const RISE: [(f64, f64); 20] = [
    (0.0, 1.6),
    (6.0, 1.6),
    (18.0, 1.705),
    (30.0, 1.799),
    (40.0, 1.954),
    (50.0, 2.148),
    (56.0, 2.323),
    (60.0, 2.478),
    (66.0, 2.770),
    (70.0, 3.006),
    (76.0, 3.450),
    (82.0, 3.957),
    (86.0, 4.337),
    (90.0, 4.675),
    (96.0, 5.161),
    (102.0, 5.545),
    (108.0, 5.900),
    (112.0, 6.103),
    (116.0, 6.241),
    (118.0, 6.281),
];
/// Exchange flow of XPSTORM on the original terrain at ten times: (minutes, m3/s).
const XPSTORM: [(f64, f64); 10] = [
    (80.0, 0.0),
    (95.96, 0.854),
    (103.13, 1.305),
    (108.28, 1.582),
    (113.03, 1.839),
    (121.52, 2.003),
    (133.13, 1.535),
    (141.41, 1.037),
    (150.30, 0.388),
    (170.0, 0.0),
];

fn inflow() -> Result<Series, UrbanError> {
    let fall = RISE.iter().rev().map(|(t, q)| (238.0 - t, *q));
    let points = RISE.iter().copied().chain(fall).map(|(t, q)| (60.0 * t, q)).collect();
    Series::new(points, true).map_err(|why| sim_core::ParamError::new("inflow", why, "m3/s", "rising times").into())
}

/// The published sewer of benchmark test 8B (Environment Agency SC120002, 2013) under a tilted plane of 2 m cells with the
/// manhole's ground at its place: the original terrain is not free, but the exchange is ruled by the culvert.
fn model() -> Result<UrbanModel, UrbanError> {
    let mut b = NetworkBuilder::new();
    let mut nodes = Vec::new();
    for (k, invert) in INVERTS_M.iter().enumerate() {
        let kind = NodeKind::Junction { area_m2: 1.0, surcharge_m: 100.0, ponded_area_m2: 0.0 };
        let node = Node { invert_m: *invert, max_depth_m: 2.0, initial_depth_m: 0.0, kind };
        let node = if k == 7 { Node::outfall(*invert, OutfallStage::Free) } else { node };
        nodes.push(b.node(&if k == 7 { "O7".to_owned() } else { format!("J{k}") }, node)?);
    }
    for (k, length) in LENGTHS_M.iter().enumerate() {
        let pipe = Conduit::new(Shape::Circular { diameter_m: 1.4 }, *length, 0.017);
        b.link(&format!("C{k}"), nodes[k], nodes[k + 1], LinkKind::Conduit(pipe))?;
    }
    let grid = Grid { nx: 120, ny: 80, dx_m: 2.0 };
    // The manhole's ground (invert + 2 m) in its cell, the plane falling by 1 in 100 to the open eastern edge.
    let terrain = Terrain::from_fn(grid, 0.03, |x, _| 31.46 - 0.01 * (x - 61.0));
    let cell = grid.cell(30, 40).unwrap_or_default();
    // 1 m2 of opening, round.
    let law = OpeningLaw::round_manhole(2.0 / std::f64::consts::PI.sqrt());
    Ok(UrbanModel {
        terrain,
        structures: sim_flood::Structures::default(),
        surface_forcing: Forcing { open_edges: true, ..Forcing::default() },
        surface_params: FloodParams::default(),
        initial: Initial::dry(),
        network: b.build()?,
        sewer_forcing: DrainageForcing { inflows: vec![Inflow::series(nodes[0], inflow()?)], ..DrainageForcing::default() },
        sewer_params: DrainageParams { max_dt_s: 1.0, normal_limit: NormalLimit::Froude, ..DrainageParams::default() },
        coupling: Coupling {
            openings: vec![SurfaceOpening { node: nodes[1], cell, law }],
            exchange_s: 1.0,
            ..Coupling::default()
        },
    })
}

/// The exchange flow of the manhole against XPSTORM's, and the volume of both models.
///
/// # Errors
/// [`UrbanError`] when the run stops.
pub fn ea_8b_lite() -> Result<Vec<VerificationRow>, UrbanError> {
    let mut run = CoupledRun::new(model()?)?;
    let (mut series, mut peak, mut when) = (Vec::new(), 0.0_f64, 0.0);
    for k in 1..=3 * 200 {
        let minutes = f64::from(k) / 3.0;
        advance(&mut run, 60.0 * minutes)?;
        let q = run.opening_flow_m3ps()[0];
        series.push((minutes, q));
        if q > peak {
            (peak, when) = (q, minutes);
        }
    }
    let at = |minutes: f64| {
        let k = series.partition_point(|p| p.0 < minutes);
        let (a, b) = (series[k - 1], series[k.min(series.len() - 1)]);
        a.1 + (b.1 - a.1) * (minutes - a.0) / (b.0 - a.0)
    };
    let mean = XPSTORM.iter().map(|p| p.1).sum::<f64>() / XPSTORM.len() as f64;
    let (mut misfit, mut spread) = (0.0, 0.0);
    for (minutes, q) in XPSTORM {
        misfit += (at(minutes) - q) * (at(minutes) - q);
        spread += (q - mean) * (q - mean);
    }
    let source = "EA SC120002 test 8B, XPSTORM; tilted plane instead of its terrain";
    let l = run.ledger();
    let row = VerificationRow::at_most;
    Ok(vec![
        row("ea-8b-lite", "|peak of the exchange / 2.00 m3/s - 1|", (peak / 2.003 - 1.0).abs(), 0.05, source),
        row("ea-8b-lite", "time of the peak off by, min", (when - 121.5).abs(), 3.0, source),
        VerificationRow::at_least("ea-8b-lite", "NSE of the exchange at 10 times", 1.0 - misfit / spread, 0.98, source),
        row("ea-8b-lite", "volume error / inflow, surface and sewer", l.relative_error(), 1e-6, source),
    ])
}
