//! Cases as CSV (RFC 4180) that a spreadsheet opens without running anything: a cell of free text that a spreadsheet
//! would take for a formula is led in by an apostrophe (OWASP, "CSV Injection").

use twin_model::{Case, TimeMs};

/// Names of the columns of [`csv_row`].
pub const CSV_COLUMNS: &str = "id,code_system,class,title,description,stage,end,severity,grid,entity,department,\
    reported_at,changed_at,due_at,used_work_min,limit_work_min,satisfaction,duplicate_of,x_m,y_m,placed,source,source_id";

/// A cell of free text: never a formula, quoted where needed.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let lead = if is_formula { "'" } else { "" };
    if is_formula || text.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{lead}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// One case as a line, without line end. Times as `YYYY-MM-DD HH:MM:SS` in China Standard Time.
#[must_use]
pub fn csv_row(case: &Case) -> String {
    let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    let time = |t: Option<TimeMs>| t.map_or_else(String::new, TimeMs::datetime_china);
    let minutes = |ms: i64| ms / 60_000;
    let source = case.source.as_ref();
    let cells = [
        case.id.to_string(),
        csv_cell(&case.code_system),
        csv_cell(&case.class),
        csv_cell(&case.title),
        csv_cell(&case.description),
        case.stage.zh().to_owned(),
        case.end.map_or("", |e| e.zh()).to_owned(),
        number(case.severity.map(|s| s as i64 + 1)),
        number(case.grid.map(|g| i64::from(g.0))),
        number(case.entity.map(|e| i64::from(e.0))),
        number(case.department.map(|d| i64::from(d.0))),
        time(Some(case.reported_at())),
        time(Some(case.changed_at())),
        time(case.due_at()),
        number(case.clock.map(|c| minutes(c.used_ms))),
        number(case.clock.and_then(|c| c.limit_ms).map(minutes)),
        number(case.satisfaction.map(i64::from)),
        number(case.duplicate_of.and_then(|d| i64::try_from(d.0).ok())),
        format!("{:.2}", case.p_enu[0]),
        format!("{:.2}", case.p_enu[1]),
        match case.placed {
            twin_model::Placement::Given => "given",
            twin_model::Placement::Mapped => "mapped",
            twin_model::Placement::Unlocated => "unlocated",
        }
        .to_owned(),
        csv_cell(source.map_or("", |s| &s.system)),
        csv_cell(source.map_or("", |s| &s.id)),
    ];
    cells.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::CaseId;

    #[test]
    fn formulas_are_text() {
        assert_eq!(csv_cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        assert_eq!(csv_cell("  @SUM(1)"), "\"'  @SUM(1)\"");
        assert_eq!(csv_cell("积水, \"深\""), "\"积水, \"\"深\"\"\"");
        assert_eq!(csv_cell("路灯不亮"), "路灯不亮");
        for bad in ["+1", "-1", "\t=1", "\r=1", "＝1"] {
            assert!(csv_cell(bad).starts_with("\"'"), "{bad:?}");
        }
    }

    #[test]
    fn a_reader_gets_the_cells_back() {
        let mut case = Case::reported(CaseId(3), "0102".into(), "=1+1".into(), "a\nb,\"c\"".into(), TimeMs(0));
        case.p_enu = [-1.5, 2.0, 0.0];
        let text = format!("{CSV_COLUMNS}\n{}\n", csv_row(&case));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!((&row[0], &row[3], &row[4], &row[11]), ("3", "'=1+1", "a\nb,\"c\"", "1970-01-01 08:00:00"));
        assert_eq!((&row[18], row.len()), ("-1.50", CSV_COLUMNS.split(',').count()));
    }
}
