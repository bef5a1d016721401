//! The roles as processes: who runs, who is to come back, what the dead said.

mod armed;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::time::{Duration, Instant};

use bellwether_schemas::TopicKind;
use serde_json::Value;

use crate::support::Running;
use crate::world::{self, World};

/// How long a process may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(30);
/// Between two looks at the processes.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Produce,
    Process,
    Rows,
    Mail,
    Schedule,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [Self::Produce, Self::Process, Self::Rows, Self::Mail, Self::Schedule];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Process => "process",
            Self::Rows => "sink rows",
            Self::Mail => "sink mail",
            Self::Schedule => "sink schedule",
        }
    }

    /// Its group, and what that reads of each tenant. A producer reads nothing in a group.
    pub(crate) const fn reads(self) -> (&'static str, TopicKind) {
        match self {
            Self::Produce | Self::Process => ("bellwether-process", TopicKind::Journal),
            Self::Rows => ("bellwether-rows", TopicKind::Triggers),
            Self::Mail => ("bellwether-mail", TopicKind::Triggers),
            Self::Schedule => ("bellwether-schedule", TopicKind::Readings),
        }
    }
}

/// One process, through all its lives.
struct Member {
    role: Role,
    arguments: Vec<String>,
    running: Option<Running>,
    /// It was told to die at a crash point, which is no finding then.
    armed: bool,
    /// It was killed and comes back then.
    back_at: Option<Instant>,
    kills: u32,
}

impl Member {
    fn name(&self, at: usize) -> String {
        format!("{}-{at}", self.role.name().replace(' ', "-"))
    }
}

/// A process beside those that are always there.
pub(crate) struct Guest {
    role: Role,
    running: Running,
}

pub(crate) struct Processes<'a> {
    world: &'a World,
    members: Vec<Member>,
    /// Sums over everybody's logs.
    counts: BTreeMap<&'static str, u64>,
    findings: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Processes<'a> {
    /// A producer for each market, one for what users change, one for the news, and two of every other role for two tenants.
    pub(crate) fn new(world: &'a World) -> Self {
        let member = |(role, arguments): (Role, Vec<String>)| Member {
            role,
            arguments,
            running: None,
            armed: false,
            back_at: None,
            kills: 0,
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let market = |of: &Vec<String>| {
            (Role::Produce, [words(&["produce", "synthetic", "--speed", world::SPEED]), of.clone()].concat())
        };
        let one_of_each = [
            (Role::Process, words(&["process"])),
            (Role::Rows, words(&["sink", "rows"])),
            (Role::Mail, words(&["sink", "mail"])),
            (Role::Schedule, words(&["sink", "schedule"])),
        ];
        let told = ["alerts", "calendar"].map(|what| (Role::Produce, words(&["produce", what])));
        let all = world.markets.iter().map(market).chain(told);
        let all = all.chain(one_of_each.clone()).chain(one_of_each);
        Self {
            world,
            members: all.map(member).collect(),
            counts: BTreeMap::new(),
            findings: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn start_all(&mut self) {
        self.members.iter_mut().for_each(|member| member.running = Some(self.world.start(&member.arguments)));
    }

    /// Kills one of that role with signal 9; it is away for that long. Says which.
    pub(crate) fn kill(&mut self, role: Role, choice: u64, away: Duration) -> String {
        let at = self.choose(role, choice);
        let member = &mut self.members[at];
        let running = member.running.take().unwrap();
        running.signal("KILL");
        member.kills += 1;
        member.back_at = Some(world::now() + away);
        let name = member.name(at);
        let said = running.wait(STOP);
        self.learn(at, &said.stderr);
        format!("{name} for {:.1} s", away.as_secs_f64())
    }

    /// Holds one of that role still for that long, while it believes that no time passes.
    pub(crate) fn freeze(&mut self, role: Role, choice: u64, time: Duration) {
        let at = self.choose(role, choice);
        self.signal(at, "STOP");
        self.tend_for(time);
        self.signal(at, "CONT");
    }

    fn signal(&self, at: usize, name: &str) {
        if let Some(running) = &self.members[at].running {
            running.signal(name);
        }
    }

    /// Asks one of that role to stop, which must end well, and starts it again.
    pub(crate) fn restart(&mut self, role: Role, choice: u64) {
        let at = self.choose(role, choice);
        self.stop(at);
        self.members[at].running = Some(self.world.start(&self.members[at].arguments));
    }

    /// Stops all of that role for good.
    pub(crate) fn stop_all(&mut self, role: Role) {
        for at in 0..self.members.len() {
            if self.members[at].role == role {
                self.stop(at);
            }
        }
    }

    fn stop(&mut self, at: usize) {
        let Some(running) = self.members[at].running.take() else { return };
        let said = running.stop(STOP);
        self.learn(at, &said.stderr);
        if said.code != Some(0) {
            let name = self.members[at].name(at);
            self.findings.push(format!("{name} was asked to stop and ended with {:?}", said.code));
        }
    }

    /// One of that role that runs; waits for one to come back when none does.
    fn choose(&mut self, role: Role, choice: u64) -> usize {
        loop {
            let alive = |at: &usize| self.members[*at].role == role && self.members[*at].running.is_some();
            let alive: Vec<usize> = (0..self.members.len()).filter(alive).collect();
            if !alive.is_empty() {
                return alive[usize::try_from(choice).unwrap() % alive.len()];
            }
            self.tend();
        }
    }

    /// One more of that role, which is not missed when it goes.
    pub(crate) fn join(&mut self, role: Role) -> Guest {
        let at = self.choose(role, 0);
        let arguments = &self.members[at].arguments;
        Guest { role, running: self.world.start(arguments) }
    }

    /// The same behind a limit of the shell's, such as `ulimit -v 65536`.
    pub(crate) fn join_limited(&mut self, role: Role, limit: &str) -> Guest {
        let at = self.choose(role, 0);
        let arguments = &self.members[at].arguments;
        Guest { role, running: self.world.start_limited(arguments, limit) }
    }

    /// Whether it died by itself; else it is asked to go.
    pub(crate) fn is_gone(&mut self, mut guest: Guest) -> bool {
        if !guest.running.has_ended() {
            self.leave(guest, true);
            return false;
        }
        let said = guest.running.wait(STOP);
        self.keep("guests", &said.stderr);
        true
    }

    /// Lets every process of that role run for a hundredth of that time only.
    pub(crate) fn throttle(&mut self, role: Role, time: Duration) {
        let throttled = |at: &usize| self.members[*at].role == role;
        let throttled: Vec<usize> = (0..self.members.len()).filter(throttled).collect();
        let until = world::now() + time;
        while world::now() < until {
            throttled.iter().for_each(|at| self.signal(*at, "STOP"));
            self.tend_for(Duration::from_millis(990));
            throttled.iter().for_each(|at| self.signal(*at, "CONT"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks one process after the other to stop and starts it again as that program, or as this version's.
    pub(crate) fn go_over_to(&mut self, program: Option<&OsStr>) {
        for at in 0..self.members.len() {
            self.stop(at);
            let arguments = &self.members[at].arguments;
            self.members[at].running = Some(match program {
                Some(program) => self.world.start_as(program, arguments),
                None => self.world.start(arguments),
            });
            self.tend_for(Duration::from_secs(1));
        }
    }

    /// Sends one more of that role away: asked to go, or with signal 9.
    pub(crate) fn leave(&mut self, guest: Guest, is_asked: bool) {
        let Guest { role, running } = guest;
        running.signal(if is_asked { "TERM" } else { "KILL" });
        let said = running.wait(STOP);
        if is_asked && said.code != Some(0) {
            self.findings.push(format!("one more {} was asked to go: {}", role.name(), said.last_words()));
        }
        self.keep("guests", &said.stderr);
    }

    /// Starts the twin of one of that role, which appears to brokers as the same member, and takes its place; what the
    /// first said last.
    pub(crate) fn replace_by_a_twin(&mut self, role: Role) -> Option<String> {
        let at = self.choose(role, 0);
        let mut first = self.members[at].running.take()?;
        let twin = self.world.start_elsewhere(&self.members[at].arguments);
        let until = world::now() + STOP;
        while !first.has_ended() && world::now() < until {
            self.tend();
        }
        let ended = first.has_ended();
        let said = if ended { first.wait(STOP) } else { first.stop(STOP) };
        self.learn(at, &said.stderr);
        self.members[at].running = Some(twin);
        ended.then(|| said.last_words())
    }

    pub(crate) fn tend_for(&mut self, time: Duration) {
        let until = world::now() + time;
        while world::now() < until {
            self.tend();
        }
    }

    pub(crate) fn tend_until_all_run(&mut self) {
        while self.members.iter().any(|member| member.running.is_none()) {
            self.tend();
        }
    }

    /// Starts who is due; whoever ended by itself is a finding, and starts again.
    pub(crate) fn tend(&mut self) {
        std::thread::sleep(LOOK);
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            if member.running.as_mut().is_some_and(Running::has_ended) {
                let said = member.running.take().unwrap().wait(STOP);
                let is_crash = std::mem::take(&mut member.armed) && said.code.is_none();
                if !is_crash {
                    self.findings.push(format!("{} ended by itself: {}", member.name(at), said.last_words()));
                }
                member.back_at = Some(world::now());
                self.learn(at, &said.stderr);
            }
            let member = &mut self.members[at];
            if member.back_at.take_if(|time| *time <= world::now()).is_some() {
                member.running = Some(self.world.start(&member.arguments));
            }
        }
    }

    /// Keeps what it said, and counts what was withheld or absorbed.
    fn learn(&mut self, at: usize, said: &str) {
        self.keep(&self.members[at].name(at), said);
    }

    fn keep(&mut self, name: &str, said: &str) {
        let file = self.world.logs().join(format!("{name}.log"));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{said}\n--- ended").unwrap();
        for line in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            for name in ["withheld", "repeats", "present"] {
                let number = line.get(name).or_else(|| line["fields"].get(name)).and_then(Value::as_u64);
                *self.counts.entry(name).or_default() += number.unwrap_or(0);
            }
        }
    }

    /// Resident memory of the largest process, in MiB.
    pub(crate) fn largest(&self) -> u64 {
        Role::ALL.iter().map(|role| self.largest_of(*role)).max().unwrap_or(0)
    }

    /// Resident memory of the largest process of that role, in MiB.
    pub(crate) fn largest_of(&self, role: Role) -> u64 {
        let members = self.members.iter().filter(|member| member.role == role);
        let pids = members.filter_map(|member| member.running.as_ref()).map(Running::pid);
        let resident = |pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        pids.filter_map(resident).max().unwrap_or(0) / 1024
    }

    pub(crate) fn kills(&self, role: Role) -> u32 {
        self.members.iter().filter(|member| member.role == role).map(|member| member.kills).sum()
    }

    pub(crate) fn finding(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// How often something was waited for in vain.
    pub(crate) fn late(&self) -> usize {
        self.findings.iter().filter(|finding| finding.contains(world::IN_VAIN)).count()
    }

    /// Something that a reader of the verdict wants to know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        self.findings.clone()
    }

    pub(crate) fn counted(&self) -> String {
        let count = |name| self.counts.get(name).copied().unwrap_or(0);
        let notes = self.notes.join("; ");
        format!(
            "{notes}; {} outcomes withheld in recoveries; {} repeats left out by the rows' cursor, {} by ON CONFLICT",
            count("withheld"),
            count("repeats"),
            count("present")
        )
    }
}
