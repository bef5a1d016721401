//! Every role in one process: both example tenants on an embedded log, a private Postgres, an inbox and a page.
//!
//! Nothing here is a shortcut: the roles are those that run as processes of their own, joined by the same topics.

mod home;
mod market;
mod morning;
mod show;
mod stages;
mod stored;
mod summary;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bellwether_gateway::public::Public;
use bellwether_gateway::{LiveState, Site, TenantInfo, router, serve};
use bellwether_producers::play::Speed;
use bellwether_producers::sources::{FileOptions, Input};
use bellwether_roles::RoleError;
use bellwether_roles::topics::{self, Missing};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{ConfigError, SmtpServer, Tenant};
use bellwether_runtime::log::embedded::EmbeddedLog;
use bellwether_runtime::log::{Access, Log, LogError};
use bellwether_runtime::roles::Role;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::match_key;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::morning::Morning;
use crate::inbox::{Inbox, InboxError};
use crate::postgres::{Options as PostgresOptions, Postgres, PostgresError};
use crate::seed::{self, SeedError, Seeded, User};

pub use home::default_dir;
pub use summary::{Mails, Summary, TenantSummary};

/// How the demo is run.
#[derive(Clone)]
pub struct Options {
    /// Where it keeps everything; see [`default_dir`].
    pub dir: PathBuf,
    /// The page's port; none: 8765, or any free one where that is taken.
    pub port: Option<u16>,
    /// Ends by itself after this long.
    pub run_for: Option<Duration>,
    /// How fast ticks play until they meet the present.
    pub speed: Speed,
    /// The morning brief comes that long after the start, with news; none: at the tenants' own hour.
    pub brief_in: Option<Duration>,
    /// Files to play to both tenants in place of the synthetic market; it ends by itself when they do.
    pub inputs: Vec<Input>,
    /// How they are to be read.
    pub reading: FileOptions,
    /// The text of `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Why the demo cannot run, or could not end well.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The demo's directory cannot be made or read.
    #[error("cannot {what} {}", path.display())]
    Directory {
        /// What was being done, as `create`.
        what: &'static str,
        /// The path it was done to.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The page's port is taken, or not ours to take.
    #[error("cannot listen on 127.0.0.1:{port} (choose another with --port)")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The example tenants' files cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The embedded log cannot be opened, written or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The private Postgres does not run.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A tenant's database cannot be made ready.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A tenant's database, while it runs.
    #[error("the database of {tenant} cannot be read")]
    Database {
        /// The tenant whose database did not answer.
        tenant: String,
        /// What the server or the connection said.
        source: sqlx::Error,
    },
    /// The inbox does not run.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// A page's template does not render: a fault of ours.
    #[error("the demo page is broken: {0}")]
    Page(String),
    /// A journal could not be read for its alerts.
    #[error(transparent)]
    Producer(#[from] bellwether_producers::ProducerError),
    /// The journal could not be folded once more for the summary.
    #[error(transparent)]
    Worker(#[from] bellwether_worker::WorkerError),
    /// A role cannot be run.
    #[error("{role}")]
    Job {
        /// The role that ended.
        role: Role,
        /// What made it end.
        source: RoleError,
    },
    /// Something did not finish what it had.
    #[error("{what}: {reason}: start the demo again on the same directory, it goes on where it stood")]
    Slow {
        /// The stage that did not end.
        what: String,
        /// How long it had.
        reason: String,
    },
    /// Something ended before it was asked to.
    #[error("{what} ended: {reason}")]
    Ended {
        /// What failed, for people.
        what: String,
        /// Why it ended, for people.
        reason: String,
    },
}

type Result<T> = std::result::Result<T, DemoError>;

/// One tenant with what the demo gave it.
#[derive(Debug, Clone)]
struct Member {
    tenant: Tenant,
    seeded: Seeded,
    users: Vec<User>,
}

/// Everything that a demo runs; [`Demo::run`] drives it to its end.
pub struct Demo {
    options: Options,
    clock: Clock,
    listener: TcpListener,
    address: SocketAddr,
}

impl Demo {
    /// Takes the page's port, so that its address can be told before anything else.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn open(options: Options, clock: Clock) -> Result<Self> {
        let listener = listen(options.port).await?;
        let address = listener.local_addr().map_err(|source| DemoError::Listen { port: 0, source })?;
        Ok(Self { options, clock, listener, address })
    }

    /// Where the page is served: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Runs until it is asked to stop, its time is over, or its files are played; then drains every stage in turn.
    ///
    /// # Errors
    /// Something it needs cannot be had, or a role broke.
    pub async fn run(self, shutdown: Shutdown) -> Result<Summary> {
        let Self { options, clock, listener, address } = self;
        let home = home::Home::at(&options.dir)?;
        let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(&home.log(), Access::Write, clock.clone())?);
        let postgres =
            Postgres::start(&home.postgres(), PostgresOptions { tied: false, ..Default::default() }).await?;
        let inbox = Inbox::start(([127, 0, 0, 1], 0).into(), Some(home.inbox()), clock.clone()).await?;
        let morning = options.brief_in.map(|wait| home.morning(clock.now(), wait)).transpose()?;
        let surroundings = Surroundings { postgres: &postgres, inbox: inbox.addr, page: address };
        let members = members(&options, &home, &surroundings, clock.now(), morning.as_ref()).await?;
        let tenants: Vec<Tenant> = members.iter().map(|member| member.tenant.clone()).collect();
        topics::ensure(&log, Missing::Made, &tenants).await?;
        let live = LiveState::new(members.iter().map(|member| TenantInfo::from(&member.tenant)));
        let links = links(&tenants, &clock)?;
        let page = page(&options, &live, &inbox, links, listener, &shutdown)?;
        let feed = show::PageFeed::start(&log, &live, &members, &inbox).await?;
        let run = stages::Run { log: Arc::clone(&log), clock, members, options, morning };
        let drained = run.until_done(&shutdown).await;
        shutdown.raise();
        let summary = match drained {
            Ok(()) => summary::read(log, &run.members).await,
            Err(error) => Err(error),
        };
        feed.stop().await;
        let _ = page.await;
        inbox.stop().await;
        postgres.stop().await?;
        summary
    }
}

async fn listen(port: Option<u16>) -> Result<TcpListener> {
    const USUAL: u16 = 8765;
    let bind = async |port: u16| {
        let bound = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await;
        bound.map_err(|source| DemoError::Listen { port, source })
    };
    match port {
        Some(port) => bind(port).await,
        None => match bind(USUAL).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0).await,
        },
    }
}

/// What stands around the tenants of a demo.
struct Surroundings<'a> {
    postgres: &'a Postgres,
    /// Where their mail goes.
    inbox: SocketAddr,
    /// Where their pages are, those behind the links of their mails among them.
    page: SocketAddr,
}

impl Surroundings<'_> {
    /// What the tenant's file leaves to where it runs. The key of links stays the same, so that those of mails from
    /// before go on working on the same port.
    fn place(&self, tenant: &mut Tenant, seeded: &Seeded) {
        tenant.database.url = Some(seeded.pipeline.clone());
        tenant.database.gateway_url = Some(seeded.gateway.clone());
        tenant.mail.smtp = Some(SmtpServer::on_this_machine(self.inbox.port()));
        // Weeks pass within minutes: by the hours of the wall clock nearly all of it would be digests.
        tenant.mail.alerts_a_user_an_hour = NonZeroU32::MAX;
        tenant.mail.unsubscribe_key = Some(self.postgres.password_of(&format!("links of {}", tenant.id)));
        tenant.brand.unsubscribe_url = format!("http://{}/unsubscribe", self.page).parse().ok();
    }
}

/// The example tenants with databases of their own, users and alerts in them, mailing to the inbox.
async fn members(
    options: &Options,
    home: &home::Home,
    surroundings: &Surroundings<'_>,
    now: Timestamp,
    morning: Option<&Morning>,
) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for mut tenant in home.tenants()? {
        let seeded =
            seed::database(surroundings.postgres, &format!("demo_{}", tenant.id), &tenant.id).await?;
        let (users, alerts) = seed::sample(&tenant.id);
        let opening = market::opening(options, &tenant, now)?;
        let at_prices = seed::price_alerts(&tenant.id, |symbol| opening.get(&match_key(symbol)).copied());
        seed::add_users(&seeded.admin, &users).await?;
        seed::add_alerts(&seeded.admin, &[alerts, at_prices].concat()).await?;
        surroundings.place(&mut tenant, &seeded);
        morning.map_or(Ok(()), |morning| morning.wake(&mut tenant))?;
        let member = Member { tenant, seeded, users };
        stored::release_claims(&member).await?;
        members.push(member);
    }
    Ok(members)
}

/// The pages behind the links in the demo's mails.
fn links(tenants: &[Tenant], clock: &Clock) -> Result<Router> {
    let tenants = watch::channel(Arc::new(tenants.to_vec())).1;
    let public = Public::new(tenants, clock.clone(), None);
    Ok(public.map_err(|error| DemoError::Page(error.to_string()))?.links())
}

fn page(
    options: &Options,
    live: &LiveState,
    inbox: &Inbox,
    links: Router,
    listener: TcpListener,
    shutdown: &Shutdown,
) -> Result<JoinHandle<std::io::Result<()>>> {
    let site = Site {
        mails: Some(Arc::new(inbox.store.clone())),
        metrics: Some(Arc::clone(&options.metrics)),
        links: Some(links),
        ..Site::new(live.clone())
    };
    let router = router(site, shutdown.clone()).map_err(|error| DemoError::Page(error.to_string()))?;
    Ok(tokio::spawn(serve(listener, router, shutdown.clone())))
}
