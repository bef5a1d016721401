//! One record that kills the process that folds it, in the journal of one tenant among many that several workers share
//! out on a real Kafka: three deaths at most, then it is in quarantine, and everybody else is folded on each time.
//!
//! The dead stay away until then, so that each death moves its tenants to the others.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellwether_runtime::roles::PROCESS;
use bellwether_schemas::{TenantId, Topic, TopicKind};

use crate::ground::{Ground, PATIENCE};
use crate::market::Market;
use crate::support::{Running, until};
use crate::trials::SESSION;
use crate::world::{now, progress};

/// Deaths that a record may cost.
const DEATHS: usize = 3;
/// How long a dead worker's tenants may stand still.
const SERVED_AGAIN: Duration = SESSION.saturating_add(Duration::from_secs(2));
/// How long it is watched that nobody dies any more.
const QUIET: Duration = Duration::from_secs(10);
/// Between two looks at everybody.
const LOOK: Duration = Duration::from_millis(20);
/// The text that the workers of this build are told to die of.
const KILLER: &str = "KILLER";

pub(crate) fn run(tenants: usize, workers: usize) -> ExitCode {
    assert!(workers > DEATHS, "with {workers} workers nobody may be left");
    let ground = Ground::new(tenants).with("BELLWETHER_TEST_DIES_OF", KILLER);
    let mut trial = Trial::begin(&ground, workers);
    trial.kill_by_content();
    trial.skip();
    let broken = trial.end();
    let tried = format!(
        "{tenants} tenants over {workers} workers, a record that kills: {} deaths, quarantine at offset {}; {}",
        trial.deaths.len(),
        trial.killer,
        trial.said.join("; ")
    );
    broken.iter().for_each(|finding| println!("broken: {finding}"));
    if broken.is_empty() {
        println!("verdict: kept: {tried}");
        return ExitCode::SUCCESS;
    }
    println!("verdict: BROKEN ({} findings): {tried}", broken.len());
    ExitCode::FAILURE
}

/// A worker died.
struct Death {
    at: Instant,
    /// Its other tenants that stand still since, and where.
    waiting: BTreeMap<TenantId, u64>,
    /// How long it took for each of the others to be folded on.
    served: Vec<Duration>,
}

struct Trial<'g> {
    ground: &'g Ground,
    market: Market,
    workers: Vec<Running>,
    /// Whose journal kills, and where.
    victim: TenantId,
    killer: u64,
    deaths: Vec<Death>,
    findings: Vec<String>,
    /// For whoever reads the verdict.
    said: Vec<String>,
}

impl<'g> Trial<'g> {
    /// Every tenant is folded by one of the workers, while its market goes on.
    fn begin(ground: &'g Ground, workers: usize) -> Self {
        let market = Market::begin(Arc::clone(&ground.log), ground.place.path("tenants"));
        let workers: Vec<Running> = (0..workers).map(|_| ground.start(&["process"])).collect();
        let victim = ground.tenants[ground.tenants.len() / 2].clone();
        let trial = Self {
            ground,
            market,
            workers,
            victim,
            killer: 0,
            deaths: Vec::new(),
            findings: Vec::new(),
            said: Vec::new(),
        };
        progress("every tenant folded by somebody");
        let is_shared_out = || ground.are_shared_out(trial.workers.len());
        assert!(until(PATIENCE, is_shared_out), "{:?}", ground.log.members(PROCESS.name));
        let all_fold = || ground.tenants.iter().all(|tenant| ground.position(tenant) > 20);
        assert!(until(PATIENCE, all_fold), "{}", trial.workers[0].stderr());
        trial
    }

    /// The record comes, and it is watched until it is in quarantine and everybody else is folded on.
    fn kill_by_content(&mut self) {
        self.killer = self.market.append_quote_of(&self.victim, KILLER);
        progress(&format!("{}: the record at offset {} kills", self.victim, self.killer));
        let begun = now();
        while !(self.is_in_quarantine() && self.deaths.iter().all(|death| death.waiting.is_empty())) {
            self.sweep();
            if begun.elapsed() > PATIENCE {
                let waiting = self.deaths.iter().flat_map(|death| death.waiting.keys()).collect::<Vec<_>>();
                self.findings
                    .push(format!("not in quarantine, or still waiting after {PATIENCE:?}: {waiting:?}"));
                break;
            }
        }
        let quiet = now();
        while quiet.elapsed() < QUIET {
            self.sweep();
        }
        let stands_at = self.ground.position(&self.victim);
        if stands_at > self.killer {
            self.findings.push(format!("{} was folded to {stands_at}", self.victim));
        }
    }

    /// Somebody says that it stands before that very record.
    fn is_in_quarantine(&self) -> bool {
        let words = format!("died of the journal record at offset {} ", self.killer);
        self.workers.iter().any(|worker| worker.stderr().contains(&words))
    }

    /// Looks once at every tenant, and after each whether a worker has died meanwhile.
    fn sweep(&mut self) {
        let ground = self.ground;
        for tenant in &ground.tenants {
            self.look_for_deaths();
            if !self.deaths.iter().any(|death| death.waiting.contains_key(tenant)) {
                continue;
            }
            let position = ground.position(tenant);
            for death in &mut self.deaths {
                if death.waiting.get(tenant).is_some_and(|stood| position > *stood) {
                    death.waiting.remove(tenant);
                    death.served.push(death.at.elapsed());
                }
            }
        }
        self.look_for_deaths();
        std::thread::sleep(LOOK);
    }

    fn look_for_deaths(&mut self) {
        while let Some(at) = self.workers.iter_mut().position(Running::has_ended) {
            let died_at = now();
            let said = self.workers.swap_remove(at).wait(PATIENCE);
            if said.code.is_some() {
                self.findings.push(format!("a worker ended by itself: {}", said.last_words()));
            }
            // Its group has not noticed yet.
            let mut others = None;
            let is_known = until(SESSION / 2, || {
                others = self.ground.neighbours(&self.victim);
                others.is_some()
            });
            if !is_known {
                self.findings.push("it is not known which tenants a dead worker had".into());
            }
            let others = others.unwrap_or_default().into_iter().filter(|tenant| *tenant != self.victim);
            let waiting: BTreeMap<TenantId, u64> =
                others.map(|tenant| (tenant.clone(), self.ground.position(&tenant))).collect();
            // Those that were given to it by a death before wait anew.
            self.deaths
                .iter_mut()
                .for_each(|death| death.waiting.retain(|tenant, _| !waiting.contains_key(tenant)));
            progress(&format!("death {} with {} other tenants", self.deaths.len() + 1, waiting.len()));
            self.deaths.push(Death { at: died_at, waiting, served: Vec::new() });
        }
    }

    /// Somebody decides, and new workers come: nobody dies any more, and all is folded to its end.
    fn skip(&mut self) {
        let (ground, offset) = (self.ground, self.killer.to_string());
        progress("decided to skip it");
        let arguments = ["tenants", "resume", self.victim.as_str(), "--skip", &offset, "--why", "it kills"];
        let decided = ground.start(&arguments).wait(PATIENCE);
        if decided.code != Some(0) {
            return self.findings.push(format!("tenants resume --skip: {decided}"));
        }
        let begun = now();
        let goes_on = || ground.position(&self.victim) > self.killer + 1;
        match until(PATIENCE, goes_on) {
            true => self.said.push(format!("goes on {:.1} s after --skip", begun.elapsed().as_secs_f64())),
            false => self.findings.push(format!("{} does not go on after --skip", self.victim)),
        }
        (0..self.deaths.len()).for_each(|_| self.workers.push(ground.start(&["process"])));
    }

    /// All stops; what is wrong.
    fn end(&mut self) -> Vec<String> {
        let ground = self.ground;
        self.market.stop();
        progress("draining");
        if !until(PATIENCE, || ground.tenants.iter().all(|tenant| ground.is_folded(tenant))) {
            self.findings.push(format!("not everything was folded within {PATIENCE:?}"));
        }
        for worker in self.workers.drain(..) {
            let said = worker.stop(PATIENCE);
            if said.code != Some(0) {
                self.findings.push(format!("a worker was asked to stop: {}", said.last_words()));
            }
        }
        self.judge_deaths();
        self.judge_letters();
        self.judge_replays();
        std::mem::take(&mut self.findings)
    }

    fn judge_deaths(&mut self) {
        if self.deaths.len() > DEATHS {
            self.findings.push(format!("{} deaths, {DEATHS} at most", self.deaths.len()));
        }
        for (number, death) in (1..).zip(&self.deaths) {
            let longest = death.served.iter().max().copied().unwrap_or_default();
            let line = format!(
                "death {number}: {} other tenants served again, the last after {:.1} s",
                death.served.len(),
                longest.as_secs_f64()
            );
            if longest > SERVED_AGAIN {
                self.findings.push(format!("{line}, {SERVED_AGAIN:?} at most"));
            }
            self.said.push(line);
        }
    }

    /// The record is kept, and nothing else was put aside.
    fn judge_letters(&mut self) {
        for tenant in &self.ground.tenants {
            let end = self.ground.log.bounds(&Topic::new(tenant, TopicKind::DeadLetters)).unwrap().next;
            if end > 0 && *tenant != self.victim {
                self.findings.push(format!("{tenant}: {end} dead letters"));
            }
        }
        let list = ["deadletters", "list", "--tenant", self.victim.as_str(), "--json"];
        let letters = self.ground.call(&list);
        let expected = format!("{}/-/skipped", self.killer);
        if letters.lines().count() != 1 || !letters.contains(&expected) {
            self.findings.push(format!("dead letters of {}: {letters}", self.victim));
        }
    }

    /// Folded again, each journal gives what was recorded.
    fn judge_replays(&mut self) {
        let mut triggers = 0;
        for tenant in &self.ground.tenants {
            triggers += self.ground.log.bounds(&Topic::new(tenant, TopicKind::Triggers)).unwrap().next;
            let replay = ["replay", "--tenant", tenant.as_str(), "--verify", "--json"];
            let ran = self.ground.start(&replay).wait(PATIENCE);
            if ran.code != Some(0) {
                self.findings.push(format!("replay --verify: {ran}"));
            }
        }
        if triggers == 0 {
            self.findings.push("nothing fired".into());
        }
        self.said.push(format!("{triggers} outcomes of {} tenants verified", self.ground.tenants.len()));
    }
}
