//! Takes real pictures with the binary on a small pack: the whole way from files to pixels, without a display.

#[expect(dead_code, reason = "the example also uses the runs")]
mod tiny_pack;

use bevy::image::{CompressedImageFormats, Image, ImageSampler, ImageType};
use bevy::prelude::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

#[test]
fn mistakes_end_with_one_clear_line() {
    let run = desk(&["--pack", "/no/such/pack", "--capture", "/tmp/x.png"]);
    assert_eq!(run.status.code(), Some(1));
    let line = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(line.contains("/no/such/pack") || line.contains("font"), "{line}");
    assert_eq!(desk(&["--capture", "x.png"]).status.code(), Some(2));
    assert_eq!(desk(&["--pack", "p", "--show", "palace"]).status.code(), Some(2));
}
