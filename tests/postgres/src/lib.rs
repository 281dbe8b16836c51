//! Throw-away PostgreSQL for tests: one server for all tests of a workspace, a database of its own for each test.
//!
//! [`database`] gives a test an empty database with the tables that its template made once; it is a copy, which takes some
//! 40 ms, and is dropped at the end. The server is started by whoever needs it first, shared by all test processes (also
//! those of `cargo nextest`, one for each test), and ended by a watchman when nobody has used it for half a minute, however
//! the tests ended. It flushes nothing to the disk.
//!
//! [`Server::start`] gives a test a server of its own, which may be killed, restarted and asked to flush.
//!
//! Where `ORDERDOCK_TEST_POSTGRES` holds the address of a server (`postgres://postgres@127.0.0.1:5432`), that one is used for
//! the databases, and nothing is started.

mod pooler;
mod programs;
mod server;
mod shared;

pub use pooler::Pooler;
pub use server::{Options, Server, Stop, psql as sql};
pub use shared::{Database, database};
