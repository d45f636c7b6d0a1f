//! Pointer and keys: what panels do not take moves the camera or picks.

use crate::host::Ui;
use bevy::input::mouse::{AccumulatedMouseMotion, AccumulatedMouseScroll, MouseScrollUnit};
use bevy::prelude::*;
use bevy::window::{PrimaryWindow, WindowFocused};
use bevy_egui::input::EguiWantsInput;
use twin_bevy::{CasePoint, CommandIssued, Tool, TwinSystems, Works};
use twin_model::{Command, ToolMode, ViewCommand};
use twin_ui::RightTab;
use twin_view::{OrbitInput, Picker, ViewCamera};

/// A press that is still down.
#[derive(Default)]
struct Press {
    at: Option<Vec2>,
    /// It began on a panel.
    on_panel: bool,
    moved_px: f32,
}

/// Movement below which a press is a click, logical pixels.
const CLICK_PX: f32 = 5.0;

fn drive(
    buttons: Res<ButtonInput<MouseButton>>,
    keys: Res<ButtonInput<KeyCode>>,
    motion: Res<AccumulatedMouseMotion>,
    scroll: Res<AccumulatedMouseScroll>,
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    wants: Res<EguiWantsInput>,
    cameras: Query<(&ViewCamera, &Camera, &GlobalTransform)>,
    picker: Picker,
    mut press: Local<Press>,
    mut orbit: ResMut<OrbitInput>,
    mut clicks: MessageWriter<Click>,
    mut issued: MessageWriter<CommandIssued>,
) {
    let mut input = OrbitInput::default();
    let Some(window) = window else { return };
    let cursor = window.cursor_position();
    let over_panel = wants.wants_pointer_input() || wants.is_pointer_over_area();
    let any = [MouseButton::Left, MouseButton::Right, MouseButton::Middle];
    if any.iter().any(|b| buttons.just_pressed(*b)) {
        *press = Press { at: cursor, on_panel: over_panel, moved_px: 0.0 };
    }
    press.moved_px += motion.delta.length();
    if !press.on_panel && press.at.is_some() {
        let shift = keys.pressed(KeyCode::ShiftLeft) || keys.pressed(KeyCode::ShiftRight);
        if buttons.pressed(MouseButton::Left) && !shift && press.moved_px >= CLICK_PX {
            input.orbit_px = motion.delta;
        } else if buttons.pressed(MouseButton::Right)
            || buttons.pressed(MouseButton::Middle)
            || (shift && buttons.pressed(MouseButton::Left))
        {
            input.pan_px = motion.delta;
        }
    }
    let camera = cameras.iter().find(|(view, ..)| view.index == 0).map(|(_, camera, transform)| (camera, transform));
    let ray = cursor.zip(camera).and_then(|(at, (camera, transform))| camera.viewport_to_world(transform, at).ok());
    if buttons.just_released(MouseButton::Left) {
        if !press.on_panel
            && press.moved_px < CLICK_PX
            && let Some(at) = cursor
        {
            clicks.write(Click { at, double: false });
        }
        press.at = None;
    }
    if scroll.delta.y != 0.0 && !over_panel {
        input.zoom = match scroll.unit {
            MouseScrollUnit::Line => scroll.delta.y,
            MouseScrollUnit::Pixel => scroll.delta.y / 60.0,
        };
        input.zoom_at = ray.and_then(|ray| picker.surface(ray));
    }
    if !wants.wants_keyboard_input() {
        input.keys = key_motion(&keys);
        let mut view = |command| {
            issued.write(CommandIssued(Command::View(command)));
        };
        if keys.just_pressed(KeyCode::Home) {
            view(ViewCommand::Home);
        }
        if keys.just_pressed(KeyCode::Escape) {
            view(ViewCommand::SetTool(ToolMode::Pick));
        }
    }
    if *orbit != input {
        *orbit = input;
    }
}

fn key_motion(keys: &ButtonInput<KeyCode>) -> Vec3 {
    let axis = |plus: [KeyCode; 2], minus: [KeyCode; 2]| {
        f32::from(i8::from(keys.any_pressed(plus)) - i8::from(keys.any_pressed(minus)))
    };
    Vec3::new(
        axis([KeyCode::KeyD, KeyCode::ArrowRight], [KeyCode::KeyA, KeyCode::ArrowLeft]),
        axis([KeyCode::KeyW, KeyCode::ArrowUp], [KeyCode::KeyS, KeyCode::ArrowDown]),
        axis([KeyCode::KeyE, KeyCode::PageDown], [KeyCode::KeyQ, KeyCode::PageUp]),
    )
}

/// A click on the picture of the first view, in logical pixels.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
pub(crate) struct Click {
    pub(crate) at: Vec2,
    pub(crate) double: bool,
}

fn click(
    mut clicks: MessageReader<Click>,
    cameras: Query<(&ViewCamera, &Camera, &GlobalTransform)>,
    picker: Picker,
    tool: Res<Tool>,
    mut works: ResMut<Works>,
    mut case_point: ResMut<CasePoint>,
    mut ui: ResMut<Ui>,
    mut issued: MessageWriter<CommandIssued>,
) {
    for click in clicks.read() {
        let Some((_, camera, transform)) = cameras.iter().find(|(view, ..)| view.index == 0) else { continue };
        let Some(pick) = picker.pick(camera, transform, click.at) else { continue };
        match tool.0 {
            ToolMode::Pick => {
                if pick.entity.is_some() {
                    ui.0.tab = RightTab::Selection;
                }
                issued.write(CommandIssued(Command::View(ViewCommand::Select(pick.entity))));
            }
            ToolMode::Draw => {
                if let Some(p) = pick.p_enu {
                    works.draft.push([p[0], p[1]]);
                }
            }
            ToolMode::PlaceCase => {
                case_point.0 = pick.p_enu;
                issued.write(CommandIssued(Command::View(ViewCommand::Select(pick.entity))));
            }
        }
    }
}

/// Keys stay pressed when the window loses the focus while they are down.
fn release_on_blur(mut focus: MessageReader<WindowFocused>, mut keys: ResMut<ButtonInput<KeyCode>>) {
    if focus.read().any(|f| !f.focused) {
        keys.release_all();
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_message::<Click>().add_systems(Update, (release_on_blur, drive, click).chain().in_set(TwinSystems::Ingest));
}
