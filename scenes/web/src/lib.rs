//! The browser viewer: the same app as WASM.
