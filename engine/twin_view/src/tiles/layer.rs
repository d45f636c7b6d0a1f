//! One tileset: its tree, what is loaded of it, what is on its way.

use super::TileStatus;
use super::decode::{Context, Decoded, Look, decode};
use super::pick_mesh::PickMesh;
use crate::environment::{Lit, Quality, plain_light};
use crate::layers::{MASKED_BUILDINGS, render_layer};
use crate::plain::PlainMaterial;
use bevy::camera::visibility::RenderLayers;
use bevy::ecs::system::SystemParam;
use bevy::light::NotShadowCaster;
use bevy::math::DMat4;
use bevy::prelude::*;
use bevy::tasks::{AsyncComputeTaskPool, Task, block_on, poll_once};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tiles3d::Tileset;
use tiles3d::glb::AlphaMode as GlbAlpha;
use tiles3d::select::{Budget, ContentKind, LoadState, Selection, Selector, Settings, TileId, TileTree, View};
use twin_bevy::{Fetches, Ticket};
use twin_model::LayerKind;

/// Where meshes, textures and materials go.
#[derive(SystemParam)]
pub(crate) struct RenderStore<'w> {
    meshes: ResMut<'w, Assets<Mesh>>,
    images: ResMut<'w, Assets<Image>>,
    materials: ResMut<'w, Assets<StandardMaterial>>,
    plain: ResMut<'w, Assets<PlainMaterial>>,
    shared: ResMut<'w, SharedMaterials>,
    quality: Res<'w, Quality>,
}

/// A material of either kind.
#[derive(Debug, Clone)]
pub(crate) enum Surface {
    Standard(Handle<StandardMaterial>),
    Plain(Handle<PlainMaterial>),
}

/// Materials without texture, shared so that parts can be drawn together.
#[derive(Resource, Default)]
pub(crate) struct SharedMaterials(Vec<(Look, Surface)>);

/// Loaded content.
struct Content {
    entities: Vec<Entity>,
    pick: Vec<Arc<PickMesh>>,
    drawn: bool,
}

enum Job {
    /// Files on their way: content index and ticket; arrived bytes.
    Fetching {
        tickets: Vec<(usize, Ticket)>,
        arrived: Vec<(usize, Vec<u8>)>,
    },
    Queued(Vec<(usize, Vec<u8>)>),
    Decoding(Task<Result<Decoded, String>>),
}

enum Root {
    Unknown,
    Fetching(Ticket),
    Open(Box<TileTree>),
    Failed,
}

pub(crate) struct TileLayer {
    pub(crate) kind: LayerKind,
    pub(crate) shown: bool,
    pub(crate) errors: Vec<String>,
    address: String,
    context: Context,
    budget: Budget,
    root: Root,
    selector: Selector,
    states: Vec<LoadState>,
    contents: BTreeMap<TileId, Content>,
    jobs: BTreeMap<TileId, Job>,
    queue: VecDeque<TileId>,
    selection: Selection,
    drawn: BTreeSet<TileId>,
    failed: usize,
}

impl TileLayer {
    pub(crate) fn new(
        kind: LayerKind,
        tileset: &str,
        budget: Budget,
        max_sse_px: f64,
        masked: Arc<BTreeSet<u32>>,
    ) -> Self {
        let masked = if kind == LayerKind::Buildings { masked } else { Arc::default() };
        let settings = Settings { max_sse_px, max_loads: 12, preload_siblings: false, ..Settings::default() };
        Self {
            kind,
            shown: false,
            errors: Vec::new(),
            address: tileset.to_owned(),
            context: Context { kind, masked },
            budget,
            root: Root::Unknown,
            selector: Selector::new(settings),
            states: Vec::new(),
            contents: BTreeMap::new(),
            jobs: BTreeMap::new(),
            queue: VecDeque::new(),
            selection: Selection::default(),
            drawn: BTreeSet::new(),
            failed: 0,
        }
    }

    /// Fetches and parses the tileset.
    pub(crate) fn open(&mut self, fetches: &mut Fetches, from_ecef: DMat4) {
        match &self.root {
            Root::Unknown => self.root = Root::Fetching(fetches.fetch(&self.address)),
            Root::Fetching(ticket) => {
                let Some(result) = fetches.take(*ticket) else { return };
                let tree = result.and_then(|bytes| {
                    let tileset = Tileset::parse(&bytes).map_err(|e| format!("{}: {e}", self.address))?;
                    // A tileset without a root transform is in the community's frame already.
                    let frame = if tileset.root.transform.is_some() { from_ecef } else { DMat4::IDENTITY };
                    TileTree::new(&tileset, &self.address, frame).map_err(|e| format!("{}: {e}", self.address))
                });
                self.root = match tree {
                    Ok(tree) => Root::Open(Box::new(tree)),
                    Err(error) => {
                        self.errors.push(error);
                        self.failed += 1;
                        Root::Failed
                    }
                };
            }
            Root::Open(_) | Root::Failed => {}
        }
    }

    /// Selects for the views, drops what must go, asks for what is missing.
    pub(crate) fn choose(&mut self, views: &[View], fetches: &mut Fetches, commands: &mut Commands) {
        let Root::Open(tree) = &self.root else { return };
        self.states.resize(tree.len(), LoadState::Unloaded);
        self.selection = self.selector.select(tree, &self.states, views, self.budget);
        for id in self.selection.evict.clone() {
            self.drop_content(id, commands);
        }
        for id in self.selection.cancel.clone() {
            self.cancel(id, fetches);
        }
        let Root::Open(tree) = &self.root else { return };
        let loads = self.selection.load.iter();
        for (id, _) in loads {
            let Some(tile) = tree.get(*id) else { continue };
            if self.jobs.contains_key(id) {
                continue;
            }
            let tickets: Vec<_> = tile.contents.iter().enumerate().map(|(i, c)| (i, fetches.fetch(&c.uri))).collect();
            self.jobs.insert(*id, Job::Fetching { tickets, arrived: Vec::new() });
            let bytes = tile.bytes.unwrap_or(self.selector.settings.default_tile_bytes);
            if let Some(state) = self.states.get_mut(id.index()) {
                *state = LoadState::Loading { bytes };
            }
        }
    }

    fn drop_content(&mut self, id: TileId, commands: &mut Commands) {
        if let Some(content) = self.contents.remove(&id) {
            for entity in content.entities {
                commands.entity(entity).despawn();
            }
        }
        self.drawn.remove(&id);
        if let Some(state) = self.states.get_mut(id.index()) {
            *state = LoadState::Unloaded;
        }
    }

    fn cancel(&mut self, id: TileId, fetches: &mut Fetches) {
        if let Some(Job::Fetching { tickets, .. }) = self.jobs.remove(&id) {
            for (_, ticket) in tickets {
                fetches.cancel(ticket);
            }
        }
        if let Some(state) = self.states.get_mut(id.index()) {
            *state = LoadState::Unloaded;
        }
    }

    /// Takes arrived files; tilesets are attached, models are queued for decoding.
    pub(crate) fn receive(&mut self, fetches: &mut Fetches) {
        let mut complete = Vec::new();
        let mut broken = Vec::new();
        for (id, job) in &mut self.jobs {
            let Job::Fetching { tickets, arrived } = job else { continue };
            tickets.retain(|(index, ticket)| match fetches.take(*ticket) {
                None => true,
                Some(Ok(bytes)) => {
                    arrived.push((*index, bytes));
                    false
                }
                Some(Err(error)) => {
                    broken.push((*id, error));
                    false
                }
            });
            if tickets.is_empty() {
                complete.push((*id, std::mem::take(arrived)));
            }
        }
        for (id, error) in broken {
            self.fail(id, error);
        }
        for (id, files) in complete {
            if self.jobs.contains_key(&id) {
                self.sort(id, files);
            }
        }
    }

    fn fail(&mut self, id: TileId, error: String) {
        self.jobs.remove(&id);
        self.failed += 1;
        if self.failed <= 3 {
            self.errors.push(error);
        }
        if let Some(state) = self.states.get_mut(id.index()) {
            *state = LoadState::Failed;
        }
    }

    fn sort(&mut self, id: TileId, files: Vec<(usize, Vec<u8>)>) {
        let Root::Open(tree) = &mut self.root else { return };
        let contents = tree.get(id).map(|t| t.contents.clone()).unwrap_or_default();
        let mut models = Vec::new();
        let mut error = None;
        for (index, bytes) in files {
            let Some(content) = contents.get(index) else { continue };
            let attached = match content.kind {
                ContentKind::Model => {
                    models.push((index, bytes));
                    Ok(())
                }
                ContentKind::Tileset => Tileset::parse(&bytes)
                    .map_err(|e| e.to_string())
                    .and_then(|t| tree.attach_tileset(id, &t, &content.uri).map_err(|e| e.to_string())),
                ContentKind::Subtree => tree.attach_subtree(id, &bytes).map_err(|e| e.to_string()),
            };
            if let Err(line) = attached {
                error = Some(format!("{}: {line}", content.uri));
            }
        }
        match error {
            Some(error) => self.fail(id, error),
            None if models.is_empty() => {
                self.jobs.remove(&id);
                if let Some(state) = self.states.get_mut(id.index()) {
                    *state = LoadState::Ready { bytes: 0 };
                }
            }
            None => {
                self.jobs.insert(id, Job::Queued(models));
                self.queue.push_back(id);
            }
        }
    }

    /// Starts decoding on other threads (a browser has none: there it is done here, tile by tile, while time is left)
    /// and hands finished tiles to the renderer.
    pub(crate) fn decode_and_hand_over(
        &mut self,
        commands: &mut Commands,
        store: &mut RenderStore,
        time_left: impl Fn() -> bool,
    ) {
        const AT_ONCE: usize = 6;
        let web = cfg!(target_arch = "wasm32");
        let running = self.jobs.values().filter(|j| matches!(j, Job::Decoding(_))).count();
        let mut room = AT_ONCE.saturating_sub(running);
        while room > 0 && (!web || time_left()) {
            let Some(id) = self.queue.pop_front() else { break };
            let Some(Job::Queued(files)) = self.jobs.remove(&id) else { continue };
            let Root::Open(tree) = &self.root else { break };
            let Some(tile) = tree.get(id) else { continue };
            let (transform, context) = (tile.transform_enu, self.context.clone());
            let names: Vec<String> =
                files.iter().filter_map(|(i, _)| tile.contents.get(*i)).map(|c| c.uri.clone()).collect();
            if web {
                let result = decode_all(&files, &names, transform, &context);
                self.finish(id, result, commands, store);
            } else {
                let work = async move { decode_all(&files, &names, transform, &context) };
                self.jobs.insert(id, Job::Decoding(AsyncComputeTaskPool::get().spawn(work)));
                room -= 1;
            }
        }
        let decoding: Vec<TileId> =
            self.jobs.iter().filter(|(_, j)| matches!(j, Job::Decoding(_))).map(|(id, _)| *id).collect();
        for id in decoding {
            if !time_left() {
                break;
            }
            let Some(Job::Decoding(task)) = self.jobs.get_mut(&id) else { continue };
            if let Some(result) = block_on(poll_once(task)) {
                self.finish(id, result, commands, store);
            }
        }
    }

    fn finish(
        &mut self,
        id: TileId,
        result: Result<Decoded, String>,
        commands: &mut Commands,
        store: &mut RenderStore,
    ) {
        self.jobs.remove(&id);
        let decoded = match result {
            Ok(decoded) => decoded,
            Err(error) => return self.fail(id, error),
        };
        let bytes = decoded.bytes.max(1);
        if let Root::Open(tree) = &mut self.root {
            tree.set_bytes(id, bytes);
        }
        let others = bytes.saturating_sub(match self.states.get(id.index()) {
            Some(LoadState::Loading { bytes }) => *bytes,
            _ => 0,
        });
        let admitted = self.budget.admits(&self.states, others);
        if let Some(state) = self.states.get_mut(id.index()) {
            // Larger than assumed and no room: it is asked for again when the selection has made room for it.
            *state = if admitted { LoadState::Ready { bytes } } else { LoadState::Unloaded };
        }
        if admitted {
            let content = self.spawn(decoded, commands, store);
            self.contents.insert(id, content);
        }
    }

    fn spawn(&self, decoded: Decoded, commands: &mut Commands, store: &mut RenderStore) -> Content {
        let images: Vec<Handle<Image>> = decoded.images.into_iter().map(|i| store.images.add(i)).collect();
        let entities = decoded.parts.into_iter().map(|part| {
            let image = part.image.and_then(|i| images.get(i)).cloned();
            let material = material(store, part.look, image);
            let layer = if part.masked { MASKED_BUILDINGS } else { render_layer(self.kind) };
            let mut entity = commands.spawn((
                Mesh3d(store.meshes.add(part.mesh)),
                part.aabb,
                RenderLayers::layer(layer),
                Visibility::Hidden,
            ));
            match material {
                Surface::Standard(handle) => entity.insert(MeshMaterial3d(handle)),
                Surface::Plain(handle) => entity.insert(MeshMaterial3d(handle)),
            };
            if matches!(self.kind, LayerKind::Terrain) || part.look.unlit {
                entity.insert(NotShadowCaster);
            }
            entity.id()
        });
        Content { entities: entities.collect(), pick: decoded.pick, drawn: false }
    }

    /// Shows the selected tiles and hides the rest. True when that changed.
    pub(crate) fn show(&mut self, commands: &mut Commands) -> bool {
        let wanted: BTreeSet<TileId> =
            if self.shown { self.selection.render.iter().copied().collect() } else { self.drawn.clone() };
        let mut changed = false;
        for (id, content) in &mut self.contents {
            let draw = wanted.contains(id);
            if content.drawn != draw {
                content.drawn = draw;
                changed = true;
                let visibility = if draw { Visibility::Visible } else { Visibility::Hidden };
                for entity in &content.entities {
                    commands.entity(*entity).insert(visibility);
                }
            }
        }
        self.drawn = wanted;
        changed
    }

    pub(crate) fn drawn_parts(&self) -> impl Iterator<Item = &Arc<PickMesh>> {
        self.contents.values().filter(|c| c.drawn).flat_map(|c| &c.pick)
    }

    pub(crate) fn add_to(&self, status: &mut TileStatus) {
        status.loaded += self.contents.len();
        status.failed += self.failed;
        status.bytes +=
            self.states.iter().map(|s| if let LoadState::Ready { bytes } = s { *bytes } else { 0 }).sum::<u64>();
        if !self.shown {
            return;
        }
        status.drawn += self.contents.values().filter(|c| c.drawn).count();
        status.effective_sse_px = status.effective_sse_px.max(self.selection.effective_sse_px);
        status.pending += match &self.root {
            Root::Unknown | Root::Fetching(_) => 1,
            Root::Open(_) => self.unfinished(),
            Root::Failed => 0,
        };
    }

    /// Needed tiles that are not there, without those that never will be.
    fn unfinished(&self) -> usize {
        let failed = self.states.iter().filter(|s| matches!(s, LoadState::Failed)).count();
        self.selection.pending.saturating_sub(failed).max(self.jobs.len())
    }
}

fn decode_all(
    files: &[(usize, Vec<u8>)],
    names: &[String],
    transform: DMat4,
    context: &Context,
) -> Result<Decoded, String> {
    let mut all = Decoded { parts: Vec::new(), images: Vec::new(), pick: Vec::new(), bytes: 0 };
    for ((_, bytes), name) in files.iter().zip(names) {
        let mut one = decode(bytes, transform, context).map_err(|e| format!("{name}: {e}"))?;
        let offset = all.images.len();
        for part in &mut one.parts {
            part.image = part.image.map(|i| i + offset);
        }
        all.parts.append(&mut one.parts);
        all.images.append(&mut one.images);
        all.pick.append(&mut one.pick);
        all.bytes += one.bytes;
    }
    Ok(all)
}

fn material(store: &mut RenderStore, look: Look, image: Option<Handle<Image>>) -> Surface {
    if image.is_none()
        && let Some((_, surface)) = store.shared.0.iter().find(|(shared, _)| *shared == look)
    {
        return surface.clone();
    }
    let textured = image.is_some();
    let surface = match *store.quality {
        Quality::High => Surface::Standard(store.materials.add(standard(look, image))),
        Quality::Low => Surface::Plain(store.plain.add(plain(look, image))),
    };
    if !textured {
        store.shared.0.push((look, surface.clone()));
    }
    surface
}

fn alpha_mode(alpha: GlbAlpha) -> AlphaMode {
    match alpha {
        GlbAlpha::Opaque => AlphaMode::Opaque,
        GlbAlpha::Mask(cutoff) => AlphaMode::Mask(cutoff),
        GlbAlpha::Blend => AlphaMode::Blend,
    }
}

fn standard(look: Look, image: Option<Handle<Image>>) -> StandardMaterial {
    let [r, g, b, a] = look.base_colour;
    StandardMaterial {
        base_color: Color::linear_rgba(r, g, b, a),
        reflectance: if image.is_some() { 0.2 } else { 0.4 },
        base_color_texture: image,
        metallic: look.metallic,
        perceptual_roughness: look.roughness,
        unlit: look.unlit,
        double_sided: look.double_sided,
        cull_mode: if look.double_sided { None } else { Some(bevy::render::render_resource::Face::Back) },
        alpha_mode: alpha_mode(look.alpha),
        ..default()
    }
}

fn plain(look: Look, image: Option<Handle<Image>>) -> PlainMaterial {
    let mut uniform = plain_light(if look.unlit { Lit::No } else { Lit::Shadowed });
    uniform.colour = Vec4::from_array(look.base_colour);
    if let GlbAlpha::Mask(cutoff) = look.alpha {
        uniform.sky.w = cutoff;
    }
    PlainMaterial {
        uniform,
        texture: image,
        alpha: alpha_mode(look.alpha),
        double_sided: look.double_sided,
        after_m: 0.0,
    }
}
