//! The oblique photography delivery.
use crate::error::GenError;
use crate::paint::Canvas;
use crate::plan::CommunityPlan;
use std::path::Path;
/// Writes the tree.
pub fn write(
    _plan: &CommunityPlan,
    _picture: &Canvas,
    _folder: &Path,
    _progress: &mut dyn FnMut(f32),
) -> Result<usize, GenError> {
    Ok(0)
}
