//! GeoTIFF deliveries: bare-earth heights and the ortho image.

use std::path::Path;

use gdal::DriverManager;
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;

use crate::error::GenError;
use crate::paint::Canvas;
use crate::plan::{BASE, CommunityPlan, SIZE_M};

fn gdal_error(path: &Path) -> impl Fn(gdal::errors::GdalError) -> GenError + '_ {
    move |source| GenError::Gdal { path: path.to_owned(), source }
}

/// Writes the heights as Float32 at 1 m.
pub fn write_dem(plan: &CommunityPlan, path: &Path) -> Result<(), GenError> {
    let e = gdal_error(path);
    let (columns, rows) = plan.terrain.size();
    let options = RasterCreationOptions::from_iter(["COMPRESS=DEFLATE", "PREDICTOR=3", "TILED=YES", "ZLEVEL=9"]);
    let driver = DriverManager::get_driver_by_name("GTiff").map_err(&e)?;
    let mut dataset =
        driver.create_with_band_type_with_options::<f32, _>(path, columns, rows, 1, &options).map_err(&e)?;
    dataset.set_geo_transform(&[BASE[0], 1.0, 0.0, BASE[1] + SIZE_M[1], 0.0, -1.0]).map_err(&e)?;
    dataset.set_spatial_ref(&SpatialRef::from_epsg(4547).map_err(&e)?).map_err(&e)?;
    let heights = plan.terrain.rows();
    // centimetres are what a survey delivers, and they compress
    let north_up = (0..rows)
        .rev()
        .flat_map(|row| &heights[row * columns..(row + 1) * columns])
        .map(|h| (h * 100.0).round() / 100.0);
    let mut buffer = Buffer::new((columns, rows), north_up.collect::<Vec<f32>>());
    let mut band = dataset.rasterband(1).map_err(&e)?;
    band.set_no_data_value(Some(-9999.0)).map_err(&e)?;
    band.write((0, 0), (columns, rows), &mut buffer).map_err(&e)?;
    dataset.close().map_err(&e)
}

/// Writes the ortho image at half a metre.
pub fn write_ortho(picture: &Canvas, path: &Path) -> Result<(), GenError> {
    let e = gdal_error(path);
    let small = picture.halved();
    let (w, h) = (small.width, small.height);
    let options = RasterCreationOptions::from_iter([
        "COMPRESS=JPEG",
        "PHOTOMETRIC=YCBCR",
        "JPEG_QUALITY=88",
        "TILED=YES",
        "INTERLEAVE=PIXEL",
    ]);
    let driver = DriverManager::get_driver_by_name("GTiff").map_err(&e)?;
    let mut dataset = driver.create_with_band_type_with_options::<u8, _>(path, w, h, 3, &options).map_err(&e)?;
    let pixel = SIZE_M[0] / w as f64;
    dataset.set_geo_transform(&[BASE[0], pixel, 0.0, BASE[1] + SIZE_M[1], 0.0, -pixel]).map_err(&e)?;
    dataset.set_spatial_ref(&SpatialRef::from_epsg(4547).map_err(&e)?).map_err(&e)?;
    for k in 0..3 {
        let channel: Vec<u8> = small.rgb.iter().skip(k).step_by(3).copied().collect();
        let mut buffer = Buffer::new((w, h), channel);
        dataset.rasterband(k + 1).map_err(&e)?.write((0, 0), (w, h), &mut buffer).map_err(&e)?;
    }
    dataset.close().map_err(&e)
}
