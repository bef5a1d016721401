//! Sustained load without a fault: what is behind, how large processes are, and how late rows come, over the minutes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bellwether_schemas::TopicKind;
use uuid::Uuid;

use crate::judged::micros;
use crate::processes::{Processes, Role};
use crate::world::{Shop, World, now, progress};

/// Between two samples.
const EVERY: Duration = Duration::from_secs(10);
/// In microseconds.
const MINUTE: i64 = 60_000_000;
/// The roles whose queues are watched.
const READERS: [Role; 3] = [Role::Process, Role::Rows, Role::Mail];

/// What was seen at one moment.
struct Sample {
    minutes: f64,
    /// Records behind, a role of [`READERS`] each.
    lags: Vec<f64>,
    /// MiB, a role of [`Role::ALL`] each.
    memory: Vec<f64>,
}

/// What is known of a load once it is over.
pub(crate) struct Load {
    samples: Vec<Sample>,
}

impl Load {
    /// Watches for that long.
    pub(crate) fn watch(world: &World, processes: &mut Processes<'_>, minutes: u64) -> Self {
        let (begun, mut samples) = (now(), Vec::new());
        while begun.elapsed() < Duration::from_secs(60 * minutes) {
            processes.tend_for(EVERY);
            samples.push(sample(world, processes, begun));
            progress(&line(samples.last().unwrap()));
        }
        Self { samples }
    }

    /// Writes `load.csv` and `load.svg` there, with how late rows came; what they show, a line each.
    pub(crate) fn report(&self, world: &World, into: &Path) -> Vec<String> {
        let late = latencies(world);
        std::fs::create_dir_all(into).unwrap();
        std::fs::write(into.join("load.csv"), self.csv(&late)).unwrap();
        std::fs::write(into.join("load.svg"), self.svg(&late)).unwrap();
        let half = self.samples.len() / 2;
        let memory = |samples: &[Sample], at: usize| {
            samples.iter().map(|sample| sample.memory[at]).fold(0.0, f64::max)
        };
        let grown = Role::ALL.iter().enumerate().map(|(at, role)| {
            let (first, second) = (memory(&self.samples[..half], at), memory(&self.samples[half..], at));
            format!("{} {first:.0} and {second:.0} MiB", role.name())
        });
        let mut all: Vec<f64> = late.values().flatten().copied().collect();
        let lags = READERS.iter().enumerate().map(|(at, role)| {
            let largest = self.samples.iter().map(|sample| sample.lags[at]).fold(0.0, f64::max);
            format!("{} {largest:.0}", role.name())
        });
        vec![
            format!(
                "largest process in the first and the second half: {}",
                grown.collect::<Vec<_>>().join(", ")
            ),
            format!("most records behind: {}", lags.collect::<Vec<_>>().join(", ")),
            format!(
                "tick appended to row written, {} rows: p50 {:.0} ms, p99 {:.0} ms; {}",
                all.len(),
                quantile(&mut all, 0.5),
                quantile(&mut all, 0.99),
                into.join("load.svg").display()
            ),
        ]
    }

    fn csv(&self, late: &BTreeMap<i64, Vec<f64>>) -> String {
        let mut text =
            "minute,behind_process,behind_rows,behind_mail,mib_produce,mib_process,mib_rows,mib_mail,mib_schedule\n"
                .to_owned();
        for Sample { minutes, lags, memory } in &self.samples {
            let numbers: Vec<String> =
                lags.iter().chain(memory).map(|number| format!("{number:.0}")).collect();
            writeln!(text, "{minutes:.2},{}", numbers.join(",")).unwrap();
        }
        text.push_str("\nminute,rows,p50_ms,p99_ms\n");
        for (minute, late) in late {
            let mut late = late.clone();
            let (p50, p99) = (quantile(&mut late, 0.5), quantile(&mut late, 0.99));
            writeln!(text, "{minute},{},{p50:.1},{p99:.1}", late.len()).unwrap();
        }
        text
    }

    fn svg(&self, late: &BTreeMap<i64, Vec<f64>>) -> String {
        let over_time = |of: &dyn Fn(&Sample) -> f64| -> Vec<(f64, f64)> {
            self.samples.iter().map(|sample| (sample.minutes, of(sample))).collect()
        };
        let lags =
            READERS.iter().enumerate().map(|(at, role)| (role.name(), over_time(&|sample| sample.lags[at])));
        let memory = Role::ALL
            .iter()
            .enumerate()
            .map(|(at, role)| (role.name(), over_time(&|sample| sample.memory[at])));
        let of_minutes = |share: f64| -> Vec<(f64, f64)> {
            late.iter().map(|(minute, late)| (*minute as f64, quantile(&mut late.clone(), share))).collect()
        };
        let panels = [
            Panel { title: "records behind", lines: lags.collect() },
            Panel { title: "memory of the largest process, MiB", lines: memory.collect() },
            Panel {
                title: "tick appended to row written, ms",
                lines: vec![("p50", of_minutes(0.5)), ("p99", of_minutes(0.99))],
            },
        ];
        chart(&panels)
    }
}

fn sample(world: &World, processes: &Processes<'_>, begun: Instant) -> Sample {
    Sample {
        minutes: begun.elapsed().as_secs_f64() / 60.0,
        lags: READERS.iter().map(|role| world.lag(*role).unwrap_or(0) as f64).collect(),
        memory: Role::ALL.iter().map(|role| processes.largest_of(*role) as f64).collect(),
    }
}

fn line(sample: &Sample) -> String {
    format!("{:.1} min: behind {:?}, MiB {:?}", sample.minutes, sample.lags, sample.memory)
}

/// From the append of the record that caused it to its row, in milliseconds, by the minute of that append.
fn latencies(world: &World) -> BTreeMap<i64, Vec<f64>> {
    let mut appended: Vec<(i64, f64)> = Vec::new();
    for shop in &world.shops {
        let times = append_times(world, shop);
        let written = written(world, shop);
        for line in world.cat(&shop.id, TopicKind::Triggers.name()) {
            let record = &line["record"];
            let caused = record["cause"]["offset"].as_u64().and_then(|offset| times.get(&offset));
            let row = record["id"].as_str().and_then(|id| written.get(&id.parse::<Uuid>().unwrap()));
            if let (Some(caused), Some(row)) = (caused, row) {
                appended.push((*caused, (row - caused) as f64 / 1_000.0));
            }
        }
    }
    let first = appended.iter().map(|(at, _)| *at).min().unwrap_or(0);
    let mut minutes: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, late) in appended {
        minutes.entry((at - first) / MINUTE).or_default().push(late);
    }
    minutes
}

/// When each record of the journal was appended, in microseconds, by its producer's clock.
fn append_times(world: &World, shop: &Shop) -> BTreeMap<u64, i64> {
    let journal = world.cat(&shop.id, TopicKind::Journal.name());
    let time = |line: &serde_json::Value| {
        let origin = &line["record"]["origin"]["appended_at"];
        Some((line["offset"].as_u64()?, origin.is_string().then(|| micros(origin))?))
    };
    journal.iter().filter_map(time).collect()
}

/// When each row was written, in microseconds, by its database's clock.
fn written(world: &World, shop: &Shop) -> BTreeMap<Uuid, i64> {
    const WRITTEN: &str = "
        select id, (extract(epoch from created_at) * 1000000)::bigint from public.rsi_tracker_alert_triggers
        union all select id, (extract(epoch from created_at) * 1000000)::bigint from public.price_alert_triggers
        union all select id, (extract(epoch from created_at) * 1000000)::bigint
            from public.heatmap_tracker_alert_triggers
        union all select id, (extract(epoch from created_at) * 1000000)::bigint
            from public.heatmap_indicator_tracker_alert_triggers";
    world.query::<(Uuid, i64)>(shop, WRITTEN).into_iter().collect()
}

/// Of numbers in any order; 0 of none.
fn quantile(numbers: &mut [f64], share: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let at = (numbers.len().saturating_sub(1) as f64 * share).round() as usize;
    numbers.get(at).copied().unwrap_or(0.0)
}

struct Panel<'a> {
    title: &'a str,
    lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

/// Width of the chart, height of a panel, and where its lines begin and end.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 156.0;
/// Told apart without colours, too: each has a dash of its own.
const COLOURS: [(&str, &str); 5] =
    [("#0b6bcb", ""), ("#c2410c", "6 3"), ("#15803d", "2 3"), ("#7c3aed", "9 3 2 3"), ("#a16207", "12 3")];

/// Panels one below the other, readable on light and on dark.
fn chart(panels: &[Panel<'_>]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        writeln!(svg, "<g transform=\"translate(0 {})\">{}</g>", HEIGHT * at as f64, panel.drawn()).unwrap();
    }
    svg + "</svg>\n"
}

impl Panel<'_> {
    fn drawn(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let last = points().map(|(x, _)| *x).fold(1.0, f64::max);
        let largest = points().map(|(_, y)| *y).fold(1.0, f64::max);
        let place = |(x, y): &(f64, f64)| {
            format!("{:.1},{:.1}", LEFT + x / last * (RIGHT - LEFT), BOTTOM - y / largest * (BOTTOM - TOP))
        };
        let mut svg = format!(
            "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>\
             <path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#999\"/>\
             <text x=\"{}\" y=\"{TOP}\" text-anchor=\"end\">{largest:.0}</text>\
             <text x=\"{}\" y=\"{BOTTOM}\" text-anchor=\"end\">0</text>\
             <text x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">{last:.0} min</text>",
            self.title,
            LEFT - 6.0,
            LEFT - 6.0,
            BOTTOM + 14.0
        );
        for (at, ((name, points), (colour, dash))) in self.lines.iter().zip(COLOURS).enumerate() {
            let (x, y) = (LEFT + 100.0 * at as f64, BOTTOM + 14.0);
            let places: Vec<String> = points.iter().map(place).collect();
            write!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" \
                 stroke-dasharray=\"{dash}\"/><path d=\"M{x} {}h22\" stroke=\"{colour}\" stroke-width=\"2\" \
                 stroke-dasharray=\"{dash}\"/><text x=\"{}\" y=\"{y}\">{name}</text>",
                places.join(" "),
                y - 4.0,
                x + 28.0
            )
            .unwrap();
        }
        svg
    }
}
