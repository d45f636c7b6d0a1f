//! Linked actions of raised alarms (联动). What is due is part of the state; the writer notes what is done.

use crate::twin::{Twin, stopped};
use crate::writer::{Change, Refusal, RuleChange};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use twin_model::{Alarm, AlarmId, EntityId, ForecastKind, NewCase, NewDeviceCommand, RuleAction, RunId};

/// Looked at this often though no alarm was raised: one that was suppressed may be shown now.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// An action that fails is tried again so often before it is given up.
const TRIES: u32 = 5;

/// Asks the forecasts for a run of the building that an alarm is in.
pub(crate) type Forecasting = mpsc::Sender<(Alarm, oneshot::Sender<Result<RunId, String>>)>;

/// What became of a try.
enum Outcome {
    Done,
    /// The server goes, or something else is in the way: later.
    Later(String),
    /// It can never be done.
    Never(String),
}

/// Works until the server stops. `forecasts` is `None` where there is nothing to forecast.
pub(crate) async fn act(twin: Arc<Twin>, forecasts: Option<Forecasting>) {
    let (mut raised, mut stopping) = (twin.alarms.subscribe(), twin.stopping.subscribe());
    let mut tries: BTreeMap<(AlarmId, u8), u32> = BTreeMap::new();
    loop {
        let due: Vec<((AlarmId, u8), Option<(Alarm, RuleAction)>)> = {
            let engine = twin.read();
            let found = |(id, index): (AlarmId, u8)| {
                let alarm = engine.live().alarm(id)?;
                let (_, rule) = engine.rules().rule(alarm.rule)?;
                Some((alarm.clone(), rule.actions.get(usize::from(index))?.clone()))
            };
            engine.due_actions().map(|key| (key, found(key))).collect()
        };
        tries.retain(|key, _| due.iter().any(|(k, _)| k == key));
        for (key, found) in due {
            let outcome = match found {
                Some((alarm, action)) => perform(&twin, forecasts.as_ref(), key, &alarm, &action).await,
                None => Outcome::Never("the alarm or its rule is gone".to_owned()),
            };
            let given_up = match outcome {
                Outcome::Done => None,
                Outcome::Never(line) => Some(line),
                Outcome::Later(line) => {
                    let tried = tries.entry(key).or_default();
                    *tried += 1;
                    (*tried >= TRIES).then_some(line)
                }
            };
            if let Some(line) = given_up {
                tracing::warn!(alarm = %key.0, action = key.1, line, "linked action given up");
                let change = RuleChange::ActionDone { action: key, outcome: format!("refused: {line}") };
                // Refused means that it was done meanwhile, or that the server stops: then it is still due.
                drop(twin.change(Change::Rule(change)).await);
            }
        }
        tokio::select! {
            () = stopped(&mut stopping) => return,
            changed = raised.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn perform(
    twin: &Arc<Twin>,
    forecasts: Option<&Forecasting>,
    key: (AlarmId, u8),
    alarm: &Alarm,
    action: &RuleAction,
) -> Outcome {
    let change = match action {
        RuleAction::OpenCase { class, title, description } => {
            let fill = |text: &str| fill(twin, alarm, text);
            let case = NewCase {
                class: class.clone(),
                title: fill(title).chars().take(200).collect(),
                description: fill(description),
                entity: Some(alarm.entity),
                p_enu: None,
            };
            RuleChange::OpenCase { action: key, case }
        }
        RuleAction::Command { device, name, value, expires_s, two_person } => {
            let Some(device) = target(twin, alarm, device.as_deref()) else {
                return Outcome::Never("its device is not in the community".to_owned());
            };
            let order = NewDeviceCommand {
                device,
                name: name.clone(),
                value: *value,
                expires_s: *expires_s,
                two_person: *two_person,
            };
            RuleChange::Issue { order, action: Some(key) }
        }
        RuleAction::Simulate { forecast: ForecastKind::Evacuation } => {
            let Some(forecasts) = forecasts else {
                return Outcome::Never("no building's inside is known, or forecasts are switched off".to_owned());
            };
            let (answer, run) = oneshot::channel();
            if forecasts.send((alarm.clone(), answer)).await.is_err() {
                return Outcome::Later("the server stops".to_owned());
            }
            match run.await {
                Ok(Ok(run)) => RuleChange::ActionDone { action: key, outcome: format!("run {run}") },
                Ok(Err(line)) => return Outcome::Later(line),
                Err(_gone) => return Outcome::Later("the server stops".to_owned()),
            }
        }
        RuleAction::Show => RuleChange::ActionDone { action: key, outcome: "shown".to_owned() },
    };
    match twin.change(Change::Rule(change)).await {
        Ok(_) | Err(Refusal::Conflict(_)) => Outcome::Done,
        Err(Refusal::Stopped(line)) => Outcome::Later(line),
        Err(Refusal::NotFound(line) | Refusal::Invalid(line)) => Outcome::Never(line),
    }
}

fn fill(twin: &Twin, alarm: &Alarm, text: &str) -> String {
    text.replace("{place}", &twin.pack.model.address(alarm.entity)).replace("{text}", &alarm.text)
}

fn target(twin: &Twin, alarm: &Alarm, code: Option<&str>) -> Option<EntityId> {
    match code {
        None => Some(alarm.entity),
        Some(code) => twin.pack.model.entities().iter().find(|e| e.code == code).map(|e| e.id),
    }
}
