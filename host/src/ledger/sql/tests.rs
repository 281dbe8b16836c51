//! The contract of the ledger, run against a real file.
