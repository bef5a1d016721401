//! What is wrong with input, configuration or surroundings is said with an exit code, and everything else goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::Place;

#[test]
fn a_tenant_that_is_not_there_is_told_from_those_that_are() {
    let place = Place::new();
    let ran = place.run(&["produce", "synthetic", "--tenant", "nobody"]).ended(78);
    assert_eq!(ran.error(), "no tenant \"nobody\" in tenants: it has fxlabs, hextech");
}
