//! Tenants as their files say now: one is added, changed or removed without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::TenantId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{
    ConfigError, Fault, Tenant, examine_tenants, load_named, load_tenant, load_tenants, named_files,
    refuse_shared, tenant_file, tenant_files,
};
use crate::incident::{IncidentKind, Incidents};
use crate::roles::TenantSet;
use crate::shutdown::Shutdown;

/// Between two looks at the directory.
const LOOK: Duration = Duration::from_secs(2);

type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where tenants' files are read, and whose.
#[derive(Clone)]
pub struct Directory {
    dir: PathBuf,
    /// Only these tenants, of whom alone anything is read; none named: all there are.
    only: Vec<TenantId>,
    environment: Environment,
}

impl Directory {
    /// The files of that directory; with names, those of these tenants alone.
    pub fn new(
        dir: &Path,
        only: &[TenantId],
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { dir: dir.into(), only: only.into(), environment: Arc::new(environment) }
    }

    /// What the files say now.
    ///
    /// # Errors
    /// As [`load_tenants`] and [`load_named`].
    pub fn load(&self) -> Result<Vec<Tenant>, ConfigError> {
        if self.only.is_empty() {
            return load_tenants(&self.dir, &*self.environment);
        }
        load_named(&self.dir, &self.only, &*self.environment)
    }

    /// Reads the files, and again every two seconds and on SIGHUP until shutdown. Later a bad file is said once and
    /// keeps what its tenant was; a file that is gone takes its tenant with it; other tenants notice neither.
    ///
    /// # Errors
    /// The first reading: as [`Self::load`].
    pub fn watch(&self, incidents: Incidents, shutdown: Shutdown) -> Result<TenantSet, ConfigError> {
        let (sender, receiver) = watch::channel(Arc::new(self.load()?));
        let hangup = signal(SignalKind::hangup())
            .map_err(|error| ConfigError::Unreadable { file: self.dir.clone(), reason: error.to_string() })?;
        let watcher = Watcher { directory: self.clone(), incidents, told: BTreeMap::new() };
        tokio::spawn(watcher.run(sender, hangup, shutdown));
        Ok(receiver)
    }

    /// The tenants as far as their files can be read, and everything that is wrong with any of them.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn examine(&self) -> Result<(Vec<Tenant>, Vec<Fault>), ConfigError> {
        examine_tenants(&self.dir, &*self.environment)
    }

    /// Who has a file, told by its name alone.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> Result<BTreeSet<String>, ConfigError> {
        let stem = |file: PathBuf| Some(file.file_stem()?.to_string_lossy().into_owned());
        Ok(self.files()?.into_iter().filter_map(stem).collect())
    }

    fn files(&self) -> Result<Vec<PathBuf>, ConfigError> {
        if self.only.is_empty() { tenant_files(&self.dir) } else { named_files(&self.dir, &self.only) }
    }

    /// The tenants from now on, and what is wrong with which file.
    fn reload(&self, running: &[Tenant]) -> (Vec<Tenant>, BTreeMap<PathBuf, String>) {
        let mut bad = BTreeMap::new();
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => {
                bad.insert(self.dir.clone(), error.to_string());
                return (running.to_vec(), bad);
            }
        };
        let has_file = |tenant: &&Tenant| files.contains(&tenant_file(&self.dir, &tenant.id));
        let mut next: Vec<Tenant> = running.iter().filter(has_file).cloned().collect();
        for file in files {
            let changed = load_tenant(&file, &*self.environment);
            match changed.and_then(|tenant| with(&self.dir, &next, tenant)) {
                Ok(tenants) => next = tenants,
                Err(error) => drop(bad.insert(file, error.to_string())),
            }
        }
        (next, bad)
    }
}

struct Watcher {
    directory: Directory,
    incidents: Incidents,
    /// What was said of each file that is bad, so that it is said once.
    told: BTreeMap<PathBuf, String>,
}

impl Watcher {
    async fn run(mut self, tenants: watch::Sender<Arc<Vec<Tenant>>>, mut hangup: Signal, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.raised() => return,
                () = tokio::time::sleep(LOOK) => {}
                _ = hangup.recv() => {}
            }
            let running = tenants.borrow().clone();
            let directory = self.directory.clone();
            let look = move || directory.reload(&running);
            let Ok((next, bad)) = tokio::task::spawn_blocking(look).await else { return };
            self.tell(&next, bad);
            tenants.send_if_modified(|running| {
                let changed = **running != next;
                if changed {
                    tell_changes(running, &next);
                    *running = Arc::new(next);
                }
                changed
            });
        }
    }

    fn tell(&mut self, tenants: &[Tenant], bad: BTreeMap<PathBuf, String>) {
        for (file, reason) in &bad {
            if self.told.get(file) != Some(reason) {
                tracing::error!(file = %file.display(), reason, "a tenant's file is not used; what was known stays");
            }
            if let Some(tenant) = whose(file) {
                self.incidents.begin(IncidentKind::BadFile, &tenant, reason);
            }
        }
        let is_good = |tenant: &&Tenant| !bad.contains_key(&tenant_file(&self.directory.dir, &tenant.id));
        for tenant in tenants.iter().filter(is_good) {
            self.incidents.end(IncidentKind::BadFile, &tenant.id);
        }
        self.told = bad;
    }
}

fn whose(file: &Path) -> Option<TenantId> {
    file.extension()?;
    file.file_stem()?.to_str()?.parse().ok()
}

/// These tenants with that one new or changed, in order of id; refused where it takes what is another's.
fn with(dir: &Path, tenants: &[Tenant], tenant: Tenant) -> Result<Vec<Tenant>, ConfigError> {
    let mut next: Vec<Tenant> = tenants.iter().filter(|other| other.id != tenant.id).cloned().collect();
    next.push(tenant);
    next.sort_by(|a, b| a.id.cmp(&b.id));
    refuse_shared(dir, &next)?;
    Ok(next)
}

fn tell_changes(before: &[Tenant], after: &[Tenant]) {
    let find = |tenants: &[Tenant], id| tenants.iter().position(|tenant| tenant.id == id);
    for tenant in after {
        match find(before, tenant.id.clone()) {
            None => tracing::info!(tenant.id = %tenant.id, "a tenant was added"),
            Some(at) if before[at] != *tenant => {
                tracing::info!(tenant.id = %tenant.id, revision = tenant.revision, "a tenant's file changed");
            }
            Some(_) => {}
        }
    }
    for gone in before.iter().filter(|tenant| find(after, tenant.id.clone()).is_none()) {
        tracing::info!(tenant.id = %gone.id, "a tenant was removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, revision: i64) -> String {
        format!(
            "revision = {revision}\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"{name}\"\n[database]\n\
             url_file = \"{name}.url\"\n[mail]\nfrom = \"{name} <a@{name}.example>\"\n"
        )
    }

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            for name in ["fxlabs", "hextech"] {
                files.write(&format!("{name}.url"), &format!("postgres://{name}"));
                files.write(&format!("{name}.toml"), &text(name, 1));
            }
            files
        }

        fn write(&self, name: &str, text: &str) {
            // Written aside and renamed, so that nobody reads half of it.
            std::fs::write(self.0.path().join("aside"), text).unwrap();
            std::fs::rename(self.0.path().join("aside"), self.0.path().join(name)).unwrap();
        }

        fn directory(&self, only: &[&str]) -> Directory {
            let only: Vec<TenantId> = only.iter().map(|id| id.parse().unwrap()).collect();
            Directory::new(self.0.path(), &only, |_| None)
        }

        fn reload(&self, running: &[Tenant]) -> (Vec<Tenant>, Vec<String>) {
            let (next, bad) = self.directory(&[]).reload(running);
            (next, bad.into_values().collect())
        }
    }

    fn ids(tenants: &[Tenant]) -> Vec<(&str, i64)> {
        tenants.iter().map(|tenant| (tenant.id.as_str(), tenant.revision)).collect()
    }

    #[test]
    fn a_bad_file_keeps_what_its_tenant_was_and_disturbs_no_other() {
        let files = Files::new();
        let (running, bad) = files.reload(&[]);
        assert_eq!((ids(&running), bad.len()), (vec![("fxlabs", 1), ("hextech", 1)], 0));
        files.write("fxlabs.toml", &text("fxlabs", 2).replace("Kolkata", "Kolkatta"));
        files.write("hextech.toml", &text("hextech", 2));
        let (next, bad) = files.reload(&running);
        assert_eq!(ids(&next), [("fxlabs", 1), ("hextech", 2)]);
        assert!(bad.len() == 1 && bad[0].contains("Kolkatta"), "{bad:?}");
    }

    #[test]
    fn a_tenant_may_not_take_what_is_anothers() {
        let files = Files::new();
        let (running, _) = files.reload(&[]);
        // First in order of name, so that it is looked at before the one it takes from.
        files.write("aaa.toml", &text("fxlabs", 1).replace("a@fxlabs", "a@aaa"));
        files.write("fxlabs.toml", &text("fxlabs", 2).replace("fxlabs.url", "hextech.url"));
        let (next, bad) = files.reload(&running);
        assert_eq!(ids(&next), [("fxlabs", 1), ("hextech", 1)]);
        assert!(bad.len() == 2 && bad.iter().all(|reason| reason.contains("database.url_file")), "{bad:?}");
    }

    #[test]
    fn a_new_secret_is_a_change_and_a_file_that_is_gone_takes_its_tenant_with_it() {
        let files = Files::new();
        let (running, _) = files.reload(&[]);
        files.write("fxlabs.url", "postgres://elsewhere");
        std::fs::remove_file(files.0.path().join("hextech.toml")).unwrap();
        let (next, bad) = files.reload(&running);
        assert_eq!((ids(&next), bad.len()), (vec![("fxlabs", 1)], 0));
        assert_ne!(next[0], running[0]);
    }

    #[test]
    fn a_directory_that_cannot_be_read_changes_nothing() {
        let files = Files::new();
        let (running, _) = files.reload(&[]);
        let nowhere = Directory::new(&files.0.path().join("nowhere"), &[], |_| None);
        let (next, bad) = nowhere.reload(&running);
        assert_eq!((next == running, bad.len()), (true, 1));
    }

    #[tokio::test]
    async fn a_tenant_is_added_and_changed_within_five_seconds() {
        let files = Files::new();
        let shutdown = Shutdown::new();
        let mut tenants = files.directory(&[]).watch(Incidents::default(), shutdown.clone()).unwrap();
        assert_eq!(ids(&tenants.borrow_and_update()), [("fxlabs", 1), ("hextech", 1)]);
        files.write("acme.url", "postgres://acme");
        files.write("acme.toml", &text("acme", 1));
        let five = Duration::from_secs(5);
        tokio::time::timeout(five, tenants.changed()).await.unwrap().unwrap();
        assert_eq!(ids(&tenants.borrow_and_update()), [("acme", 1), ("fxlabs", 1), ("hextech", 1)]);
        shutdown.raise();
        assert!(tokio::time::timeout(five, tenants.changed()).await.unwrap().is_err());
    }

    #[test]
    fn the_first_reading_refuses_a_bad_file() {
        let files = Files::new();
        files.write("fxlabs.toml", "revision = true");
        assert!(files.directory(&[]).load().is_err());
    }

    #[test]
    fn of_tenants_that_were_not_named_nothing_is_read() {
        let files = Files::new();
        files.write("fxlabs.toml", "revision = true");
        let only = files.directory(&["hextech"]);
        let running = only.load().unwrap();
        assert_eq!(ids(&running), [("hextech", 1)]);
        files.write("acme.toml", &text("acme", 1));
        files.write("hextech.toml", &text("hextech", 2));
        let (next, bad) = only.reload(&running);
        assert_eq!((ids(&next), bad.len()), (vec![("hextech", 2)], 0));
        std::fs::remove_file(files.0.path().join("hextech.toml")).unwrap();
        assert!(only.reload(&next).0.is_empty());
        let unknown = files.directory(&["nobody"]).load().unwrap_err().to_string();
        assert!(
            unknown.contains("no tenant \"nobody\"") && unknown.ends_with("it has acme, fxlabs"),
            "{unknown}"
        );
    }

    #[tokio::test]
    async fn a_file_that_goes_bad_is_an_incident_of_its_tenant_until_it_is_mended() {
        let files = Files::new();
        let (shutdown, (incidents, news)) = (Shutdown::new(), Incidents::new(crate::clock::Clock::system()));
        let _tenants = files.directory(&[]).watch(incidents, shutdown.clone()).unwrap();
        let told = async |text: &str| {
            let told = async {
                loop {
                    news.changed().await;
                    let of = |tenant: &TenantId| tenant.as_str() == "fxlabs";
                    let mut taken = news
                        .take()
                        .into_iter()
                        .filter(|((tenant, kind), _)| of(tenant) && *kind == IncidentKind::BadFile);
                    if taken.any(|(_, change)| format!("{change:?}").contains(text)) {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
        };
        files.write("fxlabs.toml", &text("fxlabs", 2).replace("Kolkata", "Kolkatta"));
        told("Kolkatta").await;
        files.write("fxlabs.toml", &text("fxlabs", 2));
        told("Ended").await;
        shutdown.raise();
    }
}
