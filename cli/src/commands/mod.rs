//! One file a command.

pub(crate) mod backtest;
pub(crate) mod deadletters;
pub(crate) mod demo;
pub(crate) mod inbox;
pub(crate) mod journal;
pub(crate) mod migrate;
pub(crate) mod process;
pub(crate) mod produce;
pub(crate) mod replay;
pub(crate) mod sink;
pub(crate) mod tenants;
pub(crate) mod top;
pub(crate) mod topics;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::play::Speed;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, lag};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{Topic, TopicKind};

use crate::exit::{Coded, USAGE};
use crate::wiring::{Process, TenantSet};

/// How often a drain is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Prints what was asked for. A reader that went away (`| head`) is no failure.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A speed as given on the command line.
fn speed(times: f64) -> Result<Speed, Coded> {
    let message =
        || format!("--speed {times} is not a speed: use 0 (as fast as possible) or a number above it");
    Speed::new(times).ok_or_else(|| Coded { code: USAGE, message: message() })
}

/// Where metrics are asked for, the group's lag is one of them.
fn measure_lag(
    process: &Process,
    log: &Arc<dyn Log>,
    group: &str,
    kind: TopicKind,
    tenants: &TenantSet,
    shutdown: &Shutdown,
) {
    if process.config.telemetry.metrics.is_some() {
        tokio::spawn(lag::measure(Arc::clone(log), group.into(), kind, tenants.clone(), shutdown.clone()));
    }
}

/// Raises `shutdown` once the group has read every tenant's topic to where it ends now.
fn stop_when_drained(
    log: &Arc<dyn Log>,
    tenants: &[Tenant],
    group: &str,
    kind: TopicKind,
    shutdown: &Shutdown,
) -> Result<(), LogError> {
    let topics = tenants.iter().map(|tenant| Topic::new(&tenant.id, kind));
    let mut left =
        topics.map(|topic| Ok((log.bounds(&topic)?.next, topic))).collect::<Result<Vec<_>, LogError>>()?;
    let (log, group, shutdown) = (Arc::clone(log), group.to_string(), shutdown.clone());
    tokio::spawn(async move {
        while !shutdown.sleep(LOOK).await {
            left.retain(
                |(next, topic)| !matches!(log.committed(&group, topic), Ok(at) if at.unwrap_or(0) >= *next),
            );
            if left.is_empty() {
                shutdown.raise();
            }
        }
    });
    Ok(())
}
