use sim_fire::*;
fn main() -> Result<(), FireError> {
    for seed in 0..30 {
        let network = verification::random_network(seed)?;
        let spaces = network.spaces().len() as u32;
        let fire = verification::random_fire(seed, spaces);
        let mut run = FireRun::new(network.clone(), vec![Member::with_fire(fire.clone())], vec![], FireParams::default())?;
        run.set_forcing(FireForcing::wind((seed % 10) as f64))?;
        let mut t = 0.0;
        while t < 300.0 {
            t += 0.5;
            let before = run.clone();
            let bad = run.advance_to(t, &sim_core::CancelToken::new()).is_err();
            let mut odd = bad;
            for k in 0..spaces {
                let v = run.view(0, SpaceId(k))?;
                odd |= !(v.upper_c < 2800.0 && v.lower_c < 2800.0 && v.upper_c > -50.0 && v.lower_c > -50.0 && v.gauge_pa.abs() < 5e4);
            }
            if odd {
                println!("seed {seed} t {t} fire {:?} {:?}", fire.space, fire.curve);
                println!("{:#?}", network.spaces()[fire.space.0 as usize]);
                for k in 0..spaces {
                    println!("{k} {:?}\n   -> {:?}", before.view(0, SpaceId(k))?, run.view(0, SpaceId(k))?);
                }
                break;
            }
        }
    }
    Ok(())
}
