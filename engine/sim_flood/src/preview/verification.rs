//! Verification cases of the preview.
