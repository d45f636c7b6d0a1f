//! Verification cases: closed formulas and invariants with stated tolerances.
//!
//! [`all`] returns one [`VerificationRow`] per measure; the crate's tests call the same functions.

mod balance;
mod steady;
mod unsteady;

pub use balance::{flap_gates, random_networks, snapshot_continues, water_at_rest};
pub use sim_core::VerificationRow;
pub use steady::{backwater, pressure_loss, structures, uniform_flow};
pub use unsteady::{courant, draining_tank, filling_tank, surge_between_tanks};

use crate::{
    Conduit, DrainageError, DrainageForcing, DrainageParams, DrainageRun, Inflow, LinkKind, NetworkBuilder, Node, NodeId,
    OutfallStage, Shape,
};
use sim_core::CancelToken;

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, DrainageError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("uniform-flow", uniform_flow),
    ("pressure-loss", pressure_loss),
    ("backwater", backwater),
    ("structures", structures),
    ("surge-between-tanks", surge_between_tanks),
    ("filling-tank", filling_tank),
    ("draining-tank", draining_tank),
    ("courant", courant),
    ("water-at-rest", water_at_rest),
    ("flap-gates", flap_gates),
    ("random-networks", random_networks),
    ("snapshot-continues", snapshot_continues),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused = |name: &str, why: &DrainageError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    let rows = |(name, case): &Case| case().unwrap_or_else(|e| vec![refused(name, &e)]);
    CASES.iter().flat_map(rows).collect()
}

fn advance(run: &mut DrainageRun, t_s: f64) -> Result<(), DrainageError> {
    run.advance_to(t_s, &CancelToken::new()).map(|_| ())
}

/// A straight line of `reaches` equal conduits with bottoms falling by `slope`, an outfall at the end.
struct Line {
    shape: Shape,
    reaches: u32,
    length_m: f64,
    slope: f64,
    manning: f64,
    stage: OutfallStage,
}

impl Line {
    fn run(&self, flow_m3ps: f64, params: DrainageParams) -> Result<DrainageRun, DrainageError> {
        let mut b = NetworkBuilder::new();
        let depth = self.shape.section("line")?.full_depth_m() + 2.0;
        let bottom = |k: u32| 100.0 - self.slope * self.length_m * f64::from(k);
        let mut last = b.node("N0", Node::manhole(bottom(0), depth))?;
        for k in 1..=self.reaches {
            let name = format!("N{k}");
            let node = if k == self.reaches {
                Node::outfall(bottom(k), self.stage.clone())
            } else {
                Node::manhole(bottom(k), depth)
            };
            let next = b.node(&name, node)?;
            let pipe = Conduit::new(self.shape.clone(), self.length_m, self.manning);
            b.link(&format!("L{k}"), last, next, LinkKind::Conduit(pipe))?;
            last = next;
        }
        let inflows = vec![Inflow::constant(NodeId(0), flow_m3ps)];
        DrainageRun::new(b.build()?, DrainageForcing { inflows, ..DrainageForcing::default() }, params)
    }
}

/// Root of a rising function in `[low, high]` by bisection.
fn root(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let mid = 0.5 * (low + high);
        if f(mid) < 0.0 { low = mid } else { high = mid }
    }
    0.5 * (low + high)
}
