//! Repeats: MQTT QoS 1 delivers at least once, so a message may come again, also after a restart on either side.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Message numbers remembered per device life.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;
/// Lives of one device remembered: a redelivery may cross a device restart.
const LIVES: usize = 4;
/// Samples remembered per series of a device that does not count its messages.
const RECENT: usize = 16;

/// Sliding window of message numbers (after RFC 6479) of one device life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Window {
    boot: u64,
    top: u64,
    bits: [u64; WORDS],
}

impl Window {
    fn new(boot: u64, seq: u64) -> Self {
        let mut window = Self { boot, top: seq, bits: [0; WORDS] };
        window.set(seq);
        window
    }

    fn slot(seq: u64) -> (usize, u64) {
        let bit = seq % WINDOW;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn set(&mut self, seq: u64) {
        let (word, mask) = Self::slot(seq);
        self.bits[word] |= mask;
    }

    fn clear(&mut self, seq: u64) {
        let (word, mask) = Self::slot(seq);
        self.bits[word] &= !mask;
    }

    fn has(&self, seq: u64) -> bool {
        let (word, mask) = Self::slot(seq);
        // Older than the window is not known to be a repeat; a number that far back is a back-fill, so it is kept.
        seq <= self.top && self.top - seq < WINDOW && self.bits[word] & mask != 0
    }

    fn mark(&mut self, seq: u64) {
        if seq > self.top {
            if seq - self.top >= WINDOW {
                self.bits = [0; WORDS];
            } else {
                for skipped in self.top + 1..seq {
                    self.clear(skipped);
                }
            }
            self.top = seq;
            self.set(seq);
        } else if self.top - seq < WINDOW {
            self.set(seq);
        }
    }
}

/// What was already accepted, per device (keyed by hash of its topic).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Dedup {
    counted: BTreeMap<u64, Vec<Window>>,
    timed: BTreeMap<u64, VecDeque<(i64, u64)>>,
}

impl Dedup {
    /// True when message `seq` of device life `boot` was marked before.
    #[must_use]
    pub fn has_seq(&self, device: u64, boot: u64, seq: u64) -> bool {
        self.counted.get(&device).is_some_and(|lives| lives.iter().any(|w| w.boot == boot && w.has(seq)))
    }

    /// Remembers message `seq` of device life `boot`.
    pub fn mark_seq(&mut self, device: u64, boot: u64, seq: u64) {
        let lives = self.counted.entry(device).or_default();
        if let Some(window) = lives.iter_mut().find(|w| w.boot == boot) {
            window.mark(seq);
            return;
        }
        if lives.len() >= LIVES {
            lives.remove(0);
        }
        lives.push(Window::new(boot, seq));
    }

    /// True when this value of a series with this device time was marked before. `series` is any stable key.
    #[must_use]
    pub fn has_sample(&self, series: u64, device_ts: i64, value: f64) -> bool {
        self.timed.get(&series).is_some_and(|recent| recent.contains(&(device_ts, value.to_bits())))
    }

    /// Remembers a value of a series.
    pub fn mark_sample(&mut self, series: u64, device_ts: i64, value: f64) {
        let recent = self.timed.entry(series).or_default();
        let key = (device_ts, value.to_bits());
        if !recent.contains(&key) {
            if recent.len() >= RECENT {
                recent.pop_front();
            }
            recent.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn lives_are_separate_and_the_oldest_is_forgotten() {
        let mut dedup = Dedup::default();
        for boot in 0..5 {
            dedup.mark_seq(1, boot, 7);
        }
        assert!(dedup.has_seq(1, 4, 7) && dedup.has_seq(1, 1, 7));
        assert!(!dedup.has_seq(1, 0, 7) && !dedup.has_seq(2, 4, 7) && !dedup.has_seq(1, 4, 6));
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut dedup = Dedup::default();
        for seq in [0, u64::MAX, u64::MAX - 1, 0] {
            dedup.mark_seq(1, 0, seq);
        }
        assert!(dedup.has_seq(1, 0, u64::MAX) && dedup.has_seq(1, 0, u64::MAX - 1) && !dedup.has_seq(1, 0, 0));
    }

    #[test]
    fn uncounted_samples_repeat_by_time_and_value() {
        let mut dedup = Dedup::default();
        dedup.mark_sample(1, 100, 2.5);
        assert!(dedup.has_sample(1, 100, 2.5) && !dedup.has_sample(1, 100, 2.6) && !dedup.has_sample(1, 101, 2.5));
    }

    proptest! {
        #[test]
        fn within_the_window_it_is_a_set(steps in proptest::collection::vec(0u64..1023, 1..300)) {
            let mut dedup = Dedup::default();
            let mut oracle = BTreeSet::new();
            for seq in steps {
                prop_assert_eq!(dedup.has_seq(9, 3, seq), oracle.contains(&seq));
                dedup.mark_seq(9, 3, seq);
                oracle.insert(seq);
            }
        }

        #[test]
        fn a_fresh_number_is_never_called_a_repeat(steps in proptest::collection::vec(any::<u16>(), 1..300)) {
            let mut dedup = Dedup::default();
            let mut oracle = BTreeSet::new();
            for seq in steps.into_iter().map(u64::from) {
                if dedup.has_seq(9, 3, seq) { prop_assert!(oracle.contains(&seq)); }
                dedup.mark_seq(9, 3, seq);
                oracle.insert(seq);
            }
        }
    }
}
