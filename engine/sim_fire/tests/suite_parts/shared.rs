//! Published measurements that are not part of the repository; skipped where the data are missing.

use sim_fire::verification::{Layers, StecklerTest, steckler};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    std::env::var_os("SANDTABLE_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"))
}

/// The number after `KEY =` in a CFAST input.
fn number(text: &str, key: &str) -> Option<f64> {
    let after = text.split_once(&format!("{key} = "))?.1;
    let end = after.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == 'E')).unwrap_or(after.len());
    after[..end].parse().ok()
}

/// The line that starts with a namelist group and what follows up to the next.
fn group<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    let from = text.find(head)?;
    let rest = &text[from + 1..];
    Some(&rest[..rest.find('&').unwrap_or(rest.len())])
}

fn read(number_of: u32, input: &str, layers: &str) -> Option<StecklerTest> {
    let init = group(input, "&INIT")?;
    let vent = group(input, "&VENT")?;
    let fire = group(input, "&FIRE")?;
    let place: Vec<f64> =
        fire.split_once("LOCATION = ")?.1.split([',', '/']).take(2).filter_map(|x| x.trim().parse().ok()).collect();
    let data = input.split_once("DATA = 0, ")?.1;
    let mut row = data.split(',').map(|x| x.trim().parse::<f64>());
    let (heat_kw, burner_m) = (row.next()?.ok()?, row.next()?.ok()?);
    let rows: Vec<Vec<f64>> =
        layers.lines().skip(1).map(|l| l.split(',').map(|x| x.trim().parse().unwrap_or(f64::NAN)).collect()).collect();
    let bottom_m = number(vent, "BOTTOM")?;
    Some(StecklerTest {
        number: number_of,
        ambient_c: number(init, "EXTERIOR_TEMPERATURE")?,
        width_m: number(vent, "WIDTH")?,
        bottom_m,
        top_m: bottom_m + number(vent, "HEIGHT")?,
        heat_kw,
        burner_m,
        place_m: [*place.first()?, *place.get(1)?],
        measured: Layers { interface_m: rows.get(1)?[0], lower_c: rows.first()?[1], upper_c: rows.get(3)?[1] },
    })
}

fn tests(root: &Path) -> Option<Vec<StecklerTest>> {
    let inputs = root.join("data/fire/cfast_steckler_inputs");
    let mut names: Vec<String> =
        std::fs::read_dir(&inputs).ok()?.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let one = |name: &String| {
        let k: u32 = name.strip_prefix("Steckler_")?.strip_suffix(".in")?.parse().ok()?;
        let input = std::fs::read_to_string(inputs.join(name)).ok()?;
        let path = root.join(format!("data/fire/Steckler_Compartment/Steckler_Test_{k}_layer.csv"));
        read(k, &input, &std::fs::read_to_string(path).ok()?)
    };
    Some(names.iter().filter_map(one).collect())
}

#[test]
fn steckler_rooms() {
    let Some(list) = tests(&folder()) else {
        println!("skipped: Steckler's measurements are not here (set SANDTABLE_SHARED)");
        return;
    };
    for t in &list {
        let got = t.run().expect("runs");
        let (m, a) = (t.measured, t.ambient_c);
        println!(
            "{:>4} {:.2}x{:.2} at {:.2} {:>5.1} kW  rise {:>5.1} / {:>5.1} = {:.2}   height {:.2} / {:.2} = {:.2}   lower {:>5.1} / {:>5.1}",
            t.number,
            t.width_m,
            t.top_m - t.bottom_m,
            t.bottom_m,
            t.heat_kw,
            got.upper_c - a,
            m.upper_c - a,
            (got.upper_c - a) / (m.upper_c - a),
            got.interface_m,
            m.interface_m,
            got.interface_m / m.interface_m,
            got.lower_c - a,
            m.lower_c - a
        );
    }
    super::check(steckler(&list));
}
