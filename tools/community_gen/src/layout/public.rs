//! School, shops and hotel, hospital and utilities, offices, park.

use super::homes::{blob, shop_row};
use super::pen::{Pen, Spec};
use crate::geom::{Frame, circle, oval, rect};
use crate::plan::{Area, AreaKind, Facade, LaneKind, Roof, Use};
use crate::shapes;

/// Primary school with a 200 m track, and a kindergarten beside it.
pub fn school(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    let east = w * 0.7;
    pen.area(AreaKind::Paving, "", &rect(0.0, 0.0, w, d));
    pen.rect(AreaKind::Lawn, 3.0, 3.0, east - 8.0, 10.0);
    let track = Frame { origin: pen.frame.to_plan([east * 0.5 + 6.0, 48.0]), axis: pen.frame.axis };
    let lot = Some(pen.lot);
    for (kind, radius, name) in [(AreaKind::Track, 28.0, "柳湾小学田径场"), (AreaKind::Field, 20.5, "柳湾小学足球场")]
    {
        let ring = oval(&track, 64.0, radius);
        pen.draft.areas.push(Area { kind, name, ring, frame: track, lot });
    }
    pen.poi("柳湾小学田径场", "体育设施", [east * 0.5 + 6.0, 48.0]);
    let stand = Spec::new("主席台", Use::School, 1, Facade::Plain).storey(5.0).roof(Roof::Metal);
    pen.building(stand, &shapes::block(30.0, 6.0), [east * 0.5 + 6.0, 82.5], 0.0);
    for k in 0..3 {
        let x = 8.0 + 31.0 * f64::from(k);
        pen.rect(AreaKind::Court, x, 92.0, x + 28.0, 107.0);
    }
    let teach = Spec::new("柳湾小学教学楼", Use::School, 5, Facade::Strip).storey(3.7);
    let teach = pen.building(teach, &shapes::yoke(74.0, 48.0, 11.0), [14.0, d - 84.0], 0.0);
    pen.building_poi("云川区柳湾小学", "学校", teach);
    let lab = Spec::new("柳湾小学综合楼", Use::School, 4, Facade::Strip).storey(3.9);
    pen.building(lab, &shapes::ell(46.0, 34.0, 13.0), [104.0, d - 66.0], 0.0);
    let gym = Spec::new("柳湾小学体育馆", Use::School, 1, Facade::Glass).storey(11.0).roof(Roof::Metal);
    pen.building(gym, &rect(0.0, 0.0, 40.0, 27.0), [east - 56.0, 92.0], 0.0);
    pen.rect(AreaKind::Garden, 28.0, d - 82.0, 74.0, d - 50.0);
    pen.lane(LaneKind::Internal, 6.0, &[[east - 8.0, 6.0], [east - 8.0, d - 8.0]]);
    pen.lane(LaneKind::Internal, 6.0, &[[8.0, d - 26.0], [east - 8.0, d - 26.0]]);
    pen.gate('n', east * 0.55, 26.0, true);
    pen.gate('s', east - 8.0, 6.0, true);
    // kindergarten
    let x0 = east + 4.0;
    pen.area(AreaKind::Lawn, "", &rect(x0, 4.0, w - 4.0, d * 0.6));
    let kid = Spec::new("小柳芽幼儿园", Use::Kindergarten, 3, Facade::Strip).storey(3.6);
    let kid = pen.building(kid, &shapes::ell(w - x0 - 14.0, 40.0, 13.0), [x0 + 6.0, d * 0.3], 0.0);
    pen.building_poi("小柳芽幼儿园", "幼儿园", kid);
    pen.area(AreaKind::Playground, "幼儿园活动场", &blob([x0 + (w - x0) * 0.55, d * 0.17], 24.0, 15.0, 0.3));
    pen.gate('e', d * 0.26, 8.0, false);
    // staff housing row and shops on the street
    let staff = Spec::new("教师公寓", Use::Residential, 6, Facade::Slab).storey(2.9).homes(3, 2).roof(Roof::Solar);
    pen.building(staff, &shapes::slab(3, 15.0, 11.4), [x0 + 10.0, d * 0.66], 0.0);
    shop_row(pen, [x0, d - 13.0], w - x0 - 4.0, 10.0);
}

/// Mall, hotel, office tower, supermarket, shop streets.
pub fn commerce(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Paving, "", &rect(0.0, 0.0, w, d));
    let mall = Spec::new("云川汇购物中心", Use::Mall, 5, Facade::Glass).storey(5.0);
    let mall = pen.building(mall, &shapes::mall(104.0, 74.0, 22.0), [44.0, 40.0], 0.0);
    pen.building_poi("云川汇购物中心", "商场", mall);
    pen.area(AreaKind::Plaza, "云川汇广场", &blob([34.0, 24.0], 27.0, 17.0, 0.2));
    pen.poi("云川汇广场", "公园广场", [34.0, 24.0]);
    let hotel = Spec::new("江悦酒店", Use::Hotel, 14, Facade::TowerWarm).storey(3.4);
    let hotel = pen.building(hotel, &shapes::block(46.0, 16.0), [w - 52.0, d - 34.0], 0.0);
    pen.building_poi("江悦酒店", "酒店", hotel);
    let podium = Spec::new("江悦酒店裙楼", Use::Hotel, 2, Facade::Glass).storey(4.5);
    pen.building(podium, &rect(0.0, 0.0, 52.0, 15.0), [w - 78.0, d - 60.0], 0.0);
    let office = Spec::new("云川大厦", Use::Office, 20, Facade::Glass).storey(3.9);
    let office = pen.building(office, &shapes::block(31.0, 31.0), [w - 44.0, 62.0], 0.0);
    pen.building_poi("云川大厦", "写字楼", office);
    let cinema = Spec::new("星河影城", Use::Mall, 3, Facade::Plain).storey(6.0);
    let cinema = pen.building(cinema, &shapes::block(44.0, 30.0), [44.0, d - 52.0], 0.0);
    pen.building_poi("星河影城", "文化设施", cinema);
    shop_row(pen, [74.0, d - 13.0], w - 160.0, 11.0);
    for k in 0..3 {
        let y = 122.0 + 14.0 * f64::from(k);
        pen.bays([84.0, y], [w - 88.0, y], 0.8);
    }
    for k in 0..2 {
        let y = 128.0 + 14.0 * f64::from(k);
        pen.bays([w - 74.0, y], [w - 10.0, y], 0.6);
    }
    for x in [84.0, 122.0, 160.0] {
        pen.rect(AreaKind::Garden, x, d - 38.0, x + 28.0, d - 22.0);
    }
    pen.rect(AreaKind::Garden, 8.0, 44.0, 34.0, 108.0);
    pen.rect(AreaKind::Garden, 152.0, 40.0, 172.0, 106.0);
    pen.rect(AreaKind::Garden, w - 76.0, 12.0, w - 8.0, 34.0);
    pen.rect(AreaKind::Garden, 70.0, 8.0, w - 90.0, 26.0);
    pen.lane(LaneKind::Internal, 7.0, &[[-14.0, 120.0], [w * 0.62, 118.5], [w + 14.0, 112.0]]);
    pen.lane(LaneKind::Internal, 7.0, &[[w - 82.0, -14.0], [w - 82.0, 113.0], [w - 86.0, d - 20.0]]);
    pen.gate('w', 120.0, 6.0, true);
    pen.poi("云川汇公交站", "公交站", [w * 0.5, 1.0]);
}

/// Hospital, fire station, substation, a street office.
pub fn services(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Paving, "", &rect(0.0, 0.0, w, d));
    let ward = Spec::new("望江医院住院楼", Use::Hospital, 12, Facade::Strip).storey(3.8);
    let ward = pen.building(ward, &shapes::block(62.0, 19.0), [54.0, d - 38.0], 0.0);
    pen.building_poi("望江医院", "医院", ward);
    let out = Spec::new("望江医院门诊楼", Use::Hospital, 5, Facade::Strip).storey(4.2);
    let out = pen.building(out, &shapes::ell(78.0, 52.0, 20.0), [12.0, d - 124.0], 0.0);
    pen.building_poi("望江医院急诊", "急救", out);
    pen.rect(AreaKind::Garden, 36.0, d - 98.0, 88.0, d - 76.0);
    pen.bays([14.0, d - 68.0], [88.0, d - 68.0], 0.85);
    let clinic = Spec::new("社区卫生服务中心", Use::Hospital, 3, Facade::ShopFront).storey(3.6);
    let clinic = pen.building(clinic, &shapes::block(34.0, 14.0), [w - 30.0, d - 24.0], 0.0);
    pen.building_poi("柳湾社区卫生服务中心", "医院", clinic);
    let street_office = Spec::new("望江街道办事处", Use::Office, 6, Facade::Strip).storey(3.6);
    let street_office = pen.building(street_office, &shapes::yoke(52.0, 34.0, 12.0), [12.0, 22.0], 0.0);
    pen.building_poi("望江街道办事处", "政府机构", street_office);
    pen.rect(AreaKind::Garden, 25.0, 22.0, 51.0, 40.0);
    let fire = Spec::new("望江消防救援站", Use::Community, 3, Facade::OldSlab).storey(4.2);
    let fire = pen.building(fire, &shapes::ell(44.0, 26.0, 12.0), [w - 66.0, 62.0], 0.0);
    pen.building_poi("望江消防救援站", "消防站", fire);
    pen.rect(AreaKind::Yard, w - 52.0, 76.0, w - 6.0, 104.0);
    pen.rect(AreaKind::Court, w - 46.0, 80.0, w - 20.0, 95.0);
    let sub = Spec::new("柳湾110kV变电站", Use::Utility, 2, Facade::Plain).storey(5.0);
    let sub = pen.building(sub, &shapes::block(36.0, 18.0), [w - 34.0, 24.0], 0.0);
    pen.building_poi("柳湾110kV变电站", "市政设施", sub);
    pen.rect(AreaKind::Yard, w - 60.0, 8.0, w - 6.0, 46.0);
    let police = Spec::new("望江派出所", Use::Office, 4, Facade::Strip).storey(3.5);
    let police = pen.building(police, &shapes::block(30.0, 14.0), [w - 92.0, 28.0], 90.0);
    pen.building_poi("望江派出所", "公安", police);
    pen.lane(LaneKind::Internal, 7.0, &[[w * 0.5, -14.0], [w * 0.5, d - 62.0]]);
    pen.lane(LaneKind::Internal, 7.0, &[[-14.0, d - 60.0], [w + 14.0, d - 60.0]]);
    pen.bays([w * 0.5 + 10.0, d - 52.0], [w - 50.0, d - 52.0], 0.6);
    for k in 0..2 {
        let y = 70.0 + 14.0 * f64::from(k);
        pen.bays([w * 0.5 + 8.0, y], [w - 72.0, y], 0.7);
    }
    pen.rect(AreaKind::Garden, 10.0, 6.0, 66.0, 17.0);
    pen.rect(AreaKind::Garden, w * 0.5 + 8.0, 112.0, w - 10.0, d - 70.0);
    pen.rect(AreaKind::Garden, w * 0.5 + 8.0, 8.0, w - 104.0, 52.0);
    pen.gate('w', d - 60.0, 6.0, true);
    pen.gate('s', w * 0.5, 6.0, true);
}

/// Offices and workshops around a lawn.
pub fn campus(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Garden, "", &rect(0.0, 0.0, w, d));
    pen.ring_road(13.0);
    let names = ["A座", "B座", "C座", "D座", "E座", "F座"];
    let floors = [9, 6, 6, 7, 5, 11];
    let spots =
        [[52.0, 44.0], [w * 0.5, 40.0], [w - 52.0, 44.0], [50.0, d - 48.0], [w * 0.5, d - 42.0], [w - 50.0, d - 48.0]];
    for (i, at) in spots.iter().enumerate() {
        let facade = if i % 2 == 0 { Facade::Glass } else { Facade::Strip };
        let spec = Spec::new(format!("科创园{}", names[i]), Use::Office, floors[i], facade).storey(3.8);
        let (ring, corner) = match i % 3 {
            0 => (shapes::ell(48.0, 32.0, 16.0), [at[0] - 24.0, at[1] - 16.0]),
            1 => (rect(0.0, 0.0, 58.0, 18.0), [at[0] - 29.0, at[1] - 9.0]),
            _ => (shapes::yoke(46.0, 32.0, 13.0), [at[0] - 23.0, at[1] - 16.0]),
        };
        let b = pen.building(spec, &ring, corner, 0.0);
        if i == 0 {
            pen.building_poi("云锦科创园", "产业园区", b);
        }
        pen.rect(AreaKind::Paving, at[0] - 30.0, at[1] - 22.0, at[0] + 30.0, at[1] + 20.0);
    }
    let middle = [w * 0.5, d * 0.5];
    pen.area(AreaKind::Lawn, "科创园草坪", &blob(middle, 62.0, 26.0, 0.2));
    pen.area(AreaKind::Pond, "科创园镜湖", &blob([middle[0] + 20.0, middle[1]], 24.0, 10.0, 0.3));
    let canteen = Spec::new("科创园食堂", Use::Shop, 2, Facade::Glass).storey(4.5).roof(Roof::Metal);
    pen.building(canteen, &shapes::block(30.0, 18.0), [40.0, d * 0.5], 90.0);
    pen.path(&[
        [56.0, d * 0.5],
        [middle[0] - 40.0, middle[1] - 20.0],
        [middle[0], middle[1] - 28.0],
        [w - 50.0, middle[1] - 10.0],
        [w - 13.0, middle[1]],
    ]);
    pen.path(&[[middle[0], middle[1] + 28.0], [middle[0] + 4.0, d - 60.0]]);
    pen.bays([30.0, 16.2], [w * 0.5 - 16.0, 16.2], 0.6);
    pen.bays([w * 0.5 + 16.0, 16.2], [w - 34.0, 16.2], 0.8);
    pen.gate('s', w * 0.5, 12.0, true);
    pen.gate('e', d * 0.5, 12.0, true);
}

/// Riverside park, square, community centre, courts.
pub fn park(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Lawn, "柳湾公园", &rect(0.0, 0.0, w, d));
    pen.poi("柳湾公园", "公园广场", [w * 0.45, d * 0.4]);
    let lake = [w * 0.36, d * 0.36];
    pen.area(AreaKind::Garden, "", &blob(lake, 74.0, 46.0, 0.35));
    pen.area(AreaKind::Pond, "柳湾湖", &blob(lake, 58.0, 32.0, 0.45));
    pen.poi("柳湾湖", "公园广场", lake);
    let square = [w * 0.72, d * 0.68];
    pen.area(AreaKind::Plaza, "柳湾广场", &circle(square, 40.0, 48));
    pen.poi("柳湾广场", "公园广场", square);
    let centre = Spec::new("柳湾社区党群服务中心", Use::Community, 3, Facade::Glass).storey(4.2);
    let centre = pen.building(centre, &shapes::ell(48.0, 30.0, 15.0), [w * 0.72 - 78.0, d - 46.0], 0.0);
    pen.building_poi("柳湾社区党群服务中心", "社区服务", centre);
    let library = Spec::new("柳湾图书馆", Use::Community, 4, Facade::Strip).storey(4.5);
    let library = pen.building(library, &shapes::block(34.0, 24.0), [w - 26.0, d - 26.0], 0.0);
    pen.building_poi("柳湾图书馆", "文化设施", library);
    let care = Spec::new("柳湾养老服务中心", Use::Community, 4, Facade::Slab).storey(3.4);
    let care = pen.building(care, &shapes::slab(3, 14.0, 13.0), [18.0, d - 30.0], 0.0);
    pen.building_poi("柳湾养老服务中心", "养老服务", care);
    let kiosk = Spec::new("临江亭", Use::Community, 1, Facade::ShopFront).storey(4.0).roof(Roof::Gable(2.5));
    pen.building(kiosk, &shapes::block(9.0, 9.0), [lake[0] + 66.0, lake[1] - 22.0], 20.0);
    let toilet = Spec::new("公共厕所", Use::Utility, 1, Facade::Plain).storey(3.6);
    let toilet = pen.building(toilet, &shapes::block(10.0, 6.0), [w - 18.0, d * 0.36], 0.0);
    pen.building_poi("柳湾公园公共厕所", "公共厕所", toilet);
    for k in 0..2 {
        let x = w - 96.0 + 33.0 * f64::from(k);
        pen.rect(AreaKind::Court, x, 14.0, x + 28.0, 29.0);
    }
    pen.area(AreaKind::Playground, "儿童乐园", &blob([w - 66.0, d * 0.33], 20.0, 12.0, 0.4));
    let loop_path: Vec<_> =
        blob(lake, 70.0, 43.0, 0.4).into_iter().chain(blob(lake, 70.0, 43.0, 0.4).first().copied()).collect();
    pen.lane(LaneKind::Path, 3.0, &loop_path);
    pen.lane(LaneKind::Path, 4.0, &[[-12.0, d * 0.62], [w * 0.3, d * 0.66], [square[0] - 38.0, square[1]]]);
    pen.lane(LaneKind::Path, 4.0, &[[w * 0.6, -12.0], [w * 0.62, d * 0.3], [square[0] - 10.0, square[1] - 38.0]]);
    pen.lane(LaneKind::Path, 4.0, &[[square[0] + 38.0, square[1]], [w + 12.0, d * 0.64]]);
    pen.lane(LaneKind::Path, 4.0, &[[square[0], square[1] + 38.0], [square[0] - 2.0, d + 12.0]]);
    pen.lane(LaneKind::Path, 2.5, &[[w * 0.62, d * 0.3], [w - 66.0, d * 0.3 - 14.0], [w + 12.0, d * 0.2]]);
    pen.bays([20.0, d - 44.0], [66.0, d - 44.0], 0.7);
    pen.lane(LaneKind::Internal, 5.0, &[[14.0, d - 47.0], [72.0, d - 47.0], [72.0, d + 14.0]]);
    pen.gate('n', square[0] - 2.0, 4.0, false);
}
