//! What there is to be seen from outside, a file a matter. What cannot be seen keeps nothing else from being seen.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::config::{load_tenant, tenant_files};
use bellwether_runtime::http::{Limits, Place, Question, ask};
use bellwether_runtime::log::{Access, Bounds, Log, LogError, blocking, scan};
use bellwether_runtime::roles::Role;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::snapshots::FORMAT as SNAPSHOT_FORMAT;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::commands::doctor::found_as_json;
use crate::wiring::{Process, environment};

/// What a process may take to show its metrics, and how many bytes of them are taken.
const METRICS: Limits = Limits { time: Duration::from_secs(5), bytes: 16 * 1024 * 1024 };

/// What is looked at.
pub(super) struct Sight<'a> {
    pub(super) process: &'a Process,
    pub(super) tenants: &'a [TenantId],
    pub(super) log: Option<&'a str>,
    pub(super) metrics: Vec<SocketAddr>,
    pub(super) apart: Duration,
    pub(super) logs: &'a [PathBuf],
    pub(super) log_bytes: u64,
}

/// What was seen.
#[derive(Default)]
pub(super) struct Gathered {
    /// Name and text.
    pub(super) files: Vec<(String, String)>,
    /// What could not be seen, and why.
    pub(super) unseen: Vec<String>,
}

impl Gathered {
    fn put(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.files.push((name.into(), text.into()));
    }

    fn put_json(&mut self, name: impl Into<String>, value: &Value) {
        self.put(name, format!("{value:#}\n"));
    }

    fn miss(&mut self, what: &str, why: impl std::fmt::Display) {
        self.unseen.push(format!("{what}: {why}"));
    }
}

impl Sight<'_> {
    /// Everything, in the order in which it is looked at: what changes by itself twice, first and last.
    pub(super) async fn gather(&self, shutdown: &Shutdown, show: &dyn Fn(&str)) -> Gathered {
        let mut seen = Gathered::default();
        let (begun, at) = (self.process.clock.now(), Instant::now());
        show("configuration");
        self.configuration(&mut seen);
        show("metrics");
        self.metrics(1, &mut seen).await;
        show("groups and clocks");
        let journals = self.log(&mut seen).await;
        show("what doctor finds");
        match found_as_json(self.process, self.tenants.to_vec(), self.log.map(str::to_owned)).await {
            Ok(found) => seen.put("doctor.jsonl", found),
            Err(error) => seen.miss("doctor", error),
        }
        self.logs.iter().for_each(|file| self.tail(file, &mut seen));
        show("metrics, once more");
        if shutdown.sleep(self.apart.saturating_sub(at.elapsed())).await {
            return seen;
        }
        self.metrics(2, &mut seen).await;
        let now = self.process.clock.now();
        seen.put_json("clocks.json", &json!({
            "begun": begun, "ended": now, "wall_microseconds": now.since(begun),
            "steady_microseconds": u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX), "journals": journals,
        }));
        seen.put_json("unseen.json", &json!(seen.unseen));
        seen
    }

    fn configuration(&self, seen: &mut Gathered) {
        let config = &self.process.config;
        seen.put_json("versions.json", &json!({
            "bellwether": env!("CARGO_PKG_VERSION"), "engine": ENGINE_VERSION, "snapshots": SNAPSHOT_FORMAT,
            "bundles": bellwether_worker::bundle::FORMAT, "optimised": !cfg!(debug_assertions),
        }));
        seen.put("configuration.txt", format!("{config:#?}\n"));
        let files = match self.tenants {
            [] => tenant_files(&config.tenants),
            named => Ok(named.iter().map(|tenant| config.tenants.join(format!("{tenant}.toml"))).collect()),
        };
        match files {
            Err(error) => seen.miss("tenants", error),
            Ok(files) => files.iter().for_each(|file| tenant(file, seen)),
        }
    }

    async fn metrics(&self, look: u8, seen: &mut Gathered) {
        for address in &self.metrics {
            let (host, authority) = (address.ip().to_string(), address.to_string());
            let place = Place { is_tls: false, host: &host, port: address.port(), authority: &authority };
            let name = format!("metrics/{}-{look}.txt", authority.replace([':', '[', ']'], "_"));
            match ask(place, Question::get("/metrics"), METRICS).await {
                Ok(answer) => {
                    let at = self.process.clock.now();
                    let text = ours(&String::from_utf8_lossy(&answer.body), self.tenants);
                    seen.put(name, format!("# {at} {}\n{text}", answer.status));
                }
                Err(error) => seen.miss(&name, error),
            }
        }
        if self.metrics.is_empty() && look == 1 {
            seen.miss("metrics", "telemetry.metrics is not set, and no --metrics names a process");
        }
    }

    /// Where groups stand, and each journal's clock.
    async fn log(&self, seen: &mut Gathered) -> Value {
        let url = self.log.unwrap_or(&self.process.config.log);
        let log = match self.process.log_at(url, Access::Read) {
            Ok(log) => log,
            Err(error) => {
                seen.miss("log", format!("{error:#}"));
                return Value::Null;
            }
        };
        let named = self.tenants.to_vec();
        match blocking(move || topics_and_groups(&log, &named)).await {
            Ok(Ok((groups, journals))) => {
                seen.put_json("groups.json", &groups);
                journals
            }
            Ok(Err(error)) => {
                seen.miss("groups", error);
                Value::Null
            }
            Err(error) => {
                seen.miss("groups", error);
                Value::Null
            }
        }
    }

    fn tail(&self, file: &Path, seen: &mut Gathered) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match last_bytes(file, self.log_bytes) {
            Ok(text) => {
                let place = seen.files.iter().filter(|(name, _)| name.starts_with("logs/")).count() + 1;
                seen.put(format!("logs/{place}-{name}"), text);
            }
            Err(error) => seen.miss(&file.display().to_string(), error),
        }
    }
}

/// The lines of metrics that are of no tenant or of one of these; all of them where nobody is named.
fn ours(metrics: &str, tenants: &[TenantId]) -> String {
    let is_ours = |line: &&str| {
        let label = line.split_once("tenant=\"").and_then(|(_, rest)| rest.split('"').next());
        tenants.is_empty() || label.is_none_or(|label| tenants.iter().any(|tenant| tenant.as_str() == label))
    };
    metrics.lines().filter(is_ours).map(|line| format!("{line}\n")).collect()
}

fn tenant(file: &Path, seen: &mut Gathered) {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match load_tenant(file, &environment) {
        Ok(tenant) => {
            seen.put(format!("tenants/{name}.txt"), format!("{tenant:#?}\n"));
        }
        Err(error) => seen.miss(&format!("tenant {name}"), error),
    }
}

/// Of each topic where it begins and ends, and where each group of it stands; of each journal when its last record was
/// appended.
fn topics_and_groups(log: &Arc<dyn Log>, named: &[TenantId]) -> Result<(Value, Value), LogError> {
    let topics = log.topics()?.into_iter();
    let topics: Vec<Topic> =
        topics.filter(|topic| named.is_empty() || named.contains(&topic.tenant)).collect();
    let groups = Role::ALL.iter().filter_map(|role| role.group());
    let members: Vec<_> =
        groups.map(|group| Ok((group, log.members(group.name)?))).collect::<Result<_, LogError>>()?;
    let mut journals = Vec::new();
    let told: Result<Vec<Value>, LogError> = topics
        .iter()
        .map(|topic| {
            let Bounds { start, next } = log.bounds(topic)?;
            if topic.kind == TopicKind::Journal {
                let last =
                    scan(log.as_ref(), topic, next.saturating_sub(1).max(start)..next)?.last().transpose()?;
                journals.push(json!({
                    "journal": topic.to_string(), "last_offset": last.as_ref().map(|record| record.offset),
                    "appended_at": last.map(|record| record.appended_at),
                }));
            }
            let readers: Result<Vec<Value>, LogError> = members
                .iter()
                .filter(|(group, _)| group.reads == topic.kind)
                .map(|(group, members)| {
                    let next_offset = log.committed(group.name, topic)?;
                    let owner =
                        members.iter().find(|member| member.topics.contains(topic)).map(|member| &member.id);
                    let lag = next.saturating_sub(next_offset.unwrap_or(start));
                    Ok(json!({ "group": group.name, "next_offset": next_offset, "owner": owner, "lag": lag }))
                })
                .collect();
            Ok(json!({
                "topic": topic.to_string(), "start": start, "next": next, "held_back": log.held_back(topic)?,
                "groups": readers?,
            }))
        })
        .collect();
    Ok((json!(told?), json!(journals)))
}

/// The file's end, from a line's beginning on.
fn last_bytes(file: &Path, most: u64) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    let from = size.saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.split_once('\n').filter(|_| from > 0).map_or(&*text, |(_, behind)| behind);
    Ok(whole.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_last_lines_are_taken_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        std::fs::write(&file, "first line\nsecond line\nthird\n").unwrap();
        assert_eq!(last_bytes(&file, 1_000).unwrap(), "first line\nsecond line\nthird\n");
        assert_eq!(last_bytes(&file, 12).unwrap(), "third\n");
        assert!(last_bytes(&dir.path().join("none"), 12).is_err());
    }
}
