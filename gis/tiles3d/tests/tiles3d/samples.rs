//! Public sample tilesets of 3D Tiles 1.1.

use std::path::{Path, PathBuf};

use glam::{DMat4, DVec3};
use tiles3d::implicit::Subtree;
use tiles3d::select::{ContentKind, TileTree};
use tiles3d::tileset::{BoundingVolume, Content, ImplicitTiling, Refine, Subdivision, Subtrees};
use tiles3d::{Tile, Tileset, read_glb};

fn sample(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join("data/tiles3d/1.1").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no sample folder {name} (set SANDTABLE_SHARED to the folder that has data/tiles3d)");
    None
}

#[test]
fn multiple_contents() {
    let Some(folder) = sample("MultipleContents") else { return };
    let tileset = Tileset::parse(&std::fs::read(folder.join("tileset.json")).unwrap()).unwrap();
    let tree = TileTree::new(&tileset, "a/tileset.json", DMat4::IDENTITY).unwrap();
    let root = tree.get(tree.root()).unwrap();
    let uris: Vec<&str> = root.contents.iter().map(|c| c.uri.as_str()).collect();
    assert_eq!(uris, ["a/planeTriangles.glb", "a/planePoints.glb"]);
    let triangles = read_glb(&std::fs::read(folder.join("planeTriangles.glb")).unwrap()).unwrap();
    assert_eq!(triangles.primitives.len(), 1);
    // content lies in the tile's box, once turned to z-up
    let b = &root.volume;
    for p in &triangles.primitives[0].positions {
        assert!(b.distance(DVec3::from_array(p.map(f64::from))) < 1e-3, "{p:?}");
    }
    let (points, report) =
        tiles3d::glb::read_glb_with_report(&std::fs::read(folder.join("planePoints.glb")).unwrap()).unwrap();
    assert_eq!((points.primitives.len(), report.skipped_points_and_lines), (0, 1));
}

#[test]
fn sparse_implicit_quadtree() {
    let Some(folder) = sample("SparseImplicitQuadtree") else { return };
    let tileset = Tileset::parse(&std::fs::read(folder.join("tileset.json")).unwrap()).unwrap();
    let address = folder.join("tileset.json");
    let mut tree = TileTree::new(&tileset, address.to_str().unwrap(), DMat4::IDENTITY).unwrap();
    let mut subtrees = 0;
    loop {
        let waiting =
            tree.iter().find(|(_, tile)| tile.is_unattached()).map(|(id, tile)| (id, tile.contents[0].clone()));
        let Some((id, content)) = waiting else { break };
        assert_eq!(content.kind, ContentKind::Subtree);
        tree.attach_subtree(id, &std::fs::read(&content.uri).unwrap()).unwrap();
        subtrees += 1;
    }
    assert_eq!(subtrees, 9);
    // every content the tree names is there, and all that is there is named
    let named: Vec<PathBuf> = tree
        .iter()
        .flat_map(|(_, t)| &t.contents)
        .filter(|c| c.kind == ContentKind::Model)
        .map(|c| PathBuf::from(&c.uri))
        .collect();
    let on_disk = std::fs::read_dir(folder.join("content")).unwrap().count();
    assert_eq!(named.len(), on_disk);
    assert!(named.iter().all(|path| path.is_file()));
    for (_, tile) in tree.iter().filter(|(_, tile)| tile.has_model()) {
        // level 5 of a unit square: 1/32 wide, error 32 / 2^5
        assert_eq!((tile.geometric_error, tile.volume.half_axes[0].x, tile.refine), (1.0, 0.5 / 32.0, Refine::Add));
        let model = read_glb(&std::fs::read(&tile.contents[0].uri).unwrap()).unwrap();
        for p in model.primitives.iter().flat_map(|p| &p.positions) {
            assert!(
                tile.volume.distance(DVec3::from_array(p.map(f64::from))) < 1e-4,
                "{p:?} of {}",
                tile.contents[0].uri
            );
        }
    }
}

fn tiling(scheme: Subdivision, levels: u32) -> ImplicitTiling {
    ImplicitTiling {
        subdivision_scheme: scheme,
        subtree_levels: levels,
        available_levels: levels,
        subtrees: Subtrees { uri: "{level}.{x}.{y}.{z}.subtree".into() },
    }
}

/// A subtree of constants needs no sample file.
fn subtree_bytes(json: &str, bin: &[u8]) -> Vec<u8> {
    let mut out = b"subt\x01\0\0\0".to_vec();
    out.extend((json.len() as u64).to_le_bytes());
    out.extend((bin.len() as u64).to_le_bytes());
    out.extend(json.as_bytes());
    out.extend(bin);
    out
}

#[test]
fn full_octree() {
    let tiling = tiling(Subdivision::Octree, 3);
    let mut root = Tile::new(BoundingVolume::from_min_max([0.0; 3], [8.0; 3]), 16.0);
    root.content = Some(Content::new("{level}/{x}-{y}-{z}.glb"));
    root.implicit_tiling = Some(tiling.clone());
    let bytes = subtree_bytes(
        r#"{"tileAvailability":{"constant":1},"contentAvailability":[{"constant":1}],"childSubtreeAvailability":{"constant":0}}"#,
        &[],
    );
    let mut tree = TileTree::new(&Tileset::new(16.0, root), "t.json", DMat4::IDENTITY).unwrap();
    let waiting = tree.iter().find(|(_, t)| t.is_unattached()).map(|(id, _)| id).unwrap();
    tree.attach_subtree(waiting, &bytes).unwrap();
    let mut models: Vec<_> = tree.iter().filter(|(_, t)| t.has_model()).collect();
    assert_eq!(models.len(), 1 + 8 + 64);
    models.sort_by_key(|(_, t)| t.contents[0].uri.clone());
    let last = models.last().unwrap().1;
    assert_eq!(
        (last.contents[0].uri.as_str(), last.volume.center, last.geometric_error),
        ("2/3-3-3.glb", DVec3::splat(7.0), 4.0)
    );
    assert!(tree.attach_subtree(waiting, &bytes).is_err(), "only once");
}

#[test]
fn damaged_subtrees() {
    let json = r#"{"buffers":[{"byteLength":8}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":3}],"tileAvailability":{"bitstream":0},"contentAvailability":[{"constant":1}],"childSubtreeAvailability":{"constant":1}}"#;
    let good = subtree_bytes(json, &[0x55; 8]);
    let tiling = tiling(Subdivision::Quadtree, 3);
    let root = Tile::new(BoundingVolume::from_min_max([0.0; 3], [8.0; 3]), 16.0);
    assert!(Subtree::parse(&good, &tiling).is_ok());
    for length in 0..good.len() {
        assert!(Subtree::parse(&good[..length], &tiling).is_err());
    }
    for at in 0..good.len() {
        for value in [0, b'9', 0xFF] {
            let mut bytes = good.clone();
            bytes[at] = value;
            if let Ok(subtree) = Subtree::parse(&bytes, &tiling) {
                let tile = subtree.expand(&root, &tiling, tiles3d::implicit::Coord::default());
                assert!(tile.is_none_or(|tile| tile.children.len() <= 4));
            }
        }
    }
    let short = ImplicitTiling { subtree_levels: 5, ..tiling };
    assert!(Subtree::parse(&good, &short).unwrap_err().to_string().contains("tileAvailability: 341 bits"));
}

#[test]
fn damaged_tilesets_do_not_panic() {
    let mut root = Tile::new(BoundingVolume::Region([1.9, 0.5, 1.91, 0.51, 0.0, 100.0]), 8.0);
    root.transform = Some(tiles3d::enu_to_ecef_transform(114.0, 30.0, 0.0));
    root.children.push(Tile::new(BoundingVolume::Sphere([0.0, 0.0, 0.0, 9.0]), 1.0));
    root.children[0].content = Some(Content::new("a.glb"));
    let text = Tileset::new(32.0, root).to_json().into_bytes();
    for at in 0..text.len() {
        for value in [b'0', b'-', b'"', b'}', 0xFF] {
            let mut bytes = text.clone();
            bytes[at] = value;
            if let Ok(tileset) = Tileset::parse(&bytes) {
                TileTree::new(&tileset, "t.json", DMat4::IDENTITY).unwrap();
            }
        }
        assert!(Tileset::parse(&text[..at]).is_err());
    }
}
