//! Slowing down: growing pauses after failures, and a bucket of permits. Time is passed in.

use std::collections::BTreeMap;
use twin_model::TimeMs;

/// Keys remembered; the longest untouched goes first.
const KEYS: usize = 20_000;

fn make_room<V>(entries: &mut BTreeMap<String, V>, touched: impl Fn(&V) -> i64) {
    if entries.len() < KEYS {
        return;
    }
    if let Some(oldest) = entries.iter().min_by_key(|(_, v)| touched(v)).map(|(k, _)| k.clone()) {
        entries.remove(&oldest);
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
}

/// Growing pauses after failures of a key (an account name, an address): none for the first few, then doubling.
#[derive(Debug, Clone)]
pub struct Backoff {
    free: u32,
    first_ms: i64,
    most_ms: i64,
    forget_ms: i64,
    entries: BTreeMap<String, Failures>,
}

impl Backoff {
    /// `free` failures cost nothing, the next one `first_ms`, each further one twice as much up to `most_ms`; after
    /// `forget_ms` without one all is forgotten.
    #[must_use]
    pub fn new(free: u32, first_ms: i64, most_ms: i64, forget_ms: i64) -> Self {
        Self { free, first_ms, most_ms, forget_ms, entries: BTreeMap::new() }
    }

    /// How long the key has to wait still, ms; `None` when it need not.
    #[must_use]
    pub fn wait_ms(&self, key: &str, now: TimeMs) -> Option<i64> {
        let failures = self.entries.get(key)?;
        let since = now.0.saturating_sub(failures.last);
        // A clock that was set back must not lock anybody out for longer than the longest pause.
        let left = self.pause_ms(failures.count).saturating_sub(since).min(self.most_ms);
        (left > 0 && since < self.forget_ms).then_some(left)
    }

    fn pause_ms(&self, count: u32) -> i64 {
        match count.checked_sub(self.free + 1) {
            None => 0,
            Some(more) => self.first_ms.saturating_mul(1 << more.min(30)).min(self.most_ms),
        }
    }

    /// Notes a failure.
    pub fn failed(&mut self, key: &str, now: TimeMs) {
        if !self.entries.contains_key(key) {
            make_room(&mut self.entries, |f| f.last);
        }
        let forget_ms = self.forget_ms;
        let entry = self.entries.entry(key.to_owned()).or_insert(Failures { count: 0, last: now.0 });
        if now.0.saturating_sub(entry.last) >= forget_ms {
            entry.count = 0;
        }
        *entry = Failures { count: entry.count.saturating_add(1), last: now.0 };
    }

    /// Takes one failure back: it was none.
    pub fn forgive(&mut self, key: &str) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// Forgets the failures.
    pub fn succeeded(&mut self, key: &str) {
        self.entries.remove(key);
    }
}

/// Permits for each key: so many at once, refilled at a steady rate.
#[derive(Debug, Clone)]
pub struct Bucket {
    per_s: f64,
    burst: f64,
    entries: BTreeMap<String, (f64, i64)>,
}

impl Bucket {
    /// `burst` at once, `per_s` a second; both > 0.
    #[must_use]
    pub fn new(per_s: f64, burst: f64) -> Self {
        Self { per_s, burst, entries: BTreeMap::new() }
    }

    /// Takes a permit; false when there is none.
    pub fn take(&mut self, key: &str, now: TimeMs) -> bool {
        if !self.entries.contains_key(key) {
            make_room(&mut self.entries, |(_, at)| *at);
        }
        let (left, at) = self.entries.get(key).copied().unwrap_or((self.burst, now.0));
        let refilled = (now.0.saturating_sub(at)).max(0) as f64 / 1000.0 * self.per_s;
        let left = (left + refilled).min(self.burst);
        let granted = left >= 1.0;
        self.entries.insert(key.to_owned(), (if granted { left - 1.0 } else { left }, now.0));
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let mut backoff = Backoff::new(2, 1000, 8000, 60_000);
        let mut pauses = Vec::new();
        for i in 0..7 {
            backoff.failed("a", TimeMs(i));
            pauses.push(backoff.wait_ms("a", TimeMs(i)).unwrap_or(0));
        }
        assert_eq!(pauses, [0, 0, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(backoff.wait_ms("b", TimeMs(6)), None);
        assert_eq!(backoff.wait_ms("a", TimeMs(8006)), None);
        // The next failure goes on from there, unless long after.
        backoff.failed("a", TimeMs(9000));
        assert_eq!(backoff.wait_ms("a", TimeMs(9000)), Some(8000));
        backoff.failed("a", TimeMs(100_000));
        assert_eq!(backoff.wait_ms("a", TimeMs(100_000)), None);
        backoff.failed("c", TimeMs(0));
        backoff.failed("c", TimeMs(0));
        backoff.failed("c", TimeMs(0));
        assert_eq!(backoff.wait_ms("c", TimeMs(-3_600_000)), Some(8000), "a clock set back");
        backoff.succeeded("c");
        assert_eq!(backoff.wait_ms("c", TimeMs(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut backoff = Backoff::new(0, 1000, 8000, 60_000);
        for i in 0..KEYS as i64 + 50 {
            backoff.failed(&format!("k{i}"), TimeMs(i));
        }
        assert_eq!(backoff.entries.len(), KEYS);
        assert!(backoff.wait_ms(&format!("k{}", KEYS + 49), TimeMs(KEYS as i64 + 49)).is_some());
    }

    #[test]
    fn a_bucket_gives_a_burst_then_a_rate() {
        let mut bucket = Bucket::new(2.0, 3.0);
        let given: Vec<bool> = (0..4).map(|_| bucket.take("a", TimeMs(0))).collect();
        assert_eq!(given, [true, true, true, false]);
        assert!(bucket.take("b", TimeMs(0)) && !bucket.take("a", TimeMs(499)));
        assert!(bucket.take("a", TimeMs(1000)) && bucket.take("a", TimeMs(1000)) && !bucket.take("a", TimeMs(1000)));
        assert!(!bucket.take("a", TimeMs(-5)), "a clock set back gives nothing");
    }
}
