//! The crash matrix: the host dies (or stands still, or is failed) at each of its failpoints, is started again, and is
//! judged by what the shop, the ERP and the mail server wrote down themselves.
//!
//! [`cell`] says what is tried, [`scenario`] plays one cell, [`judge`] says what is wrong afterwards, [`matrix`] runs many
//! and prints them.

pub mod cell;
pub mod judge;
pub mod matrix;
pub mod postgres;
pub mod scenario;
