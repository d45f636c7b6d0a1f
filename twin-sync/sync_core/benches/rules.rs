//! What rules cost for each sample: 200,000 devices of three values, with and without rules.
//! `cargo bench -p sync_core --bench rules`

#![expect(clippy::unwrap_used, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::time::Instant;
use sync_core::{LiveEngine, LogRecord, LoggedMessage, LoggedSample, RuleBook};
use twin_model::*;

const DEVICES: u32 = 200_000;
/// Devices of one storey, whose smoke is counted together.
const PER_STOREY: u32 = 8;
const BATCH: u32 = 1000;
const ROUNDS: u32 = 3;

fn model() -> CommunityModel {
    let storeys = DEVICES / PER_STOREY;
    let row = |id: u32, kind, parent: Option<u32>, class: &str| Entity {
        id: EntityId(id),
        kind,
        parent: parent.map(EntityId),
        name: String::new(),
        code: format!("e{id}"),
        class: class.into(),
        p_enu: [0.0; 3],
        height_m: 0.0,
        base_z_m: 0.0,
        footprint: None,
        line: vec![],
        camera: None,
        attributes: BTreeMap::new(),
        source: FeatureRef::default(),
    };
    let mut rows = vec![row(0, EntityKind::Community, None, "")];
    rows.extend((1..=storeys).map(|i| row(i, EntityKind::Storey, Some(0), "")));
    rows.extend((0..DEVICES).map(|i| row(storeys + 1 + i, EntityKind::Device, Some(1 + i / PER_STOREY), "smoke")));
    CommunityModel::new(Community::default(), rows).unwrap()
}

fn table() -> PropertyTable {
    let def = |key: &str| PropertyDef {
        key: key.into(),
        name: key.into(),
        unit: "1".into(),
        min: -1e6,
        max: 1e6,
        states: vec![],
    };
    let class = DeviceClass {
        name: "烟感".into(),
        properties: vec!["smoke".into(), "temperature".into(), "battery".into()],
        expected_interval_s: 60.0,
        alarms: vec![],
    };
    let defs = ["battery", "smoke", "temperature"].map(def).to_vec();
    PropertyTable::new(defs, BTreeMap::from([("smoke".to_owned(), class)])).unwrap()
}

const THRESHOLDS: &str = r#"
[rule.smoke]
text = "烟雾报警"
severity = "critical"
subject = { class = "smoke" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0, hysteresis = 0.5 }
[rule.hot]
text = "温度过高"
severity = "minor"
subject = { class = "smoke" }
when.threshold = { property = "temperature", when = "at_least", limit = 60.0, hysteresis = 5.0 }
on_delay_s = 30
[rule.battery]
text = "电量低"
severity = "notice"
subject = { class = "smoke" }
when.threshold = { property = "battery", when = "at_most", limit = 15.0, hysteresis = 5.0 }
"#;
const SILENCE: &str = r#"
[rule.offline]
text = "离线"
severity = "minor"
subject = { class = "smoke" }
when.no_data = { intervals = 1.2 }
"#;
const EXPRESSION: &str = r#"
[rule.fire]
text = "火情"
severity = "critical"
subject = { class = "smoke" }
[rule.fire.when.expression]
cel = "smoke >= 1.0 && temperature > 40.0 || temperature > 70.0"
inputs.smoke = { property = "smoke" }
inputs.temperature = { property = "temperature" }
"#;
const STOREY: &str = r#"
[rule.storey]
text = "同层两处"
severity = "critical"
subject = { kind = "storey" }
[rule.storey.when.expression]
cel = "n >= 2.0"
inputs.n = { property = "smoke", class = "smoke", aggregate = "count", at_least = 1.0 }
"#;

/// Records of one round over all devices; `flip` of them in a thousand change their smoke.
fn records(round: u32, flip: u32) -> Vec<LogRecord> {
    let first = DEVICES / PER_STOREY + 1;
    let at = 1_700_000_000_000 + i64::from(round) * 60_000;
    let message = |i: u32| {
        let smoke = f64::from(u8::from(i % 1000 < flip && round % 2 == 1));
        let values = [85.0, smoke, 20.0 + f64::from((i + round) % 7)];
        let samples = (0u16..).zip(values).map(|(property, value)| LoggedSample {
            entity: first + i,
            property,
            value,
            quality: 0,
            observed_at: at,
        });
        let samples = samples.collect();
        LoggedMessage { device: u64::from(i), boot: 0, seq: None, device_ts: Some(at), received_at: at, samples }
    };
    (0..DEVICES / BATCH).map(|b| LogRecord::Observations((b * BATCH..(b + 1) * BATCH).map(message).collect())).collect()
}

/// Nanoseconds for each sample once every series is known.
fn measure(model: &CommunityModel, table: &PropertyTable, rules: &str, flip: u32) -> (f64, usize, usize) {
    let set: RuleSet = toml::from_str(rules).unwrap();
    let book = RuleBook::compile(model, table, set).unwrap();
    let watched = book.watched();
    let mut engine = LiveEngine::new(book);
    let (mut seq, mut best, mut raised) = (1u64, f64::INFINITY, 0);
    for round in 0..=ROUNDS {
        let records = records(round, flip);
        let begin = Instant::now();
        for record in &records {
            raised += engine.apply(Seq(seq), record).raised.len();
            seq += record.seq_count();
        }
        let ns = begin.elapsed().as_nanos() as f64 / f64::from(DEVICES * 3);
        if round > 0 {
            best = best.min(ns);
        }
    }
    (best, watched, raised)
}

fn main() {
    let (model, table) = (model(), table());
    let bare = measure(&model, &table, "", 0).0;
    println!(
        "| rules, 200,000 devices × 3 values | ns per sample | of which rules | (rule, entity) pairs | alarms raised |"
    );
    println!("|---|---|---|---|---|");
    println!("| none | {bare:.0} | 0 | 0 | 0 |");
    let all = format!("{THRESHOLDS}{SILENCE}{EXPRESSION}{STOREY}");
    for (name, rules, flip) in [
        ("3 thresholds, one with a delay", THRESHOLDS, 0),
        ("3 thresholds and silence", &format!("{THRESHOLDS}{SILENCE}"), 0),
        ("CEL over two own values", EXPRESSION, 0),
        ("CEL over a storey's 8 detectors", STOREY, 0),
        ("all of these", &all, 0),
        ("all of these, 1 in 100 devices in alarm every other round", &all, 10),
    ] {
        let (ns, watched, raised) = measure(&model, &table, rules, flip);
        println!("| {name} | {ns:.0} | {:.0} | {watched} | {raised} |", ns - bare);
    }
}
