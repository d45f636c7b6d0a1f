//! The resources, one per kind of truth, each with one writer.

use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use sync_core::LiveState;
use twin_model::{
    CommunityModel, EntityId, Intervention, LayerKind, PropertyId, PropertyTable, RunId, StoreyIndex, TimeMs, ToolMode,
    ViewTime,
};

/// The community. Inserted once the pack has been read.
#[derive(Resource, Debug)]
pub struct Community(pub CommunityModel);

/// Properties and device classes of the pack.
#[derive(Resource, Debug, Default)]
pub struct Properties(pub PropertyTable);

/// Expected seconds between samples of a series, from the binding table.
#[derive(Resource, Debug, Default)]
pub struct Intervals(pub BTreeMap<(EntityId, PropertyId), f64>);

/// The viewer's copy of the live state. Written by the link only.
#[derive(Resource, Debug, Default)]
pub struct Live(pub LiveState);

/// Counts the messages that changed [`Live`], so that readers can tell cheaply whether they are behind.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LiveStamp {
    /// Changes of latest values.
    pub state: u64,
    /// Changes of alarms, cases or runs.
    pub lists: u64,
}

/// Address of the server, without a slash at the end; `None` for a pack opened from a folder.
#[derive(Resource, Debug, Default, Clone)]
pub struct Server(pub Option<String>);

/// The selected entity. Written by commands only.
#[derive(Resource, Debug, Default)]
pub struct Selection(pub Option<EntityId>);

/// The layers that are shown. Written by commands only.
#[derive(Resource, Debug, Clone, PartialEq, Eq)]
pub struct LayerVisibility(pub BTreeSet<LayerKind>);

impl Default for LayerVisibility {
    fn default() -> Self {
        let hidden = [LayerKind::Mesh, LayerKind::DepthDifference, LayerKind::Density];
        Self(LayerKind::ALL.into_iter().filter(|k| !hidden.contains(k)).collect())
    }
}

impl LayerVisibility {
    /// True when the layer is shown.
    #[must_use]
    pub fn shows(&self, kind: LayerKind) -> bool {
        self.0.contains(&kind)
    }

    /// Shows or hides a layer. The oblique mesh replaces terrain, buildings and BIM, and the other way round: showing
    /// one hides what it would lie inside of.
    pub fn set(&mut self, kind: LayerKind, visible: bool) {
        const SOLIDS: [LayerKind; 3] = [LayerKind::Terrain, LayerKind::Buildings, LayerKind::Bim];
        if visible {
            self.0.insert(kind);
        } else {
            self.0.remove(&kind);
        }
        if kind == LayerKind::Mesh {
            for solid in SOLIDS {
                if visible {
                    self.0.remove(&solid);
                } else {
                    self.0.insert(solid);
                }
            }
        } else if visible && SOLIDS.contains(&kind) {
            self.0.remove(&LayerKind::Mesh);
        }
    }
}

/// The instant that the view shows, and whether it advances.
#[derive(Resource, Debug, Default, Clone, PartialEq)]
pub struct ViewClock {
    /// Shown instant.
    pub time: ViewTime,
    /// A run is being played.
    pub playing: bool,
}

/// What a click means.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tool(pub ToolMode);

/// Where a case is about to be reported, ENU metres.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq)]
pub struct CasePoint(pub Option<[f64; 3]>);

/// What the scenario being edited builds.
#[derive(Resource, Debug, Default, Clone, PartialEq)]
pub struct Works {
    /// Points of the one being drawn, ENU metres.
    pub draft: Vec<[f64; 2]>,
    /// Finished ones.
    pub placed: Vec<Intervention>,
}

/// The only storey of an evacuation's building that is shown; `None`: all of them. Written by commands only.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ShownStorey(pub Option<StoreyIndex>);

/// Two runs of a kind that are compared; for floods greatest depths: second minus first.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Comparison(pub Option<(RunId, RunId)>);

/// A line for the person.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Text.
    pub text: String,
    /// True for errors.
    pub error: bool,
    /// When it appeared, viewer's clock.
    pub at: TimeMs,
}

/// Lines for the person; each is shown for some seconds, at most 8 are kept.
#[derive(Resource, Debug, Default)]
pub struct Notices(pub VecDeque<Notice>);

impl Notices {
    /// Seconds that a line stays.
    pub const SHOWN_S: f64 = 6.0;
    const KEPT: usize = 8;

    /// Adds a line; an equal last line is only made young again.
    pub fn push(&mut self, text: impl Into<String>, error: bool, at: TimeMs) {
        let text = text.into();
        if let Some(last) = self.0.back_mut().filter(|n| n.text == text) {
            last.at = at;
            return;
        }
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Notice { text, error, at });
    }
}

/// Where "now" comes from: the edge that owns a clock gives a function.
#[derive(Resource, Clone, Copy, Debug)]
pub struct WallClock(pub fn() -> TimeMs);

/// The present instant, read once per update.
#[derive(Resource, Debug, Default, Clone, Copy)]
pub struct Now {
    /// The viewer's clock.
    pub viewer: TimeMs,
    /// Server clock minus viewer clock, milliseconds; 0 before the first message.
    pub server_offset_ms: i64,
}

impl Now {
    /// The server's present instant, by which ages are counted.
    #[must_use]
    pub fn server(&self) -> TimeMs {
        TimeMs(self.viewer.0.saturating_add(self.server_offset_ms))
    }
}

fn read_clock(clock: Res<WallClock>, mut now: ResMut<Now>) {
    now.viewer = (clock.0)();
}

fn drop_old_notices(now: Res<Now>, mut notices: ResMut<Notices>) {
    while notices.0.front().is_some_and(|n| now.viewer.secs_since(n.at) > Notices::SHOWN_S) {
        notices.0.pop_front();
    }
}

pub(crate) fn register(app: &mut App, clock: WallClock) {
    app.insert_resource(clock)
        .init_resource::<Now>()
        .init_resource::<Properties>()
        .init_resource::<Intervals>()
        .init_resource::<Live>()
        .init_resource::<LiveStamp>()
        .init_resource::<Server>()
        .init_resource::<Selection>()
        .init_resource::<LayerVisibility>()
        .init_resource::<ViewClock>()
        .init_resource::<Tool>()
        .init_resource::<CasePoint>()
        .init_resource::<Works>()
        .init_resource::<Comparison>()
        .init_resource::<ShownStorey>()
        .init_resource::<Notices>()
        .add_systems(Update, (read_clock, drop_old_notices).chain().in_set(crate::TwinSystems::Ingest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mesh_and_solids_exclude_each_other() {
        let mut layers = LayerVisibility::default();
        assert!(layers.shows(LayerKind::Terrain) && !layers.shows(LayerKind::Mesh));
        layers.set(LayerKind::Mesh, true);
        assert!(!layers.shows(LayerKind::Terrain) && !layers.shows(LayerKind::Bim));
        layers.set(LayerKind::Buildings, true);
        assert!(!layers.shows(LayerKind::Mesh) && layers.shows(LayerKind::Buildings));
        layers.set(LayerKind::Mesh, true);
        layers.set(LayerKind::Mesh, false);
        assert!(layers.shows(LayerKind::Terrain));
    }

    #[test]
    fn notices_are_bounded_and_repeat_once() {
        let mut notices = Notices::default();
        for i in 0..20 {
            notices.push(format!("{}", i / 2), false, TimeMs(i));
        }
        assert_eq!(notices.0.len(), 8);
        assert_eq!(notices.0.back().map(|n| (n.text.as_str(), n.at)), Some(("9", TimeMs(19))));
    }
}
