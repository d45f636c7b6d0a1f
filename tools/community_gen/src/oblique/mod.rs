//! The oblique photography delivery: an OSGB tree of 200 m tiles with three levels each, as photogrammetry writes it.

mod atlas;
mod mesh;
mod scene;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use osgb::{LodChild, Node, PagedLod, RangeMode};
use rayon::prelude::*;

use crate::error::GenError;
use crate::geom::Pt;
use crate::paint::Canvas;
use crate::plan::{BASE, CRS, CommunityPlan, SIZE_M};
use crate::tables::write_text;
use mesh::{Level, build};
use scene::Scene;

/// Plan point that the vertices are relative to (SRSOrigin), metres.
pub const ORIGIN: Pt = [SIZE_M[0] * 0.5, SIZE_M[1] * 0.5];
/// Side of a tile, metres.
const TILE_M: f64 = 200.0;

const LEVELS: [Level; 3] = [
    Level {
        number: 16,
        step_m: 8.0,
        ground_m: 0.8,
        wall_m: 0.9,
        samples: 3,
        tree_segments: 0,
        cell_m: 60.0,
        quality: 72,
    },
    Level {
        number: 17,
        step_m: 5.0,
        ground_m: 0.4,
        wall_m: 0.4,
        samples: 2,
        tree_segments: 5,
        cell_m: 18.0,
        quality: 74,
    },
    Level {
        number: 18,
        step_m: 2.5,
        ground_m: 0.25,
        wall_m: 0.15,
        samples: 1,
        tree_segments: 8,
        cell_m: 6.0,
        quality: 78,
    },
];

/// Writes the tree; gives the number of OSGB files.
pub fn write(
    plan: &CommunityPlan,
    picture: &Canvas,
    folder: &Path,
    progress: &mut dyn FnMut(f32),
) -> Result<usize, GenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| GenError::Io { path, source }
    };
    let data = folder.join("Data");
    match std::fs::remove_dir_all(&data) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(&data)(e)),
        _ => {}
    }
    std::fs::create_dir_all(&data).map_err(io(&data))?;
    let metadata = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ModelMetadata version=\"1\">\n\t<SRS>{CRS}</SRS>\n\t<SRSOrigin>{},{},0</SRSOrigin>\n\t<Texture>\n\t\t<ColorSource>Visible</ColorSource>\n\t</Texture>\n</ModelMetadata>\n",
        BASE[0] + ORIGIN[0],
        BASE[1] + ORIGIN[1]
    );
    write_text(&folder.join("metadata.xml"), &metadata)?;
    let scene = Scene::new(plan, picture);
    let columns = (SIZE_M[0] / TILE_M) as usize;
    let rows = (SIZE_M[1] / TILE_M) as usize;
    let files = AtomicUsize::new(0);
    for row in 0..rows {
        (0..columns).into_par_iter().try_for_each(|column| {
            let n = write_tile(&scene, &data, column, row)?;
            files.fetch_add(n, Ordering::Relaxed);
            Ok::<(), GenError>(())
        })?;
        progress((row + 1) as f32 / rows as f32);
    }
    Ok(files.into_inner())
}

/// A node of a tile's quadtree: its box and its name's digits.
struct Quad {
    low: Pt,
    side: f64,
}

impl Quad {
    fn high(&self) -> Pt {
        [self.low[0] + self.side, self.low[1] + self.side]
    }

    fn children(&self) -> [Self; 4] {
        let half = self.side * 0.5;
        [[0.0, 0.0], [half, 0.0], [0.0, half], [half, half]]
            .map(|d| Self { low: [self.low[0] + d[0], self.low[1] + d[1]], side: half })
    }
}

fn write_tile(scene: &Scene<'_>, data: &Path, column: usize, row: usize) -> Result<usize, GenError> {
    let name = format!("Tile_+{column:03}_+{row:03}");
    let folder = data.join(&name);
    std::fs::create_dir_all(&folder).map_err(|source| GenError::Io { path: folder.clone(), source })?;
    let save = |file: &str, node: &Node| {
        let path = folder.join(file);
        std::fs::write(&path, osgb::write::write_v91(node)).map_err(|source| GenError::Io { path, source })
    };
    let fail = |reason: String| GenError::Encode { path: folder.clone(), reason };
    let root = Quad { low: [column as f64 * TILE_M, row as f64 * TILE_M], side: TILE_M };
    let middle_file = format!("{name}_L17_0.osgb");
    save(&format!("{name}.osgb"), &paged(scene, &root, &LEVELS[0], &middle_file).map_err(fail)?)?;
    let mut middle = Vec::new();
    for (q, quad) in root.children().iter().enumerate() {
        let fine_file = format!("{name}_L18_0{q}.osgb");
        middle.push(paged(scene, quad, &LEVELS[1], &fine_file).map_err(fail)?);
        let mut fine = Vec::new();
        for leaf in quad.children() {
            fine.push(Node::Geode(vec![build(scene, leaf.low, leaf.high(), &LEVELS[2]).map_err(fail)?]));
        }
        save(&fine_file, &Node::Group { children: fine })?;
    }
    save(&middle_file, &Node::Group { children: middle })?;
    Ok(6)
}

/// A mesh that is replaced by the content of `file` when it grows larger on the screen than its level is made for.
fn paged(scene: &Scene<'_>, quad: &Quad, level: &Level, file: &str) -> Result<Node, String> {
    let geometry = build(scene, quad.low, quad.high(), level)?;
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for p in &geometry.positions {
        for k in 0..3 {
            low[k] = low[k].min(f64::from(p[k]));
            high[k] = high[k].max(f64::from(p[k]));
        }
    }
    let centre = [0, 1, 2].map(|k| (low[k] + high[k]) * 0.5);
    let radius = (0..3).map(|k| (high[k] - low[k]).powi(2)).sum::<f64>().sqrt() * 0.5;
    let metres_per_pixel = 2f64.powi(16 - level.number as i32);
    let switch = (2.0 * radius / metres_per_pixel) as f32;
    Ok(Node::PagedLod(PagedLod {
        center: centre,
        radius,
        range_mode: RangeMode::PixelSizeOnScreen,
        database_path: None,
        children: vec![
            LodChild { range: (0.0, switch), file: None, node: Some(Node::Geode(vec![geometry])) },
            LodChild { range: (switch, 1e30), file: Some(file.to_owned()), node: None },
        ],
    }))
}
