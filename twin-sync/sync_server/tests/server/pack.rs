//! A small synthetic pack.

use community_pack::{FORMAT, Manifest, Origin, PackCrs, PackFiles, VERSION, write_entities};
use std::fmt::Write as _;
use std::path::Path;
use twin_model::{CameraPose, Community, Entity, EntityId, EntityKind, FeatureRef, Polygon};

/// Devices `1..=STATIONS` report level and smoke on their own topic.
pub const STATIONS: u32 = 16;
/// Series that one gateway topic feeds at once, for volume.
pub const GATEWAY_SERIES: u32 = 1500;

pub fn topic(device: u32) -> String {
    format!("cim/v1/320508010100/g1/station/d{device}/up/telemetry")
}

pub const GATEWAY: &str = "cim/v1/320508010100/g1/gateway/gw/up/telemetry";

pub const TYPES: &str = r#"
[property.level_m]
name = "水位"
unit = "m"
min = -100.0
max = 1e9
[property.smoke]
name = "烟感"
unit = "1"
min = 0
max = 1
states = ["正常", "报警"]
[property.online]
name = "在线"
unit = "1"
min = 0
max = 1
states = ["离线", "在线"]
[class.station]
name = "测站"
properties = ["level_m", "smoke"]
expected_interval_s = 60.0
[[class.station.alarms]]
property = "smoke"
when = "at_least"
limit = 1.0
hysteresis = 0.0
severity = "critical"
text = "烟雾报警"
[class.camera]
name = "摄像头"
properties = ["online"]
expected_interval_s = 60.0
"#;

pub fn entity(id: u32, kind: EntityKind, name: String, class: &str) -> Entity {
    Entity {
        id: EntityId(id),
        kind,
        parent: (id > 0).then_some(EntityId(0)),
        name,
        code: format!("c{id}"),
        class: class.to_owned(),
        p_enu: [f64::from(id), 2.0, 3.0],
        height_m: 0.0,
        base_z_m: 0.0,
        footprint: None,
        line: vec![],
        camera: None,
        attributes: Default::default(),
        source: FeatureRef::default(),
    }
}

/// Writes the pack into a folder.
pub fn write(dir: &Path) {
    let mut entities = vec![entity(0, EntityKind::Grid, "第一网格".into(), "")];
    entities[0].footprint = Some(Polygon(vec![vec![[-10.0, -10.0], [9e3, -10.0], [9e3, 9e3], [-10.0, 9e3]]]));
    entities.extend((1..=STATIONS).map(|i| entity(i, EntityKind::Device, format!("{i}号测站"), "station")));
    let first = STATIONS + 1;
    entities.extend((first..first + GATEWAY_SERIES).map(|i| entity(i, EntityKind::Device, format!("表{i}"), "meter")));
    let camera = first + GATEWAY_SERIES;
    entities.push(entity(camera, EntityKind::Camera, "门口".into(), "camera"));
    let mut bindings =
        "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n".to_owned();
    for i in 1..=STATIONS {
        writeln!(bindings, "{},{i},level_m,m,m.level_m,60,-100,1e9", topic(i)).unwrap();
        writeln!(bindings, "{},{i},smoke,1,m.smoke,60,0,1", topic(i)).unwrap();
    }
    for i in 0..GATEWAY_SERIES {
        writeln!(bindings, "{GATEWAY},{},level_m,m,m.x{i},60,-100,1e9", first + i).unwrap();
    }
    writeln!(bindings, "cam/1,{camera},online,1,,60,0,1").unwrap();
    write_files(dir, &entities, TYPES, &bindings);
}

/// Writes a pack of these parts.
pub fn write_files(dir: &Path, entities: &[Entity], types: &str, bindings: &str) {
    let origin = Origin { lon_deg: 120.7, lat_deg: 31.3, height_m: 0.0 };
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        community: Community { id: "probe".into(), name: "测试社区".into(), ..Community::default() },
        origin,
        crs: PackCrs { epsg: 4549, wkt: String::new() },
        vertical_datum: "test".into(),
        bounds_enu: [[-10.0, -10.0, 0.0], [9e3, 9e3, 50.0]],
        layers: vec![],
        terrain: None,
        home: CameraPose { eye_enu: [0.0, -50.0, 50.0], target_enu: [0.0; 3] },
        files: PackFiles::default(),
        provenance: vec![],
        entities: entities.len(),
    };
    std::fs::create_dir_all(dir).unwrap();
    let mut fgb = Vec::new();
    write_entities(entities, &manifest.origin, &mut fgb).unwrap();
    let community = manifest.to_json();
    let files: [(&str, &[u8]); 4] = [
        ("community.json", community.as_bytes()),
        ("entities.fgb", &fgb),
        ("device_types.toml", types.as_bytes()),
        ("bindings.csv", bindings.as_bytes()),
    ];
    for (name, content) in files {
        std::fs::write(dir.join(name), content).unwrap();
    }
}
