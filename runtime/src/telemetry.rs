//! Log lines to stderr, metrics for the endpoint and spans for a collector, set up once a process.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::clock::Clock;
use crate::config;
use crate::metric_names::{ALL, BUILD, Kind, MEMORY, STARTED};
use crate::trace;

/// What histograms gathered is folded into buckets this often, so that it stays bounded when nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// What a tenant's database says beside its answers is the tenant's own, of any content and length: none of it is logged.
const QUIET: &str = "sqlx::postgres::notice=off";

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "telemetry.level: {level:?} is no level (error, warn, info, debug, trace) or target=level: {reason}"
    )]
    Level {
        /// The value of `telemetry.level`.
        level: String,
        /// Why the filter's parser refuses it.
        reason: String,
    },
    /// Set up before in this process, or the system refused.
    #[error("telemetry could not be set up: {reason}")]
    SetUp {
        /// Why it could not be set up.
        reason: String,
    },
}

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Handle(PrometheusHandle);

impl Handle {
    /// Every metric in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// Sends log lines to stderr (with colours on a terminal) and begins to count.
///
/// # Errors
/// The level is not one, or it was called before.
pub fn init(config: &config::Telemetry, is_terminal: bool) -> Result<Handle, TelemetryError> {
    let set_up = |reason: String| TelemetryError::SetUp { reason };
    let subscriber = subscriber(config, is_terminal, std::io::stderr)?;
    let recorder = recorder().map_err(set_up)?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| set_up(error.to_string()))?;
    describe();
    introduce();
    tracing::subscriber::set_global_default(subscriber).map_err(|error| set_up(error.to_string()))?;
    keep_up(handle.clone()).map_err(|error| set_up(error.to_string()))?;
    if let Some(collector) = config.traces.clone() {
        let exporter = trace::Exporter::to(collector).map_err(|error| set_up(error.to_string()))?;
        trace::install(exporter, config.trace_share);
    }
    Ok(Handle(handle))
}

type Logger = Box<dyn Subscriber + Send + Sync>;

fn subscriber<W>(config: &config::Telemetry, colours: bool, writer: W) -> Result<Logger, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter(&config.level)
        .map_err(|reason| TelemetryError::Level { level: config.level.clone(), reason })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    // It would complain to stderr that stderr cannot be written, which panics.
    let lines = lines.log_internal_errors(false);
    Ok(match config.format {
        config::LogFormat::Text => Box::new(lines.with_target(false).finish()),
        config::LogFormat::Json => {
            Box::new(lines.json().flatten_event(true).with_span_list(false).with_ansi(false).finish())
        }
    })
}

/// A bare word would be taken for a target's name and silence everything else: it must be a level.
fn filter(text: &str) -> Result<EnvFilter, String> {
    for part in text.split(',').map(str::trim).filter(|part| !part.contains('=')) {
        part.parse::<Level>().map_err(|_| format!("{part:?} is no level"))?;
    }
    let filter = EnvFilter::try_new(text).map_err(|error| error.to_string())?;
    Ok(filter.add_directive(QUIET.parse().map_err(|error| format!("{error}"))?))
}

fn recorder() -> Result<PrometheusRecorder, String> {
    let said = |error: metrics_exporter_prometheus::BuildError| error.to_string();
    let distributions = ALL.iter().filter(|metric| !metric.kind.buckets().is_empty());
    let builder = distributions.into_iter().try_fold(PrometheusBuilder::new(), |builder, metric| {
        builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.kind.buckets())
    });
    builder.map(PrometheusBuilder::build_recorder).map_err(said)
}

fn describe() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram | Kind::Waits => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

/// What runs here, and since when.
fn introduce() {
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::gauge!(STARTED).set(Clock::system().now().0 as f64 / 1e6);
    tell_memory();
}

/// Where the system tells it: Linux.
fn tell_memory() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    if let Some(kilobytes) = resident(&status) {
        metrics::gauge!(MEMORY).set(kilobytes as f64 * 1024.0);
    }
}

/// Kilobytes in use, of what the system says about a process.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn keep_up(handle: PrometheusHandle) -> std::io::Result<()> {
    let run = move || {
        loop {
            std::thread::sleep(UPKEEP_EVERY);
            handle.run_upkeep();
            tell_memory();
        }
    };
    std::thread::Builder::new().name("metrics-upkeep".into()).spawn(run).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::{LogFormat, Telemetry};
    use crate::metric_names;
    use crate::roles::Role;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: &str, format: LogFormat) -> String {
        let config = Telemetry { level: level.into(), format, ..Telemetry::default() };
        let written = Lines::default();
        let writer = written.clone();
        let subscriber = subscriber(&config, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(tenant.id = "fxlabs", "a sentence\nof \u{1b}[31mtwo lines");
            tracing::debug!("a detail");
            tracing::error!(target: "sqlx::postgres::notice", "a row of somebody's");
        });
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_carry_their_fields_as_text_or_json() {
        let text = lines("info", LogFormat::Text);
        assert!(text.contains("INFO") && text.contains("tenant.id=\"fxlabs\""), "{text}");
        assert!(!text.contains("a detail") && !text.contains('\u{1b}'), "{text:?}");
        assert!(lines("debug", LogFormat::Text).contains("a detail"));
        assert!(!lines("trace", LogFormat::Text).contains("somebody"), "a database's notices are its own");

        let json: serde_json::Value = serde_json::from_str(&lines("info", LogFormat::Json)).unwrap();
        assert_eq!((&json["level"], &json["tenant.id"]), (&"INFO".into(), &"fxlabs".into()));
    }

    #[test]
    fn a_wrong_level_is_an_error_that_names_its_key() {
        for level in ["loud", "", "bellwether=loud", "info,loud", "info,"] {
            let config = Telemetry { level: level.into(), ..Telemetry::default() };
            let error = subscriber(&config, false, std::io::stderr).err().unwrap().to_string();
            assert!(error.contains("telemetry.level") && error.contains(level), "{error}");
        }
    }

    #[test]
    fn counts_and_buckets_are_rendered_with_their_help_and_a_second_set_up_is_refused() {
        let config = Telemetry { level: "warn".into(), ..Telemetry::default() };
        let handle = init(&config, false).unwrap();
        metrics::counter!(metric_names::TRIGGERS, "tenant" => "fxlabs").increment(3);
        metrics::histogram!(metric_names::MAIL_SEND, "tenant" => "fxlabs").record(0.02);
        metrics::histogram!(metric_names::MAIL_ON_TIME, "tenant" => "fxlabs").record(3_000.0);
        metric_names::begin_at_zero(Role::SinkMail, &"fxlabs".parse().unwrap());
        let page = handle.render();
        for line in [
            "bellwether_mail_owed_seconds_bucket{tenant=\"fxlabs\",le=\"900\"} 0",
            "bellwether_mail_owed_seconds_bucket{tenant=\"fxlabs\",le=\"3600\"} 1",
            "bellwether_mails_composed_total{tenant=\"fxlabs\"} 0",
            "bellwether_sink_parked_total{sink=\"mail\",tenant=\"fxlabs\"} 0",
            concat!("bellwether_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# TYPE bellwether_memory_bytes gauge",
            "# HELP bellwether_triggers_total Triggers handed to the log;",
            "bellwether_triggers_total{tenant=\"fxlabs\"} 3",
            "# TYPE bellwether_mail_send_seconds histogram",
            "bellwether_mail_send_seconds_bucket{tenant=\"fxlabs\",le=\"0.01\"} 0",
            "bellwether_mail_send_seconds_bucket{tenant=\"fxlabs\",le=\"0.025\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        assert!(!page.contains("bellwether_rows_present"), "that is another role's to count\n{page}");
        assert!(!page.contains("bellwether_mails_total{"), "no outcome is known beforehand\n{page}");
        assert!(matches!(init(&config, false), Err(TelemetryError::SetUp { .. })));
    }

    #[test]
    fn what_a_process_holds_in_memory_is_what_the_system_says() {
        let status = "Name:\tbellwether\nVmHWM:\t  999 kB\nVmRSS:\t   12345 kB\nThreads:\t9\n";
        assert_eq!(resident(status), Some(12_345));
        assert_eq!(resident("VmRSS: much"), None);
    }
}
