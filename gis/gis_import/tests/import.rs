//! A small delivery written here with GDAL, malformed inputs, determinism, and real files where they are present.

#![expect(clippy::unwrap_used, reason = "a test whose delivery cannot be set up has failed")]

mod delivery;

use community_pack::{Pack, Report};
use delivery::{CRS, Delivery, ORIGIN};
use geo_frame::{Crs, EnuFrame, Projector};
use gis_import::{ImportError, ImportReport, NoProgress, Progress, import};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tiles3d::{BoundingVolume, Tile, Tileset, read_glb};
use twin_model::{AttrValue, Entity, EntityKind};

fn run(delivery: &Delivery, out: &Path) -> Result<ImportReport, ImportError> {
    import(&delivery.project(), out, &mut NoProgress)
}

fn named<'a>(pack: &'a Pack, kind: EntityKind, name: &str) -> &'a Entity {
    pack.model.of_kind(kind).find(|e| e.name == name).unwrap_or_else(|| panic!("no {kind:?} {name}"))
}

fn close(a: [f64; 3], b: [f64; 3], tolerance: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

fn enu(p: [f64; 3]) -> [f64; 3] {
    let crs = Crs::from_user(CRS).unwrap();
    let origin = crs.to_geodetic(ORIGIN).unwrap();
    Projector::new(crs, EnuFrame::new(origin)).enu_from_crs(p).unwrap()
}

#[test]
fn the_small_delivery_becomes_a_pack() {
    let delivery = Delivery::whole();
    let out = delivery.dir.path().join("pack");
    let made = run(&delivery, &out).unwrap();
    let pack = Pack::open(&out).unwrap();
    assert!(pack.warnings.is_empty(), "{:?}", pack.warnings);
    assert!(!delivery.dir.path().join("pack.partial").exists());

    // Names came through GBK, positions through the exact projection.
    let building = named(&pack, EntityKind::Building, "柳岸1号楼");
    assert_eq!(pack.model.address(building.id), "柳岸花园 柳岸1号楼");
    let roof = enu([ORIGIN[0] + 20.0, ORIGIN[1] + 30.0, 20.0 + 18.0]);
    assert!(close(building.p_enu, roof, 0.02), "{:?} {roof:?}", building.p_enu);
    assert_eq!(building.attributes["floors"], AttrValue::Number(6.0));
    let home = named(&pack, EntityKind::Household, "502室");
    assert_eq!(pack.model.address(home.id), "柳岸花园 柳岸1号楼 1单元 5层 502室");
    assert!((home.p_enu[2] - (4.0 * 3.0 + 1.2)).abs() < 0.05, "{:?}", home.p_enu);
    assert!(building.footprint.as_ref().unwrap().contains([home.p_enu[0], home.p_enu[1]]));

    // The GCJ-02 layer is shifted back: within a centimetre of where it was written.
    let poi = named(&pack, EntityKind::Poi, "便民服务站");
    let want = enu([ORIGIN[0] + 50.0, ORIGIN[1] - 20.0, 20.0]);
    assert!(close([poi.p_enu[0], poi.p_enu[1], 0.0], [want[0], want[1], 0.0], 0.01), "{:?} {want:?}", poi.p_enu);

    // IFC below its building, with property sets.
    let wall = named(&pack, EntityKind::BimElement, "W1");
    assert_eq!(pack.model.nearest(wall.id, EntityKind::Building).unwrap().id, building.id);
    assert_eq!(wall.source.key, "0000000000000000000008");
    let at = enu([ORIGIN[0] + 10.0 + 2.0, ORIGIN[1] + 20.0 + 0.1, 20.0 + 1.5]);
    assert!(close(wall.p_enu, at, 0.01), "{:?} {at:?}", wall.p_enu);
    let AttrValue::Text(file) = &wall.attributes["psets"] else { panic!("no psets") };
    let psets: serde_json::Value = serde_json::from_slice(&pack.read(file).unwrap()).unwrap();
    assert_eq!(psets[wall.id.to_string()]["Pset_WallCommon"]["IsExternal"], true);
    let graph = pack.graph().unwrap();
    let inside = graph.buildings.iter().find(|b| b.building == building.id).unwrap();
    assert_eq!((inside.storeys.len(), inside.storeys[0].doors.len()), (1, 1));
    // One wall and a door without shape are no rooms: no plan, but the reason.
    let plans = pack.plans().unwrap();
    assert!(plans.buildings.is_empty());
    let told: Vec<String> = plans.defects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["building B: has no space", "door D1 (0000000000000000000009): has no shape: left out"]);

    // Live tables.
    assert_eq!(pack.bindings.len(), 1);
    let device = pack.model.get(pack.bindings[0].entity).unwrap();
    assert_eq!((device.kind, device.class.as_str()), (EntityKind::Device, "river_level"));
    let camera = pack.model.of_kind(EntityKind::Camera).next().unwrap();
    assert_eq!(camera.camera.unwrap().heading_deg, 45.0);

    // Terrain: what was written, hole included.
    let terrain = pack.terrain().unwrap();
    assert_eq!((terrain.epsg, terrain.nx, terrain.ny, terrain.dx_m), (4547, 120, 100, 2.0));
    assert_eq!(terrain.sample(ORIGIN[0], ORIGIN[1]), Some(20.0));
    assert_eq!(terrain.sample(ORIGIN[0] - 119.0, ORIGIN[1] - 99.0), None);
    let cover = pack.landcover().unwrap().unwrap();
    assert_eq!(cover.values.iter().filter(|v| **v == 1).count(), 400);
    assert_eq!(pack.manifest.terrain.as_ref().unwrap().manning["1"], 0.016);
    assert_eq!(made.entities["building"], 2);
}

#[test]
fn every_problem_is_a_line_of_the_report() {
    let delivery = Delivery::whole();
    let out = delivery.dir.path().join("pack");
    run(&delivery, &out).unwrap();
    let report = Report::parse(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    let file = |path: &str| report.files.iter().find(|f| f.path.starts_with(path)).unwrap_or_else(|| panic!("{path}"));
    let reasons = |path: &str| file(path).skipped.iter().map(|i| format!("{}: {}", i.id, i.reason)).collect::<Vec<_>>();
    assert!(reasons("dem.tif")[0].contains("NaN"), "{:?}", reasons("dem.tif"));
    let addresses = reasons("addresses.csv");
    assert!(addresses.iter().any(|r| r.contains("line 6") && r.contains("\"NOPE\"")), "{addresses:?}");
    assert!(reasons("devices.csv").iter().any(|r| r.contains("\"teapot\"")), "{:?}", reasons("devices.csv"));
    let bindings = reasons("bindings.csv");
    assert!(bindings.iter().any(|r| r.contains("line 3") && r.contains("\"UNKNOWN\"")), "{bindings:?}");
    assert!(reasons("cameras.csv").iter().any(|r| r.contains("hfov_deg = 400")));
    let mesh = reasons("oblique");
    assert!(mesh.iter().any(|r| r.contains("Tile_broken")), "{mesh:?}");
    let low = &file("buildings.shp").approximated;
    assert!(low.iter().any(|i| i.reason.contains("no usable height")), "{low:?}");
    assert_eq!(report.files[0].path, "dem.tif", "in the order of the project file");
    assert!(report.files.iter().all(|f| f.sha256.len() == 64 && f.bytes > 0));
}

#[test]
fn tiles_hold_what_their_boxes_say() {
    let delivery = Delivery::whole();
    let out = delivery.dir.path().join("pack");
    let made = run(&delivery, &out).unwrap();
    let pack = Pack::open(&out).unwrap();
    assert_eq!(pack.manifest.layers.len(), 4);
    for layer in &pack.manifest.layers {
        let path = out.join(&layer.tileset);
        let tileset = Tileset::parse(&std::fs::read(&path).unwrap()).unwrap();
        let mut contents = 0;
        check_tile(&tileset.root, path.parent().unwrap(), &pack, &mut contents);
        assert_eq!(contents, made.tiles[&layer.id], "{}", layer.id);
        assert!(tileset.root.transform.is_some());
    }
    // A picked triangle leads to its entity.
    let glb = std::fs::read(out.join("buildings/r_detail.glb")).unwrap();
    let table = read_glb(&glb).unwrap().features.unwrap();
    assert_eq!(table.rows(), 1, "the building with a BIM model is drawn by it");
    let entity = table.u32("entity", 0).unwrap();
    assert_eq!(pack.model.entities()[entity as usize].kind, EntityKind::Building);
    // The oblique mesh: a vertex at a known place, the JPEG unchanged.
    let glb = read_glb(&std::fs::read(out.join("mesh/Tile_p000_p000/Tile_p000_p000.glb")).unwrap()).unwrap();
    let corner = glb.primitives[0].positions[2].map(f64::from);
    assert!(close(corner, enu([ORIGIN[0] + 110.0, ORIGIN[1] + 60.0, 21.0]), 1e-3), "{corner:?}");
    assert_eq!(glb.images[0].bytes, delivery::jpeg());
}

fn check_tile(tile: &Tile, dir: &Path, pack: &Pack, contents: &mut u64) {
    let BoundingVolume::Box(b) = tile.bounding_volume else { panic!("not a box") };
    for content in tile.all_contents() {
        *contents += 1;
        let model = read_glb(&std::fs::read(dir.join(&content.uri)).unwrap()).unwrap();
        for primitive in &model.primitives {
            for p in &primitive.positions {
                for axis in 0..3 {
                    let off = (f64::from(p[axis]) - b[axis]).abs();
                    assert!(off <= b[3 + 4 * axis] + 1e-6, "{}: {p:?} outside {b:?}", content.uri);
                }
            }
        }
        if let Some(table) = &model.features {
            for row in 0..table.rows() as u32 {
                assert!((table.u32("entity", row).unwrap() as usize) < pack.model.entities().len());
            }
        }
    }
    for child in &tile.children {
        assert!(child.geometric_error <= tile.geometric_error);
        check_tile(child, dir, pack, contents);
    }
}

#[test]
fn the_same_delivery_gives_the_same_bytes() {
    let delivery = Delivery::whole();
    let (a, b) = (delivery.dir.path().join("a"), delivery.dir.path().join("b"));
    run(&delivery, &a).unwrap();
    run(&delivery, &b).unwrap();
    assert_eq!(tree(&a), tree(&b));
    // Over an existing pack, and with a finished mesh layer of an interrupted run.
    run(&delivery, &b).unwrap();
    assert_eq!(tree(&a), tree(&b));
}

/// Every file with its bytes.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut stack = vec![dir.to_owned()];
    while let Some(folder) = stack.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                files.insert(path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Cancels when the stage begins.
struct CancelAt(&'static str, bool);

impl Progress for CancelAt {
    fn stage(&mut self, name: &str, _total: u64) {
        self.1 |= name == self.0;
    }
    fn tick(&mut self) {}
    fn is_cancelled(&self) -> bool {
        self.1
    }
}

#[test]
fn a_cancelled_import_leaves_no_pack_and_the_next_one_is_whole() {
    let delivery = Delivery::whole();
    let (a, b) = (delivery.dir.path().join("a"), delivery.dir.path().join("b"));
    let error = import(&delivery.project(), &a, &mut CancelAt("oblique mesh", false)).unwrap_err();
    assert!(matches!(error, ImportError::Cancelled));
    assert!(!a.exists());
    run(&delivery, &a).unwrap();
    run(&delivery, &b).unwrap();
    assert_eq!(tree(&a), tree(&b));
    let other = delivery.dir.path().join("mine");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "keep me").unwrap();
    let error = run(&delivery, &other).unwrap_err().to_string();
    assert!(error.contains("not a community pack"), "{error}");
    assert!(other.join("notes.txt").exists());
}

/// The error of an import after something was done to the delivery.
fn error_after(change: impl FnOnce(&Delivery)) -> String {
    let delivery = Delivery::whole();
    change(&delivery);
    let out = delivery.dir.path().join("pack");
    let error = run(&delivery, &out).unwrap_err().to_string();
    assert!(!out.exists(), "nothing half-written");
    error
}

#[test]
fn bad_deliveries_are_one_clear_error() {
    let error = error_after(|d| std::fs::remove_file(d.path("buildings.prj")).unwrap());
    assert!(error.contains("buildings.shp") && error.contains("no .prj") && error.contains("crs = "), "{error}");
    let error = error_after(|d| d.write_dem("dem.tif", None, f32::NAN));
    assert!(
        error.contains("dem.tif") && error.contains("no coordinate reference system") && error.contains("crs = "),
        "{error}"
    );
    let error = error_after(|d| d.cut("tower.ifc", 0.5));
    assert!(error.contains("tower.ifc") && error.contains("cut short at byte"), "{error}");
    let error = error_after(|d| std::fs::remove_file(d.path("addresses.csv")).unwrap());
    assert!(error.contains("addresses.csv"), "{error}");
    let error = error_after(|d| {
        std::fs::write(d.path("oblique/metadata.xml"), "<ModelMetadata><SRS>LOCAL</SRS></ModelMetadata>").unwrap()
    });
    assert!(error.contains("metadata.xml") && error.contains("crs = "), "{error}");
    let error = error_after(|d| std::fs::write(d.path("types.toml"), "[property.x]\nname = 3").unwrap());
    assert!(error.contains("types.toml") && error.contains("line 2"), "{error}");
    let error = error_after(|d| d.replace("project.toml", "origin = [", "origin = [1e9, "));
    assert!(error.contains("project.toml"), "{error}");
    let error = error_after(|d| std::fs::write(d.path("dem.tif"), b"not a tiff").unwrap());
    assert!(error.contains("dem.tif"), "{error}");
}

#[test]
fn an_osgb_cut_anywhere_is_a_line_of_the_report() {
    let whole = Delivery::whole();
    let tile = "oblique/Data/Tile_+000_+000/Tile_+000_+000.osgb";
    let length = std::fs::metadata(whole.path(tile)).unwrap().len() as usize;
    for n in (0..length).step_by(1000) {
        let delivery = Delivery::oblique_only();
        let bytes = std::fs::read(delivery.path(tile)).unwrap();
        std::fs::write(delivery.path(tile), &bytes[..n]).unwrap();
        let out = delivery.dir.path().join("pack");
        let made = run(&delivery, &out).unwrap();
        let skipped = &made.report.files[0].skipped;
        assert!(skipped.iter().any(|i| i.id == "Tile_+000_+000/Tile_+000_+000.osgb"), "{n}: {skipped:?}");
        assert_eq!(made.tiles["mesh"], 1, "the other tile is there");
    }
}

#[test]
fn a_damaged_cityjson_never_panics() {
    let text = r#"{"type":"CityJSON","version":"2.0","metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/4547"},"transform":{"scale":[0.01,0.01,0.01],"translate":[535000,3380000,20]},"CityObjects":{"b1":{"type":"Building","geometry":[{"type":"Solid","lod":"1","boundaries":[[[[0,1,2,3]],[[4,5,6,7]],[[0,3,5,4]]]]}]}},"vertices":[[0,0,0],[0,900,0],[900,900,0],[900,0,0],[0,0,500],[900,0,500],[900,900,500],[0,900,500]]}"#;
    let delivery = Delivery::cityjson(text);
    let out = delivery.dir.path().join("pack");
    assert_eq!(run(&delivery, &out).unwrap().entities["building"], 1);
    for at in (0..text.len()).step_by(2) {
        for with in [b'9', b'[', b'-'] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = with;
            std::fs::write(delivery.path("city.json"), &bytes).unwrap();
            if let Err(error) = run(&delivery, &out) {
                assert!(error.to_string().contains("city.json"), "{at}: {error}");
            }
        }
    }
}

#[test]
fn heights_that_are_not_numbers_are_counted() {
    let delivery = Delivery::whole();
    delivery.write_dem("dem.tif", Some(4547), f32::INFINITY);
    let out = delivery.dir.path().join("pack");
    let made = run(&delivery, &out).unwrap();
    assert!(made.report.files[0].skipped[0].id.contains("4 cells"), "{:?}", made.report.files[0]);
}

/// Every part of the plan is an entity of the pack and lies where that lies.
fn the_duplex_is_planned_in_enu(pack: &Pack) {
    let plans = pack.plans().unwrap();
    let [plan] = plans.buildings.as_slice() else { panic!("{} plans", plans.buildings.len()) };
    assert_eq!((plan.spaces.len(), plan.stairs.len()), (21, 2));
    let building = pack.model.get(plan.building.unwrap()).unwrap();
    assert_eq!(building.kind, EntityKind::Building);
    for s in &plan.spaces {
        let room = pack.model.get(s.entity.unwrap()).unwrap();
        assert_eq!(room.kind, EntityKind::Room);
        assert!((room.base_z_m - s.floor_m).abs() < 0.01 && (room.height_m - s.height_m).abs() < 0.01, "{}", s.name);
        let (lo, hi) = s.outline.iter().fold(([f64::MAX; 2], [f64::MIN; 2]), |(lo, hi), p| {
            ([lo[0].min(p[0]), lo[1].min(p[1])], [hi[0].max(p[0]), hi[1].max(p[1])])
        });
        for k in 0..2 {
            // Corners within 10 mm of the outline are left out.
            assert!(
                (0.5 * (lo[k] + hi[k]) - room.p_enu[k]).abs() < 0.011,
                "{}: {lo:?} {hi:?} {:?}",
                s.name,
                room.p_enu
            );
        }
        assert_eq!(pack.model.nearest(room.id, EntityKind::Building).unwrap().id, building.id);
    }
    let doors: Vec<_> = plan.openings.iter().filter(|o| o.kind == twin_model::OpeningKind::Door).collect();
    assert_eq!(doors.len(), 14);
    for d in doors {
        let door = pack.model.get(d.entity.unwrap()).unwrap();
        let middle = [0, 1].map(|k| 0.5 * (d.ends[0][k] + d.ends[1][k]));
        let off = (middle[0] - door.p_enu[0]).hypot(middle[1] - door.p_enu[1]);
        // The entity's box takes in the open leaf.
        assert!(door.kind == EntityKind::Door && off < 1.0, "{}: {off}", d.name);
    }
    for s in &plan.stairs {
        assert_eq!(pack.model.get(s.entity.unwrap()).unwrap().kind, EntityKind::Stair);
    }
}

#[test]
fn real_deliveries_import() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes/data/real");
    let shared = std::env::var_os("SANDTABLE_SHARED").map_or_else(|| folder.join("../../../../shared"), PathBuf::from);
    if !shared.join("data").is_dir() {
        println!("skipped: the folder of shared test data is not there");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let import = |name: &str| {
        let out = dir.path().join(name);
        let made = import(&folder.join(format!("{name}.toml")), &out, &mut NoProgress)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        (made, Pack::open(&out).unwrap())
    };
    // 286 elements with geometry, as IfcOpenShell counts them. In the pack 50 of them, openings, are not, and two stairs
    // and a roof, which are drawn by their parts, are.
    let (made, pack) = import("duplex");
    assert_eq!(made.report.files[0].read, 286);
    let elements = pack.model.entities().iter().filter(|e| e.attributes.contains_key("GlobalId") && e.height_m > 0.0);
    let drawn = elements.filter(|e| !matches!(e.kind, EntityKind::Storey | EntityKind::Building)).count();
    assert_eq!(drawn, 286 - 50 + 3);
    assert_eq!((made.entities["room"], made.entities["door"], made.entities["storey"]), (21, 14, 4));
    the_duplex_is_planned_in_enu(&pack);

    let (made, pack) = import("delft");
    assert_eq!(made.entities["building"], 160);
    assert!(pack.manifest.bounds_enu[0][0] > -400.0 && pack.manifest.bounds_enu[1][0] < 400.0);

    let (made, _) = import("contextcapture");
    assert_eq!(made.tiles["mesh"], 1);

    let (_, pack) = import("basin");
    let terrain = pack.terrain().unwrap();
    assert_eq!((terrain.nx, terrain.ny, terrain.dx_m), (200, 200, 30.0));

    let (made, pack) = import("munich");
    assert!(made.entities["building"] > 100 && made.entities["road"] > 50, "{made}");
    assert!(pack.model.of_kind(EntityKind::Building).all(|b| b.p_enu[0].abs() < 1000.0 && b.p_enu[1].abs() < 1000.0));

    let (_, pack) = import("bridge");
    assert_eq!(pack.manifest.layers.len(), 2);
    assert!(pack.manifest.bounds_enu[1][0].abs() < 1000.0, "{:?}", pack.manifest.bounds_enu);
}
