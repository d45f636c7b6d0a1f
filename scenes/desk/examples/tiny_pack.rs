//! Writes the small test pack into the folder given: `cargo run --release -p desk --example tiny_pack -- DIR`.

#[path = "../tests/tiny_pack/mod.rs"]
mod tiny_pack;

fn main() -> anyhow::Result<()> {
    let dir = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: tiny_pack DIR"))?;
    std::fs::create_dir_all(&dir)?;
    let entities = tiny_pack::write(std::path::Path::new(&dir));
    tiny_pack::write_run(&std::path::Path::new(&dir).join("runs/1"), None);
    tiny_pack::write_run(&std::path::Path::new(&dir).join("runs/2"), Some(-120.0));
    println!("{dir}: {} entities", entities.len());
    Ok(())
}
