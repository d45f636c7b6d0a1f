//! Rows of a file of the city of New York ("311 Service Requests", NYC Open Data) as they stand.

use chrono::{FixedOffset, NaiveDateTime, TimeZone};
use twin_model::TimeMs;

/// What is used of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line of the file, counted from 1.
    pub line: u64,
    pub key: String,
    pub created: TimeMs,
    pub closed: Option<TimeMs>,
    pub status: Status,
    /// "Complaint Type".
    pub kind: String,
    /// "Descriptor".
    pub detail: String,
    /// "Location Type".
    pub place_kind: String,
    pub resolution: String,
    /// Longitude, latitude.
    pub lon_lat: Option<[f64; 2]>,
}

/// "Status".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Open,
    InProgress,
    Closed,
}

/// A row that cannot be a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    pub line: u64,
    pub reason: String,
}

const COLUMNS: [&str; 11] = [
    "Unique Key",
    "Created Date",
    "Closed Date",
    "Complaint Type",
    "Descriptor",
    "Location Type",
    "Status",
    "Resolution Description",
    "Latitude",
    "Longitude",
    "Agency",
];

/// Reads every row; the times of the file have no zone, so `zone` says it.
///
/// # Errors
/// When the file is no such file at all.
pub fn read(bytes: &[u8], zone: FixedOffset) -> anyhow::Result<Vec<Result<Row, Unusable>>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers()?.clone();
    let position = |name: &str| header.iter().position(|h| h.trim_ascii() == name.as_bytes());
    let mut at = Vec::new();
    for name in COLUMNS {
        at.push(position(name).ok_or_else(|| anyhow::anyhow!("column {name:?} is missing in line 1"))?);
    }
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let row = match record {
            Err(e) => Err(Unusable { line: e.position().map_or(0, csv::Position::line), reason: e.to_string() }),
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let wrong = |reason| Unusable { line, reason };
                match record.len() == header.len() {
                    false => Err(wrong(format!("has {} cells: must have {}", record.len(), header.len()))),
                    true => one(line, |i| record.get(*at.get(i)?), zone).map_err(wrong),
                }
            }
        };
        rows.push(row);
    }
    Ok(rows)
}

fn one<'a>(line: u64, cell: impl Fn(usize) -> Option<&'a [u8]>, zone: FixedOffset) -> Result<Row, String> {
    let text = |i: usize| -> Result<String, String> {
        let bytes = cell(i).unwrap_or_default().trim_ascii();
        let text = std::str::from_utf8(bytes).map_err(|_bad| format!("{}: is not UTF-8", COLUMNS[i]))?;
        Ok(text.to_owned())
    };
    let needed =
        |i: usize| text(i).and_then(|t| if t.is_empty() { Err(format!("{} is empty", COLUMNS[i])) } else { Ok(t) });
    let created = time(COLUMNS[1], &needed(1)?, zone)?;
    let closed = match text(2)?.as_str() {
        "" => None,
        text => Some(time(COLUMNS[2], text, zone)?),
    };
    let status = match (needed(6)?.as_str(), closed) {
        ("Closed", Some(_)) => Status::Closed,
        ("Closed", None) => return Err("Status is Closed and Closed Date is empty".to_owned()),
        ("Open", _) => Status::Open,
        ("In Progress" | "Assigned" | "Started" | "Pending", _) => Status::InProgress,
        (other, _) => {
            return Err(format!("Status = {other:?}: must be Open, Assigned, Started, Pending, In Progress or Closed"));
        }
    };
    if closed.is_some_and(|c| c < created) {
        return Err("Closed Date is before Created Date".to_owned());
    }
    let degrees = |i: usize, most: f64| -> Result<Option<f64>, String> {
        let text = text(i)?;
        if text.is_empty() {
            return Ok(None);
        }
        let value: Option<f64> = text.parse().ok().filter(|v: &f64| v.abs() <= most);
        value.map(Some).ok_or_else(|| format!("{} = {text:?}: must be degrees -{most}..{most}", COLUMNS[i]))
    };
    let lon_lat = match (degrees(9, 180.0)?, degrees(8, 90.0)?) {
        (Some(lon), Some(lat)) => Some([lon, lat]),
        _ => None,
    };
    Ok(Row {
        line,
        key: needed(0)?,
        created,
        closed,
        status,
        kind: needed(3)?,
        detail: text(4)?,
        place_kind: text(5)?,
        resolution: text(7)?,
        lon_lat,
    })
}

fn time(column: &str, text: &str, zone: FixedOffset) -> Result<TimeMs, String> {
    let naive = NaiveDateTime::parse_from_str(text, "%m/%d/%Y %I:%M:%S %p").ok();
    let at = naive.and_then(|n| zone.from_local_datetime(&n).single());
    at.map(|t| TimeMs(t.timestamp_millis()))
        .ok_or_else(|| format!("{column} = {text:?}: must be MM/DD/YYYY hh:mm:ss AM or PM"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn edt() -> FixedOffset {
        FixedOffset::west_opt(4 * 3600).unwrap()
    }

    #[test]
    fn bad_rows_are_told_with_line_and_reason() {
        let head = "Unique Key,Created Date,Closed Date,Agency,Complaint Type,Descriptor,Location Type,Status,\
            Resolution Description,Latitude,Longitude\n";
        let text = format!(
            "{head}1,05/01/2022 12:00:03 AM,,NYPD,Noise,\"Loud\nMusic\",Home,Open,,40.8,-73.9\n\
             2,2022-05-01,,NYPD,Noise,,,Open,,,\n\
             3,05/01/2022 12:00:03 AM,04/30/2022 11:00:00 PM,NYPD,Noise,,,Closed,,,\n\
             4,05/01/2022 12:00:03 AM,,NYPD,Noise,,,Closed,,,\n5,05/01/2022 12:00:03 AM\n\
             6,05/01/2022 12:00:03 PM,,NYPD,,,,Open,,,\n7,05/01/2022 12:00:03 PM,,NYPD,N,,,Open,,95,0\n"
        );
        let rows = read(text.as_bytes(), edt()).unwrap();
        let first = rows[0].as_ref().unwrap();
        assert_eq!((first.line, first.created, first.lon_lat), (2, TimeMs(1_651_377_603_000), Some([-73.9, 40.8])));
        let told: Vec<(u64, &str)> =
            rows[1..].iter().map(|r| r.as_ref().unwrap_err()).map(|u| (u.line, u.reason.as_str())).collect();
        assert_eq!(
            told,
            [
                (4, "Created Date = \"2022-05-01\": must be MM/DD/YYYY hh:mm:ss AM or PM"),
                (5, "Closed Date is before Created Date"),
                (6, "Status is Closed and Closed Date is empty"),
                (7, "has 2 cells: must have 11"),
                (8, "Complaint Type is empty"),
                (9, "Latitude = \"95\": must be degrees -90..90"),
            ]
        );
        assert!(read(b"a,b\n1,2\n", edt()).unwrap_err().to_string().contains("\"Unique Key\" is missing"));
    }

    #[test]
    fn the_whole_file_of_a_night_is_read() {
        let Ok(shared) = std::env::var("SANDTABLE_SHARED") else {
            println!("skipped: SANDTABLE_SHARED is not set");
            return;
        };
        let path = Path::new(&shared).join("data/events/nyc_311_2022-05-01.csv");
        let Ok(bytes) = std::fs::read(&path) else {
            println!("skipped: {} is not there", path.display());
            return;
        };
        let rows = read(&bytes, edt()).unwrap();
        let good: Vec<&Row> = rows.iter().filter_map(|r| r.as_ref().ok()).collect();
        let count = |s: Status| good.iter().filter(|r| r.status == s).count();
        assert_eq!((rows.len(), good.len()), (924, 924));
        assert_eq!((count(Status::Closed), count(Status::InProgress), count(Status::Open)), (480, 440, 4));
        assert_eq!(good.iter().filter(|r| r.lon_lat.is_none()).count(), 11);
    }
}
