//! The OpenAPI document of the REST side.

use crate::{cases, gateways};
use axum::Json;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

/// (method, path, summary, query parameters, request body, answer)
pub(crate) type Row =
    (&'static str, &'static str, &'static str, &'static [&'static str], Option<&'static str>, &'static str);

/// Options of SensorThings.
const STA: [&str; 6] = ["$top", "$skip", "$count", "$expand", "$orderby", "$filter"];

const ROWS: [Row; 53] = [
    ("get", "/health", "Whether the log can be written; 503 and a reason when not", &[], None, "health"),
    ("get", "/metrics", "Counters in the Prometheus text format", &[], None, "text"),
    ("post", "/api/login", "Log in: a session cookie, or a token with `bearer`", &[], Some("Login"), "me"),
    ("post", "/api/logout", "End the session", &[], None, "object"),
    ("get", "/api/me", "Who is asking, with roles, permitted actions and grants", &[], None, "me"),
    ("get", "/api/accounts", "Accounts with their grants", &[], None, "accounts"),
    ("post", "/api/accounts", "Make an account without rights", &[], Some("NewAccount"), "object"),
    ("post", "/api/accounts/{login}/enabled", "Open or shut an account", &[], Some("Enabled"), "object"),
    ("post", "/api/accounts/{login}/grants", "All grants of an account anew", &[], Some("Grants"), "object"),
    ("get", "/api/audit", "Records of the trace, oldest first", &["after", "limit"], None, "records"),
    ("get", "/api/community", "Manifest, counts, epoch and sequence", &[], None, "object"),
    ("get", "/api/properties", "Property definitions and device classes", &[], None, "object"),
    ("get", "/api/entities", "Entities, paged", &["kind", "parent", "q", "limit", "offset"], None, "entities"),
    ("get", "/api/entities/{id}", "One entity with address, state, open alarms and cases", &[], None, "object"),
    ("get", "/api/search", "Search over the address spine", &["q", "limit"], None, "hits"),
    ("get", "/api/state", "Latest values with age and quality", &["entity", "property"], None, "state"),
    (
        "get",
        "/api/history/{entity}/{property}",
        "Points [observed at ms, value, quality], oldest first; the newest `limit` of the span",
        &["from", "to", "limit"],
        None,
        "points",
    ),
    ("get", "/api/alarms", "Alarms, newest first", &["open"], None, "alarms"),
    ("post", "/api/alarms/{id}/ack", "Acknowledge an alarm", &[], None, "alarm"),
    ("get", "/api/rules", "Alarm rules in force, with grouping and calendar", &[], None, "rules"),
    (
        "post",
        "/api/rules/test",
        "Try a rule on the history of from..to",
        &[],
        Some("RuleTest"),
        "alarms it would raise",
    ),
    (
        "post",
        "/api/rules/{key}/return_to_service",
        "Take a rule at an entity back into service",
        &[],
        Some("OfEntity"),
        "alarm",
    ),
    ("get", "/api/alarms/figures", "Alarm figures after EEMUA 191 and ISA-18.2", &["from", "to"], None, "figures"),
    ("get", "/api/alarms/out_of_service", "Rules out of service, by entity", &[], None, "out_of_service"),
    (
        "post",
        "/api/alarms/{id}/operate",
        "Acknowledge, shelve, unshelve, reset, take out of service or back; 409 when its state does not allow it",
        &[],
        Some("AlarmOperation"),
        "alarm",
    ),
    ("post", "/api/alarms/{id}/shelve", "Shelve an alarm for a time, with a reason", &[], Some("Shelve"), "alarm"),
    ("post", "/api/alarms/{id}/unshelve", "End the shelving of an alarm", &[], None, "alarm"),
    ("get", "/api/incidents", "Floods of alarms as incidents, newest first", &["open"], None, "incidents"),
    ("get", "/api/incidents/{id}", "One incident with its alarms", &[], None, "incident"),
    ("get", "/api/commands", "Commands to devices, newest first", &[], None, "commands"),
    ("post", "/api/commands", "Give a device a command", &[], Some("NewDeviceCommand"), "command"),
    ("post", "/api/commands/{id}/confirm", "Confirm a command as the second person", &[], None, "command"),
    ("post", "/api/commands/{id}/withdraw", "Withdraw a command before it is confirmed", &[], None, "command"),
    ("get", "/api/cameras", "Cameras with pose and online state", &[], None, "cameras"),
    ("get", "/api/dead_letters", "Messages that could not be used, newest first", &["limit"], None, "dead_letters"),
    ("get", "/api/runs", "Runs, newest first", &[], None, "runs"),
    ("post", "/api/runs", "Start a run", &[], Some("RunScenario"), "run"),
    ("get", "/api/runs/{id}", "One run", &[], None, "run"),
    ("delete", "/api/runs/{id}", "Cancel a run", &[], None, "run"),
    (
        "post",
        "/api/runs/{id}/edits",
        "Build something in a run that goes on; answers when it took effect",
        &[],
        Some("Edits"),
        "run",
    ),
    ("get", "/ogc", "OGC API - Features: landing page", &[], None, "landing page"),
    ("get", "/ogc/api", "OGC API - Features: its part of this document, as OpenAPI 3.0", &[], None, "OpenAPI 3.0"),
    ("get", "/ogc/conformance", "OGC API - Features: conformance classes", &[], None, "conformance"),
    ("get", "/ogc/collections", "Collections: one for each kind of entity, alarms, cases", &[], None, "collections"),
    ("get", "/ogc/collections/{collection}", "One collection with its extent", &[], None, "collection"),
    (
        "get",
        "/ogc/collections/{collection}/items",
        "GeoJSON features (CRS84), streamed; entities filter by code, class, name, parent, alarms by severity, state, \
         property, entity, cases by class, stage, grid, entity",
        &[
            "bbox", "datetime", "limit", "offset", "code", "class", "name", "parent", "severity", "state", "property",
            "entity", "stage", "grid",
        ],
        None,
        "GeoJSON feature collection",
    ),
    ("get", "/ogc/collections/{collection}/items/{item}", "One GeoJSON feature", &[], None, "GeoJSON feature"),
    ("get", "/cap", "Atom feed of the open and predicted alarms as CAP 1.2 alerts", &[], None, "Atom"),
    ("get", "/cap/alerts/{alert}", "One CAP 1.2 alert", &[], None, "CAP 1.2"),
    ("get", "/sta/v1.1", "OGC SensorThings API 1.1, reading: the entity sets", &[], None, "entity sets"),
    ("get", "/sta/v1.1/{set}", "Entities of a set, or one: Set(id)", &STA, None, "entities"),
    ("get", "/sta/v1.1/{set}/{related}", "What hangs on an entity: Set(id)/Name", &STA, None, "entities"),
    ("get", "/ws", "Viewer WebSocket, sub-protocol twin.v1 (not REST; see the folder's README)", &[], None, "upgrade"),
];

/// Media type of [`features_document`].
pub(crate) const OPENAPI_3_0: &str = "application/vnd.oai.openapi+json;version=3.0";

fn paths(wanted: impl Fn(&Row) -> bool) -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    for row in ROWS.iter().chain(&cases::OPENAPI).chain(&gateways::OPEN311_OPENAPI).filter(|row| wanted(row)) {
        let path = paths.entry(row.1).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(row.0.to_owned(), operation(row));
        }
    }
    paths
}

/// `GET /openapi.json`
pub(crate) async fn document() -> Json<Value> {
    Json(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sandtable",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Live state, alarms, grid cases and simulation runs of one community. Times are ms since \
                1970 UTC; positions are ENU metres at the community's origin. Errors are {\"error\": \"one line\"}. \
                The gateways (/ogc, /cap, /sta, /open311) have the times and positions of their standards. On a server with \
                accounts everything but /health, /openapi.json, /web/ and /api/login needs a session or a token, and \
                shows what lies within the caller's jurisdiction: 401 without, 403 where rights do not reach, and for a \
                thing outside of the jurisdiction what is said of one that does not exist.",
        },
        "security": [{ "bearer": [] }, { "session": [] }],
        "paths": paths(|_| true),
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "sandtable_session" },
            },
        },
    }))
}

/// `GET /ogc/api`: the part that OGC API - Features describes, as OpenAPI 3.0, which is all that its clients look for.
pub(crate) async fn features_document() -> impl IntoResponse {
    let document = json!({
        "openapi": "3.0.3",
        "info": { "title": "Sandtable: OGC API - Features", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths(|row| row.1.starts_with("/ogc")),
        "components": { "schemas": { "Error": schemas()["Error"] } },
    });
    ([(header::CONTENT_TYPE, OPENAPI_3_0)], document.to_string())
}

fn operation((_, path, summary, query, body, answer): &Row) -> Value {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        named.map(|n| json!({ "name": n, "in": "path", "required": true, "schema": { "type": "string" } })).collect();
    parameters.extend(query.iter().map(|n| json!({ "name": n, "in": "query", "schema": { "type": "string" } })));
    let error = json!({
        "description": "Refused",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let mut operation = json!({
        "summary": summary,
        "parameters": parameters,
        "responses": { "2XX": { "description": answer }, "default": error },
    });
    if let (Some(schema), Some(map)) = (body, operation.as_object_mut()) {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        let content = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        map.insert("requestBody".to_owned(), content);
    }
    operation
}

/// Names of the moves of a case: those that are words, or those with details.
fn case_actions(with_details: bool) -> Value {
    let all = twin_model::CaseAction::KINDS.iter().map(|a| (a.name(), json!(a)));
    let fit = all.filter(|(_, text)| text.is_object() == with_details);
    if with_details {
        fit.map(|(name, _)| (name.to_owned(), json!({ "type": "object" }))).collect()
    } else {
        fit.map(|(name, _)| name).collect()
    }
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "Error": { "type": "object", "required": ["error"], "properties": { "error": text } },
        "Login": {
            "type": "object",
            "required": ["login", "password"],
            "properties": {
                "login": text,
                "password": text,
                "code": { "description": "six digits of the second factor", "type": "string" },
                "bearer": { "description": "true for a token in the answer instead of a cookie", "type": "boolean" },
            },
        },
        "NewAccount": {
            "type": "object",
            "required": ["login", "display_name", "password"],
            "properties": { "login": text, "display_name": text, "password": text },
        },
        "Enabled": { "type": "object", "required": ["enabled"], "properties": { "enabled": { "type": "boolean" } } },
        "Grants": {
            "type": "object",
            "required": ["grants"],
            "properties": { "grants": { "type": "array", "items": { "$ref": "#/components/schemas/Grant" } } },
        },
        "Grant": {
            "type": "object",
            "required": ["role", "jurisdiction"],
            "properties": {
                "role": { "enum": ::access::Role::ALL },
                "jurisdiction": { "description": "*, digits of a division or grid code, or below:CODE", "type": "string" },
                "classes": { "description": "kinds and device_classes; empty for all", "type": "object" },
                "fields": { "type": "array", "items": { "enum": ::access::Field::ALL } },
                "from": { "type": ["integer", "null"] },
                "to": { "type": ["integer", "null"] },
            },
        },
        "NewCase": {
            "type": "object",
            "required": ["class", "title"],
            "properties": {
                "class": text,
                "title": text,
                "description": text,
                "entity": { "type": ["integer", "null"] },
                "p_enu": { "type": ["array", "null"], "items": { "type": "number" }, "minItems": 3, "maxItems": 3 },
            },
        },
        "Shelve": {
            "type": "object",
            "required": ["minutes", "reason"],
            "properties": { "minutes": { "type": "integer", "minimum": 1, "maximum": 10_080 }, "reason": text },
        },
        "AlarmOperation": {
            "description": "\"acknowledge\", \"unshelve\", \"reset\", \"return_to_service\", {\"shelve\": {minutes, reason}} or \
                {\"take_out_of_service\": {reason}}",
        },
        "OfEntity": {
            "type": "object",
            "required": ["entity"],
            "properties": { "entity": { "type": "integer" } },
        },
        "RuleTest": {
            "type": "object",
            "required": ["rule", "from", "to"],
            "properties": {
                "rule": { "description": "as in rules.toml, as JSON", "type": "object" },
                "from": { "type": "integer" },
                "to": { "type": "integer" },
            },
        },
        "NewDeviceCommand": {
            "type": "object",
            "required": ["device", "name", "expires_s"],
            "properties": {
                "device": { "type": "integer" },
                "name": text,
                "value": { "type": ["number", "null"] },
                "expires_s": { "type": "integer", "minimum": 1, "maximum": 3600 },
                "two_person": { "type": "boolean" },
            },
        },
        "Move": {
            "type": "object",
            "required": ["action"],
            "properties": {
                "action": {
                    "description": "a word, or an object for those with details: {\"dispatch\":{\"department\":3}}, \
                        {\"request_extension\":{\"work_min\":240}}, {\"rate\":{\"satisfaction\":5}}, \
                        {\"mark_duplicate\":{\"of\":17}}",
                    "oneOf": [{ "enum": case_actions(false) }, { "type": "object", "properties": case_actions(true) }],
                },
                "note": text,
            },
        },
        "ImportedCases": {
            "type": "object",
            "required": ["cases"],
            "properties": { "cases": { "type": "array", "maxItems": 1000, "items": {
                "type": "object",
                "required": ["class", "title", "source", "reported_at"],
                "properties": {
                    "class": text,
                    "title": text,
                    "description": text,
                    "p_enu": { "type": ["array", "null"], "items": { "type": "number" }, "minItems": 3, "maxItems": 3 },
                    "source": { "type": "object", "properties": { "system": text, "id": text } },
                    "reported_at": { "type": "integer" },
                    "placed": { "enum": ["given", "mapped", "unlocated"] },
                    "moves": { "type": "array", "items": { "type": "object" } },
                },
            } } },
        },
        "Scenario": {
            "type": "object",
            "required": ["name", "duration_s", "frame_interval_s", "cell_m"],
            "properties": {
                "name": text,
                "base": { "description": "\"live\", \"none\", or an object: a hindcast or the state of another run" },
                "duration_s": { "type": "number", "minimum": 1, "maximum": 604_800 },
                "frame_interval_s": { "type": "number", "minimum": 1 },
                "cell_m": { "type": "number", "minimum": 0.5, "maximum": 50 },
                "seed": { "type": "integer", "minimum": 0 },
                "forcing": { "type": "object" },
                "interventions": { "type": "array", "items": { "$ref": "#/components/schemas/Intervention" } },
                "edits": { "type": "array", "items": { "type": "object" } },
            },
        },
        "RunScenario": {
            "oneOf": [
                { "$ref": "#/components/schemas/Scenario" },
                { "$ref": "#/components/schemas/EvacuationScenario" },
            ],
        },
        "EvacuationScenario": {
            "type": "object",
            "required": ["kind", "name", "duration_s"],
            "properties": {
                "kind": { "const": "evacuation" },
                "name": text,
                "building": { "description": "name of a plan of the pack; may be left out where there is one", "type": "string" },
                "duration_s": { "type": "number", "minimum": 10, "maximum": 36_000 },
                "frame_interval_s": { "type": "number", "minimum": 1 },
                "seed": { "type": "integer", "minimum": 0 },
                "members": { "type": "integer", "minimum": 1, "maximum": 1000 },
                "fire": { "type": "object" },
                "live": { "description": "detector signals and people counts that the run starts from", "type": "object" },
                "people": { "type": "object" },
                "interventions": { "type": "array", "items": { "type": "object" } },
            },
        },
        "Intervention": {
            "type": "object",
            "required": ["kind"],
            "properties": { "kind": { "enum": ["barrier", "gate", "pump", "culvert", "ground"] } },
        },
        "Edits": {
            "type": "object",
            "required": ["interventions"],
            "properties": {
                "interventions": { "type": "array", "items": { "$ref": "#/components/schemas/Intervention" } },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_document_names_path_parameters_and_bodies() {
        let Json(document) = document().await;
        let history = &document["paths"]["/api/history/{entity}/{property}"]["get"]["parameters"];
        assert_eq!((history[0]["name"].as_str(), history[1]["in"].as_str()), (Some("entity"), Some("path")));
        let cases = &document["paths"]["/api/cases"];
        assert!(cases["get"].is_object() && cases["post"]["requestBody"].is_object());
    }
}
