//! Alarm rules as data (告警规则): `rules.toml` of a pack, and the thresholds of its device classes.

use crate::{CalendarSpec, Comparison, EntityKind, PropertyTable, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All rules of a pack, and how floods of alarms are grouped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Rules by key, `[a-z0-9_.-]+`.
    #[serde(default)]
    pub rule: BTreeMap<String, Rule>,
    /// Grouping of floods.
    #[serde(default)]
    pub grouping: Grouping,
    /// Working time for escalation; absent in a file that goes by the calendar of the grid cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarSpec>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What to tell people, Chinese.
    pub text: String,
    /// Priority.
    pub severity: Severity,
    /// Which entities it watches.
    pub subject: Subject,
    /// When the alarm condition is met.
    pub when: Condition,
    /// The condition must hold so long before the alarm is raised, seconds, 0..=86400.
    #[serde(default)]
    pub on_delay_s: f64,
    /// The condition must be gone so long before the alarm returns, seconds, 0..=86400.
    #[serde(default)]
    pub off_delay_s: f64,
    /// The alarm stays until an operator resets it.
    #[serde(default)]
    pub latched: bool,
    /// Keys of rules whose active alarm at the same entity or above it explains this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed_by: Vec<String>,
    /// Floods are grouped by this word; the rule's key when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Who is told when nobody acknowledges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<EscalationStep>,
    /// What else happens when it is raised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<RuleAction>,
    /// Switched off when false.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// The entities that a rule watches. All that is given must fit; at least one of `class`, `kind`, `codes` is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Device class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Kind of entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntityKind>,
    /// Codes of single entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Only below the entity with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
}

/// When a rule's condition is met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// A value beyond a limit, with hysteresis.
    Threshold {
        /// Property key.
        property: String,
        /// Side of the limit.
        when: Comparison,
        /// Limit in the property's unit.
        limit: f64,
        /// The value must retreat this far past the limit to return; ≥ 0.
        #[serde(default)]
        hysteresis: f64,
    },
    /// A value that changes fast.
    Rate {
        /// Property key.
        property: String,
        /// Side of the limit: `at_least` for rising.
        when: Comparison,
        /// Limit in the property's unit per hour.
        per_hour: f64,
        /// The change is taken over this time, seconds, 1..=86400.
        window_s: f64,
    },
    /// Nothing was heard from the device (无数据).
    NoData {
        /// Expected intervals without a sample, 1..=100. The first lateness that counts is 1.2 by custom.
        #[serde(default = "no_data_intervals")]
        intervals: f64,
        /// Added to that, seconds, 0..=86400.
        #[serde(default)]
        grace_s: f64,
    },
    /// A moving thing inside (or outside) an area.
    Geo {
        /// Property with the east coordinate, ENU metres.
        x: String,
        /// Property with the north coordinate, ENU metres.
        y: String,
        /// Code of the entity whose footprint is the area.
        area: String,
        /// The alarm is being inside; outside when false.
        #[serde(default = "yes")]
        inside: bool,
        /// Distance beyond the edge at which it returns, metres, ≥ 0.
        #[serde(default)]
        hysteresis_m: f64,
    },
    /// A CEL expression over named inputs. Numbers and truth values; `+ - * / ?: && || ! == != < <= > >=`, `min`,
    /// `max`, `abs`.
    Expression {
        /// What the names mean.
        inputs: BTreeMap<String, RuleInput>,
        /// The expression; the alarm is its being true.
        cel: String,
        /// The alarm returns when this is true; when the first is false, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<String>,
    },
}

fn no_data_intervals() -> f64 {
    1.2
}

/// How the values of several entities become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Greatest.
    #[default]
    Max,
    /// Least.
    Min,
    /// Arithmetic mean.
    Mean,
    /// Sum.
    Sum,
    /// How many have a value of at least `at_least`.
    Count,
}

/// A named number of an expression: the subject's own property, or several entities' together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleInput {
    /// Property key.
    pub property: String,
    /// Device class of the entities taken together; absent: the subject's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// They lie below the subject, or below its nearest ancestor of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<EntityKind>,
    /// How they are taken together.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Limit of `count`.
    #[serde(default)]
    pub at_least: f64,
}

/// One step of an escalation (升级).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    /// Minutes without acknowledgement, 1..=10080.
    pub after_min: u32,
    /// Who is told: a role or post, in words.
    pub to: String,
    /// Count working time only.
    #[serde(default)]
    pub working_time: bool,
}

/// What else a raised alarm does (联动). Done once for each occurrence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleAction {
    /// Opens a grid case; `{place}` and `{text}` are filled in.
    OpenCase {
        /// Matter class.
        class: String,
        /// One line.
        title: String,
        /// More words.
        #[serde(default)]
        description: String,
    },
    /// Sends a command to a device.
    Command {
        /// Code of the device; the alarm's own when absent.
        #[serde(default)]
        device: Option<String>,
        /// Word that the device knows.
        name: String,
        /// Its argument.
        #[serde(default)]
        value: Option<f64>,
        /// Seconds after which it must not be carried out, 1..=3600.
        expires_s: u32,
        /// A second person must confirm.
        #[serde(default)]
        two_person: bool,
    },
    /// Starts a simulation from the alarm.
    Simulate {
        /// What is computed.
        forecast: ForecastKind,
    },
    /// Brings walls to the place.
    Show,
}

/// Simulations that an alarm can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastKind {
    /// Evacuation of the building that the alarm is in.
    Evacuation,
}

/// When many alarms of a place are told as one incident.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grouping {
    /// Alarms raised within this time belong together, seconds, 1..=3600.
    pub window_s: f64,
    /// Alarms of one building that make an incident; 2..=10000.
    pub building: u32,
    /// The same for a grid.
    pub grid: u32,
    /// The same for the whole community.
    pub community: u32,
}

impl Default for Grouping {
    fn default() -> Self {
        Self { window_s: 60.0, building: 5, grid: 20, community: 80 }
    }
}

impl RuleSet {
    /// The thresholds of device classes as rules, with keys `class.<class>.<index>`.
    #[must_use]
    pub fn of_classes(table: &PropertyTable) -> Self {
        let mut set = Self::default();
        for (class, def) in &table.classes {
            for (i, alarm) in def.alarms.iter().enumerate() {
                let when = Condition::Threshold {
                    property: alarm.property.clone(),
                    when: alarm.when,
                    limit: alarm.limit,
                    hysteresis: alarm.hysteresis,
                };
                let subject = Subject { class: Some(class.clone()), ..Subject::default() };
                let rule = Rule::new(alarm.text.clone(), alarm.severity, subject, when);
                set.rule.insert(format!("class.{class}.{i:02}"), rule);
            }
        }
        set
    }

    /// These rules and `more`; `more` wins where both have a key, and for grouping and calendar.
    #[must_use]
    pub fn with(mut self, more: RuleSet) -> Self {
        self.rule.extend(more.rule);
        Self { grouping: more.grouping, calendar: more.calendar, ..self }
    }
}

impl Rule {
    /// A rule without delays, actions or escalation.
    #[must_use]
    pub fn new(text: String, severity: Severity, subject: Subject, when: Condition) -> Self {
        Self {
            text,
            severity,
            subject,
            when,
            on_delay_s: 0.0,
            off_delay_s: 0.0,
            latched: false,
            suppressed_by: vec![],
            group: None,
            escalation: vec![],
            actions: vec![],
            enabled: true,
        }
    }
}
