//! Oblique mesh from OSGB trees: one glb per file, every vertex reprojected, JPEGs passed through.

use crate::error::{ImportError, Result};
use crate::log::{FileLog, files_below};
use crate::place::Place;
use crate::progress::Progress;
use crate::project::Layer;
use crate::tiles::{Box3, Node, Quad, SSE_PX, quadtree, write_model, write_tileset};
use geo_frame::{Crs, FrameError, Projector};
use osgb::metadata::{Metadata, Srs};
use osgb::{ChildFile, FlatMesh, ImageData, RangeMode};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tiles3d::glb::{ImageMime, Material};
use tiles3d::{GlbImage, GlbModel, Primitive, Refine};

/// Root files converted between two ticks of the progress bar.
const BATCH: usize = 8;
/// Longest chain of files.
const MAX_DEPTH: usize = 48;
/// Error of tiles that group others and draw nothing: always refined.
const EMPTY_ERROR_M: f64 = 1000.0;
/// Metres of error per metre of distance at 16 px, 1080 rows, 45° (for range mode "distance").
const ERROR_PER_DISTANCE: f64 = SSE_PX * 2.0 * 0.414_213_56 / 1080.0;

/// A delivery.
pub(crate) struct Oblique {
    projector: Projector,
    /// Added to every vertex, in the delivery's system.
    origin: [f64; 3],
    /// Folder that tile names start at.
    data: PathBuf,
    roots: Vec<PathBuf>,
}

/// What converting one root file says besides its tiles.
#[derive(Default)]
struct Notes {
    read: u64,
    skipped: Vec<(String, String)>,
    approximated: Vec<(String, String)>,
}

impl Oblique {
    /// Reads `metadata.xml` and finds the root files.
    pub fn open(path: &Path, layer: &Layer, place: &Place) -> Result<Self> {
        let is_tile = path.is_file() && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("osgb"));
        if !path.is_dir() && !is_tile {
            return Err(ImportError::delivery(
                path,
                "is neither a folder with metadata.xml and Data/ nor an .osgb file",
            ));
        }
        let file = if is_tile { path.with_file_name("metadata.xml") } else { path.join("metadata.xml") };
        let metadata = if file.is_file() {
            let bytes = std::fs::read(&file).map_err(ImportError::io(&file))?;
            osgb::metadata::parse(&bytes).map_err(|e| ImportError::delivery(&file, e))?
        } else {
            Metadata { srs: Srs::Missing, origin: [0.0; 3] }
        };
        let (projector, origin) = reference(&file, layer, &metadata, place)?;
        if is_tile {
            let data = path.parent().map(Path::to_owned).unwrap_or_default();
            return Ok(Self { projector, origin, data, roots: vec![path.to_owned()] });
        }
        let data =
            ["Data", "data"].iter().map(|d| path.join(d)).find(|d| d.is_dir()).unwrap_or_else(|| path.to_owned());
        let roots = roots(&data)?;
        if roots.is_empty() {
            return Err(ImportError::delivery(&data, "holds no .osgb file"));
        }
        Ok(Self { projector, origin, data, roots })
    }

    /// Writes the tiles.
    pub fn build(&self, dir: &Path, place: &Place, log: &mut FileLog, progress: &mut dyn Progress) -> Result<Node> {
        progress.stage("oblique mesh", self.roots.len() as u64);
        let mut nodes = Vec::new();
        for batch in self.roots.chunks(BATCH) {
            if progress.is_cancelled() {
                return Err(ImportError::Cancelled);
            }
            let done: Vec<Result<(Option<Node>, Notes)>> = batch
                .par_iter()
                .map(|root| {
                    let mut notes = Notes::default();
                    let node = self.convert(root, dir, 0, &mut notes)?;
                    Ok((node, notes))
                })
                .collect();
            for item in done {
                let (node, notes) = item?;
                nodes.extend(node);
                log.entry.read += notes.read;
                notes.skipped.into_iter().for_each(|(id, reason)| log.skip(id, reason));
                notes.approximated.into_iter().for_each(|(id, reason)| log.approximate(id, reason));
                progress.tick();
            }
        }
        if nodes.is_empty() {
            return Err(ImportError::delivery(&self.data, "not one tile could be read: see the report"));
        }
        let items = nodes.into_iter().map(|n| (n.bounds.centre(), n)).map(|(c, n)| (n, [c[0], c[1]], 1));
        write_tileset(dir, place, top(quadtree(items.collect(), 4, 16)))
    }

    /// One file and everything below it; `None` when it cannot be read.
    fn convert(&self, file: &Path, dir: &Path, depth: usize, notes: &mut Notes) -> Result<Option<Node>> {
        let shown = file.strip_prefix(&self.data).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let mut skip = |reason: String| {
            notes.skipped.push((shown.clone(), reason));
            Ok(None)
        };
        if depth > MAX_DEPTH {
            return skip(format!("more than {MAX_DEPTH} files deep"));
        }
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(e) => return skip(e.to_string()),
        };
        let flat = match osgb::read(&bytes) {
            Ok(parsed) => osgb::flatten(&parsed),
            Err(e) => return skip(e.to_string()),
        };
        let model = match self.model(&flat.meshes, file, &shown, notes) {
            Ok(model) => model,
            Err(e) => {
                notes.skipped.push((shown, e.to_string()));
                return Ok(None);
            }
        };
        notes.read += 1;
        if flat.dropped_triangles > 0 {
            notes.approximated.push((
                shown.clone(),
                format!("{} triangles with coordinates that are not finite left out", flat.dropped_triangles),
            ));
        }
        for class in flat.skipped_classes.iter().collect::<BTreeSet<_>>() {
            notes.approximated.push((shown.clone(), format!("object class {class} left out")));
        }
        let mut children = Vec::new();
        let mut error = 0.0_f64;
        for child in &flat.children {
            let path = self.child_path(file, child);
            match path.filter(|p| p.is_file()) {
                Some(path) => {
                    if let Some(node) = self.convert(&path, dir, depth + 1, notes)? {
                        error = error.max(switch_error(child));
                        children.push(node);
                    }
                }
                None => notes.skipped.push((shown.clone(), format!("names {:?}, which is not there", child.file))),
            }
        }
        let name = safe_name(&shown);
        let content = if model.primitives.is_empty() {
            None
        } else {
            write_model(dir, &name, &model)?;
            Some((name.as_str(), Box3::of(&model)))
        };
        if content.is_none() && children.is_empty() {
            return Ok(None);
        }
        let error = if content.is_none() { error.max(EMPTY_ERROR_M) } else { error };
        Ok(Some(Node::new(content, error, Refine::Replace, children)))
    }

    fn child_path(&self, file: &Path, child: &ChildFile) -> Option<PathBuf> {
        let name = child.file.replace('\\', "/");
        let folder = file.parent()?;
        let base = match child.database_path.as_deref().filter(|d| !d.is_empty()) {
            Some(d) => folder.join(d.replace('\\', "/")),
            None => folder.to_owned(),
        };
        let path = base.join(name);
        // Out of the delivery is no tile of it.
        let climbs = path.components().filter(|c| matches!(c, std::path::Component::ParentDir)).count();
        (path.starts_with(&self.data) && climbs <= 4).then_some(path)
    }

    fn model(
        &self,
        meshes: &[FlatMesh],
        file: &Path,
        shown: &str,
        notes: &mut Notes,
    ) -> std::result::Result<GlbModel, FrameError> {
        let mut model = GlbModel::default();
        let mut known: Vec<*const osgb::Image> = Vec::new();
        for mesh in meshes {
            let mut positions = Vec::with_capacity(mesh.positions.len());
            for p in &mesh.positions {
                let at = std::array::from_fn(|i| self.origin[i] + mesh.origin[i] + f64::from(p[i]));
                positions.push(match p.iter().all(|v| v.is_finite()) {
                    true => self.projector.enu_from_crs(at)?.map(|v| v as f32),
                    // Left out by the indices already.
                    false => [0.0; 3],
                });
            }
            let uvs = mesh.uvs_top_left();
            let mut texture = None;
            if let Some(image) = mesh.texture.as_ref().filter(|_| uvs.is_some()) {
                let key = std::sync::Arc::as_ptr(image);
                texture = known.iter().position(|k| *k == key);
                if texture.is_none() {
                    match picture(image, file) {
                        Ok(glb) => {
                            texture = Some(model.images.len());
                            model.images.push(glb);
                            known.push(key);
                        }
                        Err(reason) => notes
                            .approximated
                            .push((shown.to_owned(), format!("texture {:?}: {reason}", image.file_name))),
                    }
                }
            }
            let [r, g, b, _] = mesh.colour;
            let plain = [r * 0.6, g * 0.6, b * 0.6, 1.0];
            model.primitives.push(Primitive {
                positions,
                normals: None,
                uvs,
                colours: mesh.colours.clone(),
                feature_ids: None,
                indices: mesh.indices.clone(),
                material: Material {
                    base_colour: if texture.is_some() { [1.0; 4] } else { plain },
                    texture,
                    texture_repeat: mesh.texture_repeat,
                    unlit: true,
                    ..Default::default()
                },
            });
        }
        Ok(model)
    }
}

/// The delivery's system and origin.
fn reference(file: &Path, layer: &Layer, metadata: &Metadata, place: &Place) -> Result<(Projector, [f64; 3])> {
    if let Some(at) = layer.at {
        let projector = match &layer.crs {
            Some(_) => place.of(file, layer.crs.as_deref(), None, "")?,
            None => place.projector.clone(),
        };
        return Ok((projector, at));
    }
    if layer.crs.is_some() {
        return Ok((place.of(file, layer.crs.as_deref(), None, "")?, metadata.origin));
    }
    let crs = match &metadata.srs {
        Srs::Epsg { code, .. } => Crs::from_epsg(*code),
        Srs::Enu { lat_deg, lon_deg } => Crs::from_user(&format!("ENU:{lat_deg},{lon_deg}")),
        Srs::Wkt(wkt) => {
            let srs = gdal::spatial_ref::SpatialRef::from_wkt(wkt).map_err(|e| ImportError::delivery(file, e))?;
            return Ok((place.of(file, None, Some(&srs), "")?, metadata.origin));
        }
        Srs::Local(_) | Srs::Missing => {
            let reason = "no coordinate reference system (SRS is LOCAL, empty or metadata.xml is missing): set crs = \"EPSG:...\", or at = [x, y, z] in the community's CRS, in this [[layer]] of the project file";
            return Err(ImportError::delivery(file, reason));
        }
    };
    let crs = crs.map_err(|e| ImportError::delivery(file, e))?;
    Ok((Projector::new(crs, place.enu()), metadata.origin))
}

/// Root files: in each folder the one of the folder's name, else those that no other file of the folder refers to.
fn roots(data: &Path) -> Result<Vec<PathBuf>> {
    let is_osgb = |p: &PathBuf| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("osgb"));
    let all: Vec<PathBuf> = files_below(data)?.into_iter().filter(is_osgb).collect();
    let folders: BTreeSet<&Path> = all.iter().filter_map(|p| p.parent()).collect();
    let mut roots = Vec::new();
    for folder in folders {
        let own: Vec<&PathBuf> = all.iter().filter(|p| p.parent() == Some(folder)).collect();
        let named = own.iter().find(|p| p.file_stem() == folder.file_name());
        if let Some(root) = named {
            roots.push((*root).clone());
            continue;
        }
        let mut referred = BTreeSet::new();
        for file in &own {
            let parsed = std::fs::read(file).ok().and_then(|b| osgb::read(&b).ok());
            for child in parsed.iter().flat_map(|p| osgb::flatten(p).children) {
                referred.insert(folder.join(child.file.replace('\\', "/")));
            }
        }
        roots.extend(own.into_iter().filter(|p| !referred.contains(*p)).cloned());
    }
    Ok(roots)
}

/// When the finer file takes over, as a geometric error.
fn switch_error(child: &ChildFile) -> f64 {
    match child.range_mode {
        RangeMode::PixelSizeOnScreen => osgb::geometric_error(SSE_PX, child.radius, f64::from(child.range.0)),
        RangeMode::DistanceFromEyePoint => f64::from(child.range.1).clamp(0.0, 1e5) * ERROR_PER_DISTANCE,
    }
}

/// Groups root tiles so that not all lie flat below one node.
fn top(quad: Quad<Node>) -> Node {
    let children: Vec<Node> = match quad {
        Quad::Leaf(nodes) => nodes,
        Quad::Branch(parts) => parts.into_iter().map(top).collect(),
    };
    Node::new(None, EMPTY_ERROR_M, Refine::Replace, children)
}

/// A name that is safe in addresses.
fn safe_name(shown: &str) -> String {
    let stem = shown.rsplit_once('.').map_or(shown, |(s, _)| s);
    let mut name = String::new();
    for c in stem.chars() {
        match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '/' => name.push(c),
            '+' => name.push('p'),
            other => name.push_str(&format!("~{:x}", u32::from(other))),
        }
    }
    name + ".glb"
}

fn picture(image: &osgb::Image, file: &Path) -> std::result::Result<GlbImage, String> {
    let known = |bytes: Vec<u8>| {
        let mime = ImageMime::detect(None, &bytes).filter(|m| matches!(m, ImageMime::Jpeg | ImageMime::Png));
        mime.map(|mime| GlbImage { mime, bytes }).ok_or_else(|| "is neither JPEG nor PNG: left out".to_owned())
    };
    match &image.data {
        ImageData::Jpeg(bytes) => Ok(GlbImage { mime: ImageMime::Jpeg, bytes: bytes.clone() }),
        ImageData::Png(bytes) => Ok(GlbImage { mime: ImageMime::Png, bytes: bytes.clone() }),
        ImageData::OtherFile(bytes) => known(bytes.clone()),
        ImageData::External => {
            let name = image.file_name.replace('\\', "/");
            let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
            let path = file.with_file_name(name);
            known(std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?)
        }
        ImageData::Raw(raw) => raw_picture(raw),
    }
}

/// Plain RGB or RGBA pixels as JPEG.
fn raw_picture(raw: &osgb::RawImage) -> std::result::Result<GlbImage, String> {
    let channels = match (raw.pixel_format, raw.data_type) {
        (0x1907, 0x1401) => 3,
        (0x1908, 0x1401) => 4,
        _ => {
            return Err(format!(
                "pixel format 0x{:x} (internal 0x{:x}) is not supported: left out",
                raw.pixel_format, raw.internal_format
            ));
        }
    };
    let (w, h) = (raw.width as usize, raw.height as usize);
    let packing = (raw.packing.max(1)) as usize;
    let stride = (w * channels).div_ceil(packing) * packing;
    let (Ok(width), Ok(height)) = (u16::try_from(w), u16::try_from(h)) else {
        return Err(format!("{w} × {h} pixels: at most 65535"));
    };
    let mut rgb = Vec::with_capacity(w * h * 3);
    for row in 0..h {
        let from = if raw.top_left { row } else { h - 1 - row };
        let line = raw.data.get(from * stride..from * stride + w * channels).ok_or("pixels cut short")?;
        line.chunks_exact(channels).for_each(|p| rgb.extend_from_slice(&p[..3]));
    }
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 88)
        .encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|e| e.to_string())?;
    Ok(GlbImage { mime: ImageMime::Jpeg, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_distinct() {
        assert_eq!(safe_name("Tile_+001_-002/Tile_+001_-002_L18_00.osgb"), "Tile_p001_-002/Tile_p001_-002_L18_00.glb");
        assert_ne!(safe_name("瓦片 1.osgb"), safe_name("瓦片_1.osgb"));
    }
}
