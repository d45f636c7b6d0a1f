//! The application: panels, views and live state wired together; used by the native binary and the browser build.
