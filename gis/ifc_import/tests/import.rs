//! Real IFC files (skipped when the folder of shared test data is not there) and small ones written here.

use ifc_import::{GeoSource, ImportOptions, PropertyValue, SpatialKind, TextEncoding, import_ifc};
use proptest::prelude::*;
use std::path::PathBuf;

/// The folder of shared test data, if present.
fn shared(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = root.join("data").join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            println!("skipped: {path} is not there");
            None
        }
    }
}

/// One wall of 4 × 0.2 × 3 m and a door without geometry on one storey.
fn house(name: &str) -> String {
    format!(
        "ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('house.ifc','2024-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('IFC4'));
ENDSEC;
DATA;
#1=IFCPROJECT('0000000000000000000001',$,'P',$,$,$,$,(#10),#20);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#20=IFCUNITASSIGNMENT((#21));
#21=IFCSIUNIT(*,.LENGTHUNIT.,.MILLI.,.METRE.);
#30=IFCPROJECTEDCRS('EPSG:4547',$,$,$,$,$,#31);
#31=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#32=IFCMAPCONVERSION(#10,#30,550000.,3360000.,20.5,0.,1.,0.001);
#40=IFCLOCALPLACEMENT($,#11);
#41=IFCSITE('0000000000000000000002',$,'S',$,$,#40,$,$,.ELEMENT.,$,$,$,$,$);
#42=IFCBUILDING('0000000000000000000003',$,'{name}',$,$,#40,$,$,.ELEMENT.,$,$,$);
#43=IFCBUILDINGSTOREY('0000000000000000000004',$,'1F',$,$,#40,$,$,.ELEMENT.,3000.);
#44=IFCRELAGGREGATES('0000000000000000000005',$,$,$,#1,(#41));
#45=IFCRELAGGREGATES('0000000000000000000006',$,$,$,#41,(#42));
#46=IFCRELAGGREGATES('0000000000000000000007',$,$,$,#42,(#43));
#50=IFCCARTESIANPOINT((2000.,100.));
#51=IFCAXIS2PLACEMENT2D(#50,$);
#52=IFCRECTANGLEPROFILEDEF(.AREA.,$,#51,4000.,200.);
#53=IFCDIRECTION((0.,0.,1.));
#54=IFCEXTRUDEDAREASOLID(#52,#11,#53,3000.);
#55=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#54));
#56=IFCPRODUCTDEFINITIONSHAPE($,$,(#55));
#57=IFCWALL('0000000000000000000008',$,'W1',$,$,#40,#56,$,$);
#58=IFCDOOR('0000000000000000000009',$,'D1',$,$,#40,$,$,2100.,900.,$,$,$);
#59=IFCRELCONTAINEDINSPATIALSTRUCTURE('000000000000000000000A',$,$,$,(#57,#58),#43);
#60=IFCPROPERTYSINGLEVALUE('FireRating',$,IFCLABEL('{name}'),$);
#61=IFCPROPERTYSINGLEVALUE('IsExternal',$,IFCBOOLEAN(.T.),$);
#62=IFCPROPERTYSET('000000000000000000000B',$,'Pset_WallCommon',$,(#60,#61));
#63=IFCRELDEFINESBYPROPERTIES('000000000000000000000C',$,$,$,(#57),#62);
ENDSEC;
END-ISO-10303-21;
"
    )
}

#[test]
fn the_small_house_is_read_whole() {
    let model = import_ifc(house("一号楼").as_bytes(), &ImportOptions::default()).unwrap();
    let kinds: Vec<_> = model.spatial.iter().map(|n| n.kind).collect();
    use SpatialKind::{Building, Project, Site, Storey};
    assert_eq!(kinds, [Project, Site, Building, Storey]);
    assert_eq!(model.spatial[2].name, "一号楼");
    assert_eq!(model.spatial[3].elevation_m, Some(3.0));
    assert_eq!(model.spatial[3].parent, Some(2));
    let wall = model.elements.iter().find(|e| e.class == "IfcWall").unwrap();
    assert_eq!((wall.storey, wall.name.as_str()), (Some(3), "W1"));
    let [lo, hi] = model.bounds().unwrap();
    for (got, want) in lo.iter().chain(&hi).zip([0.0, 0.0, 0.0, 4.0, 0.2, 3.0]) {
        assert!((got - want).abs() < 1e-6, "{lo:?} {hi:?}");
    }
    let door = model.elements.iter().find(|e| e.class == "IfcDoor").unwrap();
    assert!(door.meshes.is_empty() && door.storey == Some(3));
    let set = &model.properties[&wall.global_id][0];
    assert_eq!(set.name, "Pset_WallCommon");
    assert_eq!(set.values[0].1, PropertyValue::Text("一号楼".into()));
    assert_eq!(set.values[1].1, PropertyValue::Bool(true));
    let geo = model.georeference.unwrap();
    assert_eq!((geo.source, geo.crs.as_deref()), (GeoSource::MapConversion, Some("EPSG:4547")));
    assert_eq!(geo.map_from_local([4.0, 0.0, 3.0]), [550_000.0, 3_360_004.0, 23.5]);
}

#[test]
fn gbk_names_are_read() {
    let (bytes, _, _) = encoding_rs::GBK.encode("柳岸花园三号楼");
    let text = house("@@").into_bytes();
    let at = text.windows(2).position(|w| w == b"@@").unwrap();
    let file = [&text[..at], &bytes, &text[at + 2..]].concat();
    let model = import_ifc(&file, &ImportOptions::default()).unwrap();
    assert_eq!(model.encoding, TextEncoding::Gb18030);
    assert_eq!(model.spatial[2].name, "柳岸花园三号楼");
}

#[test]
fn a_cut_file_is_one_clear_error() {
    let text = house("x");
    for n in (0..text.len() - 20).step_by(97) {
        let error = import_ifc(&text.as_bytes()[..n], &ImportOptions::default()).unwrap_err().to_string();
        assert!(error.contains("cut short at byte") || error.contains("not an IFC file"), "{n}: {error}");
    }
}

#[test]
fn duplex_has_the_286_elements_that_ifcopenshell_draws() {
    let Some(bytes) = shared("ifc/duplex.ifc") else { return };
    let model = import_ifc(&bytes, &ImportOptions::default()).unwrap();
    assert_eq!(model.with_geometry().count(), 286);
    let count = |kind| model.spatial.iter().filter(|n| n.kind == kind).count();
    assert_eq!((count(SpatialKind::Storey), count(SpatialKind::Space)), (4, 21));
    let doors = model.elements.iter().filter(|e| e.class == "IfcDoor");
    assert_eq!(doors.clone().count(), 14);
    assert!(doors.clone().all(|d| d.storey.is_some()), "every door stands on a storey");
    assert!(model.skipped.is_empty(), "{:?}", model.skipped);
    let rooms = model.elements.iter().filter(|e| e.class == "IfcSpace" && !e.meshes.is_empty());
    assert_eq!(rooms.count(), 21);
}

#[test]
fn other_real_files_are_read() {
    for (file, elements) in [
        ("ifc/AC20-FZK-Haus.ifc", 107),
        ("ifc/Office_A_20110811.ifc", 1083),
        ("ifc/tested_sample_project.ifc", 103),
        ("ifc/infra-bridge.ifc", 48),
    ] {
        let Some(bytes) = shared(file) else { continue };
        let model = import_ifc(&bytes, &ImportOptions::default()).unwrap();
        assert_eq!(model.with_geometry().count(), elements, "{file}");
        assert!(!model.properties.is_empty(), "{file}");
    }
}

#[test]
fn a_millimetre_map_conversion_is_scaled() {
    let Some(bytes) = shared("ifc/building-architecture.ifc") else { return };
    let geo = import_ifc(&bytes, &ImportOptions::default()).unwrap().georeference.unwrap();
    assert!((geo.easting_m - 729_013.348_8).abs() < 1e-3, "{geo:?}");
    assert!((geo.scale - 1.0).abs() < 1e-6, "{geo:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), with in any::<[u8; 3]>()) {
        let mut bytes = house("楼").into_bytes();
        let n = bytes.len() - 40;
        let at = at.index(n);
        bytes[at..at + 3].copy_from_slice(&with);
        drop(import_ifc(&bytes, &ImportOptions::default()));
    }
}
