//! Orderdock.
