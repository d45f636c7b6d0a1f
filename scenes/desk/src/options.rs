//! What the app is started with.

use std::collections::BTreeSet;
use twin_bevy::{Source, WallClock};
use twin_model::{CameraPose, EntityId, LayerKind, RunId, Scenario, StoreyIndex};
use twin_view::Quality;

/// The font of all text; must have Chinese.
#[derive(Clone)]
pub struct FontBytes {
    /// Contents of a TTF, OTF or TTC file.
    pub bytes: Vec<u8>,
    /// Face within a collection.
    pub index: u32,
}

impl std::fmt::Debug for FontBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FontBytes({} bytes, face {})", self.bytes.len(), self.index)
    }
}

/// One view: a window, or one picture of a capture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ViewOptions {
    /// Title of a wall window.
    pub title: Option<String>,
    /// Where it looks; `None` is the pack's home.
    pub camera: Option<CameraPose>,
    /// Layers of this view alone; `None` follows the switches.
    pub layers: Option<BTreeSet<LayerKind>>,
    /// Size in physical pixels.
    pub size: (u32, u32),
    /// Position on the desktop, physical pixels.
    pub position: Option<(i32, i32)>,
    /// Shows only the picture, no panels.
    pub bare: bool,
}

/// A picture to be written without a display.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureOptions {
    /// PNG file; with several views `-0`, `-1` … is put before the extension.
    pub out: std::path::PathBuf,
    /// Seconds to go on after everything has arrived.
    pub settle_s: f64,
    /// Give up after so many seconds.
    pub timeout_s: f64,
    /// Live state must have arrived first.
    pub wait_live: bool,
}

/// What the view shows at the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StartOptions {
    /// Selected entity.
    pub select: Option<EntityId>,
    /// Fly to the selected entity (when no camera is given).
    pub fly: bool,
    /// Layers to show besides the usual.
    pub show: Vec<LayerKind>,
    /// Layers to hide.
    pub hide: Vec<LayerKind>,
    /// Run to show, and at which simulated second.
    pub run: Option<(RunId, f64)>,
    /// The only storey shown of an evacuation's building, counted from the lowest, 0.
    pub storey: Option<StoreyIndex>,
    /// Runs to compare.
    pub compare: Option<(RunId, RunId)>,
    /// Search text.
    pub query: String,
    /// Open tab: `alarms`, `cases`, `edit`.
    pub tab: Option<twin_ui::RightTab>,
}

/// Everything that the app needs to know.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Pack folder or server.
    pub source: Source,
    /// Font of all text.
    pub font: FontBytes,
    /// Where "now" comes from.
    pub clock: WallClock,
    /// How much work a picture may be.
    pub quality: Quality,
    /// Windows or pictures, at least one.
    pub views: Vec<ViewOptions>,
    /// Several windows that are looked at, not operated.
    pub wall: bool,
    /// Scenario editor, with the scenario to begin with.
    pub edit: Option<Option<Scenario>>,
    /// What is shown at the start.
    pub start: StartOptions,
    /// Write pictures instead of opening windows.
    pub capture: Option<CaptureOptions>,
}
