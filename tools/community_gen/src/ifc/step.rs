//! A small writer of STEP physical files (ISO 10303-21).

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Number of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub usize);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The data section in the making.
#[derive(Default)]
pub struct Step {
    data: String,
    count: usize,
}

impl Step {
    /// Adds an instance such as `IFCDIRECTION((0.,0.,1.))`.
    pub fn add(&mut self, body: &str) -> Id {
        self.count += 1;
        self.data.push_str(&format!("#{}={body};\n", self.count));
        Id(self.count)
    }

    /// Number of instances so far.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// The whole file.
    pub fn file(&self, name: &str, description: &str) -> String {
        format!(
            "ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION(({}),'2;1');\nFILE_NAME({},'2026-01-01T00:00:00',(''),(''),'sandtable community_gen','sandtable community_gen','');\nFILE_SCHEMA(('IFC4'));\nENDSEC;\nDATA;\n{}ENDSEC;\nEND-ISO-10303-21;\n",
            text(description),
            text(name),
            self.data
        )
    }
}

/// A string literal: ASCII as it is, everything else as `\X2\` UTF-16.
pub fn text(s: &str) -> String {
    let mut out = String::from("'");
    let mut wide = false;
    for c in s.chars() {
        let plain = c.is_ascii() && !c.is_ascii_control();
        if plain == wide {
            out.push_str(if wide { "\\X0\\" } else { "\\X2\\" });
            wide = !wide;
        }
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            c if plain => out.push(c),
            c => {
                let mut buffer = [0u16; 2];
                for unit in c.encode_utf16(&mut buffer) {
                    // writing to a String cannot fail
                    if write!(out, "{unit:04X}").is_err() {
                        break;
                    }
                }
            }
        }
    }
    if wide {
        out.push_str("\\X0\\");
    }
    out.push('\'');
    out
}

/// A real: STEP wants a decimal point. Tenths of millimetres are enough for a building.
pub fn real(v: f64) -> String {
    let mut s = format!("{:.4}", v);
    while s.ends_with('0') {
        s.pop();
    }
    if s == "-0." { "0.".to_owned() } else { s }
}

/// References as a list.
pub fn list(ids: &[Id]) -> String {
    let parts: Vec<String> = ids.iter().map(Id::to_string).collect();
    format!("({})", parts.join(","))
}

/// A GlobalId that depends only on `key`.
pub fn guid(key: &str) -> String {
    const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$";
    let hash = Sha256::digest(key.as_bytes());
    let mut value = hash.iter().take(16).fold(0u128, |v, b| (v << 8) | u128::from(*b));
    let mut out = [b'0'; 22];
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(value & 63) as usize];
        value >>= 6;
    }
    format!("'{}'", String::from_utf8_lossy(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(text("a'b"), "'a''b'");
        assert_eq!(text("1号楼"), "'1\\X2\\53F7697C\\X0\\'");
        assert_eq!(text("楼1"), "'\\X2\\697C\\X0\\1'");
    }

    #[test]
    fn reals_have_a_point() {
        assert_eq!(real(3.0), "3.");
        assert_eq!(real(-0.00001), "0.");
        assert_eq!(real(0.1667), "0.1667");
    }

    #[test]
    fn guids_have_22_digits_and_a_legal_first() {
        for k in 0..200 {
            let g = guid(&format!("wall {k}"));
            assert_eq!(g.len(), 24);
            assert!(b"0123".contains(&g.as_bytes()[1]), "{g}");
        }
        assert_ne!(guid("a"), guid("b"));
    }
}
