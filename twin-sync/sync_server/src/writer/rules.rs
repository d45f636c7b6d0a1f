//! Changes of alarms, commands and linked actions. An action and the note that it is done are one commit, so that a crash
//! can neither lose nor repeat it.

use super::{Refusal, Reply, Writer};
use crate::cases::CaseDesk;
use crate::twin::now;
use std::time::Instant;
use sync_core::{LiveEngine, LogRecord, RuleBook, check_command, check_operation};
use twin_model::{
    AccountId, AlarmId, AlarmOperation, DeviceCommand, DeviceCommandId, DeviceCommandState, EntityId, NewCase,
    NewDeviceCommand, Seq, TimeMs,
};

/// Time passes in the log at least this often while there is traffic, ms: the resolution of delays.
const TICK_MS: u128 = 1000;

/// A linked action of an alarm: the alarm and the place in its rule.
pub(crate) type ActionKey = (AlarmId, u8);

/// What may be asked about alarms and commands.
#[derive(Debug, Clone)]
pub(crate) enum RuleChange {
    Operate {
        alarm: AlarmId,
        operation: AlarmOperation,
    },
    ReturnToService {
        rule: String,
        entity: EntityId,
    },
    /// A command of a person, or of an action.
    Issue {
        order: NewDeviceCommand,
        action: Option<ActionKey>,
    },
    MoveCommand {
        command: DeviceCommandId,
        to: DeviceCommandState,
        note: String,
    },
    /// The case of an action.
    OpenCase {
        action: ActionKey,
        case: NewCase,
    },
    /// An action that was done elsewhere, or that will never be.
    ActionDone {
        action: ActionKey,
        outcome: String,
    },
}

impl Writer {
    /// The record of the time that has passed, when enough has.
    pub(super) fn tick(&mut self) -> Option<(Seq, LogRecord)> {
        let elapsed_ms = self.ticked.map(|t| t.elapsed().as_millis());
        if elapsed_ms.is_some_and(|ms| ms < TICK_MS) {
            return None;
        }
        self.ticked = Some(Instant::now());
        let at = now();
        let last = self.twin.read().last_record_at();
        let (passed, resumed) = match elapsed_ms {
            Some(ms) => (u64::try_from(ms).unwrap_or(0), false),
            // Nobody measured while the server was down; its clock is all there is to go by.
            None if last == TimeMs::default() => (0, true),
            None => (u64::try_from(at.0 - last.0).unwrap_or(0), true),
        };
        Some((self.next, LogRecord::Tick { at, elapsed_ms: passed, resumed }))
    }

    /// Lets what is due by itself happen though nothing arrives.
    pub(super) fn let_time_pass(&mut self) -> Result<(), String> {
        let passed = self.ticked.map_or(i64::MAX, |t| i64::try_from(t.elapsed().as_millis()).unwrap_or(i64::MAX));
        let due = self.twin.read().due_in_ms().is_some_and(|ms| ms <= passed);
        match if due { self.tick() } else { None } {
            Some(tick) => self.commit(&[tick], &[]),
            None => Ok(()),
        }
    }

    /// Logs the pack's rules when they are not those of the log; a new log begins with them.
    pub(crate) fn adopt_rules(&mut self, rules: &RuleBook) -> Result<(), String> {
        let begun = self.next > Seq(1);
        if begun && self.twin.read().rules().rules() == rules.rules() {
            return Ok(());
        }
        let record = LogRecord::RulesChanged { rules: Box::new(rules.rules().clone()), at: now() };
        self.commit(&[(self.next, record)], &[])
    }

    /// For whoever asked (`by`; `None` without accounts, for devices and for linked actions). The outer error stops the
    /// server, the inner one is the asker's.
    pub(super) fn rule_change(
        &mut self,
        change: RuleChange,
        by: Option<AccountId>,
    ) -> Result<Result<Reply, Refusal>, String> {
        let records = {
            let twin = self.twin.clone();
            let engine = twin.read();
            self.records_of(&engine, change, by)
        };
        let records = match records {
            Ok(records) => records,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut numbered: Vec<(Seq, LogRecord)> = self.tick().into_iter().collect();
        for record in records {
            let seq = numbered.last().map_or(self.next, |(seq, r)| Seq(seq.0 + r.seq_count()));
            numbered.push((seq, record));
        }
        self.commit(&numbered, &[])?;
        self.twin.metrics.changes.add(1);
        let engine = self.twin.read();
        let reply = numbered.iter().find_map(|(_, record)| reply_to(record, &engine));
        Ok(Ok(reply.unwrap_or(Reply::Noted)))
    }

    fn records_of(
        &self,
        engine: &LiveEngine,
        change: RuleChange,
        by: Option<AccountId>,
    ) -> Result<Vec<LogRecord>, Refusal> {
        let at = now();
        let conflict = |line: String| Refusal::Conflict(line);
        let still_due = |action: ActionKey| {
            if engine.is_due(action.0, action.1) {
                return Ok(());
            }
            Err(conflict(format!("action {} of alarm {} is done already", action.1, action.0)))
        };
        let done = |action: ActionKey, outcome: String| LogRecord::ActionDone {
            alarm: action.0,
            index: action.1,
            outcome,
            at,
        };
        Ok(match change {
            RuleChange::Operate { alarm, operation } => {
                check_operation(engine.live(), alarm, &operation).map_err(|e| match e {
                    sync_core::OperateError::Unknown(_) => Refusal::NotFound(e.to_string()),
                    sync_core::OperateError::State { .. } => Refusal::Conflict(e.to_string()),
                    sync_core::OperateError::Field { .. } => Refusal::Invalid(e.to_string()),
                })?;
                vec![LogRecord::AlarmOperated { alarm, operation, at, by }]
            }
            RuleChange::ReturnToService { rule, entity } => {
                let number = engine.rules().number(&rule);
                let out = |n: &u16| engine.out_of_service().any(|o| o.rule == *n && o.entity == entity);
                let Some(number) = number.filter(out) else {
                    return Err(Refusal::NotFound(format!("rule {rule:?} at entity {entity} is not out of service")));
                };
                vec![LogRecord::ReturnedToService { rule: number, entity, at, by }]
            }
            RuleChange::Issue { order, action } => {
                check_command(&order).map_err(|e| Refusal::Invalid(e.to_string()))?;
                let order = self.guarded(order)?;
                action.map(still_due).transpose()?;
                let id = engine.commands().next_id();
                let state =
                    if order.two_person { DeviceCommandState::WaitsForSecond } else { DeviceCommandState::Issued };
                let expires_at = TimeMs(at.0.saturating_add(i64::from(order.expires_s) * 1000));
                let alarm = action.map(|(alarm, _)| alarm);
                let command = DeviceCommand {
                    id,
                    order,
                    alarm,
                    by,
                    confirmed_by: None,
                    at,
                    expires_at,
                    state,
                    note: String::new(),
                };
                let issued = LogRecord::CommandIssued { command: Box::new(command) };
                std::iter::once(issued).chain(action.map(|a| done(a, format!("command {id}")))).collect()
            }
            RuleChange::MoveCommand { command, to, note } => {
                if note.chars().count() > 200 {
                    return Err(Refusal::Invalid("note: must be at most 200 characters".to_owned()));
                }
                engine.commands().check_move(command, to, by).map_err(|e| match e {
                    sync_core::CommandError::Unknown(_) => Refusal::NotFound(e.to_string()),
                    _ => Refusal::Conflict(e.to_string()),
                })?;
                if engine.commands().get(command).is_some_and(|c| to == DeviceCommandState::Issued && at > c.expires_at)
                {
                    return Err(conflict(format!("command {command} has expired")));
                }
                vec![LogRecord::CommandMoved { command, to, note, at, by }]
            }
            RuleChange::OpenCase { action, case } => {
                still_due(action)?;
                let desk = CaseDesk { twin: &self.twin, store: &self.store, by };
                let case = desk.create(case)?;
                let outcome = format!("case {}", case.id);
                vec![LogRecord::CaseCreated { case }, done(action, outcome)]
            }
            RuleChange::ActionDone { action, outcome } => {
                still_due(action)?;
                vec![done(action, outcome.chars().take(200).collect())]
            }
        })
    }

    /// Only what takes commands gets them, and a class that asks for a second person always has one.
    fn guarded(&self, order: NewDeviceCommand) -> Result<NewDeviceCommand, Refusal> {
        let pack = &self.twin.pack;
        let device = pack.model.get(order.device);
        let device = device.ok_or_else(|| Refusal::NotFound(format!("no entity {}", order.device)))?;
        let traits = pack.properties.class_traits_of(&device.class);
        if !traits.commanded {
            let line =
                format!("device {} of class {:?} takes no commands (commanded is not set)", device.code, device.class);
            return Err(Refusal::Invalid(line));
        }
        Ok(NewDeviceCommand { two_person: order.two_person || traits.two_person, ..order })
    }
}

fn reply_to(record: &LogRecord, engine: &LiveEngine) -> Option<Reply> {
    match record {
        LogRecord::AlarmOperated { alarm, .. } => {
            engine.live().alarm(*alarm).map(|a| Reply::Alarm(Box::new(a.clone())))
        }
        LogRecord::CaseCreated { case } => engine.live().case(case.id).map(|c| Reply::Case(Box::new(c.clone()))),
        LogRecord::CommandIssued { command } => held(engine, command.id),
        LogRecord::CommandMoved { command, .. } => held(engine, *command),
        _ => None,
    }
}

fn held(engine: &LiveEngine, id: DeviceCommandId) -> Option<Reply> {
    engine.commands().get(id).map(|c| Reply::Command(Box::new(c.clone())))
}
