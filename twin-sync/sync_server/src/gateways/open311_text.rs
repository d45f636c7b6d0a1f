//! One answer of Open311, as JSON or as XML.

use super::open311::Problem;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde_json::{Value, json};
use std::io;

/// How an answer is written: the ending of the address says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// The address without its ending, and what the ending asks for.
    pub(super) fn of(path: &str) -> (&str, Option<Format>) {
        match path.rsplit_once('.') {
            Some((resource, "json")) => (resource, Some(Format::Json)),
            Some((resource, "xml")) => (resource, Some(Format::Xml)),
            _ => (path, None),
        }
    }
}

/// A value that both formats can hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Object(Vec<(&'static str, Node)>),
    /// A list whose elements have the name that the answer gives.
    List(Vec<Node>),
    /// A list whose elements have this name.
    Named(&'static str, Vec<Node>),
}

impl Node {
    pub(super) fn text(text: &str) -> Self {
        Node::Text(text.to_owned())
    }
    pub(super) fn object<const N: usize>(fields: [(&'static str, Node); N]) -> Self {
        Node::Object(fields.into_iter().collect())
    }

    fn json(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(b) => json!(b),
            // Whole numbers without a point, as order numbers are written.
            Node::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => json!(*n as i64),
            Node::Number(n) => json!(n),
            Node::Text(t) => json!(t),
            Node::Object(fields) => fields.iter().map(|(k, v)| ((*k).to_owned(), v.json())).collect(),
            Node::List(list) | Node::Named(_, list) => list.iter().map(Node::json).collect(),
        }
    }

    fn xml(&self, xml: &mut Writer<Vec<u8>>, name: &str, item: Option<&str>) -> io::Result<()> {
        let element = xml.create_element(name);
        let text = match self {
            Node::Null => String::new(),
            Node::Bool(b) => b.to_string(),
            Node::Number(n) => n.to_string(),
            Node::Text(t) => t.clone(),
            Node::Object(fields) => {
                element.write_inner_content(|xml| fields.iter().try_for_each(|(k, v)| v.xml(xml, k, None)))?;
                return Ok(());
            }
            Node::List(list) => return each(xml, name, item.unwrap_or("item"), list),
            Node::Named(item, list) => return each(xml, name, item, list),
        };
        // Characters that XML 1.0 cannot hold are left out.
        let fits = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
        element.write_text_content(BytesText::new(&text.chars().filter(fits).collect::<String>()))?;
        Ok(())
    }
}

fn each(xml: &mut Writer<Vec<u8>>, name: &str, item: &str, list: &[Node]) -> io::Result<()> {
    xml.create_element(name).write_inner_content(|xml| list.iter().try_for_each(|n| n.xml(xml, item, None)))?;
    Ok(())
}

/// What is answered: the name of the document, of the elements of its list, and the content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) root: &'static str,
    pub(super) item: Option<&'static str>,
    pub(super) body: Node,
}

impl Answer {
    fn xml(&self) -> io::Result<Vec<u8>> {
        let mut xml = Writer::new(Vec::new());
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        self.body.xml(&mut xml, self.root, self.item)?;
        Ok(xml.into_inner())
    }
}

fn write(status: StatusCode, answer: &Answer, format: Format) -> Response {
    match format {
        Format::Json => {
            let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
            (status, headers, answer.body.json().to_string()).into_response()
        }
        Format::Xml => match answer.xml() {
            Ok(text) => (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response(),
            Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
        },
    }
}

pub(super) fn reply(answer: &Answer, format: Format) -> Response {
    write(StatusCode::OK, answer, format)
}

pub(super) fn failure(problem: &Problem, format: Format) -> Response {
    let code = f64::from(problem.0.as_u16());
    let error = Node::object([("code", Node::Number(code)), ("description", Node::text(&problem.1))]);
    let answer = Answer { root: "errors", item: Some("error"), body: Node::List(vec![error]) };
    write(problem.0, &answer, format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_hold_hostile_text_as_text() {
        let text = "<script>&\"\u{0}\u{8}'</script>";
        let answer = Answer {
            root: "services",
            item: Some("service"),
            body: Node::List(vec![Node::object([
                ("a", Node::text(text)),
                ("b", Node::Null),
                ("c", Node::Number(2.5)),
            ])]),
        };
        let xml = String::from_utf8(answer.xml().unwrap()).unwrap();
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><services><service><a>&lt;script&gt;&amp;&quot;&apos;&lt;/script&gt;\
             </a><b></b><c>2.5</c></service></services>"
        );
        assert_eq!(answer.body.json()[0]["a"], text);
    }

    #[test]
    fn the_ending_says_the_format() {
        assert_eq!(Format::of("requests/3.xml"), ("requests/3", Some(Format::Xml)));
        assert_eq!(Format::of("services"), ("services", None));
        assert_eq!(Format::of("services/a.b.json"), ("services/a.b", Some(Format::Json)));
    }
}
