//! Who is where (在场人数): people in every space, drawn from counters and from what the hour lets expect, with uncertainty.

mod hours;
mod tree;

pub use hours::hour_share;

use crate::EvacError;
use crate::names::Names;
use sim_core::CounterRng;
use std::collections::BTreeMap;
use tree::{Node, Spread, posterior};
use twin_model::{
    BuildingPlan, CountObservation, CountScope, DayKind, DoorState, EvacScenario, OccupancyEstimate, OpeningIndex,
    OpeningKind, PeopleEstimate, SpaceIndex, SpaceUse, StoreyIndex,
};

/// What the draws stand on besides counts.
#[derive(Debug, Clone, PartialEq)]
pub struct OccupancyOptions {
    /// Hour of the day, 0..24.
    pub hour: f64,
    /// Kind of day.
    pub day: DayKind,
    /// Ratio of variance to mean of the number in a space, 1.01..100: people sit together (3, our choice).
    pub fano: f64,
    /// Relative spread of the building's own factor on the expected number, 0.01..2 (0.4, our choice).
    pub factor_cv: f64,
    /// Draws, 1..100000.
    pub draws: u32,
    /// Seed.
    pub seed: u64,
}

impl OccupancyOptions {
    /// The usual spreads.
    #[must_use]
    pub const fn at(hour: f64, day: DayKind, draws: u32, seed: u64) -> Self {
        Self { hour, day, fano: 3.0, factor_cv: 0.4, draws, seed }
    }
}

/// People per space, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Occupancy {
    /// Draws; each has one number per space of the plan.
    pub draws: Vec<Vec<u32>>,
    /// What to doubt, one line each.
    pub doubts: Vec<String>,
}

const STREAM: u64 = 0x0CC0 << 32;
/// Expected at least in any space that people can walk to, persons: a counter may see somebody where none belongs.
const LEAST: f64 = 0.02;
/// A reading ages: after this time its variance has grown by the number itself, s (our choice).
const AGE_S: f64 = 1800.0;
/// Beyond so many deviations two counts contradict each other.
const APART: f64 = 3.5;
/// Deviation at least of counts that contradict each other, persons: the rounding of a whole number.
const ROUNDING: f64 = 0.5;

/// A count of a set of spaces.
#[derive(Debug, Clone)]
struct Count {
    /// Ascending.
    spaces: Vec<usize>,
    count: f64,
    sd: f64,
    name: String,
}

/// Draws how many people are in each space.
///
/// Prior: the scenario's people (listed spaces, else density by use), times the share of the hour; numbers are negative binomial, with
/// one more factor for the whole building (gamma). Counts are normal about the true number, sets of spaces nest (building, storeys,
/// spaces, what lies behind counted doors); one that crosses another is left out with a doubt. Exact counts (`sd` 0) are met exactly.
/// Counts that contradict each other by more than 3.5 deviations get a doubt and wider deviations (times the number of deviations: the
/// ratio of Birge, Physical Review 40 (1932) 207), so that the result lies between them by weight.
///
/// # Errors
/// [`EvacError::Counts`] for a value out of range, [`EvacError::Scenario`] for an unknown name.
pub fn occupancy(
    plan: &BuildingPlan,
    base: &EvacScenario,
    counts: &[CountObservation],
    options: &OccupancyOptions,
) -> Result<Occupancy, EvacError> {
    drawn_where(&Names { plan, scenario: base }, counts, options, &|_| true)
}

/// [`occupancy`] where people walk only through the openings that `passable` says.
pub(crate) fn drawn_where(
    names: &Names<'_>,
    counts: &[CountObservation],
    options: &OccupancyOptions,
    passable: &dyn Fn(usize) -> bool,
) -> Result<Occupancy, EvacError> {
    check(counts, options)?;
    let plan = names.plan;
    let mut doubts = Vec::new();
    let means = Means::new(names, options, passable)?;
    let mut sets = sets(names, counts, &means, &mut doubts)?;
    merge(&mut sets, &mut doubts);
    let mut root = nested(&means.now, sets, &mut doubts);
    agree(&mut root, options, &mut doubts);
    let spread = Spread { fano: options.fano, factor_cv: options.factor_cv };
    let mut drawn = drawn_from(&root.node(), spread, plan.spaces.len(), options);
    // Numbers that nobody can meet, though no pair is far apart: all counts lose weight until some can.
    for _ in 0..8 {
        if drawn.is_some() {
            break;
        }
        doubts.push("counts cannot all be met by whole numbers of people: all taken as less certain".into());
        root.widen(3.0);
        drawn = drawn_from(&root.node(), spread, plan.spaces.len(), options);
    }
    doubts.dedup();
    let draws = match drawn {
        Some(draws) => draws,
        None => {
            doubts.push("counts are left out: only the hour tells".into());
            let only =
                Node { rest: means.now.iter().copied().enumerate().filter(|m| m.1 > 0.0).collect(), ..Node::default() };
            drawn_from(&only, spread, plan.spaces.len(), options).unwrap_or_default()
        }
    };
    Ok(Occupancy { draws, doubts })
}

fn drawn_from(root: &Node, spread: Spread, spaces: usize, o: &OccupancyOptions) -> Option<Vec<Vec<u32>>> {
    let p = posterior(root, spread)?;
    let draw = |k: u32| {
        let mut people = vec![0; spaces];
        p.draw(&mut CounterRng::new(o.seed, STREAM | u64::from(k)), &mut people);
        people
    };
    Some((0..o.draws).map(draw).collect())
}

fn check(counts: &[CountObservation], o: &OccupancyOptions) -> Result<(), EvacError> {
    let within = |field: String, value: f64, low: f64, high: f64| {
        if value >= low && value <= high {
            return Ok(());
        }
        Err(EvacError::Counts(format!("{field} = {value}; allowed: {low}..{high}")))
    };
    within("hour".into(), o.hour, 0.0, 24.0)?;
    within("fano".into(), o.fano, 1.01, 100.0)?;
    within("factor_cv".into(), o.factor_cv, 0.01, 2.0)?;
    within("draws".into(), f64::from(o.draws), 1.0, 1e5)?;
    for (k, c) in counts.iter().enumerate() {
        let door = matches!(c.scope, CountScope::Door { .. });
        within(format!("counts[{k}].count"), c.count, if door { -1e6 } else { 0.0 }, 1e6)?;
        within(format!("counts[{k}].sd"), c.sd, 0.0, 1e6)?;
        within(format!("counts[{k}].age_s"), c.age_s, 0.0, 86_400.0)?;
        if let CountScope::Door { since_s, .. } = c.scope {
            within(format!("counts[{k}].since_s"), since_s, 1.0, 86_400.0)?;
        }
    }
    Ok(())
}

/// What the hour lets expect.
struct Means {
    /// Greatest number per space, and use.
    full: Vec<(f64, SpaceUse)>,
    now: Vec<f64>,
    options: OccupancyOptions,
}

impl Means {
    fn new(names: &Names<'_>, options: &OccupancyOptions, passable: &dyn Fn(usize) -> bool) -> Result<Self, EvacError> {
        let (plan, people) = (names.plan, &names.scenario.people);
        let mut listed = BTreeMap::new();
        for (k, s) in people.spaces.iter().enumerate() {
            listed.insert(names.space(&format!("people.spaces[{k}].space"), &s.space)?, f64::from(s.count));
        }
        let out = ways_out(names, passable)?;
        let full = plan.spaces.iter().enumerate().map(|(k, s)| {
            let by_density = people.density(s.use_) * s.area_m2();
            let mean = listed.get(&SpaceIndex(k as u32)).copied().unwrap_or(by_density);
            let walks = out[k] && s.use_ != SpaceUse::Shaft;
            (if walks { mean.max(LEAST) } else { 0.0 }, s.use_)
        });
        let mut means = Self { full: full.collect(), now: Vec::new(), options: options.clone() };
        means.now = means.at(options.hour);
        Ok(means)
    }

    fn at(&self, hour: f64) -> Vec<f64> {
        let share = |of: SpaceUse| hour_share(of, self.options.day, hour);
        self.full.iter().map(|(m, of)| if *m > 0.0 { (m * share(*of)).max(LEAST) } else { 0.0 }).collect()
    }

    /// Mean and variance of the number in a set at another hour.
    fn before(&self, spaces: &[usize], back_s: f64) -> (f64, f64) {
        let means = self.at(self.options.hour - back_s / 3600.0);
        let mean: f64 = spaces.iter().map(|k| means[*k]).sum();
        (mean, self.variance(mean))
    }

    fn variance(&self, mean: f64) -> f64 {
        spread_of(mean, &self.options)
    }
}

/// Variance of a number about its mean before any count.
fn spread_of(mean: f64, o: &OccupancyOptions) -> f64 {
    let factor = o.factor_cv * mean;
    o.fano * mean + factor * factor
}

/// Spaces from which people walk to the open air, locked doors shut.
fn ways_out(names: &Names<'_>, passable: &dyn Fn(usize) -> bool) -> Result<Vec<bool>, EvacError> {
    let plan = names.plan;
    let locked = locked_doors(names)?;
    let mut out = vec![false; plan.spaces.len()];
    let mut queue: Vec<SpaceIndex> = Vec::new();
    let open = |k: &usize| plan.openings[*k].walkable() && !locked[*k] && passable(*k);
    let doors: Vec<usize> = (0..plan.openings.len()).filter(open).collect();
    queue.extend(
        doors
            .iter()
            .filter(|k| plan.openings[**k].is_exit())
            .flat_map(|k| plan.openings[*k].sides.into_iter().flatten()),
    );
    let inner = doors.iter().filter_map(|k| plan.openings[*k].sides[0].zip(plan.openings[*k].sides[1]));
    let links: Vec<(SpaceIndex, SpaceIndex)> = inner.chain(plan.stairs.iter().map(|s| (s.lower, s.upper))).collect();
    let beside = beside(plan.spaces.len(), &links);
    while let Some(s) = queue.pop() {
        if !std::mem::replace(&mut out[s.index()], true) {
            queue.extend(&beside[s.index()]);
        }
    }
    Ok(out)
}

fn beside(spaces: usize, links: &[(SpaceIndex, SpaceIndex)]) -> Vec<Vec<SpaceIndex>> {
    let mut list = vec![Vec::new(); spaces];
    for (a, b) in links {
        list[a.index()].push(*b);
        list[b.index()].push(*a);
    }
    list
}

fn locked_doors(names: &Names<'_>) -> Result<Vec<bool>, EvacError> {
    let others = names.scenario.doors.others == DoorState::Locked;
    let mut locked: Vec<bool> = names.plan.openings.iter().map(|o| others && o.kind == OpeningKind::Door).collect();
    for (name, state) in &names.scenario.doors.named {
        for o in names.openings("doors.named", name, true)? {
            locked[o.index()] = *state == DoorState::Locked;
        }
    }
    Ok(locked)
}

/// A counted door.
struct DoorCount {
    opening: OpeningIndex,
    into: SpaceIndex,
    since_s: f64,
    net: f64,
    sd: f64,
}

/// Sets of spaces with their counts, ages and doors worked in.
fn sets(
    names: &Names<'_>,
    counts: &[CountObservation],
    means: &Means,
    doubts: &mut Vec<String>,
) -> Result<Vec<Count>, EvacError> {
    let plan = names.plan;
    let mut list = Vec::new();
    let mut doors = Vec::new();
    for (k, c) in counts.iter().enumerate() {
        let field = format!("counts[{k}].scope");
        let aged = (c.sd * c.sd + c.count.abs().max(1.0) * c.age_s / AGE_S).sqrt();
        let (spaces, name) = match &c.scope {
            CountScope::Building => ((0..plan.spaces.len()).collect(), plan.name.clone()),
            CountScope::Storey(name) => (storey(plan, &field, name)?, name.clone()),
            CountScope::Space(name) => (vec![names.space(&field, name)?.index()], name.clone()),
            CountScope::Door { door, into, since_s } => {
                let (opening, into) = door_side(names, &field, door, into.as_deref())?;
                doors.push(DoorCount { opening, into, since_s: *since_s, net: c.count, sd: aged });
                continue;
            }
        };
        list.push(Count { spaces, count: c.count, sd: aged, name });
    }
    if !doors.is_empty() {
        list.extend(behind_doors(names, &doors, means, doubts)?);
    }
    // Nobody can be where no way leads out.
    for c in &mut list {
        c.spaces.retain(|s| means.now[*s] > 0.0);
        if c.spaces.is_empty() && c.count > 0.0 {
            doubts.push(format!("{}: {} people counted where no way leads out: left out", c.name, c.count));
        }
    }
    list.retain(|c| !c.spaces.is_empty());
    Ok(list)
}

fn storey(plan: &BuildingPlan, field: &str, name: &str) -> Result<Vec<usize>, EvacError> {
    let found: Vec<usize> = (0..plan.spaces.len())
        .filter(|k| plan.storeys.get(plan.spaces[*k].storey.index()).is_some_and(|s| s.name == name))
        .collect();
    if found.is_empty() {
        let known: Vec<&str> = plan.storeys.iter().map(|s| s.name.as_str()).collect();
        return Err(EvacError::Counts(format!("{field}.storey = {name:?}; allowed: one of {}", known.join(", "))));
    }
    Ok(found)
}

fn door_side(
    names: &Names<'_>,
    field: &str,
    door: &str,
    into: Option<&str>,
) -> Result<(OpeningIndex, SpaceIndex), EvacError> {
    let found = names.openings(&format!("{field}.door"), door, false)?;
    let [one] = found.as_slice() else {
        let n = found.len();
        return Err(EvacError::Counts(format!(
            "{field}.door = {door:?}: {n} doors have this name; allowed: a name of one"
        )));
    };
    let sides = names.plan.openings[one.index()].sides;
    let inner: Vec<SpaceIndex> = sides.into_iter().flatten().collect();
    let into = match into {
        Some(name) => names.space(&format!("{field}.into"), name)?,
        None if inner.len() == 1 => inner[0],
        None => {
            return Err(EvacError::Counts(format!(
                "{field}.into is missing; {door:?} is no exit: name the space that is counted into"
            )));
        }
    };
    if !inner.contains(&into) {
        return Err(EvacError::Counts(format!("{field}.into: the door {door:?} does not lead there")));
    }
    Ok((*one, into))
}

/// What lies behind counted doors, where every way in or out is counted: people some time ago, by the hour, and who went in since.
fn behind_doors(
    names: &Names<'_>,
    doors: &[DoorCount],
    means: &Means,
    doubts: &mut Vec<String>,
) -> Result<Vec<Count>, EvacError> {
    let plan = names.plan;
    let locked = locked_doors(names)?;
    let counted = |k: usize| doors.iter().any(|d| d.opening.index() == k);
    let free = |k: &usize| plan.openings[*k].walkable() && !locked[*k] && !counted(*k);
    let open: Vec<usize> = (0..plan.openings.len()).filter(free).collect();
    let mut links: Vec<(SpaceIndex, SpaceIndex)> =
        open.iter().filter_map(|k| plan.openings[*k].sides[0].zip(plan.openings[*k].sides[1])).collect();
    links.extend(plan.stairs.iter().map(|s| (s.lower, s.upper)));
    links.extend(plan.lifts.iter().flat_map(|l| l.stops.windows(2).map(|w| (w[0], w[1]))));
    let beside = beside(plan.spaces.len(), &links);
    let leaks = |k: &usize| {
        let exit = open
            .iter()
            .find(|o| plan.openings[**o].is_exit() && plan.openings[**o].sides.contains(&Some(SpaceIndex(*k as u32))));
        exit.map(|o| plan.openings[*o].name.clone())
    };
    let mut list: Vec<Count> = Vec::new();
    let starts = doors.iter().flat_map(|d| plan.openings[d.opening.index()].sides.into_iter().flatten());
    for start in starts {
        if list.iter().any(|c| c.spaces.contains(&start.index())) {
            continue;
        }
        let spaces = reached(&beside, start);
        let inside = |s: Option<SpaceIndex>| s.is_some_and(|s| spaces.binary_search(&s.index()).is_ok());
        // Doors with both sides in the set tell nothing about it.
        let bounding: Vec<&DoorCount> = doors
            .iter()
            .filter(|d| plan.openings[d.opening.index()].sides.iter().filter(|s| inside(**s)).count() == 1)
            .collect();
        let name =
            || bounding.iter().map(|d| plan.openings[d.opening.index()].name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(exit) = spaces.iter().find_map(leaks) {
            let line = format!("counters at {}: people also pass {exit}, which nobody counts: not used", name());
            if !doubts.contains(&line) {
                doubts.push(line);
            }
            continue;
        }
        let Some(first) = bounding.first() else { continue };
        if bounding.iter().any(|d| (d.since_s - first.since_s).abs() > 60.0) {
            doubts.push(format!("counters at {} began at different times: not used", name()));
            continue;
        }
        let (mean, variance) = means.before(&spaces, first.since_s);
        let net: f64 = bounding.iter().map(|d| if inside(Some(d.into)) { d.net } else { -d.net }).sum();
        let noise: f64 = bounding.iter().map(|d| d.sd * d.sd).sum();
        let (name, sd) = (format!("behind {}", name()), (variance + noise).sqrt());
        if mean + net < -APART * sd {
            doubts.push(format!("{name}: {:.0} more people left than can have been there", -(mean + net)));
        }
        list.push(Count { spaces, count: (mean + net).max(0.0), sd, name });
    }
    Ok(list)
}

fn reached(beside: &[Vec<SpaceIndex>], start: SpaceIndex) -> Vec<usize> {
    let mut found = std::collections::BTreeSet::from([start.index()]);
    let mut queue = vec![start];
    while let Some(s) = queue.pop() {
        queue.extend(beside[s.index()].iter().filter(|b| found.insert(b.index())));
    }
    found.into_iter().collect()
}

/// Several counts of the same set become one, by precision.
fn merge(sets: &mut Vec<Count>, doubts: &mut Vec<String>) {
    let mut merged: Vec<Count> = Vec::new();
    for c in sets.drain(..) {
        let Some(old) = merged.iter_mut().find(|m| m.spaces == c.spaces) else {
            merged.push(c);
            continue;
        };
        let apart = (c.count - old.count).abs();
        let both = (c.sd * c.sd + old.sd * old.sd).sqrt();
        if apart > APART * both && apart > 1.0 {
            let (a, b, n) = (old.count, c.count, &old.name);
            doubts.push(format!("{n}: counted as {a:.0} and as {b:.0}: taken between them by weight"));
        }
        // Exact ones that differ share the weight; else the more certain has it.
        let floor = if apart > APART * both { ROUNDING } else { 1e-9 };
        let [v, w] = [old.sd.max(floor), c.sd.max(floor)].map(|s| s * s);
        let stretch = (apart / both.max(floor)).max(1.0);
        let sd = (v * w / (v + w)).sqrt();
        old.count = (old.count * w + c.count * v) / (v + w);
        old.sd = if sd < 1e-8 { 0.0 } else { sd * if stretch > APART { stretch } else { 1.0 } };
    }
    *sets = merged;
}

/// A set with those inside it.
struct Branch {
    count: Option<Count>,
    children: Vec<Branch>,
    rest: Vec<(usize, f64)>,
}

impl Branch {
    fn node(&self) -> Node {
        Node {
            seen: self.count.as_ref().map(|c| (c.count, c.sd)),
            children: self.children.iter().map(Branch::node).collect(),
            rest: self.rest.clone(),
        }
    }

    fn widen(&mut self, by: f64) {
        if let Some(c) = &mut self.count {
            c.sd = c.sd.max(ROUNDING) * by;
        }
        self.children.iter_mut().for_each(|c| c.widen(by));
    }
}

/// Makes the tree; sets that cross a larger one are left out.
fn nested(means: &[f64], mut sets: Vec<Count>, doubts: &mut Vec<String>) -> Branch {
    let everywhere: Vec<usize> = (0..means.len()).filter(|k| means[*k] > 0.0).collect();
    sets.sort_by(|a, b| b.spaces.len().cmp(&a.spaces.len()).then(a.spaces.cmp(&b.spaces)));
    let whole = sets.iter().position(|s| s.spaces == everywhere).map(|k| sets.remove(k));
    let mut kept: Vec<Count> = Vec::new();
    for s in sets {
        let share = |k: &Count| s.spaces.iter().filter(|x| k.spaces.binary_search(x).is_ok()).count();
        match kept.iter().find(|k| share(k) > 0 && share(k) < s.spaces.len()) {
            Some(k) => doubts.push(format!("{}: crosses {}: left out", s.name, k.name)),
            None => kept.push(s),
        }
    }
    let mut root = Branch { count: whole, children: Vec::new(), rest: Vec::new() };
    // Largest first: each goes into the deepest set that holds it.
    for s in kept {
        let mut at = &mut root;
        while let Some(k) = at
            .children
            .iter()
            .position(|c| c.count.as_ref().is_some_and(|c| c.spaces.binary_search(&s.spaces[0]).is_ok()))
        {
            at = &mut at.children[k];
        }
        at.children.push(Branch { count: Some(s), children: Vec::new(), rest: Vec::new() });
    }
    for k in everywhere {
        let mut at = &mut root;
        while let Some(c) =
            at.children.iter().position(|c| c.count.as_ref().is_some_and(|c| c.spaces.binary_search(&k).is_ok()))
        {
            at = &mut at.children[c];
        }
        at.rest.push((k, means[k]));
    }
    root
}

/// Looks for counts that contradict those inside them, widens both, and returns mean and variance of the set.
fn agree(b: &mut Branch, o: &OccupancyOptions, doubts: &mut Vec<String>) -> (f64, f64) {
    let parts: Vec<(f64, f64)> = b.children.iter_mut().map(|c| agree(c, o, doubts)).collect();
    let rest: f64 = b.rest.iter().map(|r| r.1).sum();
    let prior = spread_of(rest, o);
    let sum = parts.iter().fold((rest, prior), |s, p| (s.0 + p.0, s.1 + p.1));
    let Some(count) = &mut b.count else { return sum };
    let z = |sd: f64, variance: f64| (count.count - sum.0) / (sd * sd + variance).sqrt().max(1e-9);
    let far = z(count.sd, sum.1);
    if b.children.is_empty() {
        if far.abs() > APART && (count.count - sum.0).abs() > 5.0 {
            let line = "far from what the hour lets expect";
            doubts.push(format!("{}: counted {:.0}, {line} ({:.0})", count.name, count.count, sum.0));
        }
    } else if far.abs() > APART && (count.count - sum.0).abs() > 1.0 {
        let inside: Vec<&str> = b.children.iter().filter_map(|c| c.count.as_ref().map(|c| c.name.as_str())).collect();
        let (all, inside) = (count.count, inside.join(", "));
        doubts.push(format!(
            "{}: counted {all:.0}, but what lies in it ({inside}) comes to {:.0}: taken between them by weight",
            count.name, sum.0
        ));
        let stretch = z(count.sd.max(ROUNDING), sum.1.max(ROUNDING * ROUNDING)).abs().max(1.0);
        count.sd = count.sd.max(ROUNDING) * stretch;
        b.children.iter_mut().for_each(|c| c.widen(stretch));
        return (0.5 * (count.count + sum.0), count.sd * count.sd);
    }
    // Precision adds.
    let (v, w) = (count.sd * count.sd, sum.1);
    if v + w > 0.0 { ((count.count * w + sum.0 * v) / (v + w), v * w / (v + w)) } else { (count.count, 0.0) }
}

impl Occupancy {
    /// Mean, 5 % and 95 % of the building, each storey, each space.
    #[must_use]
    pub fn estimate(&self, plan: &BuildingPlan) -> OccupancyEstimate {
        let of = |place: String, spaces: &[usize]| {
            let mut sums: Vec<u32> = self.draws.iter().map(|d| spaces.iter().map(|k| d[*k]).sum()).collect();
            sums.sort_unstable();
            let at =
                |share: f64| sums.get(((share * sums.len() as f64).ceil() as usize).max(1) - 1).copied().unwrap_or(0);
            let mean = sums.iter().map(|n| f64::from(*n)).sum::<f64>() / sums.len().max(1) as f64;
            PeopleEstimate { place, mean, p05: at(0.05), p95: at(0.95) }
        };
        let all: Vec<usize> = (0..plan.spaces.len()).collect();
        let storey = |k: usize| {
            let index = StoreyIndex(k as u32);
            let spaces: Vec<usize> = all.iter().copied().filter(|s| plan.spaces[*s].storey == index).collect();
            of(plan.storeys[k].name.clone(), &spaces)
        };
        OccupancyEstimate {
            building: of(plan.name.clone(), &all),
            storeys: (0..plan.storeys.len()).map(storey).collect(),
            spaces: all.iter().map(|k| of(plan.space_label(SpaceIndex(*k as u32)), &[*k])).collect(),
        }
    }

    /// Whole numbers per space near the means whose sum is the rounded mean of the whole: largest remainders first.
    #[must_use]
    pub fn middle(&self) -> Vec<u32> {
        let spaces = self.draws.first().map_or(0, Vec::len);
        let mean = |k: usize| self.draws.iter().map(|d| f64::from(d[k])).sum::<f64>() / self.draws.len() as f64;
        let means: Vec<f64> = (0..spaces).map(mean).collect();
        let mut people: Vec<u32> = means.iter().map(|m| m.floor() as u32).collect();
        let missing = (means.iter().sum::<f64>().round() as u32).saturating_sub(people.iter().sum());
        let mut order: Vec<usize> = (0..spaces).collect();
        order.sort_by(|a, b| means[*b].fract().total_cmp(&means[*a].fract()).then(a.cmp(b)));
        order.into_iter().take(missing as usize).for_each(|k| people[k] += 1);
        people
    }
}

#[cfg(test)]
mod tests;
