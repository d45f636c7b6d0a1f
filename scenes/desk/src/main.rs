//! `sandtable-desk`: the native viewer (电子沙盘桌面端).

use anyhow::{Context, bail};
use clap::Parser;
use desk::{AppOptions, CaptureOptions, FontBytes, StartOptions, ViewOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use twin_bevy::{Source, WallClock};
use twin_model::{CameraPose, EntityId, LayerKind, RunId, Scenario, StoreyIndex, TimeMs};
use twin_ui::RightTab;
use twin_view::Quality;

/// Shows a community: a pack folder, or the live state of a server.
#[derive(Debug, Parser)]
#[command(name = "sandtable-desk", version)]
struct Args {
    /// Pack folder. Without a server there is no live state.
    #[arg(long, value_name = "PACK", conflicts_with = "server", required_unless_present = "server")]
    pack: Option<PathBuf>,
    /// Server, e.g. http://127.0.0.1:8737
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Wall layout: several windows on one state.
    #[arg(long, value_name = "LAYOUT.toml")]
    wall: Option<PathBuf>,
    /// Opens the scenario editor, with a scenario file if one is given.
    #[arg(long, value_name = "SCENARIO.toml", num_args = 0..=1)]
    edit: Option<Option<PathBuf>>,
    /// Font with Chinese (TTF, OTF or TTC); by default a Noto or Source Han font of the system.
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Face within a font collection.
    #[arg(long, value_name = "N", default_value_t = 0)]
    font_index: u32,
    /// Less work per picture: plain surfaces, hard shadows, no multisampling.
    #[arg(long)]
    low: bool,
    /// Writes a PNG without a display instead of opening a window.
    #[arg(long, value_name = "OUT.png")]
    capture: Option<PathBuf>,
    /// `home`, or eye and target in ENU metres: ex,ey,ez,tx,ty,tz
    #[arg(long, default_value = "home", allow_hyphen_values = true)]
    camera: String,
    /// Size of the window or picture in pixels.
    #[arg(long, default_value = "1600x900")]
    size: String,
    /// Selects an entity: its id, its code, or a search text.
    #[arg(long, value_name = "ENTITY")]
    select: Option<String>,
    /// Shows a layer (can be repeated).
    #[arg(long, value_name = "LAYER", value_parser = layer)]
    show: Vec<LayerKind>,
    /// Hides a layer (can be repeated).
    #[arg(long, value_name = "LAYER", value_parser = layer)]
    hide: Vec<LayerKind>,
    /// Shows a run of the server.
    #[arg(long, value_name = "ID")]
    run: Option<u64>,
    /// Shows one storey of an evacuation's building alone, counted from the lowest, 0
    #[arg(long, value_name = "N")]
    storey: Option<u32>,
    /// Simulated second of that run.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    time: f64,
    /// Compares two runs: FIRST,SECOND
    #[arg(long, value_name = "FIRST,SECOND")]
    compare: Option<String>,
    /// Search text to begin with.
    #[arg(long, value_name = "TEXT", default_value = "")]
    query: String,
    /// Tab on the right: selection, alarms, cases or edit.
    #[arg(long, value_parser = tab)]
    tab: Option<RightTab>,
    /// Only the picture, no panels.
    #[arg(long)]
    bare: bool,
    /// Seconds to go on after everything has arrived (capture).
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    settle: f64,
    /// Give up after so many seconds (capture).
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0)]
    timeout: f64,
}

fn layer(text: &str) -> Result<LayerKind, String> {
    let found = LayerKind::ALL.into_iter().find(|k| layer_key(*k) == text);
    found.ok_or_else(|| format!("must be one of {}", LayerKind::ALL.map(layer_key).join(" ")))
}

fn layer_key(kind: LayerKind) -> String {
    let debug = format!("{kind:?}");
    let mut key = String::new();
    for c in debug.chars() {
        if c.is_uppercase() && !key.is_empty() {
            key.push('_');
        }
        key.push(c.to_ascii_lowercase());
    }
    key
}

fn tab(text: &str) -> Result<RightTab, String> {
    match text {
        "selection" => Ok(RightTab::Selection),
        "alarms" => Ok(RightTab::Alarms),
        "cases" => Ok(RightTab::Cases),
        "edit" => Ok(RightTab::Edit),
        _ => Err("must be selection, alarms, cases or edit".to_owned()),
    }
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandtable-desk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let options = options(&args)?;
    let capture = options.capture.is_some();
    if let Some(pack) = &args.pack
        && !pack.join("community.json").is_file()
    {
        bail!("{}: no community.json: not a pack folder", pack.display());
    }
    if capture {
        let files = desk::capture_pictures(desk::app(options)).map_err(anyhow::Error::msg)?;
        for file in files {
            println!("{}", file.display());
        }
        return Ok(());
    }
    match desk::app(options).run() {
        bevy::app::AppExit::Success => Ok(()),
        bevy::app::AppExit::Error(code) => bail!("the viewer ended with code {code}"),
    }
}

fn options(args: &Args) -> anyhow::Result<AppOptions> {
    let source = match (&args.pack, &args.server) {
        (_, Some(url)) => Source::Server(url.clone()),
        (Some(dir), None) => Source::PackDir(dir.clone()),
        (None, None) => bail!("--pack or --server is needed"),
    };
    let size = parse_size(&args.size)?;
    let camera = parse_camera(&args.camera)?;
    let views = match &args.wall {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            desk::wall::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?
        }
        None => vec![ViewOptions { camera, size, bare: args.bare, ..Default::default() }],
    };
    let compare = args.compare.as_deref().map(parse_pair).transpose()?;
    Ok(AppOptions {
        font: font(args)?,
        clock: WallClock(now),
        quality: if args.low { Quality::Low } else { Quality::High },
        views,
        wall: args.wall.is_some(),
        edit: args.edit.as_ref().map(|path| path.as_deref().map(scenario).transpose()).transpose()?,
        start: StartOptions {
            select: args.select.as_deref().map(|text| select(args, text)).transpose()?,
            fly: camera.is_none(),
            show: args.show.clone(),
            hide: args.hide.clone(),
            run: args.run.map(|id| (RunId(id), args.time)),
            storey: args.storey.map(StoreyIndex),
            compare,
            query: args.query.clone(),
            tab: args.tab,
        },
        capture: args.capture.clone().map(|out| CaptureOptions {
            out,
            settle_s: args.settle,
            timeout_s: args.timeout,
            wait_live: args.server.is_some(),
        }),
        source,
    })
}

fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn parse_size(text: &str) -> anyhow::Result<(u32, u32)> {
    let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?)));
    match parts {
        Some((w @ 320..=8192, h @ 240..=8192)) => Ok((w, h)),
        _ => bail!("--size {text}: must be WIDTHxHEIGHT, 320..8192 × 240..8192"),
    }
}

fn parse_camera(text: &str) -> anyhow::Result<Option<CameraPose>> {
    if text == "home" {
        return Ok(None);
    }
    let numbers: Vec<f64> =
        text.split(',').map_while(|n| n.trim().parse().ok()).filter(|n: &f64| n.is_finite()).collect();
    let [ex, ey, ez, tx, ty, tz] = numbers[..] else {
        bail!("--camera {text}: must be home or six numbers ex,ey,ez,tx,ty,tz (ENU metres)");
    };
    Ok(Some(CameraPose { eye_enu: [ex, ey, ez], target_enu: [tx, ty, tz] }))
}

fn parse_pair(text: &str) -> anyhow::Result<(RunId, RunId)> {
    let pair =
        text.split_once(',').and_then(|(a, b)| Some((RunId(a.trim().parse().ok()?), RunId(b.trim().parse().ok()?))));
    pair.with_context(|| format!("--compare {text}: must be two run ids FIRST,SECOND"))
}

fn scenario(path: &Path) -> anyhow::Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let scenario: Scenario = toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    scenario.validate().with_context(|| path.display().to_string())?;
    Ok(scenario)
}

/// An id, or the best search hit in the pack's table (only for a pack folder: a server is not asked before the start).
fn select(args: &Args, text: &str) -> anyhow::Result<EntityId> {
    if let Ok(id) = text.parse() {
        return Ok(EntityId(id));
    }
    let Some(dir) = &args.pack else { bail!("--select {text}: with --server an entity id is needed") };
    let pack = community_pack::Pack::open(dir)?;
    let hit = pack.model.search(text, 1).into_iter().next();
    hit.map(|h| h.id).with_context(|| format!("--select {text}: nothing found in {}", dir.display()))
}

/// Where fonts with Chinese usually are, and the face of Simplified Chinese in them.
const FONTS: [(&str, u32); 6] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("C:\\Windows\\Fonts\\msyh.ttc", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
];

fn font(args: &Args) -> anyhow::Result<FontBytes> {
    if let Some(path) = &args.font {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        return Ok(FontBytes { bytes, index: args.font_index });
    }
    for (path, index) in FONTS {
        if let Ok(bytes) = std::fs::read(path) {
            return Ok(FontBytes { bytes, index });
        }
    }
    bail!("no font with Chinese found: install fonts-noto-cjk, or name one with --font FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        assert_eq!(parse_size("1280x720").unwrap(), (1280, 720));
        assert!(parse_size("1280").is_err() && parse_size("0x0").is_err());
        assert!(parse_camera("home").unwrap().is_none());
        assert_eq!(parse_camera("1,2,3,-4,5,6").unwrap().unwrap().target_enu, [-4.0, 5.0, 6.0]);
        assert!(parse_camera("1,2,3,4,5").is_err() && parse_camera("1,2,3,4,5,NaN").is_err());
        assert_eq!(layer("depth_difference").unwrap(), LayerKind::DepthDifference);
        assert!(layer("palace").unwrap_err().contains("terrain"));
    }
}
