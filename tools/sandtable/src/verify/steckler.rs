//! Reads Steckler's 55 room fires: NIST's CFAST inputs and the layers that NIST reduced from the measured profiles.

use sim_fire::verification::{Layers, StecklerTest};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// The tests in order of their numbers; `None` where the data are not.
///
/// # Errors
/// When the inputs are there but a file of them is missing or cannot be read.
pub fn tests(root: &Path) -> Result<Option<Vec<StecklerTest>>> {
    let Some(fire) = [root.join("data/fire"), root.join("fire")].into_iter().find(|p| p.is_dir()) else {
        return Ok(None);
    };
    let inputs = fire.join("cfast_steckler_inputs");
    if !inputs.is_dir() {
        return Ok(None);
    }
    let mut numbers: Vec<u32> = std::fs::read_dir(&inputs)?
        .filter_map(|e| e.ok()?.file_name().to_str()?.strip_prefix("Steckler_")?.strip_suffix(".in")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|e| Error::new(e.kind(), format!("{}: {e}", path.display())))
    };
    let one = |k: &u32| {
        let input = inputs.join(format!("Steckler_{k:03}.in"));
        let input = if input.is_file() { input } else { inputs.join(format!("Steckler_{k}.in")) };
        let layers = fire.join(format!("Steckler_Compartment/Steckler_Test_{k}_layer.csv"));
        let bad =
            || Error::new(ErrorKind::InvalidData, format!("{}: not NIST's input of a Steckler test", input.display()));
        test(*k, &read(input.clone())?, &read(layers)?).ok_or_else(bad)
    };
    numbers.iter().map(one).collect::<Result<_>>().map(Some)
}

/// A namelist group of a CFAST input: from `&HEAD` to the next.
fn group<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    let rest = text.split_once(head)?.1;
    Some(rest.split('&').next().unwrap_or(rest))
}

/// The numbers after `KEY =`.
fn values(group: &str, key: &str) -> Option<Vec<f64>> {
    let after = group.split_once(&format!("{key} = "))?.1;
    let number = |part: &str| part.trim().trim_end_matches('/').trim().parse().ok();
    Some(after.split([',', '\n', ' ', '/']).filter(|p| !p.trim().is_empty()).map_while(number).collect())
}

fn test(number: u32, input: &str, layers: &str) -> Option<StecklerTest> {
    let (vent, fire) = (group(input, "&VENT")?, group(input, "&FIRE")?);
    let one = |group: &str, key: &str| values(group, key)?.first().copied();
    let place = values(fire, "LOCATION")?;
    // The fire's table: time, heat release, height of the burner …
    let table = values(input, "DATA")?;
    let cells = |row: usize| -> Option<Vec<f64>> {
        Some(layers.lines().nth(row + 1)?.split(',').map(|x| x.trim().parse().unwrap_or(f64::NAN)).collect())
    };
    let bottom_m = one(vent, "BOTTOM")?;
    Some(StecklerTest {
        number,
        ambient_c: one(group(input, "&INIT")?, "EXTERIOR_TEMPERATURE")?,
        width_m: one(vent, "WIDTH")?,
        bottom_m,
        top_m: bottom_m + one(vent, "HEIGHT")?,
        heat_kw: *table.get(1)?,
        burner_m: *table.get(2)?,
        place_m: [*place.first()?, *place.get(1)?],
        measured: Layers { interface_m: *cells(1)?.first()?, lower_c: *cells(0)?.get(1)?, upper_c: *cells(3)?.get(1)? },
    })
}
