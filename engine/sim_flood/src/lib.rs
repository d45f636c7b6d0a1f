//! Two-dimensional shallow-water flood kernel.
