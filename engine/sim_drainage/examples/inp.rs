//! Runs an `.inp` file: `inp FILE.inp OUT_DIR [step_s]` writes `nodes.csv` (depth, m) and `links.csv` (flow, m3/s) at the
//! report step, with the account of water on standard output as `name value` lines.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use sim_core::CancelToken;
use sim_drainage::inp::{self, InpModel};
use sim_drainage::{DrainageRun, LinkId, NodeId};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.as_slice() {
        [file, out] => run(file, out, None),
        [file, out, step] => run(file, out, step.parse().ok()),
        _ => Err("usage: inp FILE.inp OUT_DIR [report step, s]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("inp: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &str, out: &str, step_s: Option<f64>) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let InpModel { network, forcing, params, duration_s, report_step_s, notes, .. } =
        inp::read(&text).map_err(|e| format!("{file}: {e}"))?;
    for n in &notes {
        eprintln!("{file}:{}: [{}] {}", n.line, n.section, n.text);
    }
    let step_s = step_s.unwrap_or(report_step_s).max(0.1);
    let mut run = DrainageRun::new(network, forcing, params)?;
    let (nodes, links) = (run.network().nodes().len() as u32, run.network().links().len() as u32);
    let mut node_csv = header((0..nodes).map(|k| run.network().node_name(NodeId(k))));
    let mut link_csv = header((0..links).map(|k| run.network().link_name(LinkId(k))));
    let started = std::time::Instant::now();
    let mut k = 0_u32;
    loop {
        let t = (f64::from(k) * step_s).min(duration_s);
        run.advance_to(t, &CancelToken::new())?;
        line(&mut node_csv, t, (0..nodes).map(|n| run.depth_m(NodeId(n))))?;
        line(&mut link_csv, t, run.state().flow_m3ps().iter().copied())?;
        if t >= duration_s {
            break;
        }
        k += 1;
    }
    let wall_s = started.elapsed().as_secs_f64();
    std::fs::create_dir_all(out)?;
    std::fs::write(Path::new(out).join("nodes.csv"), node_csv)?;
    std::fs::write(Path::new(out).join("links.csv"), link_csv)?;
    let l = run.ledger();
    println!("initial_m3 {}\nlateral_in_m3 {}\noutfall_in_m3 {}", l.initial_m3, l.lateral_in_m3, l.outfall_in_m3);
    println!("outfall_out_m3 {}\nflooded_m3 {}\nfinal_m3 {}", l.outfall_out_m3, l.flooded_m3, l.current_m3);
    println!("relative_error {:e}\nsteps {}\nunsettled {}", l.relative_error(), run.state().tick(), run.state().unsettled_steps());
    println!("wall_s {wall_s:.4}");
    Ok(())
}

fn header<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut s = String::from("t_s");
    for n in names {
        s.push(',');
        s.push_str(n);
    }
    s.push('\n');
    s
}

fn line(csv: &mut String, t_s: f64, values: impl Iterator<Item = f64>) -> std::fmt::Result {
    write!(csv, "{t_s}")?;
    for v in values {
        write!(csv, ",{v:.6}")?;
    }
    csv.push('\n');
    Ok(())
}
