//! Runs a flood scenario to the end.

use crate::domain::{Domain, build_domain};
use crate::forcing::{Adjust, ForcingPlan};
use crate::hazard::PassLimits;
use crate::netcdf;
use crate::observers::Observers;
use crate::output::{Exports, RunFolder};
use crate::sewers::sewers;
use crate::start::{frame_times_s, sample_times_s, still_water};
use crate::state_file::SavedState;
use crate::water::Water;
use crate::works::Works;
use crate::{KERNEL, LiveSnapshot, RunError, built, correct, ensemble, preflight, results};
use community_pack::{Pack, run_folder};
use sim_core::CancelToken;
use sim_flood::{Forcing, Initial};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use twin_model::{Intervention, RunSummary, Scenario, ScenarioBase, SewerMode, TimeMs};

/// Everything that a run needs to know.
#[derive(Debug, Clone, Copy)]
pub struct RunRequest<'a> {
    /// What to compute.
    pub scenario: &'a Scenario,
    /// The community.
    pub pack_dir: &'a Path,
    /// The present and, for a hindcast, the past.
    pub live: Option<&'a LiveSnapshot>,
    /// `state.bin` of another run on the same grid to continue.
    pub from_state: Option<&'a Path>,
    /// Which files to write.
    pub exports: Exports,
    /// Who passes which water.
    pub limits: PassLimits,
    /// Interventions that arrive while the run goes on; each takes effect after the next stored frame.
    pub edits: Option<&'a Mutex<Receiver<Vec<Intervention>>>>,
}

/// What happens while a run goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// A frame has appeared in the folder.
    Frame(FrameWritten),
    /// Interventions took effect.
    Edited {
        /// Simulated second.
        at_s: f64,
        /// How many.
        count: usize,
    },
    /// Interventions that arrived cannot be placed; the run goes on without them.
    EditRefused {
        /// Why, on one line.
        error: String,
    },
    /// A short run of the search for corrections is done.
    CorrectionRun {
        /// How many are done.
        done: u32,
    },
    /// A member of the ensemble is done.
    Member {
        /// How many are done.
        done: u32,
        /// How many there are.
        members: u32,
    },
}

/// A frame that has just appeared in the run folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameWritten {
    /// Its number, from 0.
    pub frame: u32,
    /// Its simulated second.
    pub t_s: f64,
    /// Simulated seconds of the whole run.
    pub duration_s: f64,
}

/// A run ready to be computed.
pub(crate) struct Prepared<'a> {
    pub request: RunRequest<'a>,
    pub pack: Pack,
    pub domain: Domain,
    pub plan: ForcingPlan,
    pub state: Option<SavedState>,
    /// Whole simulated time, s: hindcast and forecast.
    pub total_s: f64,
    /// Instant of simulated second 0.
    pub started_from: TimeMs,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(request: RunRequest<'a>) -> Result<Self, RunError> {
        let scenario = request.scenario;
        scenario.validate()?;
        let pack = Pack::open(request.pack_dir)?;
        if pack.manifest.terrain.is_none() {
            return Err(RunError::NoTerrain { community: pack.manifest.community.id.clone() });
        }
        let state = request.from_state.map(|file| read_state(file, scenario)).transpose()?;
        if let (ScenarioBase::Run { run, at_s }, None) = (scenario.base, &state) {
            return Err(RunError::NoState { run, at_s });
        }
        let domain = domain_of(&pack, scenario)?;
        let plan = ForcingPlan::new(scenario, &pack, request.live)?;
        let now = request.live.map_or(TimeMs(0), |l| l.now);
        let started_from = match (scenario.base, &state) {
            (ScenarioBase::Run { .. }, Some(state)) => state.origin.plus_secs(state.t_s),
            _ => now.plus_secs(-plan.hindcast_s),
        };
        let total_s = plan.hindcast_s + scenario.duration_s;
        Ok(Self { request, pack, domain, plan, state, total_s, started_from })
    }

    /// The kernel's time at the start of the run, s.
    pub(crate) fn offset_s(&self) -> f64 {
        self.state.as_ref().map_or(0.0, |s| s.t_s)
    }

    fn start(&self, adjust: &Adjust) -> Result<Water, RunError> {
        let forcing = self.plan.on(&self.domain, self.offset_s(), adjust)?;
        let initial = if self.state.is_some() { Initial::dry() } else { still_water(&self.domain, &forcing) };
        let mut run = new_run(&self.domain, forcing, initial, self.offset_s())?;
        if let (Some(state), Some(file)) = (&self.state, self.request.from_state) {
            let bad = |e: RunError| RunError::State { file: file.to_owned(), message: e.to_string() };
            run.restore(&state.kernel).map_err(bad)?;
        }
        Ok(run)
    }

    /// Seconds of the frames, from the start of the run.
    pub(crate) fn frame_times_s(&self) -> Vec<f64> {
        frame_times_s(self.request.scenario.frame_interval_s, self.total_s)
    }

    fn save(&self, run: &Water, observers: &Observers, t_s: f64) -> Vec<u8> {
        let origin = self.started_from.plus_secs(-self.offset_s());
        let (kernel, tracks) = (run.save(), observers.tracks.clone());
        SavedState { origin, t_s: run.t_s(), run_s: t_s, kernel, tracks }.encode()
    }
}

fn read_state(file: &Path, scenario: &Scenario) -> Result<SavedState, RunError> {
    let state = SavedState::read(file)?;
    if let ScenarioBase::Run { at_s, .. } = scenario.base
        && (state.run_s - f64::from(at_s)).abs() > 0.5
    {
        let message = format!("is the state at {} s, but the scenario continues at {at_s} s", state.run_s);
        return Err(RunError::State { file: file.to_owned(), message });
    }
    Ok(state)
}

fn domain_of(pack: &Pack, scenario: &Scenario) -> Result<Domain, RunError> {
    let (terrain, landcover) = (pack.terrain()?, pack.landcover()?);
    let mut domain = build_domain(pack, &terrain, landcover.as_ref(), scenario)?;
    if scenario.sewers != SewerMode::None {
        domain.sewers = sewers(&pack.graph()?.drainage, &domain, scenario.sewers == SewerMode::Pack)?;
    }
    Ok(domain)
}

pub(crate) fn new_run(domain: &Domain, forcing: Forcing, initial: Initial, offset_s: f64) -> Result<Water, RunError> {
    let structures = built::delayed(domain.structures.clone(), offset_s);
    Water::new(domain.terrain.clone(), structures, forcing, initial, domain.surface_params, domain.sewers.as_ref())
}

/// Computes a scenario on a pack and writes the run folder `out`.
///
/// `on_event` is called after each stored frame and each piece of other work. Cancelling leaves the frames so far and no
/// `run.json`; no file is half-written.
///
/// # Errors
/// [`RunError`] as one clear line; nothing is written when the input is refused.
pub fn run_flood(
    request: RunRequest<'_>,
    out: &Path,
    cancel: &CancelToken,
    on_event: &mut dyn FnMut(RunEvent),
) -> Result<RunSummary, RunError> {
    let prepared = Prepared::new(request)?;
    let correction = if request.scenario.correct { Some(correct::correct(&prepared, cancel, on_event)?) } else { None };
    let adjust = correction.as_ref().map_or_else(Adjust::default, correct::adjust);
    let mut run = prepared.start(&adjust)?;
    let report = preflight::report(&prepared, &adjust)?;
    let mut observers = Observers::new(&prepared)?;

    let folder = RunFolder::create(out)?;
    let (nx, ny) = (prepared.domain.spec.nx, prepared.domain.spec.ny);
    folder.write_json(run_folder::GRID, &prepared.domain.spec)?;
    let bed: Vec<f32> = prepared.domain.terrain.bed_m.iter().map(|z| *z as f32).collect();
    folder.write(run_folder::BED, &run_folder::encode_bed(nx, ny, &bed))?;
    folder.write_json(run_folder::PREFLIGHT, &report)?;
    let mut works = Works::new(&prepared);
    let frames = frames(&prepared, &mut run, &mut works, &mut observers, &folder, cancel, on_event);
    if frames.is_err() {
        folder.abandon(run_folder::FRAMES_NC);
    }
    frames?;
    if request.exports.state {
        folder.write(run_folder::STATE, &prepared.save(&run, &observers, prepared.total_s))?;
    }
    let members = ensemble::members(&prepared, &adjust, cancel, on_event)?;
    let edits = works.done;
    let finished = results::Finished { edits, run: &run, observers: &observers, members, correction, report: &report };
    results::write(&prepared, &finished, &folder)
}

/// Looks at what a scenario would be computed from, and computes nothing.
///
/// # Errors
/// [`RunError`] as one clear line when the scenario cannot be run at all.
pub fn check_flood(request: RunRequest<'_>) -> Result<preflight::Report, RunError> {
    preflight::report(&Prepared::new(request)?, &Adjust::default())
}

fn frames(
    prepared: &Prepared<'_>,
    run: &mut Water,
    works: &mut Works<'_>,
    observers: &mut Observers,
    folder: &RunFolder,
    cancel: &CancelToken,
    on_event: &mut dyn FnMut(RunEvent),
) -> Result<(), RunError> {
    let (exports, times_s) = (prepared.request.exports, prepared.frame_times_s());
    let (nx, ny) = (prepared.domain.spec.nx, prepared.domain.spec.ny);
    let (path, partial) = (folder.path(run_folder::FRAMES_NC), folder.partial(run_folder::FRAMES_NC));
    let definition = exports.netcdf.then(|| netcdf_definition(prepared, &times_s, &path)).transpose()?;
    let mut nc = definition.as_ref().map(|d| netcdf::Writer::create(d, &path, &partial)).transpose()?;
    let mut before_s = 0.0;
    for (frame, &t_s) in times_s.iter().enumerate() {
        for at_s in sample_times_s(before_s, t_s) {
            run.advance_to(prepared.offset_s() + at_s, cancel)?;
            observers.sample(at_s, run.surface());
        }
        before_s = t_s;
        let number = frame as u32;
        let seen = observers.last();
        if let Some(nc) = &mut nc {
            nc.frame(frame, &seen.depth_m, &seen.u_mps, &seen.v_mps)?;
        }
        if exports.velocity {
            let bytes = run_folder::encode_velocity(nx, ny, t_s, &seen.u_mps, &seen.v_mps);
            folder.write(&run_folder::velocity_name(number), &bytes)?;
        }
        if exports.frame_states {
            folder.write(&run_folder::state_name(number), &prepared.save(run, observers, t_s))?;
        }
        if exports.frame_geotiffs {
            let (spec, blocked) = (&prepared.domain.spec, &prepared.domain.terrain.blocked);
            folder.write_geotiff(&run_folder::frame_tif_name(number), spec, &seen.depth_m, blocked)?;
        }
        folder.write(&run_folder::frame_name(number), &run_folder::encode_depth(nx, ny, t_s, &seen.depth_m))?;
        on_event(RunEvent::Frame(FrameWritten { frame: number, t_s, duration_s: prepared.total_s }));
        if t_s < prepared.total_s {
            works.go_on(t_s, run, on_event)?;
        }
    }
    nc.map_or(Ok(()), netcdf::Writer::finish)
}

fn netcdf_definition(prepared: &Prepared<'_>, times_s: &[f64], path: &Path) -> Result<netcdf::Definition, RunError> {
    let crs = &prepared.pack.manifest.crs;
    let wkt = if crs.epsg == prepared.domain.spec.epsg { crs.wkt.as_str() } else { "" };
    let header = netcdf::Header {
        title: &prepared.request.scenario.name,
        source: KERNEL,
        started_from: prepared.started_from,
        times_s: times_s.to_vec(),
        // A WKT begins with the kind of system in capitals; other texts only name it.
        wkt: if wkt.contains('[') { wkt } else { "" },
    };
    netcdf::Definition::new(&prepared.domain, header, path)
}
