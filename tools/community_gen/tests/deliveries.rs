//! Generates a community and reads every delivery back.
#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use community_gen::{GenerateOptions, GenerateReport, generate};
use gdal::Dataset;
use gdal::vector::LayerAccess as _;
use geo_frame::Crs;
use osgb::{ImageData, Node};
use sha2::{Digest as _, Sha256};

/// The oblique mesh takes a minute without optimisation; there it is left out.
const WITH_MESH: bool = !cfg!(debug_assertions);

struct Made {
    folder: tempfile::TempDir,
    report: GenerateReport,
}

fn make(seed: u64) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let mut options = GenerateOptions::new(seed, folder.path());
    options.oblique = WITH_MESH;
    let mut fractions = Vec::new();
    let report = generate(&options, &mut |_, f| fractions.push(f)).unwrap();
    assert!(fractions.windows(2).all(|w| w[0] <= w[1]) && fractions.last() == Some(&1.0));
    Made { folder, report }
}

fn first() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| make(1))
}

fn path(name: &str) -> PathBuf {
    first().folder.path().join(name)
}

fn csv_rows(name: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path(name)).unwrap().deserialize().map(|r| r.unwrap()).collect()
}

fn hashes(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut out = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let p = entry.unwrap().path();
            if p.is_dir() {
                open.push(p);
            } else {
                let hash = format!("{:x}", Sha256::digest(std::fs::read(&p).unwrap()));
                out.insert(p.strip_prefix(folder).unwrap().to_owned(), hash);
            }
        }
    }
    out
}

#[test]
fn same_seed_same_bytes() {
    let again = make(1);
    let (a, b) = (hashes(first().folder.path()), hashes(again.folder.path()));
    assert!(a.len() > 15);
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, hash) in &a {
        assert_eq!(hash, &b[name], "{} differs", name.display());
    }
}

#[test]
fn project_names_files_that_are_there() {
    let text = std::fs::read_to_string(path("project.toml")).unwrap();
    let project: toml::Table = text.parse().unwrap();
    let layers = project["layer"].as_array().unwrap();
    let kinds: BTreeSet<&str> = layers.iter().map(|l| l["kind"].as_str().unwrap()).collect();
    for kind in ["dem", "ortho", "buildings", "vector", "addresses", "ifc"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    for file in layers.iter().map(|l| &l["path"]).chain(project["live"].as_table().unwrap().values()) {
        assert!(path(file.as_str().unwrap()).exists(), "{file}");
    }
    let origin = project["community"]["origin"].as_array().unwrap();
    let xyz = [0, 1, 2].map(|i: usize| origin[i].as_float().unwrap());
    let g = Crs::from_user(project["community"]["crs"].as_str().unwrap()).unwrap().to_geodetic(xyz).unwrap();
    assert!((114.0..115.0).contains(&g.lon_deg) && (30.0..31.0).contains(&g.lat_deg));
}

#[test]
fn rasters_have_their_place_and_range() {
    let dem = Dataset::open(path("dem/dem_1m.tif")).unwrap();
    assert_eq!(dem.raster_size(), (1200, 1000));
    assert_eq!(dem.spatial_ref().unwrap().auth_code().unwrap(), 4547);
    let band = dem.rasterband(1).unwrap();
    let heights = band.read_band_as::<f32>().unwrap();
    let (low, high) = heights.data().iter().fold((f32::MAX, f32::MIN), |(a, b), h| (a.min(*h), b.max(*h)));
    assert!((11.0..14.0).contains(&low) && (24.0..28.0).contains(&high), "{low} {high}");
    let ortho = Dataset::open(path("dem/ortho.tif")).unwrap();
    assert_eq!((ortho.raster_size(), ortho.raster_count()), ((2400, 2000), 3));
    assert_eq!(ortho.geo_transform().unwrap()[0], dem.geo_transform().unwrap()[0]);
}

#[test]
fn shapefile_is_gbk_and_matches_the_report() {
    let bytes = std::fs::read(path("vector/buildings.dbf")).unwrap();
    let (word, bad) = gbk(&bytes);
    assert!(!bad && word.contains("江畔花园"), "the table is not GBK");
    let data = Dataset::open(path("vector/buildings.shp")).unwrap();
    let mut layer = data.layer(0).unwrap();
    assert_eq!(layer.feature_count() as usize, first().report.buildings);
    let mut ids = BTreeSet::new();
    for f in layer.features() {
        let text = |name: &str| f.field_as_string(f.field_index(name).unwrap()).unwrap().unwrap_or_default();
        assert!(ids.insert(text("BLDG_ID")));
        assert!(!text("NAME").is_empty() && !text("ADDR").contains('?'));
        assert!(f.geometry().unwrap().is_valid(), "{}", text("BLDG_ID"));
    }
}

/// The records of the table, decoded strictly.
fn gbk(bytes: &[u8]) -> (String, bool) {
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (text, bad) = encoding_rs::GBK.decode_without_bom_handling(&bytes[header..]);
    (text.into_owned(), bad)
}

#[test]
fn geopackage_layers_are_there_and_valid() {
    let data = Dataset::open(path("vector/community.gpkg")).unwrap();
    for name in [
        "estates",
        "grids",
        "roads",
        "greens",
        "water",
        "embankment",
        "drains",
        "manholes",
        "components",
        "gates",
        "landcover",
    ] {
        let mut layer = data.layer_by_name(name).unwrap();
        assert!(layer.feature_count() > 0, "{name}");
        for f in layer.features() {
            assert!(f.geometry().unwrap().is_valid(), "{name} {:?}", f.fid());
        }
    }
    let mut components = data.layer_by_name("components").unwrap();
    let f = components.features().next().unwrap();
    let system = f.field_as_string(f.field_index("code_system").unwrap()).unwrap();
    assert_eq!(system.as_deref(), Some("GB/T 30428.2"));
}

fn known_codes() -> BTreeSet<String> {
    let mut codes: BTreeSet<String> = csv_rows("vector/addresses.csv").into_iter().map(|r| r["code"].clone()).collect();
    let mut read = |file: &str, field: &str| {
        let data = Dataset::open(path(file)).unwrap();
        for mut layer in data.layers() {
            codes.extend(
                layer.features().filter_map(|f| f.field_index(field).ok().and_then(|i| f.field_as_string(i).unwrap())),
            );
        }
    };
    read("vector/community.gpkg", "code");
    read("vector/buildings.shp", "BLDG_ID");
    codes
}

#[test]
fn every_reference_resolves() {
    let known = known_codes();
    for row in csv_rows("vector/addresses.csv") {
        assert!(known.contains(&row["parent_code"]), "{row:?}");
    }
    let devices = csv_rows("live/devices.csv");
    assert_eq!(devices.len(), first().report.devices);
    let mut codes = BTreeSet::new();
    for row in &devices {
        assert!(known.contains(&row["on_code"]), "{row:?}");
        assert!(codes.insert(row["device_code"].clone()), "{row:?}");
    }
    let bindings = csv_rows("live/bindings.csv");
    for row in &bindings {
        assert!(codes.contains(&row["device_code"]), "{row:?}");
        let parts: Vec<&str> = row["topic"].split('/').collect();
        assert_eq!((parts[0], parts[1], parts[2], parts.len()), ("cim", "v1", "420199001001", 8), "{row:?}");
        assert_eq!(parts[5], row["device_code"]);
    }
    assert!(bindings.len() > devices.len());
    let cameras = csv_rows("live/cameras.csv");
    assert!(cameras.iter().all(|c| c["code"].len() == 20) && cameras.len() > 100);
}

#[test]
fn device_types_are_what_a_pack_reads() {
    let text = std::fs::read_to_string(path("live/device_types.toml")).unwrap();
    let table = community_pack::parse_device_types(&text).unwrap();
    assert!(table.classes.len() >= 30 && table.class_traits_of("care_button").personal);
    let rules = std::fs::read_to_string(path("live/rules.toml")).unwrap();
    let rules = community_pack::parse_rules(&rules).unwrap();
    assert!(rules.rule.len() >= 4);
    let compiled = sync_core::RuleBook::compile(&twin_model::CommunityModel::default(), &table, rules);
    assert_eq!(compiled.err().map(|e| e.to_string()), None);
    for row in csv_rows("live/bindings.csv") {
        let id = table.id(&row["property"]).unwrap();
        assert_eq!(table.def(id).unwrap().unit, row["unit"], "{row:?}");
    }
}

#[test]
fn pois_come_back_from_gcj02_into_the_community() {
    let text = std::fs::read_to_string(path("vector/poi_gcj02.geojson")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (gcj, plane) = (Crs::from_user("GCJ-02").unwrap(), Crs::from_epsg(4547).unwrap());
    let features = json["features"].as_array().unwrap();
    assert!(features.len() > 40);
    for f in features {
        let c = &f["geometry"]["coordinates"];
        let shifted = [c[0].as_f64().unwrap(), c[1].as_f64().unwrap(), 0.0];
        let [x, y, _] = plane.from_geodetic(gcj.to_geodetic(shifted).unwrap()).unwrap();
        assert!((534_400.0..=535_600.0).contains(&x) && (3_379_500.0..=3_380_500.0).contains(&y), "{f}");
    }
}

#[test]
fn ifc_stands_on_its_footprint() {
    let text = std::fs::read_to_string(path("bim/tower_01.ifc")).unwrap();
    let count = |name: &str| text.matches(&format!("={name}(")).count();
    assert_eq!(count("IFCBUILDINGSTOREY"), 19);
    assert_eq!(count("IFCSPACE"), 18 * 40);
    assert_eq!(count("IFCZONE"), 72);
    assert_eq!(count("IFCRELFILLSELEMENT"), count("IFCDOOR") + count("IFCWINDOW"));
    assert_eq!(count("IFCRELVOIDSELEMENT"), count("IFCOPENINGELEMENT"));
    let line = text.lines().find(|l| l.contains("IFCMAPCONVERSION")).unwrap();
    let numbers: Vec<f64> = line.split(['(', ')', ',']).filter_map(|s| s.trim_end_matches('.').parse().ok()).collect();
    let project: toml::Table = std::fs::read_to_string(path("project.toml")).unwrap().parse().unwrap();
    let ifc = project["layer"].as_array().unwrap().iter().find(|l| l["kind"].as_str() == Some("ifc")).unwrap().clone();
    let data = Dataset::open(path("vector/buildings.shp")).unwrap();
    let mut layer = data.layer(0).unwrap();
    let f = layer.features().find(|f| f.field_as_string(0).unwrap().as_deref() == ifc["building"].as_str()).unwrap();
    let mut ring = Vec::new();
    f.geometry().unwrap().get_geometry(0).get_points(&mut ring);
    let nearest = ring.iter().map(|p| (p.0 - numbers[0]).hypot(p.1 - numbers[1])).fold(f64::MAX, f64::min);
    assert!(nearest < 0.005, "the map conversion is {nearest} m from the footprint");
    let base_z = f.field_as_double(f.field_index("BASE_Z").unwrap()).unwrap().unwrap();
    assert!((base_z - numbers[2]).abs() < 0.005);
}

fn check_node(node: &Node, folder: &Path, triangles: &mut usize) {
    match node {
        Node::Group { children } => children.iter().for_each(|c| check_node(c, folder, triangles)),
        Node::Geode(geometries) => {
            for g in geometries {
                *triangles += g.indices.len() / 3;
                assert!(g.positions.iter().flatten().all(|v| v.is_finite()));
                assert_eq!(g.uvs.as_ref().unwrap().len(), g.positions.len());
                assert!(g.uvs.as_ref().unwrap().iter().flatten().all(|v| (0.0..=1.0).contains(v)));
                assert!(matches!(g.texture.as_ref().unwrap().data, ImageData::Jpeg(_)));
            }
        }
        Node::PagedLod(p) => {
            for c in &p.children {
                if let Some(file) = &c.file {
                    assert!(folder.join(file).exists(), "{file}");
                }
                if let Some(n) = &c.node {
                    check_node(n, folder, triangles);
                }
            }
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn oblique_tree_reads_back() {
    if !WITH_MESH {
        println!("skipped: the mesh is generated in release builds only");
        return;
    }
    let (mut files, mut triangles, mut bytes) = (0, 0, 0);
    for tile in std::fs::read_dir(path("oblique/Data")).unwrap() {
        let folder = tile.unwrap().path();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let data = std::fs::read(entry.unwrap().path()).unwrap();
            bytes += data.len();
            let file = osgb::read(&data).unwrap();
            assert_eq!((file.version, file.trailing_bytes), (91, 0));
            check_node(&file.root, &folder, &mut triangles);
            files += 1;
        }
    }
    assert_eq!(files, first().report.oblique_files);
    assert!(triangles > 300_000 && bytes < 60_000_000, "{triangles} triangles, {bytes} bytes");
}
