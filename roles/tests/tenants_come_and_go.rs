//! Tenants' files come, change and go while others are worked for. `TENANTS` (8) says how many; `make tenants` has a
//! hundred come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::Summary;
use bellwether_producers::play::Speed;
use bellwether_roles::topics::{Missing, served};
use bellwether_roles::{Job, MarketChoice, Production, Seed, SyntheticJob};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::roles::{Context, PROCESS, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::tenants::Directory;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use tokio::time::Instant;

/// From the moment its file is there.
const LIVE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(120);
/// Longest that a tenant that was there before may stand still.
const STILL: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

struct World {
    dir: tempfile::TempDir,
    log: Arc<dyn Log>,
    served: TenantSet,
    shutdown: Shutdown,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.raise();
    }
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

fn file(dir: &Path, tenant: &TenantId) -> PathBuf {
    dir.join("tenants").join(format!("{tenant}.toml"))
}

fn add(dir: &Path, tenant: &TenantId) {
    add_with(dir, tenant, "revision = 1");
}

/// Written aside and renamed, so that nobody reads half of it.
fn add_with(dir: &Path, tenant: &TenantId, keys: &str) {
    let text = format!(
        "{keys}\nzone = \"UTC\"\nsymbols = [\"EURUSDm\"]\nsymbol_suffix = \"m\"\n[brand]\nname = \"{tenant}\"\n\
         [database]\n[mail]\nfrom = \"a@{tenant}.example\"\n"
    );
    let aside = dir.join("aside");
    std::fs::write(&aside, text).unwrap();
    std::fs::rename(aside, file(dir, tenant)).unwrap();
}

fn market() -> Job {
    let job = SyntheticJob {
        market: MarketChoice { seed: Seed::Shared(7), ticks_a_minute: 6 },
        speed: Speed::new(600.0).unwrap(),
        start: "2026-03-04T00:00:00Z".parse().unwrap(),
        with_past: false,
        until: None,
        run_for: None,
    };
    Job::Produce(Production::Synthetic(job))
}

impl World {
    /// Producer and worker over an embedded log, for the tenants of a directory.
    async fn begin(first: &TenantId) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tenants")).unwrap();
        add(dir.path(), first);
        let url = format!("embedded:{}", dir.path().join("log").display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        let shutdown = Shutdown::new();
        let directory = Directory::new(&dir.path().join("tenants"), &[], |_| None);
        let files = directory.watch(Incidents::default(), shutdown.clone()).unwrap();
        let served = served(log.clone(), Missing::Made, files, Incidents::default(), shutdown.clone());
        let served = served.await.unwrap();
        let context = Context::new(log.clone(), served.clone(), Clock::system(), shutdown.clone());
        for job in [market(), Job::Process] {
            tokio::spawn(job.run(context.clone(), Arc::new(|_: &TenantId, _: &Summary| {})));
        }
        Self { dir, log, served, shutdown }
    }

    /// How far the tenant's journal is folded; 0 where it has none yet.
    fn folded(&self, tenant: &TenantId) -> u64 {
        self.log.committed(PROCESS.name, &journal(tenant)).ok().flatten().unwrap_or(0)
    }

    fn written(&self, tenant: &TenantId) -> u64 {
        self.log.bounds(&journal(tenant)).unwrap().next
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    fn is_served(&self, tenant: &TenantId) -> bool {
        self.served.borrow().iter().any(|served| served.id == *tenant)
    }
}

/// Longest time that a tenant's fold stood still.
struct Still<'a> {
    world: &'a World,
    tenant: &'a TenantId,
    folded: u64,
    since: Instant,
    longest: Duration,
}

impl<'a> Still<'a> {
    fn of(world: &'a World, tenant: &'a TenantId) -> Self {
        let folded = world.folded(tenant);
        Self { world, tenant, folded, since: Instant::now(), longest: Duration::ZERO }
    }

    fn look(&mut self) {
        let folded = self.world.folded(self.tenant);
        self.longest = self.longest.max(self.since.elapsed());
        if folded > self.folded {
            (self.folded, self.since) = (folded, Instant::now());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_come_and_go_within_ten_seconds_and_those_that_stay_do_not_notice() {
    let count: usize = std::env::var("TENANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(8);
    let stays: TenantId = "stays".parse().unwrap();
    let world = World::begin(&stays).await;
    world.until("the first tenant", |world| world.folded(&stays) > 5).await;
    let new: Vec<TenantId> = (0..count).map(|number| format!("t{number:03}").parse().unwrap()).collect();
    let mut still = Still::of(&world, &stays);
    let mut added = Vec::new();
    for tenant in &new {
        add(world.dir.path(), tenant);
        added.push(Instant::now());
    }
    let mut live = vec![None; count];
    world
        .until("every new tenant", |world| {
            still.look();
            for (place, tenant) in new.iter().enumerate() {
                if live[place].is_none() && world.folded(tenant) > 0 {
                    live[place] = Some(added[place].elapsed());
                }
            }
            live.iter().all(Option::is_some)
        })
        .await;
    let slowest = live.iter().flatten().max().copied().unwrap();

    // Half of them go: nothing more is written for them, and what was stays.
    let (gone, kept) = new.split_at(count / 2);
    gone.iter().for_each(|tenant| std::fs::remove_file(file(world.dir.path(), tenant)).unwrap());
    world.until("those to be let go", |world| gone.iter().all(|tenant| !world.is_served(tenant))).await;
    let folded = world.folded(&stays);
    world.until("the others to go on", |world| world.folded(&stays) > folded + 20).await;
    let stood: Vec<u64> = gone.iter().map(|tenant| world.written(tenant)).collect();
    let folded: Vec<u64> = kept.iter().map(|tenant| world.folded(tenant)).collect();
    world
        .until("those kept to go on", |world| {
            still.look();
            kept.iter().zip(&folded).all(|(tenant, before)| world.folded(tenant) > before + 5)
        })
        .await;
    let stand: Vec<u64> = gone.iter().map(|tenant| world.written(tenant)).collect();
    assert_eq!(stand, stood, "nothing is written for whom is gone");

    // One comes back, and goes on where it stood.
    add(world.dir.path(), &gone[0]);
    world.until("one to come back", |world| world.folded(&gone[0]) > stood[0]).await;
    let longest = still.longest;
    println!(
        "verdict: {count} tenants came, the slowest was live after {slowest:.1?}; {} went; the one that stayed stood still for \
         {longest:.1?} at most",
        gone.len()
    );
    assert!(slowest <= LIVE, "{slowest:?}");
    assert!(longest <= STILL, "{longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_go_on_from_the_journal_leave_out_their_tenant_until_its_file_is_mended() {
    let [stays, fights]: [TenantId; 2] = ["stays", "fights"].map(|id| id.parse().unwrap());
    let world = World::begin(&stays).await;
    let dir = world.dir.path();
    add(dir, &fights);
    world.until("it to be folded", |world| world.folded(&fights) > 0).await;
    std::fs::remove_file(file(dir, &fights)).unwrap();
    world.until("it to be let go", |world| !world.is_served(&fights)).await;

    let wait = async || {
        let folded = world.folded(&stays);
        world.until("the other to go on", |world| world.folded(&stays) > folded + 20).await;
        world.written(&fights)
    };
    let stood = wait().await;
    add_with(dir, &fights, "revision = 1\nlateness_max = \"7s\"");
    world.until("its file", |world| world.is_served(&fights)).await;
    assert_eq!(wait().await, stood, "nothing is produced by settings that the journal does not have");
    add_with(dir, &fights, "revision = 2\nlateness_max = \"7s\"");
    world.until("it to go on", |world| world.folded(&fights) > stood + 5).await;
}
