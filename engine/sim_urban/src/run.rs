//! A coupled run.

use sim_core::{ByteReader, ByteWriter, CancelToken, Checksum, ParamError, SnapshotError};
use sim_drainage::{DrainageForcing, DrainageRun, Surface};
use sim_flood::FloodRun;

use crate::{Coupling, UrbanError, UrbanLedger, UrbanModel};

const KIND: [u8; 8] = *b"urban001";

/// Surface and sewer in one handle.
///
/// In every exchange interval the surface advances first; its levels and volumes at the openings then bound the sewer's
/// flows, which the sewer computes together with its heads (the laws of the openings are part of its implicit step); what
/// was moved is posted to the cells. The result depends on the times given to [`CoupledRun::advance_to`], never on threads
/// or on an interruption by save and restore.
#[derive(Debug)]
pub struct CoupledRun {
    flood: FloodRun,
    sewer: DrainageRun,
    coupling: Coupling,
    /// Ground per opening and outfall, metres.
    ground_m: Vec<f64>,
    /// Points that share the cell of each point.
    sharing: Vec<f64>,
    t_s: f64,
    /// Per opening, then per outfall: given by the sewer, not yet on the surface, m3.
    pending_m3: Vec<f64>,
    /// Per outfall: volume of the sewer's account already posted, m3.
    posted_m3: Vec<f64>,
    /// Per opening, then per outfall: flow from sewer to surface over the last interval, m3/s.
    flow_m3ps: Vec<f64>,
    up_m3: f64,
    down_m3: f64,
}

impl CoupledRun {
    /// Checks everything and prepares a run at time 0.
    ///
    /// # Errors
    /// [`UrbanError`] naming the first invalid input.
    pub fn new(model: UrbanModel) -> Result<Self, UrbanError> {
        let UrbanModel { terrain, coupling, network, sewer_forcing, .. } = model;
        terrain.validate()?;
        coupling.validate(&terrain, &network)?;
        let cells: Vec<u32> =
            coupling.openings.iter().map(|o| o.cell).chain(coupling.outfalls.iter().map(|o| o.cell)).collect();
        let ground_m: Vec<f64> = cells.iter().map(|c| terrain.bed_m[*c as usize]).collect();
        let sharing = cells.iter().map(|c| cells.iter().filter(|d| *d == c).count() as f64).collect();
        let tail = coupling.outfalls.iter().map(|o| (o.node, terrain.bed_m[o.cell as usize]));
        let forcing = DrainageForcing {
            openings: coupling.sewer_openings(&terrain),
            surface: vec![],
            tail_water: tail.collect(),
            ..sewer_forcing
        };
        let sewer = DrainageRun::new(network, forcing, model.sewer_params)?;
        let flood =
            FloodRun::new(terrain, model.structures, model.surface_forcing, model.surface_params, model.initial)?;
        let (n, m) = (cells.len(), coupling.outfalls.len());
        Ok(Self {
            flood,
            sewer,
            coupling,
            ground_m,
            sharing,
            t_s: 0.0,
            pending_m3: vec![0.0; n],
            posted_m3: vec![0.0; m],
            flow_m3ps: vec![0.0; n],
            up_m3: 0.0,
            down_m3: 0.0,
        })
    }

    /// Advances both models to `t_s`, seconds, exchanging on the way; a time already reached does nothing.
    ///
    /// # Errors
    /// [`UrbanError`] when one of them stops; the state is valid at the time reached.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<(), UrbanError> {
        if !t_s.is_finite() {
            return Err(ParamError::new("advance_to t_s", t_s, "s", "a finite time").into());
        }
        while self.t_s < t_s {
            let left = t_s - self.t_s;
            let step = self.coupling.exchange_s;
            // The last two intervals are equal instead of one whole and one tiny.
            let next = if left <= step {
                t_s
            } else if left < 2.0 * step {
                self.t_s + 0.5 * left
            } else {
                self.t_s + step
            };
            self.flood.advance_to(next, cancel)?;
            self.tell_sewer();
            self.sewer.advance_to(next, cancel)?;
            self.post(next - self.t_s);
            self.t_s = next;
        }
        Ok(())
    }

    fn cell(&self, k: usize) -> u32 {
        let n = self.coupling.openings.len();
        if k < n { self.coupling.openings[k].cell } else { self.coupling.outfalls[k - n].cell }
    }

    /// Levels and volumes of the surface at every meeting point.
    fn tell_sewer(&mut self) {
        let area = self.flood.grid().cell_area_m2();
        let n = self.coupling.openings.len();
        for k in 0..self.ground_m.len() {
            let depth = self.flood.depth_at_m(self.cell(k));
            let level_m = self.ground_m[k] + depth;
            if k < n {
                // What earlier exchanges still owe the cell is not there to take twice.
                let owed = (-self.pending_m3[k]).max(0.0);
                let available_m3 = (self.coupling.donor_share * depth * area / self.sharing[k] - owed).max(0.0);
                self.sewer.set_surface(k, Surface { level_m, available_m3 });
            } else {
                // A dry bed sets no level: the outfall falls freely onto it.
                self.sewer.set_tail_water(self.coupling.outfalls[k - n].node, level_m);
            }
        }
    }

    /// Posts what the sewer moved to the cells.
    fn post(&mut self, dt_s: f64) {
        let n = self.coupling.openings.len();
        for k in 0..self.ground_m.len() {
            let moved = if k < n {
                self.sewer.exchanged_m3(k)
            } else {
                let total = self.sewer.state().outfall_m3()[self.coupling.outfalls[k - n].node.at()];
                let moved = total - self.posted_m3[k - n];
                self.posted_m3[k - n] = total;
                moved
            };
            let due = moved + self.pending_m3[k];
            let added = if due == 0.0 { 0.0 } else { self.flood.exchange(self.cell(k), due) };
            self.pending_m3[k] = due - added;
            self.flow_m3ps[k] = moved / dt_s;
            self.up_m3 += added.max(0.0);
            self.down_m3 += (-added).max(0.0);
        }
    }

    /// The surface.
    #[must_use]
    pub const fn surface(&self) -> &FloodRun {
        &self.flood
    }

    /// The surface, to change rain, levels or gates during a run. Advance it only through [`CoupledRun::advance_to`].
    pub const fn surface_mut(&mut self) -> &mut FloodRun {
        &mut self.flood
    }

    /// The sewer.
    #[must_use]
    pub const fn sewer(&self) -> &DrainageRun {
        &self.sewer
    }

    /// The sewer, to change inflows during a run. Advance it only through [`CoupledRun::advance_to`].
    pub const fn sewer_mut(&mut self) -> &mut DrainageRun {
        &mut self.sewer
    }

    /// Where the two meet.
    #[must_use]
    pub const fn coupling(&self) -> &Coupling {
        &self.coupling
    }

    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Flow from sewer to surface over the last interval per opening, m3/s; negative into the sewer.
    #[must_use]
    pub fn opening_flow_m3ps(&self) -> &[f64] {
        &self.flow_m3ps[..self.coupling.openings.len()]
    }

    /// Flow from sewer to surface over the last interval per coupled outfall, m3/s.
    #[must_use]
    pub fn outfall_flow_m3ps(&self) -> &[f64] {
        &self.flow_m3ps[self.coupling.openings.len()..]
    }

    /// The account of both models.
    #[must_use]
    pub fn ledger(&self) -> UrbanLedger {
        UrbanLedger {
            surface: self.flood.ledger(),
            sewer: self.sewer.ledger(),
            up_m3: self.up_m3,
            down_m3: self.down_m3,
            pending_m3: self.pending_m3.iter().sum(),
        }
    }

    /// Digest of both states and of what is pending.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.flood.checksum());
        c.add_u64(self.sewer.checksum());
        for part in self.numbers() {
            c.add_f64s(&part);
        }
        c.finish()
    }

    fn numbers(&self) -> [Vec<f64>; 4] {
        let sums = vec![self.t_s, self.up_m3, self.down_m3];
        [sums, self.pending_m3.clone(), self.posted_m3.clone(), self.flow_m3ps.clone()]
    }

    /// Writes the full state of both models. Inputs are not part of it.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.bytes(&self.flood.save());
        w.bytes(&self.sewer.save());
        for part in self.numbers() {
            w.f64s(&part);
        }
        w.finish()
    }

    /// Continues from a state saved by a run of the same terrain, network and coupling.
    ///
    /// # Errors
    /// [`UrbanError`] when the bytes are damaged or belong to another model; the run is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), UrbanError> {
        let mut r = ByteReader::new(bytes, KIND, "coupled state, version 1")?;
        let (flood, sewer) = (r.bytes("surface")?, r.bytes("sewer")?);
        let (sums, pending) = (r.f64s("sums")?, r.f64s("pending")?);
        let (posted, flow) = (r.f64s("posted")?, r.f64s("flows")?);
        r.end()?;
        let &[t_s, up_m3, down_m3] = sums.as_slice() else {
            let found = sums.len().to_string();
            return Err(SnapshotError::BadValue { field: "sums", value: found, allowed: "3 values" }.into());
        };
        let fits = pending.len() == self.pending_m3.len()
            && posted.len() == self.posted_m3.len()
            && flow.len() == self.flow_m3ps.len();
        let finite = sums.iter().chain(&pending).chain(&posted).chain(&flow).all(|v| v.is_finite());
        if !(fits && finite) {
            let found = format!("{} points, finite: {finite}", pending.len());
            return Err(SnapshotError::WrongKind { expected: "this run's coupling", found }.into());
        }
        // The sewer first on a copy, so that a refusal by either leaves the run as it was.
        let mut other = self.sewer.clone();
        other.restore(&sewer)?;
        self.flood.restore(&flood)?;
        self.sewer = other;
        (self.t_s, self.up_m3, self.down_m3) = (t_s, up_m3, down_m3);
        (self.pending_m3, self.posted_m3, self.flow_m3ps) = (pending, posted, flow);
        Ok(())
    }
}
