//! The walk over the tree.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::tree::{TileId, TileNode, TileTree};
use super::view::View;
use crate::tileset::Refine;

/// What the caller has of a tile's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadState {
    /// Nothing.
    #[default]
    Unloaded,
    /// It is being loaded; `bytes` is what it will take, at most.
    Loading {
        /// Upper bound of the size, bytes.
        bytes: u64,
    },
    /// It can be drawn at once.
    Ready {
        /// Size in memory, bytes.
        bytes: u64,
    },
    /// It cannot be loaded; what is above it stays.
    Failed,
}

/// Limit of what loaded and loading contents take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit, bytes. Counts what [`LoadState`]s say, not the tree itself.
    pub max_bytes: u64,
}

impl Budget {
    /// Whether content of that size may be kept, on top of what the states say. To be asked when content turns out
    /// larger than estimated.
    #[must_use]
    pub fn admits(&self, states: &[LoadState], bytes: u64) -> bool {
        used_bytes(states).saturating_add(bytes) <= self.max_bytes
    }
}

/// How tiles are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Largest screen-space error that is left as it is, pixels.
    pub max_sse_px: f64,
    /// Most contents that are loading at one time.
    pub max_loads: usize,
    /// Size assumed for content whose size is not known, bytes. Should not be below the largest tile.
    pub default_tile_bytes: u64,
    /// Load the neighbours outside the view too, while there is room.
    pub preload_siblings: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_sse_px: 16.0, max_loads: 20, default_tile_bytes: 4 << 20, preload_siblings: true }
    }
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Tiles to draw; all of them are ready.
    pub render: Vec<TileId>,
    /// Tiles to load and their priority, most urgent first; smaller is more urgent. Below 1e9: nothing is drawn
    /// there yet. From 1e9: finer detail. From 2e9: in advance. Within a group the value is
    /// `(1 - cos(angle off the line of sight)) · distance`.
    pub load: Vec<(TileId, f64)>,
    /// Tiles to drop **before** loading, longest unneeded first.
    pub evict: Vec<TileId>,
    /// Tiles whose loading is no longer of use.
    pub cancel: Vec<TileId>,
    /// The screen-space error that the limit allows: the setting, or more when memory does not suffice, pixels.
    pub effective_sse_px: f64,
    /// Whether the limit made the picture coarser.
    pub limited: bool,
    /// Tiles that the picture waits for; 0 when it is final for these views (tiles that failed are not waited for).
    pub pending: usize,
    /// What loaded and loading contents take once `evict` and `load` are done, bytes.
    pub planned_bytes: u64,
}

/// Chooses tiles, call by call. Equal calls give equal results.
///
/// Refinement goes by screen-space error from the coarsest tile down, always where the error is largest, until every
/// error is below the setting **or the next refinement would not fit the limit**: memory makes the picture coarser, it
/// is never passed. All tiles on the way down count, so that a parent can stay drawn until its children are ready.
#[derive(Debug, Clone)]
pub struct Selector {
    /// How tiles are chosen.
    pub settings: Settings,
    frame: u64,
    /// Frame in which a tile was last needed.
    needed: Vec<u64>,
    /// Frame in which a tile was last to be refined.
    refined: Vec<u64>,
}

/// A step of refinement that is waiting for room.
#[derive(PartialEq)]
struct Step {
    /// Part of what must be there for anything to be drawn.
    must: bool,
    sse: f64,
    tile: TileId,
    /// Take this tile in; otherwise go below it.
    enter: bool,
}

impl Eq for Step {}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_error = self.must.cmp(&other.must).then(self.sse.total_cmp(&other.sse));
        by_error.then(other.tile.cmp(&self.tile)).then(self.enter.cmp(&other.enter))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How urgent a load is.
#[derive(Clone, Copy, PartialEq)]
enum Group {
    Urgent,
    Normal,
    Preload,
}

/// One call's input and growing output.
struct Pass<'a> {
    tree: &'a TileTree,
    states: &'a [LoadState],
    views: &'a [View],
    loads: Vec<(TileId, f64)>,
    render: Vec<TileId>,
}

impl Pass<'_> {
    fn state(&self, id: TileId) -> LoadState {
        self.states.get(id.index()).copied().unwrap_or_default()
    }

    fn visible(&self, tile: &TileNode) -> bool {
        self.views.iter().any(|view| view.sees(&tile.volume))
    }

    /// Largest error over the views that see the tile.
    fn sse(&self, tile: &TileNode) -> f64 {
        let seen = self.views.iter().filter(|view| view.sees(&tile.volume));
        seen.map(|view| view.screen_space_error(tile.geometric_error, tile.volume.distance(view.position_enu)))
            .fold(0.0, f64::max)
    }

    fn request(&mut self, id: TileId, tile: &TileNode, group: Group) {
        if self.state(id) != LoadState::Unloaded {
            return;
        }
        let one = |view: &View| {
            let offset = tile.volume.center - view.position_enu;
            let cos = offset.normalize_or(view.direction_enu).dot(view.direction_enu);
            (1.0 - cos) * tile.volume.distance(view.position_enu)
        };
        let base = match group {
            Group::Urgent => 0.0,
            Group::Normal => 1e9,
            Group::Preload => 2e9,
        };
        let value = self.views.iter().map(one).fold(f64::INFINITY, f64::min).clamp(0.0, 1e9 - 1.0);
        self.loads.push((id, base + value));
    }
}

/// What all states together take, bytes.
fn used_bytes(states: &[LoadState]) -> u64 {
    states.iter().fold(0, |sum, state| match state {
        LoadState::Loading { bytes } | LoadState::Ready { bytes } => sum.saturating_add(*bytes),
        LoadState::Unloaded | LoadState::Failed => sum,
    })
}

impl Selector {
    /// A selector that has seen nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, frame: 0, needed: Vec::new(), refined: Vec::new() }
    }

    /// Chooses tiles for all views together (a wall of displays, say). `states` runs parallel to the tree; what it
    /// lacks is unloaded.
    pub fn select(&mut self, tree: &TileTree, states: &[LoadState], views: &[View], budget: Budget) -> Selection {
        self.frame += 1;
        self.needed.resize(tree.len(), 0);
        self.refined.resize(tree.len(), 0);
        let mut pass = Pass { tree, states, views, loads: Vec::new(), render: Vec::new() };
        let mut out = Selection { effective_sse_px: self.settings.max_sse_px, ..Selection::default() };
        self.cut(&pass, budget, &mut out);
        self.visit(&mut pass, tree.root(), false);
        out.pending = tree.iter().filter(|(id, tile)| self.is_needed(*id) && self.awaited(&pass, *id, tile)).count();
        self.plan(&mut pass, budget, &mut out);
        out.render = pass.render;
        out
    }

    fn is_needed(&self, id: TileId) -> bool {
        self.needed.get(id.index()) == Some(&self.frame)
    }

    fn is_refined(&self, id: TileId) -> bool {
        self.refined.get(id.index()) == Some(&self.frame)
    }

    fn mark(list: &mut [u64], id: TileId, frame: u64) {
        if let Some(slot) = list.get_mut(id.index()) {
            *slot = frame;
        }
    }

    /// The picture will change when this tile's own content arrives.
    fn awaited(&self, pass: &Pass<'_>, id: TileId, tile: &TileNode) -> bool {
        let state = pass.state(id);
        let drawn = !self.is_refined(id) || tile.refine == Refine::Add;
        let model = drawn && tile.has_model() && !matches!(state, LoadState::Ready { .. });
        (model || tile.is_unattached()) && state != LoadState::Failed
    }

    /// What a tile's content takes, measured or assumed.
    fn bytes(&self, pass: &Pass<'_>, id: TileId, tile: &TileNode) -> u64 {
        if !tile.has_model() {
            return 0;
        }
        match pass.state(id) {
            LoadState::Loading { bytes } | LoadState::Ready { bytes } => bytes,
            LoadState::Unloaded | LoadState::Failed => tile.bytes.unwrap_or(self.settings.default_tile_bytes),
        }
    }

    /// Decides what is needed and what is refined, largest error first, within the limit.
    fn cut(&mut self, pass: &Pass<'_>, budget: Budget, out: &mut Selection) {
        let mut heap = BinaryHeap::new();
        let mut total = 0_u64;
        let root = pass.tree.root();
        if pass.tree.get(root).is_some_and(|tile| pass.visible(tile)) {
            heap.push(Step { must: true, sse: f64::INFINITY, tile: root, enter: true });
        }
        while let Some(step) = heap.pop() {
            let Some(tile) = pass.tree.get(step.tile) else { continue };
            let adds = tile.refine == Refine::Add && !step.enter;
            let cost = match (step.enter, adds) {
                (true, _) => self.bytes(pass, step.tile, tile),
                (false, true) => 0,
                (false, false) => self
                    .visible_children(pass, tile)
                    .map(|(id, child)| self.cover_bytes(pass, id, child))
                    .fold(0, u64::saturating_add),
            };
            if total.saturating_add(cost) > budget.max_bytes {
                out.limited = true;
                out.effective_sse_px = out.effective_sse_px.max(step.sse);
                break;
            }
            total += cost;
            if step.enter {
                self.enter(pass, step.tile, tile, &mut heap);
                continue;
            }
            Self::mark(&mut self.refined, step.tile, self.frame);
            let children: Vec<_> = self.visible_children(pass, tile).collect();
            for (id, child) in children {
                if adds {
                    heap.push(Step { must: false, sse: step.sse, tile: id, enter: true });
                } else {
                    self.enter_cover(pass, id, child, &mut heap);
                }
            }
        }
    }

    fn visible_children<'t>(
        &self,
        pass: &Pass<'t>,
        tile: &'t TileNode,
    ) -> impl Iterator<Item = (TileId, &'t TileNode)> + use<'t> {
        let (tree, views) = (pass.tree, pass.views);
        let children = tile.children.iter().filter_map(move |id| tree.get(*id).map(|child| (*id, child)));
        children.filter(move |(_, child)| views.iter().any(|view| view.sees(&child.volume)))
    }

    /// Takes a tile in and queues what may follow it.
    fn enter(&mut self, pass: &Pass<'_>, id: TileId, tile: &TileNode, heap: &mut BinaryHeap<Step>) {
        Self::mark(&mut self.needed, id, self.frame);
        if tile.children.is_empty() {
            return;
        }
        if tile.has_model() {
            let sse = pass.sse(tile);
            if sse > self.settings.max_sse_px {
                heap.push(Step { must: false, sse, tile: id, enter: false });
            }
            return;
        }
        // Nothing to draw here: what is below is needed in any case, nearest first.
        Self::mark(&mut self.refined, id, self.frame);
        for (child_id, child) in self.visible_children(pass, tile) {
            heap.push(Step { must: true, sse: pass.sse(child), tile: child_id, enter: true });
        }
    }

    /// Bytes of what must be ready below a replaced parent: the tile, or the first drawable tiles below it.
    fn cover_bytes(&self, pass: &Pass<'_>, id: TileId, tile: &TileNode) -> u64 {
        if tile.has_model() || tile.children.is_empty() {
            return self.bytes(pass, id, tile);
        }
        self.visible_children(pass, tile)
            .map(|(id, child)| self.cover_bytes(pass, id, child))
            .fold(0, u64::saturating_add)
    }

    /// Takes in what [`Self::cover_bytes`] counted.
    fn enter_cover(&mut self, pass: &Pass<'_>, id: TileId, tile: &TileNode, heap: &mut BinaryHeap<Step>) {
        if tile.has_model() || tile.children.is_empty() {
            self.enter(pass, id, tile, heap);
            return;
        }
        Self::mark(&mut self.needed, id, self.frame);
        Self::mark(&mut self.refined, id, self.frame);
        let children: Vec<_> = self.visible_children(pass, tile).collect();
        for (id, child) in children {
            self.enter_cover(pass, id, child, heap);
        }
    }

    /// Draws what is ready and asks for what is not. True when everything that is needed here is drawn, so that what
    /// is above may go. `covered` tells that something above is ready to be drawn instead.
    fn visit(&self, pass: &mut Pass<'_>, id: TileId, covered: bool) -> bool {
        let Some(tile) = pass.tree.get(id) else { return true };
        if !self.is_needed(id) {
            // outside the views, or additional detail that the limit leaves out
            return true;
        }
        let ready = tile.has_model() && matches!(pass.state(id), LoadState::Ready { .. });
        let group = if covered { Group::Normal } else { Group::Urgent };
        if tile.is_unattached() {
            pass.request(id, tile, group);
        }
        if !self.is_refined(id) || tile.refine == Refine::Add {
            if ready {
                pass.render.push(id);
            } else if tile.has_model() {
                pass.request(id, tile, group);
            }
        }
        let own = (ready || !tile.has_model()) && !tile.is_unattached();
        if !self.is_refined(id) {
            return own;
        }
        let start = pass.render.len();
        let mut all = true;
        for child in &tile.children {
            // no short cut: every child must get the chance to ask for its content
            all &= self.visit(pass, *child, covered || ready);
        }
        self.preload(pass, tile);
        if tile.refine == Refine::Add && tile.has_model() {
            return own;
        }
        if all {
            return own || tile.has_model();
        }
        if ready {
            pass.render.truncate(start);
            pass.render.push(id);
            return true;
        }
        if tile.has_model() {
            pass.request(id, tile, if covered { Group::Preload } else { Group::Urgent });
        }
        false
    }

    fn preload(&self, pass: &mut Pass<'_>, tile: &TileNode) {
        if !self.settings.preload_siblings || tile.refine == Refine::Add {
            return;
        }
        let tree = pass.tree;
        for id in &tile.children {
            if let Some(child) = tree.get(*id).filter(|child| !self.is_needed(*id) && child.has_model()) {
                pass.request(*id, child, Group::Preload);
            }
        }
    }

    /// Fits loads into the limit, dropping what was not needed for longest.
    fn plan(&self, pass: &mut Pass<'_>, budget: Budget, out: &mut Selection) {
        let mut used = used_bytes(pass.states);
        let mut old: Vec<(u64, TileId, u64)> = Vec::new();
        let mut loading = 0_usize;
        for (id, tile) in pass.tree.iter() {
            match pass.state(id) {
                LoadState::Ready { bytes } if !self.is_needed(id) => {
                    old.push((self.needed.get(id.index()).copied().unwrap_or(0), id, bytes))
                }
                LoadState::Loading { .. } => {
                    loading += 1;
                    if !self.is_needed(id) && !tile.parent.is_some_and(|parent| self.is_refined(parent)) {
                        out.cancel.push(id);
                    }
                }
                _ => {}
            }
        }
        old.sort_unstable();
        let mut freeable: u64 = old.iter().map(|(_, _, bytes)| *bytes).sum();
        let mut old = old.into_iter();
        let mut free = |used: &mut u64, freeable: &mut u64, limit: u64| {
            while *used > limit {
                let Some((_, id, bytes)) = old.next() else { return };
                *used -= bytes;
                *freeable -= bytes;
                out.evict.push(id);
            }
        };
        free(&mut used, &mut freeable, budget.max_bytes);
        let mut loads = std::mem::take(&mut pass.loads);
        loads.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        loads.dedup_by_key(|load| load.0);
        for (id, priority) in loads {
            let Some(tile) = pass.tree.get(id) else { continue };
            if loading >= self.settings.max_loads {
                break;
            }
            let cost = self.bytes(pass, id, tile);
            let may_drop = if priority < 2e9 { freeable } else { 0 };
            let fits = used.saturating_add(cost).saturating_sub(may_drop) <= budget.max_bytes;
            if !fits {
                continue;
            }
            free(&mut used, &mut freeable, budget.max_bytes.saturating_sub(cost));
            used += cost;
            loading += 1;
            out.load.push((id, priority));
        }
        out.planned_bytes = used;
    }
}
