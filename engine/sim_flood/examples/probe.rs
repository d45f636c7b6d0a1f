use sim_flood::*;
use sim_core::{CancelToken,CounterRng};
fn go<R: Real>(p: FloodParams) { println!("{p:?}");
    let grid = Grid { nx: 150, ny: 100, dx_m: 2.0 };
    let mut rng = CounterRng::new(11, 1);
    let noise: Vec<f64> = (0..grid.cell_count()).map(|_| rng.range_f64(0.0, 0.3)).collect();
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| 1.2 * (0.11 * x / grid.dx_m).sin() * (0.07 * y / grid.dx_m).cos());
    t.bed_m.iter_mut().zip(noise).for_each(|(z, n)| *z += n);
    let initial = Initial::level(&t, 1.0);
    let start = initial.depth_m.clone();
    let bed = t.bed_m.clone();
    let mut run = FloodRunOf::<R>::new(t, vec![], Forcing::default(), p, initial).unwrap();
    let mut next = 100;
    let mut tt = 0.0;
    while run.tick() < 6000 {
        tt += 10.0;
        run.advance_to(tt, &CancelToken::new()).unwrap();
        if run.tick() >= next {
            next += 1900;
            let (u, v, h) = (run.velocity_x_mps(), run.velocity_y_mps(), run.depth_m());
            let k = (0..u.len()).max_by(|a, b| u[*a].to_f64().abs().max(v[*a].to_f64().abs()).total_cmp(&u[*b].to_f64().abs().max(v[*b].to_f64().abs()))).unwrap();
            let kd = (0..u.len()).max_by(|a, b| (h[*a].to_f64()-start[*a]).abs().total_cmp(&(h[*b].to_f64()-start[*b]).abs())).unwrap();
            println!("{} tick {} umax {:.3e} {:.3e} at {} h {:.6e} start {:.6e} | dh {:.3e} at {} h {:.4e} start {:.4e} bed {:.4}", R::NAME, run.tick(), u[k].to_f64(), v[k].to_f64(), k, h[k].to_f64(), start[k], h[kd].to_f64()-start[kd], kd, h[kd].to_f64(), start[kd], bed[kd]);
        }
    }
}
fn main(){ let d=FloodParams::default();
 go::<f32>(FloodParams{cfl:0.3,..d}); go::<f32>(FloodParams{cfl:0.2,..d}); go::<f32>(FloodParams{order:Order::First,..d}); go::<f32>(FloodParams{limiter_theta:1.0,..d}); go::<f32>(FloodParams{dry_depth_m:1e-6,..d}); }
