//! Tests over the whole pipeline, run as a user would.

pub mod m1;
pub mod reference;
