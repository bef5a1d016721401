//! `bellwether doctor`, the whole: a tenant's database and its pipeline.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bellwether_database::DatabaseError;
use bellwether_database::checks::{self, Session, Visitor};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{ConfigError, Tenant, load_tenant, tenant_files};
use bellwether_runtime::finding::{Finding, Section};
use bellwether_runtime::log::{Access, Log};
use bellwether_runtime::secret::Secret;
use bellwether_schemas::{TenantId, UserId};
use bellwether_sinks::doctor;
use bellwether_sinks::doctor::person::{self, Inquiry};
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::print::{Form, json_of, tell_sections};
use crate::commands::migrate::{ADMIN_URL, optional};
use crate::wiring::{Process, environment};

/// Tenants that are looked at at once.
const AT_ONCE: usize = 8;
/// What looking at one may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(super) struct WholeDoctor {
    /// Whose. Repeatable; without it every tenant's.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
    /// Why this user gets nothing, by id: from their row to their page and inbox. No address is shown.
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Every thing that was looked at, and not only what is not as it should be.
    #[arg(long)]
    verbose: bool,
    /// One JSON object a thing and line.
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
}

/// A tenant's name and its file, or what is wrong with that.
type Named = (String, Result<Tenant, ConfigError>);

/// What every tenant is looked at with.
#[derive(Clone)]
struct Means {
    /// Or why it cannot be read.
    log: Result<Arc<dyn Log>, String>,
    clock: Clock,
    room: Arc<Semaphore>,
    user: Option<UserId>,
}

impl WholeDoctor {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let found = self.found(process).await?;
        // Of one person everything is wanted: how far the market is from their lines is no fault.
        tell_sections(&found, Form::of(self.json, self.verbose || self.user.is_some()))
    }

    async fn found(&self, process: &Process) -> Result<Vec<(String, Vec<Section>)>, ConfigError> {
        let means = Means {
            log: process
                .log_at(self.log.as_ref().unwrap_or(&process.config.log), Access::Read)
                .map_err(|error| format!("{error:#}")),
            clock: process.clock.clone(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            user: self.user,
        };
        let files = self.files(process)?;
        let mut found = self.shared_by_two(process, &files);
        let here = LocalSet::new();
        let looking: Vec<_> = files
            .into_iter()
            .map(|(name, tenant)| (name, here.spawn_local(look(tenant, means.clone()))))
            .collect();
        here.run_until(async {
            for (name, looking) in looking {
                let sections = looking.await.unwrap_or_else(|error| vec![unfinished(&error.to_string())]);
                found.push((name, sections));
            }
        })
        .await;
        Ok(found)
    }

    /// What two files that are sound by themselves say that only one of them may.
    fn shared_by_two(&self, process: &Process, files: &[Named]) -> Vec<(String, Vec<Section>)> {
        if files.iter().any(|(_, tenant)| tenant.is_err()) {
            return Vec::new();
        }
        let clash = process.tenants_named(&self.tenant).err();
        let advice = "give each tenant its own: until then neither is served anew";
        let told = |error: ConfigError| one("file", Finding::fault("file", error.to_string(), advice));
        clash.map(|error| ("tenants".into(), vec![told(error)])).into_iter().collect()
    }

    /// Each tenant's file by itself, so that one that cannot be read keeps no other from being looked at.
    fn files(&self, process: &Process) -> Result<Vec<Named>, ConfigError> {
        let dir = &process.config.tenants;
        let files: Vec<PathBuf> = match self.tenant.as_slice() {
            [] => tenant_files(dir)?,
            named => named.iter().map(|tenant| dir.join(format!("{tenant}.toml"))).collect(),
        };
        let load = |file: PathBuf| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, load_tenant(&file, &environment))
        };
        Ok(files.into_iter().map(load).collect())
    }
}

/// What is found of these tenants, or of every one, as a JSON object a line.
pub(in crate::commands) async fn found_as_json(
    process: &Process,
    tenant: Vec<TenantId>,
    log: Option<String>,
) -> Result<String, ConfigError> {
    let doctor = WholeDoctor { tenant, user: None, log, verbose: false, json: true };
    Ok(json_of(&doctor.found(process).await?))
}

/// Everything about one tenant, within its time.
async fn look(tenant: Result<Tenant, ConfigError>, means: Means) -> Vec<Section> {
    let _place = means.room.acquire().await;
    let tenant = match tenant {
        Ok(tenant) => tenant,
        Err(error) => {
            let advice = "set it right: until then this tenant is not served, or as it was before";
            return vec![one("file", Finding::fault("file", error.to_string(), advice))];
        }
    };
    let looked = async {
        match means.user {
            None => sections(&tenant, &means).await,
            Some(user) => why_nothing(&tenant, user, &means).await,
        }
    };
    let looked = tokio::time::timeout(PATIENCE, looked).await;
    looked.unwrap_or_else(|_| vec![unfinished(&format!("no end within {} s", PATIENCE.as_secs()))])
}

async fn sections(tenant: &Tenant, means: &Means) -> Vec<Section> {
    let (now, mut sections) = (means.clock.now(), Vec::new());
    let log = means.log.as_ref().ok();
    let delivery = match Session::of_pipeline(tenant).await {
        Ok(mut session) => {
            sections.extend(checks::look(&mut session, tenant, &means.clock).await);
            sections.push(outside(tenant).await);
            Some(doctor::delivery(&mut session, log, tenant, now).await)
        }
        Err(error) => {
            sections.push(away(error));
            match log {
                Some(log) => Some(doctor::parked(log, tenant, now).await),
                None => None,
            }
        }
    };
    sections.push(match &means.log {
        Ok(log) => doctor::log(log, tenant, now).await,
        Err(error) => {
            one("log", Finding::fault("log", error, "see that `log` in bellwether.toml, or --log, is right"))
        }
    });
    sections.extend(delivery);
    sections
}

fn away(error: DatabaseError) -> Section {
    let advice =
        "see that it answers and that database.url_file is right; the sinks go on by themselves then";
    let found = format!("{:#}", anyhow::Error::from(error));
    one("database", Finding::fault("database", found, advice))
}

/// What stands between a user and what they are to get.
async fn why_nothing(tenant: &Tenant, user: UserId, means: &Means) -> Vec<Section> {
    let mut session = match Session::of_pipeline(tenant).await {
        Ok(session) => session,
        Err(error) => return vec![away(error)],
    };
    let mut owner = match optional(&tenant.id, ADMIN_URL) {
        Ok(Some(url)) => Session::of_owner(&tenant.id, &url).await.ok(),
        _ => None,
    };
    let log = means.log.as_ref().ok();
    let mut sections =
        person::look(Inquiry { tenant, user, session: &mut session, owner: owner.as_mut(), log }).await;
    if let Err(error) = &means.log {
        sections.push(one(
            "log",
            Finding::unseen("log", format!("not looked at: {error}"), "name it with --log"),
        ));
    }
    sections
}

/// Every table tried as somebody who has not signed in.
async fn outside(tenant: &Tenant) -> Section {
    const ABOUT: &str = "anon";
    let findings = match optional(&tenant.id, ADMIN_URL) {
        Err(error) => vec![Finding::fault(ABOUT, error.to_string(), "set one of the two")],
        Ok(None) => vec![Finding::unseen(
            ABOUT,
            "not looked at: what anon reads in each table",
            "set <TENANT>_ADMIN_DATABASE_URL for this command",
        )],
        Ok(Some(url)) => tried(tenant, &url, Visitor::Anybody).await,
    };
    Section { name: "outside", findings }
}

async fn tried(tenant: &Tenant, url: &Secret, visitor: Visitor) -> Vec<Finding> {
    let sights = match Session::of_owner(&tenant.id, url).await {
        Ok(mut session) => checks::sights(&mut session, visitor).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
    };
    match sights {
        Ok(sights) => checks::judge_sights(visitor, &sights),
        Err(error) => {
            let advice = "its URL is to be of a role that may act as anon and authenticated, as Supabase's postgres may";
            vec![Finding::unseen("anon", format!("not looked at: {error}"), advice)]
        }
    }
}

fn one(name: &'static str, finding: Finding) -> Section {
    Section { name, findings: vec![finding] }
}

fn unfinished(reason: &str) -> Section {
    one(
        "doctor",
        Finding::fault("doctor", format!("did not come to an end: {reason}"), "run it for this tenant alone"),
    )
}
