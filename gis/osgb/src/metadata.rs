//! `metadata.xml` beside a delivery: in which coordinate system its vertices are, and what to add to them.

use std::fmt::Write as _;

/// The coordinate system of a delivery, in the spellings found in practice.
#[derive(Debug, Clone, PartialEq)]
pub enum Srs {
    /// `EPSG:4547`, or `EPSG:4547+5773` with a vertical system.
    Epsg {
        /// Horizontal (or compound) code.
        code: u32,
        /// Vertical code.
        vertical: Option<u32>,
    },
    /// `ENU:lat,lon`: metres east, north and up of a point. Latitude comes first.
    Enu {
        /// Latitude, degrees, -90..=90.
        lat_deg: f64,
        /// Longitude, degrees, -180..=180.
        lon_deg: f64,
    },
    /// `Local...`: no place on Earth; the text is kept.
    Local(String),
    /// WKT (also the content of a `.prj` file).
    Wkt(String),
    /// Nothing stated.
    Missing,
}

/// Content of `metadata.xml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Coordinate system of vertex + origin.
    pub srs: Srs,
    /// `SRSOrigin`: added to every vertex, in units of the coordinate system (metres for ENU and projected systems).
    pub origin: [f64; 3],
}

/// Why a `metadata.xml` could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// There is no `ModelMetadata` element.
    #[error("metadata.xml has no <ModelMetadata> element")]
    NotMetadata,
    /// An element is opened but not closed.
    #[error("metadata.xml: element <{0}> is not closed")]
    Unclosed(&'static str),
    /// The text of SRS is none of the known spellings.
    #[error("metadata.xml: SRS {0:?} is not EPSG:code, EPSG:code+code, ENU:lat,lon, Local, WKT or empty")]
    Srs(String),
    /// The origin is not three finite numbers.
    #[error("metadata.xml: SRSOrigin {0:?} is not three numbers separated by commas")]
    Origin(String),
}

/// Reads `metadata.xml`. Text that is not UTF-8 is read with replacement characters; a missing `SRS` gives
/// [`Srs::Missing`] and a missing `SRSOrigin` gives zeros.
///
/// # Errors
/// Names the element that cannot be read and its text.
pub fn parse(xml: &[u8]) -> Result<Metadata, MetadataError> {
    let text = without_comments(&decode_text(xml));
    if !text.contains("<ModelMetadata") {
        return Err(MetadataError::NotMetadata);
    }
    let srs = match element(&text, "SRS")? {
        Some(text) => parse_srs(&text)?,
        None => Srs::Missing,
    };
    let origin = match element(&text, "SRSOrigin")? {
        Some(text) if !text.is_empty() => numbers::<3>(&text).ok_or(MetadataError::Origin(text))?,
        _ => [0.0; 3],
    };
    Ok(Metadata { srs, origin })
}

/// Reads the text of the `SRS` element.
///
/// # Errors
/// When the text is none of the known spellings or a number in it is out of range.
pub fn parse_srs(text: &str) -> Result<Srs, MetadataError> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let bad = || MetadataError::Srs(text.to_owned());
    if text.is_empty() || upper == "NONE" {
        return Ok(Srs::Missing);
    }
    if let Some(codes) = upper.strip_prefix("EPSG:") {
        let mut parts = codes.split('+').map(|part| part.trim().trim_start_matches("EPSG:").parse::<u32>().ok());
        let code = parts.next().flatten().ok_or_else(bad)?;
        let vertical = match parts.next() {
            Some(vertical) => Some(vertical.ok_or_else(bad)?),
            None => None,
        };
        return if parts.next().is_none() { Ok(Srs::Epsg { code, vertical }) } else { Err(bad()) };
    }
    if let Some(place) = upper.strip_prefix("ENU:") {
        let [lat_deg, lon_deg] = numbers::<2>(place).ok_or_else(bad)?;
        if lat_deg.abs() > 90.0 || lon_deg.abs() > 180.0 {
            return Err(bad());
        }
        return Ok(Srs::Enu { lat_deg, lon_deg });
    }
    if upper.starts_with("LOCAL") && !upper.contains('[') {
        return Ok(Srs::Local(text.to_owned()));
    }
    const WKT: [&str; 8] = ["PROJCS", "GEOGCS", "GEOCCS", "COMPD_CS", "LOCAL_CS", "PROJCRS", "GEOGCRS", "COMPOUNDCRS"];
    if WKT.iter().any(|start| upper.starts_with(start)) && text.contains('[') {
        return Ok(Srs::Wkt(text.to_owned()));
    }
    Err(bad())
}

/// Writes `metadata.xml` as ContextCapture does.
#[must_use]
pub fn write(metadata: &Metadata) -> String {
    let srs = match &metadata.srs {
        Srs::Epsg { code, vertical: None } => format!("EPSG:{code}"),
        Srs::Epsg { code, vertical: Some(vertical) } => format!("EPSG:{code}+{vertical}"),
        Srs::Enu { lat_deg, lon_deg } => format!("ENU:{lat_deg},{lon_deg}"),
        Srs::Local(text) | Srs::Wkt(text) => text.clone(),
        Srs::Missing => String::new(),
    };
    let [x, y, z] = metadata.origin;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ModelMetadata version=\"1\">\n");
    // Writing to a String cannot fail.
    let outcome = write!(
        out,
        "\t<!--Spatial Reference System-->\n\t<SRS>{}</SRS>\n\t<!--Origin in Spatial Reference System-->\n\t<SRSOrigin>{x},{y},{z}</SRSOrigin>\n",
        escape(&srs)
    );
    debug_assert!(outcome.is_ok());
    out.push_str("\t<Texture>\n\t\t<ColorSource>Visible</ColorSource>\n\t</Texture>\n</ModelMetadata>\n");
    out
}

/// UTF-8 (with or without byte order mark) or UTF-16 with byte order mark.
fn decode_text(bytes: &[u8]) -> String {
    let units = |big: bool| -> String {
        let pair = |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
        let words = bytes.get(2..).unwrap_or_default().chunks_exact(2).map(pair);
        char::decode_utf16(words).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xFE, 0xFF, ..] => units(true),
        [0xFF, 0xFE, ..] => units(false),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    out
}

/// Text of the first element of that name, without surrounding space.
fn element(text: &str, name: &'static str) -> Result<Option<String>, MetadataError> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        let Some(tail) = after.strip_prefix(name) else {
            continue;
        };
        if !tail.starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace()) {
            continue;
        }
        let Some((attributes, body)) = tail.split_once('>') else {
            return Err(MetadataError::Unclosed(name));
        };
        if attributes.trim_end().ends_with('/') {
            return Ok(Some(String::new()));
        }
        let Some((content, _)) = body.split_once(&format!("</{name}")) else {
            return Err(MetadataError::Unclosed(name));
        };
        return Ok(Some(unescape(content).trim().to_owned()));
    }
    Ok(None)
}

fn unescape(text: &str) -> String {
    let text = text.trim();
    if let Some(raw) = text.strip_prefix("<![CDATA[").and_then(|t| t.strip_suffix("]]>")) {
        return raw.to_owned();
    }
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    named.replace("&#34;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let mut out = [0.0; N];
    let mut parts = text.split([',', ';']).map(str::trim);
    for slot in &mut out {
        *slot = parts.next()?.parse().ok().filter(|x: &f64| x.is_finite())?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(srs: &str, origin: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\"?><ModelMetadata version=\"1\"><!--<SRS>EPSG:1</SRS>--><SRS>{srs}</SRS><SRSOrigin>{origin}</SRSOrigin></ModelMetadata>").into_bytes()
    }

    #[test]
    fn the_six_spellings() {
        let srs = |text: &str| parse(&with(text, "1,2,3")).map(|m| m.srs);
        assert_eq!(srs("EPSG:4547"), Ok(Srs::Epsg { code: 4547, vertical: None }));
        assert_eq!(srs(" epsg:4547+5773 "), Ok(Srs::Epsg { code: 4547, vertical: Some(5773) }));
        assert_eq!(srs("ENU:30.5,114.25"), Ok(Srs::Enu { lat_deg: 30.5, lon_deg: 114.25 }));
        assert_eq!(srs("LOCAL coordinates"), Ok(Srs::Local("LOCAL coordinates".into())));
        assert_eq!(srs(""), Ok(Srs::Missing));
        assert_eq!(srs("PROJCS[&quot;x&quot;]"), Ok(Srs::Wkt("PROJCS[\"x\"]".into())));
    }

    #[test]
    fn origin_and_absent_elements() {
        assert_eq!(parse(&with("", "550901.5, 3360977, -2")).map(|m| m.origin), Ok([550901.5, 3360977.0, -2.0]));
        let bare = Metadata { srs: Srs::Missing, origin: [0.0; 3] };
        assert_eq!(parse(b"<ModelMetadata/>"), Ok(bare));
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(parse(b"<html/>"), Err(MetadataError::NotMetadata));
        assert_eq!(parse(&with("EPSG:abc", "0,0,0")), Err(MetadataError::Srs("EPSG:abc".into())));
        assert_eq!(parse(&with("ENU:114.3,30", "0,0,0")), Err(MetadataError::Srs("ENU:114.3,30".into())));
        assert_eq!(parse(&with("", "1,2")), Err(MetadataError::Origin("1,2".into())));
        assert_eq!(parse(b"<ModelMetadata><SRS>x"), Err(MetadataError::Unclosed("SRS")));
    }

    #[test]
    fn writing_reads_back() {
        for srs in [
            Srs::Epsg { code: 4549, vertical: Some(5737) },
            Srs::Enu { lat_deg: 31.2304, lon_deg: 121.4737 },
            Srs::Local("Local".into()),
            Srs::Wkt("PROJCS[\"a<b & c\"]".into()),
            Srs::Missing,
        ] {
            let metadata = Metadata { srs, origin: [1.25, -2.5, 1e6] };
            assert_eq!(parse(write(&metadata).as_bytes()), Ok(metadata));
        }
    }
}
