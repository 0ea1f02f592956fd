//! Xinference's routes beside inference: what is served, and where.

pub(crate) mod catalog;
pub(crate) mod cluster;
pub(crate) mod describe;
pub(crate) mod models;
mod workers;
