//! A topic is deleted under the roles that use it: its tenant stops, everybody else goes on, and nobody ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::incident::IncidentKind;
use bellwether_runtime::log::{Access, open};
use bellwether_schemas::Topic;

use support::{World, journal, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_deleted_stops_its_tenant_alone_in_producer_and_worker_and_a_fresh_one_is_taken_up()
{
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().display());
    let log = open(&url, Access::Write, Clock::system()).unwrap();
    let (fxlabs, hextech) = (tenant("fxlabs"), tenant("hextech"));
    let (gone, stays) = (fxlabs.id.clone(), hextech.id.clone());
    let world = World::begin(log, vec![fxlabs, hextech]).await;
    world.until_folded_further(&gone).await;
    world.until_folded_further(&stays).await;

    assert!(world.log.delete(&journal(&gone)).unwrap());
    world.until("the tenant to be left out", |world| world.served.borrow().len() == 1).await;
    world.until_folded_further(&stays).await;
    let begun = world.begun();
    assert!(begun.contains(&(gone.clone(), IncidentKind::MissingTopic)), "{begun:?}");
    assert!(begun.iter().all(|(tenant, _)| *tenant == gone), "{begun:?}");

    // A journal alone that is made again is not the one that its tenant's snapshots were taken of: all goes, all comes.
    for topic in Topic::all(&gone) {
        let _ = world.log.delete(&topic).unwrap();
    }
    for topic in Topic::all(&gone) {
        assert!(world.log.create(&topic).unwrap());
    }
    world.until_folded_further(&gone).await;
    world.until_folded_further(&stays).await;
    world.stop().await;
}
