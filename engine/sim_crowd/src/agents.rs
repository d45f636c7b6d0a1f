//! People in columns.

use crate::world::NONE;
use sim_core::{ByteReader, ByteWriter, Checksum, SnapshotError};

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Has not set off yet.
    Waiting,
    /// Walks, or queues.
    Walking,
    /// In a lift.
    Riding,
    /// Can no longer walk (失能): stays as an obstacle and is counted.
    Stopped,
    /// Has left the model.
    Left,
}

impl Status {
    pub(crate) const fn code(self) -> u32 {
        self as u32
    }

    pub(crate) const fn of(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::Waiting),
            1 => Some(Self::Walking),
            2 => Some(Self::Riding),
            3 => Some(Self::Stopped),
            4 => Some(Self::Left),
            _ => None,
        }
    }
}

macro_rules! columns {
    ($($(#[$fdoc:meta])* $f:ident,)*; $($(#[$udoc:meta])* $u:ident,)*) => {
        /// One entry per person in every column; people who left are dropped from time to time.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct Agents {
            $($(#[$fdoc])* pub $f: Vec<f32>,)*
            $($(#[$udoc])* pub $u: Vec<u32>,)*
        }

        /// One person.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct Row { $(pub $f: f32,)* $(pub $u: u32,)* }

        impl Agents {
            pub(crate) fn push(&mut self, row: Row) {
                $(self.$f.push(row.$f);)*
                $(self.$u.push(row.$u);)*
            }

            /// Keeps the entries `order`, in that order.
            pub(crate) fn permute(&mut self, order: &[u32]) {
                $(self.$f = order.iter().map(|i| self.$f[*i as usize]).collect();)*
                $(self.$u = order.iter().map(|i| self.$u[*i as usize]).collect();)*
            }

            pub(crate) fn save(&self, w: &mut ByteWriter) {
                $(w.f32s(&self.$f);)*
                $(let raw: Vec<u8> = self.$u.iter().flat_map(|v| v.to_le_bytes()).collect(); w.bytes(&raw);)*
            }

            pub(crate) fn restore(r: &mut ByteReader<'_>) -> Result<Self, SnapshotError> {
                let a = Self { $($f: r.f32s(stringify!($f))?,)* $($u: u32s(r, stringify!($u))?,)* };
                let n = a.id.len();
                if [$(a.$f.len(),)* $(a.$u.len(),)*].iter().any(|len| *len != n) {
                    return Err(SnapshotError::BadValue { field: "agents", value: "columns of different length".into(), allowed: "one length" });
                }
                Ok(a)
            }

            pub(crate) fn digest(&self, c: &mut Checksum) {
                $(c.add_f32s(&self.$f);)*
                $(for v in &self.$u { c.add_u64(u64::from(*v)); })*
            }
        }
    };
}

fn u32s(r: &mut ByteReader<'_>, field: &'static str) -> Result<Vec<u32>, SnapshotError> {
    let raw = r.bytes(field)?;
    Ok(raw.as_chunks::<4>().0.iter().map(|le| u32::from_le_bytes(*le)).collect())
}

columns! {
    /// Position in the layer, m.
    x, y,
    /// Heading, unit vector.
    hx, hy,
    /// Speed of the last step, m/s.
    speed,
    /// Free speed on the level, m/s.
    free_mps,
    /// Time gap to the person ahead, s; see `SpacingLaw`.
    gap_s,
    /// Half the width of the body, m.
    radius,
    /// When the person sets off, s.
    start_s,
    /// For how long the person has wanted to move and could not, s.
    blocked_s,
    /// Factor on the speed by which a group keeps together.
    pace,
    /// Doses so far.
    fed_gas, fed_heat,
    ;
    id,
    layer,
    /// The way the person heads for: portal · 2 + side, or NONE.
    way,
    class,
    /// Group number, or NONE.
    group,
    status,
}

impl Agents {
    pub(crate) fn len(&self) -> usize {
        self.id.len()
    }

    pub(crate) fn status(&self, i: usize) -> Status {
        Status::of(self.status[i]).unwrap_or(Status::Left)
    }

    /// Whether the person stands or walks in a layer.
    pub(crate) fn present(&self, i: usize) -> bool {
        self.layer[i] != NONE
    }
}
