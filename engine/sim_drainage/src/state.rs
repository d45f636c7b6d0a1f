//! What changes during a run.

use sim_core::{ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

use crate::lu::Numbers;
use crate::{Ledger, NodeLedger};

const KIND: [u8; 8] = *b"drain001";

/// State of a drainage run. All values are per barrel sum, SI.
#[derive(Debug, Clone)]
pub struct DrainageState {
    /// Digest of the network the state belongs to.
    pub(crate) model: u64,
    pub(crate) t_s: f64,
    pub(crate) tick: u64,
    /// Per node: head, metres above datum.
    pub(crate) head_m: Vec<f64>,
    /// Per node: water in it and in the pipe halves joined to it, m3. This is what counts; heads follow.
    pub(crate) volume_m3: Vec<f64>,
    /// Per node: inflow rate of the last step, m3/s.
    pub(crate) inflow_m3ps: Vec<f64>,
    /// Per node: spilling rate of the last step, m3/s.
    pub(crate) spill_m3ps: Vec<f64>,
    /// Per node: account (current volume left out).
    pub(crate) account: Vec<NodeLedger>,
    /// Per link: flow, m3/s.
    pub(crate) flow_m3ps: Vec<f64>,
    /// Per link and end: water in a pipe half not joined to its node, m3.
    pub(crate) held_m3: Vec<[f64; 2]>,
    /// Per link and end: whether the half is joined to its node.
    pub(crate) joined: Vec<[bool; 2]>,
    /// Per link: whether a pump runs.
    pub(crate) pump_on: Vec<bool>,
    /// Per opening: flow to the surface, m3/s.
    pub(crate) opening_m3ps: Vec<f64>,
    /// Per opening: net volume given to the surface since the surface was set, m3.
    pub(crate) opening_m3: Vec<f64>,
    /// Per opening: direction of the flow since the surface was set (0: none yet).
    pub(crate) opening_way: Vec<i8>,
    /// Per node: net volume that left the network there (outfalls), m3.
    pub(crate) outfall_m3: Vec<f64>,
    pub(crate) ledger: Ledger,
    /// Steps whose heads did not settle within the allowed iterations (water is conserved all the same).
    pub(crate) unsettled: u64,
    /// Room for the solver; carries nothing from step to step.
    pub(crate) scratch: Scratch,
}

/// Buffers of a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    pub numbers: Numbers,
    pub lateral_m3: Vec<f64>,
}

impl DrainageState {
    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Steps taken.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Head per node, metres above datum.
    #[must_use]
    pub fn head_m(&self) -> &[f64] {
        &self.head_m
    }

    /// Flow per link, m3/s, positive from `from` to `to`.
    #[must_use]
    pub fn flow_m3ps(&self) -> &[f64] {
        &self.flow_m3ps
    }

    /// Inflow per node (links, laterals, surface) of the last step, m3/s.
    #[must_use]
    pub fn inflow_m3ps(&self) -> &[f64] {
        &self.inflow_m3ps
    }

    /// Water lost over the rim per node in the last step, m3/s.
    #[must_use]
    pub fn spill_m3ps(&self) -> &[f64] {
        &self.spill_m3ps
    }

    /// Flow per opening to the surface (negative: into the sewer) at the time reached, m3/s.
    #[must_use]
    pub fn opening_m3ps(&self) -> &[f64] {
        &self.opening_m3ps
    }

    /// Net volume that has left the network per node (only outfalls have any), m3.
    #[must_use]
    pub fn outfall_m3(&self) -> &[f64] {
        &self.outfall_m3
    }

    /// Water in nodes and pipes, m3.
    #[must_use]
    pub fn network_m3(&self) -> f64 {
        self.volume_m3.iter().sum::<f64>() + self.held_m3.iter().map(|h| h[0] + h[1]).sum::<f64>()
    }

    /// Steps whose heads did not settle within the allowed iterations. Water is conserved all the same.
    #[must_use]
    pub const fn unsettled_steps(&self) -> u64 {
        self.unsettled
    }

    fn numbers(&self) -> [Vec<f64>; 9] {
        let l = &self.ledger;
        [
            self.head_m.clone(),
            self.volume_m3.clone(),
            self.inflow_m3ps.clone(),
            self.spill_m3ps.clone(),
            self.outfall_m3.clone(),
            self.account.iter().flat_map(|a| [a.initial_m3, a.in_m3, a.out_m3, a.flooded_m3]).collect(),
            self.flow_m3ps.clone(),
            self.held_m3.iter().flatten().copied().collect(),
            vec![
                l.initial_m3,
                l.lateral_in_m3,
                l.lateral_out_m3,
                l.outfall_out_m3,
                l.outfall_in_m3,
                l.flooded_m3,
                l.surface_out_m3,
                l.surface_in_m3,
                l.residue_m3,
            ],
        ]
    }

    fn flags(&self) -> [Vec<u8>; 3] {
        [
            self.joined.iter().flatten().map(|j| u8::from(*j)).collect(),
            self.pump_on.iter().map(|p| u8::from(*p)).collect(),
            self.opening_way.iter().map(|w| (*w + 1) as u8).collect(),
        ]
    }
}

impl Snapshot for DrainageState {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.model);
        w.f64(self.t_s);
        w.u64(self.tick);
        w.u64(self.unsettled);
        self.numbers().iter().for_each(|part| w.f64s(part));
        w.f64s(&self.opening_m3ps);
        w.f64s(&self.opening_m3);
        self.flags().iter().for_each(|part| w.bytes(part));
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "drainage state, version 1")?;
        let bad = |field, value: String, allowed| SnapshotError::BadValue { field, value, allowed };
        let (model, t_s, tick, unsettled) = (r.u64("model")?, r.f64("t_s")?, r.u64("tick")?, r.u64("unsettled")?);
        let mut list = |field| {
            let v = r.f64s(field)?;
            if v.iter().all(|x| x.is_finite()) { Ok(v) } else { Err(bad(field, "not finite".into(), "finite numbers")) }
        };
        let (head_m, volume_m3) = (list("heads")?, list("volumes")?);
        let (inflow_m3ps, spill_m3ps) = (list("inflows")?, list("spilling")?);
        let (outfall_m3, accounts) = (list("outfalls")?, list("node accounts")?);
        let (flow_m3ps, held, ledger) = (list("flows")?, list("held water")?, list("ledger")?);
        let (opening_m3ps, opening_m3) = (list("opening flows")?, list("opening volumes")?);
        let (joined, pump_on, way) = (r.bytes("joined ends")?, r.bytes("pumps")?, r.bytes("opening ways")?);
        r.end()?;
        let (n, m) = (head_m.len(), flow_m3ps.len());
        let lengths = [
            ("volumes", volume_m3.len(), n),
            ("inflows", inflow_m3ps.len(), n),
            ("spilling", spill_m3ps.len(), n),
            ("outfalls", outfall_m3.len(), n),
            ("node accounts", accounts.len(), 4 * n),
            ("held water", held.len(), 2 * m),
            ("joined ends", joined.len(), 2 * m),
            ("pumps", pump_on.len(), m),
            ("opening volumes", opening_m3.len(), opening_m3ps.len()),
            ("opening ways", way.len(), opening_m3ps.len()),
        ];
        if let Some((field, found, _)) = lengths.iter().find(|l| l.1 != l.2) {
            return Err(bad(field, found.to_string(), "as many values as nodes, links or openings"));
        }
        if joined.iter().chain(&pump_on).any(|b| *b > 1) || way.iter().any(|w| *w > 2) || !t_s.is_finite() {
            return Err(bad("flags", "out of range".into(), "0 or 1, ways 0 to 2, finite time"));
        }
        let ledger = ledger_from(&ledger).ok_or_else(|| bad("ledger", ledger.len().to_string(), "9 values"))?;
        Ok(Self {
            model,
            t_s,
            tick,
            head_m,
            volume_m3,
            inflow_m3ps,
            spill_m3ps,
            account: accounts
                .as_chunks::<4>()
                .0
                .iter()
                .map(|a| NodeLedger { initial_m3: a[0], in_m3: a[1], out_m3: a[2], flooded_m3: a[3], current_m3: 0.0 })
                .collect(),
            flow_m3ps,
            held_m3: held.as_chunks::<2>().0.to_vec(),
            joined: joined.as_chunks::<2>().0.iter().map(|j| [j[0] == 1, j[1] == 1]).collect(),
            pump_on: pump_on.iter().map(|p| *p == 1).collect(),
            opening_m3ps,
            opening_m3,
            opening_way: way.iter().map(|w| *w as i8 - 1).collect(),
            outfall_m3,
            ledger,
            unsettled,
            scratch: Scratch::default(),
        })
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.model);
        c.add_f64(self.t_s);
        c.add_u64(self.tick);
        self.numbers().iter().for_each(|part| c.add_f64s(part));
        c.add_f64s(&self.opening_m3ps);
        c.add_f64s(&self.opening_m3);
        self.flags().iter().for_each(|part| c.add_bytes(part));
        c.finish()
    }
}

fn ledger_from(v: &[f64]) -> Option<Ledger> {
    let &[
        initial_m3,
        lateral_in_m3,
        lateral_out_m3,
        outfall_out_m3,
        outfall_in_m3,
        flooded_m3,
        surface_out_m3,
        surface_in_m3,
        residue_m3,
    ] = v
    else {
        return None;
    };
    Some(Ledger {
        initial_m3,
        lateral_in_m3,
        lateral_out_m3,
        outfall_out_m3,
        outfall_in_m3,
        flooded_m3,
        surface_out_m3,
        surface_in_m3,
        residue_m3,
        current_m3: 0.0,
    })
}
