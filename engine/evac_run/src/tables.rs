//! `spaces.csv` and `agents.csv`.

use crate::EvacRunError;
use sim_core::Air;
use sim_crowd::Status;
use sim_crowd::hazard::visibility_m;
use sim_evac::{EvacRunOf, EvacView, dose_rates};
use std::fs::File;
use std::path::{Path, PathBuf};
use twin_model::SpaceIndex;

/// A table that is being written.
pub(crate) struct Spaces {
    csv: csv::Writer<File>,
    path: PathBuf,
}

fn open(path: &Path, head: &[&str]) -> Result<csv::Writer<File>, EvacRunError> {
    let wrong = |cause| EvacRunError::Csv { path: path.to_owned(), cause };
    let mut csv = csv::Writer::from_path(path).map_err(wrong)?;
    csv.write_record(head).map_err(wrong)?;
    Ok(csv)
}

fn close(mut csv: csv::Writer<File>, path: &Path) -> Result<(), EvacRunError> {
    csv.flush().map_err(|cause| EvacRunError::Io { path: path.to_owned(), cause })
}

impl Spaces {
    pub fn create(path: &Path) -> Result<Self, EvacRunError> {
        let head = [
            "t_s",
            "space",
            "people",
            "stopped",
            "smoke_layer_m",
            "smoke_layer_c",
            "temperature_c",
            "visibility_m",
            "extinction_per_m",
            "co_ppm",
            "o2_percent",
            "fed_gas",
            "fed_heat",
            "fed_gas_per_min",
        ];
        Ok(Self { csv: open(path, &head)?, path: path.to_owned() })
    }

    /// A row per space of the first member now.
    pub fn frame<const L: usize>(&mut self, run: &EvacView<'_, L>) -> Result<(), EvacRunError> {
        let (model, member) = (run.model(), run.member());
        let plan = model.plan();
        let mut people = vec![[0_u32; 2]; plan.spaces.len()];
        for row in member.crowd().frame() {
            if let sim_crowd::LayerKind::Floor(Some(s)) = member.crowd().world().layers()[row.layer.index()].kind {
                people[s.index()][usize::from(row.status == Status::Stopped)] += 1;
            }
        }
        let airs = run.airs()?.unwrap_or_else(|| vec![Air::CLEAN; plan.spaces.len()]);
        let layers = run.layers()?;
        for (k, air) in airs.iter().enumerate() {
            let [edge, hot] = match &layers {
                Some(list) => list[k],
                None => [plan.spaces[k].height_m, f64::from(air.temperature_c)],
            };
            let dose = member.watches()[k].dose;
            let sight = f64::from(visibility_m(air.extinction_per_m)).min(1000.0);
            let numbers = [
                edge,
                hot,
                f64::from(air.temperature_c),
                sight,
                f64::from(air.extinction_per_m),
                f64::from(air.co_ppm),
                f64::from(air.o2_percent),
                dose[0],
                dose[1],
                dose_rates(air)[0],
            ];
            let mut record = vec![
                run.t_s().to_string(),
                model.space_name(SpaceIndex(k as u32)),
                people[k][0].to_string(),
                people[k][1].to_string(),
            ];
            record.extend(numbers.iter().map(|v| short(*v)));
            self.csv.write_record(&record).map_err(|cause| EvacRunError::Csv { path: self.path.clone(), cause })?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), EvacRunError> {
        close(self.csv, &self.path)
    }
}

/// Four significant digits.
fn short(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return v.to_string();
    }
    let digits = (3 - v.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{v:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What became of everybody of the first member: numbers, no identities.
pub(crate) fn write_agents<const L: usize>(path: &Path, run: &EvacRunOf<L>) -> Result<(), EvacRunError> {
    let (model, member) = (run.model(), &run.members()[0]);
    let mut head = vec!["person", "start_space", "set_off_s", "fate", "left_s", "exit", "fed_gas", "fed_heat"];
    let ground = model.ground();
    if ground.is_some() {
        head.extend(["safe_s", "assembly"]);
    }
    let mut csv = open(path, &head)?;
    let wrong = |cause| EvacRunError::Csv { path: path.to_owned(), cause };
    let portals = member.crowd().world().portals();
    let mut out: Vec<Option<(f64, &str)>> = vec![None; member.origins().len()];
    for d in member.left_building() {
        out[d.id as usize] = Some((d.t_s, portals[d.exit.index()].name.as_str()));
    }
    let mut safe: Vec<Option<(f64, &str)>> = vec![None; out.len()];
    for d in member.crowd().departures().iter().filter(|_| ground.is_some()) {
        safe[d.id as usize] = Some((d.t_s, portals[d.exit.index()].name.as_str()));
    }
    let mut stopped = vec![false; out.len()];
    member.crowd().frame().filter(|r| r.status == Status::Stopped).for_each(|r| stopped[r.id as usize] = true);
    for (k, origin) in member.origins().iter().enumerate() {
        let fate = match out[k] {
            _ if stopped[k] => "stopped",
            Some(_) if ground.is_some() && safe[k].is_none() => "outside",
            Some(_) => "left",
            None => "inside",
        };
        let (left, exit) = out[k].map_or((String::new(), ""), |(t, exit)| (short(t), exit));
        let dose = member.doses()[k];
        let (gas, heat) = (short(f64::from(dose[0])), short(f64::from(dose[1])));
        let (number, space) = ((k + 1).to_string(), model.space_name(origin.space));
        let mut record = vec![number, space, short(origin.start_s), fate.into(), left, exit.into(), gas, heat];
        if ground.is_some() {
            let (t, area) = safe[k].map_or((String::new(), ""), |(t, area)| (short(t), area));
            record.extend([t, area.to_owned()]);
        }
        csv.write_record(&record).map_err(wrong)?;
    }
    let mut number = member.origins().len();
    for (k, waiting) in member.awaiting().iter().enumerate() {
        for _ in 0..*waiting {
            number += 1;
            let (n, space) = (number.to_string(), model.space_name(SpaceIndex(k as u32)));
            // They stay, so the dose of their space is theirs.
            let dose = member.watches()[k].dose.map(short);
            let [gas, heat] = dose;
            let mut record =
                vec![n, space, String::new(), "awaiting_help".into(), String::new(), String::new(), gas, heat];
            record.resize(head.len(), String::new());
            csv.write_record(&record).map_err(wrong)?;
        }
    }
    close(csv, path)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn four_digits() {
        assert_eq!(short(0.012_345_6), "0.01235");
        assert_eq!(short(1234.56), "1235");
        assert_eq!(short(20.0), "20");
        assert_eq!(short(0.0), "0");
    }
}
