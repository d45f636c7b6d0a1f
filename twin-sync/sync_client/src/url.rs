//! Addresses.

/// A server address in the form `http://host:port` from what people type: a scheme is added, trailing slashes go.
#[must_use]
pub fn server_url(typed: &str) -> String {
    let typed = typed.trim().trim_end_matches('/');
    if typed.contains("://") { typed.to_owned() } else { format!("http://{typed}") }
}

/// The WebSocket address of a server: `http://h:p` → `ws://h:p/ws`; a `ws://` or `wss://` address is taken as it is.
#[must_use]
pub fn ws_url(server: &str) -> String {
    let server = server_url(server);
    if let Some(rest) = server.strip_prefix("https://") {
        format!("wss://{rest}/ws")
    } else if let Some(rest) = server.strip_prefix("http://") {
        format!("ws://{rest}/ws")
    } else {
        server
    }
}

/// Path segments percent-encoded (RFC 3986 unreserved characters stay), slashes kept.
pub(crate) fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The path with `.` removed, or `None` when it is absolute, empty or climbs with `..`.
pub(crate) fn inside(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') || path.contains('\0') || path.contains(':') {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(server_url(" 127.0.0.1:8737/ "), "http://127.0.0.1:8737");
        assert_eq!(ws_url("127.0.0.1:8737"), "ws://127.0.0.1:8737/ws");
        assert_eq!(ws_url("https://twin.example/"), "wss://twin.example/ws");
        assert_eq!(ws_url("ws://h/ws"), "ws://h/ws");
    }

    #[test]
    fn paths_stay_inside_and_are_encoded() {
        assert_eq!(inside("bim/./3号楼/tileset.json").as_deref(), Some("bim/3号楼/tileset.json"));
        for bad in ["", "/etc/passwd", "a/../../b", "..", "c:\\x", "a\\b", "http://x"] {
            assert_eq!(inside(bad), None, "{bad}");
        }
        assert_eq!(encode_path("bim/号 1.glb"), "bim/%E5%8F%B7%201.glb");
    }
}
