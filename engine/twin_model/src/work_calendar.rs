//! The work calendar (工作日历) as data: which hours count. Every jurisdiction has its own.

use serde::{Deserialize, Serialize};

/// A calendar as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// What it is called, and whose it is.
    pub name: String,
    /// Minutes east of UTC; China keeps 480 all year (no summer time since 1992).
    pub utc_offset_min: i32,
    /// Working hours of a working day, `["08:30", "12:00"]`, in order; `24:00` is the end of the day.
    pub hours: Vec<[String; 2]>,
    /// Working days of the week, 1 (Monday) to 7 (Sunday).
    pub week: Vec<u8>,
    /// 法定节假日: days off, `2026-10-01` or `2026-10-01..2026-10-07`, both ends included.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// 调休上班: working days that the week or a holiday would make days off.
    #[serde(default)]
    pub workdays: Vec<String>,
}

impl Default for CalendarSpec {
    /// Monday to Friday, 09:00-12:00 and 13:00-17:30 China time, without holidays.
    fn default() -> Self {
        let hours = [["09:00", "12:00"], ["13:00", "17:30"]].map(|span| span.map(str::to_owned));
        Self {
            name: "default".to_owned(),
            utc_offset_min: 480,
            hours: hours.to_vec(),
            week: vec![1, 2, 3, 4, 5],
            holidays: vec![],
            workdays: vec![],
        }
    }
}
