//! What happens to everybody at once: news, users' edits, databases that die, and deaths that are noted.

use bellwether_local::postgres::{Options, Postgres};
use bellwether_runtime::clock::Clock;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::MINUTE;

use super::{PATIENCE, World};
use crate::support::{Running, until};

/// What every tenant's calendar says, below the directory of tenants.
pub(super) const NEWS: &str = "news.csv";
pub(super) const NEWS_HEAD: &str = "id,datetime,currency,title,impact\n";
/// How far ahead an item is announced: soon enough to be told of at once, late enough that it is told of in time.
const NEWS_AHEAD: i64 = 4 * MINUTE;
/// Where processes note at which crash points they died.
const CRASHES: &str = "crashes";

impl World {
    /// One more of a user's alerts, switched off: it fires nothing and has to come into the journal all the same.
    pub(crate) fn add_sleeping_alert(&self) {
        const ADD: &str = "insert into public.price_alerts
            select (jsonb_populate_record(alert, jsonb_build_object('id', gen_random_uuid(), 'is_active', false))).*
            from public.price_alerts alert limit 1";
        self.shops.iter().for_each(|shop| self.execute(shop, ADD));
    }

    /// One more item of the news, of which every user of every tenant is to be told at once, and once.
    pub(crate) fn announce(&self) {
        let number = self.announced.borrow().len() + 1;
        let at = Clock::system().now().plus(NEWS_AHEAD);
        let line = format!("{number},{at},USD,{},high\n", title(number));
        let news = self.place.read(&format!("tenants/{NEWS}")) + &line;
        // Nobody reads half a line: the file takes the old one's place.
        self.place.write("tenants/news.part", news.as_bytes());
        std::fs::rename(self.place.path("tenants/news.part"), self.place.path(&format!("tenants/{NEWS}")))
            .unwrap();
        self.announced.borrow_mut().push(at);
    }

    /// Titles of the items that were announced, and when each comes.
    pub(crate) fn announced(&self) -> Vec<(String, Timestamp)> {
        (1..).map(title).zip(self.announced.borrow().iter().copied()).collect()
    }

    /// How often a process died at that crash point.
    pub(crate) fn crashes_at(&self, point: &str) -> usize {
        let noted = std::fs::read_to_string(self.place.path(CRASHES)).unwrap_or_default();
        noted.lines().filter(|line| *line == point).count()
    }

    /// The same as [`Self::start`], but it dies at that crash point.
    pub(crate) fn start_to_crash(&self, arguments: &[String], crash: &str) -> Running {
        let command = self.command(arguments).env("TMPDIR", self.place.path(""));
        command.env("CRASH", crash).env("CRASH_LOG", self.place.path(CRASHES)).start()
    }

    /// Kills the databases' server with signal 9, and starts it again.
    pub(crate) fn without_databases(&self, meanwhile: impl FnOnce()) {
        let killed = self.postgres.take().unwrap();
        let port = Some(killed.port());
        let sent = std::process::Command::new("kill").args(["-KILL", &killed.pid().to_string()]).status();
        assert!(sent.unwrap().success(), "the databases' server is gone");
        meanwhile();
        drop(killed);
        let options = Options { port, ..Options::default() };
        let mut begun = None;
        // Until its children have noticed, the new one finds their memory in use.
        let is_up = || {
            begun = self.runtime.block_on(Postgres::start(&self.place.path("postgres"), options)).ok();
            begun.is_some()
        };
        assert!(until(PATIENCE, is_up), "the databases' server does not come back");
        self.postgres.replace(begun);
    }
}

fn title(number: usize) -> String {
    format!("Announcement {number:04}")
}
