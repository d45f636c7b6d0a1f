//! `sandtable import-cases`: the cases of another system as a stream into a server, or into the data folder of one.

mod places;
mod rows;
mod send;

use anyhow::Context;
use chrono::FixedOffset;
use community_pack::Manifest;
use places::{Outside, Places};
use rows::{Row, Status};
use send::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use sync_core::cases::{ImportedCase, ImportedMove};
use sync_server::{ServeOptions, ServerHandle};
use twin_model::{CaseAction, CaseSource, DepartmentId, NewCase, TimeMs};

/// Cases in one request; the server takes at most 1000.
const BATCH: usize = 500;
const CLASSES: &str = include_str!("../data/nyc311_classes.csv");

#[derive(clap::Args)]
pub struct Args {
    /// CSV file with the columns of NYC Open Data's "311 Service Requests".
    file: PathBuf,
    /// Address of a running server.
    #[arg(long, required_unless_present = "pack", conflicts_with = "pack")]
    server: Option<String>,
    /// Pack whose data folder is written, with no server running on it.
    #[arg(long)]
    pack: Option<PathBuf>,
    /// Data folder for --pack [default: PACK-data beside the pack].
    #[arg(long, requires = "pack")]
    data: Option<PathBuf>,
    /// Name of the system that the file comes from; with its key it marks each case, so that none comes in twice.
    #[arg(long, default_value = "nyc311")]
    system: String,
    /// What to do with places outside the community.
    #[arg(long, value_enum, default_value_t)]
    outside: Outside,
    /// CSV of columns theirs,code: complaint type to class code of the server's tables [default: one for the demo
    /// tables]. Types without a code stay a free word, without a deadline.
    #[arg(long)]
    classes: Option<PathBuf>,
    /// Offset of the file's times from UTC; they carry none. New York keeps -04:00 in summer.
    #[arg(long, default_value = "-04:00", allow_hyphen_values = true)]
    utc_offset: FixedOffset,
    /// Send each event when its time comes, this many times faster than it went; without it everything at once.
    #[arg(long)]
    speed: Option<f64>,
    /// Write what became of every row to this file, as CSV.
    #[arg(long)]
    report: Option<PathBuf>,
    /// The summary as JSON on stdout.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(speed) = args.speed.filter(|s| !(*s > 0.0 && s.is_finite())) {
        anyhow::bail!("--speed {speed}: must be a number > 0");
    }
    let Some(pack) = &args.pack else {
        return import(args, &Server::new(args.server.as_deref().unwrap_or_default()));
    };
    // A server of its own for as long as it takes: the same checks, the same log.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let data = args.data.clone().unwrap_or_else(|| beside(pack));
    let options =
        ServeOptions { http_addr: any, mqtt_addr: any, forecasts: false, ..ServeOptions::new(pack.clone(), data) };
    let server = runtime.block_on(ServerHandle::start(options))?;
    let done = import(args, &Server::new(&server.http_addr().to_string()));
    runtime.block_on(server.stop())?;
    done
}

fn beside(pack: &Path) -> PathBuf {
    let mut name = pack.file_name().unwrap_or_default().to_owned();
    name.push("-data");
    pack.with_file_name(name)
}

fn import(args: &Args, server: &Server) -> anyhow::Result<()> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| name.to_string())?;
    let read = rows::read(&bytes, args.utc_offset).with_context(|| name.to_string())?;
    let manifest: Manifest =
        serde_json::from_value(server.get("/api/community")?["manifest"].take()).context("the server's community")?;
    let classes = Classes::new(args.classes.as_deref(), &server.get("/api/cases/tables")?)?;
    let all = read.iter().filter_map(|r| r.as_ref().ok()?.lon_lat);
    let places = Places::new(&manifest, args.outside, all);
    let mut tally = Tally { affine: places.affine, ..Tally::default() };
    let mut events: Vec<(TimeMs, u64, ImportedCase)> = Vec::new();
    for row in &read {
        let made = row.as_ref().map_err(|u| (u.line, u.reason.clone())).and_then(|row| {
            let case = case_of(row, &args.system, &places, &classes).map_err(|reason| (row.line, reason))?;
            Ok((row, case))
        });
        match made {
            Ok((row, case)) => {
                tally.count(&case, &classes);
                events.extend(split(row.line, case, args.speed.is_some()));
            }
            Err((line, reason)) => tally.refuse(line, reason),
        }
    }
    // As it went: by time, then by line.
    events.sort_by_key(|(at, line, case)| (*at, *line, case.moves.len()));
    stream(server, &events, args.speed, &mut tally)?;
    tally.finish(args, &read.len())
}

/// One event a row, or with `live` one for each time at which something happened.
fn split(line: u64, case: ImportedCase, live: bool) -> Vec<(TimeMs, u64, ImportedCase)> {
    let end = case.moves.last().map_or(case.reported_at, |m| m.at);
    if !live || end == case.reported_at {
        return vec![(case.reported_at, line, case)];
    }
    let begin = case.moves.iter().filter(|m| m.at == case.reported_at).cloned().collect();
    vec![(case.reported_at, line, ImportedCase { moves: begin, ..case.clone() }), (end, line, case)]
}

fn stream(
    server: &Server,
    events: &[(TimeMs, u64, ImportedCase)],
    speed: Option<f64>,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let first = events.first().map_or(TimeMs(0), |(at, ..)| *at);
    let mut rest = events;
    while let Some((next, ..)) = rest.first() {
        // What is due by now, one event of a case at a time.
        let due_by = match speed {
            None => TimeMs(i64::MAX),
            Some(speed) => {
                let due = Duration::try_from_secs_f64(next.secs_since(first).max(0.0) / speed)
                    .context("--speed is too slow for this file")?;
                std::thread::sleep(due.saturating_sub(started.elapsed()));
                first.plus_secs(started.elapsed().as_secs_f64() * speed).max(*next)
            }
        };
        let mut keys = std::collections::BTreeSet::new();
        let ready = rest.iter().take(BATCH).take_while(|(at, _, c)| *at <= due_by && keys.insert(c.source.id.as_str()));
        let count = ready.count().max(1);
        let (batch, later) = rest.split_at(count);
        let cases: Vec<ImportedCase> = batch.iter().map(|(_, _, case)| case.clone()).collect();
        for ((_, line, _), outcome) in batch.iter().zip(server.import(&cases)?) {
            tally.take(*line, &outcome);
        }
        rest = later;
    }
    tally.took = started.elapsed();
    Ok(())
}

/// Which of the server's classes a complaint type is.
struct Classes {
    /// Code and department.
    codes: BTreeMap<String, (String, Option<DepartmentId>)>,
}

impl Classes {
    fn new(file: Option<&Path>, tables: &Value) -> anyhow::Result<Self> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
            None if tables["demo"] == true => CLASSES.to_owned(),
            // Codes of other tables may mean anything.
            None => String::new(),
        };
        let name = file.map_or_else(|| "built-in classes".to_owned(), |p| p.display().to_string());
        let classes = tables["tables"][0]["classes"].as_array().cloned().unwrap_or_default();
        let mut codes = BTreeMap::new();
        for record in csv::Reader::from_reader(text.as_bytes()).records() {
            let record = record.with_context(|| name.clone())?;
            let line = record.position().map_or(0, csv::Position::line);
            let [theirs, code] = [0, 1].map(|i| record.get(i).unwrap_or("").trim());
            let class = classes.iter().find(|c| c["code"] == code);
            let class =
                class.with_context(|| format!("{name} line {line}: code {code:?} is not in the server's table"))?;
            let department = class["department"].as_u64().and_then(|d| u16::try_from(d).ok()).map(DepartmentId);
            codes.insert(theirs.to_owned(), (code.to_owned(), department));
        }
        Ok(Self { codes })
    }
}

/// A row as a case: registered and dispatched when it was reported, as the file tells no other time; closed when it was.
fn case_of(row: &Row, system: &str, places: &Places, classes: &Classes) -> Result<ImportedCase, String> {
    let (p_enu, placed) = places.place(row.lon_lat)?;
    let (class, department) = match classes.codes.get(&row.kind) {
        Some((code, department)) => (code.clone(), *department),
        None => (row.kind.chars().take(40).collect(), None),
    };
    let mut moves = Vec::new();
    let mut add = |action, at, note: &str| moves.push(ImportedMove { action, at, note: note.to_owned() });
    if row.status != Status::Open {
        add(CaseAction::Register, row.created, "");
        add(department.map_or(CaseAction::Advance, |department| CaseAction::Dispatch { department }), row.created, "");
        add(CaseAction::Start, row.created, "");
    }
    if let Some(closed) = row.closed.filter(|_| row.status == Status::Closed) {
        add(CaseAction::Feedback, closed, &row.resolution);
        add(CaseAction::Close, closed, "");
    }
    let title = if row.detail.is_empty() { row.kind.clone() } else { format!("{}: {}", row.kind, row.detail) };
    let new = NewCase {
        class,
        title: title.chars().take(200).collect(),
        // No address: it may be somebody's home.
        description: row.place_kind.clone(),
        entity: None,
        p_enu,
    };
    let source = CaseSource { system: system.to_owned(), id: row.key.clone() };
    Ok(ImportedCase { new, source, reported_at: row.created, placed, moves })
}

/// What became of the rows.
#[derive(Default)]
struct Tally {
    created: BTreeMap<u64, u64>,
    updated: usize,
    known: BTreeMap<u64, u64>,
    refused: BTreeMap<u64, String>,
    placed: BTreeMap<&'static str, usize>,
    free_words: BTreeMap<String, usize>,
    affine: Option<places::Affine>,
    took: Duration,
}

impl Tally {
    fn count(&mut self, case: &ImportedCase, classes: &Classes) {
        let placed = match case.placed {
            twin_model::Placement::Given => "given",
            twin_model::Placement::Mapped => "mapped",
            twin_model::Placement::Unlocated => "unlocated",
        };
        *self.placed.entry(placed).or_default() += 1;
        if !classes.codes.values().any(|(code, _)| *code == case.new.class) {
            *self.free_words.entry(case.new.class.clone()).or_default() += 1;
        }
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.refused.insert(line, reason);
    }

    fn take(&mut self, line: u64, outcome: &Value) {
        let id = |key: &str| outcome[key].as_u64();
        if let Some(id) = id("created") {
            self.created.insert(line, id);
        } else if id("updated").is_some() {
            self.updated += 1;
        } else if let Some(id) = id("known") {
            self.known.insert(line, id);
        } else {
            self.refuse(line, outcome["refused"].as_str().unwrap_or("an unknown outcome").to_owned());
        }
    }

    fn finish(&self, args: &Args, rows: &usize) -> anyhow::Result<()> {
        for (line, reason) in &self.refused {
            eprintln!("{} line {line}: {reason}", args.file.display());
        }
        if let Some(path) = &args.report {
            std::fs::write(path, self.report()).with_context(|| path.display().to_string())?;
        }
        let summary = json!({
            "rows": rows, "created": self.created.len(), "updated": self.updated, "known": self.known.len(),
            "refused": self.refused.len(), "placed": self.placed, "affine": self.affine,
            "free_word_classes": self.free_words, "seconds": self.took.as_secs_f64(),
        });
        if args.json {
            println!("{summary}");
            return Ok(());
        }
        println!(
            "{rows} rows: {} cases created, {} moved on later, {} known already, {} refused, in {:.2} s",
            self.created.len(),
            self.updated,
            self.known.len(),
            self.refused.len(),
            self.took.as_secs_f64()
        );
        let places: Vec<String> = self.placed.iter().map(|(k, n)| format!("{n} {k}")).collect();
        println!("places: {}", places.join(", "));
        if let Some(a) = self.affine {
            println!(
                "moved into the community by x = {:.3}·longitude + {:.1} m, y = {:.3}·latitude + {:.1} m: \
                 marked as mapped, not where it happened",
                a.east[0], a.east[1], a.north[0], a.north[1]
            );
        }
        if !self.free_words.is_empty() {
            let words: Vec<String> = self.free_words.iter().map(|(k, n)| format!("{k} ({n})")).collect();
            println!("without a class of the tables, so without a deadline: {}", words.join(", "));
        }
        Ok(())
    }

    fn report(&self) -> String {
        let mut lines: BTreeMap<u64, String> = BTreeMap::new();
        for (line, id) in &self.created {
            lines.insert(*line, format!("created,{id},"));
        }
        for (line, id) in &self.known {
            lines.entry(*line).or_insert_with(|| format!("known,{id},"));
        }
        for (line, reason) in &self.refused {
            lines.insert(*line, format!("refused,,{}", sync_core::cases::csv_cell(reason)));
        }
        let rows: String = lines.iter().map(|(line, rest)| format!("{line},{rest}\n")).collect();
        format!("line,outcome,case,reason\n{rows}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use community_pack::{FORMAT, Origin, PackCrs, PackFiles, VERSION, write_entities};
    use twin_model::{CameraPose, Community, Entity, EntityId, EntityKind, FeatureRef, Polygon};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// One grid of 1 km, 800 m.
    fn write_pack(dir: &Path) {
        let square = Polygon(vec![vec![[0.0, 0.0], [1000.0, 0.0], [1000.0, 800.0], [0.0, 800.0]]]);
        let grid = Entity {
            id: EntityId(0),
            kind: EntityKind::Grid,
            parent: None,
            name: "第一网格".into(),
            code: "g1".into(),
            class: String::new(),
            p_enu: [500.0, 400.0, 0.0],
            height_m: 0.0,
            base_z_m: 0.0,
            footprint: Some(square),
            line: vec![],
            camera: None,
            attributes: BTreeMap::default(),
            source: FeatureRef::default(),
        };
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            community: Community { id: "probe".into(), ..Community::default() },
            origin: Origin { lon_deg: 120.7, lat_deg: 31.3, height_m: 0.0 },
            crs: PackCrs { epsg: 4549, wkt: String::new() },
            vertical_datum: "test".into(),
            bounds_enu: [[0.0, 0.0, 0.0], [1000.0, 800.0, 50.0]],
            layers: vec![],
            terrain: None,
            home: CameraPose { eye_enu: [0.0, -50.0, 50.0], target_enu: [0.0; 3] },
            files: PackFiles::default(),
            provenance: vec![],
            entities: 1,
        };
        std::fs::create_dir_all(dir).unwrap();
        let mut fgb = Vec::new();
        write_entities(&[grid], &manifest.origin, &mut fgb).unwrap();
        std::fs::write(dir.join("community.json"), manifest.to_json()).unwrap();
        std::fs::write(dir.join("entities.fgb"), fgb).unwrap();
        std::fs::write(dir.join("device_types.toml"), "").unwrap();
        let bindings = "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n";
        std::fs::write(dir.join("bindings.csv"), bindings).unwrap();
    }

    const HEAD: &str = "Unique Key,Created Date,Closed Date,Agency,Complaint Type,Descriptor,Location Type,Status,\
        Resolution Description,Latitude,Longitude\n";

    /// Runs the command and reads its report back.
    fn command(dir: &Path, file: &str, more: &[&str]) -> String {
        let (csv, report) = (dir.join("file.csv"), dir.join("report.csv"));
        std::fs::write(&csv, file).unwrap();
        let [pack, csv_text, report_text] = [dir.join("pack"), csv, report.clone()].map(|p| p.display().to_string());
        let mut line = vec!["import-cases", &csv_text, "--pack", &pack, "--report", &report_text];
        line.extend(more);
        run(&Line::parse_from(line).args).unwrap();
        std::fs::read_to_string(report).unwrap()
    }

    #[test]
    fn every_row_becomes_a_case_or_is_told() {
        let dir = tempfile::tempdir().unwrap();
        write_pack(&dir.path().join("pack"));
        let rows = "a,05/01/2022 12:00:00 AM,05/01/2022 12:10:00 AM,N,Noise - Park,x,Park,Closed,=done,40.8,-73.9\n\
            b,05/01/2022 12:01:00 AM,,N,Unicorns,,,In Progress,,40.9,-74.0\nc,sometime,,N,Noise - Park,,,Open,,,\n\
            d,05/01/2022 12:02:00 AM,,N,Blocked Driveway,,,Open,,,\na,05/01/2022 12:03:00 AM,,N,Traffic,,,Open,,,\n";
        let file = format!("{HEAD}{rows}");
        let report = command(dir.path(), &file, &["--outside", "fit"]);
        let told = "line,outcome,case,reason\n2,created,1,\n3,created,2,\n4,refused,,\"Created Date = \"\"sometime\"\"";
        assert!(report.starts_with(told), "{report}");
        assert!(report.contains("5,created,3,\n6,refused,,") && report.lines().count() == 6, "{report}");
        // Once more: nothing new.
        let again = command(dir.path(), &file, &["--outside", "fit"]);
        assert!(again.contains("2,known,1,\n3,known,2,\n") && again.contains("5,known,3,"), "{again}");

        // The next day's file: the second one was closed. As a stream, ten thousand times faster.
        let file = format!("{HEAD}b,05/01/2022 12:01:00 AM,05/01/2022 01:00:00 AM,N,Unicorns,,,Closed,,40.9,-74.0\n");
        let later = command(dir.path(), &file, &["--outside", "fit", "--speed", "10000"]);
        assert!(later.contains("2,known,2,"), "{later}");
        let options = ServeOptions {
            http_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mqtt_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ..ServeOptions::new(dir.path().join("pack"), dir.path().join("pack-data"))
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(ServerHandle::start(options)).unwrap();
        let ask = Server::new(&server.http_addr().to_string());
        let case = |id: u64| ask.get(&format!("/api/cases/{id}")).unwrap();
        let (a, b, d) = (case(1), case(2), case(3));
        assert_eq!(
            (a["class"].as_str(), a["stage"].as_str(), a["placed"].as_str()),
            (Some("e401"), Some("closed"), Some("mapped"))
        );
        // Noon of a Sunday here: no working time went by.
        assert_eq!((a["grid"].as_u64(), a["clock"]["used_ms"].as_i64()), (Some(0), Some(0)));
        assert_eq!((b["class"].as_str(), b["stage"].as_str()), (Some("Unicorns"), Some("closed")));
        assert_eq!((d["placed"].as_str(), d["stage"].as_str()), (Some("unlocated"), Some("reported")));
        assert!(d["grid"].is_null());
        runtime.block_on(server.stop()).unwrap();
    }
}
