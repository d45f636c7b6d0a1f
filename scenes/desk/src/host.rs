//! Cameras, windows and panels: what connects view and panels to the state.

use crate::model::{ModelParams, Panels};
use crate::options::{AppOptions, FontBytes, StartOptions, ViewOptions};
use bevy::camera::RenderTarget;
use bevy::ecs::schedule::ScheduleLabel;
use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy::window::WindowRef;
use bevy_egui::{
    EguiContext, EguiGlobalSettings, EguiPlugin, EguiPrimaryContextPass, EguiSchedule, PrimaryEguiContext, egui,
};
use twin_bevy::{CommandIssued, LoadProgress, TwinSystems};
use twin_model::{Command, ViewCommand, ViewTime};
use twin_ui::{PanelSet, UiState, ViewModel};
use twin_view::{KeepPose, OrbitCamera, Quality, ViewCamera};

/// Panels of the windows beside the first.
#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct WallPass(usize);

/// Texts, tabs and forms of the panels.
#[derive(Resource, Default)]
pub(crate) struct Ui(pub(crate) UiState);

/// The view-model of this frame.
#[derive(Resource, Default)]
pub(crate) struct Model(pub(crate) ViewModel);

/// Which panels the first window has, and the views' titles.
#[derive(Resource)]
pub(crate) struct Frames {
    set: PanelSet,
    titles: Vec<Option<String>>,
    bare: Vec<bool>,
}

/// Images that cameras draw into when there are no windows.
#[derive(Resource, Default)]
pub(crate) struct Targets(pub(crate) Vec<Handle<Image>>);

#[derive(Resource)]
struct Font(std::sync::Arc<egui::FontData>);

#[derive(Resource)]
struct Views {
    views: Vec<ViewOptions>,
    offscreen: bool,
}

#[derive(Resource)]
struct Start(StartOptions);

fn spawn_cameras(
    mut commands: Commands,
    views: Res<Views>,
    quality: Res<Quality>,
    mut images: ResMut<Assets<Image>>,
    mut targets: ResMut<Targets>,
) {
    for (index, view) in views.views.iter().enumerate() {
        let bundle = twin_view::camera_bundle(&mut images, *quality);
        let orbit = view.camera.as_ref().map_or_else(OrbitCamera::default, OrbitCamera::from_pose);
        let seen = ViewCamera { index, layers: view.layers.clone(), scale: 1.0 };
        let mut camera = commands.spawn((bundle, orbit, seen));
        if view.camera.is_some() {
            camera.insert(KeepPose);
        }
        if index == 0 {
            camera.insert(PrimaryEguiContext);
        } else {
            camera.insert(EguiSchedule::new(WallPass(index)));
        }
        if views.offscreen {
            let (width, height) = view.size;
            let image = Image::new_target_texture(width.max(64), height.max(64), TextureFormat::Rgba8UnormSrgb, None);
            let handle = images.add(image);
            targets.0.push(handle.clone());
            camera.insert(RenderTarget::Image(handle.into()));
        } else if index > 0 {
            let camera = camera.id();
            let window = commands.spawn(crate::window_of(view)).id();
            commands.entity(camera).insert(RenderTarget::Window(WindowRef::Entity(window)));
        }
    }
}

/// Gives each new context the font and the look, before its first pass.
fn prepare_contexts(mut contexts: Query<&mut EguiContext, Added<EguiContext>>, font: Res<Font>) {
    for mut context in &mut contexts {
        let ctx = context.get_mut();
        let mut fonts = egui::FontDefinitions::empty();
        fonts.font_data.insert("sandtable".to_owned(), font.0.clone());
        for family in [egui::FontFamily::Proportional, egui::FontFamily::Monospace] {
            fonts.families.insert(family, vec!["sandtable".to_owned()]);
        }
        ctx.set_fonts(fonts);
        twin_ui::apply_theme(ctx);
    }
}

fn show_panels(
    mut context: Single<&mut EguiContext, With<PrimaryEguiContext>>,
    frames: Res<Frames>,
    model: Res<Model>,
    mut ui: ResMut<Ui>,
    mut issued: MessageWriter<CommandIssued>,
    labels: Panels,
) {
    let ctx = context.get_mut();
    let mut commands: Vec<Command> = Vec::new();
    let set = if frames.bare.first() == Some(&true) { PanelSet::None } else { frames.set };
    labels.paint(ctx, 0, set);
    let title = frames.titles.first().and_then(Option::as_deref);
    twin_ui::layout(ctx, set, title, &model.0, &mut ui.0, &mut commands);
    issued.write_batch(commands.into_iter().map(CommandIssued));
}

fn show_wall(
    index: usize,
    mut contexts: Query<(&mut EguiContext, &ViewCamera)>,
    frames: Res<Frames>,
    model: Res<Model>,
    labels: Panels,
) {
    let Some((mut context, _)) = contexts.iter_mut().find(|(_, view)| view.index == index) else { return };
    let ctx = context.get_mut();
    let set = if frames.bare.get(index) == Some(&true) { PanelSet::None } else { PanelSet::Wall };
    labels.paint(ctx, index, set);
    let title = frames.titles.get(index).and_then(Option::as_deref);
    // A wall window has nothing to operate: no state, no commands.
    let (mut nothing, mut none) = (UiState::default(), Vec::new());
    twin_ui::layout(ctx, set, title, &model.0, &mut nothing, &mut none);
}

fn build_model(params: ModelParams, ui: Res<Ui>, mut model: ResMut<Model>) {
    model.0 = params.build(&ui.0);
}

/// Issues what was asked for on the command line once the pack is there.
fn begin(
    start: Res<Start>,
    progress: Res<LoadProgress>,
    mut done: Local<bool>,
    mut issued: MessageWriter<CommandIssued>,
) {
    if *done || *progress != LoadProgress::Ready {
        return;
    }
    *done = true;
    let start = &start.0;
    let mut view = |command| {
        issued.write(CommandIssued(Command::View(command)));
    };
    for kind in &start.show {
        view(ViewCommand::SetLayerVisible(*kind, true));
    }
    for kind in &start.hide {
        view(ViewCommand::SetLayerVisible(*kind, false));
    }
    if let Some(id) = start.select {
        view(ViewCommand::Select(Some(id)));
        if start.fly {
            view(ViewCommand::FlyTo(id));
        }
    }
    if let Some((run, t_s)) = start.run {
        view(ViewCommand::SetTime(ViewTime::Run { run, t_s }));
    }
    if start.storey.is_some() {
        view(ViewCommand::ShowStorey(start.storey));
    }
    if let Some((a, b)) = start.compare {
        view(ViewCommand::CompareRuns(a, b));
    }
}

fn font_data(font: &FontBytes) -> std::sync::Arc<egui::FontData> {
    let mut data = egui::FontData::from_owned(font.bytes.clone());
    data.index = font.index;
    std::sync::Arc::new(data)
}

pub(crate) fn register(app: &mut App, options: &AppOptions) {
    let mut ui = UiState { query: options.start.query.clone(), ..Default::default() };
    if let Some(tab) = options.start.tab {
        ui.tab = tab;
    }
    if let Some(scenario) = &options.edit {
        ui.tab = twin_ui::RightTab::Edit;
        if let Some(scenario) = scenario {
            ui.form = twin_ui::ScenarioForm::from_scenario(scenario);
            app.world_mut().resource_mut::<twin_bevy::Works>().placed = scenario.interventions.clone();
        }
    }
    app.add_plugins(EguiPlugin::default())
        .insert_resource(EguiGlobalSettings { auto_create_primary_context: false, ..default() })
        .insert_resource(Font(font_data(&options.font)))
        .insert_resource(Views { views: options.views.clone(), offscreen: options.capture.is_some() })
        .insert_resource(Start(options.start.clone()))
        .insert_resource(Frames {
            set: if options.wall { PanelSet::Wall } else { PanelSet::Full },
            titles: options.views.iter().map(|v| v.title.clone()).collect(),
            bare: options.views.iter().map(|v| v.bare).collect(),
        })
        .insert_resource(Ui(ui))
        .init_resource::<Model>()
        .init_resource::<Targets>()
        .add_systems(Startup, spawn_cameras)
        .add_systems(PostStartup, prepare_contexts)
        .add_systems(PreUpdate, prepare_contexts)
        .add_systems(Update, begin.in_set(TwinSystems::Ingest))
        .add_systems(PostUpdate, build_model.before(bevy_egui::EguiPostUpdateSet::EndPass))
        .add_systems(EguiPrimaryContextPass, show_panels);
    for index in 1..options.views.len() {
        let system = move |contexts: Query<(&mut EguiContext, &ViewCamera)>,
                           frames: Res<Frames>,
                           model: Res<Model>,
                           labels: Panels| show_wall(index, contexts, frames, model, labels);
        app.add_systems(WallPass(index), system);
    }
}
