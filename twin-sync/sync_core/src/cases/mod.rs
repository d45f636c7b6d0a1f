//! Grid cases (网格事件): code tables and work calendar as data, deadlines, the queue of a jurisdiction, dispatch
//! proposals, likely duplicates and evaluation figures. Nothing here reads a clock or a file.

mod book;
mod clock;
mod dispatch;
mod export;
mod figures;
mod import;
mod queue;
mod similar;
mod tables;

pub use crate::calendar::{CalendarError, WorkCalendar, day_of_date};
pub use book::CaseBook;
pub use clock::clock_after;
pub use dispatch::{Proposal, Reason, propose};
pub use export::{CSV_COLUMNS, csv_cell, csv_row};
pub use figures::{Counts, FigureBy, FigureCell, Figures, Rates, figure_day, figure_day_start, row_key};
pub use import::{ImportedCase, ImportedMove, check_import, check_update};
pub use queue::{CaseQueue, MAX_VISITED, QueueCursor, QueueFilter, QueueOrder, QueuePage};
pub use similar::{SIMILAR_WITHIN_M, SIMILAR_WITHIN_MS, Similar, SimilarIndex};
pub use tables::{
    CaseRules, ClassKind, ClassTable, ClassTableSpec, Department, LineError, MatterClass, TablesError, TablesSpec,
    WorkLimit,
};
