//! Files of a run folder.

use crate::RunError;
use community_pack::run_folder;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tiff::encoder::{TiffEncoder, colortype::Gray32Float};
use tiff::tags::Tag;
use twin_model::{CommunityModel, EntityId, GridSpec};

/// Writes into a run folder; a file appears under its name only when it is complete.
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Creates the folder; it must not hold another run.
    pub fn create(dir: &Path) -> Result<Self, RunError> {
        let io = |source| RunError::Io { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(io)?;
        if dir.join(run_folder::GRID).exists() {
            return Err(io(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the folder already holds a run")));
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// Writes a file whole: to a temporary name first, then renamed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let (path, partial) = (self.dir.join(name), self.dir.join(format!("{name}.partial")));
        let io = |source| RunError::Io { path: path.clone(), source };
        fs::write(&partial, bytes).map_err(io)?;
        fs::rename(&partial, &path).map_err(io)
    }

    /// Writes values as a Float32 GeoTIFF (north up; -9999 = no data).
    pub fn write_geotiff(&self, name: &str, spec: &GridSpec, values_m: &[f32]) -> Result<(), RunError> {
        let path = self.dir.join(name);
        let io = |source| RunError::Io { path: path.clone(), source };
        let tiff = |source| RunError::Tiff { path: path.clone(), source };
        let file = fs::File::create(&path).map_err(io)?;
        let mut encoder = TiffEncoder::new(BufWriter::new(file)).map_err(tiff)?;
        let mut image = encoder.new_image::<Gray32Float>(spec.nx, spec.ny).map_err(tiff)?;
        let north = spec.y0 + f64::from(spec.ny) * spec.dx_m;
        let tags = image.encoder();
        tags.write_tag(Tag::ModelPixelScaleTag, &[spec.dx_m, spec.dx_m, 0.0][..]).map_err(tiff)?;
        tags.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, spec.x0, north, 0.0][..]).map_err(tiff)?;
        // GeoKeys: version 1.1.0; GTModelType = projected, GTRasterType = pixel is area, ProjectedCSType = EPSG.
        let epsg = u16::try_from(spec.epsg).unwrap_or(u16::MAX);
        let keys: [u16; 16] = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg];
        tags.write_tag(Tag::GeoKeyDirectoryTag, &keys[..]).map_err(tiff)?;
        tags.write_tag(Tag::GdalNodata, "-9999").map_err(tiff)?;
        let nx = spec.nx as usize;
        let rows_north_first: Vec<f32> = values_m.chunks_exact(nx).rev().flatten().copied().collect();
        image.write_data(&rows_north_first).map_err(tiff)
    }

    /// Writes the per-entity outcomes as CSV.
    pub fn write_outcomes(&self, model: &CommunityModel, rows: &[(EntityId, f64, f64)]) -> Result<(), RunError> {
        let mut text = String::from("entity,kind,name,address,max_depth_m,first_wet_s\n");
        for (id, depth_m, first_wet_s) in rows {
            let Some(entity) = model.get(*id) else { continue };
            let quoted = |s: &str| format!("\"{}\"", s.replace('"', "\"\""));
            let (name, address) = (quoted(&entity.name), quoted(&model.address(*id)));
            text.push_str(&format!("{id},{},{name},{address},{depth_m:.3},{first_wet_s:.0}\n", entity.kind.tag()));
        }
        self.write(run_folder::OUTCOMES, text.as_bytes())
    }
}
