//! The browser door (网页端): the same app as `sandtable-desk`, started by `static/loader.js` with the font's bytes.
//!
//! The server is the page's own origin. Scripts and tests use `window.sandtable` (see this crate's README).

#[cfg(target_arch = "wasm32")]
mod local;

#[cfg(target_arch = "wasm32")]
mod door {
    use bevy::prelude::*;
    use desk::{AppOptions, Bridge, FontBytes, StartOptions, ViewOptions};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use twin_bevy::{Source, WallClock};
    use twin_model::TimeMs;
    use twin_view::Quality;
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = Date, js_name = now)]
        fn date_now() -> f64;
    }

    /// Commands wait here between frames; more than these are refused.
    const WAITING: usize = 256;

    thread_local! {
        static COMMANDS: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
        static STATUS: RefCell<String> = const { RefCell::new(String::new()) };
        static WANTED: RefCell<bool> = const { RefCell::new(true) };
    }

    fn now() -> TimeMs {
        TimeMs(date_now() as i64)
    }

    /// Starts the viewer on the canvas `#sandtable`. `font`: bytes of a TTF or OTF with Chinese; `server`: origin of
    /// the server; `quality`: `low` or `high`; `edit`: open the scenario editor.
    #[wasm_bindgen]
    pub fn run(font: Vec<u8>, server: String, quality: String, edit: bool) {
        let options = AppOptions {
            source: Source::Server(server),
            font: FontBytes { bytes: font, index: 0 },
            clock: WallClock(now),
            quality: if quality == "low" { Quality::Low } else { Quality::High },
            views: vec![ViewOptions { size: (1280, 720), ..Default::default() }],
            wall: false,
            edit: edit.then_some(None),
            start: StartOptions::default(),
            capture: None,
        };
        let mut app = desk::app(options);
        app.world_mut().insert_non_send(twin_bevy::LocalRunner(Box::new(crate::local::WorkerEngine)));
        app.add_systems(First, hand_over).add_systems(Last, report.after(desk::StatusWritten)).run();
    }

    /// Hands over commands before the frame that carries them out.
    fn hand_over(mut bridge: ResMut<Bridge>) {
        COMMANDS.with_borrow_mut(|commands| {
            while let Some(command) = commands.pop_front() {
                if !bridge.push(command) {
                    break;
                }
            }
        });
    }

    /// Writes the status when a script has asked since the last frame.
    fn report(bridge: Res<Bridge>) {
        let wanted = WANTED.replace(false);
        if wanted && let Ok(json) = serde_json::to_string(&bridge.status) {
            STATUS.set(json);
        }
    }

    /// Status of the last frame as JSON; empty before the first. Asking has it written again in the next frame.
    #[wasm_bindgen]
    pub fn sandtable_status() -> String {
        WANTED.set(true);
        STATUS.with_borrow(Clone::clone)
    }

    /// Queues a command given as JSON. False when too many wait.
    #[wasm_bindgen]
    pub fn sandtable_command(json: String) -> bool {
        COMMANDS.with_borrow_mut(|commands| {
            let room = commands.len() < WAITING;
            if room {
                commands.push_back(json);
            }
            room
        })
    }
}
