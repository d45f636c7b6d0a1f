//! Lays the community out: streets, lots, what stands in them, and everything along the streets.

mod greenery;
mod homes;
mod pen;
mod public;
mod riverside;
mod streets;

#[cfg(test)]
mod tests;

pub use riverside::parallel as river_parallel;

use crate::error::GenError;
use crate::geom::Pt;
use crate::plan::{Area, Building, Car, CommunityPlan, Facade, Gate, Lane, Lot, LotKind, Poi, Roof, Street, Tree};
use crate::rng::Rng;
use crate::terrain::{Shapers, Terrain};
use crate::{address, furniture, network};

/// A plan in the making.
pub struct Draft {
    pub seed: u64,
    pub rng: Rng,
    pub streets: Vec<Street>,
    pub lanes: Vec<Lane>,
    pub lots: Vec<Lot>,
    pub buildings: Vec<Building>,
    pub areas: Vec<Area>,
    pub trees: Vec<Tree>,
    pub cars: Vec<Car>,
    pub gates: Vec<Gate>,
    pub pois: Vec<Poi>,
    pub ramps: Vec<(Pt, Pt)>,
}

/// The plan of a seed.
///
/// # Errors
/// [`GenError::Plan`] when a seed leaves no room for a building that other deliveries rely on.
pub fn plan(seed: u64) -> Result<CommunityPlan, GenError> {
    let mut rng = Rng::new(seed, 1);
    let net = streets::Net::new(&mut rng);
    let mut draft = Draft {
        seed,
        rng,
        streets: net.streets(),
        lanes: Vec::new(),
        lots: net.lots(),
        buildings: Vec::new(),
        areas: Vec::new(),
        trees: Vec::new(),
        cars: Vec::new(),
        gates: Vec::new(),
        pois: Vec::new(),
        ramps: Vec::new(),
    };
    let gap = net.gap();
    let tower = furnish_lots(&mut draft);
    let ifc_building =
        tower.ok_or_else(|| GenError::Plan { seed, reason: "no room for the first tower".to_owned() })?;
    riverside::draw(&mut draft, gap);
    let underpass = net.underpass();
    let terrain = Terrain::new(&Shapers {
        streets: &draft.streets,
        lanes: &draft.lanes,
        areas: &draft.areas,
        buildings: &draft.buildings,
        gap,
        underpass: (underpass.0, underpass.1, 8.0),
        ramps: &draft.ramps,
        seed,
    });
    for b in &mut draft.buildings {
        b.base_z = (terrain.at(crate::geom::centroid(&b.ring)) * 100.0).round() / 100.0;
    }
    greenery::plant(&mut draft, &terrain);
    let mut plan = CommunityPlan {
        seed,
        terrain,
        streets: draft.streets,
        lanes: draft.lanes,
        lots: draft.lots,
        grids: net.grids(),
        buildings: draft.buildings,
        areas: draft.areas,
        trees: draft.trees,
        cars: draft.cars,
        gates: draft.gates,
        drainage: network::Drainage::default(),
        pois: draft.pois,
        components: Vec::new(),
        addresses: Vec::new(),
        gap,
        underpass,
        ramps: draft.ramps,
        ifc_building,
    };
    plan.drainage = network::design(&plan);
    plan.components = furniture::place(&plan);
    plan.addresses = address::number(&plan);
    Ok(plan)
}

/// Calls the designer of every lot; gives the tower that gets the IFC model.
fn furnish_lots(draft: &mut Draft) -> Option<usize> {
    let mut tower = None;
    for lot in 0..draft.lots.len() {
        let (kind, frame, [w, d]) = (draft.lots[lot].kind, draft.lots[lot].frame, draft.lots[lot].size);
        let mut pen = pen::Pen { draft: &mut *draft, lot, frame, w, d };
        match (kind, lot) {
            (LotKind::HighRise, 0) => tower = homes::waterfront_towers(&mut pen),
            (LotKind::HighRise, _) => homes::garden_towers(&mut pen),
            (LotKind::WalkUp, 1) => homes::slab_rows(&mut pen, &slabs(Facade::Slab, 6, 34.5, (2, 1))),
            (LotKind::WalkUp, _) => homes::slab_rows(&mut pen, &slabs(Facade::OldSlab, 6, 32.0, (3, 0))),
            (LotKind::Villa, _) => homes::villas(&mut pen),
            (LotKind::Old, _) => homes::mill_dormitories(&mut pen),
            (LotKind::OldTown, _) => homes::old_town(&mut pen),
            (LotKind::School, _) => public::school(&mut pen),
            (LotKind::Commerce, _) => public::commerce(&mut pen),
            (LotKind::Services, _) => public::services(&mut pen),
            (LotKind::Campus, _) => public::campus(&mut pen),
            (LotKind::Park, _) => public::park(&mut pen),
        }
    }
    tower
}

fn slabs(facade: Facade, floors: u32, pitch: f64, open: (u32, u32)) -> homes::Slabs {
    let old = facade == Facade::OldSlab;
    homes::Slabs {
        unit_m: if old { 13.8 } else { 15.0 },
        units: if old { 4 } else { 3 },
        depth: if old { 10.6 } else { 11.4 },
        floors,
        pitch,
        facade,
        roof: Roof::Solar,
        open,
    }
}
