//! One warning as a Common Alerting Protocol 1.2 document (OASIS, CAP-v1.2-os, 1 July 2010), and as an entry of an
//! Atom feed (RFC 4287).

use super::instant::{cap_text, utc_text};
use crate::options::AlertStatus;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;
use twin_model::{Severity, TimeMs};

const CAP_NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";
const ATOM_NAMESPACE: &str = "http://www.w3.org/2005/Atom";
pub(super) const CAP_TYPE: &str = "application/cap+xml";

/// Where it applies.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Area {
    /// Closed ring of longitude and latitude.
    Polygon(Vec<[f64; 2]>),
    /// A point; written as a circle of radius 0 as the standard's own example does.
    Point([f64; 2]),
}

/// What is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Warning {
    /// Its name in the addresses of this server.
    pub(super) key: String,
    pub(super) sender: String,
    pub(super) identifier: String,
    pub(super) sent: TimeMs,
    pub(super) status: AlertStatus,
    /// Alert, Update or Cancel.
    pub(super) kind: &'static str,
    pub(super) note: Option<String>,
    /// Identifier and time of the message that this one follows.
    pub(super) follows: Option<(String, TimeMs)>,
    pub(super) category: &'static str,
    pub(super) event: String,
    pub(super) urgency: &'static str,
    pub(super) severity: Severity,
    pub(super) certainty: &'static str,
    pub(super) onset: TimeMs,
    pub(super) expires: Option<TimeMs>,
    pub(super) sender_name: String,
    pub(super) headline: String,
    pub(super) description: String,
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) area_name: String,
    pub(super) area: Area,
    /// (name of the code system, code)
    pub(super) geocodes: Vec<(&'static str, String)>,
}

/// 一级 to 四级, red to blue in Chinese warnings, in the order of CAP's degrees (§3.2.2). The pairing is ours: CAP leaves
/// the judgement to the sender.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Extreme",
        Severity::Major => "Severe",
        Severity::Minor => "Moderate",
        Severity::Notice => "Minor",
    }
}

/// CAP's category (§3.2.2: flooding is Met) of what the property measures.
pub(super) fn category(property: &str) -> &'static str {
    const WORDS: [(&str, &str); 15] = [
        ("smoke", "Fire"),
        ("gas", "Fire"),
        ("temperature", "Fire"),
        ("water_level", "Met"),
        ("ponding", "Met"),
        ("rain", "Met"),
        ("trapped", "Rescue"),
        ("pm25", "Env"),
        ("noise", "Env"),
        ("bin_level", "Env"),
        ("battery", "Infra"),
        ("fault", "Infra"),
        ("pressure", "Infra"),
        ("tilt", "Infra"),
        ("voltage", "Infra"),
    ];
    WORDS.iter().find(|(word, _)| property.contains(word)).map_or("Other", |(_, category)| category)
}

fn status_word(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Actual => "Actual",
        AlertStatus::Exercise => "Exercise",
        AlertStatus::Test => "Test",
    }
}

type Xml = Writer<Vec<u8>>;

/// Starts a document.
fn document() -> io::Result<Xml> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    Ok(xml)
}

/// An element with text; characters that XML 1.0 cannot hold are left out.
fn put(xml: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    let fits = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    let text: String = text.chars().filter(fits).collect();
    xml.create_element(name).write_text_content(BytesText::new(&text))?;
    Ok(())
}

fn pair(xml: &mut Xml, name: &str, key: &str, value: &str) -> io::Result<()> {
    xml.create_element(name).write_inner_content(|xml| {
        put(xml, "valueName", key)?;
        put(xml, "value", value)
    })?;
    Ok(())
}

impl Warning {
    /// The CAP document. Elements stand in the order of the standard's schema.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub(super) fn to_xml(&self) -> io::Result<Vec<u8>> {
        let mut xml = document()?;
        xml.create_element("alert").with_attribute(("xmlns", CAP_NAMESPACE)).write_inner_content(|xml| {
            put(xml, "identifier", &self.identifier)?;
            put(xml, "sender", &self.sender)?;
            put(xml, "sent", &cap_text(self.sent))?;
            put(xml, "status", status_word(self.status))?;
            put(xml, "msgType", self.kind)?;
            put(xml, "source", "sandtable")?;
            put(xml, "scope", "Restricted")?;
            put(xml, "restriction", "社区值守与应急人员")?;
            if let Some(note) = &self.note {
                put(xml, "note", note)?;
            }
            if let Some((identifier, sent)) = &self.follows {
                put(xml, "references", &format!("{},{identifier},{}", self.sender, cap_text(*sent)))?;
            }
            xml.create_element("info").write_inner_content(|xml| self.write_info(xml))?;
            Ok(())
        })?;
        Ok(xml.into_inner())
    }

    fn write_info(&self, xml: &mut Xml) -> io::Result<()> {
        put(xml, "language", "zh-CN")?;
        put(xml, "category", self.category)?;
        put(xml, "event", &self.event)?;
        put(xml, "urgency", self.urgency)?;
        put(xml, "severity", severity_word(self.severity))?;
        put(xml, "certainty", self.certainty)?;
        put(xml, "effective", &cap_text(self.sent))?;
        put(xml, "onset", &cap_text(self.onset))?;
        if let Some(expires) = self.expires {
            put(xml, "expires", &cap_text(expires))?;
        }
        put(xml, "senderName", &self.sender_name)?;
        put(xml, "headline", &self.headline)?;
        put(xml, "description", &self.description)?;
        for (key, value) in &self.parameters {
            pair(xml, "parameter", key, value)?;
        }
        xml.create_element("area").write_inner_content(|xml| {
            put(xml, "areaDesc", &self.area_name)?;
            match &self.area {
                // CAP writes latitude first.
                Area::Polygon(ring) => {
                    let points: Vec<String> = ring.iter().map(|[lon, lat]| format!("{lat},{lon}")).collect();
                    put(xml, "polygon", &points.join(" "))?;
                }
                Area::Point([lon, lat]) => put(xml, "circle", &format!("{lat},{lon} 0"))?,
            }
            for (key, value) in &self.geocodes {
                pair(xml, "geocode", key, value)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn write_entry(&self, xml: &mut Xml, base: &str) -> io::Result<()> {
        put(xml, "id", &format!("urn:sandtable:cap:{}", self.identifier))?;
        put(xml, "title", &self.headline)?;
        put(xml, "updated", &utc_text(self.sent))?;
        put(xml, "summary", &self.description)?;
        let href = format!("{base}/cap/alerts/{}", self.key);
        let link = xml.create_element("link").with_attribute(("rel", "alternate")).with_attribute(("type", CAP_TYPE));
        link.with_attribute(("href", href.as_str())).write_empty()?;
        xml.create_element("category").with_attribute(("term", self.category)).write_empty()?;
        Ok(())
    }
}

/// The Atom feed of some warnings.
///
/// # Errors
/// None in practice: it is written to memory.
pub(super) fn atom(sender: &str, title: &str, base: &str, updated: TimeMs, list: &[Warning]) -> io::Result<Vec<u8>> {
    let mut xml = document()?;
    xml.create_element("feed").with_attribute(("xmlns", ATOM_NAMESPACE)).write_inner_content(|xml| {
        put(xml, "id", &format!("urn:sandtable:cap:{sender}"))?;
        put(xml, "title", title)?;
        put(xml, "updated", &utc_text(updated))?;
        xml.create_element("author").write_inner_content(|xml| put(xml, "name", title))?;
        let link = xml.create_element("link").with_attribute(("rel", "self"));
        link.with_attribute(("href", format!("{base}/cap").as_str())).write_empty()?;
        for warning in list {
            xml.create_element("entry").write_inner_content(|xml| warning.write_entry(xml, base))?;
        }
        Ok(())
    })?;
    Ok(xml.into_inner())
}
