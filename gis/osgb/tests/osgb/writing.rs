//! What the writer writes reads back, here and in osgconv.

use crate::common::{as_printed, geometries, osgconv, printed, scratch, small_tile};
use osgb::{Lod, LodChild, Node, RangeMode, read, write::write_v91};

#[test]
fn round_trip() {
    let tile = small_tile();
    let file = read(&write_v91(&tile)).unwrap();
    assert_eq!((file.version, file.trailing_bytes), (91, 0));
    assert_eq!(file.root, tile);
}

#[test]
fn round_trip_of_every_node_kind() {
    let matrix = [0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 5.0, 6.0, 7.0, 1.0];
    let level = |range, node| LodChild { range, file: None, node: Some(node) };
    let lod = Lod {
        center: [1.0, 2.0, 3.0],
        radius: 4.0,
        range_mode: RangeMode::DistanceFromEyePoint,
        children: vec![level((0.0, 50.0), small_tile()), level((50.0, 1e6), Node::Geode(Vec::new()))],
    };
    let root = Node::Group {
        children: vec![
            Node::Transform { matrix, children: vec![small_tile()] },
            Node::Lod(lod),
            Node::Group { children: Vec::new() },
        ],
    };
    let file = read(&write_v91(&root)).unwrap();
    assert_eq!(file.root, root);
    let flat = osgb::flatten(&file);
    // the transformed tile's first vertex: (0, 0, 1.5) turned a quarter and moved
    let first = &flat.meshes[0];
    let at: Vec<f64> = (0..3).map(|i| first.origin[i] + f64::from(first.positions[1][i])).collect();
    assert_eq!(at, [5.0, 16.25, 8.0]);
    assert_eq!(flat.children.len(), 2);
    assert_eq!(flat.children[0].center, [1.0, 11.0, 7.0]);
}

#[test]
fn osgconv_takes_what_we_write() {
    let folder = scratch("takes_ours");
    let tile = small_tile();
    let ours = folder.join("ours.osgb");
    std::fs::write(&ours, write_v91(&tile)).unwrap();
    let text = folder.join("ours.osgt");
    if osgconv("PRECISION 9", &ours, &text).is_none() {
        return;
    }
    let text = std::fs::read_to_string(text).unwrap();
    let expected: Vec<_> = geometries(&tile).into_iter().map(as_printed).collect();
    assert_eq!(printed(&text), expected);
    for part in [
        "UserCenter 5 4 0 7.25",
        "512.5 1.0000000",
        "\"Tile_+000_+000_L16_0.osgb\"",
        "PIXEL_SIZE_ON_SCREEN",
        "Diffuse TRUE Front 0.5 0.25 0.125 1",
        "Image TRUE",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    // and the same through osgconv's own binary, plain and packed
    for options in
        ["WriteImageHint=IncludeFile", "WriteImageHint=IncludeFile Compressor=zlib", "WriteImageHint=IncludeData"]
    {
        let again = folder.join("again.osgb");
        osgconv(options, &ours, &again);
        let file = read(&std::fs::read(&again).unwrap()).unwrap();
        assert_eq!((file.version, file.trailing_bytes), (161, 0), "{options}");
        for (a, b) in geometries(&file.root).into_iter().zip(geometries(&tile)) {
            assert_eq!(
                (&a.positions, &a.normals, &a.uvs, &a.colours, &a.indices, a.colour),
                (&b.positions, &b.normals, &b.uvs, &b.colours, &b.indices, b.colour),
                "{options}"
            );
            let size = |g: &osgb::Geometry| g.texture.as_ref().and_then(|t| t.dimensions());
            assert_eq!(size(a), size(b), "{options}");
        }
    }
}
