//! Genuine and converted tiles give what osgconv prints.

use crate::common::{COMPRESSED, CONVERTED, GENUINE, as_printed, geometries, osgconv, printed, sample, scratch};
use osgb::{ImageData, Node, RangeMode, flatten, geometric_error, read};

#[test]
fn same_numbers_as_osgconv() {
    for name in [GENUINE, CONVERTED, COMPRESSED] {
        let Some(path) = sample(name) else { return };
        let folder = scratch("same_numbers");
        let text = folder.join(format!("{name}.osgt"));
        // nine significant digits name every f32 uniquely
        if osgconv("PRECISION 9", &path, &text).is_none() {
            return;
        }
        let expected = printed(&std::fs::read_to_string(&text).unwrap());
        let file = read(&std::fs::read(&path).unwrap()).unwrap();
        let found: Vec<_> = geometries(&file.root).into_iter().map(as_printed).collect();
        assert!(found == expected, "{name} differs from {}", text.display());
        assert_eq!(expected.len(), 2);
        assert!(
            expected[0].vertices.len() == 194 * 3
                && expected[0].uvs.len() == 194 * 2
                && expected[0].indices.len() == 336
        );
    }
}

#[test]
fn genuine_and_converted_agree() {
    let (Some(a), Some(b), Some(c)) = (sample(GENUINE), sample(CONVERTED), sample(COMPRESSED)) else { return };
    let [a, b, c] = [a, b, c].map(|path| read(&std::fs::read(path).unwrap()).unwrap());
    assert_eq!((a.version, b.version, c.version), (91, 161, 161));
    assert_eq!([a.trailing_bytes, b.trailing_bytes, c.trailing_bytes], [0; 3]);
    // osgconv encodes the JPEG anew or stores pixels; size in pixels and name stay
    let image = |g: &osgb::Geometry| g.texture.as_ref().map(|t| (t.file_name.clone(), t.dimensions()));
    let ga = geometries(&a.root);
    for other in [&b, &c] {
        for (x, y) in ga.iter().zip(geometries(&other.root)) {
            assert!((&x.positions, &x.uvs, &x.indices, x.colour) == (&y.positions, &y.uvs, &y.indices, y.colour));
            assert_eq!(image(x), image(y));
        }
    }
    assert_eq!(image(ga[0]), Some(("Tile_+000_+000_0.jpg".to_owned(), Some((256, 128)))));
    assert!(ga[1].texture.is_none());
}

#[test]
fn paged_levels_and_geometric_error() {
    let Some(path) = sample(GENUINE) else { return };
    let file = read(&std::fs::read(path).unwrap()).unwrap();
    let Node::PagedLod(lod) = &file.root else { panic!("root is not paged") };
    assert_eq!(lod.range_mode, RangeMode::PixelSizeOnScreen);
    let flat = flatten(&file);
    assert_eq!(flat.children.len(), 1);
    let child = &flat.children[0];
    assert_eq!(child.file, "Tile_+000_+000_L16_0.osgb");
    assert_eq!(child.range.0, lod.radius as f32);
    // 2 m per pixel at level 15, hence 32 m at 16 pixels
    assert!((geometric_error(16.0, child.radius, f64::from(child.range.0)) - 32.0).abs() < 1e-5);
    assert_eq!(flat.meshes.len(), 2);
    let texture = flat.meshes[0].texture.as_ref().unwrap();
    assert!(matches!(&texture.data, ImageData::Jpeg(bytes) if bytes.len() == 16767));
}
