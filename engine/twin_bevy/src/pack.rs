//! Reads the pack's tables, wherever they are served from.

use crate::fetch::{Fetches, Ticket};
use crate::{Community, Intervals, Notices, Now, Properties, TwinSystems};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use community_pack::{Manifest, Pack, PackBytes};
use geo_frame::EnuFrame;

/// Manifest and local frame. Inserted together with [`Community`].
#[derive(Resource, Debug)]
pub struct PackInfo {
    /// The manifest.
    pub manifest: Manifest,
    /// ENU frame at the pack's origin.
    pub frame: EnuFrame,
}

/// How far reading the pack has come.
#[derive(Resource, Debug, Default, Clone, PartialEq)]
pub enum LoadProgress {
    /// `community.json` is on its way.
    #[default]
    Manifest,
    /// Tables are on their way; `done` of `of` have arrived.
    Tables {
        /// Arrived.
        done: usize,
        /// Of so many.
        of: usize,
    },
    /// Everything is there.
    Ready,
    /// Something cannot be read: one clear line.
    Failed(String),
}

#[derive(Resource, Default)]
struct Loader {
    manifest_ticket: Option<Ticket>,
    manifest: Option<Manifest>,
    tables: Vec<(Ticket, Option<Vec<u8>>)>,
}

/// A failed file, in words.
fn failed(file: &str, error: &str) -> LoadProgress {
    LoadProgress::Failed(format!("{file}: {error}"))
}

fn load(
    mut commands: Commands,
    mut loader: ResMut<Loader>,
    mut fetches: ResMut<Fetches>,
    mut progress: ResMut<LoadProgress>,
    mut notices: ResMut<Notices>,
    now: Res<Now>,
) {
    if matches!(*progress, LoadProgress::Ready | LoadProgress::Failed(_)) {
        return;
    }
    let next = step(&mut commands, &mut loader, &mut fetches);
    if let Some(next) = next {
        if let LoadProgress::Failed(line) = &next {
            notices.push(line.clone(), true, now.viewer);
        }
        *progress = next;
    }
}

/// One step of the loader; `None` while waiting.
fn step(commands: &mut Commands, loader: &mut Loader, fetches: &mut Fetches) -> Option<LoadProgress> {
    if loader.manifest.is_none() {
        let ticket = *loader.manifest_ticket.get_or_insert_with(|| fetches.fetch("community.json"));
        let manifest = match fetches.take(ticket)? {
            Ok(bytes) => Manifest::parse(&bytes),
            Err(error) => return Some(failed("community.json", &error)),
        };
        match manifest {
            Ok(manifest) => {
                let files = &manifest.files;
                loader.tables = [&files.entities, &files.device_types, &files.bindings]
                    .map(|path| (fetches.fetch(path), None))
                    .into();
                loader.manifest = Some(manifest);
            }
            Err(error) => return Some(LoadProgress::Failed(error.to_string())),
        }
    }
    for (ticket, slot) in &mut loader.tables {
        if slot.is_none()
            && let Some(result) = fetches.take(*ticket)
        {
            match result {
                Ok(bytes) => *slot = Some(bytes),
                Err(error) => return Some(LoadProgress::Failed(error)),
            }
        }
    }
    let done = loader.tables.iter().filter(|t| t.1.is_some()).count();
    let of = loader.tables.len();
    if done < of {
        return Some(LoadProgress::Tables { done, of });
    }
    let manifest = loader.manifest.clone()?;
    let mut bytes = loader.tables.drain(..).filter_map(|t| t.1);
    let (entities, device_types, bindings) = (bytes.next()?, bytes.next()?, bytes.next()?);
    let parts = PackBytes { entities: &entities, device_types: &device_types, bindings: &bindings };
    match Pack::assemble(manifest, parts) {
        Ok(pack) => {
            insert(commands, pack);
            Some(LoadProgress::Ready)
        }
        Err(error) => Some(LoadProgress::Failed(error.to_string())),
    }
}

fn insert(commands: &mut Commands, pack: Pack) {
    let intervals = pack.bindings.iter().map(|b| ((b.entity, b.property), b.expected_interval_s)).collect();
    commands.insert_resource(Intervals(intervals));
    commands.insert_resource(Properties(pack.properties));
    commands.insert_resource(Community(pack.model));
    commands.insert_resource(PackInfo { frame: pack.manifest.origin.frame(), manifest: pack.manifest });
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Loader>()
        .init_resource::<LoadProgress>()
        .add_systems(Update, load.in_set(TwinSystems::Ingest).after(crate::fetch::collect));
}
