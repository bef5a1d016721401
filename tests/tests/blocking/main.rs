//! No async code calls what may block its thread. The log's seam says of each of its methods whether it blocks; the
//! shipped sources are searched for calls of those that do, where tasks run. Read from the tokens: no comment and no
//! text is a call.
//!
//! A method of the seam is called where its name is, and the log, a reader, a consumer or an answer is what it is called
//! on or given. A function that makes such a call blocks as well, and so does who calls that one. What is handed to
//! `spawn_blocking`, to our `blocking` or to a thread happens elsewhere, and what is awaited blocks nobody.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use calls::{Call, Function, functions};

/// The directories of the crates that are shipped.
const CRATES: [&str; 10] = [
    "runtime",
    "database",
    "producers",
    "processors/worker",
    "processors/backtest",
    "sinks",
    "gateway",
    "roles",
    "local",
    "cli",
];

/// Where the seam's methods say whether they block.
const SEAM: [&str; 2] = ["runtime/src/log/mod.rs", "runtime/src/log/ack.rs"];

/// Calls that tasks may make: the file, the function that blocks, and why it may.
const ALLOWED: [(&str, &str, &str); 4] = [
    ("producers/src/publish.rs", "to", "one append at a time: there is room for it"),
    ("sinks/src/rows/mod.rs", "append_dead_letter", "an append: blocks for a topic's first use alone"),
    ("cli/src/commands/top/mod.rs", "read_tenants", "the command's start: there is no other task yet"),
    (
        "cli/src/commands/deadletters/redrive.rs",
        "read_log",
        "the command's start: there is no other task yet",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = directories.iter().flat_map(|directory| sources(directory));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).chain(below).collect()
}

fn shipped() -> Vec<Function> {
    let mut found = Vec::new();
    let tests = ["tests", "conformance", "simulation"];
    let is_test = |file: &str| tests.iter().any(|part| file.contains(part));
    for path in CRATES.iter().flat_map(|directory| sources(&root().join(directory).join("src"))) {
        let file = path.strip_prefix(root()).unwrap().display().to_string();
        let text: TokenStream = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        if !is_test(&file) {
            functions(&file, None, &text.into_iter().collect::<Vec<_>>(), &mut found);
        }
    }
    found
}

/// The sources, and what in them blocks.
struct Sources {
    functions: Vec<Function>,
    by_name: BTreeMap<String, Vec<usize>>,
    /// The seam's methods of which it says that they block.
    seam: BTreeSet<String>,
    /// Of each function that blocks, through what.
    blocking: BTreeMap<usize, String>,
}

impl Sources {
    fn new(functions: Vec<Function>) -> Self {
        let says_so =
            |function: &&Function| SEAM.contains(&function.file.as_str()) && function.doc.contains("Blocks");
        let seam = functions.iter().filter(says_so).map(|function| function.name.clone()).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, function) in functions.iter().enumerate() {
            by_name.entry(function.name.clone()).or_default().push(at);
        }
        let mut sources = Self { functions, by_name, seam, blocking: BTreeMap::new() };
        while sources.spread() {}
        sources
    }

    /// Marks the callers of what is known to block; whether there were any.
    fn spread(&mut self) -> bool {
        let sync = self.functions.iter().enumerate().filter(|(_, function)| !function.is_async);
        let through = sync.filter_map(|(at, function)| {
            let mut calls = function.calls.iter().filter(|call| !call.by_task);
            Some((at, calls.find_map(|call| self.blocks(&function.file, call))?))
        });
        let blocking: BTreeMap<usize, String> = through.collect();
        let more = blocking.len() > self.blocking.len();
        for (at, through) in blocking {
            self.blocking.entry(at).or_insert(through);
        }
        more
    }

    /// Through what the call blocks, if it does.
    fn blocks(&self, file: &str, call: &Call) -> Option<String> {
        if call.is_method && call.of_seam && self.seam.contains(&call.name) {
            return Some(call.name.clone());
        }
        let through = self.meant(file, call).find_map(|at| self.blocking.get(&at))?;
        Some(format!("{}, {through}", call.name))
    }

    /// The functions that may be meant. With something before the name, they are in there. Otherwise two of three
    /// have to hold: the name is no other's, the log goes in, it is the same crate.
    fn meant<'a>(&'a self, file: &'a str, call: &'a Call) -> impl Iterator<Item = usize> + 'a {
        let named = self.by_name.get(&call.name).map_or(&[][..], Vec::as_slice);
        named.iter().copied().filter(move |at| {
            let function = &self.functions[*at];
            match call.qualifier.as_deref() {
                Some("Self") => function.file == file,
                Some(name) => function.owner.as_deref() == Some(name) || is_module(&function.file, name),
                None => {
                    at_least_two([named.len() == 1, call.of_seam, crate_of(&function.file) == crate_of(file)])
                }
            }
        })
    }
}

fn at_least_two(signs: [bool; 3]) -> bool {
    signs.into_iter().filter(|holds| *holds).count() >= 2
}

fn crate_of(file: &str) -> &str {
    file.split("/src/").next().unwrap()
}

fn is_module(file: &str, name: &str) -> bool {
    file.ends_with(&format!("/{name}.rs")) || file.ends_with(&format!("/{name}/mod.rs"))
}

/// Where tasks call what blocks: the file, the line, and who calls what.
fn found(sources: &Sources) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for Function { file, name, calls, .. } in &sources.functions {
        for call in calls.iter().filter(|call| call.by_task) {
            let allowed = ALLOWED.iter().any(|(of, callee, _)| of == file && *callee == call.name);
            if let Some(through) = sources.blocks(file, call).filter(|_| !allowed) {
                found.push((format!("{file}:{}", call.line), format!("{name} calls {through}")));
            }
        }
    }
    found
}

#[test]
fn every_method_of_the_seam_says_whether_it_blocks() {
    let functions = shipped();
    let traits = ["Log", "Reader", "Consumer"].map(|name| Some(name.to_owned()));
    let methods: Vec<_> = functions
        .iter()
        .filter(|one| SEAM.contains(&one.file.as_str()) && traits.contains(&one.owner))
        .collect();
    assert!(methods.len() > 15, "the seam has more than {}", methods.len());
    for method in methods {
        let says = method.doc.contains("Blocks") || method.doc.contains("Does not block");
        assert!(says, "{}", method.name);
    }
}

#[test]
fn no_task_calls_what_may_block_its_thread() {
    let sources = Sources::new(shipped());
    let found = found(&sources);
    assert!(found.is_empty(), "{found:#?}");
}

/// What is found in a file with that text beside the seam.
fn found_in(text: &str) -> Vec<String> {
    let mut functions = shipped();
    functions.retain(|function| SEAM.contains(&function.file.as_str()));
    let tokens: Vec<TokenTree> = text.parse::<TokenStream>().unwrap().into_iter().collect();
    calls::functions("producers/src/planted.rs", None, &tokens, &mut functions);
    found(&Sources::new(functions)).into_iter().map(|(_, call)| call).collect()
}

#[test]
fn a_planted_call_is_found_wherever_a_task_runs_it() {
    let planted = [
        ("async fn f(log: &dyn Log) { log.bounds(&topic)?; }", "f calls bounds"),
        (
            "fn f(log: &dyn Log) { tokio::spawn(async move { log.committed(group, &topic) }); }",
            "f calls committed",
        ),
        (
            "async fn f() { within(async || Ok(self.log.committed(group)? >= next)).await }",
            "f calls committed",
        ),
        ("async fn f() { tokio::select! { () = a() => self.log.create(&topic)?, } }", "f calls create"),
        ("async fn f() { log.append(&topic, records).wait() }", "f calls append, f calls wait"),
        ("fn g(log: &dyn Log) { log.topics() } async fn f() { g(log) }", "f calls g, topics"),
        ("impl A { fn g(&self) { self.log.topics() } } async fn f(a: A) { a.g() }", "f calls g, topics"),
    ];
    for (text, call) in planted {
        assert_eq!(found_in(text).join(", "), call, "{text}");
    }
}

#[test]
fn what_runs_elsewhere_or_is_awaited_is_no_find() {
    let harmless = [
        "fn f(log: &dyn Log) { log.bounds(&topic)?; }",
        "async fn f() { spawn_blocking(move || log.bounds(&topic)).await }",
        "async fn f() { let ends = move || { log.bounds(&topic) }; blocking(ends).await }",
        "async fn f() { std::thread::Builder::new().spawn(move || log.bounds(&topic)) }",
        "async fn f() { log.append(&topic, records).answer().await; reader.read(1).await }",
        "async fn f() { consumer.pause(&topic) }",
    ];
    for text in harmless {
        let found: Vec<String> = found_in(text).into_iter().filter(|call| call != "f calls append").collect();
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}
