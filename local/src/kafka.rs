//! A private Kafka: `scripts/services` with a directory of its own, for tests and whoever wants to break one.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why there is no private Kafka.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The script cannot be run.
    #[error("cannot run {script}")]
    Script {
        /// Path of the script that starts brokers.
        script: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The script ran and did not succeed.
    #[error("{what} failed: {detail}")]
    Failed {
        /// What the script was asked to do.
        what: String,
        /// The last lines that it printed.
        detail: String,
    },
}

type Result<T> = std::result::Result<T, KafkaError>;

/// Running brokers of our own. Dropping it stops them; what they kept stays in their directory.
#[derive(Debug)]
pub struct Kafka {
    dir: PathBuf,
    url: String,
}

impl Kafka {
    /// Runs one broker or three on what `dir` holds, made there on the first call.
    ///
    /// # Errors
    /// Java or Maven are missing, or a broker does not start: its last words.
    pub fn start(dir: &Path, brokers: u8) -> Result<Self> {
        let dir = dir.to_path_buf();
        services(&dir, ["up", "kafka", "--brokers", &brokers.to_string()])?;
        let exports = services(&dir, ["env"])?;
        let url = exports.lines().find_map(|line| line.strip_prefix("export BELLWETHER_LOG="));
        let url = url.ok_or_else(|| failed("scripts/services env", &exports))?.to_owned();
        Ok(Self { dir, url })
    }

    /// Java and Maven are here, so that a broker can be had.
    #[must_use]
    pub fn is_available() -> bool {
        let runs = |program: &str| {
            let mut command = Command::new(program);
            command.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        runs("java") && runs("mvn")
    }

    /// The brokers as a log's address: `kafka://HOST:PORT[,HOST:PORT]`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The brokers without a scheme: `HOST:PORT[,HOST:PORT]`.
    #[must_use]
    pub fn brokers(&self) -> &str {
        self.url.trim_start_matches("kafka://")
    }

    /// Sends a signal, such as `KILL`, to a node; the first is 1.
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, node: u8, signal: &str) -> Result<()> {
        let file = self.dir.join(format!("kafka-{node}.pid"));
        let pid =
            fs::read_to_string(&file).map_err(|error| failed("finding the node", &error.to_string()))?;
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).output();
        let sent = sent.map_err(|error| failed("kill", &error.to_string()))?;
        if sent.status.success() {
            Ok(())
        } else {
            Err(failed("kill", &String::from_utf8_lossy(&sent.stderr)))
        }
    }

    /// Starts the nodes that do not run, where they were.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn up(&self) -> Result<()> {
        services(&self.dir, ["up", "kafka"]).map(|_| ())
    }

    /// The node that coordinates that group.
    ///
    /// # Errors
    /// The group has none now, or the brokers cannot be asked.
    pub fn coordinator(&self, group: &str) -> Result<u8> {
        const COMMAND: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
        let told = services(&self.dir, ["tool", "--", COMMAND, "--describe", "--state", "--group", group])?;
        // As in `127.0.0.1:29092  (2)`.
        let named = told.lines().find_map(|line| line.split_once("127.0.0.1:")?.1.split_once('('));
        let node = named.and_then(|(_, node)| node.split_once(')')?.0.parse().ok());
        node.ok_or_else(|| failed("finding the coordinator", told.trim()))
    }

    /// Gives a topic more partitions, which nobody can take back.
    ///
    /// # Errors
    /// The brokers do not do it.
    pub fn divide(&self, topic: &str, partitions: u32) -> Result<()> {
        const COMMAND: &str = "org.apache.kafka.tools.TopicCommand";
        let count = partitions.to_string();
        let arguments = ["tool", "--", COMMAND, "--alter", "--topic", topic, "--partitions", &count];
        services(&self.dir, arguments).map(|_| ())
    }

    /// Stops all nodes.
    ///
    /// # Errors
    /// One does not go.
    pub fn down(&self) -> Result<()> {
        services(&self.dir, ["down"]).map(|_| ())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if let Err(error) = self.down() {
            tracing::warn!(%error, "a private Kafka did not stop");
        }
    }
}

fn services<A: AsRef<OsStr>>(dir: &Path, arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let mut command = Command::new(&script);
    let mut arguments = arguments.into_iter();
    command.args(arguments.next()).arg("--dir").arg(dir).args(arguments).stdin(Stdio::null());
    let output = command.output().map_err(|source| KafkaError::Script { script, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed("scripts/services", String::from_utf8_lossy(&output.stderr).trim()))
}

fn failed(what: &str, detail: &str) -> KafkaError {
    KafkaError::Failed { what: what.into(), detail: detail.into() }
}
