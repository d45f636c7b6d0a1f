//! The page shown where there is no web viewer.

use axum::response::Html;

pub(crate) async fn no_viewer() -> Html<&'static str> {
    Html(include_str!("no_viewer.html"))
}
