//! Relative addresses inside a tileset.

/// Joins a content address to the address of the file that names it (RFC 3986, section 5.2, without queries).
///
/// `base` is the address of that file (`a/b/tileset.json`); absolute addresses and addresses from the root stay.
#[must_use]
pub fn resolve(base: &str, uri: &str) -> String {
    if uri.contains("://") || uri.starts_with('/') || uri.starts_with("data:") {
        return uri.to_owned();
    }
    let (scheme, path) = match base.find("://") {
        Some(at) => {
            let host_end =
                base.get(at + 3..).and_then(|rest| rest.find('/')).map_or(base.len(), |slash| at + 3 + slash + 1);
            base.split_at(host_end)
        }
        None => ("", base),
    };
    let folder = path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or_default());
    let rooted = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(uri.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted || !scheme.is_empty() => {}
            part => parts.push(part),
        }
    }
    format!("{scheme}{}{}", if rooted { "/" } else { "" }, parts.join("/"))
}

/// Whether a content address names a tileset (by its extension, ignoring a query).
#[must_use]
pub fn is_tileset(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    path.len() >= 5 && path.get(path.len() - 5..).is_some_and(|end| end.eq_ignore_ascii_case(".json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins() {
        assert_eq!(resolve("a/b/tileset.json", "c/d.glb"), "a/b/c/d.glb");
        assert_eq!(resolve("a/b/tileset.json", "../d.glb"), "a/d.glb");
        assert_eq!(resolve("tileset.json", "./d.glb"), "d.glb");
        assert_eq!(resolve("tileset.json", "../d.glb"), "../d.glb");
        assert_eq!(resolve("/x/tileset.json", "../../d.glb"), "/d.glb");
        assert_eq!(resolve("http://h/p/t.json", "q/d.glb"), "http://h/p/q/d.glb");
        assert_eq!(resolve("http://h/p/t.json", "../../d.glb"), "http://h/d.glb");
        assert_eq!(resolve("http://h/p/t.json", "https://k/d.glb"), "https://k/d.glb");
    }

    #[test]
    fn tilesets_by_name() {
        assert!(is_tileset("a/T.JSON?key=1") && !is_tileset("a.glb") && !is_tileset("json") && !is_tileset("甲.乙丙"));
    }
}
