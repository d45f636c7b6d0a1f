//! Prints relL1(h) of Stoker's dam break: `stoker DX_M ROWS T_S`. Used by `tools/compare/flood`.

use sim_flood::verification::stoker_error;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |name: &str| -> Result<f64, Box<dyn std::error::Error>> {
        Ok(args.next().ok_or_else(|| format!("usage: stoker DX_M ROWS T_S ({name} missing)"))?.parse()?)
    };
    let (dx_m, rows, t_s) = (number("DX_M")?, number("ROWS")?, number("T_S")?);
    println!("{:e}", stoker_error::<f32>(dx_m, rows as usize, t_s)?.0);
    Ok(())
}
