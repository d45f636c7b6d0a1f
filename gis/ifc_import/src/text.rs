//! The envelope of a STEP file and the encoding of its text.

use crate::{IfcError, TextEncoding};
use std::borrow::Cow;

const END: &[u8] = b"END-ISO-10303-21";

/// Checks the first and the last line.
pub(crate) fn check_envelope(bytes: &[u8]) -> Result<(), IfcError> {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if !start.get(..13).is_some_and(|b| b.eq_ignore_ascii_case(b"ISO-10303-21;")) {
        let hint = match bytes {
            [] => " (the file is empty)",
            [b'P', b'K', ..] => " (a ZIP archive: unpack the .ifczip first)",
            [b'{', ..] => " (JSON: IFCX and ifcJSON are not supported)",
            [b'<', ..] => " (XML: ifcXML is not supported)",
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => " (UTF-16 text: save it as UTF-8)",
            _ => "",
        };
        return Err(IfcError::NotIfc { hint });
    }
    let tail = bytes.get(bytes.len().saturating_sub(4096)..).unwrap_or(bytes);
    if tail.windows(END.len()).any(|w| w.eq_ignore_ascii_case(END)) {
        return Ok(());
    }
    Err(IfcError::CutShort { bytes: bytes.len(), last_record: last_record(bytes) })
}

/// The number of the last record that ends with a semicolon.
fn last_record(bytes: &[u8]) -> String {
    let complete = bytes.iter().rposition(|b| *b == b';').unwrap_or(0);
    let lines = bytes.get(..complete).unwrap_or_default().split(|b| *b == b'\n').rev();
    for line in lines.map(<[u8]>::trim_ascii_start) {
        if let Some(rest) = line.strip_prefix(b"#") {
            let digits: String = rest.iter().take_while(|b| b.is_ascii_digit()).map(|b| char::from(*b)).collect();
            return format!("#{digits}");
        }
    }
    "(none)".into()
}

/// The file as UTF-8. GBK must be transcoded before a STEP tokeniser sees it: its second bytes include the backslash.
pub(crate) fn to_utf8(bytes: &[u8]) -> (Cow<'_, [u8]>, TextEncoding) {
    if std::str::from_utf8(bytes).is_ok() {
        return (Cow::Borrowed(bytes), TextEncoding::Utf8);
    }
    if looks_like_gbk(bytes) {
        let (text, _, bad) = encoding_rs::GB18030.decode(bytes);
        if !bad {
            return (Cow::Owned(text.into_owned().into_bytes()), TextEncoding::Gb18030);
        }
    }
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(bytes);
    (Cow::Owned(text.into_owned().into_bytes()), TextEncoding::Windows1252)
}

/// Chinese text is mostly pairs of two high bytes (the GB 2312 plane: lead B0–F7, trail A1–FE); western text has single
/// high bytes between ASCII letters.
fn looks_like_gbk(bytes: &[u8]) -> bool {
    let (mut pairs, mut singles, mut at) = (0_usize, 0_usize, 0_usize);
    while let Some(&b) = bytes.get(at) {
        if b < 0x80 {
            at += 1;
            continue;
        }
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        if (0x81..=0xFE).contains(&b) && next >= 0xA1 {
            pairs += 1;
            at += 2;
        } else if (0x81..=0xFE).contains(&b) && (0x40..=0xFE).contains(&next) && next != 0x7F {
            singles += 1;
            at += 2;
        } else {
            singles += 2;
            at += 1;
        }
    }
    pairs > singles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gbk_is_told_from_western_text() {
        let (gbk, _, _) = encoding_rs::GBK.encode("#1=IFCBUILDING('x',$,'柳岸花园一号楼 镕錦',$);");
        let (text, encoding) = to_utf8(&gbk);
        assert_eq!(encoding, TextEncoding::Gb18030);
        assert_eq!(String::from_utf8(text.into_owned()).unwrap(), "#1=IFCBUILDING('x',$,'柳岸花园一号楼 镕錦',$);");
        let (western, _, _) = encoding_rs::WINDOWS_1252.encode("#1=IFCWALL('x',$,'Außenwand Süd, Geländer',$);");
        let (text, encoding) = to_utf8(&western);
        assert_eq!(encoding, TextEncoding::Windows1252);
        assert!(String::from_utf8(text.into_owned()).unwrap().contains("Außenwand Süd, Geländer"));
        assert_eq!(to_utf8("'楼'".as_bytes()).1, TextEncoding::Utf8);
    }

    #[test]
    fn a_cut_file_names_the_last_whole_record() {
        let file = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=IFCX($);\n#22= IFCY($);\n#3=IFCZ('a";
        let error = check_envelope(file).unwrap_err();
        assert_eq!(error, IfcError::CutShort { bytes: file.len(), last_record: "#22".into() });
        assert!(check_envelope(b"PK\x03\x04").unwrap_err().to_string().contains("ifczip"));
        assert!(check_envelope(b"").is_err());
        assert!(check_envelope(b"ISO-10303-21;\nEND-ISO-10303-21;\n").is_ok());
    }
}
