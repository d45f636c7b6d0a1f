//! Properties of the path from message to state.

#![expect(clippy::unwrap_used, reason = "a test may panic; helpers outside test functions do so too")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use sync_core::*;
use twin_model::*;

const SMOKE: PropertyId = PropertyId(0);
const LEVEL: PropertyId = PropertyId(1);
const T0: i64 = 1_700_000_000_000;

fn table() -> PropertyTable {
    let def = |key: &str, max: f64| PropertyDef {
        key: key.into(),
        name: key.into(),
        unit: "1".into(),
        min: 0.0,
        max,
        states: vec![],
    };
    let rule = |property: &str, limit: f64, hysteresis: f64| AlarmRule {
        property: property.into(),
        when: Comparison::AtLeast,
        limit,
        hysteresis,
        severity: Severity::Major,
        text: format!("{property} 超限"),
    };
    let class = DeviceClass {
        name: "测站".into(),
        properties: vec!["level".into(), "a_smoke".into()],
        expected_interval_s: 60.0,
        alarms: vec![rule("level", 20.0, 0.5), rule("a_smoke", 1.0, 0.0)],
    };
    PropertyTable::new(vec![def("level", 50.0), def("a_smoke", 1.0)], BTreeMap::from([("station".to_owned(), class)]))
        .unwrap()
}

fn index() -> BindingIndex {
    BindingIndex::new((0..4u32).flat_map(|e| {
        let row = move |property: PropertyId, path: &str, most: f64| BindingRow {
            topic: format!("t/{e}"),
            entity: EntityId(e),
            property,
            payload_path: path.into(),
            expected_interval_s: 60.0,
            range: (0.0, most),
        };
        [row(SMOKE, "m.smoke", 1.0), row(LEVEL, "m.level", 50.0)]
    }))
}

fn rules() -> RuleBook {
    RuleBook::from_classes((0..4).map(|e| (EntityId(e), "station")), &table())
}

/// The server's loop without its disk.
struct Machine {
    index: BindingIndex,
    engine: LiveEngine,
    intake: Intake,
    log: Vec<(Seq, Vec<u8>)>,
}

impl Machine {
    fn new() -> Self {
        Self { index: index(), engine: LiveEngine::new(rules()), intake: Intake::default(), log: vec![] }
    }

    /// Takes messages as one batch; how many were new.
    fn batch(&mut self, messages: &[(String, String, i64)]) -> usize {
        let mut fresh = Vec::new();
        for (topic, payload, at) in messages {
            let message = Incoming { topic, payload: payload.as_bytes(), received_at: TimeMs(*at), retained: false };
            if let Ok(Admitted::New(logged)) = self.intake.admit(&self.index, &self.engine, message) {
                fresh.push(logged);
            }
        }
        let count = fresh.len();
        if count > 0 {
            self.commit(&LogRecord::Observations(fresh));
        }
        self.intake.committed();
        count
    }

    fn commit(&mut self, record: &LogRecord) -> Applied {
        let first = Seq(self.engine.live().seq().0 + 1);
        self.log.push((first, record.encode().unwrap()));
        self.engine.apply(first, record)
    }

    fn level(&mut self, entity: u32, value: f64, ts: i64) {
        let payload = format!(r#"{{"ts":{ts},"m":{{"level":{value}}}}}"#);
        self.batch(&[(format!("t/{entity}"), payload, ts + 5)]);
    }
}

fn message(entity: u32, boot: u64, seq: u64, ts: i64, level: f64) -> (String, String, i64) {
    let text = format!(r#"{{"ts":{ts},"boot":{boot},"seq":{seq},"m":{{"level":{level},"smoke":0}}}}"#);
    (format!("t/{entity}"), text, ts + 40)
}

fn replay(log: &[(Seq, Vec<u8>)], engine: &mut LiveEngine, intake: &mut Intake) {
    for (first, bytes) in log {
        let record = LogRecord::decode(bytes).unwrap();
        if let LogRecord::Observations(messages) = &record {
            messages.iter().for_each(|m| intake.remember(m));
        }
        engine.apply(*first, &record);
    }
}

#[test]
fn one_alarm_per_rule_with_hysteresis_and_count() {
    let mut m = Machine::new();
    for (i, value) in [19.0, 20.0, 20.4, 19.8, 20.1, 19.4, 20.2, 19.0].into_iter().enumerate() {
        m.level(1, value, T0 + i as i64 * 1000);
    }
    let alarms: Vec<Alarm> = m.engine.live().alarms().cloned().collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].count, alarms[0].state), (2, AlarmState::ReturnedUnacknowledged));
    assert_eq!(alarms[0].raised_at, TimeMs(T0 + 1000));
    m.commit(&LogRecord::AlarmAck { alarm: alarms[0].id, at: TimeMs(T0 + 9000), by: None });
    assert_eq!(m.engine.live().open_alarms().count(), 0);
    m.level(1, 21.0, T0 + 10_000);
    let open: Vec<AlarmId> = m.engine.live().open_alarms().map(|a| a.id).collect();
    assert_eq!(open.len(), 1);
    assert_ne!(open[0], alarms[0].id);
}

#[test]
fn impossible_and_late_values_raise_nothing() {
    let mut m = Machine::new();
    m.level(1, 60.0, T0);
    let held = *m.engine.live().latest(EntityId(1), LEVEL).unwrap();
    assert!(held.quality.contains(Quality::BAD_RANGE));
    m.level(1, 10.0, T0 + 60_000);
    m.level(1, 30.0, T0 + 30_000);
    assert_eq!(m.engine.live().alarms().count(), 0);
    assert_eq!(m.engine.live().latest(EntityId(1), LEVEL).unwrap().value, 10.0);
    let (first, bytes) = m.log.last().unwrap();
    let late: Vec<Observation> = LogRecord::decode(bytes).unwrap().observations(*first).collect();
    assert!(late[0].quality.contains(Quality::LATE) && late[0].value == 30.0);
}

#[test]
fn clocks_that_run_ahead_cannot_hold_the_latest_value() {
    let mut m = Machine::new();
    let skewed = format!(r#"{{"ts":{},"m":{{"level":5}}}}"#, T0 + 10 * 365 * 86_400_000);
    m.batch(&[("t/1".into(), skewed, T0)]);
    let held = *m.engine.live().latest(EntityId(1), LEVEL).unwrap();
    assert!(held.quality.contains(Quality::CLOCK_SKEW));
    assert_eq!(held.observed_at, TimeMs(T0));
    m.batch(&[message(1, 1, 1, T0 + 1000, 6.0)]);
    assert_eq!(m.engine.live().latest(EntityId(1), LEVEL).unwrap().value, 6.0);
}

#[test]
fn without_a_clock_arrival_decides_even_when_ours_is_set_back() {
    let mut m = Machine::new();
    for (payload, at) in [(r#"{"m":{"level":1}}"#, T0), (r#"{"m":{"level":2}}"#, T0 - 600_000)] {
        m.batch(&[("t/1".into(), payload.into(), at)]);
    }
    let held = m.engine.live().latest(EntityId(1), LEVEL).unwrap();
    assert_eq!((held.value, held.quality), (2.0, Quality::NO_CLOCK));
}

#[test]
fn repeats_are_dropped_within_and_across_batches_and_restarts() {
    let mut m = Machine::new();
    assert_eq!(m.batch(&[message(1, 1, 1, T0, 3.0), message(1, 1, 1, T0, 3.0)]), 1);
    assert_eq!(m.batch(&[message(1, 1, 1, T0, 3.0), message(1, 1, 2, T0, 3.0), message(1, 2, 1, T0, 3.0)]), 2);
    let uncounted = ("t/2".to_owned(), format!(r#"{{"ts":{T0},"m":{{"level":7}}}}"#), T0 + 9);
    assert_eq!(m.batch(std::slice::from_ref(&uncounted)), 1);
    assert_eq!(m.batch(std::slice::from_ref(&uncounted)), 0);
    let (mut engine, mut intake) = (LiveEngine::new(rules()), Intake::default());
    replay(&m.log, &mut engine, &mut intake);
    m.engine = engine;
    m.intake = intake;
    assert_eq!(m.batch(&[message(1, 1, 2, T0, 3.0), uncounted]), 0);
    assert_eq!(m.batch(&[message(1, 1, 3, T0, 3.0)]), 1);
}

#[test]
fn rejects_name_the_reason() {
    let mut m = Machine::new();
    let mut admit = |topic: &str, payload: &[u8]| {
        let message = Incoming { topic, payload, received_at: TimeMs(T0), retained: false };
        m.intake.admit(&m.index, &m.engine, message)
    };
    assert_eq!(admit("t/9", b"1").unwrap_err().to_string(), "no binding for topic \"t/9\"");
    assert!(admit("t/1", b"NaN").unwrap_err().to_string().starts_with("not JSON"));
    assert_eq!(admit("t/1", b"{}").unwrap_err().to_string(), "nothing at payload path \"m.smoke\"");
    assert!(matches!(admit("t/1", br#"{"m":{"level":1}}"#), Ok(Admitted::New(l)) if l.samples.len() == 1));
}

#[test]
fn cases_and_runs_follow_the_log() {
    let mut m = Machine::new();
    let model = CommunityModel::default();
    let new = NewCase {
        class: "环卫".into(),
        title: " 积存垃圾 ".into(),
        description: String::new(),
        entity: None,
        p_enu: Some([1.0, 2.0, 0.0]),
    };
    let id = m.engine.next_case_id();
    let case = check_new_case(&model, new.clone(), id, TimeMs(T0)).unwrap();
    m.commit(&LogRecord::CaseCreated { case });
    for action in [CaseAction::Advance, CaseAction::SendBack, CaseAction::Close] {
        m.commit(&LogRecord::CaseMoved {
            case: id,
            action,
            note: String::new(),
            at: TimeMs(T0),
            by: None,
            clock: None,
        });
    }
    let case = m.engine.live().case(id).unwrap();
    assert_eq!((case.title.as_str(), case.stage, case.events.len()), ("积存垃圾", CaseStage::Closed, 3));
    for bad in [
        NewCase { title: " ".into(), ..new.clone() },
        NewCase { p_enu: None, ..new.clone() },
        NewCase { p_enu: Some([f64::NAN, 0.0, 0.0]), ..new.clone() },
        NewCase { entity: Some(EntityId(3)), ..new.clone() },
        NewCase { description: "长".repeat(5000), ..new },
    ] {
        assert!(check_new_case(&model, bad, id, TimeMs(T0)).is_err());
    }
}

#[test]
fn a_viewer_that_lost_closed_alarms_gets_a_snapshot() {
    let mut m = Machine::new();
    m.level(1, 25.0, T0);
    let early = m.engine.live().seq();
    for i in 1..1100 {
        m.level(0, 25.0, T0 + i * 2000);
        let id = m.engine.live().open_alarms().find(|a| a.entity == EntityId(0)).unwrap().id;
        m.commit(&LogRecord::AlarmAck { alarm: id, at: TimeMs(T0), by: None });
        m.level(0, 10.0, T0 + i * 2000 + 1000);
    }
    let live = m.engine.live();
    assert_eq!(live.delta_since(early), None);
    assert_eq!(live.delta_since(Seq(live.seq().0 + 1)), None);
    let recent = live.delta_since(Seq(live.seq().0 - 10)).unwrap();
    assert!(recent.alarms.len() < 10 && live.alarms().count() <= 1002);
    let mut copy = LiveState::default();
    copy.apply_message(&live.snapshot()).unwrap();
    assert_eq!(copy.hash(), live.hash());
}

/// (entity, boot, seq, seconds, level)
fn sample_strategy() -> impl Strategy<Value = (u32, u64, u64, i64, u8)> {
    (0u32..4, 0u64..3, 0u64..40, 0i64..50, 0u8..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn latest_values_do_not_depend_on_arrival(
        samples in proptest::collection::vec(sample_strategy(), 1..60),
        keys in proptest::collection::vec(any::<u32>(), 60),
        split in 1usize..9,
    ) {
        // One message per (entity, boot, seq), as devices count; received_at belongs to the message.
        let unique: BTreeMap<_, _> = samples.iter().map(|s| ((s.0, s.1, s.2), *s)).collect();
        let messages: Vec<_> =
            unique.values().map(|(e, boot, seq, t, v)| message(*e, *boot, *seq, T0 + t * 1000, f64::from(*v))).collect();
        let mut shuffled: Vec<_> = messages.iter().cloned().zip(&keys).collect();
        shuffled.sort_by_key(|(_, key)| **key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(m, _)| m).collect();
        let (mut a, mut b) = (Machine::new(), Machine::new());
        messages.chunks(7).for_each(|batch| { a.batch(batch); });
        // The other machine also hears everything twice.
        shuffled.chunks(split).for_each(|batch| { b.batch(batch); b.batch(batch); });
        prop_assert_eq!(a.engine.live().values_hash(), b.engine.live().values_hash());
        let rows = |m: &Machine| m.log.iter().map(|(_, r)| LogRecord::decode(r).unwrap().seq_count()).sum::<u64>();
        prop_assert_eq!(rows(&a), rows(&b));
        prop_assert_eq!(rows(&a), messages.len() as u64 * 2);
    }

    #[test]
    fn replay_and_snapshot_give_the_same_state(
        samples in proptest::collection::vec(sample_strategy(), 1..60),
        cut in 0usize..20,
    ) {
        let mut m = Machine::new();
        let mut saved = serde_json::to_string(&m.engine.snapshot(m.intake.dedup())).unwrap();
        for (i, batch) in samples.chunks(3).enumerate() {
            let batch: Vec<_> =
                batch.iter().map(|(e, b, s, t, v)| message(*e, *b, *s, T0 + t * 1000, f64::from(*v))).collect();
            m.batch(&batch);
            let open = m.engine.live().open_alarms().next().map(|a| a.id);
            if let Some(alarm) = open.filter(|_| i % 3 == 0) {
                m.commit(&LogRecord::AlarmAck { alarm, at: TimeMs(T0), by: None });
            }
            if i == cut {
                saved = serde_json::to_string(&m.engine.snapshot(m.intake.dedup())).unwrap();
            }
        }
        let (mut engine, mut intake) = (LiveEngine::new(rules()), Intake::default());
        replay(&m.log, &mut engine, &mut intake);
        prop_assert_eq!(engine.live(), m.engine.live());
        prop_assert_eq!(intake.dedup(), m.intake.dedup());
        let saved: EngineSnapshot = serde_json::from_str(&saved).unwrap();
        let after = saved.seq();
        let (mut engine, dedup) = LiveEngine::restore(rules(), saved);
        let mut intake = Intake::new(dedup);
        let tail: Vec<_> = m.log.iter().filter(|(first, _)| *first > after).cloned().collect();
        replay(&tail, &mut engine, &mut intake);
        prop_assert_eq!(engine.live(), m.engine.live());
        prop_assert_eq!(intake.dedup(), m.intake.dedup());
        let again = serde_json::to_string(&engine.snapshot(intake.dedup())).unwrap();
        prop_assert_eq!(again, serde_json::to_string(&m.engine.snapshot(m.intake.dedup())).unwrap());
    }

    #[test]
    fn deltas_from_anywhere_rebuild_the_state(
        samples in proptest::collection::vec(sample_strategy(), 1..60),
        polls in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut m = Machine::new();
        let mut viewer = LiveState::default();
        viewer.apply_message(&m.engine.live().snapshot()).unwrap();
        for ((e, b, s, t, v), poll) in samples.into_iter().zip(polls) {
            m.batch(&[message(e, b, s, T0 + t * 1000, f64::from(v))]);
            if poll {
                let delta = m.engine.live().delta_since(viewer.seq()).unwrap().into_message(TimeMs(0));
                let text = serde_json::to_string(&delta).unwrap();
                viewer.apply_message(&serde_json::from_str(&text).unwrap()).unwrap();
                prop_assert_eq!(viewer.hash(), m.engine.live().hash());
            }
        }
        // A delta may overlap what is known, never leave a hole.
        let overlap = m.engine.live().delta_since(Seq(0)).unwrap().into_message(TimeMs(0));
        viewer.apply_message(&overlap).unwrap();
        prop_assert_eq!(viewer.hash(), m.engine.live().hash());
        let mut fresh = LiveState::default();
        let gap = ServerMessage::Delta {
            from_seq: Seq(5), seq: Seq(6), now: TimeMs(0), state: vec![], alarms: vec![], cases: vec![], runs: vec![],
            incidents: vec![],
        };
        prop_assert!(fresh.apply_message(&gap).is_err());
    }
}
