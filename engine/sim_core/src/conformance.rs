//! Checks every kernel calls in its tests.
//!
//! Each function returns the checksum reached, or says where two runs parted.

use thiserror::Error;

use crate::{Kernel, Snapshot, SnapshotError};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// Two runs that must agree do not.
    #[error("{what}: checksum {left:016x} differs from {right:016x} at step {step}")]
    Differs {
        /// Which promise.
        what: String,
        /// Step at which the difference was seen.
        step: u64,
        /// One checksum.
        left: u64,
        /// The other.
        right: u64,
    },
    /// A snapshot the kernel itself wrote could not be read back.
    #[error("own snapshot refused: {0}")]
    Refused(#[from] SnapshotError),
    /// A damaged snapshot was accepted.
    #[error("a snapshot cut to {len} bytes was accepted")]
    AcceptedDamage {
        /// Length of the cut snapshot.
        len: usize,
    },
    /// The state did not change, so the other checks would prove nothing.
    #[error("state did not change in {steps} steps: choose a livelier set-up")]
    Idle {
        /// Steps taken.
        steps: u64,
    },
}

/// Everything needed to step a kernel.
#[derive(Debug, Clone)]
pub struct Setup<K: Kernel> {
    /// Model.
    pub kernel: K,
    /// Parameters.
    pub params: K::Params,
    /// Forcing.
    pub forcing: K::Forcing,
    /// Initial state.
    pub state: K::State,
}

impl<K: Kernel> Setup<K> {
    /// Takes `n` steps.
    pub fn run(&mut self, n: u64) {
        for _ in 0..n {
            self.kernel.step(&self.params, &self.forcing, &mut self.state);
        }
    }
}

fn same(what: &str, step: u64, left: u64, right: u64) -> Result<(), ConformanceError> {
    if left == right { Ok(()) } else { Err(ConformanceError::Differs { what: what.into(), step, left, right }) }
}

/// Same inputs, same checksum after every step, and the state does change.
///
/// # Errors
/// [`ConformanceError::Differs`] at the first step where two runs part, [`ConformanceError::Idle`].
pub fn repeatable<K: Kernel>(build: impl Fn() -> Setup<K>, steps: u64) -> Result<u64, ConformanceError> {
    let (mut a, mut b) = (build(), build());
    let start = a.state.checksum();
    for step in 1..=steps {
        a.run(1);
        b.run(1);
        same("same inputs", step, a.state.checksum(), b.state.checksum())?;
    }
    if a.state.checksum() == start { Err(ConformanceError::Idle { steps }) } else { Ok(a.state.checksum()) }
}

/// save → restore → continue equals continuing, byte for byte, and so does saving again.
///
/// # Errors
/// [`ConformanceError::Refused`], [`ConformanceError::Differs`].
pub fn restore_continues<K: Kernel>(
    build: impl Fn() -> Setup<K>,
    before: u64,
    after: u64,
) -> Result<u64, ConformanceError> {
    let mut straight = build();
    straight.run(before);
    let saved = straight.state.save();
    let mut resumed = build();
    resumed.state = K::State::restore(&saved)?;
    same("restored state", before, straight.state.checksum(), resumed.state.checksum())?;
    for step in 1..=after {
        straight.run(1);
        resumed.run(1);
        same("continued from a snapshot", before + step, straight.state.checksum(), resumed.state.checksum())?;
    }
    if straight.state.save() != resumed.state.save() {
        return Err(ConformanceError::Differs {
            what: "bytes of the final snapshots".into(),
            step: before + after,
            left: straight.state.checksum(),
            right: resumed.state.checksum(),
        });
    }
    Ok(straight.state.checksum())
}

/// `run(threads)` gives the same checksum for every count in `counts`.
///
/// # Errors
/// [`ConformanceError::Differs`].
pub fn threads_agree(run: impl Fn(usize) -> u64, counts: &[usize]) -> Result<u64, ConformanceError> {
    let mut first = None;
    for &threads in counts {
        let sum = run(threads);
        same(&format!("{threads} threads"), 0, *first.get_or_insert(sum), sum)?;
    }
    Ok(first.unwrap_or_default())
}

/// Every truncation tried of a snapshot is refused, without a panic. Tries `tries` lengths spread over the snapshot.
///
/// # Errors
/// [`ConformanceError::AcceptedDamage`].
pub fn damage_is_refused<S: Snapshot>(saved: &[u8], tries: usize) -> Result<(), ConformanceError> {
    for k in 0..tries {
        let len = saved.len().saturating_mul(k) / tries.max(1);
        if S::restore(&saved[..len]).is_ok() {
            return Err(ConformanceError::AcceptedDamage { len });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteReader, ByteWriter, Checksum, CounterRng, StepReport};
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Clone, Debug)]
    struct Walk {
        x: f64,
        tick: u64,
        /// Not saved when the kernel under test is the faulty one.
        hidden: f64,
    }

    impl Snapshot for Walk {
        fn save(&self) -> Vec<u8> {
            let mut w = ByteWriter::new(*b"walk0001");
            w.f64(self.x);
            w.u64(self.tick);
            w.finish()
        }
        fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
            let mut r = ByteReader::new(bytes, *b"walk0001", "walk")?;
            let s = Self { x: r.f64("x")?, tick: r.u64("tick")?, hidden: 0.0 };
            r.end()?;
            Ok(s)
        }
        fn checksum(&self) -> u64 {
            let mut c = Checksum::new();
            c.add_f64(self.x);
            c.add_u64(self.tick);
            c.finish()
        }
    }

    struct Stepper {
        forgets: bool,
        global: Option<&'static AtomicU64>,
    }

    impl Kernel for Stepper {
        type Params = f64;
        type Forcing = u64;
        type State = Walk;
        fn step(&self, scale: &f64, seed: &u64, s: &mut Walk) -> StepReport {
            let noise = CounterRng::new(*seed, s.tick).next_f64();
            s.x += scale * noise + s.hidden;
            if self.forgets {
                s.hidden += 0.5;
            }
            if let Some(g) = self.global {
                s.x += g.fetch_add(1, Ordering::Relaxed) as f64;
            }
            s.tick += 1;
            StepReport { tick: s.tick, t_s: s.tick as f64, dt_s: 1.0 }
        }
    }

    fn setup(forgets: bool, global: Option<&'static AtomicU64>) -> Setup<Stepper> {
        Setup {
            kernel: Stepper { forgets, global },
            params: 0.1,
            forcing: 9,
            state: Walk { x: 0.0, tick: 0, hidden: 0.0 },
        }
    }

    #[test]
    fn honest_kernel_passes() {
        repeatable(|| setup(false, None), 20).unwrap();
        restore_continues(|| setup(false, None), 5, 10).unwrap();
        damage_is_refused::<Walk>(&setup(false, None).state.save(), 32).unwrap();
    }

    #[test]
    fn each_broken_promise_is_found() {
        static GLOBAL: AtomicU64 = AtomicU64::new(1);
        assert!(matches!(repeatable(|| setup(false, Some(&GLOBAL)), 5), Err(ConformanceError::Differs { .. })));
        assert!(matches!(restore_continues(|| setup(true, None), 5, 5), Err(ConformanceError::Differs { .. })));
        assert!(matches!(threads_agree(|n| n as u64, &[1, 2]), Err(ConformanceError::Differs { .. })));
        assert!(matches!(repeatable(|| setup(false, None), 0), Err(ConformanceError::Idle { .. })));
    }
}
