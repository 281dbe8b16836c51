//! `orderdock database …`: the schema, for those who keep it apart from the daily work.

use clap::Subcommand;
use serde_json::json;

use super::{Failure, open, output::Output};
use crate::config::HostSettings;

/// The ledger's database.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the schema up to date, as the role in the address. Hosts of the version before go on working meanwhile.
    Migrate,
    /// Print the SQL that gives a role what hosts need, and no more: pass it to `psql` as the role that owns the tables.
    Grants {
        /// The role that hosts connect as.
        role: String,
    },
}

/// Runs one.
///
/// # Errors
/// What the database says.
pub async fn run(command: &Command, settings: HostSettings, output: Output) -> Result<(), Failure> {
    match command {
        Command::Migrate => {
            open::arm_failpoints()?;
            let opened = open::beside(settings).await?;
            output.either(&json!({ "database": opened.database, "up_to_date": true }), || {
                output.line(format!("{} has the schema of version {}.", opened.database, env!("CARGO_PKG_VERSION")));
            });
            Ok(())
        }
        Command::Grants { role } => {
            output.text(&grants(role));
            Ok(())
        }
    }
}

/// Rights to work with rows; the tables stay their owner's.
fn grants(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    format!(
        "grant usage on schema public to {role};\n\
         grant select, insert, update, delete on all tables in schema public to {role};\n\
         grant usage, select, update on all sequences in schema public to {role};\n\
         alter default privileges in schema public grant select, insert, update, delete on tables to {role};\n\
         alter default privileges in schema public grant usage, select, update on sequences to {role};\n"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_role_is_quoted() {
        assert!(super::grants("a\"b").contains("to \"a\"\"b\";"));
    }
}
