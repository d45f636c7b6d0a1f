//! Damaged files give an error or a file, never a panic, and never a huge allocation.

use crate::common::{COMPRESSED, CONVERTED, GENUINE, geometries, sample, small_tile};
use osgb::{OsgbErrorKind, flatten, read, write::write_v91};
use proptest::prelude::*;

/// Reads, and checks what every reader promises of a file it accepts.
fn check(bytes: &[u8]) -> bool {
    let Ok(file) = read(bytes) else { return false };
    for geometry in geometries(&file.root) {
        let n = geometry.positions.len();
        assert!(geometry.indices.iter().all(|i| (*i as usize) < n));
        assert_eq!(geometry.indices.len() % 3, 0);
        assert!(geometry.uvs.as_ref().is_none_or(|uvs| uvs.len() == n));
        assert!(geometry.normals.as_ref().is_none_or(|normals| normals.len() == n));
    }
    let finite = |m: &osgb::FlatMesh| m.indices.iter().all(|i| m.positions[*i as usize].iter().all(|x| x.is_finite()));
    // no matrix in these files, so that only the vertices themselves can be at fault
    assert!(flatten(&file).meshes.iter().all(finite));
    true
}

#[test]
fn truncated_small_tile() {
    let bytes = write_v91(&small_tile());
    assert!(check(&bytes));
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        assert!(error.offset <= length, "{error}");
        assert!(matches!(error.kind, OsgbErrorKind::Truncated { .. }), "{length}: {error}");
    }
}

#[test]
fn truncated_samples() {
    for name in [GENUINE, CONVERTED, COMPRESSED] {
        let Some(path) = sample(name) else { return };
        let bytes = std::fs::read(path).unwrap();
        for length in (0..bytes.len()).step_by(100) {
            assert!(read(&bytes[..length]).is_err(), "{name} cut to {length} bytes was accepted");
        }
    }
}

#[test]
fn every_byte_of_the_small_tile_changed() {
    let bytes = write_v91(&small_tile());
    let mut accepted = 0;
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0xFF, bytes[at] ^ 0x01, bytes[at] ^ 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            accepted += usize::from(check(&damaged));
        }
    }
    // changed numbers make valid files, changed structure does not
    assert!(accepted > 0 && accepted < bytes.len() * 6);
}

#[test]
fn sample_bytes_changed() {
    for name in [GENUINE, CONVERTED] {
        let Some(path) = sample(name) else { return };
        let bytes = std::fs::read(path).unwrap();
        for at in (0..bytes.len()).step_by(37).chain(0..1000).filter(|at| *at < bytes.len()) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            check(&damaged);
        }
    }
}

#[test]
fn messages_name_the_byte() {
    assert_eq!(
        read(b"PK\x03\x04 and so on").unwrap_err().to_string(),
        "byte 0: not an OSGB file (expected the bytes a1 0e 91 6c 45 45 fb 1a, or each half reversed)"
    );
    let mut bytes = write_v91(&small_tile());
    bytes.truncate(40);
    assert_eq!(
        read(&bytes).unwrap_err().to_string(),
        "byte 29: expected object class name (13 bytes), but only 11 bytes are left"
    );
}

#[test]
fn nesting_and_self_reference_are_refused() {
    let mut node = small_tile();
    for _ in 0..osgb::MAX_DEPTH + 5 {
        node = osgb::Node::Group { children: vec![node] };
    }
    assert_eq!(read(&write_v91(&node)).unwrap_err().kind, OsgbErrorKind::TooDeep);
    // a group whose only child is itself: same class, same id
    let mut own = write_v91(&osgb::Node::Group { children: vec![osgb::Node::Group { children: Vec::new() }] });
    let second = own.windows(10).rposition(|w| w == b"osg::Group").unwrap();
    own[second + 10] = 1;
    let error = read(&own).unwrap_err();
    assert!(error.to_string().contains("unique id is 1"), "{error}");
}

/// Groups that hold the next group twice, the second time by reference: 2^60 nodes in 5 KB.
#[test]
fn doubling_by_reference_is_refused() {
    fn word(bytes: &mut Vec<u8>, w: u32) {
        bytes.extend(w.to_le_bytes());
    }
    fn group(bytes: &mut Vec<u8>, id: u32, last: u32) {
        word(bytes, 10);
        bytes.extend(b"osg::Group");
        word(bytes, id);
        word(bytes, 0);
        word(bytes, 2);
        bytes.extend([0, 0, 0, 0, 0, 0, 1]);
        word(bytes, u32::MAX);
        bytes.extend([0, u8::from(id < last)]);
        if id < last {
            word(bytes, 2);
            group(bytes, id + 1, last);
            word(bytes, 10);
            bytes.extend(b"osg::Group");
            word(bytes, id + 1);
        }
    }
    let scene = |depth: u32| {
        let mut bytes = Vec::new();
        [0x6C91_0EA1, 0x1AFB_4545, 1, 91, 0, 1].into_iter().for_each(|w| word(&mut bytes, w));
        bytes.push(b'0');
        group(&mut bytes, 1, depth);
        bytes
    };
    let file = read(&scene(5)).unwrap();
    assert_eq!(format!("{:?}", file.root).matches("Group").count(), 31);
    assert!(matches!(read(&scene(60)).unwrap_err().kind, OsgbErrorKind::TooLarge { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_after_a_header(tail in proptest::collection::vec(any::<u8>(), 0..400), brackets in any::<bool>(), version in 56_u32..170) {
        let mut bytes = Vec::new();
        for word in [0x6C91_0EA1, 0x1AFB_4545, 1, version, if brackets { 4 } else { 0 }] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(b"\x01\0\0\x000\x0d\0\0\0osg::PagedLOD");
        bytes.extend(tail);
        check(&bytes);
    }

    #[test]
    fn several_changes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = write_v91(&small_tile());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check(&bytes);
    }
}
