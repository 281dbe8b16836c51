//! The contract of the ledger: rules as functions over any ledger, stamped for each database; and what only one of them can
//! do.

mod activations;
mod admissions;
mod canaries;
mod connections;
mod destinations;
mod effects;
mod file;
mod fleet;
mod orders;
mod passes;
mod publishers;
mod races;
mod recorded;
mod reports;
mod rig;
mod server;

/// Stamps rules of the contract as tests on each database.
macro_rules! contract {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::$rule(crate::ledger::sql::tests::rig::Rig::sqlite().await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::$rule(crate::ledger::sql::tests::rig::Rig::postgres().await).await;
                }
            )*
        }
    };
}
pub(crate) use contract;
