//! From a real Kafka to triggers: 33 symbols' ticks to bars of a minute and of every longer timeframe, RSI 14, crossings.
//!
//! `cargo bench -p bellwether-worker --bench from_kafka [-- TICKS_A_MINUTE]` starts a broker of its own, writes the market
//! twice (a tick a record, 256 ticks a record) and reads it back along each of [`paths::Path`] in turn, every time in a
//! process of its own: CPU time of all its threads, by difference of two sizes; the median of several rounds. Triggers
//! are compared, by id, with a plain computation.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "counts of a bench")]

mod cpu;
mod market;
mod paths;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path as File;
use std::process::Command;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, open};
use uuid::Uuid;

use paths::Path;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 5;
/// Of each symbol, unless an argument says otherwise.
const TICKS_A_MINUTE: i64 = 600;
/// Behind the last record that is read, so that no reader meets the end.
const SPARE: usize = 40_000;

/// How the market is written.
struct Form {
    tenant: &'static str,
    block: usize,
    /// Ticks of the smaller and of the larger run.
    sizes: [usize; 2],
}

const FORMS: [Form; 2] = [
    Form { tenant: "ones", block: 1, sizes: [200_000, 1_200_000] },
    Form { tenant: "blocks", block: 256, sizes: [1_024_000, 6_144_000] },
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["read", path, url, tenant, records] => read(path, url, tenant, records),
        ["write", url, rate] => write(url, rate.parse()?),
        [] => table(TICKS_A_MINUTE),
        [rate] => table(rate.parse()?),
        _ => Err("usage: from_kafka [TICKS_A_MINUTE]".into()),
    }
}

fn read(path: &str, url: &str, tenant: &str, records: &str) -> Outcome<()> {
    let path = Path::ALL.into_iter().find(|known| known.name() == path).ok_or("no such path")?;
    let found = path.run(url, &tenant.parse()?, records.parse()?)?;
    found.iter().for_each(|id| println!("id {id}"));
    Ok(())
}

/// Both forms of the market; with `read`, for whoever wants to watch one path on a broker of theirs.
fn write(url: &str, rate: i64) -> Outcome<()> {
    let log = open(url, Access::Write, Clock::system())?;
    FORMS.iter().try_for_each(|form| {
        let ticks = form.sizes[1] + SPARE * form.block.min(16);
        market::write(log.as_ref(), &form.tenant.parse()?, rate, ticks, form.block)
    })
}

fn table(rate: i64) -> Outcome<()> {
    let broker = Broker::start()?;
    write(&broker.url, rate)?;
    let mut expected = BTreeMap::new();
    for form in &FORMS {
        for ticks in form.sizes {
            expected.insert((form.tenant, ticks), market::expected(&form.tenant.parse()?, rate, ticks)?);
        }
    }
    let mut costs: BTreeMap<(&str, usize), Vec<[f64; 2]>> = BTreeMap::new();
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        for form in &FORMS {
            for (place, path) in Path::ALL.into_iter().enumerate() {
                let cost = cost(&broker.url, form, path, &expected)?;
                costs.entry((form.tenant, place)).or_default().push(cost);
            }
        }
    }
    print(rate, &costs);
    Ok(())
}

/// Microseconds a tick: of the reading thread, and of its process.
fn cost(
    url: &str,
    form: &Form,
    path: Path,
    expected: &BTreeMap<(&str, usize), Vec<Uuid>>,
) -> Outcome<[f64; 2]> {
    let mut spent = Vec::new();
    for ticks in form.sizes {
        let (cpu, found) = child(url, form, path, ticks)?;
        let wanted = &expected[&(form.tenant, ticks)];
        if path.looks_for_triggers() && found != *wanted {
            let (found, wanted) = (found.len(), wanted.len());
            return Err(format!("{path:?} of {}: {found} triggers, not the {wanted}", form.tenant).into());
        }
        spent.push(cpu);
    }
    let ticks = (form.sizes[1] - form.sizes[0]) as f64;
    Ok([0, 1].map(|of| (spent[1][of] - spent[0][of]) / 1000.0 / ticks))
}

fn child(url: &str, form: &Form, path: Path, ticks: usize) -> Outcome<([f64; 2], Vec<Uuid>)> {
    let records = market::PREAMBLE + ticks.div_ceil(form.block) as u64;
    let arguments = ["read", &path.name(), url, form.tenant, &records.to_string()];
    let ran = Command::new(std::env::current_exe()?).args(arguments).output()?;
    let said = String::from_utf8(ran.stdout)?;
    if !ran.status.success() {
        return Err(format!("{path:?}: {}", String::from_utf8_lossy(&ran.stderr)).into());
    }
    let mut cpu = None;
    let mut found = Vec::new();
    for line in said.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["cpu", thread, process] => cpu = Some([thread.parse()?, process.parse()?]),
            ["id", id] => found.push(id.parse()?),
            _ => {}
        }
    }
    Ok((cpu.ok_or("no CPU time")?, found))
}

fn print(rate: i64, costs: &BTreeMap<(&str, usize), Vec<[f64; 2]>>) {
    let median = |tenant: &'static str, path: usize, of: usize| {
        let mut costs: Vec<f64> = costs[&(tenant, path)].iter().map(|cost| cost[of]).collect();
        costs.sort_unstable_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    let discard = median("ones", 0, 1);
    println!("{rate} ticks a minute of each of 33 symbols; CPU in microseconds a tick");
    println!("{:<8} {:<14} {:>8} {:>8} {:>22}", "", "", "thread", "process", "times BaseConsumer's");
    for form in &FORMS {
        for (place, path) in Path::ALL.into_iter().enumerate() {
            let (thread, process) = (median(form.tenant, place, 0), median(form.tenant, place, 1));
            let times = discard / process;
            println!("{:<8} {:<14} {thread:>8.4} {process:>8.4} {times:>22.2}", form.tenant, path.name());
        }
    }
    let triggers = Path::ALL.iter().position(|path| *path == Path::Triggers).unwrap_or(0);
    for (form, least, most) in [("blocks", 5.0, 0.025), ("ones", 0.85, 0.2)] {
        let cost = median(form, triggers, 1);
        goal(
            &format!("{form}: times BaseConsumer's ticks >= {least}"),
            discard / cost,
            discard / cost >= least,
        );
        goal(&format!("{form}: microseconds a tick <= {most}"), cost, cost <= most);
    }
}

/// For `make bench`.
fn goal(what: &str, found: f64, is_met: bool) {
    println!("goal {}: {what}: {found:.3}", if is_met { "met" } else { "missed" });
}

/// A Kafka of this bench's own; gone with what it kept when the bench ends.
struct Broker {
    dir: tempfile::TempDir,
    url: String,
}

impl Broker {
    fn start() -> Outcome<Self> {
        let dir = tempfile::tempdir()?;
        services(dir.path(), &["up", "kafka"])?;
        let exports = services(dir.path(), &["env"])?;
        let url = exports.lines().find_map(|line| line.strip_prefix("export BELLWETHER_LOG="));
        Ok(Self { url: url.ok_or("no broker")?.into(), dir })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Err(error) = services(self.dir.path(), &["down"]) {
            eprintln!("the broker does not stop: {error}");
        }
    }
}

fn services(dir: &File, arguments: &[&str]) -> Outcome<String> {
    let script = File::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/services");
    let ran = Command::new(script).args(arguments).arg("--dir").arg(dir).output()?;
    if ran.status.success() {
        return Ok(String::from_utf8(ran.stdout)?);
    }
    Err(String::from_utf8_lossy(&ran.stderr).into_owned().into())
}
