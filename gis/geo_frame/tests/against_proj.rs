//! Compares with PROJ's `cs2cs`, where it is installed: every point of a grid over China in one process per system.

use std::io::Write as _;
use std::process::{Command, Stdio};

use geo_frame::{Crs, Geodetic};

const TOLERANCE_M: f64 = 1e-3;

struct Case {
    code: u32,
    source: &'static str,
    /// PROJ prints northing first for these.
    north_first: bool,
    points: Vec<(f64, f64)>,
}

/// Points within `half_width` degrees of the meridian over the latitudes of China.
fn strip(meridian: f64, half_width: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for row in 0..9 {
        for column in 0..5 {
            let lon = meridian - half_width + half_width * 0.499 * f64::from(column);
            out.push((lon, 18.123_456 + 4.187_654 * f64::from(row)));
        }
    }
    out
}

fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (index, code) in (4534..=4554u32).enumerate() {
        let meridian = 75.0 + 3.0 * index as f64;
        out.push(Case { code, source: "EPSG:4490", north_first: true, points: strip(meridian, 1.5) });
        out.push(Case { code: code - 21, source: "EPSG:4490", north_first: true, points: strip(meridian, 1.5) });
    }
    for (index, code) in (4491..=4501u32).enumerate() {
        let meridian = 75.0 + 6.0 * index as f64;
        out.push(Case { code, source: "EPSG:4490", north_first: true, points: strip(meridian, 3.0) });
        out.push(Case { code: code + 11, source: "EPSG:4490", north_first: true, points: strip(meridian, 3.0) });
    }
    for zone in 43..=53u32 {
        let meridian = f64::from(zone) * 6.0 - 183.0;
        out.push(Case { code: 32600 + zone, source: "EPSG:4326", north_first: false, points: strip(meridian, 3.0) });
    }
    out.push(Case { code: 3857, source: "EPSG:4326", north_first: false, points: strip(110.0, 20.0) });
    out
}

/// PROJ's answer for all points of a case, or `None` when `cs2cs` cannot be started.
fn ask_proj(case: &Case) -> Option<Vec<[f64; 2]>> {
    let mut child = Command::new("cs2cs")
        .args(["-f", "%.6f", case.source, &format!("EPSG:{}", case.code)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = String::new();
    for (lon, lat) in &case.points {
        // 4490 and 4326 are latitude first in PROJ
        input.push_str(&format!("{lat:.12} {lon:.12}\n"));
    }
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "cs2cs failed for EPSG:{}", case.code);
    let text = String::from_utf8(output.stdout).ok()?;
    let pairs = text.lines().map(|line| {
        let mut numbers = line.split_whitespace().filter_map(|w| w.parse::<f64>().ok());
        let (a, b) = (numbers.next().unwrap_or(f64::NAN), numbers.next().unwrap_or(f64::NAN));
        if case.north_first { [b, a] } else { [a, b] }
    });
    Some(pairs.collect())
}

#[test]
fn agrees_with_proj_to_a_millimetre() {
    let mut compared = 0usize;
    let mut worst_m = 0.0f64;
    for case in cases() {
        let Some(expected) = ask_proj(&case) else {
            println!("skipped: cs2cs (package proj-bin) is not installed");
            return;
        };
        assert_eq!(expected.len(), case.points.len());
        let crs = Crs::from_epsg(case.code).unwrap();
        for ((lon, lat), want) in case.points.iter().zip(expected) {
            let got = crs.from_geodetic(Geodetic::new(*lon, *lat, 0.0)).unwrap();
            let d = (got[0] - want[0]).hypot(got[1] - want[1]);
            assert!(d <= TOLERANCE_M, "EPSG:{} at {lon},{lat}: {got:?} against PROJ {want:?}: {d} m", case.code);
            worst_m = worst_m.max(d);
            let back = crs.to_geodetic([want[0], want[1], 0.0]).unwrap();
            let (dx, dy) = ((back.lon_deg - lon) * 111_320.0, (back.lat_deg - lat) * 111_320.0);
            assert!(dx.hypot(dy) <= TOLERANCE_M, "EPSG:{} back at {lon},{lat}: {back:?}", case.code);
            compared += 1;
        }
    }
    println!("compared {compared} points, worst difference {worst_m:.2e} m");
    assert!(compared >= 200);
}
