//! Pictures without a display: draws into images, waits until everything has arrived, writes PNG files.

use crate::host::Targets;
use crate::options::CaptureOptions;
use bevy::prelude::*;
use bevy::render::render_resource::PollType;
use bevy::render::renderer::RenderDevice;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use twin_bevy::{LinkStatus, LoadProgress, Runs, ShownEvac, ShownRun, ViewClock};
use twin_model::ViewTime;
use twin_view::{Ground, TileStatus};

#[derive(Resource)]
struct Settings(CaptureOptions);

/// Pictures that have come back from the graphics device.
#[derive(Resource, Default)]
struct Pictures(Vec<(usize, Image)>);

pub(crate) fn register(app: &mut App, options: CaptureOptions) {
    app.insert_resource(Settings(options)).init_resource::<Pictures>();
}

/// Runs the app until the pictures are written. Returns the files.
///
/// # Errors
/// One line: the pack cannot be read, something did not arrive in time, or a file cannot be written.
pub fn capture_pictures(mut app: App) -> Result<Vec<PathBuf>, String> {
    start_renderer(&mut app)?;
    // The first update runs the startup systems, which make the cameras.
    step(&mut app)?;
    let settings =
        app.world().get_resource::<Settings>().map(|s| s.0.clone()).ok_or("the app was not made for a capture")?;
    let start = Instant::now();
    // Nothing is drawn while files are on their way: with a software renderer that would take most of the time.
    draw(&mut app, false);
    wait(&mut app, &settings, start, 3)?;
    draw(&mut app, true);
    let drawn = Instant::now();
    wait(&mut app, &settings, start, 2)?;
    while drawn.elapsed().as_secs_f64() < settings.settle_s {
        step(&mut app)?;
    }
    take(&mut app, &settings.out)
}

/// Waits for the graphics device. Where there is none the renderer panics; that becomes an error here.
fn start_renderer(app: &mut App) -> Result<(), String> {
    let start = std::panic::AssertUnwindSafe(|| {
        app.finish();
        app.cleanup();
    });
    std::panic::catch_unwind(start)
        .map_err(|_| "no graphics device: install a Vulkan driver (Debian: mesa-vulkan-drivers)".to_owned())
}

/// Switches the cameras on or off.
fn draw(app: &mut App, on: bool) {
    let world = app.world_mut();
    for mut camera in world.query::<&mut Camera>().iter_mut(world) {
        camera.is_active = on;
    }
}

/// Updates until nothing was missing for `frames` updates in a row.
fn wait(app: &mut App, settings: &CaptureOptions, start: Instant, frames: u32) -> Result<(), String> {
    let mut complete = 0;
    while complete < frames {
        step(app)?;
        if let LoadProgress::Failed(line) = app.world().resource::<LoadProgress>() {
            return Err(line.clone());
        }
        let waiting = waiting_for(app.world(), settings);
        complete = if waiting.is_none() { complete + 1 } else { 0 };
        if start.elapsed().as_secs_f64() > settings.timeout_s {
            let what = waiting.unwrap_or_else(|| "the picture to settle".to_owned());
            return Err(format!("not ready after {:.0} s: waiting for {what}", settings.timeout_s));
        }
    }
    Ok(())
}

/// What is still missing; `None` when the picture is final.
fn waiting_for(world: &World, settings: &CaptureOptions) -> Option<String> {
    if *world.resource::<LoadProgress>() != LoadProgress::Ready {
        return Some("the pack's tables".to_owned());
    }
    let tiles = world.resource::<TileStatus>();
    if !tiles.opened || tiles.pending > 0 {
        return Some(format!("{} tiles", tiles.pending));
    }
    let has_terrain = world.get_resource::<twin_bevy::PackInfo>().is_some_and(|p| p.manifest.terrain.is_some());
    if has_terrain && !world.resource::<Ground>().is_ready() {
        return Some("the terrain heights".to_owned());
    }
    if settings.wait_live && *world.resource::<LinkStatus>() != LinkStatus::Live {
        return Some("live state".to_owned());
    }
    if let ViewTime::Run { run, t_s } = world.resource::<ViewClock>().time {
        let reached = world.resource::<Runs>().data.get(&run).map_or(-1.0, twin_bevy::RunData::reached_s);
        let complete =
            world.resource::<twin_bevy::LocalRuns>().find(world.resource::<twin_bevy::Live>(), run).is_some_and(|r| {
                let fetched = world.resource::<Runs>().data.get(&run).map_or(0, twin_bevy::RunData::frame_count);
                matches!(r.status, twin_model::RunStatus::Done { frames } if fetched as u32 >= frames)
            });
        if (reached < t_s && !complete)
            || ![world.resource::<ShownRun>().run, world.resource::<ShownEvac>().run].contains(&Some(run))
        {
            return Some(format!("run {run} at {t_s} s"));
        }
    }
    if world.resource::<twin_bevy::Comparison>().0.is_some()
        && world.resource::<twin_bevy::CompareResult>().ready.is_none()
        && world.resource::<twin_bevy::EvacComparison>().0.is_none()
    {
        return Some("the results of both runs".to_owned());
    }
    None
}

fn step(app: &mut App) -> Result<(), String> {
    app.update();
    let device = app.world().get_resource::<RenderDevice>();
    let device = device.ok_or("no graphics device: install mesa-vulkan-drivers for software rendering")?;
    device.wgpu_device().poll(PollType::Poll).map_err(|e| e.to_string())?;
    // Files and decoding run on other threads; on few cores they need the time.
    std::thread::sleep(Duration::from_millis(2));
    Ok(())
}

fn take(app: &mut App, out: &Path) -> Result<Vec<PathBuf>, String> {
    let targets = app.world().resource::<Targets>().0.clone();
    for (index, target) in targets.iter().enumerate() {
        app.world_mut().spawn(Screenshot::image(target.clone())).observe(
            move |captured: On<ScreenshotCaptured>, mut pictures: ResMut<Pictures>| {
                pictures.0.push((index, captured.image.clone()));
            },
        );
    }
    for _ in 0..200 {
        step(app)?;
        if app.world().resource::<Pictures>().0.len() == targets.len() {
            break;
        }
    }
    let pictures = std::mem::take(&mut app.world_mut().resource_mut::<Pictures>().0);
    if pictures.len() != targets.len() {
        return Err(format!("{} of {} pictures came back from the graphics device", pictures.len(), targets.len()));
    }
    let mut files = Vec::new();
    for (index, picture) in pictures {
        let path = if targets.len() == 1 { out.to_owned() } else { numbered(out, index) };
        let image = picture.try_into_dynamic().map_err(|e| e.to_string())?;
        image.to_rgb8().save(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        files.push(path);
    }
    files.sort();
    Ok(files)
}

/// `wall.png` → `wall-0.png`.
fn numbered(out: &Path, index: usize) -> PathBuf {
    let stem = out.file_stem().map_or_else(|| "picture".to_owned(), |s| s.to_string_lossy().into_owned());
    out.with_file_name(format!("{stem}-{index}.png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pictures_are_numbered() {
        assert_eq!(numbered(Path::new("/a/wall.png"), 1), Path::new("/a/wall-1.png"));
    }
}
