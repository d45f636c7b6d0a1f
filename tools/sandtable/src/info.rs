//! `sandtable info`.

use crate::progress::print_line;
use community_pack::Pack;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

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
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let pack = Pack::open(&args.pack)?;
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
    Ok(())
}
