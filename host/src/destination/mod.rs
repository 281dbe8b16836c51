//! Destinations: HTTP and the local folder. Deliveries leave here and nowhere else.

pub mod folder;
pub mod http;
pub mod render;
