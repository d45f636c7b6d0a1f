//! Land cover polygons to a class raster on the terrain's grid.

use crate::error::Result;
use crate::log::FileLog;
use crate::place::Place;
use crate::raster::write_cog;
use crate::spine::label;
use crate::vector::{Features, Shape};
use community_pack::Terrain;
use std::collections::BTreeMap;
use std::path::Path;

/// Manning's n where nothing is mapped, s/m^(1/3).
const DEFAULT_N: f64 = 0.03;

/// Writes `landcover.tif` and gives Manning's n by class. Polygons with a higher `rank` (else: later ones) win.
pub(crate) fn write(
    path: &Path,
    terrain: &Terrain,
    layers: &mut [(Features, FileLog)],
    place: &Place,
) -> Result<BTreeMap<String, f64>> {
    let mut classes: BTreeMap<String, (u8, f64)> = BTreeMap::new();
    let mut polygons = Vec::new();
    for (features, log) in layers.iter_mut() {
        for f in &features.list {
            let Shape::Polygon(rings) = &f.shape else {
                log.skip(label(f), "is not a polygon");
                continue;
            };
            let cover = f.text(&["cover", "class", "kind", "code"]);
            let n = f.number(&["manning_n", "manning", "n"]).filter(|n| (0.005..=0.5).contains(n)).unwrap_or(DEFAULT_N);
            let next = classes.len() + 1;
            if next > 250 && !classes.contains_key(&cover) {
                log.skip(label(f), "more than 250 land cover classes");
                continue;
            }
            let class = classes.entry(cover).or_insert((next as u8, n)).0;
            let to_plane = |p: &[f64; 2]| {
                let at = features.projector.crs.to_geodetic([p[0], p[1], 0.0])?;
                place.projector.crs.from_geodetic(at).map(|q| [q[0], q[1]])
            };
            let plane: std::result::Result<Vec<Vec<[f64; 2]>>, _> =
                rings.iter().map(|r| r.iter().map(to_plane).collect()).collect();
            match plane {
                Ok(rings) => polygons.push((f.number(&["rank"]).unwrap_or(0.0), rings, class)),
                Err(e) => log.skip(label(f), e),
            }
        }
    }
    polygons.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut cells = vec![0_u8; terrain.nx as usize * terrain.ny as usize];
    for (_, rings, class) in &polygons {
        burn(terrain, rings, *class, &mut cells);
    }
    write_cog(path, terrain, &cells, None, &["OVERVIEW_RESAMPLING=NEAREST"])?;
    let mut manning: BTreeMap<String, f64> = classes.values().map(|(class, n)| (class.to_string(), *n)).collect();
    manning.insert("0".into(), DEFAULT_N);
    Ok(manning)
}

/// Sets every cell whose centre is inside (even–odd rule, row by row).
fn burn(t: &Terrain, rings: &[Vec<[f64; 2]>], class: u8, cells: &mut [u8]) {
    let ys = || rings.iter().flatten().map(|p| p[1]);
    let (lo, hi) = (ys().fold(f64::INFINITY, f64::min), ys().fold(f64::NEG_INFINITY, f64::max));
    let row_of = |y: f64| ((y - t.y0) / t.dx_m).floor().clamp(0.0, f64::from(t.ny)) as usize;
    let nx = t.nx as usize;
    let mut crossings = Vec::new();
    for row in row_of(lo)..(row_of(hi) + 1).min(t.ny as usize) {
        let y = t.y0 + (row as f64 + 0.5) * t.dx_m;
        crossings.clear();
        for ring in rings {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                if (a[1] > y) != (b[1] > y) {
                    crossings.push(a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]));
                }
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let column = |x: f64| ((x - t.x0) / t.dx_m - 0.5).ceil().clamp(0.0, nx as f64) as usize;
            let (from, to) = (column(pair[0]), column(pair[1]));
            if let Some(run) = cells.get_mut(row * nx + from..row * nx + to.max(from)) {
                run.fill(class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_their_centre_inside_are_set() {
        let t = Terrain { epsg: 0, x0: 0.0, y0: 0.0, dx_m: 1.0, nx: 6, ny: 4, bed_m: vec![0.0; 24] };
        let mut cells = vec![0; 24];
        burn(&t, &[vec![[1.0, 1.0], [4.6, 1.0], [4.6, 3.0], [1.0, 3.0]]], 7, &mut cells);
        let row = |j: usize| &cells[j * 6..j * 6 + 6];
        assert_eq!(row(0), [0; 6]);
        assert_eq!(row(1), [0, 7, 7, 7, 7, 0]);
        assert_eq!(row(2), row(1));
        assert_eq!(row(3), [0; 6]);
    }
}
