//! The 55 room fires of Steckler, Quintiere & Rinkinen (NBSIR 82-2520, 1982), scored as NIST scores CFAST.

use super::{VerificationRow, advance, run_with};
use crate::{Ambient, Fire, FireError, FireParams, Fuel, HeatCurve, Lining, Material, NetworkBuilder, Placement, Side};
use crate::{Space, Vent};

/// Two layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layers {
    /// Height of the interface above the floor, m.
    pub interface_m: f64,
    /// Upper temperature, °C.
    pub upper_c: f64,
    /// Lower temperature, °C.
    pub lower_c: f64,
}

/// One test: set-up as in NIST's CFAST input, layers reduced from the measured profile by NIST.
#[derive(Debug, Clone, PartialEq)]
pub struct StecklerTest {
    /// Number.
    pub number: u32,
    /// Air outside, °C.
    pub ambient_c: f64,
    /// Width of the opening, m.
    pub width_m: f64,
    /// Its bottom, m.
    pub bottom_m: f64,
    /// Its top, m.
    pub top_m: f64,
    /// Heat release, kW.
    pub heat_kw: f64,
    /// Height of the burner, m.
    pub burner_m: f64,
    /// Place of its middle from the left front corner, m; the room is 2.8 m square.
    pub place_m: [f64; 2],
    /// What was measured.
    pub measured: Layers,
}

const ROOM_M: f64 = 2.8;

impl StecklerTest {
    /// Layers after half an hour.
    ///
    /// # Errors
    /// [`FireError`] when the numbers make no room.
    pub fn run(&self) -> Result<Layers, FireError> {
        let mut b = NetworkBuilder::new(Ambient { temperature_c: self.ambient_c, ..Ambient::default() });
        // Lining of NIST's inputs for these tests.
        let material = Material {
            name: "fibreboard".into(),
            conductivity_wpmk: 1.0,
            density_kgpm3: 200.0,
            specific_heat_jpkgk: 1000.0,
            emissivity: 0.9,
        };
        let lining = Lining { material, thickness_m: 0.013, back_c: None };
        let space = Space { wall_length_m: 4.0 * ROOM_M, ..Space::new(ROOM_M * ROOM_M, 2.13, 0.0) }.lined(&lining);
        let room = b.space("room", space)?;
        b.vent("opening", Vent::wall(Side::Space(room), Side::Outside, self.width_m, self.bottom_m, self.top_m))?;
        let near = self.place_m.map(|x| x.min(ROOM_M - x).max(0.0));
        let curve = HeatCurve::Table(vec![(0.0, self.heat_kw)]);
        let fire = Fire {
            height_m: self.burner_m,
            area_m2: 0.09,
            placement: Placement::Walls(near[0], near[1]),
            fuel: Fuel { radiative_share: 0.2, ..Fuel::METHANE },
            ..Fire::new("burner", room, curve)
        };
        let mut run = run_with(b.build()?, vec![fire], Vec::new(), FireParams::default())?;
        advance(&mut run, 1800.0)?;
        let v = run.view(0, room)?;
        Ok(Layers { interface_m: v.interface_m, upper_c: v.upper_c, lower_c: v.lower_c })
    }
}

/// Bias and scatter of computed over measured values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    bias: f64,
    sigma: f64,
}

fn score(pairs: &[(f64, f64)]) -> Score {
    let logs: Vec<f64> = pairs.iter().map(|(m, e)| libm::log(m / e)).collect();
    let n = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / n;
    let sigma = (logs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    Score { bias: libm::exp(mean), sigma }
}

/// Rows over all tests given: rise of the hot layer and height of the interface; bias is exp of the mean of ln(computed/measured),
/// σ the deviation of that logarithm (NUREG-1824).
///
/// # Errors
/// [`FireError`] of the first test that cannot run.
pub fn steckler(tests: &[StecklerTest]) -> Result<Vec<VerificationRow>, FireError> {
    let (mut rise, mut height, mut lower) = (Vec::new(), Vec::new(), Vec::new());
    for t in tests {
        let m = t.run()?;
        rise.push((m.upper_c - t.ambient_c, t.measured.upper_c - t.ambient_c));
        height.push((m.interface_m, t.measured.interface_m));
        lower.push((m.lower_c - t.ambient_c, t.measured.lower_c - t.ambient_c));
    }
    let (rise, height, lower) = (score(&rise), score(&height), score(&lower));
    let name = "steckler";
    let source = "Steckler, Quintiere & Rinkinen, NBSIR 82-2520 (1982), data of NIST's firemodels/exp";
    Ok(vec![
        VerificationRow::at_least(name, "tests", tests.len() as f64, 55.0, source),
        VerificationRow::at_least(name, "hot layer's rise: bias", rise.bias, 0.9, source),
        VerificationRow::at_most(name, "hot layer's rise: bias ", rise.bias, 1.1, source),
        VerificationRow::at_most(name, "hot layer's rise: σ of ln", rise.sigma, 0.14, source),
        VerificationRow::at_least(name, "interface height: bias", height.bias, 1.0 / 1.15, source),
        VerificationRow::at_most(name, "interface height: bias ", height.bias, 1.15, source),
        // CFAST's own scatter is the bar: no figure was set for this one.
        VerificationRow::at_most(name, "interface height: σ of ln", height.sigma, 0.19, source),
        // For information: the lower layer's rise is within a factor of two.
        VerificationRow::at_most(name, "lower layer's rise: |ln bias|", libm::log(lower.bias).abs(), 0.7, source),
    ])
}
