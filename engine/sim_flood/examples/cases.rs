//! Verification cases by name: `cases [--curves] [NAME..]` prints rows, or the curves of their figures as lines of
//! figure, curve, x, y. Names may end in " f64"; without names every case runs.

use sim_flood::verification::CASES;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let curves = args.iter().any(|a| a == "--curves");
    let names: Vec<&String> = args.iter().filter(|a| *a != "--curves").collect();
    for case in CASES {
        let full =
            if case.precision == "f32" { case.name.to_owned() } else { format!("{} {}", case.name, case.precision) };
        if !names.is_empty() && !names.contains(&&full) {
            continue;
        }
        let started = std::time::Instant::now();
        let outcome = case.run();
        if curves {
            for figure in &outcome.figures {
                for curve in &figure.curves {
                    curve.points.iter().for_each(|p| println!("{}\t{}\t{}\t{}", figure.title, curve.label, p[0], p[1]));
                }
            }
            continue;
        }
        outcome.rows.iter().for_each(|row| println!("{row}"));
        println!(
            "      {full}: {:.2} s, {} M cell-steps, volume error {:e}, state {:016x}",
            started.elapsed().as_secs_f64(),
            outcome.cell_steps / 1_000_000,
            outcome.mass_error,
            outcome.checksum
        );
    }
}
