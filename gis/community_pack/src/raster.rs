use crate::PackError;
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};
use tiff::tags::Tag;

/// GeoKeys of OGC GeoTIFF 1.1 (19-008r4), clause 7 and annex B.
const GEO_KEY_MODEL_TYPE: u16 = 1024;
const GEO_KEY_RASTER_TYPE: u16 = 1025;
const GEO_KEY_GEODETIC_CRS: u16 = 2048;
const GEO_KEY_PROJECTED_CRS: u16 = 3072;
const RASTER_PIXEL_IS_POINT: u16 = 2;
const FILE: &str = "GeoTIFF";

/// Elevation on a regular grid in a plane CRS.
#[derive(Debug, Clone, PartialEq)]
pub struct Terrain {
    /// EPSG code of the plane CRS; 0 when the file names none.
    pub epsg: u32,
    /// Easting of the south-west corner of the south-west cell, m.
    pub x0: f64,
    /// Northing of the south-west corner of the south-west cell, m.
    pub y0: f64,
    /// Cell size, m > 0 (cells are square).
    pub dx_m: f64,
    /// Cells west to east.
    pub nx: u32,
    /// Cells south to north.
    pub ny: u32,
    /// Elevation at the cell centres, m in the pack's vertical datum; row 0 = south; NaN = no data.
    pub bed_m: Vec<f32>,
}

/// Classes on a regular grid in a plane CRS.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterU8 {
    /// EPSG code of the plane CRS; 0 when the file names none.
    pub epsg: u32,
    /// Easting of the south-west corner of the south-west cell, m.
    pub x0: f64,
    /// Northing of the south-west corner of the south-west cell, m.
    pub y0: f64,
    /// Cell size, m > 0.
    pub dx_m: f64,
    /// Cells west to east.
    pub nx: u32,
    /// Cells south to north.
    pub ny: u32,
    /// Classes; row 0 = south.
    pub values: Vec<u8>,
}

/// Where the pixels of a raster lie.
struct Frame {
    epsg: u32,
    x0: f64,
    y0: f64,
    dx_m: f64,
    nx: u32,
    ny: u32,
    nodata: Option<f64>,
}

/// Reads an elevation GeoTIFF (strips or tiles, deflate or none, with or without predictor; integer or float samples).
/// Overviews of a cloud-optimised file are left alone.
///
/// # Errors
/// Not a TIFF, no georeference, cells that are not square, or an image beyond 512 MiB.
pub fn read_terrain(tif: &[u8]) -> Result<Terrain, PackError> {
    let (f, samples) = read(tif)?;
    let values: Vec<f64> = match samples {
        DecodingResult::F32(v) => v.into_iter().map(f64::from).collect(),
        DecodingResult::F64(v) => v,
        DecodingResult::U8(v) => v.into_iter().map(f64::from).collect(),
        DecodingResult::I16(v) => v.into_iter().map(f64::from).collect(),
        DecodingResult::U16(v) => v.into_iter().map(f64::from).collect(),
        DecodingResult::I32(v) => v.into_iter().map(f64::from).collect(),
        _ => {
            return Err(PackError::value(FILE, "sample type", "other", "Float32, Float64, Byte, Int16, UInt16, Int32"));
        }
    };
    // Nodata is text in the file and f32 in the raster, so compare as f32.
    let nodata = f.nodata.map(|n| n as f32);
    let clean = |v: f64| {
        let v = v as f32;
        if !v.is_finite() || Some(v) == nodata { f32::NAN } else { v }
    };
    let bed_m = flipped(&values.into_iter().map(clean).collect::<Vec<_>>(), f.nx);
    Ok(Terrain { epsg: f.epsg, x0: f.x0, y0: f.y0, dx_m: f.dx_m, nx: f.nx, ny: f.ny, bed_m })
}

/// Reads a class raster with 8-bit samples.
///
/// # Errors
/// As [`read_terrain`], and another sample type.
pub fn read_raster_u8(tif: &[u8]) -> Result<RasterU8, PackError> {
    let (f, samples) = read(tif)?;
    let DecodingResult::U8(values) = samples else {
        return Err(PackError::value(FILE, "sample type", "not 8 bit", "UInt8"));
    };
    Ok(RasterU8 { epsg: f.epsg, x0: f.x0, y0: f.y0, dx_m: f.dx_m, nx: f.nx, ny: f.ny, values: flipped(&values, f.nx) })
}

/// Rows in the opposite order.
fn flipped<T: Copy>(values: &[T], nx: u32) -> Vec<T> {
    values.chunks_exact((nx as usize).max(1)).rev().flatten().copied().collect()
}

fn read(tif: &[u8]) -> Result<(Frame, DecodingResult), PackError> {
    let bad = |e: tiff::TiffError| PackError::format(FILE, e);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 512 << 20;
    let mut decoder = Decoder::new(Cursor::new(tif)).map_err(bad)?.with_limits(limits);
    let (nx, ny) = decoder.dimensions().map_err(bad)?;
    let frame = frame(&mut decoder, nx, ny)?;
    let samples = decoder.read_image().map_err(bad)?;
    let cells = nx as usize * ny as usize;
    if samples_len(&samples) != Some(cells) {
        return Err(PackError::value(FILE, "samples per pixel", "not 1", "1"));
    }
    Ok((frame, samples))
}

fn samples_len(samples: &DecodingResult) -> Option<usize> {
    Some(match samples {
        DecodingResult::U8(v) => v.len(),
        DecodingResult::U16(v) => v.len(),
        DecodingResult::I16(v) => v.len(),
        DecodingResult::I32(v) => v.len(),
        DecodingResult::F32(v) => v.len(),
        DecodingResult::F64(v) => v.len(),
        _ => return None,
    })
}

fn frame(decoder: &mut Decoder<Cursor<&[u8]>>, nx: u32, ny: u32) -> Result<Frame, PackError> {
    let scale = decoder.get_tag_f64_vec(Tag::ModelPixelScaleTag).unwrap_or_default();
    let tie = decoder.get_tag_f64_vec(Tag::ModelTiepointTag).unwrap_or_default();
    let ([sx, sy, ..], [i, j, _, x, y, ..]) = (&scale[..], &tie[..]) else {
        return Err(PackError::format(FILE, "no georeference (ModelPixelScale and ModelTiepoint)"));
    };
    let square = (sx - sy).abs() <= 1e-6 * sx.abs();
    if !(sx.is_finite() && *sx > 0.0 && square && x.is_finite() && y.is_finite()) {
        return Err(PackError::value(FILE, "cell size", format!("{sx} × {sy}"), "square, > 0"));
    }
    let keys = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
    let key = |id: u16| keys.chunks_exact(4).skip(1).find(|k| k[0] == id && k[1] == 0).map(|k| k[3]);
    let half = if key(GEO_KEY_RASTER_TYPE) == Some(RASTER_PIXEL_IS_POINT) { 0.5 } else { 0.0 };
    let west = x - (i + half) * sx;
    let north = y + (j + half) * sy;
    let epsg = key(GEO_KEY_PROJECTED_CRS).or_else(|| key(GEO_KEY_GEODETIC_CRS)).filter(|e| *e != 32_767).unwrap_or(0);
    let nodata = decoder.get_tag_ascii_string(Tag::GdalNodata).ok();
    Ok(Frame {
        epsg: u32::from(epsg),
        x0: west,
        y0: north - f64::from(ny) * sy,
        dx_m: *sx,
        nx,
        ny,
        nodata: nodata.and_then(|t| t.trim_matches(['\0', ' ']).parse().ok()),
    })
}

impl Terrain {
    /// Elevation at a point of the plane CRS, bilinear between cell centres (held constant in the outer half cell).
    /// `None` outside the raster and where one of the four cells has no data.
    #[must_use]
    pub fn sample(&self, x: f64, y: f64) -> Option<f64> {
        let (u, v) = ((x - self.x0) / self.dx_m, (y - self.y0) / self.dx_m);
        let (nx, ny) = (f64::from(self.nx), f64::from(self.ny));
        if !(u >= 0.0 && v >= 0.0 && u <= nx && v <= ny) || self.nx == 0 || self.ny == 0 {
            return None;
        }
        let (cu, cv) = ((u - 0.5).clamp(0.0, nx - 1.0), (v - 0.5).clamp(0.0, ny - 1.0));
        let (i, j) = (cu.floor().min((nx - 2.0).max(0.0)), cv.floor().min((ny - 2.0).max(0.0)));
        let (fu, fv) = (cu - i, cv - j);
        let cell = |di: f64, dj: f64| {
            let at = (j + dj).min(ny - 1.0) as usize * self.nx as usize + (i + di).min(nx - 1.0) as usize;
            self.bed_m.get(at).map(|z| f64::from(*z))
        };
        // A cell of weight 0 may be without data.
        let mut sum = 0.0;
        for (weight, z) in [
            ((1.0 - fu) * (1.0 - fv), cell(0.0, 0.0)?),
            (fu * (1.0 - fv), cell(1.0, 0.0)?),
            ((1.0 - fu) * fv, cell(0.0, 1.0)?),
            (fu * fv, cell(1.0, 1.0)?),
        ] {
            if weight > 0.0 {
                sum += weight * z;
            }
        }
        sum.is_finite().then_some(sum)
    }

    /// The raster as a deflated Float32 GeoTIFF (strips, nodata NaN) that GIS programs open; also fit for depths.
    ///
    /// # Errors
    /// `bed_m` does not hold nx·ny cells, or an EPSG code beyond 65535.
    pub fn to_geotiff(&self) -> Result<Vec<u8>, PackError> {
        if self.bed_m.len() != self.nx as usize * self.ny as usize || self.nx == 0 {
            let size = format!("{} × {}", self.nx, self.ny);
            return Err(PackError::value(FILE, "cells", self.bed_m.len(), &size));
        }
        let epsg = u16::try_from(self.epsg).map_err(|e| PackError::value(FILE, "EPSG", self.epsg, &e.to_string()))?;
        let mut out = Cursor::new(Vec::new());
        self.encode(&mut out, epsg).map_err(|e| PackError::format(FILE, e))?;
        Ok(out.into_inner())
    }

    fn encode(&self, out: &mut Cursor<Vec<u8>>, epsg: u16) -> tiff::TiffResult<()> {
        let mut encoder = TiffEncoder::new(out)?.with_compression(Compression::Deflate(DeflateLevel::Balanced));
        let mut image = encoder.new_image::<colortype::Gray32Float>(self.nx, self.ny)?;
        let north = self.y0 + f64::from(self.ny) * self.dx_m;
        let tags = image.encoder();
        tags.write_tag(Tag::ModelPixelScaleTag, &[self.dx_m, self.dx_m, 0.0][..])?;
        tags.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, self.x0, north, 0.0][..])?;
        let (model, crs_key) = (if is_geographic(epsg) { 2 } else { 1 }, crs_key(epsg));
        let mut keys = vec![1_u16, 1, 0, 3, GEO_KEY_MODEL_TYPE, 0, 1, model, GEO_KEY_RASTER_TYPE, 0, 1, 1];
        keys.extend([crs_key, 0, 1, epsg]);
        tags.write_tag(Tag::GeoKeyDirectoryTag, &keys[..])?;
        tags.write_tag(Tag::GdalNodata, "nan")?;
        image.write_data(&flipped(&self.bed_m, self.nx))
    }
}

/// The geographic systems that a raster of ours can have; all others are plane.
fn is_geographic(epsg: u16) -> bool {
    matches!(epsg, 4326 | 4490)
}

fn crs_key(epsg: u16) -> u16 {
    if is_geographic(epsg) { GEO_KEY_GEODETIC_CRS } else { GEO_KEY_PROJECTED_CRS }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terrain() -> Terrain {
        let bed_m = (0..12).map(|i| if i == 11 { f32::NAN } else { 20.0 + i as f32 }).collect();
        Terrain { epsg: 4547, x0: 500_000.0, y0: 3_360_000.0, dx_m: 2.0, nx: 4, ny: 3, bed_m }
    }

    #[test]
    fn a_written_raster_reads_back() {
        let tif = terrain().to_geotiff().unwrap();
        let back = read_terrain(&tif).unwrap();
        assert_eq!((back.epsg, back.x0, back.y0, back.dx_m), (4547, 500_000.0, 3_360_000.0, 2.0));
        assert!(back.bed_m[11].is_nan());
        assert_eq!(back.bed_m[..11], terrain().bed_m[..11]);
    }

    #[test]
    fn samples_are_bilinear_and_bounded() {
        let t = terrain();
        // Values rise by 1 per cell east and 4 per cell north.
        assert_eq!(t.sample(500_001.0, 3_360_001.0), Some(20.0));
        assert_eq!(t.sample(500_002.0, 3_360_002.0), Some(22.5));
        assert_eq!(t.sample(500_000.0, 3_360_000.0), Some(20.0));
        assert_eq!(t.sample(500_007.0, 3_360_005.0), None, "no data");
        assert_eq!(t.sample(499_999.9, 3_360_001.0), None, "outside");
        assert_eq!(t.sample(f64::NAN, 3_360_001.0), None);
    }

    #[test]
    fn rasters_without_georeference_are_refused() {
        let mut out = Cursor::new(Vec::new());
        TiffEncoder::new(&mut out).unwrap().write_image::<colortype::Gray8>(2, 2, &[1, 2, 3, 4]).unwrap();
        let error = read_raster_u8(out.get_ref()).unwrap_err().to_string();
        assert!(error.contains("no georeference"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn never_panics(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut tif = terrain().to_geotiff().unwrap();
            let n = tif.len();
            tif[at.index(n)] = value;
            drop(read_terrain(&tif));
            drop(read_terrain(&tif[..cut.index(n)]));
            drop(read_raster_u8(&tif));
        }
    }
}
