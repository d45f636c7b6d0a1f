/// Told how an import is getting on, and asked whether to stop.
pub trait Progress {
    /// A stage begins; `total` ticks are expected (0: unknown).
    fn stage(&mut self, name: &str, total: u64);
    /// One piece of the stage is done.
    fn tick(&mut self);
    /// True when the user wants to stop.
    fn is_cancelled(&self) -> bool;
}

/// Listens to nothing and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn stage(&mut self, _name: &str, _total: u64) {}
    fn tick(&mut self) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}
