//! Tables of results as CSV and Parquet.

use crate::RunError;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::path::Path;
use std::sync::Arc;

/// Values of one column, one per row; `None` where there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers, and the decimals shown in CSV.
    Number(Vec<Option<f64>>, usize),
    /// Text.
    Text(Vec<Option<String>>),
}

impl Values {
    /// Whole numbers, one per row.
    pub fn ints(values: impl Iterator<Item = Option<i64>>) -> Self {
        Self::Int(values.collect())
    }

    /// Numbers with `decimals` decimals in CSV; those that are not finite count as none.
    pub fn numbers(decimals: usize, values: impl Iterator<Item = Option<f64>>) -> Self {
        Self::Number(values.map(|v| v.filter(|v| v.is_finite())).collect(), decimals)
    }

    /// Texts, one per row.
    pub fn texts(values: impl Iterator<Item = Option<String>>) -> Self {
        Self::Text(values.collect())
    }

    fn shown(&self, row: usize) -> String {
        match self {
            Self::Int(v) => v.get(row).copied().flatten().map(|n| n.to_string()),
            Self::Number(v, decimals) => v.get(row).copied().flatten().map(|n| format!("{n:.decimals$}")),
            Self::Text(v) => v.get(row).cloned().flatten(),
        }
        .unwrap_or_default()
    }

    fn len(&self) -> usize {
        match self {
            Self::Int(v) => v.len(),
            Self::Number(v, _) => v.len(),
            Self::Text(v) => v.len(),
        }
    }
}

/// A table: columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    columns: Vec<(&'static str, Values)>,
}

impl Table {
    /// Adds a column.
    #[must_use]
    pub fn with(mut self, name: &'static str, values: Values) -> Self {
        self.columns.push((name, values));
        self
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.1.len())
    }

    /// The table as CSV (RFC 4180, UTF-8, header line).
    ///
    /// # Errors
    /// [`RunError::Io`] naming `path`; the bytes themselves are not written here.
    pub fn to_csv(&self, path: &Path) -> Result<Vec<u8>, RunError> {
        let io = |e: csv::Error| RunError::Io { path: path.to_owned(), source: e.into() };
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|c| c.0)).map_err(io)?;
        for row in 0..self.rows() {
            writer.write_record(self.columns.iter().map(|c| c.1.shown(row))).map_err(io)?;
        }
        writer.into_inner().map_err(|e| RunError::Io { path: path.to_owned(), source: e.into_error() })
    }

    /// The table as Parquet, one row group, plain pages; column types INT64, DOUBLE and UTF-8 text, all nullable.
    ///
    /// # Errors
    /// [`RunError::Parquet`] naming `path`; the bytes themselves are not written here.
    pub fn to_parquet(&self, path: &Path) -> Result<Vec<u8>, RunError> {
        self.parquet().map_err(|source| RunError::Parquet { path: path.to_owned(), source })
    }

    fn parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let field = |(name, values): &(&str, Values)| {
            let (physical, logical) = match values {
                Values::Int(_) => (Physical::INT64, None),
                Values::Number(..) => (Physical::DOUBLE, None),
                Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            builder.with_logical_type(logical).build().map(Arc::new)
        };
        let fields = self.columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(Type::group_type_builder("outcomes").with_fields(fields).build()?);
        // The version of the library is not part of the result.
        let properties = Arc::new(WriterProperties::builder().set_created_by("sandtable".to_owned()).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            let Some(mut column) = group.next_column()? else { break };
            match values {
                Values::Int(v) => {
                    let (present, levels) = split(v, |n| *n);
                    column.typed::<Int64Type>().write_batch(&present, Some(&levels), None)?;
                }
                Values::Number(v, _) => {
                    let (present, levels) = split(v, |n| *n);
                    column.typed::<DoubleType>().write_batch(&present, Some(&levels), None)?;
                }
                Values::Text(v) => {
                    let (present, levels) = split(v, |t| ByteArray::from(t.as_bytes().to_vec()));
                    column.typed::<ByteArrayType>().write_batch(&present, Some(&levels), None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        writer.into_inner()
    }
}

/// The values that are there, and for each row whether it has one (Parquet definition levels).
fn split<T, U>(values: &[Option<T>], convert: impl Fn(&T) -> U) -> (Vec<U>, Vec<i16>) {
    let present = values.iter().flatten().map(convert).collect();
    (present, values.iter().map(|v| i16::from(v.is_some())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    fn table() -> Table {
        let names = ["1号楼, \"北\"", "换行\n了"].map(|t| Some(t.to_owned())).into_iter().chain([None]);
        Table::default()
            .with("entity", Values::ints([Some(4), Some(7), Some(9)].into_iter()))
            .with("name", Values::texts(names))
            .with("depth_m", Values::numbers(3, [Some(0.12345), None, Some(f64::NAN)].into_iter()))
    }

    #[test]
    fn csv_quotes_what_must_be_quoted() {
        let text = String::from_utf8(table().to_csv(Path::new("x")).unwrap()).unwrap();
        let wanted = "entity,name,depth_m\n4,\"1号楼, \"\"北\"\"\",0.123\n7,\"换行\n了\",\n9,,\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn parquet_keeps_types_and_gaps() {
        let bytes = table().to_parquet(Path::new("x")).unwrap();
        assert_eq!(bytes, table().to_parquet(Path::new("x")).unwrap());
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].get_long(0).unwrap(), rows[0].get_double(2).unwrap()), (4, 0.12345));
        assert_eq!(rows[1].get_string(1).unwrap(), "换行\n了");
        assert!(rows[1].get_double(2).is_err() && rows[2].get_string(1).is_err());
    }
}
