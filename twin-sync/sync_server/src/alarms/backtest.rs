//! A rule tried on what was measured: the same engine, fed from the history.

use crate::store::Reader;
use community_pack::Pack;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use sync_core::{LiveEngine, LogRecord, LoggedMessage, LoggedSample, RuleBook};
use twin_model::{Alarm, EntityId, PropertyId, Rule, RuleSet, Seq, TimeMs};

/// Series that one test may read.
const MAX_SERIES: usize = 500;
/// Points that one test may read.
const MAX_POINTS: usize = 200_000;
/// Alarms told one by one.
const TOLD: usize = 100;
/// Time passes in steps of this, ms.
const STEP_MS: i64 = 1000;
/// Most steps between two samples: a longer gap is taken in one.
const MAX_STEPS: i64 = 3600;

/// The rule compiled alone, over the community of `rules`.
pub(crate) fn alone(rules: &RuleBook, rule: Rule) -> Result<RuleBook, String> {
    let set = RuleSet { rule: BTreeMap::from([("test".to_owned(), rule)]), ..RuleSet::default() };
    rules.with_rules(set).map_err(|e| e.to_string())
}

/// The series that the rule reads.
pub(crate) fn series(book: &RuleBook, pack: &Pack) -> Result<Vec<(EntityId, PropertyId)>, String> {
    let mut found = Vec::new();
    for (entity, property) in book.series() {
        match property {
            Some(property) => found.push((entity, property)),
            None => {
                let class = pack.model.get(entity).and_then(|e| pack.properties.classes.get(&e.class));
                let keys = class.map_or(&[][..], |c| &c.properties);
                found.extend(keys.iter().filter_map(|k| pack.properties.id(k)).map(|p| (entity, p)));
            }
        }
    }
    if found.len() > MAX_SERIES {
        return Err(format!(
            "the rule reads {} series: a test reads at most {MAX_SERIES}; narrow its subject",
            found.len()
        ));
    }
    Ok(found)
}

/// Runs the rule over the history of `from..=to`.
pub(crate) fn run(
    db: &Reader,
    book: RuleBook,
    series: &[(EntityId, PropertyId)],
    (from, to): (TimeMs, TimeMs),
) -> Result<Value, String> {
    let mut samples: Vec<(i64, u32, LoggedSample)> = Vec::new();
    for (entity, property) in series {
        let left = MAX_POINTS.saturating_sub(samples.len());
        let limit = u32::try_from(left + 1).unwrap_or(u32::MAX);
        for (observed_at, value, quality) in db.history((*entity, *property), from, to, limit)? {
            let sample = LoggedSample { entity: entity.0, property: property.0, value, quality, observed_at };
            samples.push((observed_at, entity.0, sample));
        }
        if samples.len() > MAX_POINTS {
            return Err(format!("more than {MAX_POINTS} points: take a shorter time or fewer entities"));
        }
    }
    samples.sort_by_key(|(at, entity, s)| (*at, *entity, s.property));
    let points = samples.len();
    let mut test = Test { engine: LiveEngine::new(book), seq: 1, clock: None, raised: 0 };
    for (at, _, sample) in samples {
        test.until(at);
        let message = LoggedMessage {
            device: 0,
            boot: 0,
            seq: None,
            device_ts: Some(at),
            received_at: at,
            samples: vec![sample],
        };
        test.apply(&LogRecord::Observations(vec![message]));
    }
    if to.0 < i64::MAX {
        test.until(to.0);
    }
    let alarms: Vec<&Alarm> = test.engine.live().alarms().take(TOLD).collect();
    Ok(json!({ "points": points, "series": series.len(), "raised": test.raised, "alarms": alarms }))
}

struct Test {
    engine: LiveEngine,
    seq: u64,
    clock: Option<i64>,
    raised: usize,
}

impl Test {
    fn apply(&mut self, record: &LogRecord) {
        self.raised += self.engine.apply(Seq(self.seq), record).raised.len();
        self.seq += record.seq_count();
    }

    fn until(&mut self, at: i64) {
        let Some(clock) = self.clock else {
            self.clock = Some(at);
            return;
        };
        let step = STEP_MS.max((at - clock) / MAX_STEPS);
        let mut now = clock;
        while now + step <= at {
            now += step;
            self.apply(&LogRecord::Tick { at: TimeMs(now), elapsed_ms: step.unsigned_abs(), resumed: false });
        }
        self.clock = Some(now);
    }
}
