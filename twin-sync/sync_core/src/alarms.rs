//! What the server and viewers ask the running rules.

use crate::engine::LiveEngine;
use crate::rules::{AlarmFigures, Announcement, Commands, Journal, OutOfService, RuleBook};
use twin_model::{Alarm, AlarmId, TimeMs};

impl LiveEngine {
    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &RuleBook {
        &self.rules.rules
    }

    /// Linked actions that are still to be done: alarm and place in its rule.
    pub fn due_actions(&self) -> impl Iterator<Item = (AlarmId, u8)> {
        self.rules.due.iter().copied()
    }

    /// True while a linked action is to be done.
    #[must_use]
    pub fn is_due(&self, alarm: AlarmId, index: u8) -> bool {
        self.rules.due.contains(&(alarm, index))
    }

    /// Milliseconds until something is due by itself; 0 or less when it is overdue. `None`: nothing waits.
    #[must_use]
    pub fn due_in_ms(&self) -> Option<i64> {
        self.rules.next_due().map(|due| due - self.rules.clock)
    }

    /// Server time of the last record.
    #[must_use]
    pub fn last_record_at(&self) -> TimeMs {
        self.rules.wall
    }

    /// Commands to devices.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.rules.commands
    }

    /// What is out of service.
    pub fn out_of_service(&self) -> impl Iterator<Item = &OutOfService> {
        self.rules.out_of_service.values()
    }

    /// The latest announcements of alarms.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.rules.journal
    }

    /// Alarm figures of `from..to`, with the alarms of now.
    #[must_use]
    pub fn figures(&self, from: TimeMs, to: TimeMs) -> AlarmFigures {
        self.rules.journal.figures(self.live.alarms(), (from, to), |_| true)
    }

    /// The same over some of the alarms and announcements.
    #[must_use]
    pub fn figures_where(
        &self,
        span: (TimeMs, TimeMs),
        alarm: impl Fn(&Alarm) -> bool,
        announced: impl Fn(&Announcement) -> bool,
    ) -> AlarmFigures {
        self.rules.journal.figures(self.live.alarms().filter(|a| alarm(a)), span, announced)
    }
}
