//! The viewer app (沙盘视图), for native windows, pictures without a display, and the browser: one function,
//! [`app`], from [`AppOptions`] to a Bevy app.

mod bridge;
#[cfg(not(target_arch = "wasm32"))]
mod capture;
mod host;
mod input;
#[cfg(not(target_arch = "wasm32"))]
mod local;
mod model;
mod model_evac;
mod options;
mod pace;
#[cfg(not(target_arch = "wasm32"))]
pub mod wall;

#[cfg(not(target_arch = "wasm32"))]
pub use local::ThreadEngine;

pub use bridge::{Bridge, BridgeStatus, StatusWritten};
pub use options::{AppOptions, CaptureOptions, FontBytes, StartOptions, ViewOptions};

use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::window::{ExitCondition, PresentMode, WindowPlugin, WindowResolution};
use twin_bevy::TwinPlugin;
use twin_view::ViewPlugin;

/// Builds the app. Run it with `App::run`, or with [`capture_pictures`] when pictures were asked for.
#[must_use]
pub fn app(options: AppOptions) -> App {
    let mut app = App::new();
    let capture = options.capture.is_some();
    let plugins = DefaultPlugins
        .set(window_plugin(&options))
        .set(RenderPlugin { synchronous_pipeline_compilation: capture, ..default() })
        .set(bevy::log::LogPlugin {
            filter: "warn,wgpu=error,naga=error,bevy_render::renderer=error,bevy_app=error".to_owned(),
            ..default()
        });
    #[cfg(not(target_arch = "wasm32"))]
    let plugins = if capture {
        plugins
            .disable::<bevy::winit::WinitPlugin>()
            .disable::<bevy::render::pipelined_rendering::PipelinedRenderingPlugin>()
    } else {
        plugins
    };
    app.add_plugins(plugins);
    app.add_plugins(TwinPlugin { source: options.source.clone(), clock: options.clock });
    app.add_plugins(ViewPlugin { quality: options.quality });
    #[cfg(not(target_arch = "wasm32"))]
    if let twin_bevy::Source::PackDir(dir) = &options.source {
        let engine = Box::new(local::ThreadEngine::new(dir.clone()));
        app.world_mut().insert_non_send(twin_bevy::LocalRunner(engine));
    }
    app.insert_resource(twin_view::InstantFlights(capture));
    host::register(&mut app, &options);
    input::register(&mut app);
    bridge::register(&mut app);
    pace::register(&mut app);
    #[cfg(not(target_arch = "wasm32"))]
    if let Some(capture) = options.capture.clone() {
        capture::register(&mut app, capture);
    }
    app
}

fn window_plugin(options: &AppOptions) -> WindowPlugin {
    if options.capture.is_some() {
        return WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
    }
    let window = options.views.first().map(|view| window_of(view)).unwrap_or_default();
    WindowPlugin { primary_window: Some(window), ..default() }
}

pub(crate) fn window_of(view: &ViewOptions) -> Window {
    let (width, height) = view.size;
    Window {
        title: view.title.as_ref().map_or_else(|| "电子沙盘".to_owned(), |t| format!("电子沙盘 · {t}")),
        name: Some("sandtable".to_owned()),
        resolution: WindowResolution::new(width.max(320), height.max(240)),
        position: view.position.map_or(WindowPosition::Automatic, |(x, y)| WindowPosition::At(IVec2::new(x, y))),
        present_mode: PresentMode::AutoVsync,
        canvas: cfg!(target_arch = "wasm32").then(|| "#sandtable".to_owned()),
        fit_canvas_to_parent: true,
        prevent_default_event_handling: true,
        ..default()
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use capture::capture_pictures;
