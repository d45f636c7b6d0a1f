//! Speed against density, flow against width: experiments, and JuPedSim.

use super::case::VerificationCase;
use super::scenes::{Manners, circuit_speed, neck_flow, open_corridor};
use crate::{CrowdError, CrowdParams, SpacingLaw, Spread};

/// Mean speed by density (1/m², m/s) in Jülich's closed corridor 1.8 m wide (archive of the Forschungszentrum Jülich,
/// through JuPedSim's repository of 2021), bins of 0.5 1/m².
pub const JULICH_CLOSED: [(f64, f64); 8] =
    [(0.5, 1.07), (1.0, 0.81), (1.5, 0.62), (2.0, 0.49), (2.5, 0.38), (3.0, 0.27), (3.5, 0.19), (4.0, 0.10)];

/// The same in the open corridors 3 m wide (UO; Zhang et al. 2011).
pub const JULICH_OPEN: [(f64, f64); 8] =
    [(0.5, 1.47), (1.0, 1.29), (1.5, 1.13), (2.0, 0.81), (2.5, 0.44), (3.0, 0.29), (3.5, 0.18), (4.0, 0.13)];

/// Flow through bottlenecks: width in m, least and greatest flow measured, 1/s (Kretz et al. 2006, Seyfried et al. 2009,
/// "EG" 2006, Müller 1981, Nagai 2006 as collected by Jülich).
pub const NECK_FLOWS: [(f64, f64, f64); 8] = [
    (0.8, 1.29, 1.46),
    (0.9, 1.53, 1.67),
    (1.0, 1.71, 2.02),
    (1.2, 2.03, 2.36),
    (1.4, 2.71, 2.71),
    (1.6, 2.84, 3.26),
    (2.0, 3.55, 3.55),
    (2.5, 5.12, 5.12),
];

/// Weidmann (1993), m/s at a density in 1/m².
#[must_use]
pub fn weidmann_mps(density_pm2: f64) -> f64 {
    1.34 * (1.0 - libm::exp(-1.913 * (1.0 / density_pm2 - 1.0 / 5.4)))
}

fn young() -> Manners {
    Manners { speed_mps: Spread::YOUNG_MPS, ..Manners::default() }
}

fn ring() -> Manners {
    Manners { speed_mps: Spread::RING_MPS, ..Manners::default() }
}

/// JuPedSim's collision-free speed model with its default body: radius 0.2 m, time gap 1 s, 1.34 m/s, no anticipation.
#[must_use]
pub fn jupedsim_like() -> Manners {
    let params = CrowdParams {
        push: 8.0,
        push_standing: 1.0,
        push_range_m: 0.1,
        clog_wait_s: 10.0,
        anticipation_s: 0.0,
        turn_s: 0.0,
        breadth: 1.0,
        wall_push: 5.0,
        wall_range_m: 0.02,
        spacing: SpacingLaw::Clamped,
        ..CrowdParams::default()
    };
    Manners { params, radius_m: 0.2, gap_s: 1.0, speed_mps: Spread::Constant { value: 1.34 } }
}

fn rmse(m: &Manners, size_m: [f64; 2], data: impl Iterator<Item = (f64, f64)>) -> Result<(f64, Vec<f64>), CrowdError> {
    let (mut sum, mut n, mut speeds) = (0.0, 0.0, Vec::new());
    for (density, speed) in data {
        let v = circuit_speed(density, size_m, m, 1, 30.0, 30.0)?;
        sum += (v - speed) * (v - speed);
        n += 1.0;
        speeds.push(v);
    }
    Ok(((sum / n).sqrt(), speeds))
}

const DENSITIES: [f64; 8] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0];

pub(super) fn speed_density(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let (open, _) = rmse(&young(), [26.0, 3.0], JULICH_OPEN.into_iter())?;
    case.at_most("v(rho) RMSE, open corridor 3 m, m/s", open, 0.10, "Jülich UO, binned means");
    let (closed, _) = rmse(&ring(), [26.0, 1.8], JULICH_CLOSED.into_iter())?;
    case.at_most("v(rho) RMSE, closed corridor 1.8 m, m/s", closed, 0.10, "Jülich 2D, binned means");
    Ok(())
}

pub(super) fn rimea_4(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let expected = DENSITIES.into_iter().map(|d| (d, weidmann_mps(d)));
    let (rms, speeds) = rmse(&Manners::default(), [26.0, 10.0], expected)?;
    let rise = speeds.windows(2).map(|w| w[1] - w[0]).fold(f64::NEG_INFINITY, f64::max);
    case.at_most("greatest rise of v between densities, m/s", rise, 0.0, "RiMEA 4: v falls with density");
    case.at_most("v(rho) RMSE to Weidmann, m/s", rms, 0.10, "RiMEA 4; Weidmann 1993");
    let band = |k: usize| (JULICH_CLOSED[k].1.min(JULICH_OPEN[k].1), JULICH_CLOSED[k].1.max(JULICH_OPEN[k].1));
    let off = speeds.iter().enumerate().map(|(k, v)| (band(k).0 - v).max(v - band(k).1)).fold(0.0, f64::max);
    case.at_most("farthest outside the band of both corridors, m/s", off, 0.10, "Jülich closed and UO");
    Ok(())
}

pub(super) fn bottleneck(case: &mut VerificationCase) -> Result<(), CrowdError> {
    bottleneck_of(case, 8)
}

/// The case "bottleneck" with `seeds` crowds per width; 20 for numbers to be quoted.
#[must_use]
pub fn bottleneck_with(seeds: u64) -> VerificationCase {
    VerificationCase::of("bottleneck", |case| bottleneck_of(case, seeds))
}

/// The case "no-clogs" with `seeds` crowds; 1000 for the long form.
#[must_use]
pub fn no_clogs_with(seeds: u64) -> VerificationCase {
    VerificationCase::of("no-clogs", |case| no_clogs_of(case, seeds))
}

fn bottleneck_of(case: &mut VerificationCase, seeds: u64) -> Result<(), CrowdError> {
    let (mut clogs, mut nearest) = (0, f64::INFINITY);
    for (width, low, high) in NECK_FLOWS {
        let mut flow = 0.0;
        for seed in 0..seeds {
            let r = neck_flow(width, 150, &young(), seed)?;
            clogs += u32::from(r.clogged);
            nearest = nearest.min(r.nearest_m);
            flow += r.flow_ps / seeds as f64;
        }
        // A clogged run has no flow: NaN, which no bound admits.
        let off = if flow.is_nan() { flow } else { ((low - flow) / low).max((flow - high) / high).max(0.0) };
        let measure = format!("flow at {width} m: {flow:.2}/s, part outside {low} to {high}");
        case.at_most(&measure, off, 0.10, "Kretz 2006, Seyfried 2009, EG, Müller, Nagai (Jülich's collection)");
    }
    case.at_most("clogged runs", f64::from(clogs), 0.0, "nobody passes for 10 s while people wait");
    case.at_least("least distance of two centres, m", nearest, 0.28, "turned bodies 0.30 m, most overlap 2 cm");
    Ok(())
}

pub(super) fn no_clogs(case: &mut VerificationCase) -> Result<(), CrowdError> {
    no_clogs_of(case, 48)
}

fn no_clogs_of(case: &mut VerificationCase, seeds: u64) -> Result<(), CrowdError> {
    let widths = [0.8, 0.9, 1.0, 1.2];
    let mut clogs = 0;
    for seed in 0..seeds {
        let r = neck_flow(widths[(seed % 4) as usize], 80, &Manners::default(), 1000 + seed)?;
        clogs += u32::from(r.clogged);
    }
    case.at_most(&format!("clogged runs of {seeds}"), f64::from(clogs), 0.0, "doors of 0.8 to 1.2 m, 80 persons");
    Ok(())
}

/// JuPedSim 1.4.2's collision-free speed model with its defaults in [`super::open_corridor`], dt 0.01 s: density laid out,
/// speed measured, m/s (`tools/compare/crowd`).
pub const JUPEDSIM_CORRIDOR: [(f64, f64); 3] = [(0.5, 1.100), (1.5, 0.433), (3.0, 0.188)];

pub(super) fn as_jupedsim(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let (m, mut sum) = (jupedsim_like(), 0.0);
    for (density, peer) in JUPEDSIM_CORRIDOR {
        let v = open_corridor(density, &m)?.speed_mps;
        sum += (v - peer) * (v - peer) / JUPEDSIM_CORRIDOR.len() as f64;
    }
    case.at_most("v(rho) RMSE to JuPedSim with its parameters, m/s", sum.sqrt(), 0.05, "JuPedSim 1.4.2, open corridor");
    Ok(())
}
