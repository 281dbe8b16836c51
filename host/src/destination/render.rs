//! Segments to bytes: secrets are put into their places here, and only here.
