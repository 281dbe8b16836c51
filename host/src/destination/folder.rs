//! Deliveries into a folder (lifecycle section 6).
