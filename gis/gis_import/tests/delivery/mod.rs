//! A delivery small enough to check by hand, written with GDAL into a temporary folder.

use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use geo_frame::{Crs, china};
use osgb::{Geometry as Mesh, Image, ImageData, LodChild, Node, PagedLod, RangeMode};
use std::path::PathBuf;
use std::sync::Arc;

pub const CRS: &str = "EPSG:4547";
pub const ORIGIN: [f64; 3] = [535_000.0, 3_380_000.0, 20.0];

pub struct Delivery {
    pub dir: tempfile::TempDir,
}

/// A picture of 8 × 8 pixels.
pub fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    jpeg_encoder::Encoder::new(&mut out, 80).encode(&[130; 8 * 8 * 3], 8, 8, jpeg_encoder::ColorType::Rgb).unwrap();
    out
}

impl Delivery {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn project(&self) -> PathBuf {
        self.path("project.toml")
    }

    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from));
        std::fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Keeps a share of a file.
    pub fn cut(&self, name: &str, share: f64) {
        let bytes = std::fs::read(self.path(name)).unwrap();
        let n = (bytes.len() as f64 * share) as usize;
        std::fs::write(self.path(name), &bytes[..n]).unwrap();
    }

    fn text(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn oblique_only() -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        this.oblique();
        this.text("project.toml", &format!("{}[[layer]]\nkind = \"oblique\"\npath = \"oblique\"\n", head()));
        this
    }

    pub fn cityjson(text: &str) -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        this.text("city.json", text);
        this.text("project.toml", &format!("{}[[layer]]\nkind = \"cityjson\"\npath = \"city.json\"\n", head()));
        this
    }

    pub fn whole() -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        this.write_dem("dem.tif", Some(4547), f32::NAN);
        this.ortho();
        this.buildings();
        this.polygons();
        this.oblique();
        this.text("tower.ifc", &house());
        this.tables();
        let mut project = head();
        for (kind, path) in [("dem", "dem.tif"), ("ortho", "ortho.tif"), ("buildings", "buildings.shp")] {
            project += &format!("[[layer]]\nkind = \"{kind}\"\npath = \"{path}\"\n\n");
        }
        project += "[layer.fields]\nid = \"BLDG_ID\"\nname = \"NAME\"\nfloors = \"FLOORS\"\nheight = \"HEIGHT\"\n\n";
        for (layer, kind) in [("grids", "grid"), ("estates", "estate"), ("cover", "landcover")] {
            project += &format!(
                "[[layer]]\nkind = \"vector\"\npath = \"areas.gpkg\"\nlayer = \"{layer}\"\nas = \"{kind}\"\n\n"
            );
        }
        project += "[[layer]]\nkind = \"vector\"\npath = \"poi.geojson\"\nas = \"poi\"\ncrs = \"GCJ-02\"\n\n";
        project += "[[layer]]\nkind = \"addresses\"\npath = \"addresses.csv\"\n\n";
        project += "[[layer]]\nkind = \"ifc\"\npath = \"tower.ifc\"\nbuilding = \"B1\"\n\n";
        project += "[[layer]]\nkind = \"oblique\"\npath = \"oblique\"\n\n";
        project += "[live]\ndevices = \"devices.csv\"\nbindings = \"bindings.csv\"\ncameras = \"cameras.csv\"\ntypes = \"types.toml\"\n";
        this.text("project.toml", &project);
        this
    }

    /// 240 × 200 m at 2 m, flat at 20 m, a hole of four cells of `odd` in the south-west.
    pub fn write_dem(&self, name: &str, epsg: Option<u32>, odd: f32) {
        let (nx, ny) = (120, 100);
        let mut heights = vec![20.0_f32; nx * ny];
        for (row, column) in [(ny - 1, 0), (ny - 1, 1), (ny - 2, 0), (ny - 2, 1)] {
            heights[row * nx + column] = odd;
        }
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let options = RasterCreationOptions::from_iter(["COMPRESS=DEFLATE"]);
        let mut file =
            driver.create_with_band_type_with_options::<f32, _>(self.path(name), nx, ny, 1, &options).unwrap();
        file.set_geo_transform(&[ORIGIN[0] - 120.0, 2.0, 0.0, ORIGIN[1] + 100.0, 0.0, -2.0]).unwrap();
        if let Some(code) = epsg {
            file.set_spatial_ref(&SpatialRef::from_epsg(code).unwrap()).unwrap();
        }
        file.rasterband(1).unwrap().write((0, 0), (nx, ny), &mut Buffer::new((nx, ny), heights)).unwrap();
        file.close().unwrap();
    }

    fn ortho(&self) {
        let (w, h) = (240, 200);
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let mut file = driver.create_with_band_type::<u8, _>(self.path("ortho.tif"), w, h, 3).unwrap();
        file.set_geo_transform(&[ORIGIN[0] - 120.0, 1.0, 0.0, ORIGIN[1] + 100.0, 0.0, -1.0]).unwrap();
        file.set_spatial_ref(&SpatialRef::from_epsg(4547).unwrap()).unwrap();
        for band in 1..=3 {
            let pixels = (0..w * h).map(|i| (i % w) as u8).collect();
            file.rasterband(band).unwrap().write((0, 0), (w, h), &mut Buffer::new((w, h), pixels)).unwrap();
        }
        file.close().unwrap();
    }

    fn buildings(&self) {
        let driver = DriverManager::get_driver_by_name("ESRI Shapefile").unwrap();
        let mut file = driver.create_vector_only(self.path("buildings.shp")).unwrap();
        let fields = [("BLDG_ID", 's'), ("NAME", 's'), ("FLOORS", 'i'), ("HEIGHT", 'r')];
        let buildings = layer(&mut file, "buildings", &fields, &["ENCODING=GBK", "DBF_DATE_LAST_UPDATE=2026-01-01"]);
        feature(&buildings, square(10.0, 20.0, 20.0), &["B1", "柳岸1号楼", "6", "18.0"]);
        feature(&buildings, square(-40.0, -40.0, 12.0), &["B2", "门房", "1", "-3.0"]);
        file.close().unwrap();
    }

    fn polygons(&self) {
        let driver = DriverManager::get_driver_by_name("GPKG").unwrap();
        let mut file = driver.create_vector_only(self.path("areas.gpkg")).unwrap();
        let fields = [("code", 's'), ("name", 's')];
        let grids = layer(&mut file, "grids", &fields, &[]);
        feature(&grids, square(-120.0, -100.0, 240.0), &["001", "第一网格"]);
        let estates = layer(&mut file, "estates", &fields, &[]);
        feature(&estates, square(0.0, 0.0, 60.0), &["E1", "柳岸花园"]);
        let cover = layer(&mut file, "cover", &[("cover", 's'), ("manning_n", 'r')], &[]);
        feature(&cover, square(0.0, 0.0, 40.0), &["铺装", "0.016"]);
        file.close().unwrap();
        let at = Crs::from_user(CRS).unwrap().to_geodetic([ORIGIN[0] + 50.0, ORIGIN[1] - 20.0, 0.0]).unwrap();
        let p = china::gcj02_from_wgs84(at.lon_lat());
        let point = format!("{{\"type\":\"Point\",\"coordinates\":[{:.9},{:.9}]}}", p.lon_deg, p.lat_deg);
        let poi = "{\"code\":\"P1\",\"name\":\"便民服务站\",\"category\":\"服务\"}";
        let feature = format!("{{\"type\":\"Feature\",\"properties\":{poi},\"geometry\":{point}}}");
        self.text("poi.geojson", &format!("{{\"type\":\"FeatureCollection\",\"features\":[{feature}]}}"));
    }

    /// Two tiles of one quad with a finer file each, and one that is no OSGB.
    fn oblique(&self) {
        let xml = osgb::metadata::Metadata {
            srs: osgb::metadata::Srs::Epsg { code: 4547, vertical: None },
            origin: [ORIGIN[0], ORIGIN[1], 0.0],
        };
        let data = self.path("oblique/Data");
        for (name, east) in [("Tile_+000_+000", 60.0), ("Tile_+001_+000", -110.0)] {
            let folder = data.join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let fine = format!("{name}_L16_0.osgb");
            let root = Node::PagedLod(PagedLod {
                center: [f64::from(east) + 25.0, 35.0, 20.0],
                radius: 40.0,
                range_mode: RangeMode::PixelSizeOnScreen,
                database_path: None,
                children: vec![
                    LodChild { range: (0.0, 320.0), file: None, node: Some(Node::Geode(vec![quad(east)])) },
                    LodChild { range: (320.0, 1e30), file: Some(fine.clone()), node: None },
                ],
            });
            std::fs::write(folder.join(format!("{name}.osgb")), osgb::write::write_v91(&root)).unwrap();
            if east > 0.0 {
                std::fs::write(folder.join(fine), osgb::write::write_v91(&Node::Geode(vec![quad(east)]))).unwrap();
            }
        }
        let broken = data.join("Tile_broken");
        std::fs::create_dir_all(&broken).unwrap();
        std::fs::write(broken.join("Tile_broken.osgb"), b"no osgb at all").unwrap();
        self.text("oblique/metadata.xml", &osgb::metadata::write(&xml));
    }

    fn tables(&self) {
        self.text(
            "addresses.csv",
            "code,parent_code,kind,name,building_id,storey,unit\n\
             B1-U1,B1,unit,1单元,B1,,1\n\
             B1-U1-F05,B1-U1,storey,5层,B1,5,1\n\
             B1-U1-F05-502,B1-U1-F05,household,502室,B1,5,1\n\
             B1-U1-F05-503,B1-U1-F05,palace,503室,B1,5,1\n\
             B9-U1,NOPE,unit,1单元,B9,,1\n",
        );
        self.text(
            "types.toml",
            "[property.water_level_m]\nname = \"水位\"\nunit = \"m\"\nmin = 0.0\nmax = 40.0\n\n\
             [class.river_level]\nname = \"水位计\"\nproperties = [\"water_level_m\"]\nexpected_interval_s = 60\n",
        );
        let (x, y) = (ORIGIN[0], ORIGIN[1]);
        self.text(
            "devices.csv",
            &format!(
                "device_code,class,name,x,y,z,crs,on_code,storey,interval_s\n\
                 D1,river_level,柳江水位计,{x},{y},21.5,EPSG:4547,,,60\n\
                 D2,teapot,茶壶,{x},{y},21.5,EPSG:4547,,,60\n"
            ),
        );
        self.text(
            "bindings.csv",
            "topic,device_code,property,unit,payload_path,expected_interval_s,range_min,range_max\n\
             cim/v1/x/D1,D1,water_level_m,m,m.water_level_m,60,0,40\n\
             cim/v1/x/D9,UNKNOWN,water_level_m,m,m.water_level_m,60,0,40\n",
        );
        self.text(
            "cameras.csv",
            &format!(
                "code,name,x,y,z,heading_deg,pitch_deg,hfov_deg,range_m,status\n\
                 C1,北门,{x},{y},26,405,-15,60,50,online\n\
                 C2,坏的,{x},{y},26,45,-15,400,50,online\n"
            ),
        );
    }
}

fn head() -> String {
    let [x, y, z] = ORIGIN;
    format!(
        "[community]\nid = \"small\"\nname = \"柳湾社区\"\ndistrict = \"云川区\"\nstreet = \"望江街道\"\n\
         division = \"420199001001\"\ncrs = \"{CRS}\"\norigin = [{x:.1}, {y:.1}, {z:.1}]\n\n"
    )
}

fn quad(east: f32) -> Mesh {
    Mesh {
        positions: vec![[east, 10.0, 20.0], [east + 50.0, 10.0, 20.0], [east + 50.0, 60.0, 21.0], [east, 60.0, 21.0]],
        uvs: Some(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
        indices: vec![0, 1, 2, 0, 2, 3],
        texture: Some(Arc::new(Image { file_name: "t.jpg".into(), data: ImageData::Jpeg(jpeg()) })),
        ..Default::default()
    }
}

/// A square from the origin's easting and northing on.
fn square(east: f64, north: f64, side: f64) -> Geometry {
    let mut ring = Geometry::empty(OGRwkbGeometryType::wkbLinearRing).unwrap();
    for (x, y) in [(0.0, 0.0), (0.0, side), (side, side), (side, 0.0), (0.0, 0.0)] {
        ring.add_point_2d((ORIGIN[0] + east + x, ORIGIN[1] + north + y));
    }
    let mut polygon = Geometry::empty(OGRwkbGeometryType::wkbPolygon).unwrap();
    polygon.add_geometry(ring).unwrap();
    polygon
}

fn layer<'a>(file: &'a mut Dataset, name: &str, fields: &[(&str, char)], options: &[&str]) -> gdal::vector::Layer<'a> {
    let srs = SpatialRef::from_epsg(4547).unwrap();
    let ty = OGRwkbGeometryType::wkbPolygon;
    let layer = file.create_layer(LayerOptions { name, srs: Some(&srs), ty, options: Some(options) }).unwrap();
    for (name, kind) in fields {
        let ty = match kind {
            's' => OGRFieldType::OFTString,
            'i' => OGRFieldType::OFTInteger,
            _ => OGRFieldType::OFTReal,
        };
        FieldDefn::new(name, ty).unwrap().add_to_layer(&layer).unwrap();
    }
    layer
}

fn feature(layer: &gdal::vector::Layer<'_>, geometry: Geometry, values: &[&str]) {
    let mut feature = Feature::new(layer.defn()).unwrap();
    feature.set_geometry(geometry).unwrap();
    for (i, value) in values.iter().enumerate() {
        feature.set_field_string(i, value).unwrap();
    }
    feature.create(layer).unwrap();
}

/// A wall of 4 × 0.2 × 3 m and a door at (10, 20) from the origin.
fn house() -> String {
    let (e, n) = (ORIGIN[0] + 10.0, ORIGIN[1] + 20.0);
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
#21=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#30=IFCPROJECTEDCRS('EPSG:4547',$,$,$,$,$,#21);
#32=IFCMAPCONVERSION(#10,#30,{e:.3},{n:.3},20.,1.,0.,1.);
#40=IFCLOCALPLACEMENT($,#11);
#41=IFCSITE('0000000000000000000002',$,'S',$,$,#40,$,$,.ELEMENT.,$,$,$,$,$);
#42=IFCBUILDING('0000000000000000000003',$,'B',$,$,#40,$,$,.ELEMENT.,$,$,$);
#43=IFCBUILDINGSTOREY('0000000000000000000004',$,'1F',$,$,#40,$,$,.ELEMENT.,0.);
#44=IFCRELAGGREGATES('0000000000000000000005',$,$,$,#1,(#41));
#45=IFCRELAGGREGATES('0000000000000000000006',$,$,$,#41,(#42));
#46=IFCRELAGGREGATES('0000000000000000000007',$,$,$,#42,(#43));
#50=IFCCARTESIANPOINT((2.,0.1));
#51=IFCAXIS2PLACEMENT2D(#50,$);
#52=IFCRECTANGLEPROFILEDEF(.AREA.,$,#51,4.,0.2);
#53=IFCDIRECTION((0.,0.,1.));
#54=IFCEXTRUDEDAREASOLID(#52,#11,#53,3.);
#55=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#54));
#56=IFCPRODUCTDEFINITIONSHAPE($,$,(#55));
#57=IFCWALL('0000000000000000000008',$,'W1',$,$,#40,#56,$,$);
#58=IFCDOOR('0000000000000000000009',$,'D1',$,$,#40,$,$,2.1,0.9,$,$,$);
#59=IFCRELCONTAINEDINSPATIALSTRUCTURE('000000000000000000000A',$,$,$,(#57,#58),#43);
#61=IFCPROPERTYSINGLEVALUE('IsExternal',$,IFCBOOLEAN(.T.),$);
#62=IFCPROPERTYSET('000000000000000000000B',$,'Pset_WallCommon',$,(#61));
#63=IFCRELDEFINESBYPROPERTIES('000000000000000000000C',$,$,$,(#57),#62);
ENDSEC;
END-ISO-10303-21;
"
    )
}
