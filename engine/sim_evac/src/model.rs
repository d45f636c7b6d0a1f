//! The unchanging half of a run: plan, scenario, crowd world, smoke network, and how they correspond.

use crate::EvacError;
use crate::names::Names;
use crate::network::{SmokeNetwork, smoke_network};
use crate::street::Street;
use crate::tenability::sight_limit_m;
use sim_core::CounterRng;
use sim_crowd::{
    CrowdKernel, CrowdParams, CrowdWorld, DestinationClass, FloodOnFloor, LayerId, LayerKind, OutdoorArea, PortalId,
};
use sim_fire::{Fire, Fuel, HeatCurve};
use std::sync::Arc;
use twin_model::{
    BuildingPlan, DefectLevel, DoorState, EvacIntervention, EvacScenario, FireFuel, FireGrowth, FireSource,
    OpeningIndex, OpeningKind, OutdoorGround, ScenarioError, SpaceIndex, SpaceUse, StairIndex,
};

/// Where a layer of the crowd lies in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Space(SpaceIndex),
    Stair(StairIndex),
    Outside,
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Door(OpeningIndex, DoorState),
    Stair(StairIndex, bool),
    Water(LayerId, FloodOnFloor),
    /// On a tile of the ground outside.
    Ground(LayerId, FloodOnFloor),
}

/// People wanted in a space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wanted {
    /// By the scenario; its position in the list.
    Counted { entry: usize, count: u32 },
    /// By density, persons.
    Density(f64),
}

/// A building, a scenario, and both kernels' models of it.
#[derive(Debug, Clone)]
pub struct EvacModel {
    pub(crate) plan: BuildingPlan,
    pub(crate) scenario: EvacScenario,
    pub(crate) outdoors: Vec<OutdoorArea>,
    /// The crowd's half, shared by all members.
    pub(crate) kernel: Arc<CrowdKernel>,
    /// The ground outside, for members who walk with the micro crowd.
    pub(crate) street: Option<Arc<Street>>,
    pub(crate) smoke: SmokeNetwork,
    /// Per opening of the plan.
    pub(crate) portals: Vec<Option<PortalId>>,
    /// Per stair of the plan.
    pub(crate) stair_portals: Vec<Vec<PortalId>>,
    /// Per layer of the crowd.
    pub(crate) places: Vec<Place>,
    /// Per space.
    pub(crate) layers: Vec<Option<LayerId>>,
    pub(crate) sight_m: Vec<f64>,
    pub(crate) wanted: Vec<(SpaceIndex, Wanted)>,
    pub(crate) doors: Vec<DoorState>,
    /// By time.
    pub(crate) actions: Vec<(f64, Action)>,
    /// Voice messages by time: when, s, and the share of the waiting that is left.
    pub(crate) messages: Vec<(f64, f64)>,
    pub(crate) warnings: Vec<String>,
}

/// What one member has of its own (集合成员).
#[derive(Debug, Clone, PartialEq)]
pub struct EvacMember {
    /// Seed of people, places and times.
    pub seed: u64,
    /// Its fire.
    pub fire: Option<Fire>,
    /// Doors that stand otherwise than the scenario says, from the start on.
    pub doors: Vec<(OpeningIndex, DoorState)>,
    /// People per space, in the plan's order; `None`: as the scenario says.
    pub people: Option<Vec<u32>>,
}

impl EvacMember {
    /// A member with the scenario's doors and people.
    #[must_use]
    pub const fn new(seed: u64, fire: Option<Fire>) -> Self {
        Self { seed, fire, doors: Vec::new(), people: None }
    }
}

/// Streams of random numbers.
const FIRE_STREAM: u64 = 0x000F_17E5;
const MEMBER_STREAM: u64 = 0x000E_3B3A;

impl EvacModel {
    /// Checks the scenario against the plan and builds both models.
    ///
    /// # Errors
    /// [`EvacError::Scenario`] for a bad value or an unknown name, [`EvacError::Plan`] for a plan with an error,
    /// [`EvacError::Crowd`] and [`EvacError::Fire`] where a kernel refuses an element.
    pub fn new(plan: &BuildingPlan, scenario: &EvacScenario, outdoors: &[OutdoorArea]) -> Result<Self, EvacError> {
        Self::made(plan, scenario, outdoors, None)
    }

    /// A building with the ground round it ([`crate::ground_around`]): people of micro members walk on to a place of safety; those of
    /// network members are gone at the door, and walk on in the summary. Nothing inside changes but by queues that reach back
    /// through a door.
    ///
    /// # Errors
    /// As [`EvacModel::new`], and for a ground that does not fit the plan.
    pub fn on_ground(plan: &BuildingPlan, scenario: &EvacScenario, ground: &OutdoorGround) -> Result<Self, EvacError> {
        Self::made(plan, scenario, &[], Some(ground))
    }

    pub(crate) fn made(
        plan: &BuildingPlan,
        scenario: &EvacScenario,
        outdoors: &[OutdoorArea],
        ground: Option<&OutdoorGround>,
    ) -> Result<Self, EvacError> {
        scenario.validate()?;
        let defects = plan.check();
        if let Some(d) = defects.iter().find(|d| d.level == DefectLevel::Error) {
            return Err(EvacError::Plan(d.to_string()));
        }
        let names = Names { plan, scenario };
        let world = CrowdWorld::from_plan(plan, outdoors)?;
        let smoke = smoke_network(&names)?;
        let street = ground.map(|g| Street::new(plan, g, &world).map(Arc::new)).transpose()?;
        let layers: Vec<Option<LayerId>> =
            (0..plan.spaces.len() as u32).map(|k| world.layer_of_space(SpaceIndex(k))).collect();
        let mut portals = vec![None; plan.openings.len()];
        let mut stair_portals = vec![Vec::new(); plan.stairs.len()];
        let mut places: Vec<Place> = world
            .layers()
            .iter()
            .map(|l| if let LayerKind::Floor(Some(s)) = l.kind { Place::Space(s) } else { Place::Outside })
            .collect();
        for (k, p) in world.portals().iter().enumerate() {
            if let Some(o) = p.opening {
                portals[o.index()] = Some(PortalId(k as u32));
            }
            if let Some(s) = p.stair {
                stair_portals[s.index()].push(PortalId(k as u32));
                for l in p.layers().into_iter().flatten() {
                    if matches!(world.layers()[l.index()].kind, LayerKind::Flight(_) | LayerKind::Landing) {
                        places[l.index()] = Place::Stair(s);
                    }
                }
            }
        }
        places.extend(ground.iter().flat_map(|g| &g.tiles).map(|_| Place::Outside));
        let level = DestinationClass { stairs: false, ..DestinationClass::default() };
        let classes = vec![DestinationClass::default(), level];
        let kernel = Arc::new(CrowdKernel::new(world, classes, &CrowdParams::default())?);
        let doors = door_states(&names)?;
        let mut actions = actions(&names, &layers)?;
        if let Some(street) = &street {
            actions.extend(street.actions.iter().cloned());
            actions.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        if let Some(fire) = &scenario.fire {
            names.space("fire.space", &fire.space)?;
        }
        let outside = street.iter().flat_map(|s| &s.ground.defects);
        let warnings = defects.iter().chain(outside).map(ToString::to_string).collect();
        let sight_m = plan.spaces.iter().map(sight_limit_m).collect();
        let mut model = Self {
            plan: plan.clone(),
            scenario: scenario.clone(),
            outdoors: outdoors.to_vec(),
            kernel,
            street,
            smoke,
            portals,
            stair_portals,
            places,
            layers,
            sight_m,
            wanted: Vec::new(),
            doors,
            actions,
            messages: messages(scenario),
            warnings,
        };
        model.wanted = model.people()?;
        Ok(model)
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &BuildingPlan {
        &self.plan
    }

    /// The ground outside, if people walk on it.
    #[must_use]
    pub fn ground(&self) -> Option<&OutdoorGround> {
        self.street.as_deref().map(|s| &s.ground)
    }

    /// The tile of the ground that a layer of a micro member's crowd is.
    #[must_use]
    pub fn tile_of(&self, layer: LayerId) -> Option<usize> {
        let street = self.street.as_deref()?;
        layer.0.checked_sub(street.first).map(|k| k as usize)
    }

    /// The scenario.
    #[must_use]
    pub const fn scenario(&self) -> &EvacScenario {
        &self.scenario
    }

    /// Doubts about the plan and the people that do not forbid a run.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// `storey/name` of a space.
    #[must_use]
    pub fn space_name(&self, space: SpaceIndex) -> String {
        self.plan.space_label(space)
    }

    /// The space of a name as scenarios use it.
    ///
    /// # Errors
    /// [`ScenarioError`] naming `field` when none or several have the name.
    pub fn space_named(&self, field: &str, name: &str) -> Result<SpaceIndex, ScenarioError> {
        Names { plan: &self.plan, scenario: &self.scenario }.space(field, name)
    }

    /// The members of the scenario: the first with its own growth, the others with growth drawn about it. The draws hang on
    /// seed and member alone, so that what-if branches share them.
    ///
    /// # Errors
    /// As [`EvacModel::space_named`].
    pub fn members(&self) -> Result<Vec<EvacMember>, EvacError> {
        let s = &self.scenario;
        let member = |k: u32| {
            let seed = CounterRng::new(s.seed, MEMBER_STREAM).at(u64::from(k));
            let mut rng = CounterRng::new(seed, FIRE_STREAM);
            let fire = s.fire_of_member(k).map(|f| {
                let pace = if k == 0 { 1.0 } else { libm::exp(f.growth_sigma * normal(&mut rng)) };
                self.fire(f, pace)
            });
            Ok(EvacMember::new(seed, fire.transpose()?))
        };
        (0..s.members).map(member).collect()
    }

    /// A fire of the scenario's kind, its growth coefficient times `pace`.
    ///
    /// # Errors
    /// As [`EvacModel::space_named`].
    pub fn fire(&self, f: &FireSource, pace: f64) -> Result<Fire, EvacError> {
        let space = self.space_named("fire.space", &f.space)?;
        let curve = match &f.growth {
            FireGrowth::Table(points) => {
                // Times shrink as those of a t² fire do.
                let quick = pace.sqrt();
                HeatCurve::Table(points.iter().map(|(t, kw)| (f.start_s + t / quick, *kw)).collect())
            }
            g => {
                let alpha_kwps2 = (g.alpha_kwps2().unwrap_or_default() * pace).min(10.0);
                HeatCurve::Squared { alpha_kwps2, peak_kw: f.peak_kw, start_s: f.start_s }
            }
        };
        Ok(self.fire_in(space, curve, f))
    }

    /// A fire of a curve with the fuel and size of a source.
    pub(crate) fn fire_in(&self, space: SpaceIndex, curve: HeatCurve, f: &FireSource) -> Fire {
        let peak_kw = match &f.growth {
            FireGrowth::Table(points) => points.iter().map(|p| p.1).fold(0.0, f64::max),
            _ => f.peak_kw,
        };
        let fuel = match f.fuel {
            FireFuel::Polyurethane => Fuel::POLYURETHANE,
            FireFuel::Wood => Fuel::WOOD,
            FireFuel::Methane => Fuel::METHANE,
        };
        // 500 kW/m²: burning furniture (order of NFPA 92 annex and CIBSE Guide E, from memory).
        let area_m2 = (peak_kw / 500.0).clamp(0.1, self.plan.spaces[space.index()].area_m2().max(0.1));
        // In a corridor of several zones: the middle one.
        let zones = &self.smoke.zones[space.index()];
        Fire { fuel, area_m2, ..Fire::new("fire", zones[zones.len() / 2], curve) }
    }

    /// Spaces from which people walk to the open air through doors that are not locked.
    fn with_way_out(&self, over_stairs: bool) -> Vec<bool> {
        let plan = &self.plan;
        let passable = |k: usize| self.portals[k].is_some() && self.doors[k] != DoorState::Locked;
        let mut links: Vec<Vec<SpaceIndex>> = vec![Vec::new(); plan.spaces.len()];
        let mut queue = Vec::new();
        for (_, o) in plan.openings.iter().enumerate().filter(|(k, o)| o.walkable() && passable(*k)) {
            match o.sides {
                [Some(a), Some(b)] => {
                    links[a.index()].push(b);
                    links[b.index()].push(a);
                }
                sides => queue.extend(sides.into_iter().flatten()),
            }
        }
        for s in plan.stairs.iter().filter(|_| over_stairs) {
            links[s.lower.index()].push(s.upper);
            links[s.upper.index()].push(s.lower);
        }
        let mut out = vec![false; plan.spaces.len()];
        while let Some(s) = queue.pop() {
            if !std::mem::replace(&mut out[s.index()], true) {
                queue.extend(&links[s.index()]);
            }
        }
        out
    }

    /// Doors of a member at the start.
    pub(crate) fn doors_of(&self, member: &EvacMember) -> Result<Vec<DoorState>, EvacError> {
        let mut doors = self.doors.clone();
        for (o, state) in &member.doors {
            match doors.get_mut(o.index()) {
                Some(door) => *door = *state,
                None => {
                    let said = format!("a member's door {}: allowed: below {}", o.0, doors.len());
                    return Err(EvacError::Plan(said));
                }
            }
        }
        Ok(doors)
    }

    /// Who is wanted where in a member; spaces without a way out get nobody.
    pub(crate) fn wanted_of(&self, member: &EvacMember) -> Result<Vec<(SpaceIndex, Wanted)>, EvacError> {
        let Some(people) = &member.people else { return Ok(self.wanted.clone()) };
        if people.len() != self.plan.spaces.len() {
            let said = format!("a member's people in {} spaces: allowed: {}", people.len(), self.plan.spaces.len());
            return Err(EvacError::Plan(said));
        }
        let way_out = self.with_way_out(true);
        let some = people.iter().enumerate().filter(|(k, n)| **n > 0 && way_out[*k]);
        // A whole number is drawn as it is.
        Ok(some.map(|(k, n)| (SpaceIndex(k as u32), Wanted::Density(f64::from(*n)))).collect())
    }

    /// Who is wanted where.
    fn people(&mut self) -> Result<Vec<(SpaceIndex, Wanted)>, EvacError> {
        let names = Names { plan: &self.plan, scenario: &self.scenario };
        let way_out = self.with_way_out(true);
        let mut counted = std::collections::BTreeMap::new();
        for (entry, s) in self.scenario.people.spaces.iter().enumerate() {
            let field = format!("people.spaces[{entry}].space");
            let space = names.space(&field, &s.space)?;
            if s.count > 0 && !way_out[space.index()] {
                let (scenario, value) = (self.scenario.name.clone(), format!("{:?}", s.space));
                let allowed = "a space with a way out of the building".to_owned();
                return Err(ScenarioError { scenario, field, value, allowed }.into());
            }
            counted.insert(space, Wanted::Counted { entry, count: s.count });
        }
        let mut wanted = Vec::new();
        let mut shut = Vec::new();
        for (k, s) in self.plan.spaces.iter().enumerate() {
            let space = SpaceIndex(k as u32);
            let by_density = Wanted::Density(self.scenario.people.density(s.use_) * s.area_m2());
            let want = counted.get(&space).copied().unwrap_or(by_density);
            let none = matches!(want, Wanted::Counted { count: 0, .. }) || want == Wanted::Density(0.0);
            if none || s.use_ == SpaceUse::Shaft {
                continue;
            }
            if way_out[k] {
                wanted.push((space, want));
            } else {
                shut.push(format!("space {}: has no way out: nobody is placed there", self.plan.space_label(space)));
            }
        }
        self.warnings.extend(shut);
        Ok(wanted)
    }

    /// Share of an opening that lets smoke pass; `used`: people go through it now, `passed`: somebody ever did.
    pub(crate) fn open_share(&self, opening: usize, state: DoorState, used: bool, passed: bool) -> f64 {
        let d = &self.scenario.doors;
        let open = match (self.plan.openings[opening].kind, state) {
            (_, DoorState::Open) => true,
            (_, DoorState::Locked) | (OpeningKind::Window, _) => false,
            (OpeningKind::Opening, _) => true,
            (OpeningKind::Door, DoorState::SelfClosing) => used,
            (OpeningKind::Door, DoorState::LeftOpen) => passed,
        };
        match self.plan.openings[opening].kind {
            _ if open => 1.0,
            OpeningKind::Window => d.window_leak_share,
            _ => d.leak_share,
        }
    }
}

fn door_states(names: &Names<'_>) -> Result<Vec<DoorState>, EvacError> {
    let d = &names.scenario.doors;
    let initial = |kind| match kind {
        OpeningKind::Door => d.others,
        OpeningKind::Opening => DoorState::Open,
        OpeningKind::Window => DoorState::SelfClosing,
    };
    let mut states: Vec<DoorState> = names.plan.openings.iter().map(|o| initial(o.kind)).collect();
    for (name, state) in &d.named {
        for o in names.openings("doors.named", name, true)? {
            states[o.index()] = *state;
        }
    }
    Ok(states)
}

fn actions(names: &Names<'_>, layers: &[Option<LayerId>]) -> Result<Vec<(f64, Action)>, EvacError> {
    let mut list = Vec::new();
    for (k, i) in names.scenario.interventions.iter().enumerate() {
        let at = |field: &str| format!("interventions[{k}].{field}");
        let mut doors = |door: &str, windows: bool, state: DoorState| -> Result<(), EvacError> {
            let found = names.openings(&at("door"), door, windows)?;
            list.extend(found.into_iter().map(|o| (i.at_s(), Action::Door(o, state))));
            Ok(())
        };
        match i {
            EvacIntervention::CloseDoor { door, .. } => doors(door, true, DoorState::SelfClosing)?,
            EvacIntervention::OpenDoor { door, .. } => doors(door, true, DoorState::Open)?,
            EvacIntervention::BlockDoor { door, .. } => doors(door, false, DoorState::Locked)?,
            EvacIntervention::BlockStair { stair, .. } | EvacIntervention::UnblockStair { stair, .. } => {
                let open = matches!(i, EvacIntervention::UnblockStair { .. });
                let found = names.stairs(&at("stair"), stair)?;
                list.extend(found.into_iter().map(|s| (i.at_s(), Action::Stair(s, open))));
            }
            EvacIntervention::VoiceMessage { .. } | EvacIntervention::Fan { .. } => {}
        }
    }
    for (k, w) in names.scenario.water.iter().enumerate() {
        let space = names.space(&format!("water[{k}].space"), &w.space)?;
        let water = FloodOnFloor { depth_m: w.depth_m as f32, speed_mps: w.speed_mps as f32 };
        list.extend(layers[space.index()].map(|l| (w.at_s, Action::Water(l, water))));
    }
    list.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(list)
}

fn messages(scenario: &EvacScenario) -> Vec<(f64, f64)> {
    let message = |i: &EvacIntervention| match i {
        EvacIntervention::VoiceMessage { remaining, at_s } => Some((*at_s, *remaining)),
        _ => None,
    };
    let mut list: Vec<(f64, f64)> = scenario.interventions.iter().filter_map(message).collect();
    list.sort_by(|a, b| a.0.total_cmp(&b.0));
    list
}

/// Standard normal deviate (Box and Muller 1958) that is the same on every machine.
pub(crate) fn normal(rng: &mut CounterRng) -> f64 {
    let u = 1.0 - rng.next_f64();
    let v = rng.next_f64();
    (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}
