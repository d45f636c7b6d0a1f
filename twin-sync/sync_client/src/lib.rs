//! Fetches packs and follows live state, native and in the browser.
