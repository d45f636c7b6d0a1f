//! Independent programs open what we write.

use sandtable_tests::{demo, installed};
use std::process::Command;

fn output(program: &str, args: &[&str]) -> Option<String> {
    if !installed(program) {
        println!("skipped: {program} is not installed");
        return None;
    }
    let output = Command::new(program).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {text}");
    assert!(!text.contains("ERROR"), "{program} {args:?}: {text}");
    Some(text)
}

#[test]
fn gdal_opens_the_terrain_as_a_cloud_optimised_geotiff() {
    let file = demo().join("pack/terrain.tif");
    if let Some(text) = output("gdalinfo", &[&file.to_string_lossy(), "-stats", "--config", "GDAL_PAM_ENABLED", "NO"]) {
        assert!(text.contains("LAYOUT=COG"), "{text}");
        assert!(text.contains("EPSG\",4547") && text.contains("Float32"), "{text}");
    }
}

#[test]
fn gdal_counts_the_entities_that_we_count() {
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let file = demo().join("pack/entities.fgb");
    if let Some(text) = output("ogrinfo", &["-so", "-al", &file.to_string_lossy()]) {
        let expected = format!("Feature Count: {}", pack.model.entities().len());
        assert!(text.contains(&expected), "expected {expected} in {text}");
    }
}

#[test]
fn the_demo_community_is_of_the_size_it_promises() {
    use twin_model::EntityKind::*;
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let count = |kind| pack.model.of_kind(kind).count();
    assert!((2400..=3600).contains(&count(Household)), "{} households", count(Household));
    assert!((3200..=4800).contains(&count(Device)), "{} devices", count(Device));
    assert!((120..=180).contains(&count(Camera)), "{} cameras", count(Camera));
    assert!((6..=12).contains(&count(Grid)) && count(Estate) >= 4, "{} grids, {} estates", count(Grid), count(Estate));
    assert!(pack.properties.classes.len() >= 20, "{} device classes", pack.properties.classes.len());
    assert!(count(Room) > 20 && count(Door) > 20 && count(Stair) > 0, "BIM rooms, doors and stairs are missing");
    let [lo, hi] = pack.manifest.bounds_enu;
    assert!((900.0..1500.0).contains(&(hi[0] - lo[0])) && (800.0..1300.0).contains(&(hi[1] - lo[1])), "{lo:?} {hi:?}");
}
