//! Pictures: the ortho image and the facades.

mod canvas;
pub mod facade;
mod ground;
mod roofs;

pub use roofs::local_bounds;

pub use canvas::{Canvas, Rgb};

use crate::geom::{Pt, add, mul};
use crate::plan::{Building, CommunityPlan};
use canvas::Mask;

/// Where a shadow of 1 m height ends: the sun stands in the south-south-east at 57°.
pub const SHADOW: Pt = [-0.26, 0.59];

/// The whole plan from above at [`PIXEL_M`].
pub fn ortho(plan: &CommunityPlan) -> Canvas {
    let mut canvas = Canvas::new();
    ground::paint(&mut canvas, plan);
    let mut mask = Mask::new(&canvas);
    for b in &plan.buildings {
        cast_building(&mut canvas, &mut mask, b);
    }
    for t in &plan.trees {
        let s = mul(SHADOW, t.height_m * 0.62);
        let ring = crate::geom::circle(add(t.at, s), t.crown_m * 0.95, 12);
        mask.fill(&mut canvas, &ring, 1);
    }
    apply_shadow(&mut canvas, &mask);
    let mut order: Vec<&Building> = plan.buildings.iter().collect();
    order.sort_by(|a, b| a.height_m.total_cmp(&b.height_m).then(a.id.cmp(&b.id)));
    for b in order {
        roofs::paint(&mut canvas, b);
    }
    for t in &plan.trees {
        roofs::crown(&mut canvas, &mask, t);
    }
    canvas
}

fn cast_building(canvas: &mut Canvas, mask: &mut Mask, b: &Building) {
    let s = mul(SHADOW, b.height_m);
    let far: Vec<Pt> = b.ring.iter().map(|p| add(*p, s)).collect();
    for ((a, c), (fa, fc)) in crate::geom::edges(&b.ring).zip(crate::geom::edges(&far)) {
        mask.fill(canvas, &[a, c, fc, fa], 2);
    }
    mask.fill(canvas, &far, 2);
}

fn apply_shadow(canvas: &mut Canvas, mask: &Mask) {
    for row in 0..canvas.height {
        for column in 0..canvas.width {
            let k = match mask.get(column, row) {
                0 => continue,
                1 => 0.68,
                _ => 0.56,
            };
            let c = canvas.get(column, row);
            canvas.set(column, row, [c[0] * k, c[1] * k * 1.02, c[2] * k * 1.1]);
        }
    }
}
