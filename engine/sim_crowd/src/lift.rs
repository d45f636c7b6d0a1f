//! Lifts (电梯) as batch servers: a car fetches a load at the stop with people waiting and takes it to one stop.

use crate::CrowdError;
use crate::build::DoorSide;
use crate::world::PortalId;
use sim_core::{ByteReader, ByteWriter, Checksum, SnapshotError, check_range};

/// A lift and its doors.
#[derive(Debug, Clone, PartialEq)]
pub struct LiftSpec {
    /// Name for messages.
    pub name: String,
    /// Door in each lobby, from the lowest.
    pub stops: Vec<DoorSide>,
    /// Persons in the car, 1 to 100.
    pub capacity: u32,
    /// Speed of the car, m/s, 0.1 to 20.
    pub speed_mps: f64,
    /// Opening or closing of the door, s, 0 to 60.
    pub door_s: f64,
    /// How long the door stays open for boarding, s, 0 to 600.
    pub dwell_s: f64,
    /// Time per person who leaves the car, s, 0.1 to 60.
    pub alight_s: f64,
    /// The stop that people are taken to (position in `stops`).
    pub discharge: u32,
}

impl LiftSpec {
    /// Times of an ordinary passenger lift: door 3 s, dwell 8 s, 1 s per person (after CIBSE Guide D, from memory);
    /// people are taken to the lowest stop.
    #[must_use]
    pub fn of(name: &str, capacity: u32, speed_mps: f64, stops: Vec<DoorSide>) -> Self {
        let name = name.into();
        Self { name, stops, capacity, speed_mps, door_s: 3.0, dwell_s: 8.0, alight_s: 1.0, discharge: 0 }
    }

    pub(crate) fn validate(&self) -> Result<(), CrowdError> {
        let at = |field: &str| format!("lift {}.{field}", self.name);
        check_range(&at("capacity"), f64::from(self.capacity), "-", 1.0, 100.0)?;
        check_range(&at("speed_mps"), self.speed_mps, "m/s", 0.1, 20.0)?;
        check_range(&at("door_s"), self.door_s, "s", 0.0, 60.0)?;
        check_range(&at("dwell_s"), self.dwell_s, "s", 0.0, 600.0)?;
        check_range(&at("alight_s"), self.alight_s, "s", 0.1, 60.0)?;
        check_range(&at("stops"), self.stops.len() as f64, "-", 2.0, 200.0)?;
        check_range(&at("discharge"), f64::from(self.discharge), "-", 0.0, self.stops.len() as f64 - 1.0)?;
        Ok(())
    }
}

/// A lift of a world.
#[derive(Debug, Clone)]
pub(crate) struct Lift {
    pub stops: Vec<(PortalId, f64)>,
    pub capacity: u32,
    pub speed_mps: f32,
    pub door_s: f32,
    pub dwell_s: f32,
    pub alight_s: f32,
    pub discharge: u32,
}

impl Lift {
    pub(crate) fn new(spec: &LiftSpec, stops: Vec<(PortalId, f64)>) -> Self {
        let [speed_mps, door_s, dwell_s, alight_s] =
            [spec.speed_mps, spec.door_s, spec.dwell_s, spec.alight_s].map(|v| v as f32);
        Self { stops, capacity: spec.capacity, speed_mps, door_s, dwell_s, alight_s, discharge: spec.discharge }
    }

    /// Seconds between two stops.
    pub(crate) fn travel_s(&self, a: u32, b: u32) -> f32 {
        let dz = (self.stops[a as usize].1 - self.stops[b as usize].1).abs() as f32;
        dz / self.speed_mps
    }

    /// Seconds from a closed door at `stop` to an open door at the discharge stop.
    pub(crate) fn ride_s(&self, stop: u32) -> f32 {
        self.travel_s(stop, self.discharge) + 2.0 * self.door_s
    }
}

/// What a car does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Stands with closed doors and waits for a call.
    Idle,
    /// On the way to fetch people at `stop`.
    Fetching,
    /// Doors open at `stop`; people board.
    Boarding,
    /// On the way to discharge.
    Carrying,
    /// People leave the car.
    Alighting,
}

/// State of a car.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Car {
    pub phase: Phase,
    /// Where it is, or goes.
    pub stop: u32,
    /// Seconds left of the phase; while alighting, until the next person steps out.
    pub left_s: f32,
    /// Persons in it.
    pub load: u32,
}

impl Car {
    pub(crate) fn at_rest(lift: &Lift) -> Self {
        Self { phase: Phase::Idle, stop: lift.discharge, left_s: 0.0, load: 0 }
    }

    pub(crate) fn boards_at(&self, stop: u32, lift: &Lift) -> bool {
        self.phase == Phase::Boarding && self.stop == stop && self.load < lift.capacity
    }

    /// One step; `waiting(stop)` counts people who want in. Returns whether a person steps out now.
    pub(crate) fn step(&mut self, lift: &Lift, dt_s: f32, waiting: impl Fn(u32) -> u32) -> bool {
        self.left_s -= dt_s;
        match self.phase {
            Phase::Idle => {
                // The farthest call first: those above have the longest way down.
                let calls = (0..lift.stops.len() as u32).filter(|s| *s != lift.discharge && waiting(*s) > 0);
                let far = |s: &u32| lift.travel_s(*s, lift.discharge);
                if let Some(s) = calls.max_by(|a, b| far(a).total_cmp(&far(b))) {
                    *self = Self {
                        phase: Phase::Fetching,
                        left_s: lift.travel_s(self.stop, s) + lift.door_s,
                        stop: s,
                        ..*self
                    };
                }
            }
            Phase::Fetching if self.left_s <= 0.0 => {
                (self.phase, self.left_s) = (Phase::Boarding, lift.dwell_s);
            }
            Phase::Boarding if self.left_s <= 0.0 || self.load == lift.capacity => {
                if self.load == 0 {
                    (self.phase, self.left_s) = (Phase::Idle, 0.0);
                } else {
                    let ride = lift.ride_s(self.stop);
                    (self.phase, self.left_s, self.stop) = (Phase::Carrying, ride, lift.discharge);
                }
            }
            Phase::Carrying if self.left_s <= 0.0 => {
                (self.phase, self.left_s) = (Phase::Alighting, lift.alight_s);
            }
            Phase::Alighting if self.left_s <= 0.0 => {
                if self.load == 0 {
                    (self.phase, self.left_s) = (Phase::Idle, 0.0);
                } else {
                    self.left_s = lift.alight_s;
                    return true;
                }
            }
            _ => {}
        }
        false
    }

    pub(crate) fn save(&self, w: &mut ByteWriter) {
        w.u64(self.phase as u64);
        w.u64(u64::from(self.stop));
        w.f32s(&[self.left_s]);
        w.u64(u64::from(self.load));
    }

    pub(crate) fn restore(r: &mut ByteReader<'_>) -> Result<Self, SnapshotError> {
        let phase = match r.u64("lift.phase")? {
            0 => Phase::Idle,
            1 => Phase::Fetching,
            2 => Phase::Boarding,
            3 => Phase::Carrying,
            4 => Phase::Alighting,
            n => {
                return Err(SnapshotError::BadValue { field: "lift.phase", value: n.to_string(), allowed: "0 to 4" });
            }
        };
        let stop = r.u64("lift.stop")? as u32;
        let left_s = r.f32s("lift.left_s")?.first().copied().unwrap_or(0.0);
        Ok(Self { phase, stop, left_s, load: r.u64("lift.load")? as u32 })
    }

    pub(crate) fn digest(&self, c: &mut Checksum) {
        c.add_u64(self.phase as u64 * 4_294_967_296 + u64::from(self.stop));
        c.add_f32(self.left_s);
        c.add_u64(u64::from(self.load));
    }
}
