//! A million grid cases: time of a jurisdiction's queue and memory for each case.
//!
//! `cargo run --release -p sync_core --example cases_million [OPEN]` prints one line a question. The memory of the
//! process is read from `/proc`, so it says 0 elsewhere.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::time::Instant;
use sync_core::cases::{CaseQueue, QueueFilter, QueueOrder};
use sync_core::{LiveEngine, LogRecord, RuleBook};
use twin_model::{Case, CaseAction, CaseClock, CaseId, CaseStage, DepartmentId, EntityId, Seq, Severity, TimeMs};

/// A city of this kind: 200 communities of 10 grids.
const GRIDS: u32 = 2000;
const QUESTIONS: usize = 2000;
const HELD: u64 = 100_000;
const T0: i64 = 1_790_000_000_000;

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }
}

fn case(id: u64, dice: &mut Dice) -> Case {
    let at = TimeMs(T0 - dice.below(30 * 86_400_000) as i64);
    let text = "道路东侧人行道有积水, 行人绕行, 请尽快处理".to_owned();
    let mut case = Case::reported(CaseId(id), format!("e{}", 100 + dice.below(60)), "路面积水".to_owned(), text, at);
    case.grid = Some(EntityId(dice.below(u64::from(GRIDS)) as u32));
    case.code_system = "demo:2026".to_owned();
    case.severity =
        [None, Some(Severity::Critical), Some(Severity::Major), Some(Severity::Minor)][dice.below(4) as usize];
    case.p_enu = [dice.below(4000) as f64, dice.below(4000) as f64, 0.0];
    if dice.below(3) > 0 {
        let due_at = TimeMs(at.0 + dice.below(10 * 86_400_000) as i64);
        case.stage = CaseStage::Dispatched;
        case.department = Some(DepartmentId(dice.below(20) as u16));
        let clock = CaseClock { limit_ms: Some(14_400_000), used_ms: 0, since: Some(at), due_at: Some(due_at) };
        case.clock = Some(clock);
    }
    case
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

/// Times of questions, ms: as they went, and the shortest of three, which leaves out most of the waiting for a core on a
/// machine that others use.
#[derive(Default)]
struct Times {
    once: Vec<f64>,
    least: Vec<f64>,
}

impl Times {
    fn take<T>(&mut self, ask: impl Fn() -> T) -> T {
        let timed = || {
            let start = Instant::now();
            (std::hint::black_box(ask()), start.elapsed().as_secs_f64() * 1000.0)
        };
        let (answer, first) = timed();
        self.once.push(first);
        self.least.push(first.min(timed().1).min(timed().1));
        answer
    }

    fn print(&mut self, what: &str) {
        println!("{what:<36} {}   best of 3: {}", quantiles(&mut self.once), quantiles(&mut self.least));
    }
}

fn quantiles(times_ms: &mut [f64]) -> String {
    times_ms.sort_by(f64::total_cmp);
    let at = |q: f64| times_ms.get(((times_ms.len() - 1) as f64 * q) as usize).copied().unwrap_or(0.0);
    format!("p50 {:7.3}  p99 {:7.3}  max {:7.3} ms", at(0.5), at(0.99), at(1.0))
}

fn main() {
    let open: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(7));
    // First, before freed memory blurs what is read: 100,000 open cases with everything that belongs to them.
    let before = resident_bytes();
    let mut engine = LiveEngine::new(RuleBook::default());
    for id in 1..=HELD {
        let new = case(id, &mut dice);
        engine.apply(Seq(id), &LogRecord::CaseCreated { case: new });
    }
    let memory = (resident_bytes() - before) / HELD as f64;
    println!("{HELD} open cases held: {memory:.0} bytes a case with texts, history of one event, indexes, figures");
    drop(engine);

    let before = resident_bytes();
    let started = Instant::now();
    let mut queue = CaseQueue::default();
    for id in 1..=open {
        queue.put(&case(id, &mut dice));
    }
    let memory = (resident_bytes() - before) / open as f64;
    println!(
        "{open} open cases in {GRIDS} grids: {:.1} s, {memory:.0} bytes a case in the queue",
        started.elapsed().as_secs_f64()
    );

    let orders = [QueueOrder::Due, QueueOrder::Severity, QueueOrder::Age];
    for grids in [1, 10, 200, GRIDS] {
        let (mut first_page, mut second_page) = (Times::default(), Times::default());
        for i in 0..QUESTIONS {
            let first = dice.below(u64::from(GRIDS / grids)) as u32 * grids;
            let wanted = || (first..first + grids).map(|g| Some(EntityId(g)));
            let (order, all) = (orders[i % 3], QueueFilter::default());
            let page = first_page.take(|| queue.page(wanted(), order, &all, None, 50));
            if let Some(after) = page.next {
                second_page.take(|| queue.page(wanted(), order, &all, Some(after), 50));
            }
        }
        first_page.print(&format!("queue of {grids:4} grids, first 50"));
        second_page.print(&format!("queue of {grids:4} grids, next 50"));
    }
    let filter =
        QueueFilter { department: Some(DepartmentId(7)), class: Some("e117".into()), ..QueueFilter::default() };
    let mut times = Times::default();
    for _ in 0..200 {
        times.take(|| queue.page((0..GRIDS).map(|g| Some(EntityId(g))), QueueOrder::Due, &filter, None, 50));
    }
    times.print("one department and class, all grids");
    let started = Instant::now();
    for _ in 0..100_000 {
        let id = 1 + dice.below(open);
        queue.put(&case(id, &mut dice));
    }
    println!("a case moves within the queue: {:.1} us", started.elapsed().as_secs_f64() * 10.0);
    drop(queue);

    // The whole state machine: as many cases again, all but 20,000 of them ended and handed to an archive.
    let before = resident_bytes();
    let started = Instant::now();
    let mut engine = LiveEngine::new(RuleBook::default());
    let mut seq = 0;
    let mut apply = |engine: &mut LiveEngine, record: &LogRecord| {
        seq += 1;
        engine.apply(Seq(seq), record);
    };
    for id in 1..=open {
        let mut new = case(id, &mut dice);
        (new.stage, new.department, new.clock) = (CaseStage::Reported, None, None);
        let at = new.reported_at();
        apply(&mut engine, &LogRecord::CaseCreated { case: new });
        for action in [CaseAction::Register, CaseAction::Dispatch { department: DepartmentId(3) }, CaseAction::Close] {
            if action != CaseAction::Close || id > 20_000 {
                let (case, note) = (CaseId(id), String::new());
                apply(&mut engine, &LogRecord::CaseMoved { case, action, note, at, by: None, clock: None });
            }
        }
        if id % 10_000 == 0 {
            engine.archived();
        }
    }
    let (took, held) = (started.elapsed().as_secs_f64(), engine.live().cases().count());
    println!(
        "{open} cases through the engine: {:.0} records/s, {held} held, {:.0} MB in all, of it {} cells of figures",
        seq as f64 / took,
        (resident_bytes() - before) / 1e6,
        engine.book().figures.cells().count(),
    );
}
