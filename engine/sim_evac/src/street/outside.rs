//! People between the door and safety: who is out of the building, since when, and what waits for them there.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::{Action, EvacModel};
use sim_core::{ByteReader, ByteWriter, SnapshotError};
use sim_crowd::{
    CrowdKernel, CrowdParams, CrowdRun, CrowdWorld, Departure, DestinationClass, FloodOnFloor, LayerId, PortalId,
    Status,
};
use sim_fire::{Fuel, OutdoorPlume};
use std::sync::Arc;
use twin_model::{BuildingPlan, OutdoorGround};

/// The ground of a model, and the crowd's half on it.
#[derive(Debug, Clone)]
pub(crate) struct Street {
    pub ground: OutdoorGround,
    pub kernel: Arc<CrowdKernel>,
    /// Layers from here on are ground, in the order of the tiles.
    pub first: u32,
    /// Portals of the exits that lead onto the ground, middle of the door, and the walk from there to safety, m.
    pub exits: Vec<(PortalId, [f64; 2], Option<f64>)>,
    /// Exits that do not: nobody leaves by them.
    pub shut: Vec<PortalId>,
    /// Water on the tiles.
    pub actions: Vec<(f64, Action)>,
}

impl Street {
    /// Lays the ground round the plan; `inside`: the world of the building alone.
    pub fn new(plan: &BuildingPlan, ground: &OutdoorGround, inside: &CrowdWorld) -> Result<Self, EvacError> {
        let world = CrowdWorld::from_plan_on(plan, ground)?;
        let first = inside.layers().len() as u32;
        let leads_out = |p: &PortalId| inside.portals()[p.index()].is_exit();
        let (mut exits, mut shut) = (Vec::new(), Vec::new());
        for (k, p) in world.portals().iter().enumerate().take(inside.portals().len()) {
            let portal = PortalId(k as u32);
            let Some(opening) = p.opening.filter(|_| leads_out(&portal)) else { continue };
            let [a, b] = plan.openings[opening.index()].ends;
            let middle = [0, 1].map(|k| 0.5 * (a[k] + b[k]));
            if p.layers()[1].is_some() {
                exits.push((portal, middle, world.walk_to_safety_m(portal)));
            } else {
                shut.push(portal);
            }
        }
        let level = DestinationClass { stairs: false, avoid: shut.clone(), ..DestinationClass::default() };
        let classes = vec![DestinationClass { avoid: shut.clone(), ..DestinationClass::default() }, level];
        let kernel = Arc::new(CrowdKernel::new(world, classes, &CrowdParams::default())?);
        let water = |w: &twin_model::WaterOnTile| {
            let water = FloodOnFloor { depth_m: w.depth_m as f32, speed_mps: w.speed_mps as f32 };
            (w.at_s, Action::Ground(LayerId(first + w.tile), water))
        };
        let known = |w: &&twin_model::WaterOnTile| (w.tile as usize) < ground.tiles.len();
        let actions = ground.water.iter().filter(known).map(water).collect();
        Ok(Self { ground: ground.clone(), kernel, first, exits, shut, actions })
    }

    /// The exit at whose outer side somebody is.
    fn exit_at(&self, p: [f64; 3]) -> PortalId {
        let far = |m: &[f64; 2]| (m[0] - p[0]).powi(2) + (m[1] - p[1]).powi(2);
        let best = self.exits.iter().min_by(|a, b| far(&a.1).total_cmp(&far(&b.1)));
        best.map_or(PortalId(0), |e| e.0)
    }
}

/// What a member with ground keeps beside its crowd.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outside {
    /// Layers from here on are ground.
    first: u32,
    /// Who came out of the building: when, and by which exit.
    pub out: Vec<Departure>,
    /// Per person: whether they did.
    seen: Vec<bool>,
    /// The fire's smoke on the wind; `None` in calm air or without a fire.
    pub plume: Option<(OutdoorPlume, Fuel)>,
    /// Extinction that each tile was told of, 1/m.
    pub told: Vec<f32>,
}

impl Outside {
    pub fn new(people: usize, street: &Street, plume: Option<(OutdoorPlume, Fuel)>) -> Self {
        let told = vec![0.0; street.ground.tiles.len()];
        Self { first: street.first, out: Vec::new(), seen: vec![false; people], plume, told }
    }

    /// Notes who has come out since the last look.
    pub fn look(&mut self, street: &Street, crowd: &CrowdRun) {
        let t_s = crowd.t_s();
        let layers = crowd.world().layers();
        for (id, layer, x, y, _) in crowd.motions().filter(|m| m.1.0 >= street.first) {
            if let Some(seen) = self.seen.get_mut(id as usize).filter(|s| !**s) {
                *seen = true;
                self.out.push(Departure { id, exit: street.exit_at(layers[layer.index()].to_plan([x, y])), t_s });
            }
        }
    }

    pub fn save(&self, w: &mut ByteWriter) {
        let words = self.out.iter().flat_map(|d| [u64::from(d.id), u64::from(d.exit.0), d.t_s.to_bits()]);
        w.bytes(&words.flat_map(u64::to_le_bytes).collect::<Vec<_>>());
        w.f32s(&self.told);
    }

    pub fn restored(&self, r: &mut ByteReader<'_>) -> Result<Self, SnapshotError> {
        let raw = r.bytes("out")?;
        let words: Vec<u64> = raw.as_chunks::<8>().0.iter().map(|le| u64::from_le_bytes(*le)).collect();
        let mut o = Self { out: Vec::new(), seen: vec![false; self.seen.len()], ..self.clone() };
        for v in words.as_chunks::<3>().0 {
            let bad =
                || SnapshotError::BadValue { field: "out", value: v[0].to_string(), allowed: "a person of this run" };
            *o.seen.get_mut(v[0] as usize).ok_or_else(bad)? = true;
            o.out.push(Departure { id: v[0] as u32, exit: PortalId(v[1] as u32), t_s: f64::from_bits(v[2]) });
        }
        o.told = r.f32s("told")?;
        if o.told.len() != self.told.len() {
            let value = o.told.len().to_string();
            return Err(SnapshotError::BadValue { field: "told", value, allowed: "the tiles of this run" });
        }
        Ok(o)
    }
}

/// People of a member by where they are, those who wait for help inside left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Whereabouts {
    /// Out of the building, wherever they are now and whether or not they can walk.
    pub out: u64,
    /// Walking outside.
    pub on_the_way: u64,
    /// Stopped outside.
    pub stopped: u64,
    /// At a place of safety.
    pub safe: u64,
}

impl MemberRun {
    /// Who came out of the building, when, and by which exit.
    #[must_use]
    pub fn left_building(&self) -> &[Departure] {
        self.outside.as_ref().map_or(self.crowd.departures(), |o| &o.out)
    }

    pub(crate) fn whereabouts(&self) -> Option<Whereabouts> {
        let outside = self.outside.as_ref()?;
        let mut w =
            Whereabouts { out: outside.out.len() as u64, safe: self.crowd.balance().left, ..Whereabouts::default() };
        for (_, status) in self.crowd.whereabouts().filter(|p| p.0.0 >= outside.first) {
            *(if status == Status::Stopped { &mut w.stopped } else { &mut w.on_the_way }) += 1;
        }
        Some(w)
    }

    /// Whether everybody who came out is outside or safe; true without ground.
    pub(crate) fn outside_closes(&self) -> bool {
        self.whereabouts().is_none_or(|w| w.out == w.on_the_way + w.stopped + w.safe)
    }

    /// When each person who came to a place of safety did, s, and at which area. Members who walk through the network walk on from
    /// the door at their own speed.
    pub(crate) fn arrivals(&self, model: &EvacModel) -> Vec<(f64, Option<u32>)> {
        let Some(street) = model.street.as_deref() else { return Vec::new() };
        let mut list: Vec<(f64, Option<u32>)> = if self.outside.is_some() {
            let area = |p: PortalId| street.kernel.world().portals()[p.index()].assembly;
            self.crowd.departures().iter().map(|d| (d.t_s, area(d.exit))).collect()
        } else {
            let walk = |p: PortalId| street.exits.iter().find(|e| e.0 == p).and_then(|e| e.2);
            let free = |id: u32| self.origins.get(id as usize).map_or(1.0, |o| o.free_mps.max(0.05));
            let gone = self.crowd.departures().iter();
            gone.filter_map(|d| walk(d.exit).map(|m| (d.t_s + m / free(d.id), None))).collect()
        };
        list.sort_by(|a, b| a.0.total_cmp(&b.0));
        list
    }

    /// When the last person came to safety; `None` while somebody who can walk has not.
    #[must_use]
    pub(crate) fn safe_s(&self, model: &EvacModel) -> Option<f64> {
        let all = self.crowd.balance().inside == 0;
        all.then(|| self.arrivals(model).last().map_or(0.0, |a| a.0))
    }
}
