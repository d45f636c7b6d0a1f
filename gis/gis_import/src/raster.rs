//! Elevation and image rasters through GDAL.

use crate::error::{ImportError, Result};
use crate::log::FileLog;
use crate::place::Place;
use community_pack::Terrain;
use gdal::raster::{Buffer, RasterCreationOptions, ResampleAlg};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};
use geo_frame::Projector;
use std::path::Path;

/// Most cells of the elevation raster that are held in memory.
const MAX_CELLS: usize = 1 << 27;
/// Most pixels of an image that has to be held in memory because it is in another system.
const MAX_PIXELS: usize = 1 << 28;

fn gdal_error(path: &Path) -> impl Fn(gdal::errors::GdalError) -> ImportError + '_ {
    move |e| ImportError::delivery(path, e)
}

struct Opened {
    dataset: Dataset,
    /// Upper left corner and pixel sizes; `None` when rotated.
    west: f64,
    north: f64,
    dx: f64,
    dy: f64,
    size: (usize, usize),
    projector: Projector,
    same_crs: bool,
}

fn open(path: &Path, crs: Option<&str>, place: &Place) -> Result<Opened> {
    let e = gdal_error(path);
    if !path.exists() {
        return Err(ImportError::delivery(path, "there is no such file"));
    }
    let dataset = Dataset::open(path).map_err(&e)?;
    let [west, dx, rx, north, ry, dy] = dataset.geo_transform().map_err(&e)?;
    if rx.abs() > 1e-9 || ry.abs() > 1e-9 || !(dx > 0.0 && dy < 0.0) {
        return Err(ImportError::delivery(path, format!("rotated or mirrored raster (pixel {dx}, {rx}, {ry}, {dy})")));
    }
    let srs = dataset.spatial_ref().ok().filter(|_| !dataset.projection().is_empty());
    let projector = place.of(path, crs, srs.as_ref(), "")?;
    let own = &place.projector.crs;
    let same_crs = projector.crs.name() == own.name() || (own.epsg().is_some() && projector.crs.epsg() == own.epsg());
    let size = dataset.raster_size();
    Ok(Opened { dataset, west, north, dx, dy: -dy, size, projector, same_crs })
}

/// Reads an elevation raster into the community's plane CRS with square cells.
pub(crate) fn read_dem(path: &Path, crs: Option<&str>, place: &Place, log: &mut FileLog) -> Result<Terrain> {
    let o = open(path, crs, place)?;
    let (nx, ny) = o.size;
    if nx.saturating_mul(ny) > MAX_CELLS {
        return Err(ImportError::delivery(path, format!("{nx} × {ny} cells: at most {MAX_CELLS} are possible")));
    }
    let e = gdal_error(path);
    let band = o.dataset.rasterband(1).map_err(&e)?;
    let nodata = band.no_data_value();
    let buffer = band.read_as::<f64>((0, 0), (nx, ny), (nx, ny), None).map_err(&e)?;
    let mut broken = 0_usize;
    let mut clean = |v: &f64| {
        let empty = nodata.is_some_and(|n| (*v - n).abs() <= n.abs() * 1e-6);
        if empty {
            return f32::NAN;
        }
        if !v.is_finite() || !(-12_000.0..=9_000.0).contains(v) {
            broken += 1;
            return f32::NAN;
        }
        *v as f32
    };
    let mut bed_m = Vec::with_capacity(nx * ny);
    for row in buffer.data().chunks_exact(nx.max(1)).rev() {
        bed_m.extend(row.iter().map(&mut clean));
    }
    if broken > 0 {
        log.skip(format!("{broken} cells"), "height is NaN, infinite or outside -12000..9000 m: taken as no data");
    }
    if bed_m.iter().all(|z| z.is_nan()) {
        return Err(ImportError::delivery(path, "holds no height at all"));
    }
    log.entry.read += (nx * ny - broken) as u64;
    let (nx, ny) = (nx as u32, ny as u32);
    let south = o.north - f64::from(ny) * o.dy;
    let epsg = place.crs.epsg;
    let source = Grid { x0: o.west, y0: south, dx: o.dx, dy: o.dy, nx, ny, bed_m };
    if o.same_crs && (o.dx - o.dy).abs() <= 1e-6 * o.dx {
        let Grid { x0, y0, bed_m, .. } = source;
        return Ok(Terrain { epsg, x0, y0, dx_m: o.dx, nx, ny, bed_m });
    }
    log.approximate(
        "all cells",
        format!("resampled (bilinear) from {} to {}", o.projector.crs.name(), place.projector.crs.name()),
    );
    resample(&source, &o.projector, place).map_err(|e| ImportError::delivery(path, e))
}

struct Grid {
    x0: f64,
    y0: f64,
    dx: f64,
    dy: f64,
    nx: u32,
    ny: u32,
    bed_m: Vec<f32>,
}

/// Brings a grid into the community's CRS: the smallest rectangle around it, cells of about the same size.
fn resample(source: &Grid, from: &Projector, place: &Place) -> std::result::Result<Terrain, String> {
    let to = &place.projector.crs;
    let (w, h) = (f64::from(source.nx) * source.dx, f64::from(source.ny) * source.dy);
    let (mut lo, mut hi) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for i in 0..=16 {
        let t = f64::from(i) / 16.0;
        for [u, v] in [[t, 0.0], [t, 1.0], [0.0, t], [1.0, t]] {
            let at = from.crs.to_geodetic([source.x0 + u * w, source.y0 + v * h, 0.0]);
            let p = at.and_then(|g| to.from_geodetic(g)).map_err(|e| e.to_string())?;
            for axis in 0..2 {
                lo[axis] = lo[axis].min(p[axis]);
                hi[axis] = hi[axis].max(p[axis]);
            }
        }
    }
    let cells = f64::from(source.nx) * f64::from(source.ny);
    let dx_m = ((hi[0] - lo[0]) * (hi[1] - lo[1]) / cells).sqrt();
    let (nx, ny) = (((hi[0] - lo[0]) / dx_m).ceil() as u32, ((hi[1] - lo[1]) / dx_m).ceil() as u32);
    // `Terrain::sample` knows square cells only, so sample in units of cells.
    let unit =
        Terrain { epsg: 0, x0: 0.0, y0: 0.0, dx_m: 1.0, nx: source.nx, ny: source.ny, bed_m: source.bed_m.clone() };
    let mut bed_m = Vec::with_capacity(nx as usize * ny as usize);
    for j in 0..ny {
        for i in 0..nx {
            let p = [lo[0] + (f64::from(i) + 0.5) * dx_m, lo[1] + (f64::from(j) + 0.5) * dx_m, 0.0];
            let at = to.to_geodetic(p).and_then(|g| from.crs.from_geodetic(g));
            let z = at.ok().and_then(|q| unit.sample((q[0] - source.x0) / source.dx, (q[1] - source.y0) / source.dy));
            bed_m.push(z.map_or(f32::NAN, |z| z as f32));
        }
    }
    Ok(Terrain { epsg: place.crs.epsg, x0: lo[0], y0: lo[1], dx_m, nx, ny, bed_m })
}

/// The terrain with holes closed by the nearest height, for meshes (the raster of the pack keeps its holes).
pub(crate) fn filled(terrain: &Terrain) -> Terrain {
    let (nx, ny) = (terrain.nx as usize, terrain.ny as usize);
    let mut bed = terrain.bed_m.clone();
    let mut queue: std::collections::VecDeque<usize> = (0..bed.len()).filter(|i| !bed[*i].is_nan()).collect();
    if queue.len() == bed.len() {
        return terrain.clone();
    }
    while let Some(at) = queue.pop_front() {
        let (i, j, z) = (at % nx, at / nx, bed[at]);
        let west = (i > 0).then(|| at - 1);
        let east = (i + 1 < nx).then(|| at + 1);
        let south = (j > 0).then(|| at - nx);
        let north = (j + 1 < ny).then(|| at + nx);
        for next in [west, east, south, north].into_iter().flatten() {
            if bed[next].is_nan() {
                bed[next] = z;
                queue.push_back(next);
            }
        }
    }
    Terrain { bed_m: bed, ..terrain.clone() }
}

/// Writes a cloud-optimised GeoTIFF. `values` has row 0 = south.
pub(crate) fn write_cog<T: gdal::raster::GdalType + Copy>(
    path: &Path,
    like: &Terrain,
    values: &[T],
    nodata: Option<f64>,
    options: &[&str],
) -> Result<()> {
    let e = gdal_error(path);
    let (nx, ny) = (like.nx as usize, like.ny as usize);
    let memory = DriverManager::get_driver_by_name("MEM").map_err(&e)?;
    let mut dataset = memory.create_with_band_type::<T, _>("", nx, ny, 1).map_err(&e)?;
    let north = like.y0 + f64::from(like.ny) * like.dx_m;
    dataset.set_geo_transform(&[like.x0, like.dx_m, 0.0, north, 0.0, -like.dx_m]).map_err(&e)?;
    if like.epsg != 0 {
        let srs = SpatialRef::from_epsg(like.epsg).map_err(&e)?;
        dataset.set_spatial_ref(&srs).map_err(&e)?;
    }
    let rows: Vec<T> = values.chunks_exact(nx.max(1)).rev().flatten().copied().collect();
    {
        let mut band = dataset.rasterband(1).map_err(&e)?;
        band.set_no_data_value(nodata).map_err(&e)?;
        band.write((0, 0), (nx, ny), &mut Buffer::new((nx, ny), rows)).map_err(&e)?;
    }
    let driver = DriverManager::get_driver_by_name("COG").map_err(&e)?;
    let mut creation = vec!["COMPRESS=DEFLATE", "LEVEL=9", "BLOCKSIZE=256", "NUM_THREADS=1"];
    creation.extend(options);
    let options = RasterCreationOptions::from_iter(creation);
    let written = dataset.create_copy(&driver, path, &options).map_err(&e)?;
    written.close().map_err(&e)
}

/// An orthophoto that tiles are cut from.
pub(crate) struct Ortho {
    opened: Opened,
    /// The whole picture, only when it is in another system.
    whole: Option<Vec<[u8; 3]>>,
    path: std::path::PathBuf,
}

impl Ortho {
    pub fn open(path: &Path, crs: Option<&str>, place: &Place, log: &mut FileLog) -> Result<Self> {
        let opened = open(path, crs, place)?;
        let (w, h) = opened.size;
        log.entry.read += (w * h) as u64;
        let mut ortho = Self { opened, whole: None, path: path.to_owned() };
        if !ortho.opened.same_crs {
            if w.saturating_mul(h) > MAX_PIXELS {
                return Err(ImportError::delivery(
                    path,
                    format!("{w} × {h} pixels in another CRS: reproject it first"),
                ));
            }
            log.approximate("all pixels", format!("resampled (nearest) from {}", ortho.opened.projector.crs.name()));
            ortho.whole = Some(ortho.pixels((0, 0), (w, h), (w, h))?);
        }
        Ok(ortho)
    }

    /// Pixel size, metres of the community's CRS (about, when the picture is in another one).
    pub fn pixel_m(&self) -> f64 {
        if self.opened.projector.crs.is_geographic() { self.opened.dy * 111_000.0 } else { self.opened.dx }
    }

    /// A window of the picture, scaled to `shape`.
    fn pixels(&self, at: (isize, isize), window: (usize, usize), shape: (usize, usize)) -> Result<Vec<[u8; 3]>> {
        let e = gdal_error(&self.path);
        let bands = self.opened.dataset.raster_count();
        let mut rgb = vec![[0_u8; 3]; shape.0 * shape.1];
        for channel in 0..3 {
            let number = if bands >= 3 { channel + 1 } else { 1 };
            let band = self.opened.dataset.rasterband(number).map_err(&e)?;
            let shrinks = window.0 > shape.0 || window.1 > shape.1;
            let method = if shrinks { ResampleAlg::Average } else { ResampleAlg::Bilinear };
            let buffer = band.read_as::<u8>(at, window, shape, Some(method)).map_err(&e)?;
            rgb.iter_mut().zip(buffer.data()).for_each(|(p, v)| p[channel] = *v);
        }
        Ok(rgb)
    }

    /// The picture of a rectangle (west, south, east, north) of the community's CRS, first row north, RGB bytes.
    /// What the picture does not cover is a muted green.
    pub fn cut(&self, rect: [f64; 4], size: usize, place: &Place) -> Result<Vec<u8>> {
        let [west, south, east, north] = rect;
        let mut out = vec![[118_u8, 125, 104]; size * size];
        let o = &self.opened;
        let (w, h) = (o.size.0 as f64, o.size.1 as f64);
        if let Some(whole) = &self.whole {
            for (k, pixel) in out.iter_mut().enumerate() {
                let (i, j) = ((k % size) as f64 + 0.5, (k / size) as f64 + 0.5);
                let p = [west + i / size as f64 * (east - west), north - j / size as f64 * (north - south), 0.0];
                let at = place.projector.crs.to_geodetic(p).and_then(|g| o.projector.crs.from_geodetic(g));
                let Ok(q) = at else { continue };
                let (u, v) = ((q[0] - o.west) / o.dx, (o.north - q[1]) / o.dy);
                let inside = u >= 0.0 && v >= 0.0 && u < w && v < h;
                if let Some(rgb) = inside.then(|| whole.get(v as usize * o.size.0 + u as usize)).flatten() {
                    *pixel = *rgb;
                }
            }
            return Ok(out.into_flattened());
        }
        // In pixels of the picture, clipped to it; the same clip in pixels of the tile.
        let (u0, u1) = ((west - o.west) / o.dx, (east - o.west) / o.dx);
        let (v0, v1) = ((o.north - north) / o.dy, (o.north - south) / o.dy);
        let clip = |a: f64, b: f64, most: f64| {
            let (lo, hi) = (a.max(0.0).round(), b.min(most).round());
            (hi - lo >= 1.0).then_some((lo, hi))
        };
        let (Some((cu0, cu1)), Some((cv0, cv1))) = (clip(u0, u1, w), clip(v0, v1, h)) else {
            return Ok(out.into_flattened());
        };
        let on_tile =
            |c: f64, a: f64, b: f64| (((c - a) / (b - a)) * size as f64).round().clamp(0.0, size as f64) as usize;
        let (i0, i1) = (on_tile(cu0, u0, u1), on_tile(cu1, u0, u1));
        let (j0, j1) = (on_tile(cv0, v0, v1), on_tile(cv1, v0, v1));
        if i1 <= i0 || j1 <= j0 {
            return Ok(out.into_flattened());
        }
        let window = ((cu1 - cu0) as usize, (cv1 - cv0) as usize);
        let part = self.pixels((cu0 as isize, cv0 as isize), window, (i1 - i0, j1 - j0))?;
        for (row, line) in part.chunks_exact(i1 - i0).enumerate() {
            let start = (j0 + row) * size + i0;
            if let Some(target) = out.get_mut(start..start + line.len()) {
                target.copy_from_slice(line);
            }
        }
        Ok(out.into_flattened())
    }
}
