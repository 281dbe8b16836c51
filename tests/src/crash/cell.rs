//! What is tried: a failpoint with its side, on a database, over a route, with a way to look afterwards or none.

use clap::ValueEnum;
use orderdock::failpoint::Point;
use serde::Serialize;

/// Where the host keeps its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Database {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The address for the host's file, of a database of this cell's own; none: the host's default.
    pub async fn address(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(super::postgres::database().await),
        }
    }

    /// Why it can't be tried, if it can't.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Sqlite | Self::Postgres => None,
        }
    }
}

/// How orders reach the ERP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// A request to the fake ERP.
    Http,
    /// A set of files in a folder.
    File,
}

/// What happens at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGSTOP for longer than the lease, and SIGCONT.
    Pause,
    /// The operation fails; after it, its answer is lost.
    Error,
    /// A bug of ours: the task that is there breaks off, and nobody starts the host again.
    Panic,
}

/// Which side of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before it.
    Before,
    /// After it.
    After,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where.
    pub point: Point,
    /// Which side, where there are two.
    pub side: Option<Side>,
    /// What happens there.
    pub action: Action,
    /// Ledger.
    pub database: Database,
    /// Route.
    pub route: Route,
    /// HTTP: the plugin can look an order up. Files: the ERP's answer folders are watched.
    pub look_up: bool,
}

/// The points that stand before and after a commit or a write.
const TWO_SIDED: [Point; 7] = [
    Point::Ingest,
    Point::Cursor,
    Point::Claim,
    Point::WriteAhead,
    Point::Outcome,
    Point::StatusWrite,
    Point::StatusConfirmed,
];

/// The points of the wire, and the same of the file drop.
const ON_THE_WIRE: [Point; 5] =
    [Point::Connected, Point::HalfRequest, Point::WholeRequest, Point::Headers, Point::HalfBody];

/// Every point with each of its sides.
pub fn points() -> impl Iterator<Item = (Point, Option<Side>)> {
    Point::ALL.into_iter().flat_map(|point| {
        let sides: &[Option<Side>] =
            if TWO_SIDED.contains(&point) { &[Some(Side::Before), Some(Side::After)] } else { &[None] };
        sides.iter().map(move |side| (point, *side))
    })
}

/// Routes and looks: the columns of one database.
pub const COLUMNS: [(Route, bool); 4] =
    [(Route::Http, true), (Route::Http, false), (Route::File, true), (Route::File, false)];

impl Cell {
    /// Every cell for one action.
    #[must_use]
    pub fn all(action: Action) -> Vec<Self> {
        let mut all = Vec::new();
        for (point, side) in points() {
            for database in Database::ALL {
                for (route, look_up) in COLUMNS {
                    let cell = Self { point, side, action, database, route, look_up };
                    if cell.is_possible() {
                        all.push(cell);
                    }
                }
            }
        }
        all
    }

    /// Each point and side once on one database, by turns over the columns; those of the wire over both routes.
    #[must_use]
    pub fn reduced(database: Database) -> Vec<Self> {
        let cell = |point, side, (route, look_up)| Self { point, side, action: Action::Kill, database, route, look_up };
        let mut all = Vec::new();
        for (index, (point, side)) in points().enumerate() {
            if ON_THE_WIRE.contains(&point) {
                all.push(cell(point, side, COLUMNS[index % 2]));
                all.push(cell(point, side, COLUMNS[2 + index % 2]));
            } else {
                all.push(cell(point, side, COLUMNS[index % COLUMNS.len()]));
            }
        }
        all
    }

    /// Nothing of ours can be failed in the middle of the wire: the ERP's own faults are that.
    fn is_possible(&self) -> bool {
        let sync = ON_THE_WIRE.contains(&self.point) || self.point == Point::Plugin;
        self.action != Action::Error || !sync
    }

    /// `F7.after`, as the failpoint is armed.
    #[must_use]
    pub fn place(&self) -> String {
        match self.side {
            None => self.point.name(),
            Some(Side::Before) => format!("{}.before", self.point.name()),
            Some(Side::After) => format!("{}.after", self.point.name()),
        }
    }

    /// The state that the order must be in at the end; none: any that is honest.
    #[must_use]
    pub fn expected(&self) -> Option<&'static str> {
        let in_doubt = matches!(
            (self.point, self.side),
            (Point::WriteAhead, Some(Side::After)) | (Point::Outcome, Some(Side::Before))
        ) || ON_THE_WIRE.contains(&self.point);
        // A worker is at the order already when the sweep is committed: it may be anywhere, in doubt too.
        let beside = self.point == Point::Cursor;
        match self.action {
            _ if self.point == Point::MailSent => Some("failed"),
            Action::Kill if beside && self.route == Route::Http && !self.look_up => None,
            Action::Kill if in_doubt && self.route == Route::Http && !self.look_up => Some("given_up"),
            Action::Kill => Some("delivered"),
            Action::Pause | Action::Error | Action::Panic => None,
        }
    }
}

/// What a point means, for the table.
#[must_use]
pub fn meaning(point: Point) -> &'static str {
    match point {
        Point::PollAnswer => "poll answer read",
        Point::Ingest => "ingest commit",
        Point::Cursor => "sweep (cursor) commit",
        Point::Claim => "claim commit",
        Point::Plugin => "plugin running",
        Point::Mapped => "mapped",
        Point::WriteAhead => "attempt row commit",
        Point::Connected => "connected | temporaries written",
        Point::HalfRequest => "half request | phase renaming",
        Point::WholeRequest => "whole request | first renamed",
        Point::Headers => "response headers | all renamed",
        Point::HalfBody => "half body | folder flushed",
        Point::Outcome => "outcome commit",
        Point::StatusWrite => "shop status write",
        Point::StatusConfirmed => "status confirmed commit",
        Point::MailSent => "e-mail sent, not committed",
    }
}
