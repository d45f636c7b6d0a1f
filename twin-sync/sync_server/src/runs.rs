//! Simulation runs: child processes of the same program, so that a crash or a cancel cannot hurt the server.

use crate::access::Caller;
use crate::http::ApiError;
use crate::options::ServeOptions;
use crate::rest::{body, number, permitted, refused};
use crate::run_inputs;
use crate::twin::Twin;
use crate::writer::{Change, Reply};
use ::access::Action;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use twin_model::{AccountId, Intervention, Run, RunId, RunScenario, RunStatus, Scenario};

/// Runs computed at one time.
const AT_ONCE: usize = 2;
/// Runs that may wait.
const WAITING: usize = 32;
/// Progress is logged at most this often; the frames themselves appear in the folder at once.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// Bytes of the child's messages kept for the error line.
const STDERR_TAIL: usize = 8 * 1024;
const CANCEL_WITHIN: Duration = Duration::from_secs(10);
/// How long an edit may wait for its frame.
const EDIT_WITHIN: Duration = Duration::from_secs(60);
/// Edits of one run that may wait.
const EDITS_WAITING: usize = 16;

/// Starts, watches and cancels runs.
pub(crate) struct RunManager {
    twin: Arc<Twin>,
    exe: PathBuf,
    pack_dir: PathBuf,
    slots: Semaphore,
    cancels: Mutex<BTreeMap<RunId, Arc<Notify>>>,
    edits: Mutex<BTreeMap<RunId, mpsc::Sender<Edit>>>,
}

/// Interventions for a run that goes on, and where to say what became of them: the simulated second, or why not.
struct Edit {
    interventions: Vec<Intervention>,
    answer: oneshot::Sender<Result<f64, String>>,
}

impl RunManager {
    pub(crate) fn new(twin: Arc<Twin>, options: &ServeOptions) -> Arc<Self> {
        let (exe, pack_dir) = (options.simulate_exe.clone(), options.pack_dir.clone());
        Arc::new(Self {
            twin,
            exe,
            pack_dir,
            slots: Semaphore::new(AT_ONCE),
            cancels: Mutex::default(),
            edits: Mutex::default(),
        })
    }

    /// Runs that a previous life of the server left unfinished have failed.
    pub(crate) async fn end_interrupted(&self) {
        let unfinished: Vec<RunId> = {
            let engine = self.twin.read();
            engine.live().runs().filter(|r| is_unfinished(r)).map(|r| r.id).collect()
        };
        for run in unfinished {
            let error = "the server stopped while this run was computed".to_owned();
            self.report(run, RunStatus::Failed { error }).await;
        }
    }

    /// Begins a run of the server's own.
    pub(crate) async fn begin(self: &Arc<Self>, scenario: RunScenario) -> Result<RunId, String> {
        self.create(scenario, None).await.map(|run| run.id).map_err(|e| e.1)
    }

    /// Stops a run if it goes on.
    pub(crate) fn stop(&self, run: RunId) {
        if let Some(cancel) = self.cancels().get(&run) {
            cancel.notify_one();
        }
    }

    async fn create(self: &Arc<Self>, scenario: RunScenario, by: Option<AccountId>) -> Result<Run, ApiError> {
        if let Some(line) = run_inputs::refusal(&self.twin, &scenario) {
            return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, line));
        }
        if self.cancels().len() >= WAITING {
            let line = format!("{WAITING} runs are waiting already: wait for one to end or cancel one");
            return Err(ApiError(StatusCode::TOO_MANY_REQUESTS, line));
        }
        let run = match self.twin.change_by(Change::CreateRun(scenario), by).await.map_err(refused)? {
            Reply::Run(run) => *run,
            _ => return Err(ApiError(StatusCode::INTERNAL_SERVER_ERROR, "the run was not created".to_owned())),
        };
        let cancel = Arc::new(Notify::new());
        self.cancels().insert(run.id, cancel.clone());
        tokio::spawn(self.clone().compute(run.clone(), cancel));
        Ok(run)
    }

    /// The run, if there is one for the caller.
    fn seen_by(&self, caller: &Caller, id: RunId) -> Result<Run, ApiError> {
        let found = self.twin.read().live().run(id).filter(|r| caller.sees_run(&self.twin.places, r)).cloned();
        found.ok_or_else(|| ApiError::not_found(format!("no run {id}")))
    }

    /// The run, if the caller may interfere with it.
    fn steered_by(&self, caller: &Caller, id: RunId) -> Result<Run, ApiError> {
        let run = self.seen_by(caller, id)?;
        permitted(caller.may_on_run(Action::SteerRun, &self.twin.places, &run.scenario))?;
        Ok(run)
    }

    async fn report(&self, run: RunId, status: RunStatus) {
        if let Err(refusal) = self.twin.change(Change::RunProgress(run, status)).await {
            tracing::debug!(%run, ?refusal, "run status");
        }
    }

    fn cancels(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, Arc<Notify>>> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edits(&self) -> std::sync::MutexGuard<'_, BTreeMap<RunId, mpsc::Sender<Edit>>> {
        self.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn compute(self: Arc<Self>, run: Run, cancel: Arc<Notify>) {
        let id = run.id;
        let status = tokio::select! {
            status = self.compute_in_turn(run) => status,
            () = cancel.notified() => RunStatus::Cancelled,
        };
        self.cancels().remove(&id);
        self.edits().remove(&id);
        self.report(id, status).await;
    }

    /// Dropping the future kills the child.
    async fn compute_in_turn(&self, run: Run) -> RunStatus {
        let Ok(_slot) = self.slots.acquire().await else { return RunStatus::Cancelled };
        match self.compute_now(&run).await {
            Ok(frames) => RunStatus::Done { frames },
            Err(error) => RunStatus::Failed { error },
        }
    }

    async fn compute_now(&self, run: &Run) -> Result<u32, String> {
        let dir = self.twin.data_dir.join("runs").join(run.id.to_string());
        let inputs = run_inputs::write(&self.twin, &dir, &run.scenario).await?;
        let mut command = Command::new(&self.exe);
        command.arg("simulate").arg("--json").arg(&inputs.scenario).arg("--pack").arg(&self.pack_dir);
        command.arg("--live").arg(&inputs.live).arg("--out").arg(&dir);
        if run.scenario.flood().is_some() {
            command.arg("--edits");
        }
        if let Some(state) = &inputs.state {
            command.arg("--from-state").arg(state);
        }
        if let Some(flood) = &inputs.flood {
            command.arg("--flood").arg(flood);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", self.exe.display()))?;
        self.report(run.id, RunStatus::Running { reached_s: 0.0, frames: 0 }).await;
        let stderr = child.stderr.take();
        let messages = tokio::spawn(async move {
            match stderr {
                Some(stderr) => tail(stderr).await,
                None => String::new(),
            }
        });
        let (sender, edits) = mpsc::channel(EDITS_WAITING);
        self.edits().insert(run.id, sender);
        let watched = self.follow(run.id, &mut child, edits).await;
        self.edits().remove(&run.id);
        let exit = child.wait().await.map_err(|e| e.to_string())?;
        let said = messages.await.unwrap_or_default();
        match (exit.success(), watched.summary) {
            (true, true) => Ok(watched.frames),
            (true, false) => Err("the computation ended without a summary".to_owned()),
            (false, _) => Err(last_line(&said).unwrap_or_else(|| format!("the computation ended with {exit}"))),
        }
    }

    /// Reads the child's lines until it ends, and hands it edits meanwhile.
    async fn follow(&self, run: RunId, child: &mut Child, mut edits: mpsc::Receiver<Edit>) -> Watched {
        let mut watched = Watched::default();
        let (Some(stdout), Some(mut stdin)) = (child.stdout.take(), child.stdin.take()) else { return watched };
        let mut lines = BufReader::new(stdout).lines();
        // The child answers edits in the order in which it got them.
        let mut unanswered = VecDeque::new();
        loop {
            tokio::select! {
                line = lines.next_line() => {
                    let Ok(Some(line)) = line else { return watched };
                    let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
                    if let Some(answer) = edit_answer(&value) {
                        let waiting: Option<oneshot::Sender<_>> = unanswered.pop_front();
                        // Who asked may have stopped waiting.
                        waiting.map(|w| w.send(answer).ok());
                    } else if let Some(status) = watched.take(&value) {
                        self.report(run, status).await;
                    }
                }
                Some(edit) = edits.recv() => {
                    let line = serde_json::to_string(&edit.interventions).map(|l| l + "\n").unwrap_or_default();
                    match stdin.write_all(line.as_bytes()).await {
                        Ok(()) => unanswered.push_back(edit.answer),
                        Err(e) => drop(edit.answer.send(Err(e.to_string()))),
                    }
                }
            }
        }
    }
}

/// What the child says of an edit.
fn edit_answer(value: &Value) -> Option<Result<f64, String>> {
    if let Some(error) = value.get("edit_refused").and_then(Value::as_str) {
        return Some(Err(error.to_owned()));
    }
    value.get("edited").and_then(|e| e.get("at_s")).and_then(Value::as_f64).map(Ok)
}

#[derive(Debug, Default)]
struct Watched {
    frames: u32,
    summary: bool,
    told: Option<Instant>,
}

impl Watched {
    /// Takes one line of the child; the status to report, if it is time for one.
    fn take(&mut self, value: &Value) -> Option<RunStatus> {
        if let Some(summary) = value.get("summary") {
            self.summary = true;
            let stored = summary.get("frame_times_s").and_then(|f| f.as_array()).map(|f| f.len() as u64);
            let stored = stored.or(value.get("frames").and_then(Value::as_u64));
            self.frames = stored.and_then(|n| u32::try_from(n).ok()).unwrap_or(self.frames);
            return None;
        }
        let frame = value.get("frame").and_then(Value::as_u64)?;
        self.frames = u32::try_from(frame + 1).unwrap_or(u32::MAX);
        let reached = value.get("reached_s").or(value.get("t_s")).and_then(Value::as_f64);
        if self.told.is_some_and(|t| t.elapsed() < PROGRESS_EVERY) {
            return None;
        }
        self.told = Some(Instant::now());
        Some(RunStatus::Running { reached_s: reached.unwrap_or(0.0), frames: self.frames })
    }
}

fn is_unfinished(run: &Run) -> bool {
    matches!(run.status, RunStatus::Queued | RunStatus::Running { .. })
}

/// The end of what a child says; all of it is read so that the child never blocks.
async fn tail(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(chunk.get(..n).unwrap_or_default());
        if kept.len() > STDERR_TAIL {
            kept.drain(..kept.len() - STDERR_TAIL);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn last_line(text: &str) -> Option<String> {
    let line = text.lines().rev().map(str::trim).find(|l| !l.is_empty())?;
    Some(line.chars().take(500).collect())
}

/// `GET /api/runs`
pub(crate) async fn list(State(runs): State<Arc<RunManager>>, caller: Caller) -> Json<serde_json::Value> {
    let engine = runs.twin.read();
    let list: Vec<&Run> = engine.live().runs().rev().filter(|r| caller.sees_run(&runs.twin.places, r)).collect();
    Json(serde_json::json!({ "runs": list }))
}

/// `GET /api/runs/{id}`
pub(crate) async fn one(
    State(runs): State<Arc<RunManager>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Run>, ApiError> {
    let id = RunId(number("run", &id)?);
    runs.seen_by(&caller, id).map(Json)
}

/// `POST /api/runs`
pub(crate) async fn start(
    State(runs): State<Arc<RunManager>>,
    caller: Caller,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Run>), ApiError> {
    let scenario: RunScenario = body(&bytes)?;
    permitted(caller.may_on_run(Action::StartRun, &runs.twin.places, &scenario))?;
    if let Some(line) = run_inputs::hidden_flood(&runs.twin, &caller, &scenario) {
        return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, line));
    }
    Ok((StatusCode::CREATED, Json(runs.create(scenario, caller.account()).await?)))
}

/// `DELETE /api/runs/{id}`
pub(crate) async fn cancel(
    State(runs): State<Arc<RunManager>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Run>, ApiError> {
    let id = RunId(number("run", &id)?);
    let mut seq = runs.twin.seq.subscribe();
    let status_of = || runs.twin.read().live().run(id).cloned();
    let run = runs.steered_by(&caller, id)?;
    let cancel = runs.cancels().get(&id).cloned();
    let Some(cancel) = cancel.filter(|_| is_unfinished(&run)) else {
        return Err(ApiError(StatusCode::CONFLICT, format!("run {id} has ended already")));
    };
    cancel.notify_one();
    let ended = async {
        loop {
            match status_of() {
                Some(run) if !is_unfinished(&run) => return Some(run),
                _ if seq.changed().await.is_err() => return None,
                _ => {}
            }
        }
    };
    match tokio::time::timeout(CANCEL_WITHIN, ended).await {
        Ok(Some(run)) => Ok(Json(run)),
        _ => Err(ApiError(StatusCode::SERVICE_UNAVAILABLE, format!("run {id} does not end"))),
    }
}

/// Body of `POST /api/runs/{id}/edits`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EditBody {
    interventions: Vec<Intervention>,
}

/// `POST /api/runs/{id}/edits`: answers when the run has taken the edit up, with the run.
pub(crate) async fn edit(
    State(runs): State<Arc<RunManager>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Run>, ApiError> {
    let id = RunId(number("run", &id)?);
    let EditBody { interventions } = body(&bytes)?;
    let run = runs.steered_by(&caller, id)?;
    let Some(flood) = run.scenario.flood() else {
        return Err(ApiError(StatusCode::CONFLICT, format!("run {id} is an evacuation: it takes no edits")));
    };
    let checked = Scenario { interventions: interventions.clone(), edits: vec![], ..flood.clone() };
    checked.validate().map_err(|e| ApiError::bad(e.to_string()))?;
    let Some(sender) = runs.edits().get(&id).cloned() else {
        return Err(ApiError(StatusCode::CONFLICT, format!("run {id} is not being computed")));
    };
    let (answer, answered) = oneshot::channel();
    let full =
        |_| ApiError(StatusCode::TOO_MANY_REQUESTS, format!("{EDITS_WAITING} edits of run {id} are waiting already"));
    sender.try_send(Edit { interventions, answer }).map_err(full)?;
    match tokio::time::timeout(EDIT_WITHIN, answered).await {
        Ok(Ok(Ok(_))) => Ok(Json(run)),
        Ok(Ok(Err(line))) => Err(ApiError::bad(line)),
        Ok(Err(_)) => Err(ApiError(StatusCode::CONFLICT, format!("run {id} ended before the edit took effect"))),
        Err(_) => {
            Err(ApiError(StatusCode::SERVICE_UNAVAILABLE, format!("run {id} has not reached its next frame yet")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_line_is_the_last_one() {
        assert_eq!(last_line("a\nerror: no terrain\n\n").as_deref(), Some("error: no terrain"));
        assert_eq!(last_line(" \n"), None);
    }

    #[tokio::test]
    async fn only_the_end_of_the_messages_is_kept() {
        let long = format!("{}end", "x".repeat(100_000));
        let kept = tail(long.as_bytes()).await;
        assert!(kept.len() <= STDERR_TAIL && kept.ends_with("xend"));
    }
}
