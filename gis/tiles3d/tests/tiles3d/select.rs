//! Promises of selection, on made-up trees.

use std::collections::BTreeSet;

use glam::{DMat4, DVec3};
use proptest::prelude::*;
use tiles3d::select::{Budget, LoadState, Selection, Selector, Settings, TileId, TileTree, View};
use tiles3d::tileset::{BoundingVolume, Content, Refine};
use tiles3d::{Tile, Tileset};

const FREE: Budget = Budget { max_bytes: u64::MAX };

/// A quadtree over a square of 1024 m; `shape` decides at each tile whether it has children, content and ADD.
fn quadtree(levels: u32, shape: &mut dyn FnMut(u32) -> (bool, bool, bool)) -> TileTree {
    fn tile(
        min: [f64; 2],
        size: f64,
        level: u32,
        levels: u32,
        shape: &mut dyn FnMut(u32) -> (bool, bool, bool),
        next: &mut u32,
    ) -> Tile {
        let (children, content, add) = shape(level);
        let volume = BoundingVolume::from_min_max([min[0], min[1], 0.0], [min[0] + size, min[1] + size, 20.0]);
        let leaf = level + 1 == levels || !children;
        let mut out = Tile::new(volume, if leaf { 0.0 } else { size / 16.0 });
        out.refine = Some(if add { Refine::Add } else { Refine::Replace });
        if content || leaf {
            *next += 1;
            out.content = Some(Content::new(format!("{next}.glb")));
        }
        if !leaf {
            let half = size / 2.0;
            out.children = [[0.0, 0.0], [half, 0.0], [0.0, half], [half, half]]
                .map(|[x, y]| tile([min[0] + x, min[1] + y], half, level + 1, levels, shape, next))
                .into();
        }
        out
    }
    let root = tile([-512.0, -512.0], 1024.0, 0, levels, shape, &mut 0);
    TileTree::new(&Tileset::new(1024.0, root), "t.json", DMat4::IDENTITY).unwrap()
}

fn full(levels: u32) -> TileTree {
    quadtree(levels, &mut |_| (true, true, false))
}

fn down(height: f64) -> View {
    View::perspective(DVec3::new(0.0, 0.0, height), DVec3::NEG_Z, DVec3::Y, 1.0, 1.5, 1000.0)
}

/// Does what the selection says: drops, starts loading, and finishes some of what is loading.
fn apply(
    tree: &TileTree,
    states: &mut Vec<LoadState>,
    selection: &Selection,
    size: u64,
    finish: &mut dyn FnMut(TileId) -> LoadState,
) {
    states.resize(tree.len(), LoadState::Unloaded);
    for id in selection.evict.iter().chain(&selection.cancel) {
        states[id.index()] = LoadState::Unloaded;
    }
    for (id, _) in &selection.load {
        states[id.index()] = LoadState::Loading { bytes: size };
    }
    for (id, _) in tree.iter() {
        if matches!(states[id.index()], LoadState::Loading { .. }) {
            states[id.index()] = finish(id);
        }
    }
}

fn used(states: &[LoadState]) -> u64 {
    states
        .iter()
        .map(|s| if let LoadState::Loading { bytes } | LoadState::Ready { bytes } = s { *bytes } else { 0 })
        .sum()
}

/// Runs until nothing more is asked for.
fn settle(
    tree: &TileTree,
    selector: &mut Selector,
    states: &mut Vec<LoadState>,
    views: &[View],
    budget: Budget,
    size: u64,
) -> Selection {
    for _ in 0..500 {
        let selection = selector.select(tree, states, views, budget);
        let idle = selection.load.is_empty() && selection.evict.is_empty();
        apply(tree, states, &selection, size, &mut |_| LoadState::Ready { bytes: size });
        assert!(used(states) <= budget.max_bytes);
        if idle {
            return selection;
        }
    }
    panic!("does not settle");
}

fn settings(size: u64) -> Settings {
    Settings { default_tile_bytes: size, preload_siblings: false, ..Settings::default() }
}

#[test]
fn error_formula() {
    // 10 m at 100 m, 1000 px, 60 degrees: 10 · 1000 / (100 · 2 · tan 30°) = 86.60 px
    let view = View { fovy_rad: 60_f64.to_radians(), ..down(0.0) };
    assert!((view.screen_space_error(10.0, 100.0) - 86.602_540_378).abs() < 1e-6);
    assert_eq!(view.screen_space_error(0.0, 0.0), 0.0);
    assert!(view.screen_space_error(1.0, 0.0).is_infinite());
}

#[test]
fn frustum() {
    let tree = full(3);
    let root = tree.get(tree.root()).unwrap().volume;
    assert!(down(100.0).sees(&root));
    let up = View::perspective(DVec3::new(0.0, 0.0, 100.0), DVec3::Z, DVec3::Y, 1.0, 1.5, 1000.0);
    assert!(!up.sees(&root));
    // level, looking east from the western edge at a height of 10 m: sees the box around; from outside looking away not
    assert!(View::perspective(DVec3::new(-600.0, 0.0, 10.0), DVec3::X, DVec3::Z, 1.0, 1.5, 1000.0).sees(&root));
    assert!(!View::perspective(DVec3::new(-600.0, 0.0, 10.0), DVec3::NEG_X, DVec3::Z, 1.0, 1.5, 1000.0).sees(&root));
}

#[test]
fn settles_at_the_right_level() {
    let tree = full(6);
    let (mut selector, mut states) = (Selector::new(settings(1)), Vec::new());
    let view = down(1000.0);
    let selection = settle(&tree, &mut selector, &mut states, std::slice::from_ref(&view), FREE, 1);
    assert_eq!((selection.pending, selection.limited), (0, false));
    for id in &selection.render {
        let tile = tree.get(*id).unwrap();
        let sse = |t: &tiles3d::select::TileNode| {
            view.screen_space_error(t.geometric_error, t.volume.distance(view.position_enu))
        };
        assert!(sse(tile) <= 16.0);
        assert!(sse(tree.get(tile.parent.unwrap()).unwrap()) > 16.0);
    }
    // 64 m of error per 1024 m: error 16 m at 980 m is 14.9 px at this angle; so level 2, and those in view
    assert!(selection.render.iter().all(|id| tree.get(*id).unwrap().depth == 2));
    assert_eq!(selection.render.len(), 16);
}

#[test]
fn coarse_first_and_most_urgent_first() {
    let tree = full(5);
    let selection = Selector::new(settings(1)).select(&tree, &[], &[down(100.0)], FREE);
    assert_eq!(selection.load[0].0, tree.root());
    assert!(selection.load.windows(2).all(|w| w[0].1 <= w[1].1));
    assert_eq!(selection.load.len(), 20);
    assert!(selection.render.is_empty());
}

#[test]
fn memory_makes_it_coarser() {
    let tree = full(7);
    let view = [down(60.0)];
    let mut last = (usize::MAX, 0.0);
    for max_bytes in [5000, 400, 60, 21, 5, 4] {
        let (mut selector, mut states) = (Selector::new(settings(1)), Vec::new());
        let selection = settle(&tree, &mut selector, &mut states, &view, Budget { max_bytes }, 1);
        assert!(selection.render.len() <= last.0 && selection.effective_sse_px >= last.1, "{max_bytes}");
        assert_eq!(selection.pending, 0);
        last = (selection.render.len(), selection.effective_sse_px);
    }
    assert_eq!(last.0, 1, "one tile and not four of its children fit 4 bytes");
    let selection = Selector::new(settings(1)).select(&tree, &[], &view, Budget { max_bytes: 0 });
    assert!(selection.load.is_empty() && selection.limited);
}

#[test]
fn moving_on_drops_the_longest_unneeded() {
    let tree = full(6);
    let (mut selector, mut states) = (Selector::new(settings(1)), Vec::new());
    let at = |x: f64| [View::perspective(DVec3::new(x, -300.0, 60.0), DVec3::NEG_Z, DVec3::Y, 0.6, 1.0, 1000.0)];
    let budget = Budget { max_bytes: 60 };
    settle(&tree, &mut selector, &mut states, &at(-300.0), budget, 1);
    let mut evicted = 0;
    for step in 0..30 {
        let views = at(-300.0 + 20.0 * f64::from(step));
        let selection = selector.select(&tree, &states, &views, budget);
        let rendered: BTreeSet<_> = selection.render.iter().collect();
        assert!(selection.evict.iter().all(|id| !rendered.contains(id)));
        evicted += selection.evict.len();
        apply(&tree, &mut states, &selection, 1, &mut |_| LoadState::Ready { bytes: 1 });
        assert!(used(&states) <= 60);
    }
    assert!(evicted > 0);
}

#[test]
fn several_views_share() {
    let tree = full(5);
    let west = View::perspective(DVec3::new(-300.0, 0.0, 80.0), DVec3::NEG_Z, DVec3::Y, 0.5, 1.0, 1000.0);
    let east = View::perspective(DVec3::new(300.0, 0.0, 80.0), DVec3::NEG_Z, DVec3::Y, 0.5, 1.0, 1000.0);
    let alone = |views: &[View]| {
        let (mut selector, mut states) = (Selector::new(settings(1)), Vec::new());
        settle(&tree, &mut selector, &mut states, views, FREE, 1).render.into_iter().collect::<BTreeSet<_>>()
    };
    let (w, e, both) = (alone(std::slice::from_ref(&west)), alone(std::slice::from_ref(&east)), alone(&[west, east]));
    assert!(w.is_disjoint(&e));
    assert_eq!(both, w.union(&e).copied().collect());
}

#[test]
fn failed_child_keeps_the_parent() {
    let tree = full(2);
    let mut states = vec![LoadState::Ready { bytes: 1 }; tree.len()];
    let child = tree.get(tree.root()).unwrap().children[2];
    states[child.index()] = LoadState::Failed;
    let selection = Selector::new(settings(1)).select(&tree, &states, &[down(50.0)], FREE);
    assert_eq!(selection.render, [tree.root()]);
    assert!(selection.load.is_empty());
}

#[test]
fn additive_tiles_stay_below_their_details() {
    let tree = quadtree(3, &mut |_| (true, true, true));
    let (mut selector, mut states) = (Selector::new(settings(1)), Vec::new());
    let selection = settle(&tree, &mut selector, &mut states, &[down(300.0)], FREE, 1);
    assert!(selection.render.contains(&tree.root()) && selection.render.len() > 5);
}

#[test]
fn external_tileset_is_asked_for_and_then_used() {
    let inner = |name: &str| {
        let mut tile = Tile::new(BoundingVolume::from_min_max([-10.0, -10.0, 0.0], [10.0, 10.0, 5.0]), 0.0);
        tile.content = Some(Content::new(name));
        tile
    };
    let mut root = inner("coarse.glb");
    root.geometric_error = 50.0;
    root.children.push(inner("sub/tileset.json"));
    root.children[0].geometric_error = 20.0;
    let mut tree = TileTree::new(&Tileset::new(100.0, root), "http://h/t.json", DMat4::IDENTITY).unwrap();
    let (mut selector, mut states) =
        (Selector::new(settings(1)), vec![LoadState::Ready { bytes: 1 }, LoadState::Unloaded]);
    let view = [down(50.0)];
    let selection = selector.select(&tree, &states, &view, FREE);
    let link = tree.get(tree.root()).unwrap().children[0];
    assert_eq!((selection.render, selection.load[0].0), (vec![tree.root()], link));
    assert_eq!(tree.get(link).unwrap().contents[0].uri, "http://h/sub/tileset.json");
    let mut fine = inner("fine.glb");
    fine.transform = Some(DMat4::from_translation(DVec3::X).to_cols_array());
    tree.attach_tileset(link, &Tileset::new(20.0, fine), "http://h/sub/tileset.json").unwrap();
    states.resize(tree.len(), LoadState::Unloaded);
    let selection = selector.select(&tree, &states, &view, FREE);
    assert_eq!(selection.render, [tree.root()]);
    let fine = selection.load[0].0;
    assert_eq!(tree.get(fine).unwrap().contents[0].uri, "http://h/sub/fine.glb");
    states[fine.index()] = LoadState::Ready { bytes: 1 };
    assert_eq!(selector.select(&tree, &states, &view, FREE).render, [fine]);
    assert!(tree.attach_tileset(link, &Tileset::new(1.0, inner("x.glb")), "t.json").is_err());
}

#[test]
fn tilesets_that_name_each_other_end() {
    let mut tile = Tile::new(BoundingVolume::Sphere([0.0, 0.0, 0.0, 5.0]), 1.0);
    tile.content = Some(Content::new("t.json"));
    let tileset = Tileset::new(1.0, tile);
    let mut tree = TileTree::new(&tileset, "t.json", DMat4::IDENTITY).unwrap();
    let error = loop {
        let last = tree.iter().last().unwrap().0;
        if let Err(error) = tree.attach_tileset(last, &tileset, "t.json") {
            break error;
        }
    };
    assert_eq!(error.to_string(), "tiles are nested deeper than 256 levels");
}

/// An error that grows downwards is lowered, and a tileset in geocentric coordinates lands at the community's origin.
#[test]
fn tree_in_the_community_frame() {
    let frame = tiles3d::enu_to_ecef_transform(121.47, 31.23, 15.0);
    let mut root = Tile::new(BoundingVolume::from_min_max([-10.0, -20.0, 0.0], [10.0, 20.0, 30.0]), 5.0);
    root.transform = Some(frame);
    let mut child = Tile::new(BoundingVolume::Sphere([1.0, 2.0, 3.0, 4.0]), 50.0);
    child.refine = Some(Refine::Add);
    child.children.push(Tile::new(BoundingVolume::Sphere([1.0, 2.0, 3.0, 4.0]), 7.0));
    root.children.push(child);
    let rad = f64::to_radians;
    root.children.push(Tile::new(
        BoundingVolume::Region([rad(121.4695), rad(31.2295), rad(121.4705), rad(31.2305), 15.0, 45.0]),
        1.0,
    ));
    let ecef_to_enu = DMat4::from_cols_array(&frame).inverse();
    let tree = TileTree::new(&Tileset::new(10.0, root), "t.json", ecef_to_enu).unwrap();
    let nodes: Vec<_> = tree.iter().map(|(_, tile)| tile).collect();
    assert!(nodes[0].volume.center.distance(DVec3::new(0.0, 0.0, 15.0)) < 1e-6);
    assert!(nodes.iter().all(|t| t.parent.is_none_or(|p| t.geometric_error <= tree.get(p).unwrap().geometric_error)));
    assert_eq!((nodes[1].refine, nodes[2].refine), (Refine::Add, Refine::Add));
    // about 95 m by 111 m around the origin, 30 m high
    let region = &nodes[3].volume;
    assert!(region.center.truncate().length() < 0.1 && (region.center.z - 15.0).abs() < 0.1);
    let half = region.half_axes.map(|a| a.length());
    assert!((half[0] - 47.7).abs() < 0.5 && (half[1] - 55.4).abs() < 0.5 && (half[2] - 15.0).abs() < 0.1, "{half:?}");
}

/// A cheap repeatable source of choices.
fn choices(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |n| {
        // splitmix64
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

/// Every visible leaf has something drawn on the way to the root, and replaced tiles are not drawn with what replaces
/// them.
fn check_cover(tree: &TileTree, states: &[LoadState], view: &View, selection: &Selection) {
    let drawn: BTreeSet<TileId> = selection.render.iter().copied().collect();
    assert_eq!(drawn.len(), selection.render.len(), "drawn twice");
    let root_ready = matches!(states.get(tree.root().index()), Some(LoadState::Ready { .. }));
    for (id, tile) in tree.iter() {
        if drawn.contains(&id) {
            assert!(matches!(states[id.index()], LoadState::Ready { .. }), "drawn but not ready");
        }
        let mut path = vec![id];
        while let Some(parent) = path.last().and_then(|id| tree.get(*id)).and_then(|t| t.parent) {
            path.push(parent);
        }
        if tile.children.is_empty() && root_ready && path.iter().all(|id| view.sees(&tree.get(*id).unwrap().volume)) {
            assert!(path.iter().any(|id| drawn.contains(id)), "hole at {id:?}");
        }
        if drawn.contains(&id) {
            for above in &path[1..] {
                assert!(
                    !drawn.contains(above) || tree.get(*above).unwrap().refine == Refine::Add,
                    "{above:?} is drawn and replaced by {id:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_holes_and_never_above_the_limit(seed in any::<u64>(), cap in 1_u64..400, additive in 0_u64..4, empty in 0_u64..4) {
        let mut pick = choices(seed);
        // the root always has content, so that there is something to fall back to
        let tree = quadtree(5, &mut |level| (pick(8) > 0, level == 0 || pick(8) >= empty, pick(8) < additive));
        let mut selector = Selector::new(Settings { default_tile_bytes: 3, max_loads: 6, ..Settings::default() });
        let mut twin = selector.clone();
        let mut states = Vec::new();
        for _ in 0..40 {
            let mut at = |n: u64| pick(n) as f64 - n as f64 / 2.0;
            let position = DVec3::new(at(1200), at(1200), at(200) + 130.0);
            let direction = DVec3::new(at(100), at(100), at(100) - 30.0);
            let view = View::perspective(position, direction, DVec3::Z, 1.0, 1.6, 900.0);
            for _ in 0..4 {
                let budget = Budget { max_bytes: cap };
                let selection = selector.select(&tree, &states, std::slice::from_ref(&view), budget);
                prop_assert_eq!(&selection, &twin.select(&tree, &states, std::slice::from_ref(&view), budget));
                if !states.is_empty() {
                    check_cover(&tree, &states, &view, &selection);
                }
                apply(&tree, &mut states, &selection, 3, &mut |_| match pick(10) {
                    0..=5 => LoadState::Ready { bytes: 1 + pick(3) },
                    6 => LoadState::Failed,
                    _ => LoadState::Loading { bytes: 3 },
                });
                prop_assert!(used(&states) <= cap, "{} of {} bytes", used(&states), cap);
                prop_assert!(selection.planned_bytes <= cap);
            }
        }
    }

    #[test]
    fn any_still_view_settles(seed in any::<u64>(), cap in 1_u64..300, x in -500.0..500.0, y in -500.0..500.0, z in 5.0..800.0) {
        let mut pick = choices(seed);
        let tree = quadtree(5, &mut |level| (pick(8) > 0, level == 0 || pick(8) > 1, pick(8) < 2));
        let view = View::perspective(DVec3::new(x, y, z), DVec3::new(0.2, 0.1, -1.0), DVec3::Z, 1.0, 1.6, 900.0);
        let (mut selector, mut states) = (Selector::new(Settings { default_tile_bytes: 2, ..Settings::default() }), Vec::new());
        let selection = settle(&tree, &mut selector, &mut states, std::slice::from_ref(&view), Budget { max_bytes: cap }, 2);
        prop_assert_eq!(selection.pending, 0);
        check_cover(&tree, &states, &view, &selection);
    }
}
