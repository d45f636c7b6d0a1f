//! Cases on their way to a server.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use sync_core::cases::ImportedCase;

/// A running server.
pub struct Server {
    base: String,
}

impl Server {
    pub fn new(base: &str) -> Self {
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(&ehttp::Request::get(format!("{}{path}", self.base)))
    }

    /// What became of each case: `{"created": id}`, `{"updated": id}`, `{"known": id}` or `{"refused": "why"}`.
    pub fn import(&self, cases: &[ImportedCase]) -> anyhow::Result<Vec<Value>> {
        let headers = ehttp::Headers::new(&[("Content-Type", "application/json")]);
        let body = json!({ "cases": cases }).to_string().into_bytes();
        let url = format!("{}/api/cases/import", self.base);
        let answer = self.ask(&ehttp::Request::new(ehttp::Method::POST, url, headers).with_body(body))?;
        match answer.get("outcomes").and_then(Value::as_array) {
            Some(list) if list.len() == cases.len() => Ok(list.clone()),
            _ => bail!("{}: an answer that does not fit what was sent", self.base),
        }
    }

    fn ask(&self, request: &ehttp::Request) -> anyhow::Result<Value> {
        let answer = ehttp::fetch_blocking(request).map_err(|e| anyhow::anyhow!("{}: {e}", self.base))?;
        let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null);
        if !answer.ok {
            bail!("{}: {}: {}", request.url, answer.status, body["error"].as_str().unwrap_or(&answer.status_text));
        }
        Some(body).filter(|b| !b.is_null()).with_context(|| format!("{}: an answer that is not JSON", request.url))
    }
}
