//! Stopping a run and watching it, with plain atomics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag that asks a run to stop at its next step. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    cancelled: Arc<AtomicBool>,
    /// Looks until it asks by itself.
    looks: Option<Arc<AtomicU64>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that asks to stop by itself after it was looked at `looks` times, for a caller without a second thread: a run
    /// looks before every step, so this is a number of steps.
    #[must_use]
    pub fn after(looks: u64) -> Self {
        Self { looks: Some(Arc::new(AtomicU64::new(looks))), ..Self::default() }
    }

    /// Asks every holder to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let out_of_looks = |left: &Arc<AtomicU64>| {
            left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_err()
        };
        self.cancelled.load(Ordering::Acquire) || self.looks.as_ref().is_some_and(out_of_looks)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// Fraction done, 0 to 1.
    pub fraction: f64,
    /// Simulated time, seconds.
    pub t_s: f64,
    /// Steps taken.
    pub tick: u64,
}

/// A callback that is told about progress; it must return quickly and may be called from any thread.
pub type ProgressFn<'a> = dyn Fn(Progress) + Sync + 'a;

/// Progress shared between the thread that runs and threads that watch. A reader may see fields of two
/// neighbouring updates; it never waits.
#[derive(Debug, Clone, Default)]
pub struct ProgressCell(Arc<[AtomicU64; 3]>);

impl ProgressCell {
    /// Nothing done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes progress.
    pub fn set(&self, progress: Progress) {
        self.0[0].store(progress.fraction.to_bits(), Ordering::Relaxed);
        self.0[1].store(progress.t_s.to_bits(), Ordering::Relaxed);
        self.0[2].store(progress.tick, Ordering::Relaxed);
    }

    /// Latest progress.
    #[must_use]
    pub fn get(&self) -> Progress {
        Progress {
            fraction: f64::from_bits(self.0[0].load(Ordering::Relaxed)),
            t_s: f64::from_bits(self.0[1].load(Ordering::Relaxed)),
            tick: self.0[2].load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_looks_asks_after_them() {
        let token = CancelToken::after(2);
        let asked: Vec<bool> = (0..4).map(|_| token.is_cancelled()).collect();
        assert_eq!(asked, [false, false, true, true]);
        let early = CancelToken::after(9);
        early.cancel();
        assert!(early.is_cancelled());
    }

    #[test]
    fn clones_share() {
        let a = CancelToken::new();
        let b = a.clone();
        assert!(!b.is_cancelled());
        a.cancel();
        assert!(b.is_cancelled());
        let p = ProgressCell::new();
        let q = p.clone();
        p.set(Progress { fraction: 0.25, t_s: 9.0, tick: 3 });
        assert_eq!(q.get(), Progress { fraction: 0.25, t_s: 9.0, tick: 3 });
    }
}
