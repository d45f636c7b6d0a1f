//! Takes real pictures with the binary on a small pack: the whole way from files to pixels, without a display.

#[expect(dead_code, reason = "the example also uses the runs")]
mod tiny_pack;

use bevy::image::{CompressedImageFormats, Image, ImageSampler, ImageType};
use bevy::prelude::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use twin_bevy::{LocalEngine, LocalEvent, LocalRequest};
use twin_model::{RunId, Scenario};

fn has_vulkan() -> bool {
    let there = std::env::var_os("VK_ICD_FILENAMES").is_some()
        || std::fs::read_dir("/usr/share/vulkan/icd.d").is_ok_and(|mut d| d.next().is_some());
    if !there {
        eprintln!("skipped: no Vulkan driver on this machine");
    }
    there
}

fn has_font() -> bool {
    let there = Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").is_file();
    if !there {
        eprintln!("skipped: fonts-noto-cjk is not installed");
    }
    there
}

fn desk(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandtable-desk")).args(arguments).output().unwrap()
}

fn pack() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    tiny_pack::write(dir.path());
    let text = dir.path().to_str().unwrap().to_owned();
    (dir, text)
}

struct Picture {
    image: Image,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let format = ImageType::Extension("png");
        let none = CompressedImageFormats::NONE;
        let usage = bevy::asset::RenderAssetUsages::MAIN_WORLD;
        Self { image: Image::from_buffer(&bytes, format, none, true, ImageSampler::Default, usage).unwrap() }
    }

    fn rgb(&self, x: u32, y: u32) -> [f32; 3] {
        let c = self.image.get_color_at(x, y).unwrap().to_srgba();
        [c.red, c.green, c.blue]
    }

    /// Share of pixels for which `is` holds.
    fn share(&self, is: impl Fn([f32; 3]) -> bool) -> f32 {
        let (w, h) = (self.image.width(), self.image.height());
        let all = (0..h).step_by(2).flat_map(|y| (0..w).step_by(2).map(move |x| (x, y)));
        let hits = all.clone().filter(|(x, y)| is(self.rgb(*x, *y))).count();
        hits as f32 / all.count() as f32
    }
}

fn is_green([r, g, b]: [f32; 3]) -> bool {
    g > r + 0.04 && g > b + 0.08 && g > 0.3
}

fn out(dir: &Path, name: &str) -> (PathBuf, String) {
    let path = dir.join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn a_picture_shows_ground_buildings_and_the_selection() {
    if !has_vulkan() || !has_font() {
        return;
    }
    let (dir, pack) = pack();
    let (plain, plain_text) = out(dir.path(), "plain.png");
    let run =
        desk(&["--pack", &pack, "--capture", &plain_text, "--size", "640x400", "--low", "--bare", "--settle", "0"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let plain = Picture::read(&plain);
    assert!(plain.share(is_green) > 0.15, "ground: {}", plain.share(is_green));

    let (picked, picked_text) = out(dir.path(), "picked.png");
    let home = "-330,-460,260,10,-20,5";
    let run = desk(&[
        "--pack",
        &pack,
        "--capture",
        &picked_text,
        "--size",
        "640x400",
        "--low",
        "--bare",
        "--settle",
        "0",
        "--camera",
        home,
        "--select",
        "6号楼",
        "--hide",
        "terrain",
    ]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let picked = Picture::read(&picked);
    assert!(picked.share(is_green) < plain.share(is_green) / 2.0, "the hidden ground is still there");
    let is_glow = |[r, g, b]: [f32; 3]| b > 0.6 && g > 0.45 && b > r + 0.12 && r < 0.7;
    let difference = picked.share(is_glow) - plain.share(is_glow);
    assert!(difference.abs() > 0.0005, "the selected building looks like the others: {difference}");
}

#[test]
fn a_wall_writes_one_picture_per_window() {
    if !has_vulkan() || !has_font() {
        return;
    }
    let (dir, pack) = pack();
    let layout = dir.path().join("wall.toml");
    let windows = "[[window]]\ntitle=\"甲\"\nsize=[480,320]\nlayers=[\"terrain\"]\n\
                   [[window]]\ntitle=\"乙\"\nsize=[320,320]\nlayers=[\"buildings\"]\n";
    std::fs::write(&layout, windows).unwrap();
    let (path, text) = out(dir.path(), "wall.png");
    let run =
        desk(&["--pack", &pack, "--capture", &text, "--low", "--settle", "0", "--wall", layout.to_str().unwrap()]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let pictures = ["wall-0.png", "wall-1.png"].map(|name| Picture::read(&path.with_file_name(name)));
    assert_eq!((pictures[0].image.width(), pictures[1].image.width()), (480, 320));
    assert!(
        pictures[0].share(is_green) > 0.1 && pictures[1].share(is_green) < 0.05,
        "the windows show the same layers"
    );
}

/// Polls until a run has ended; what was said of it.
fn to_the_end(engine: &mut desk::ThreadEngine) -> Vec<LocalEvent> {
    let mut said = Vec::new();
    for _ in 0..12_000 {
        said.extend(engine.poll().into_iter().map(|(_, event)| event));
        if matches!(said.last(), Some(LocalEvent::Done(_) | LocalEvent::Failed(_))) {
            return said;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the run does not end: {} events", said.len());
}

#[test]
fn a_pack_without_a_server_floods_in_the_viewer() {
    let (_dir, pack) = pack();
    let mut engine = desk::ThreadEngine::new(pack.into());
    let scenario = |base: &str, duration_s: f64| -> Scenario {
        let text = format!(
            r#"{{"name": "本机", "base": "{base}", "duration_s": {duration_s}, "frame_interval_s": 30.0, "cell_m": 4.0,
                "forcing": {{ "rain": {{ "source": "constant", "rain_mmph": 90.0 }}, "river": {{ "source": "none" }} }}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let start = |n: u64, scenario: Scenario| LocalRequest::Start {
        run: RunId::local(n),
        scenario,
        live_json: r#"{"now":1,"state":[]}"#.into(),
        preview: false,
    };
    engine.send(start(1, scenario("none", 60.0)));
    let said = to_the_end(&mut engine);
    assert!(matches!(said[0], LocalEvent::Ready(..)) && said.len() == 5, "{} events", said.len());
    let LocalEvent::Frame(last) = &said[3] else { panic!("three frames come") };
    let LocalEvent::Done(greatest) = &said[4] else { panic!("then the end") };
    let [last, greatest] = [last, greatest].map(|b| community_pack::run_folder::decode(b).unwrap());
    assert!(last.values_m.iter().any(|d| *d > 0.0) && last.t_s == 60.0);
    assert!(greatest.values_m.iter().zip(&last.values_m).all(|(g, l)| g >= l));

    // A bad edit is refused and the run goes on; a stopped run says nothing more.
    let bad = r#"[{"kind": "barrier", "line_enu": [[0.0, 0.0], [9.0, 0.0]], "height_m": -1.0}]"#;
    let run = RunId::local(2);
    engine.send(start(2, scenario("none", 3600.0)));
    engine.send(LocalRequest::Edit { run, interventions: serde_json::from_str(bad).unwrap() });
    let refused = (0..12_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        engine.poll().iter().any(|(_, e)| matches!(e, LocalEvent::Refused(line) if line.contains("height_m")))
    });
    assert!(refused, "a height below zero is refused");
    engine.send(LocalRequest::Cancel { run });
    engine.send(start(3, scenario("live", 60.0)));
    assert!(matches!(to_the_end(&mut engine).last(), Some(LocalEvent::Done(_))), "given rain needs no gauge");
    engine.send(start(4, Scenario { forcing: Default::default(), ..scenario("live", 60.0) }));
    let Some(LocalEvent::Failed(line)) = to_the_end(&mut engine).pop() else { panic!("there are no gauges") };
    assert!(line.starts_with("no fresh rain gauge") && !line.contains('\n'), "{line}");
}

#[test]
fn mistakes_end_with_one_clear_line() {
    let run = desk(&["--pack", "/no/such/pack", "--capture", "/tmp/x.png"]);
    assert_eq!(run.status.code(), Some(1));
    let line = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(line.contains("/no/such/pack") || line.contains("font"), "{line}");
    assert_eq!(desk(&["--capture", "x.png"]).status.code(), Some(2));
    assert_eq!(desk(&["--pack", "p", "--show", "palace"]).status.code(), Some(2));
}
