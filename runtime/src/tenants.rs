//! Tenants as their files say now: one is added, changed or removed without a restart, and one whose file is bad costs no
//! other anything.

mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bellwether_schemas::TenantId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{
    ConfigError, Fault, Tenant, examine_tenants, in_dispute, load_named, load_tenant, load_tenants,
    named_files, tenant_file, tenant_files, unknown,
};
use crate::incident::Incidents;
use crate::roles::TenantSet;
use crate::shutdown::Shutdown;

use watcher::Watcher;

type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
type Demand = Arc<dyn Fn(&Tenant) -> Result<(), String> + Send + Sync>;

/// Where tenants' files are read, and whose.
#[derive(Clone)]
pub struct Directory {
    dir: PathBuf,
    /// Only these tenants, of whom alone anything is read; none named: all there are.
    only: Vec<TenantId>,
    environment: Environment,
    demand: Demand,
}

/// Whom the files let be served.
#[derive(Debug, Default)]
pub struct Reading {
    /// In order of id.
    pub tenants: Vec<Tenant>,
    /// Files that are not used as they are now, each with what is wrong.
    pub bad: BTreeMap<PathBuf, ConfigError>,
}

impl Directory {
    /// The files of that directory; with names, those of these tenants alone.
    pub fn new(
        dir: &Path,
        only: &[TenantId],
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let only: BTreeSet<TenantId> = only.iter().cloned().collect();
        Self {
            dir: dir.into(),
            only: only.into_iter().collect(),
            environment: Arc::new(environment),
            demand: Arc::new(|_| Ok(())),
        }
    }

    /// The same for a role that needs more of a file than that it is right: `demand` says what one lacks.
    #[must_use]
    pub fn demanding(
        mut self,
        demand: impl Fn(&Tenant) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.demand = Arc::new(demand);
        self
    }

    /// What the files say now, for who needs them all.
    ///
    /// # Errors
    /// As [`load_tenants`] and [`load_named`].
    pub fn load(&self) -> Result<Vec<Tenant>, ConfigError> {
        if self.only.is_empty() {
            return load_tenants(&self.dir, &*self.environment);
        }
        load_named(&self.dir, &self.only, &*self.environment)
    }

    /// Reads the files for who knows of nobody yet. A bad one leaves its tenant out, and what two have of which only one
    /// may have it leaves out both: nobody can say whose it is.
    ///
    /// # Errors
    /// The directory cannot be read, or somebody who was named has no file.
    pub fn look(&self) -> Result<Reading, ConfigError> {
        let files = self.files()?;
        for name in &self.only {
            if !files.contains(&tenant_file(&self.dir, name)) {
                return Err(unknown(&self.dir, name)?);
            }
        }
        Ok(self.reload(&[]))
    }

    /// Reads the files for a role that starts: as [`Self::look`].
    ///
    /// # Errors
    /// As there, or nobody is left: the only tenant, or each of several, has a bad file.
    pub fn read(&self) -> Result<Reading, ConfigError> {
        let mut reading = self.look()?;
        match reading.bad.pop_first() {
            Some((_, error)) if reading.tenants.is_empty() => return Err(error),
            Some((file, error)) => drop(reading.bad.insert(file, error)),
            None => {}
        }
        Ok(reading)
    }

    /// Reads the files as [`Self::read`], and again every two seconds and on SIGHUP until shutdown. A bad file is said
    /// once and keeps what its tenant was; a file that is gone takes its tenant with it; other tenants notice neither.
    ///
    /// # Errors
    /// The first reading: as [`Self::read`].
    pub fn watch(&self, incidents: Incidents, shutdown: Shutdown) -> Result<TenantSet, ConfigError> {
        let first = self.read()?;
        let hangup = signal(SignalKind::hangup())
            .map_err(|error| ConfigError::Unreadable { file: self.dir.clone(), reason: error.to_string() })?;
        let mut watcher = Watcher::new(self.clone(), incidents);
        watcher.tell(&first);
        let (sender, receiver) = watch::channel(Arc::new(first.tenants));
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

    /// What the files say now, beside those who run.
    fn reload(&self, running: &[Tenant]) -> Reading {
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => {
                return Reading {
                    tenants: running.to_vec(),
                    bad: BTreeMap::from([(self.dir.clone(), error)]),
                };
            }
        };
        let mut reading = Reading::default();
        for file in files {
            match self.tenant(&file) {
                Ok(tenant) => reading.tenants.push(tenant),
                Err(error) => {
                    let was = running.iter().find(|tenant| tenant_file(&self.dir, &tenant.id) == file);
                    reading.tenants.extend(was.cloned());
                    reading.bad.insert(file, error);
                }
            }
        }
        reading.part(&self.dir, running);
        reading
    }

    fn tenant(&self, file: &Path) -> Result<Tenant, ConfigError> {
        let tenant = load_tenant(file, &*self.environment)?;
        match (self.demand)(&tenant) {
            Ok(()) => Ok(tenant),
            Err(reason) => Err(ConfigError::Unfit { file: file.into(), reason }),
        }
    }
}

impl Reading {
    /// Of those who have what only one may have, each that runs stays what it was, and the others are left out. Who goes
    /// back to what it was may stand in the way of another, so it is looked at until nobody has to give way: at the
    /// latest when all are as they ran, and of these no two were in dispute.
    fn part(&mut self, dir: &Path, running: &[Tenant]) {
        loop {
            let mut gave_way = false;
            for (id, error) in in_dispute(dir, &self.tenants) {
                let was = running.iter().find(|tenant| tenant.id == id);
                let Some(place) = self.tenants.iter().position(|tenant| tenant.id == id) else { continue };
                match was {
                    Some(was) if *was == self.tenants[place] => continue,
                    Some(was) => self.tenants[place] = was.clone(),
                    None => drop(self.tenants.remove(place)),
                }
                self.bad.entry(tenant_file(dir, &id)).or_insert(error);
                gave_way = true;
            }
            if !gave_way {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
