//! Rules are checked before they run: every error names the rule, the field, the value and what is allowed.

use super::expression::{Expression, ExpressionError};
use super::world::World;
use twin_model::{Aggregate, Comparison, Condition, EntityId, Polygon, PropertyId, Rule, RuleAction};

/// A rule that cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A field outside what is allowed.
    #[error("rule {rule}: {field} = {value}: must be {allowed}")]
    Field {
        /// Key of the rule.
        rule: String,
        /// Field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Allowed values.
        allowed: String,
    },
    /// An expression that cannot be read.
    #[error("rule {rule}: {field}, {error}")]
    Expression {
        /// Key of the rule.
        rule: String,
        /// `cel` or `clear`.
        field: &'static str,
        /// Column and reason.
        error: ExpressionError,
    },
    /// Grouping or calendar.
    #[error("{0}")]
    Set(String),
}

/// What a rule does with a sample, compiled.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Threshold { property: PropertyId, at_least: bool, limit: f64, clear: f64 },
    Rate { property: PropertyId, at_least: bool, per_hour: f64, window_ms: i64 },
    NoData { intervals: f64, grace_ms: i64 },
    Geo { x: PropertyId, y: PropertyId, area: Polygon, inside: bool, hysteresis_m: f64 },
    Expression { cel: Expression, clear: Option<Expression>, inputs: Vec<Input> },
}

/// One compiled input of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) property: PropertyId,
    pub(crate) class: Option<u16>,
    pub(crate) around: Option<twin_model::EntityKind>,
    pub(crate) aggregate: Aggregate,
    pub(crate) at_least: f64,
}

/// Reads one rule's fields, remembering its key for errors.
pub(crate) struct Checker<'a> {
    pub(crate) key: &'a str,
    pub(crate) world: &'a World,
}

const DAY_S: f64 = 86_400.0;
/// Most inputs of an expression.
const MAX_INPUTS: usize = 16;
/// Most actions, and most escalation steps, of a rule.
const MAX_STEPS: usize = 8;

impl Checker<'_> {
    fn fail<T>(&self, field: &'static str, value: impl ToString, allowed: impl ToString) -> Result<T, RuleError> {
        Err(RuleError::Field {
            rule: self.key.to_owned(),
            field,
            value: value.to_string(),
            allowed: allowed.to_string(),
        })
    }

    fn range(&self, field: &'static str, value: f64, least: f64, most: f64) -> Result<f64, RuleError> {
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        self.fail(field, value, format!("{least}..{most}"))
    }

    fn finite(&self, field: &'static str, value: f64) -> Result<f64, RuleError> {
        self.range(field, value, -1e15, 1e15)
    }

    fn length(&self, field: &'static str, text: &str, least: usize, most: usize) -> Result<(), RuleError> {
        let n = text.chars().count();
        if (least..=most).contains(&n) {
            return Ok(());
        }
        self.fail(field, format!("a text of {n} characters"), format!("{least}..{most} characters"))
    }

    pub(crate) fn property(&self, field: &'static str, key: &str) -> Result<PropertyId, RuleError> {
        match self.world.table.id(key) {
            Some(id) => Ok(id),
            None => self.fail(field, format!("{key:?}"), "a property of device_types.toml"),
        }
    }

    pub(crate) fn class(&self, field: &'static str, key: &str) -> Result<u16, RuleError> {
        match self.world.class_number(key) {
            Some(n) => Ok(n),
            None => self.fail(field, format!("{key:?}"), "a class of device_types.toml"),
        }
    }

    pub(crate) fn code(&self, field: &'static str, code: &str) -> Result<EntityId, RuleError> {
        match self.world.by_code(code) {
            Some(id) => Ok(id),
            None => self.fail(field, format!("{code:?}"), "the code of an entity of the pack"),
        }
    }

    /// Everything but the subject.
    pub(crate) fn rule(&self, rule: &Rule) -> Result<Check, RuleError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
        if self.key.is_empty() || self.key.len() > 80 || !self.key.chars().all(plain) {
            return self.fail("key", format!("{:?}", self.key), "1..80 of a-z 0-9 _ . -");
        }
        self.length("text", &rule.text, 1, 200)?;
        self.range("on_delay_s", rule.on_delay_s, 0.0, DAY_S)?;
        self.range("off_delay_s", rule.off_delay_s, 0.0, DAY_S)?;
        self.steps(rule)?;
        self.condition(&rule.when)
    }

    fn steps(&self, rule: &Rule) -> Result<(), RuleError> {
        if rule.actions.len() > MAX_STEPS {
            return self.fail("actions", format!("{} actions", rule.actions.len()), format!("at most {MAX_STEPS}"));
        }
        if rule.escalation.len() > MAX_STEPS {
            return self.fail("escalation", format!("{} steps", rule.escalation.len()), format!("at most {MAX_STEPS}"));
        }
        let mut before = 0;
        for step in &rule.escalation {
            if step.after_min <= before || step.after_min > 10_080 {
                return self.fail("escalation.after_min", step.after_min, "1..10080, later than the step before");
            }
            before = step.after_min;
            self.length("escalation.to", &step.to, 1, 40)?;
        }
        rule.actions.iter().try_for_each(|action| self.action(action))
    }

    fn action(&self, action: &RuleAction) -> Result<(), RuleError> {
        match action {
            RuleAction::OpenCase { class, title, description } => {
                self.length("actions.class", class, 1, 40)?;
                self.length("actions.title", title, 1, 100)?;
                self.length("actions.description", description, 0, 2000)
            }
            RuleAction::Command { device, name, value, expires_s, .. } => {
                device.as_deref().map(|code| self.code("actions.device", code)).transpose()?;
                value.map(|v| self.finite("actions.value", v)).transpose()?;
                if !(1..=3600).contains(expires_s) {
                    return self.fail("actions.expires_s", expires_s, "1..3600");
                }
                if !is_command_name(name) {
                    return self.fail("actions.name", format!("{name:?}"), "1..40 of a-z 0-9 _");
                }
                Ok(())
            }
            RuleAction::Simulate { .. } | RuleAction::Show => Ok(()),
        }
    }

    fn condition(&self, when: &Condition) -> Result<Check, RuleError> {
        match when {
            Condition::Threshold { property, when, limit, hysteresis } => {
                let at_least = *when == Comparison::AtLeast;
                let (limit, hysteresis) =
                    (self.finite("limit", *limit)?, self.range("hysteresis", *hysteresis, 0.0, 1e15)?);
                let clear = if at_least { limit - hysteresis } else { limit + hysteresis };
                Ok(Check::Threshold { property: self.property("property", property)?, at_least, limit, clear })
            }
            Condition::Rate { property, when, per_hour, window_s } => Ok(Check::Rate {
                property: self.property("property", property)?,
                at_least: *when == Comparison::AtLeast,
                per_hour: self.finite("per_hour", *per_hour)?,
                window_ms: (self.range("window_s", *window_s, 1.0, DAY_S)? * 1000.0) as i64,
            }),
            Condition::NoData { intervals, grace_s } => Ok(Check::NoData {
                intervals: self.range("intervals", *intervals, 1.0, 100.0)?,
                grace_ms: (self.range("grace_s", *grace_s, 0.0, DAY_S)? * 1000.0) as i64,
            }),
            Condition::Geo { x, y, area, inside, hysteresis_m } => {
                let place = self.code("area", area)?;
                let Some(area) = self.world.area(place).cloned() else {
                    return self.fail("area", format!("{area:?}"), "an entity with a footprint");
                };
                Ok(Check::Geo {
                    x: self.property("x", x)?,
                    y: self.property("y", y)?,
                    area,
                    inside: *inside,
                    hysteresis_m: self.range("hysteresis_m", *hysteresis_m, 0.0, 1e6)?,
                })
            }
            Condition::Expression { inputs, cel, clear } => {
                if inputs.is_empty() || inputs.len() > MAX_INPUTS {
                    return self.fail("inputs", format!("{} inputs", inputs.len()), format!("1..{MAX_INPUTS}"));
                }
                let names: Vec<&str> = inputs.keys().map(String::as_str).collect();
                let read = |field: &'static str, text: &str| {
                    Expression::compile(text, &names).map_err(|error| RuleError::Expression {
                        rule: self.key.to_owned(),
                        field,
                        error,
                    })
                };
                Ok(Check::Expression {
                    cel: read("cel", cel)?,
                    clear: clear.as_deref().map(|text| read("clear", text)).transpose()?,
                    inputs: inputs.values().map(|i| self.input(i)).collect::<Result<_, _>>()?,
                })
            }
        }
    }

    fn input(&self, input: &twin_model::RuleInput) -> Result<Input, RuleError> {
        if input.class.is_none() && input.around.is_some() {
            return self.fail("inputs.around", "a kind", "left out where no class is given");
        }
        Ok(Input {
            property: self.property("inputs.property", &input.property)?,
            class: input.class.as_deref().map(|c| self.class("inputs.class", c)).transpose()?,
            around: input.around,
            aggregate: input.aggregate,
            at_least: self.finite("inputs.at_least", input.at_least)?,
        })
    }
}

/// A word that a device knows.
pub(crate) fn is_command_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=40).contains(&name.len()) && name.chars().all(plain)
}
