//! A network made ready to step: who touches whom, order of elimination, wall grids.

use crate::gas::SPECIES;
use crate::network::at_time;
use crate::sparse::Symbolic;
use crate::{Lining, Network, Side, VentKind};

/// Cells through a lining.
pub(crate) const CELLS: usize = 8;
/// Numbers kept per surface: its own temperature, then its cells from the inside out.
pub(crate) const WALL: usize = CELLS + 1;
/// Ceiling, upper walls, lower walls, floor.
pub(crate) const SURFACES: usize = 4;
/// No slot in the matrix: one end is the open air.
pub(crate) const NONE: u32 = u32::MAX;

/// A vent by positions; the open air has the number of spaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pipe {
    pub a: u32,
    pub b: u32,
    pub slot: u32,
    pub kind: VentKind,
    pub seamless: bool,
    pub wind_cp: f64,
    pub scheduled: bool,
}

/// Constants of one lining for implicit conduction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wall {
    /// Heat held per area and kelvin of each cell, J/(m² K), inside first.
    pub capacity: [f64; CELLS],
    /// Conductance from a cell to the next one out, W/(m² K); the last leads to the air behind.
    pub outward: [f64; CELLS],
    /// Conductance from the surface to the middle of the first cell.
    pub skin: f64,
    pub emissivity: f64,
    /// Temperature behind, K.
    pub back_k: f64,
}

/// Film and radiation behind a wall, W/(m² K): ISO 6946 for still and moving air lies at 8 to 25.
const BACK_FILM: f64 = 10.0;

impl Wall {
    fn new(lining: &Lining, outside_k: f64) -> Self {
        let m = &lining.material;
        // Cells grow outward: the first must follow the fire, the last only has to hold heat.
        let growth: f64 = 1.6;
        let mut width = [0.0; CELLS];
        let mut sum = 0.0;
        let mut next = 1.0;
        for w in &mut width {
            *w = next;
            sum += next;
            next *= growth;
        }
        width.iter_mut().for_each(|w| *w *= lining.thickness_m / sum);
        let k = m.conductivity_wpmk;
        let resistance = |j: usize| 0.5 * width[j] / k;
        let mut outward = [0.0; CELLS];
        for (j, g) in outward.iter_mut().enumerate() {
            let beyond = if j + 1 < CELLS { resistance(j + 1) } else { 1.0 / BACK_FILM };
            *g = 1.0 / (resistance(j) + beyond);
        }
        Self {
            capacity: width.map(|w| w * m.density_kgpm3 * m.specific_heat_jpkgk),
            outward,
            skin: 1.0 / resistance(0),
            emissivity: m.emissivity,
            back_k: lining.back_c.map_or(outside_k, |c| c + crate::gas::ZERO_C),
        }
    }
}

/// Elimination from the back of a wall for one length of step; see [`crate::heat`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweep {
    /// Multiplies (held + passed on) to give the constant part of a cell's new temperature.
    pub inverse: [f64; CELLS],
    /// Share of the inner neighbour in a cell's new temperature.
    pub share: [f64; CELLS],
    /// Heat held over the step, W/(m² K).
    pub held: [f64; CELLS],
    /// What the first cell holds and passes on, W/(m² K).
    pub front: f64,
}

impl Sweep {
    pub fn new(wall: &Wall, dt: f64) -> Self {
        let held = wall.capacity.map(|c| c / dt);
        let (mut inverse, mut share) = ([0.0; CELLS], [0.0; CELLS]);
        for j in (0..CELLS).rev() {
            let inward = if j == 0 { 0.0 } else { wall.outward[j - 1] };
            let behind = if j + 1 < CELLS { wall.outward[j] * (1.0 - share[j + 1]) } else { wall.outward[j] };
            inverse[j] = 1.0 / (held[j] + inward + behind);
            share[j] = inward * inverse[j];
        }
        Self { inverse, share, held, front: 1.0 / inverse[0] }
    }
}

/// A space in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub area: f64,
    pub height: f64,
    pub floor: f64,
    pub volume: f64,
    pub perimeter: f64,
    pub mixed: bool,
    /// Pressure of the outer air at the floor, Pa, and its density, kg/m³.
    pub outer_pa: f64,
    pub outer_density: f64,
    /// Temperature at the start, K.
    pub start_k: f64,
    /// Position in [`Model::walls`] of ceiling, upper walls, lower walls, floor; [`NONE`] passes no heat.
    pub walls: [u32; SURFACES],
}

/// Everything the kernel needs of a network.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub network: Network,
    pub rooms: Vec<Room>,
    pub pipes: Vec<Pipe>,
    pub walls: Vec<Wall>,
    pub symbolic: Symbolic,
    pub outer_k: f64,
    pub outer_y: [f64; SPECIES],
}

impl Model {
    pub fn new(network: Network) -> Self {
        let n = network.spaces.len() as u32;
        let place = |side: Side| match side {
            Side::Space(id) => id.0,
            Side::Outside => n,
        };
        let ends: Vec<(u32, u32)> = network.vents.iter().map(|v| (place(v.from), place(v.to))).collect();
        let inner: Vec<(u32, u32)> = ends.iter().copied().filter(|e| e.0 < n && e.1 < n).collect();
        let symbolic = Symbolic::new(n as usize, &inner);
        let mut slots = symbolic.slots().iter();
        let pipes = network
            .vents
            .iter()
            .zip(&ends)
            .map(|(v, &(a, b))| Pipe {
                a,
                b,
                slot: if a < n && b < n { slots.next().copied().unwrap_or(NONE) } else { NONE },
                kind: v.kind,
                seamless: v.seamless,
                wind_cp: if a < n && b < n { 0.0 } else { v.wind_cp },
                scheduled: !v.opening.is_empty(),
            })
            .collect();
        let outer_k = network.ambient.temperature_k();
        let mut walls: Vec<Wall> = Vec::new();
        let mut index = |lining: Option<&Lining>| {
            let Some(lining) = lining else { return NONE };
            let wall = Wall::new(lining, outer_k);
            let found = walls.iter().position(|w| *w == wall);
            found.unwrap_or_else(|| {
                walls.push(wall);
                walls.len() - 1
            }) as u32
        };
        let rooms = network
            .spaces
            .iter()
            .map(|s| {
                let outer_pa = network.ambient.pressure_at(s.floor_m);
                let [ceiling, wall, floor] = [&s.ceiling, &s.walls, &s.floor].map(|l| index(l.as_ref()));
                Room {
                    area: s.area_m2,
                    height: s.height_m,
                    floor: s.floor_m,
                    volume: s.area_m2 * s.height_m,
                    perimeter: s.wall_length_m,
                    mixed: s.zones == crate::Zones::One,
                    outer_pa,
                    outer_density: outer_pa / (crate::gas::R_AIR * outer_k),
                    start_k: s.temperature_c.map_or(outer_k, |c| c + crate::gas::ZERO_C),
                    walls: [ceiling, wall, wall, floor],
                }
            })
            .collect();
        let outer_y = network.ambient.mass_fractions();
        Self { network, rooms, pipes, walls, symbolic, outer_k, outer_y }
    }

    /// Share of a vent that its schedule opens at a time.
    pub fn scheduled(&self, vent: usize, t_s: f64) -> f64 {
        at_time(&self.network.vents[vent].opening, t_s, 1.0)
    }

    /// A digest of the network, to refuse foreign snapshots.
    pub fn digest(&self) -> u64 {
        let mut c = sim_core::Checksum::new();
        c.add_u64(self.rooms.len() as u64);
        for r in &self.rooms {
            c.add_f64s(&[r.area, r.height, r.floor, r.perimeter, r.start_k, f64::from(u8::from(r.mixed))]);
            r.walls.iter().for_each(|w| c.add_u64(u64::from(*w)));
        }
        for p in &self.pipes {
            c.add_u64(u64::from(p.a) << 32 | u64::from(p.b));
            c.add_bytes(format!("{:?}", p.kind).as_bytes());
        }
        c.finish()
    }
}
