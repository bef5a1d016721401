//! What tests over the whole pipeline judge it by: a second computation, and a reader of its own for what goes in. The
//! tests themselves are in `tests/`, `end_to_end/` and `chaos/` beside this.

pub mod m1;
pub mod reference;
