//! What each route needs. A route that is not in the table does not exist for a server with accounts.

use access::Action;
use axum::http::Method;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it tells nothing about the community.
    Public,
    /// Any session or token.
    Session,
    /// An action that is permitted somewhere; the handler judges where.
    Somewhere(Action),
    /// An action that is permitted in the whole community: the answer cannot be divided.
    Everywhere(Action),
    /// An action of an administrator.
    Administer(Action),
    /// Accounts or rights: either of the two administrators who deal with them.
    AccountsOrGrants,
}

/// (method, path as axum writes it, need). `GET` stands for `HEAD` too.
pub(crate) const ROUTES: &[(&str, &str, Need)] = {
    use Action::*;
    use Need::*;
    &[
        ("GET", "/", Public),
        ("GET", "/web/", Public),
        ("GET", "/web/{*path}", Public),
        ("GET", "/health", Public),
        ("GET", "/openapi.json", Public),
        ("POST", "/api/login", Public),
        ("POST", "/api/logout", Session),
        ("GET", "/api/me", Session),
        ("GET", "/api/accounts", AccountsOrGrants),
        ("POST", "/api/accounts", Administer(ManageAccounts)),
        ("POST", "/api/accounts/{login}/enabled", Administer(ManageAccounts)),
        ("POST", "/api/accounts/{login}/grants", Administer(ManageGrants)),
        ("GET", "/api/audit", Administer(ReadAudit)),
        ("GET", "/metrics", Everywhere(SeeDiagnostics)),
        ("GET", "/api/dead_letters", Everywhere(SeeDiagnostics)),
        ("GET", "/api/community", Somewhere(See)),
        ("GET", "/api/properties", Somewhere(See)),
        ("GET", "/api/entities", Somewhere(See)),
        ("GET", "/api/entities/{id}", Somewhere(See)),
        ("GET", "/api/search", Somewhere(See)),
        ("GET", "/api/state", Somewhere(See)),
        ("GET", "/api/history/{entity}/{property}", Somewhere(See)),
        ("GET", "/api/alarms", Somewhere(See)),
        ("POST", "/api/alarms/{id}/ack", Somewhere(AcknowledgeAlarm)),
        // What an operation needs is the handler's to say: acknowledging is one.
        ("POST", "/api/alarms/{id}/operate", Somewhere(AcknowledgeAlarm)),
        ("POST", "/api/alarms/{id}/shelve", Somewhere(OperateAlarm)),
        ("POST", "/api/alarms/{id}/unshelve", Somewhere(OperateAlarm)),
        ("GET", "/api/alarms/figures", Somewhere(See)),
        ("GET", "/api/alarms/out_of_service", Somewhere(See)),
        // Rules name things anywhere, and a test reads their history.
        ("GET", "/api/rules", Everywhere(See)),
        ("POST", "/api/rules/test", Everywhere(OperateAlarm)),
        ("POST", "/api/rules/{key}/return_to_service", Somewhere(OperateAlarm)),
        ("GET", "/api/incidents", Somewhere(See)),
        ("GET", "/api/incidents/{id}", Somewhere(See)),
        ("GET", "/api/commands", Somewhere(See)),
        ("POST", "/api/commands", Somewhere(CommandDevice)),
        ("POST", "/api/commands/{id}/confirm", Somewhere(CommandDevice)),
        ("POST", "/api/commands/{id}/withdraw", Somewhere(CommandDevice)),
        ("GET", "/api/cases", Somewhere(See)),
        ("POST", "/api/cases", Somewhere(ReportCase)),
        ("GET", "/api/cases/{id}", Somewhere(See)),
        ("POST", "/api/cases/{id}/move", Somewhere(MoveCase)),
        ("POST", "/api/cases/{id}/photos", Somewhere(MoveCase)),
        ("GET", "/api/cases/{id}/photos/{sha256}", Somewhere(See)),
        ("GET", "/api/cases/{id}/proposals", Somewhere(DispatchCase)),
        ("GET", "/api/cases/{id}/similar", Somewhere(See)),
        ("GET", "/api/cases/queue", Somewhere(See)),
        ("GET", "/api/cases/figures", Somewhere(See)),
        ("GET", "/api/cases/tables", Somewhere(See)),
        ("GET", "/api/cases/export.csv", Somewhere(See)),
        // Cases of another system lie anywhere, with moves that others decided.
        ("POST", "/api/cases/import", Everywhere(DecideCase)),
        ("GET", "/api/cameras", Somewhere(SeeCamera)),
        ("GET", "/api/runs", Somewhere(SeeRuns)),
        ("POST", "/api/runs", Somewhere(StartRun)),
        ("GET", "/api/runs/{id}", Somewhere(SeeRuns)),
        ("DELETE", "/api/runs/{id}", Somewhere(SteerRun)),
        ("POST", "/api/runs/{id}/edits", Somewhere(SteerRun)),
        ("GET", "/ws", Somewhere(See)),
        ("GET", "/pack/{*path}", Somewhere(See)),
        ("GET", "/runs/{*path}", Somewhere(SeeRuns)),
        ("GET", "/ogc", Somewhere(See)),
        ("GET", "/ogc/", Somewhere(See)),
        ("GET", "/ogc/api", Somewhere(See)),
        ("GET", "/ogc/conformance", Somewhere(See)),
        ("GET", "/ogc/collections", Somewhere(See)),
        ("GET", "/ogc/collections/{collection}", Somewhere(See)),
        ("GET", "/ogc/collections/{collection}/items", Somewhere(See)),
        ("GET", "/ogc/collections/{collection}/items/{item}", Somewhere(See)),
        ("GET", "/cap", Somewhere(See)),
        ("GET", "/cap/alerts/{alert}", Somewhere(See)),
        ("GET", "/sta/v1.1", Somewhere(See)),
        ("GET", "/sta/v1.1/", Somewhere(See)),
        ("GET", "/sta/v1.1/{*path}", Somewhere(See)),
        ("GET", "/open311/v2/{*path}", Somewhere(See)),
        // Its clients put their token into the form, where the handler looks for it.
        ("POST", "/open311/v2/{*path}", Public),
        // What is under them but is no route says so itself, to whoever may look.
        ("GET", "/api/{*rest}", Session),
        ("GET", "/ogc/{*rest}", Session),
        ("GET", "/cap/{*rest}", Session),
    ]
};

/// True when a path fits a template: `{name}` is one part that is not empty, `{*name}` is the rest, not empty.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(first)) if part.starts_with("{*") => {
                return !first.is_empty() || given.next().is_some();
            }
            (Some(part), Some(word)) if part.starts_with('{') && !word.is_empty() => {}
            (Some(part), Some(word)) if part == word => {}
            _ => return false,
        }
    }
}

/// How many parts of a template are literal, for the closest of several that fit.
fn closeness(template: &str) -> (bool, usize) {
    (!template.contains("{*"), template.split('/').filter(|p| !p.starts_with('{')).count())
}

/// What the route of a request needs; `None` when no route of the table fits.
pub(crate) fn need(method: &Method, path: &str) -> Option<Need> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let fitting = ROUTES.iter().filter(|(m, template, _)| *m == method && fits(template, path));
    fitting.max_by_key(|(_, template, _)| closeness(template)).map(|(_, _, need)| *need)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_closest_route_decides() {
        let get = |path: &str| need(&Method::GET, path);
        assert_eq!(get("/api/cameras"), Some(Need::Somewhere(Action::SeeCamera)));
        assert_eq!(get("/api/cases/7"), Some(Need::Somewhere(Action::See)));
        assert_eq!(get("/api/nothing/at/all"), Some(Need::Session));
        assert_eq!(need(&Method::POST, "/api/nothing"), None);
        assert_eq!(need(&Method::HEAD, "/health"), Some(Need::Public));
        assert_eq!(get("/pack/a/b.glb"), Some(Need::Somewhere(Action::See)));
        assert_eq!((get("/pack"), get("/pack/"), get("/healthz"), get("//api/cases")), (None, None, None, None));
        assert_eq!((get("/api"), get("/webs/x"), need(&Method::PUT, "/api/cases/1")), (None, None, None));
        assert_eq!(get("/web/a/b.js"), Some(Need::Public));
    }

    fn sources(dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Every route that the sources register, read from the sources themselves, and every one of the OpenAPI document
    /// is in the table, and the other way round.
    #[test]
    fn every_route_is_classified() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut registered = BTreeSet::new();
        for (text, word) in files.iter().flat_map(|t| [(t, ".route("), (t, ".nest_service("), (t, ".nest(")]) {
            for rest in text.split(word).skip(1) {
                let Some(path) = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next()) else {
                    continue;
                };
                let nested = if word == ".route(" { String::new() } else { "/{*path}".to_owned() };
                registered.insert(format!("{path}{nested}"));
            }
        }
        registered.retain(|path| path.starts_with('/'));
        assert!(registered.len() > 30 && registered.contains("/pack/{*path}"), "{registered:?}");
        let table: BTreeSet<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
        let unclassified: Vec<&String> = registered.iter().filter(|p| !table.contains(p.as_str())).collect();
        assert!(unclassified.is_empty(), "not in the table of access/routes.rs: {unclassified:?}");
        let gone: Vec<&&str> = table.iter().filter(|p| !registered.contains(**p)).collect();
        assert!(gone.is_empty(), "in the table, but no route: {gone:?}");
    }

    #[tokio::test]
    async fn the_document_and_the_table_agree() {
        let axum::Json(document) = crate::openapi::document().await;
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                let at: Method = method.parse().unwrap();
                let literal = path.replace(['{', '}'], "");
                assert!(need(&at, &literal).is_some(), "{method} {path} is not classified");
                documented.insert(format!("{method} {path}"));
            }
        }
        let undocumented: Vec<String> = ROUTES
            .iter()
            .filter(|(_, path, _)| path.starts_with("/api/") && !path.contains("{*"))
            .map(|(method, path, _)| format!("{method} {path}"))
            .filter(|route| !documented.contains(route))
            .collect();
        assert!(undocumented.is_empty(), "not in the OpenAPI document: {undocumented:?}");
    }
}
