//! `sandtable info`.

use crate::progress::print_line;
use community_pack::Pack;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use twin_model::{BuildingPlan, OpeningKind};

#[derive(clap::Args)]
pub struct Args {
    /// Pack folder.
    pack: PathBuf,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Info<'a> {
    id: &'a str,
    name: &'a str,
    division: &'a str,
    epsg: u32,
    vertical_datum: &'a str,
    bounds_enu: [[f64; 3]; 2],
    layers: Vec<(&'a str, &'a str)>,
    entities: BTreeMap<&'static str, usize>,
    bindings: usize,
    device_classes: usize,
    files_imported: usize,
    plans: Vec<PlanInfo<'a>>,
    plan_defects: usize,
}

/// What a building plan holds.
#[derive(Serialize)]
struct PlanInfo<'a> {
    name: &'a str,
    storeys: usize,
    spaces: usize,
    doors: usize,
    openings: usize,
    windows: usize,
    exits: usize,
    stairs: usize,
    lifts: usize,
}

impl<'a> PlanInfo<'a> {
    fn of(plan: &'a BuildingPlan) -> Self {
        let of_kind = |kind: OpeningKind| plan.openings.iter().filter(|o| o.kind == kind).count();
        Self {
            name: &plan.name,
            storeys: plan.storeys.len(),
            spaces: plan.spaces.len(),
            doors: of_kind(OpeningKind::Door),
            openings: of_kind(OpeningKind::Opening),
            windows: of_kind(OpeningKind::Window),
            exits: plan.openings.iter().filter(|o| o.is_exit()).count(),
            stairs: plan.stairs.len(),
            lifts: plan.lifts.len(),
        }
    }
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let pack = Pack::open(&args.pack)?;
    let plans = pack.plans()?;
    let manifest = &pack.manifest;
    let mut entities = BTreeMap::new();
    for entity in pack.model.entities() {
        *entities.entry(entity.kind.tag()).or_insert(0) += 1;
    }
    let info = Info {
        id: &manifest.community.id,
        name: &manifest.community.name,
        division: &manifest.community.division,
        epsg: manifest.crs.epsg,
        vertical_datum: &manifest.vertical_datum,
        bounds_enu: manifest.bounds_enu,
        layers: manifest.layers.iter().map(|l| (l.id.as_str(), l.tileset.as_str())).collect(),
        entities,
        bindings: pack.bindings.len(),
        device_classes: pack.properties.classes.len(),
        files_imported: manifest.provenance.len(),
        plans: plans.buildings.iter().map(PlanInfo::of).collect(),
        plan_defects: plans.defects.len(),
    };
    if args.json {
        print_line(serde_json::to_string_pretty(&info)?);
        return Ok(());
    }
    let [lo, hi] = info.bounds_enu;
    print_line(format_args!(
        "{} ({}), division {}, EPSG:{}, {}",
        info.name, info.id, info.division, info.epsg, info.vertical_datum
    ));
    print_line(format_args!("{:.0} m x {:.0} m, {} files imported", hi[0] - lo[0], hi[1] - lo[1], info.files_imported));
    for (id, tileset) in &info.layers {
        print_line(format_args!("  layer {id:<16} {tileset}"));
    }
    for (kind, count) in &info.entities {
        print_line(format_args!("  {count:>6} {kind}"));
    }
    print_line(format_args!("  {:>6} bindings, {} device classes", info.bindings, info.device_classes));
    for p in &info.plans {
        print_line(format_args!(
            "  plan of {}: {} storeys, {} spaces, {} doors ({} exits), {} openings, {} windows, {} stairs, {} lifts",
            p.name, p.storeys, p.spaces, p.doors, p.exits, p.openings, p.windows, p.stairs, p.lifts
        ));
    }
    if !info.plans.is_empty() {
        print_line(format_args!("  {:>6} defects of building plans (plans.json)", info.plan_defects));
    }
    Ok(())
}
