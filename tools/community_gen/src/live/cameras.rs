//! Cameras at gates, unit doors, crossings and squares.

use crate::geom::{Pt, add, centroid, direction, left, mul};
use crate::plan::{AreaKind, CommunityPlan, DIVISION};
use crate::rng::Rng;

/// A camera with its pose.
pub struct Camera {
    /// 20 digits after GB/T 28181: 8 division, 2 trade, 3 type (132 = network camera), 1 network, 6 serial.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// Where.
    pub at: Pt,
    /// Height of the lens, metres.
    pub z: f64,
    /// Clockwise from north, degrees.
    pub heading_deg: f64,
    /// Up positive, degrees.
    pub pitch_deg: f64,
    /// Horizontal angle of view, degrees.
    pub hfov_deg: f64,
    /// How far it is useful, metres.
    pub range_m: f64,
    /// online or offline.
    pub status: &'static str,
}

struct Rack<'a> {
    plan: &'a CommunityPlan,
    rng: Rng,
    out: Vec<Camera>,
}

impl Rack<'_> {
    fn put(&mut self, name: String, at: Pt, up: f64, look: Pt, hfov_deg: f64, range_m: f64) {
        let serial = self.out.len() + 1;
        let aim = f64::atan2(up - 1.2, range_m * 0.45).to_degrees();
        self.out.push(Camera {
            code: format!("{}00132{}{serial:06}", &DIVISION[..8], 0),
            name,
            at,
            z: self.plan.ground(at) + up,
            heading_deg: look[0].atan2(look[1]).to_degrees().rem_euclid(360.0),
            pitch_deg: -aim,
            hfov_deg,
            range_m,
            status: if self.rng.chance(0.04) { "offline" } else { "online" },
        });
    }
}

/// All cameras.
pub fn cameras(plan: &CommunityPlan) -> Vec<Camera> {
    let mut r = Rack { plan, rng: Rng::new(plan.seed, 8), out: Vec::new() };
    for g in &plan.gates {
        let side = left(g.out);
        let pole = add(g.at, mul(side, g.width_m * 0.5 + 1.2));
        r.put(format!("{}进", g.name), pole, 4.0, mul(g.out, -1.0), 70.0, 45.0);
        r.put(format!("{}出", g.name), pole, 4.0, g.out, 70.0, 45.0);
    }
    for a in &plan.streets[..4] {
        for b in &plan.streets[4..] {
            for node in b.line.iter().filter(|n| crate::geom::dist_line(**n, &a.line) < 1.0) {
                let reach = (a.carriage_m + b.carriage_m) * 0.4;
                for (k, way) in ["东北", "西南"].iter().enumerate() {
                    let corner = if k == 0 { [1.0, 1.0] } else { [-1.0, -1.0] };
                    let at = add(*node, mul(corner, reach * 0.71 + 1.0));
                    r.put(format!("{}{}路口{way}", a.name, b.name), at, 6.5, mul(corner, -1.0), 80.0, 90.0);
                }
            }
        }
    }
    for area in plan
        .areas
        .iter()
        .filter(|a| matches!(a.kind, AreaKind::Plaza | AreaKind::Playground | AreaKind::Track) && a.ring.len() > 8)
    {
        let c = centroid(&area.ring);
        let at = area.ring[0];
        let name = if area.name.is_empty() { "活动场" } else { area.name };
        r.put(format!("{name}全景"), at, 8.0, direction(at, c), 90.0, 80.0);
    }
    for b in plan.buildings.iter().filter(|b| b.floors > 7 && b.units > 0) {
        let estate = b.lot.map_or("", |l| plan.lots[l].name);
        for unit in 1..=b.units {
            let inside = super::devices::place_in(b, unit, 1, 1);
            let out = left(b.frame.axis);
            let at = add(inside, mul(out, 12.0));
            r.put(format!("{estate}{}{unit}单元门", b.name), at, 3.2, mul(out, -1.0), 85.0, 25.0);
        }
    }
    let (c, d) = plan.underpass;
    r.put(
        "云锦路下穿通道北口".to_owned(),
        add(c, add(mul(d, 88.0), mul(left(d), 9.5))),
        6.0,
        mul(d, -1.0),
        55.0,
        110.0,
    );
    r.put("云锦路下穿通道南口".to_owned(), add(c, add(mul(d, -88.0), mul(left(d), -9.5))), 6.0, d, 55.0, 110.0);
    r.put("柳湾防洪闸口".to_owned(), add(plan.gap, [9.0, 6.0]), 6.0, [-0.6, -1.0], 75.0, 80.0);
    r.put("柳江河道".to_owned(), add(plan.gap, [-12.0, 1.0]), 8.0, [0.2, -1.0], 60.0, 250.0);
    for k in 0..6 {
        let x = 120.0 + 190.0 * f64::from(k);
        let at = [x, crate::terrain::bank_at(x) + crate::terrain::BANK_TO_CREST_M + 2.0];
        r.put(format!("堤顶步道{}号", k + 1), at, 5.0, [1.0, -0.1], 60.0, 120.0);
    }
    r.out
}
