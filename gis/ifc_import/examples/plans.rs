//! `cargo run --release -p ifc_import --example plans -- FILE.ifc [--json]`: the building plans of a file, and what is
//! wrong with them. In the JSON an entity is the number of its record in the file.

use ifc_import::{ImportOptions, PlanOptions, building_plan, import_ifc};
use std::process::ExitCode;
use twin_model::{BuildingPlan, EntityId, OpeningKind};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(path), json) = (args.next(), args.next().as_deref() == Some("--json")) else {
        eprintln!("usage: plans FILE.ifc [--json]");
        return ExitCode::from(2);
    };
    match run(&path, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, json: bool) -> Result<(), Box<dyn std::error::Error>> {
    let model = import_ifc(&std::fs::read(path)?, &ImportOptions::default())?;
    // The number of the record stands for the entity, so that other tools can find it.
    let nodes = model.spatial.iter().map(|n| (n.global_id.clone(), EntityId(n.record)));
    let elements = model.elements.iter().map(|e| (e.global_id.clone(), EntityId(e.record)));
    let options = PlanOptions { entities: nodes.chain(elements).collect(), ..Default::default() };
    let (plans, defects) = building_plan(&model, &options)?;
    if json {
        println!("{}", serde_json::to_string(&plans)?);
        return Ok(());
    }
    plans.iter().for_each(print);
    println!("{} defects", defects.len());
    for d in &defects {
        println!("  {:?} {d}", d.level);
    }
    Ok(())
}

fn print(plan: &BuildingPlan) {
    println!("building {}", plan.name);
    for s in &plan.storeys {
        println!("  storey {:20} {:8.3} m, {:.3} m high", s.name, s.elevation_m, s.height_m);
    }
    for (i, s) in plan.spaces.iter().enumerate() {
        let storey = plan.storeys.get(s.storey.index()).map_or("", |s| &s.name);
        let (name, area, floor, height) = (&s.name, s.area_m2(), s.floor_m, s.height_m);
        println!("  space {i:3} {name:24} {storey:10} {area:8.2} m2 {floor:7.3} {height:6.3} {:?}", s.use_);
    }
    let side =
        |s: Option<twin_model::SpaceIndex>| s.map_or("outside".to_owned(), |s| plan.spaces[s.index()].name.clone());
    for o in plan.openings.iter().filter(|o| o.kind != OpeningKind::Window) {
        let [a, b] = o.sides.map(side);
        let (name, width, sill, head) = (&o.name, o.clear_width_m, o.sill_m, o.head_m);
        println!("  {:?} {name}: {a} – {b}, {width:.3} m, {sill:.2}–{head:.2} m", o.kind);
    }
    println!("  {} windows", plan.openings.iter().filter(|o| o.kind == OpeningKind::Window).count());
    for s in &plan.stairs {
        println!("  stair {}: {} – {}", s.name, side(Some(s.lower)), side(Some(s.upper)));
        for f in &s.flights {
            println!("    {:.2?} – {:.2?}, {:.2} m wide, {:.3}/{:.3}", f.foot, f.head, f.width_m, f.riser_m, f.tread_m);
        }
    }
    for l in &plan.lifts {
        let stops: Vec<String> = l.stops.iter().map(|s| side(Some(*s))).collect();
        println!(
            "  lift {}: {} persons, {} m/s, {} m door, {stops:?}",
            l.name, l.capacity, l.speed_mps, l.door_width_m
        );
    }
}
