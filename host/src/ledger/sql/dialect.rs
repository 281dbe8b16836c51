//! The few fragments of SQL in which SQLite and PostgreSQL differ. Everything else is one text for both.
//!
//! In statements that run for every order, a bare parameter stands neither behind `limit` nor beside a column that a partial
//! index names in its `where`: SQLite looks at its value when it plans, and so plans anew whenever another is bound, which
//! cost a fifth of the host's processor time. A `cast` around the parameter keeps the plan.

/// The texts of a JSON array that is bound as parameter `$n`, as a table of one column named `value`.
/// PostgreSQL: `jsonb_array_elements_text($n::jsonb) as value`.
pub fn texts(parameter: u8) -> String {
    format!("json_each(${parameter})")
}

/// Takes the write lock with the first statement, so that nothing that was read can change before it is written.
/// PostgreSQL: `begin`; its rows are locked one by one.
pub const BEGIN_WRITE: &str = "begin immediate";

/// The end of a group: the ledger's sequence grows with each commit that changed something.
pub const COMMIT_WRITE: &str = "update meta set number = number + 1 where name = 'sequence'; commit";
