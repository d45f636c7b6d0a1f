//! Wall layouts: several windows on one state, from a TOML file.

use crate::options::ViewOptions;
use serde::Deserialize;
use std::collections::BTreeSet;
use twin_model::{CameraPose, LayerKind};

/// A layout file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    #[serde(rename = "window")]
    windows: Vec<WindowRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowRow {
    /// Title in the bar of the window.
    title: String,
    /// Size in physical pixels.
    size: [u32; 2],
    /// Position on the desktop, physical pixels.
    #[serde(default)]
    position: Option<[i32; 2]>,
    /// Where it looks; left out: the pack's home view.
    #[serde(default)]
    camera: Option<CameraPose>,
    /// Layers; left out: the usual ones.
    #[serde(default)]
    layers: Option<BTreeSet<LayerKind>>,
    /// Only the picture.
    #[serde(default)]
    bare: bool,
}

/// Reads a layout. The error is one line naming the place in the file.
///
/// # Errors
/// Not TOML of this form, no window, or a size outside 320 × 240 … 16384 × 16384.
pub fn parse(text: &str) -> Result<Vec<ViewOptions>, String> {
    let layout: Layout = toml::from_str(text).map_err(|e| e.to_string().replace('\n', " "))?;
    if layout.windows.is_empty() || layout.windows.len() > 16 {
        return Err(format!("{} windows: must be 1..16", layout.windows.len()));
    }
    layout.windows.into_iter().enumerate().map(|(i, row)| view(i, row)).collect()
}

fn view(index: usize, row: WindowRow) -> Result<ViewOptions, String> {
    let [width, height] = row.size;
    if !(320..=16_384).contains(&width) || !(240..=16_384).contains(&height) {
        return Err(format!(
            "window {index} ({}): size {width} × {height}: must be 320..16384 × 240..16384",
            row.title
        ));
    }
    Ok(ViewOptions {
        title: Some(row.title),
        camera: row.camera,
        layers: row.layers,
        size: (width, height),
        position: row.position.map(|p| (p[0], p[1])),
        bare: row.bare,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_layout_is_read() {
        let views = parse(include_str!("../../data/walls/two.toml")).unwrap();
        assert_eq!(views.len(), 2);
        assert!(views[1].layers.as_ref().unwrap().contains(&LayerKind::Water));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parse("[[window]]\ntitle=\"a\"\nsize=[1,1]\n").unwrap_err().contains("320..16384"));
        assert!(
            parse("[[window]]\ntitle=\"a\"\nsize=[800,600]\nlayers=[\"palace\"]\n").unwrap_err().contains("palace")
        );
        assert!(parse("window=[]").unwrap_err().contains("1..16"));
    }
}
