//! What changes from step to step.

use crate::agents::Agents;
use crate::hazard::FloodOnFloor;
use crate::lift::Car;
use crate::sort::Scratch;
use crate::world::{LayerId, PortalId};
use sim_core::{Air, ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

/// A person who left the model.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Departure {
    /// The person.
    pub id: u32,
    /// Where they left.
    pub exit: PortalId,
    /// When, s.
    pub t_s: f64,
}

/// Where everybody is (人数平衡): `entered = inside + left + stopped` holds after every step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Balance {
    /// Ever placed in the model.
    pub entered: u64,
    /// In it and able to walk: waiting, walking or in a lift.
    pub inside: u64,
    /// Gone through an exit.
    pub left: u64,
    /// In it and no longer able to walk.
    pub stopped: u64,
}

impl Balance {
    /// Whether nobody is lost.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.entered == self.inside + self.left + self.stopped
    }
}

/// A change during a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CrowdEdit {
    /// Opens or shuts a door, a stair end, an exit.
    SetOpen {
        /// Which.
        portal: PortalId,
        /// Whether people can pass.
        open: bool,
    },
    /// The air of a layer.
    SetAir {
        /// Which.
        layer: LayerId,
        /// Its air from now on.
        air: Air,
    },
    /// The water on a layer.
    SetFlood {
        /// Which.
        layer: LayerId,
        /// Depth and speed from now on.
        water: FloodOnFloor,
    },
}

/// State of a crowd run.
#[derive(Debug, Clone, Default)]
pub struct CrowdState {
    pub(crate) tick: u64,
    pub(crate) agents: Agents,
    /// Per portal.
    pub(crate) open: Vec<u8>,
    /// Per portal: persons that a limited one may let through now.
    pub(crate) tokens: Vec<f32>,
    /// Per way: persons who went through, ever.
    pub(crate) crossed: Vec<u64>,
    /// Per way and distance: persons who headed for it at the last look.
    pub(crate) queue: Vec<u32>,
    /// Per class and way: seconds from there to an exit.
    pub(crate) cost: Vec<f32>,
    /// Per layer.
    pub(crate) air: Vec<Air>,
    pub(crate) flood: Vec<FloodOnFloor>,
    /// Per layer: doses of gas and heat per second; follows from `air`.
    pub(crate) dose: Vec<[f32; 2]>,
    pub(crate) cars: Vec<Car>,
    pub(crate) departures: Vec<Departure>,
    pub(crate) balance: Balance,
    pub(crate) next_id: u32,
    /// Edits of the forcing already done.
    pub(crate) edits_done: u64,
    pub(crate) scratch: Scratch,
}

const KIND: [u8; 8] = *b"crowdS01";

impl Snapshot for CrowdState {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.tick);
        self.agents.save(&mut w);
        w.bytes(&self.open);
        w.f32s(&self.tokens);
        w.f32s(&self.cost);
        words(&mut w, self.crossed.iter().copied());
        words(&mut w, self.queue.iter().map(|q| u64::from(*q)));
        w.f32s(&self.air.iter().flat_map(air_values).collect::<Vec<_>>());
        w.f32s(&self.flood.iter().flat_map(|f| [f.depth_m, f.speed_mps]).collect::<Vec<_>>());
        w.f32s(&self.dose.iter().flatten().copied().collect::<Vec<_>>());
        w.u64(self.cars.len() as u64);
        for car in &self.cars {
            car.save(&mut w);
        }
        words(&mut w, self.departures.iter().flat_map(|d| [u64::from(d.id), u64::from(d.exit.0), d.t_s.to_bits()]));
        let b = self.balance;
        words(&mut w, [b.entered, b.inside, b.left, b.stopped, u64::from(self.next_id), self.edits_done]);
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "crowd")?;
        let mut s = Self {
            tick: r.u64("tick")?,
            agents: Agents::restore(&mut r)?,
            open: r.bytes("open")?,
            tokens: r.f32s("tokens")?,
            cost: r.f32s("cost")?,
            crossed: read_words(&mut r, "crossed")?,
            queue: read_words(&mut r, "queue")?.into_iter().map(|q| q as u32).collect(),
            ..Self::default()
        };
        let air = r.f32s("air")?;
        s.air = air.as_chunks::<7>().0.iter().map(|v| air_of(*v)).collect();
        let flood = r.f32s("flood")?;
        s.flood = flood.as_chunks::<2>().0.iter().map(|v| FloodOnFloor { depth_m: v[0], speed_mps: v[1] }).collect();
        s.dose = r.f32s("dose")?.as_chunks::<2>().0.to_vec();
        let cars = r.u64("cars")?;
        for _ in 0..cars {
            s.cars.push(Car::restore(&mut r)?);
        }
        let gone = read_words(&mut r, "departures")?;
        let departure =
            |v: &[u64; 3]| Departure { id: v[0] as u32, exit: PortalId(v[1] as u32), t_s: f64::from_bits(v[2]) };
        s.departures = gone.as_chunks::<3>().0.iter().map(departure).collect();
        let Ok([entered, inside, left, stopped, next_id, edits_done]) =
            <[u64; 6]>::try_from(read_words(&mut r, "balance")?)
        else {
            return Err(SnapshotError::BadValue { field: "balance", value: "other".into(), allowed: "6 numbers" });
        };
        s.balance = Balance { entered, inside, left, stopped };
        (s.next_id, s.edits_done) = (next_id as u32, edits_done);
        r.end()?;
        Ok(s)
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.tick);
        self.agents.digest(&mut c);
        c.add_bytes(&self.open);
        c.add_f32s(&self.tokens);
        c.add_f32s(&self.cost);
        for q in self.crossed.iter().copied().chain(self.queue.iter().map(|q| u64::from(*q))) {
            c.add_u64(q);
        }
        for v in self.air.iter().flat_map(air_values).chain(self.flood.iter().flat_map(|f| [f.depth_m, f.speed_mps])) {
            c.add_f32(v);
        }
        for car in &self.cars {
            car.digest(&mut c);
        }
        for d in &self.departures {
            c.add_u64(u64::from(d.id) << 32 | u64::from(d.exit.0));
            c.add_f64(d.t_s);
        }
        let b = self.balance;
        for n in [b.entered, b.inside, b.left, b.stopped, u64::from(self.next_id), self.edits_done] {
            c.add_u64(n);
        }
        c.finish()
    }
}

fn words(w: &mut ByteWriter, values: impl IntoIterator<Item = u64>) {
    let raw: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
    w.bytes(&raw);
}

fn read_words(r: &mut ByteReader<'_>, field: &'static str) -> Result<Vec<u64>, SnapshotError> {
    let raw = r.bytes(field)?;
    Ok(raw.as_chunks::<8>().0.iter().map(|le| u64::from_le_bytes(*le)).collect())
}

const fn air_values(a: &Air) -> [f32; 7] {
    [a.extinction_per_m, a.temperature_c, a.co_ppm, a.hcn_ppm, a.co2_percent, a.o2_percent, a.radiant_kwm2]
}

const fn air_of(v: [f32; 7]) -> Air {
    Air {
        extinction_per_m: v[0],
        temperature_c: v[1],
        co_ppm: v[2],
        hcn_ppm: v[3],
        co2_percent: v[4],
        o2_percent: v[5],
        radiant_kwm2: v[6],
    }
}
