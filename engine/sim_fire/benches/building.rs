//! A block of corridors, rooms and stairs for speed measurements.

use sim_fire::{
    Ambient, Fire, FireError, Fuel, Growth, Lining, Member, Network, NetworkBuilder, Side, Space, SpaceId, Vent, VentId,
};

/// `storeys` × (`pieces` corridor pieces with `rooms` rooms each, two stairs). Rooms have a door (open or nearly shut) and a
/// window with leaks; gypsum walls, concrete slabs.
pub fn block(storeys: u32, pieces: u32, rooms: u32) -> Result<Network, FireError> {
    let mut b = NetworkBuilder::new(Ambient { temperature_c: 15.0, ..Ambient::default() });
    let (gypsum, concrete) = (Lining::named("gypsum", 0.016)?, Lining::named("concrete", 0.15)?);
    let lined = |mut s: Space| {
        (s.walls, s.ceiling, s.floor) = (Some(gypsum.clone()), Some(concrete.clone()), Some(concrete.clone()));
        s.temperature_c = Some(20.0);
        s
    };
    let inside = Side::Space;
    let mut below: Option<[SpaceId; 2]> = None;
    for k in 0..storeys {
        let z = 3.3 * f64::from(k);
        let stairs = [0, 1].map(|s| b.space(&format!("stair {k}.{s}"), lined(Space::new(18.0, 3.3, z)).mixed()));
        let [first, second] = stairs;
        let stairs = [first?, second?];
        if let Some(last) = below {
            for s in 0..2 {
                b.vent(&format!("well {k}.{s}"), Vent::slab(inside(last[s]), inside(stairs[s]), 6.0, z))?;
            }
        }
        below = Some(stairs);
        let mut corridor: Vec<SpaceId> = Vec::new();
        for p in 0..pieces {
            let piece = b.space(&format!("corridor {k}.{p}"), lined(Space::new(12.0, 2.7, z)))?;
            if let Some(last) = corridor.last() {
                let seam = Vent { seamless: true, ..Vent::wall(inside(*last), inside(piece), 2.0, z, z + 2.7) };
                b.vent(&format!("seam {k}.{p}"), seam)?;
            }
            corridor.push(piece);
            for r in 0..rooms {
                let room = b.space(&format!("room {k}.{p}.{r}"), lined(Space::new(24.0, 2.7, z)))?;
                let door = Vent::wall(inside(room), inside(piece), 0.9, z, z + 2.05);
                let share = if (p + r + k) % 3 == 0 { 1.0 } else { 0.02 };
                b.vent(&format!("door {k}.{p}.{r}"), door.opening(&[(0.0, share)]))?;
                b.leak(&format!("facade {k}.{p}.{r}"), room, 0.003)?;
            }
        }
        let ends = [corridor[0], corridor[corridor.len() - 1]];
        for s in 0..2 {
            let door = Vent::wall(inside(stairs[s]), inside(ends[s]), 1.0, z, z + 2.05);
            b.vent(&format!("stair door {k}.{s}"), door.opening(&[(0.0, if k < 2 { 1.0 } else { 0.03 })]))?;
        }
        if k == 0 {
            b.vent("exit", Vent::wall(inside(stairs[0]), Side::Outside, 1.2, z, z + 2.05))?;
        }
        if k + 1 == storeys {
            b.vent("roof", Vent::slab(inside(stairs[1]), Side::Outside, 0.5, z + 3.3))?;
        }
    }
    b.build()
}

/// Members with fires in other rooms, of other growth, and other doors open.
pub fn members(network: &Network, count: u32) -> Vec<Member> {
    let rooms: Vec<SpaceId> = (0..network.spaces().len() as u32)
        .map(SpaceId)
        .filter(|s| network.space_name(*s).starts_with("room"))
        .collect();
    let doors: Vec<VentId> =
        (0..network.vents().len() as u32).map(VentId).filter(|v| network.vent_name(*v).starts_with("door")).collect();
    (0..count as usize)
        .map(|k| {
            let growth = [Growth::Medium, Growth::Fast, Growth::Ultrafast][k % 3];
            let room = rooms[k * 7 % rooms.len().min(40)];
            let fire = Fire::growing("fire", room, growth, 1500.0, Fuel::POLYURETHANE);
            let own = doors.iter().position(|d| network.vents()[d.0 as usize].from == Side::Space(room));
            let openings = own.map(|d| (doors[d], vec![(60.0 + k as f64, 1.0)])).into_iter().collect();
            Member { fires: vec![fire], openings }
        })
        .collect()
}
