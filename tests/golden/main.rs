//! Pictures of the native viewer without a display: not byte-equal (drivers differ), but showing what they must.

use sandtable_tests::{demo, program};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let channels = info.color_type.samples();
        let pixels = bytes[..info.buffer_size()].chunks_exact(channels).map(|p| [p[0], p[1], p[2]]).collect();
        Self { width: info.width as usize, pixels }
    }

    /// Share of pixels that satisfy a predicate.
    fn share(&self, is: impl Fn([u8; 3]) -> bool) -> f64 {
        self.pixels.iter().filter(|p| is(**p)).count() as f64 / self.pixels.len() as f64
    }

    /// Number of different colours, of 4096 classes.
    fn colours(&self) -> usize {
        let mut seen = vec![false; 4096];
        for [r, g, b] in &self.pixels {
            seen[usize::from(r >> 4) << 8 | usize::from(g >> 4) << 4 | usize::from(b >> 4)] = true;
        }
        seen.iter().filter(|s| **s).count()
    }

    fn difference(&self, other: &Picture) -> f64 {
        assert_eq!((self.width, self.pixels.len()), (other.width, other.pixels.len()));
        let differing = self.pixels.iter().zip(&other.pixels).filter(|(a, b)| (0..3).any(|k| a[k].abs_diff(b[k]) > 24));
        differing.count() as f64 / self.pixels.len() as f64
    }
}

fn capture(out: &Path, extra: &[&str]) -> Picture {
    let pack = demo().join("pack");
    let mut command = Command::new(program("sandtable-desk"));
    command
        .args(["--pack", &pack.to_string_lossy(), "--capture", &out.to_string_lossy(), "--size", "640x360"])
        .args(extra);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Picture::read(out)
}

#[test]
fn the_home_view_shows_the_community_and_layers_can_be_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let home = capture(&dir.path().join("home.png"), &["--camera", "home"]);
    let black = home.share(|p| p == [0, 0, 0]);
    assert!(black < 0.05, "{:.0} % of the picture is black", black * 100.0);
    assert!(home.colours() > 150, "only {} colour classes: an empty scene", home.colours());

    let bare = capture(&dir.path().join("bare.png"), &["--camera", "home", "--hide", "buildings", "--hide", "bim"]);
    let changed = home.difference(&bare);
    assert!(changed > 0.03, "hiding the buildings changed {:.1} % of the pixels", changed * 100.0);
}
