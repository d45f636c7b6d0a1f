//! Pictures of the native viewer without a display: not byte-equal (drivers differ), but showing what they must.

use sandtable_tests::{Server, demo, installed, program};
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

/// Topic and place (ENU metres) of the first river gauge.
fn river_gauge() -> (String, [f64; 3]) {
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let gauge = pack.model.entities().iter().find(|e| e.class == "river_level").unwrap();
    let binding = pack.bindings.iter().find(|b| b.entity == gauge.id).unwrap();
    (binding.topic.clone(), gauge.p_enu)
}

#[test]
fn two_wall_windows_show_the_same_state() {
    if !installed("mosquitto_pub") {
        println!("skipped: mosquitto_pub is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&demo().join("pack"), &dir.path().join("data"));
    let (topic, [x, y, z]) = river_gauge();
    let window = |dx: f64, dy: f64| {
        let eye = [x + dx, y + dy, z + 60.0];
        format!(
            "[[window]]\ntitle = \"墙\"\nsize = [480, 270]\nposition = [0, 0]\nlayers = [\"terrain\", \"alarms\", \"labels\"]\n\
             camera = {{ eye_enu = {eye:?}, target_enu = {:?} }}\n",
            [x, y, z]
        )
    };
    let layout = dir.path().join("wall.toml");
    std::fs::write(&layout, window(-80.0, -60.0) + &window(70.0, 90.0)).unwrap();
    let wall = |name: &str| {
        let out = dir.path().join(format!("{name}.png"));
        let mut command = Command::new(program("sandtable-desk"));
        command.args([
            "--server",
            &server.url,
            "--wall",
            &layout.to_string_lossy(),
            "--capture",
            &out.to_string_lossy(),
        ]);
        let output = command.args(["--bare"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        [0, 1].map(|i| Picture::read(&dir.path().join(format!("{name}-{i}.png"))))
    };
    let calm = wall("calm");
    server.publish(&topic, r#"{"m":{"water_level_m":21.7}}"#);
    let alarmed = wall("alarmed");
    for (i, (before, after)) in calm.iter().zip(&alarmed).enumerate() {
        let changed = before.difference(after);
        assert!(changed > 0.0005, "window {i}: the alarm changed {:.3} % of the pixels", changed * 100.0);
    }
}
