//! One storey: slab, walls with openings, doors, windows, stairs, spaces.

use super::floor::{Filling, Floor, Opening, RoomKind, STAIR_HOLE, WALL_M, Wall, host, typical};
use super::kit::Kit;
use super::step::{Id, guid, list, real, text};
use crate::plan::Building;
use crate::shapes::{BAR_CORE_M, BAR_UNIT_M, bar};

/// Thickness of floor slabs, metres.
const SLAB_M: f64 = 0.12;

/// Rated speed of the lifts, m/s: usual for 18 storeys.
const LIFT_MPS: f64 = 1.75;

/// Code of a household, as in the address table.
pub fn household_code(b: &Building, unit: u32, level: i32, door: u32) -> String {
    format!("{}-U{unit}-F{level:02}-{level:02}{door:02}", b.id)
}

struct Storey<'a> {
    b: &'a Building,
    at: Id,
    level: i32,
    key: String,
    elements: Vec<Id>,
    spaces: Vec<Id>,
}

/// Writes storey `level` (1 is the ground floor).
pub fn write(kit: &mut Kit, b: &Building, building_at: Id, level: i32) -> Result<Id, String> {
    let floor = typical(b.units, level == 1);
    let z = b.storey_m * f64::from(level - 1);
    let at = kit.placement(Some(building_at), [0.0, 0.0, z], None);
    let key = format!("{}/F{level:02}", b.id);
    let id = kit.step.add(&format!(
        "IFCBUILDINGSTOREY({},$,{},$,$,{at},$,{},.ELEMENT.,{})",
        guid(&key),
        text(&format!("{level}F")),
        text(&format!("{level}层")),
        real(z)
    ));
    let mut s = Storey { b, at, level, key, elements: Vec::new(), spaces: Vec::new() };
    slab(kit, &mut s, &floor);
    spaces(kit, &mut s, &floor);
    walls(kit, &mut s, &floor)?;
    stairs(kit, &mut s);
    balconies(kit, &mut s, &floor);
    lifts(kit, &mut s, &floor);
    finish(kit, &s, id);
    Ok(id)
}

fn finish(kit: &mut Kit, s: &Storey<'_>, id: Id) {
    kit.aggregate(&s.key, id, &s.spaces);
    kit.step.add(&format!(
        "IFCRELCONTAINEDINSPATIALSTRUCTURE({},$,$,$,{},{id})",
        guid(&format!("{}/contains", s.key)),
        list(&s.elements)
    ));
}

fn slab(kit: &mut Kit, s: &mut Storey<'_>, floor: &Floor) {
    let holes: &[[f64; 4]] = if s.level == 1 { &[] } else { &floor.holes };
    let solid = kit.solid_ring(&bar(s.b.units), holes, -SLAB_M, SLAB_M);
    let shape = kit.shape(&[solid], "slab");
    let kind = if s.level == 1 { "BASESLAB" } else { "FLOOR" };
    let at = kit.placement(Some(s.at), [0.0; 3], None);
    let id = kit.step.add(&format!(
        "IFCSLAB({},$,{},$,$,{at},{shape},$,.{kind}.)",
        guid(&format!("{}/slab", s.key)),
        text("楼板")
    ));
    s.elements.push(id);
}

fn spaces(kit: &mut Kit, s: &mut Storey<'_>, floor: &Floor) {
    let height = s.b.storey_m - SLAB_M;
    for (i, room) in floor.rooms.iter().enumerate() {
        // inner walls stand half in the room, outer walls wholly
        let inset = |side: usize, towards: f64| {
            let outer = floor.walls.iter().any(|w| {
                let same_line = (w.at - room.rect[side]).abs() < 1e-6 && w.vertical == side.is_multiple_of(2);
                same_line && w.external() && (w.left == Some(i) || w.right == Some(i))
            });
            room.rect[side] + towards * if outer { WALL_M } else { WALL_M * 0.5 }
        };
        let (low, high) = ([inset(0, 1.0), inset(1, 1.0), 0.0], [inset(2, -1.0), inset(3, -1.0), height]);
        let solid = kit.solid_box(low, high);
        let shape = kit.shape(&[solid], "space");
        let key = format!("{}/space/{i}", s.key);
        let at = kit.placement(Some(s.at), [0.0; 3], None);
        let code = if room.door > 0 {
            format!("{}-{}", household_code(s.b, room.unit, s.level, room.door), i)
        } else {
            format!("{}-U{}-F{:02}-{i}", s.b.id, room.unit, s.level)
        };
        let id = kit.step.add(&format!(
            "IFCSPACE({},$,{},$,{},{at},{shape},{},.ELEMENT.,.INTERNAL.,$)",
            guid(&key),
            text(&code),
            text(room_type(room.kind)),
            text(room.name)
        ));
        let public = room.door == 0;
        kit.pset(
            id,
            &key,
            "Pset_SpaceCommon",
            &[
                ("Reference", format!("IFCIDENTIFIER({})", text(room.name))),
                ("IsExternal", "IFCBOOLEAN(.F.)".to_owned()),
                ("PubliclyAccessible", format!("IFCBOOLEAN({})", if public { ".T." } else { ".F." })),
            ],
        );
        if !public {
            kit.zones.entry(household_code(s.b, room.unit, s.level, room.door)).or_default().push(id);
            kit.pset(
                id,
                &key,
                "户信息",
                &[
                    ("户编码", format!("IFCIDENTIFIER({})", text(&household_code(s.b, room.unit, s.level, room.door)))),
                    ("单元", format!("IFCINTEGER({})", room.unit)),
                    ("楼层", format!("IFCINTEGER({})", s.level)),
                    ("户号", format!("IFCLABEL('{:02}{:02}')", s.level, room.door)),
                ],
            );
        }
        kit.space_quantities(id, &key, (high[0] - low[0]) * (high[1] - low[1]), height);
        s.spaces.push(id);
    }
}

fn room_type(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Flat => "套内",
        RoomKind::Corridor => "公共走道",
        RoomKind::Stair => "疏散楼梯间",
        RoomKind::Lift => "电梯井",
        RoomKind::Shaft => "管道井",
    }
}

fn walls(kit: &mut Kit, s: &mut Storey<'_>, floor: &Floor) -> Result<(), String> {
    let mut ids = Vec::new();
    for (i, w) in floor.walls.iter().enumerate() {
        ids.push(wall(kit, s, w, i));
    }
    for (i, o) in floor.openings.iter().enumerate() {
        let index =
            host(&floor.walls, o).ok_or_else(|| format!("opening {i} of storey {} lies in no wall", s.level))?;
        opening(kit, s, (&floor.walls[index], ids[index]), o, i);
    }
    Ok(())
}

/// Offset of a wall's middle from its line, to the left.
fn wall_offset(w: &Wall) -> f64 {
    match (w.left, w.right) {
        (None, _) => -WALL_M * 0.5,
        (_, None) => WALL_M * 0.5,
        _ => 0.0,
    }
}

fn wall(kit: &mut Kit, s: &mut Storey<'_>, w: &Wall, index: usize) -> (Id, Id) {
    let (start, axis) =
        if w.vertical { ([w.at, w.from, 0.0], [0.0, 1.0, 0.0]) } else { ([w.from, w.at, 0.0], [1.0, 0.0, 0.0]) };
    let at = kit.placement(Some(s.at), start, Some(axis));
    let offset = wall_offset(w);
    let height = s.b.storey_m - SLAB_M;
    let solid = kit.solid_box([0.0, offset - WALL_M * 0.5, 0.0], [w.to - w.from, offset + WALL_M * 0.5, height]);
    let shape = kit.shape(&[solid], if w.external() { "wall" } else { "inner" });
    let key = format!("{}/wall/{index}", s.key);
    let (name, kind) = if w.external() { ("外墙", "SOLIDWALL") } else { ("内墙", "PARTITIONING") };
    let id = kit.step.add(&format!("IFCWALL({},$,{},$,$,{at},{shape},$,.{kind}.)", guid(&key), text(name)));
    let flag = if w.external() { ".T." } else { ".F." };
    kit.pset(
        id,
        &key,
        "Pset_WallCommon",
        &[
            ("IsExternal", format!("IFCBOOLEAN({flag})")),
            ("LoadBearing", format!("IFCBOOLEAN({flag})")),
            ("FireRating", format!("IFCLABEL({})", text(if w.external() { "3.00h" } else { "1.00h" }))),
        ],
    );
    s.elements.push(id);
    for room in [w.left, w.right].into_iter().flatten() {
        boundary(kit, s, room, id, &format!("{key}/b{room}"), w.external());
    }
    (id, at)
}

/// Tells that an element bounds a space; both in this storey.
fn boundary(kit: &mut Kit, s: &Storey<'_>, room: usize, element: Id, key: &str, external: bool) {
    let space = s.spaces[room];
    let side = if external { "EXTERNAL" } else { "INTERNAL" };
    kit.step.add(&format!("IFCRELSPACEBOUNDARY({},$,$,$,{space},{element},$,.PHYSICAL.,.{side}.)", guid(key)));
}

fn opening(kit: &mut Kit, s: &mut Storey<'_>, (w, (wall, wall_at)): (&Wall, (Id, Id)), o: &Opening, index: usize) {
    let offset = wall_offset(w);
    let start = o.middle - o.width * 0.5 - w.from;
    let at = kit.placement(Some(wall_at), [start, offset, o.sill], None);
    let cut = kit.solid_box([0.0, -WALL_M, 0.0], [o.width, WALL_M, o.height]);
    let body = kit.body;
    let representation = kit.step.add(&format!("IFCSHAPEREPRESENTATION({body},'Body','SweptSolid',({cut}))"));
    let shape = kit.step.add(&format!("IFCPRODUCTDEFINITIONSHAPE($,$,({representation}))"));
    let key = format!("{}/opening/{index}", s.key);
    let void =
        kit.step.add(&format!("IFCOPENINGELEMENT({},$,{},$,$,{at},{shape},$,.OPENING.)", guid(&key), text("洞口")));
    kit.step.add(&format!("IFCRELVOIDSELEMENT({},$,$,$,{wall},{void})", guid(&format!("{key}/voids"))));
    let filling_at = kit.placement(Some(at), [0.0; 3], None);
    let filling = if o.filling == Filling::Window {
        window(kit, o, filling_at, &key)
    } else {
        door(kit, s, w, o, filling_at, &key)
    };
    kit.step.add(&format!("IFCRELFILLSELEMENT({},$,$,$,{void},{filling})", guid(&format!("{key}/fills"))));
    s.elements.push(filling);
    for room in [w.left, w.right].into_iter().flatten() {
        boundary(kit, s, room, filling, &format!("{key}/b{room}"), w.external());
    }
}

fn window(kit: &mut Kit, o: &Opening, at: Id, key: &str) -> Id {
    let glass = kit.solid_box([0.05, -0.01, 0.05], [o.width - 0.05, 0.01, o.height - 0.05]);
    let shape = kit.shape(&[glass], "glass");
    let id = kit.step.add(&format!(
        "IFCWINDOW({},$,{},$,$,{at},{shape},$,{},{},.WINDOW.,.DOUBLE_PANEL_VERTICAL.,$)",
        guid(&format!("{key}/window")),
        text("窗"),
        real(o.height),
        real(o.width)
    ));
    kit.pset(id, &format!("{key}/window"), "Pset_WindowCommon", &[("IsExternal", "IFCBOOLEAN(.T.)".to_owned())]);
    id
}

fn door(kit: &mut Kit, s: &Storey<'_>, w: &Wall, o: &Opening, at: Id, key: &str) -> Id {
    let leaf = kit.solid_box([0.02, -0.025, 0.0], [o.width - 0.02, 0.025, o.height - 0.02]);
    let (name, style, fire, exit) = match o.filling {
        Filling::FlatDoor => ("入户门", "door", "乙级", true),
        Filling::FireDoor => ("防火门", "fire", "乙级", true),
        Filling::LiftDoor => ("电梯门", "metal", "", false),
        Filling::UnitDoor => ("单元门", "metal", "", true),
        _ => ("门", "door", "", false),
    };
    let shape = kit.shape(&[leaf], style);
    let operation = if o.width > 1.3 { "DOUBLE_DOOR_SINGLE_SWING" } else { "SINGLE_SWING_LEFT" };
    let key = format!("{key}/door");
    let name = format!("{name}-{}F", s.level);
    let id = kit.step.add(&format!(
        "IFCDOOR({},$,{},$,$,{at},{shape},$,{},{},.DOOR.,.{operation}.,$)",
        guid(&key),
        text(&name),
        real(o.height),
        real(o.width)
    ));
    kit.pset(
        id,
        &key,
        "Pset_DoorCommon",
        &[
            ("IsExternal", format!("IFCBOOLEAN({})", if w.external() { ".T." } else { ".F." })),
            ("FireRating", format!("IFCLABEL({})", text(fire))),
            ("FireExit", format!("IFCBOOLEAN({})", if exit { ".T." } else { ".F." })),
        ],
    );
    id
}

/// Two flights with a landing half way, in every unit's stair room.
fn stairs(kit: &mut Kit, s: &mut Storey<'_>) {
    const RISERS: u32 = 9;
    const TREAD: f64 = 0.26;
    // The roof has no opening in its slab: nobody walks up there from inside.
    if s.level >= s.b.floors as i32 {
        return;
    }
    let riser = s.b.storey_m / 18.0;
    for unit in 1..=s.b.units {
        let x0 = BAR_UNIT_M * f64::from(unit - 1);
        let key = format!("{}/stair/{unit}", s.key);
        let at = kit.placement(Some(s.at), [0.0; 3], None);
        let stair = kit.step.add(&format!(
            "IFCSTAIR({},$,{},$,$,{at},$,$,.HALF_TURN_STAIR.)",
            guid(&key),
            text(&format!("{unit}单元楼梯"))
        ));
        s.elements.push(stair);
        let foot = STAIR_HOLE[1];
        let head = foot + TREAD * f64::from(RISERS - 1);
        let mut parts = Vec::new();
        for second in [false, true] {
            let (y0, step, z0) = if second { (head, -TREAD, riser * f64::from(RISERS)) } else { (foot, TREAD, 0.0) };
            let mut ring = vec![[y0, z0]];
            for k in 0..RISERS {
                let z = z0 + riser * f64::from(k + 1);
                ring.push([y0 + step * f64::from(k), z]);
                if k + 1 < RISERS {
                    ring.push([y0 + step * f64::from(k + 1), z]);
                }
            }
            let end = y0 + step * f64::from(RISERS - 1);
            ring.push([end, z0 + riser * f64::from(RISERS) - 0.28]);
            ring.push([y0 + step, z0]);
            let x = x0 + if second { 10.08 } else { BAR_CORE_M[0] + 0.12 };
            let solid = kit.solid_side(&ring, x, 1.18);
            let shape = kit.shape(&[solid], "slab");
            let key = format!("{key}/flight{}", u8::from(second));
            let at = kit.placement(Some(at), [0.0; 3], None);
            parts.push(kit.step.add(&format!(
                "IFCSTAIRFLIGHT({},$,{},$,$,{at},{shape},$,{RISERS},{},{},{},.STRAIGHT.)",
                guid(&key),
                text("梯段"),
                RISERS - 1,
                real(riser),
                real(TREAD)
            )));
        }
        let top = riser * f64::from(RISERS);
        let landing = kit.solid_box([x0 + BAR_CORE_M[0] + 0.1, head, top - SLAB_M], [x0 + 11.3, 13.8, top]);
        let shape = kit.shape(&[landing], "slab");
        let landing_at = kit.placement(Some(at), [0.0; 3], None);
        parts.push(kit.step.add(&format!(
            "IFCSLAB({},$,{},$,$,{landing_at},{shape},$,.LANDING.)",
            guid(&format!("{key}/landing")),
            text("休息平台")
        )));
        kit.aggregate(&key, stair, &parts);
    }
}

fn balconies(kit: &mut Kit, s: &mut Storey<'_>, floor: &Floor) {
    if s.level == 1 {
        return;
    }
    for (i, b) in floor.balconies.iter().enumerate() {
        let key = format!("{}/balcony/{i}", s.key);
        let at = kit.placement(Some(s.at), [0.0; 3], None);
        let solid = kit.solid_box([b[0], b[1], -SLAB_M], [b[2], b[3], 0.0]);
        let shape = kit.shape(&[solid], "slab");
        let slab = kit.step.add(&format!("IFCSLAB({},$,{},$,$,{at},{shape},$,.FLOOR.)", guid(&key), text("阳台板")));
        let t = 0.06;
        let rails = [
            kit.solid_box([b[0], b[1], 0.0], [b[2], b[1] + t, 1.1]),
            kit.solid_box([b[0], b[1] + t, 0.0], [b[0] + t, b[3], 1.1]),
            kit.solid_box([b[2] - t, b[1] + t, 0.0], [b[2], b[3], 1.1]),
        ];
        let shape = kit.shape(&rails, "glass");
        let rail_at = kit.placement(Some(s.at), [0.0; 3], None);
        let rail = kit.step.add(&format!(
            "IFCRAILING({},$,{},$,$,{rail_at},{shape},$,.GUARDRAIL.)",
            guid(&format!("{key}/rail")),
            text("阳台栏板")
        ));
        s.elements.extend([slab, rail]);
    }
}

/// Lift cars, all waiting on the ground floor.
fn lifts(kit: &mut Kit, s: &mut Storey<'_>, floor: &Floor) {
    if s.level != 1 {
        return;
    }
    for (i, room) in floor.rooms.iter().enumerate().filter(|r| r.1.kind == RoomKind::Lift) {
        let r = room.rect;
        let at = kit.placement(Some(s.at), [0.0; 3], None);
        let car = kit.solid_box([r[0] + 0.25, r[1] + 0.3, 0.0], [r[2] - 0.35, r[3] - 0.3, 2.3]);
        let shape = kit.shape(&[car], "metal");
        let name = format!("{}单元{}", room.unit, room.name.trim_end_matches('井'));
        let id = kit.step.add(&format!(
            "IFCTRANSPORTELEMENT({},$,{},$,$,{at},{shape},$,.ELEVATOR.)",
            guid(&format!("{}/lift/{i}", s.key)),
            text(&name)
        ));
        kit.pset(
            id,
            &format!("{}/lift/{i}", s.key),
            "Pset_TransportElementCommon",
            &[
                ("CapacityPeople", "IFCCOUNTMEASURE(13)".to_owned()),
                ("CapacityWeight", "IFCMASSMEASURE(1000.)".to_owned()),
            ],
        );
        kit.pset(
            id,
            &format!("{}/lift/{i}", s.key),
            "电梯参数",
            &[("额定速度", format!("IFCLINEARVELOCITYMEASURE({})", real(LIFT_MPS)))],
        );
        s.elements.push(id);
    }
}

/// Roof slab, parapet and lift machine rooms.
pub fn roof(kit: &mut Kit, b: &Building, building_at: Id) -> Id {
    let z = b.storey_m * f64::from(b.floors);
    let at = kit.placement(Some(building_at), [0.0, 0.0, z], None);
    let key = format!("{}/roof", b.id);
    let id = kit.step.add(&format!(
        "IFCBUILDINGSTOREY({},$,'RF',$,$,{at},$,{},.ELEMENT.,{})",
        guid(&key),
        text("屋面层"),
        real(z)
    ));
    let mut s = Storey { b, at, level: b.floors as i32 + 1, key, elements: Vec::new(), spaces: Vec::new() };
    let solid = kit.solid_ring(&bar(b.units), &[], -SLAB_M, SLAB_M);
    let shape = kit.shape(&[solid], "slab");
    let slab_at = kit.placement(Some(at), [0.0; 3], None);
    let slab = kit.step.add(&format!(
        "IFCSLAB({},$,{},$,$,{slab_at},{shape},$,.ROOF.)",
        guid(&format!("{}/slab", s.key)),
        text("屋面板")
    ));
    s.elements.push(slab);
    for (i, w) in typical(b.units, false).walls.iter().filter(|w| w.external()).enumerate() {
        let (start, axis) =
            if w.vertical { ([w.at, w.from, 0.0], [0.0, 1.0, 0.0]) } else { ([w.from, w.at, 0.0], [1.0, 0.0, 0.0]) };
        let wall_at = kit.placement(Some(at), start, Some(axis));
        let o = wall_offset(w);
        let solid = kit.solid_box([0.0, o - WALL_M * 0.5, 0.0], [w.to - w.from, o + WALL_M * 0.5, b.height_m - z]);
        let shape = kit.shape(&[solid], "wall");
        s.elements.push(kit.step.add(&format!(
            "IFCWALL({},$,{},$,$,{wall_at},{shape},$,.PARAPET.)",
            guid(&format!("{}/parapet/{i}", s.key)),
            text("女儿墙")
        )));
    }
    for unit in 1..=b.units {
        let x0 = BAR_UNIT_M * f64::from(unit - 1);
        let solid = kit.solid_box([x0 + BAR_CORE_M[0] + 0.3, 8.9, 0.0], [x0 + BAR_CORE_M[1] - 0.3, 13.7, 3.6]);
        let shape = kit.shape(&[solid], "wall");
        let room_at = kit.placement(Some(at), [0.0; 3], None);
        s.elements.push(kit.step.add(&format!(
            "IFCBUILDINGELEMENTPROXY({},$,{},$,$,{room_at},{shape},$,.NOTDEFINED.)",
            guid(&format!("{}/machine/{unit}", s.key)),
            text("电梯机房")
        )));
    }
    finish(kit, &s, id);
    id
}

/// One zone per household, holding its rooms.
pub fn households(kit: &mut Kit, b: &Building) {
    let zones = std::mem::take(&mut kit.zones);
    for (code, spaces) in zones {
        let id = kit.step.add(&format!(
            "IFCZONE({},$,{},$,{},{})",
            guid(&format!("zone/{code}")),
            text(&code),
            text("户"),
            text(&format!("{}{}", b.name, code.rsplit('-').next().unwrap_or_default()))
        ));
        kit.step.add(&format!(
            "IFCRELASSIGNSTOGROUP({},$,$,$,{},$,{id})",
            guid(&format!("zone/{code}/rel")),
            list(&spaces)
        ));
    }
}
