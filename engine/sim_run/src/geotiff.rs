//! Results as GeoTIFF: tiled, deflated, with their coordinate system (OGC GeoTIFF 1.1).

use flate2::{Compression, write::ZlibEncoder};
use std::io::{Cursor, Write};
use tiff::TiffResult;
use tiff::encoder::TiffEncoder;
use tiff::tags::Tag;
use twin_model::GridSpec;

/// Side of a tile, pixels.
const TILE: usize = 256;
/// Value of cells without a result, in Float32 rasters.
pub const NO_DATA: f32 = -9999.0;

/// TIFF codes: TIFF 6.0 (1992) sections 8 and 15; deflate: Adobe Photoshop TIFF technical notes (2002).
const COMPRESSION_ADOBE_DEFLATE: u16 = 8;
const PHOTOMETRIC_BLACK_IS_ZERO: u16 = 1;
const SAMPLE_UNSIGNED: u16 = 1;
const SAMPLE_FLOAT: u16 = 3;

/// A kind of sample.
trait Sample: Copy + Default {
    const BITS: u16;
    const FORMAT: u16;
    fn append(self, bytes: &mut Vec<u8>);
}

impl Sample for f32 {
    const BITS: u16 = 32;
    const FORMAT: u16 = SAMPLE_FLOAT;
    fn append(self, bytes: &mut Vec<u8>) {
        // TIFF files are in the byte order of the machine; the encoder writes it in the header.
        bytes.extend_from_slice(&self.to_ne_bytes());
    }
}

impl Sample for u8 {
    const BITS: u16 = 8;
    const FORMAT: u16 = SAMPLE_UNSIGNED;
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }
}

/// Float32, one value per cell of `spec` from the south row on; [`NO_DATA`] where there is none.
///
/// # Errors
/// What the encoder says.
pub fn encode_f32(spec: &GridSpec, values: &[f32]) -> TiffResult<Vec<u8>> {
    encode(spec, values, "-9999")
}

/// UInt8, one value per cell of `spec` from the south row on; 0 where there is none.
///
/// # Errors
/// What the encoder says.
pub fn encode_u8(spec: &GridSpec, values: &[u8]) -> TiffResult<Vec<u8>> {
    encode(spec, values, "0")
}

fn encode<T: Sample>(spec: &GridSpec, values: &[T], nodata: &str) -> TiffResult<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out)?;
    let mut directory = encoder.image_directory()?;
    let (mut offsets, mut sizes) = (Vec::new(), Vec::new());
    for tile in tiles(spec, values) {
        let packed = deflate(&tile);
        sizes.push(u32::try_from(packed.len())?);
        offsets.push(u32::try_from(directory.write_data(&packed[..])?)?);
    }
    let north = spec.y0 + f64::from(spec.ny) * spec.dx_m;
    directory.write_tag(Tag::ImageWidth, spec.nx)?;
    directory.write_tag(Tag::ImageLength, spec.ny)?;
    directory.write_tag(Tag::BitsPerSample, T::BITS)?;
    directory.write_tag(Tag::SampleFormat, T::FORMAT)?;
    directory.write_tag(Tag::SamplesPerPixel, 1_u16)?;
    directory.write_tag(Tag::Compression, COMPRESSION_ADOBE_DEFLATE)?;
    directory.write_tag(Tag::PhotometricInterpretation, PHOTOMETRIC_BLACK_IS_ZERO)?;
    directory.write_tag(Tag::PlanarConfiguration, 1_u16)?;
    directory.write_tag(Tag::TileWidth, TILE as u32)?;
    directory.write_tag(Tag::TileLength, TILE as u32)?;
    directory.write_tag(Tag::TileOffsets, &offsets[..])?;
    directory.write_tag(Tag::TileByteCounts, &sizes[..])?;
    directory.write_tag(Tag::ModelPixelScaleTag, &[spec.dx_m, spec.dx_m, 0.0][..])?;
    directory.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, spec.x0, north, 0.0][..])?;
    directory.write_tag(Tag::GeoKeyDirectoryTag, &geo_keys(spec.epsg)[..])?;
    directory.write_tag(Tag::GdalNodata, nodata)?;
    directory.finish()?;
    drop(encoder);
    Ok(out.into_inner())
}

/// GeoKeys 1.1: model type projected, pixels are areas, the EPSG code. A code that does not fit is left out.
fn geo_keys(epsg: u32) -> Vec<u16> {
    let mut keys = vec![1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 1];
    if let Some(epsg) = u16::try_from(epsg).ok().filter(|e| *e > 0) {
        keys[3] = 3;
        keys.extend([3072, 0, 1, epsg]);
    }
    keys
}

/// Bytes of every tile, row by row from the north-west; tiles on the east and south edge are filled up.
fn tiles<T: Sample>(spec: &GridSpec, values: &[T]) -> impl Iterator<Item = Vec<u8>> {
    let (nx, ny) = (spec.nx as usize, spec.ny as usize);
    let places = (0..ny.div_ceil(TILE)).flat_map(move |row| (0..nx.div_ceil(TILE)).map(move |column| (row, column)));
    places.map(move |(row, column)| {
        let mut bytes = Vec::with_capacity(TILE * TILE * usize::from(T::BITS / 8));
        for from_north in row * TILE..(row + 1) * TILE {
            for i in column * TILE..(column + 1) * TILE {
                let inside = i < nx && from_north < ny;
                let cell = inside.then(|| (ny - 1 - from_north) * nx + i);
                cell.and_then(|c| values.get(c)).copied().unwrap_or_default().append(&mut bytes);
            }
        }
        bytes
    })
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to a Vec cannot fail; an empty tile would be refused by every reader.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raster_of_several_tiles_reads_back() {
        let spec = GridSpec { epsg: 4547, x0: 500_000.0, y0: 3_360_000.0, dx_m: 2.0, nx: 300, ny: 270 };
        let values: Vec<f32> = (0..300 * 270).map(|c| c as f32 * 0.5).collect();
        let back = community_pack::read_terrain(&encode_f32(&spec, &values).unwrap()).unwrap();
        assert_eq!((back.epsg, back.x0, back.y0, back.dx_m), (4547, 500_000.0, 3_360_000.0, 2.0));
        assert_eq!((back.nx, back.ny), (300, 270));
        assert_eq!(back.bed_m, values);
        let classes: Vec<u8> = (0..300 * 270).map(|c| (c % 7) as u8).collect();
        let back = community_pack::read_raster_u8(&encode_u8(&spec, &classes).unwrap()).unwrap();
        assert_eq!(back.values, classes);
    }
}
