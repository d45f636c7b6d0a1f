//! The rule book: rules compiled against the community, so that a sample finds at once what watches it.

use super::check::{Check, Checker, RuleError};
use super::world::World;
use crate::calendar::WorkCalendar;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use twin_model::{CommunityModel, EntityId, Grouping, PropertyId, PropertyTable, Rule, RuleSet};

/// Members that one input of an expression may take together.
const MAX_MEMBERS: usize = 512;
/// Most rules of a book.
const MAX_RULES: usize = 10_000;

/// What a watch on a series leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The slot's condition is a function of this sample alone, or of the subject's own values.
    Slot(u32),
    /// The sample is one of several that an input takes together.
    Member(u32),
    /// The device was heard, whatever the property.
    Heard(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watch {
    entity: EntityId,
    /// `None` for any property.
    pub(crate) property: Option<PropertyId>,
    pub(crate) role: Role,
}

/// One (rule, entity): the thing that has at most one open alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotDef {
    pub(crate) rule: u16,
    pub(crate) entity: EntityId,
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) key: String,
    pub(crate) rule: Rule,
    pub(crate) check: Check,
    pub(crate) on_delay_ms: i64,
    pub(crate) off_delay_ms: i64,
    /// Its slots are contiguous.
    pub(crate) slots: std::ops::Range<u32>,
    /// Rules whose alarms it explains.
    pub(crate) suppresses: Vec<u16>,
    pub(crate) suppressed_by: Vec<u16>,
    /// For expressions: first of the inputs of its first slot in [`Book::slot_inputs`].
    input_base: usize,
}

impl Compiled {
    pub(crate) fn group(&self) -> &str {
        self.rule.group.as_deref().unwrap_or(&self.key)
    }
}

/// Several series taken together by inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) members: Vec<EntityId>,
    /// Slots whose condition depends on it.
    pub(crate) slots: Vec<u32>,
}

/// Where an input of a slot gets its number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum InputRef {
    Own,
    Group(u32),
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) world: Arc<World>,
    pub(crate) set: RuleSet,
    /// Working time for escalation.
    pub(crate) calendar: Option<WorkCalendar>,
    pub(crate) rules: Vec<Compiled>,
    pub(crate) slots: Vec<SlotDef>,
    pub(crate) groups: Vec<Group>,
    slot_inputs: Vec<InputRef>,
    watches: Vec<Watch>,
    /// Entity → its watches: start within `watches`; one more than entities.
    starts: Vec<u32>,
}

/// Rules ready to run over a community. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    pub(crate) book: Arc<Book>,
}

impl RuleBook {
    /// The thresholds of the device classes alone.
    #[must_use]
    pub fn new(model: &CommunityModel, table: &PropertyTable) -> Self {
        Self::thresholds(World::of_model(model, table), table)
    }

    /// The same from (entity, class key) pairs, without addresses.
    #[must_use]
    pub fn from_classes<'a>(entities: impl IntoIterator<Item = (EntityId, &'a str)>, table: &PropertyTable) -> Self {
        Self::thresholds(World::of_pairs(entities, table), table)
    }

    fn thresholds(world: World, table: &PropertyTable) -> Self {
        let world = Arc::new(world);
        let mut set = RuleSet::of_classes(table);
        // A threshold that is not usable (text, limit) is left out, as it always was; `compile` tells why.
        set.rule.retain(|key, rule| Checker { key, world: &world }.rule(rule).is_ok());
        Self::over(&world, set).unwrap_or_default()
    }

    /// The thresholds of the device classes and `rules`, which win where both have a key.
    ///
    /// # Errors
    /// [`RuleError`] for the first rule that cannot run.
    pub fn compile(model: &CommunityModel, table: &PropertyTable, rules: RuleSet) -> Result<Self, RuleError> {
        Self::over(&Arc::new(World::of_model(model, table)), RuleSet::of_classes(table).with(rules))
    }

    /// Other rules over the same community.
    ///
    /// # Errors
    /// [`RuleError`] for the first rule that cannot run.
    pub fn with_rules(&self, rules: RuleSet) -> Result<Self, RuleError> {
        Self::over(&self.book.world, rules)
    }

    fn over(world: &Arc<World>, set: RuleSet) -> Result<Self, RuleError> {
        Ok(Self { book: Arc::new(Builder::default().build(world, set)?) })
    }

    /// The rules, as given.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.book.set
    }

    /// Key and rule of a number that alarms carry.
    #[must_use]
    pub fn rule(&self, number: u16) -> Option<(&str, &Rule)> {
        self.book.rules.get(usize::from(number)).map(|c| (c.key.as_str(), &c.rule))
    }

    /// Number of a rule.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u16> {
        let at = self.book.rules.binary_search_by(|c| c.key.as_str().cmp(key)).ok()?;
        u16::try_from(at).ok()
    }

    /// The property that alarms of (rule, entity) name; `None` when the rule does not watch the entity.
    #[must_use]
    pub fn property_of(&self, rule: u16, entity: EntityId) -> Option<PropertyId> {
        self.book.slot(rule, entity).map(|_| self.book.property(SlotDef { rule, entity }))
    }

    /// Number of (rule, entity) pairs that are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.book.slots.len()
    }

    /// Series that a rule reads.
    #[must_use]
    pub fn series(&self) -> Vec<(EntityId, Option<PropertyId>)> {
        let found: BTreeSet<_> = self.book.watches.iter().map(|w| (w.entity, w.property)).collect();
        found.into_iter().collect()
    }
}

impl Book {
    /// What watches an entity.
    pub(crate) fn watches(&self, entity: EntityId) -> &[Watch] {
        let at = entity.0 as usize;
        let (Some(from), Some(to)) = (self.starts.get(at), self.starts.get(at + 1)) else { return &[] };
        self.watches.get(*from as usize..*to as usize).unwrap_or(&[])
    }

    pub(crate) fn slot(&self, rule: u16, entity: EntityId) -> Option<u32> {
        let range = self.rules.get(usize::from(rule))?.slots.clone();
        let slots = self.slots.get(range.start as usize..range.end as usize)?;
        let at = slots.binary_search_by_key(&entity, |s| s.entity).ok()?;
        u32::try_from(at).ok().map(|at| range.start + at)
    }

    pub(crate) fn of_slot(&self, slot: u32) -> Option<(SlotDef, &Compiled)> {
        let def = *self.slots.get(slot as usize)?;
        Some((def, self.rules.get(usize::from(def.rule))?))
    }

    /// Where the inputs of an expression's slot come from.
    pub(crate) fn inputs(&self, slot: u32, rule: &Compiled, count: usize) -> &[InputRef] {
        let from = rule.input_base + (slot - rule.slots.start) as usize * count;
        self.slot_inputs.get(from..from + count).unwrap_or(&[])
    }

    /// Milliseconds without a sample after which an entity is silent.
    pub(crate) fn silence_ms(&self, entity: EntityId, intervals: f64, grace_ms: i64) -> Option<i64> {
        let interval_ms = self.world.facts(entity)?.interval_ms;
        Some((interval_ms as f64 * intervals) as i64 + grace_ms)
    }

    /// The property that stands for a slot on lists.
    pub(crate) fn property(&self, def: SlotDef) -> PropertyId {
        match self.rules.get(usize::from(def.rule)).map(|r| &r.check) {
            Some(Check::Threshold { property, .. } | Check::Rate { property, .. }) => *property,
            Some(Check::Geo { x, .. }) => *x,
            Some(Check::Expression { inputs, .. }) => inputs.first().map(|i| i.property).unwrap_or_default(),
            Some(Check::NoData { .. }) | None => {
                self.world.facts(def.entity).and_then(|c| c.first_property).unwrap_or_default()
            }
        }
    }
}

#[derive(Default)]
struct Builder {
    book: Book,
    group_of: BTreeMap<(u16, PropertyId, EntityId), u32>,
    /// Entities of a class by whatever is above them.
    below: BTreeMap<u16, BTreeMap<EntityId, Vec<EntityId>>>,
    watches: BTreeSet<Watch>,
}

impl Builder {
    fn build(mut self, world: &Arc<World>, set: RuleSet) -> Result<Book, RuleError> {
        check_set(&set)?;
        let calendar = WorkCalendar::new(&set.calendar.clone().unwrap_or_default());
        let calendar = Some(calendar.map_err(|e| RuleError::Set(e.to_string()))?);
        self.book.world = world.clone();
        for (key, rule) in &set.rule {
            let check = Checker { key, world }.rule(rule)?;
            self.add(key, rule, check)?;
        }
        self.link(&set)?;
        self.book.set = set;
        self.book.calendar = calendar;
        self.index();
        Ok(self.book)
    }

    fn add(&mut self, key: &str, rule: &Rule, check: Check) -> Result<(), RuleError> {
        let number = u16::try_from(self.book.rules.len()).unwrap_or(u16::MAX);
        let subjects = if rule.enabled { self.subjects(key, rule)? } else { Vec::new() };
        let first = u32::try_from(self.book.slots.len()).unwrap_or(u32::MAX);
        self.book.slots.extend(subjects.iter().map(|e| SlotDef { rule: number, entity: *e }));
        let slots = first..first + u32::try_from(subjects.len()).unwrap_or(0);
        let input_base = self.book.slot_inputs.len();
        for (slot, entity) in slots.clone().zip(&subjects) {
            self.watch(key, slot, *entity, &check)?;
        }
        let ms = |s: f64| (s * 1000.0) as i64;
        self.book.rules.push(Compiled {
            key: key.to_owned(),
            rule: rule.clone(),
            check,
            on_delay_ms: ms(rule.on_delay_s),
            off_delay_ms: ms(rule.off_delay_s),
            slots,
            suppresses: vec![],
            suppressed_by: vec![],
            input_base,
        });
        Ok(())
    }

    fn subjects(&self, key: &str, rule: &Rule) -> Result<Vec<EntityId>, RuleError> {
        let (world, subject) = (&self.book.world, &rule.subject);
        let checker = Checker { key, world };
        let class = subject.class.as_deref().map(|c| checker.class("subject.class", c)).transpose()?;
        let within = subject.within.as_deref().map(|c| checker.code("subject.within", c)).transpose()?;
        let codes =
            subject.codes.iter().map(|c| checker.code("subject.codes", c)).collect::<Result<BTreeSet<_>, _>>()?;
        if class.is_none() && subject.kind.is_none() && codes.is_empty() {
            return Err(RuleError::Field {
                rule: key.to_owned(),
                field: "subject",
                value: "nothing".to_owned(),
                allowed: "at least one of class, kind, codes".to_owned(),
            });
        }
        let fits = |e: &EntityId| {
            class.is_none_or(|c| world.class(*e) == Some(c))
                && subject.kind.is_none_or(|k| world.kind(*e) == Some(k))
                && (codes.is_empty() || codes.contains(e))
                && within.is_none_or(|place| world.is_within(*e, place))
        };
        Ok(world.entities().filter(fits).collect())
    }

    fn watch(&mut self, key: &str, slot: u32, entity: EntityId, check: &Check) -> Result<(), RuleError> {
        let mut own = |property, role| self.watches.insert(Watch { entity, property, role });
        match check {
            Check::Threshold { property, .. } | Check::Rate { property, .. } => {
                own(Some(*property), Role::Slot(slot));
            }
            Check::NoData { .. } => {
                own(None, Role::Heard(slot));
            }
            Check::Geo { x, y, .. } => {
                own(Some(*x), Role::Slot(slot));
                own(Some(*y), Role::Slot(slot));
            }
            Check::Expression { inputs, .. } => {
                for input in inputs {
                    let Some(class) = input.class else {
                        self.watches.insert(Watch { entity, property: Some(input.property), role: Role::Slot(slot) });
                        self.book.slot_inputs.push(InputRef::Own);
                        continue;
                    };
                    let anchor = match input.around {
                        None => Some(entity),
                        Some(kind) => self.book.world.nearest(entity, kind),
                    };
                    let group = self.group(key, class, input.property, anchor.unwrap_or(entity))?;
                    self.book.slot_inputs.push(InputRef::Group(group));
                    if let Some(g) = self.book.groups.get_mut(group as usize)
                        && g.slots.last() != Some(&slot)
                    {
                        g.slots.push(slot);
                    }
                }
            }
        }
        Ok(())
    }

    /// The group of a class below an anchor; made when it is first needed.
    fn group(&mut self, key: &str, class: u16, property: PropertyId, anchor: EntityId) -> Result<u32, RuleError> {
        if let Some(found) = self.group_of.get(&(class, property, anchor)) {
            return Ok(*found);
        }
        let world = self.book.world.clone();
        let below = self.below.entry(class).or_insert_with(|| members_by_ancestor(&world, class));
        let members: Vec<EntityId> = below.get(&anchor).cloned().unwrap_or_default();
        if members.len() > MAX_MEMBERS {
            return Err(RuleError::Field {
                rule: key.to_owned(),
                field: "inputs.class",
                value: format!("{} entities at once", members.len()),
                allowed: format!("at most {MAX_MEMBERS} below one subject"),
            });
        }
        let number = u32::try_from(self.book.groups.len()).unwrap_or(u32::MAX);
        for entity in &members {
            let role = Role::Member(number);
            self.watches.insert(Watch { entity: *entity, property: Some(property), role });
        }
        self.book.groups.push(Group { members, slots: vec![] });
        self.group_of.insert((class, property, anchor), number);
        Ok(number)
    }

    /// Who explains whom.
    fn link(&mut self, set: &RuleSet) -> Result<(), RuleError> {
        let numbers: BTreeMap<&str, u16> = set.rule.keys().map(String::as_str).zip(0..).collect();
        for (number, (key, rule)) in (0u16..).zip(&set.rule) {
            for other in &rule.suppressed_by {
                let Some(by) = numbers.get(other.as_str()).copied().filter(|by| *by != number) else {
                    return Err(RuleError::Field {
                        rule: key.clone(),
                        field: "suppressed_by",
                        value: format!("{other:?}"),
                        allowed: "the key of another rule".to_owned(),
                    });
                };
                if let Some(r) = self.book.rules.get_mut(usize::from(by)) {
                    r.suppresses.push(number);
                }
                if let Some(r) = self.book.rules.get_mut(usize::from(number)) {
                    r.suppressed_by.push(by);
                }
            }
        }
        Ok(())
    }

    fn index(&mut self) {
        self.book.watches = std::mem::take(&mut self.watches).into_iter().collect();
        let mut starts = vec![0u32; self.book.world.len() + 1];
        for watch in &self.book.watches {
            if let Some(n) = starts.get_mut(watch.entity.0 as usize + 1) {
                *n += 1;
            }
        }
        let mut sum = 0;
        for n in &mut starts {
            sum += *n;
            *n = sum;
        }
        self.book.starts = starts;
    }
}

fn members_by_ancestor(world: &World, class: u16) -> BTreeMap<EntityId, Vec<EntityId>> {
    let mut below: BTreeMap<EntityId, Vec<EntityId>> = BTreeMap::new();
    for member in world.members(class) {
        world.lineage(*member).for_each(|place| below.entry(place).or_default().push(*member));
    }
    below
}

fn check_set(set: &RuleSet) -> Result<(), RuleError> {
    let fail = |line: String| Err(RuleError::Set(line));
    if set.rule.len() > MAX_RULES {
        return fail(format!("{} rules: at most {MAX_RULES} are allowed", set.rule.len()));
    }
    let Grouping { window_s, building, grid, community } = set.grouping;
    if !(1.0..=3600.0).contains(&window_s) {
        return fail(format!("grouping.window_s = {window_s}: must be 1..3600"));
    }
    for (field, n) in [("building", building), ("grid", grid), ("community", community)] {
        if !(2..=10_000).contains(&n) {
            return fail(format!("grouping.{field} = {n}: must be 2..10000"));
        }
    }
    Ok(())
}
