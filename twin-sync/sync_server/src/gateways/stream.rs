//! A feature collection as a stream: pieces of about 64 KiB are made when the client has taken the one before, so that
//! neither the whole text nor a lock on the live state is ever held.

use super::Gateway;
use super::records::Collection;
use crate::twin::now;
use axum::body::Body;
use bytes::Bytes;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// Bytes after which a piece is sent.
const PIECE: usize = 64 * 1024;
/// Features made under one lock of the live state.
const BATCH: usize = 64;

/// One page of a collection.
pub(super) struct Page {
    pub(super) gateway: Arc<Gateway>,
    pub(super) collection: Collection,
    pub(super) ids: std::vec::IntoIter<u64>,
    pub(super) matched: usize,
    pub(super) links: Value,
}

enum Part {
    Head,
    Features,
    End,
}

/// Makes the pieces of a page.
struct Pieces {
    page: Page,
    part: Part,
    written: usize,
}

impl Page {
    pub(super) fn into_body(self) -> Body {
        let pieces = Pieces { page: self, part: Part::Head, written: 0 };
        Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<_, Infallible>)))
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut text = Vec::with_capacity(PIECE + PIECE / 4);
        if matches!(self.part, Part::Head) {
            text.extend_from_slice(br#"{"type":"FeatureCollection","features":["#);
            self.part = Part::Features;
        }
        if matches!(self.part, Part::End) {
            return None;
        }
        while text.len() < PIECE {
            if !self.batch(&mut text) {
                text.extend_from_slice(self.tail().as_bytes());
                self.part = Part::End;
                break;
            }
        }
        Some(text.into())
    }
}

impl Pieces {
    /// Adds some features; false when there are no more.
    fn batch(&mut self, text: &mut Vec<u8>) -> bool {
        let Page { gateway, collection, ids, .. } = &mut self.page;
        let (engine, at) = (gateway.twin.read(), now());
        for _ in 0..BATCH {
            let Some(id) = ids.next() else { return false };
            // One that is gone since the page was chosen (a closed alarm that was forgotten) is not counted.
            let Some(feature) = gateway.feature(*collection, id, engine.live(), at) else { continue };
            let separator: &[u8] = if self.written > 0 { b",\n" } else { b"\n" };
            text.extend_from_slice(separator);
            // A JSON value always has a text.
            serde_json::to_writer(&mut *text, &feature).unwrap_or_default();
            self.written += 1;
        }
        true
    }

    fn tail(&self) -> String {
        let rest = json!({
            "numberMatched": self.page.matched,
            "numberReturned": self.written,
            "timeStamp": super::instant::utc_text(now()),
            "links": self.page.links,
        });
        let rest = rest.to_string();
        format!("\n],{}", &rest[1..])
    }
}
