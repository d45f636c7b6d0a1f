//! How often the view is drawn: as often as it can be. Only where a frame takes long, because the machine draws it without a graphics
//! processor, the view leaves two thirds of the time to others while a run is computed and nobody touches it: on a machine that also
//! is the server, the forecast of a fire needs the cores more than the picture does.

use bevy::input::mouse::{AccumulatedMouseMotion, AccumulatedMouseScroll};
use bevy::prelude::*;
use bevy::winit::{UpdateMode, WinitSettings};
use std::time::Duration;
use twin_bevy::Live;
use twin_model::RunStatus;

/// A frame that takes longer is drawn by the processor, s.
const SLOW_S: f32 = 0.08;
/// Hands are off the view when nothing was touched for so long, s.
const HANDS_OFF_S: f32 = 1.0;
/// From the start of one frame to that of the next, in frames.
const SPACING: f32 = 3.0;
/// And at most, s.
const LONGEST_S: f32 = 1.0;

/// What the pace follows from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Pace {
    /// Time of a frame while nothing is held back, s; smoothed.
    frame_s: f32,
    /// Since the view was touched, s.
    untouched_s: f32,
    /// Frames are held back now.
    held: bool,
}

impl Pace {
    /// Takes in the frame that took `dt_s`; returns the time from one frame to the next to be kept, s, if any.
    fn next(&mut self, dt_s: f32, touched: bool, computing: bool) -> Option<f32> {
        if !self.held {
            self.frame_s = if self.frame_s == 0.0 { dt_s } else { 0.7 * self.frame_s + 0.3 * dt_s };
        }
        self.untouched_s = if touched { 0.0 } else { self.untouched_s + dt_s };
        self.held = computing && self.frame_s > SLOW_S && self.untouched_s > HANDS_OFF_S;
        self.held.then(|| (SPACING * self.frame_s).min(LONGEST_S))
    }
}

fn keep(
    time: Res<Time<Real>>,
    live: Res<Live>,
    buttons: Res<ButtonInput<MouseButton>>,
    keys: Res<ButtonInput<KeyCode>>,
    motion: Res<AccumulatedMouseMotion>,
    scroll: Res<AccumulatedMouseScroll>,
    mut pace: Local<Pace>,
    settings: Option<ResMut<WinitSettings>>,
) {
    let Some(mut settings) = settings else { return };
    let pressed = buttons.get_pressed().next().is_some() || keys.get_pressed().next().is_some();
    let touched = pressed || motion.delta != Vec2::ZERO || scroll.delta != Vec2::ZERO;
    let computing = live.0.runs().any(|r| matches!(r.status, RunStatus::Running { .. }));
    let usual = WinitSettings::default();
    let wanted = match pace.next(time.delta_secs(), touched, computing) {
        Some(every_s) => {
            let mode = UpdateMode::Reactive {
                wait: Duration::from_secs_f32(every_s),
                react_to_device_events: false,
                react_to_user_events: false,
                react_to_window_events: true,
            };
            WinitSettings { focused_mode: mode, unfocused_mode: mode }
        }
        None => usual,
    };
    if (settings.focused_mode, settings.unfocused_mode) != (wanted.focused_mode, wanted.unfocused_mode) {
        *settings = wanted;
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_systems(Last, keep);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_view_is_never_held_back() {
        let mut pace = Pace::default();
        assert!((0..500).all(|_| pace.next(1.0 / 60.0, false, true).is_none()));
    }

    #[test]
    fn a_slow_one_yields_while_something_is_computed_and_nobody_touches_it() {
        let mut pace = Pace::default();
        let mut run = |touched, computing| (0..12).map(|_| pace.next(0.25, touched, computing)).last().flatten();
        assert_eq!(run(false, false), None);
        assert!(run(false, true).is_some_and(|s| (s - 0.75).abs() < 0.01));
        assert_eq!(run(true, true), None, "a hand on the view gets every frame");
        assert!(run(false, true).is_some());
        assert_eq!(run(false, false), None);
        // While frames are held back their distance says nothing about what they cost.
        let mut pace = Pace { frame_s: 0.25, untouched_s: 9.0, held: true };
        assert_eq!(pace.next(5.0, false, true), Some(0.75));
    }
}
