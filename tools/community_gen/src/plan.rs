//! What the community is made of, before any file format. A pure function of the seed.

use crate::geom::{Frame, Pt};
use crate::network::Drainage;
use crate::terrain::Terrain;

/// Extent of the plan, metres east and north.
pub const SIZE_M: Pt = [1200.0, 1000.0];
/// Easting and northing (EPSG:4547) of the plan's south-west corner.
pub const BASE: Pt = [534_400.0, 3_379_500.0];
/// 12-digit division code of the fictional community.
pub const DIVISION: &str = "420199001001";
/// Coordinate system of the deliveries.
pub const CRS: &str = "EPSG:4547";
/// Height of the community's origin, metres.
pub const ORIGIN_Z: f64 = 20.0;

/// Easting and northing of a plan point.
pub fn crs_xy(p: Pt) -> Pt {
    [BASE[0] + p[0], BASE[1] + p[1]]
}

/// The whole community.
pub struct CommunityPlan {
    /// The seed it grew from.
    pub seed: u64,
    /// Bare-earth heights.
    pub terrain: Terrain,
    /// Public streets.
    pub streets: Vec<Street>,
    /// Roads and paths inside lots.
    pub lanes: Vec<Lane>,
    /// Blocks between streets.
    pub lots: Vec<Lot>,
    /// Grids (网格).
    pub grids: Vec<Grid>,
    /// Buildings.
    pub buildings: Vec<Building>,
    /// Ground areas, painted in this order.
    pub areas: Vec<Area>,
    /// Trees.
    pub trees: Vec<Tree>,
    /// Parked cars and buses.
    pub cars: Vec<Car>,
    /// Gates of lots.
    pub gates: Vec<Gate>,
    /// Storm drains and manholes.
    pub drainage: Drainage,
    /// Points of interest.
    pub pois: Vec<Poi>,
    /// Street furniture and other components (部件).
    pub components: Vec<Component>,
    /// Units, storeys and households.
    pub addresses: Vec<Address>,
    /// Flood gap in the embankment.
    pub gap: Pt,
    /// The underpass: centre and direction along the street.
    pub underpass: (Pt, Pt),
    /// Ramps into underground garages: top end, bottom end.
    pub ramps: Vec<(Pt, Pt)>,
    /// Index of the building that has an IFC model.
    pub ifc_building: usize,
}

impl CommunityPlan {
    /// The grid a plan point lies in.
    pub fn grid_at(&self, p: Pt) -> usize {
        let inside = self.grids.iter().position(|g| crate::geom::contains(&g.ring, p));
        inside.unwrap_or_else(|| {
            let d = |g: &Grid| crate::geom::dist_ring(p, &g.ring);
            (0..self.grids.len()).min_by(|a, b| d(&self.grids[*a]).total_cmp(&d(&self.grids[*b]))).unwrap_or(0)
        })
    }

    /// Ground height at a plan point, metres.
    pub fn ground(&self, p: Pt) -> f64 {
        self.terrain.at(p)
    }
}

/// A public street.
pub struct Street {
    /// Code, unique.
    pub code: String,
    /// Chinese name.
    pub name: &'static str,
    /// 主干路, 次干路 or 支路.
    pub class: &'static str,
    /// Centre line.
    pub line: Vec<Pt>,
    /// Width of the carriageway, metres.
    pub carriage_m: f64,
    /// Width between lot boundaries, metres.
    pub redline_m: f64,
}

/// Kind of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneKind {
    /// Road inside a lot that cars use.
    Internal,
    /// Walkway.
    Path,
    /// Promenade on the embankment.
    Promenade,
}

/// A road or path inside a lot.
pub struct Lane {
    /// What it is.
    pub kind: LaneKind,
    /// Centre line.
    pub line: Vec<Pt>,
    /// Width, metres.
    pub width_m: f64,
    /// Lot it belongs to.
    pub lot: Option<usize>,
}

/// What a lot is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotKind {
    /// Estate with towers.
    HighRise,
    /// Estate with walk-up slabs.
    WalkUp,
    /// Terraced houses and villas.
    Villa,
    /// Old dormitory blocks.
    Old,
    /// Lanes with small houses.
    OldTown,
    /// School and kindergarten.
    School,
    /// Shops, hotel, offices.
    Commerce,
    /// Hospital, fire station, substation.
    Services,
    /// Offices and workshops.
    Campus,
    /// Park, square and community centre.
    Park,
}

impl LotKind {
    /// Chinese word for the delivery tables.
    pub fn zh(self) -> &'static str {
        match self {
            Self::HighRise | Self::WalkUp | Self::Villa | Self::Old => "住宅小区",
            Self::OldTown => "老街",
            Self::School => "学校",
            Self::Commerce => "商业区",
            Self::Services => "公共服务",
            Self::Campus => "园区",
            Self::Park => "公园广场",
        }
    }
}

/// A block between streets with one owner or estate.
pub struct Lot {
    /// Code, unique.
    pub code: String,
    /// Chinese name (小区名).
    pub name: &'static str,
    /// Use.
    pub kind: LotKind,
    /// Boundary, counter-clockwise.
    pub ring: Vec<Pt>,
    /// Local frame at the south-west corner of the inner rectangle.
    pub frame: Frame,
    /// Width and depth of the inner rectangle, metres.
    pub size: Pt,
    /// Year built.
    pub year: u32,
    /// Street and number.
    pub address: String,
    /// Grid.
    pub grid: usize,
}

/// A grid (网格).
pub struct Grid {
    /// Three digits.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Boundary, counter-clockwise.
    pub ring: Vec<Pt>,
}

/// What a building is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Flats.
    Residential,
    /// Shops.
    Shop,
    /// Shopping centre.
    Mall,
    /// Offices.
    Office,
    /// Hotel.
    Hotel,
    /// School.
    School,
    /// Kindergarten.
    Kindergarten,
    /// Hospital or clinic.
    Hospital,
    /// Community service.
    Community,
    /// Market hall.
    Market,
    /// Workshop or store.
    Workshop,
    /// Pump station, substation, gatehouse.
    Utility,
}

impl Use {
    /// Chinese word for the delivery tables.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Residential => "住宅",
            Self::Shop => "商铺",
            Self::Mall => "商场",
            Self::Office => "办公",
            Self::Hotel => "酒店",
            Self::School => "学校",
            Self::Kindergarten => "幼儿园",
            Self::Hospital => "医疗",
            Self::Community => "社区服务",
            Self::Market => "市场",
            Self::Workshop => "厂房",
            Self::Utility => "市政设施",
        }
    }
}

/// Facade style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facade {
    /// Light tower with balconies.
    TowerLight,
    /// Brown and cream tower.
    TowerWarm,
    /// Painted slab of the 2000s.
    Slab,
    /// Grey or brick slab of the 1980s.
    OldSlab,
    /// House.
    House,
    /// Glass curtain wall.
    Glass,
    /// Strip windows.
    Strip,
    /// Shop front.
    ShopFront,
    /// Nearly blank wall.
    Plain,
}

/// Roof form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Roof {
    /// Flat with parapet; the colour is grey.
    Flat,
    /// Flat with solar heaters.
    Solar,
    /// Ridge along the frame's x axis; rise in metres. Only for rectangles.
    Gable(f64),
    /// Light metal sheet.
    Metal,
}

/// A building.
pub struct Building {
    /// Code, unique, the key of every other delivery.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// Lot it stands in.
    pub lot: Option<usize>,
    /// Grid.
    pub grid: usize,
    /// Use.
    pub usage: Use,
    /// Storeys above ground.
    pub floors: u32,
    /// Height of a storey, metres.
    pub storey_m: f64,
    /// Height from the ground to the eaves or parapet, metres.
    pub height_m: f64,
    /// Stair units (单元); 0 when it has none.
    pub units: u32,
    /// Households per unit and storey.
    pub per_floor: u32,
    /// Year built.
    pub year: u32,
    /// Address.
    pub address: String,
    /// Footprint, counter-clockwise.
    pub ring: Vec<Pt>,
    /// Frame of the footprint.
    pub frame: Frame,
    /// Height of its ground floor, metres.
    pub base_z: f64,
    /// Facade style.
    pub facade: Facade,
    /// Roof form.
    pub roof: Roof,
    /// Number for colour variation.
    pub tint: u32,
}

/// Kind of a ground area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaKind {
    /// Grass.
    Lawn,
    /// Shrubs and flower beds.
    Garden,
    /// Concrete or brick paving.
    Paving,
    /// Square with pattern.
    Plaza,
    /// Standing water.
    Pond,
    /// Car park.
    Parking,
    /// Basketball or tennis court.
    Court,
    /// Running track (ring) with its lanes.
    Track,
    /// Football field inside the track.
    Field,
    /// Soft playground.
    Playground,
    /// Gravel or bare yard.
    Yard,
    /// Vegetable plots.
    Plots,
}

impl AreaKind {
    /// Chinese word for the delivery tables.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Lawn => "草地",
            Self::Garden => "绿化",
            Self::Paving => "铺装",
            Self::Plaza => "广场",
            Self::Pond => "水面",
            Self::Parking => "停车场",
            Self::Court => "球场",
            Self::Track => "跑道",
            Self::Field => "足球场",
            Self::Playground => "儿童活动场",
            Self::Yard => "场院",
            Self::Plots => "菜地",
        }
    }
}

/// A ground area.
pub struct Area {
    /// What it is.
    pub kind: AreaKind,
    /// Name, empty for most.
    pub name: &'static str,
    /// Boundary, counter-clockwise.
    pub ring: Vec<Pt>,
    /// Frame for its pattern.
    pub frame: Frame,
    /// Lot it belongs to.
    pub lot: Option<usize>,
}

/// A tree.
pub struct Tree {
    /// Where.
    pub at: Pt,
    /// Chinese name of the species.
    pub species: &'static str,
    /// Crown radius, metres.
    pub crown_m: f64,
    /// Height, metres.
    pub height_m: f64,
    /// Number for colour variation.
    pub tint: u32,
}

/// A parked or driving vehicle; only drawn.
pub struct Car {
    /// Where.
    pub at: Pt,
    /// Direction of its length.
    pub axis: Pt,
    /// Length and width, metres.
    pub size: Pt,
    /// Colour number.
    pub tint: u32,
}

/// A gate of a lot.
pub struct Gate {
    /// Code, unique.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Lot.
    pub lot: usize,
    /// Where.
    pub at: Pt,
    /// Clear width, metres.
    pub width_m: f64,
    /// Whether cars pass.
    pub cars: bool,
    /// Direction out of the lot.
    pub out: Pt,
}

/// A point of interest.
pub struct Poi {
    /// Chinese name.
    pub name: String,
    /// Chinese category.
    pub category: &'static str,
    /// Where.
    pub at: Pt,
    /// Building it is in.
    pub building: Option<usize>,
}

/// A component (部件).
pub struct Component {
    /// 16 digits: 6 division, 2 class, 2 sub-class, 6 serial.
    pub code: String,
    /// Chinese class name.
    pub class: &'static str,
    /// Chinese name.
    pub name: String,
    /// Where.
    pub at: Pt,
    /// Chinese name of the department in charge.
    pub owner: &'static str,
    /// Heading in degrees clockwise from north, where it matters.
    pub heading_deg: f64,
}

/// A row of the address spine.
pub struct Address {
    /// Code, unique.
    pub code: String,
    /// Code of the row or building above.
    pub parent: String,
    /// unit, storey or household.
    pub kind: &'static str,
    /// Chinese name.
    pub name: String,
    /// Building index.
    pub building: usize,
    /// Storey number; 0 for units.
    pub storey: i32,
    /// Unit number; 0 where there is none.
    pub unit: u32,
}
