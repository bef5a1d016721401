//! `scripts/setup` on machines that lack something, with stand-ins for what would change this one: what it installs by
//! itself, what it asks root for, and that it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// What the script itself is written with.
const TOOLS: [&str; 9] = ["bash", "sh", "sed", "cat", "mkdir", "dirname", "chmod", "env", "true"];

/// Says nothing was done but what stands in `calls`.
struct Machine {
    dir: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    said: String,
    calls: String,
}

impl Machine {
    /// One that has every package but those, and no Rust.
    fn without(missing: &[&str]) -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(machine.path("bin")).unwrap();
        let places = std::env::var_os("PATH").unwrap();
        for tool in TOOLS {
            let found = std::env::split_paths(&places).map(|dir| dir.join(tool)).find(|path| path.exists());
            symlink(found.unwrap(), machine.path("bin").join(tool)).unwrap();
        }
        machine.program("cc", "while read -r line; do :; done");
        for program in ["make", "initdb", "pgbouncer", "python3", "java", "mvn"] {
            machine.program(program, "true");
        }
        // rustup's own installer, as curl would bring it.
        machine.program("curl", r#"note "curl $*"; cat "$MACHINE/installer""#);
        machine.write(
            "installer",
            r#"note "installer $*"; mkdir -p "$HOME/.cargo/bin"; cp_rustup "$HOME/.cargo/bin""#,
        );
        machine.program(
            "apt-get",
            r#"note "apt-get $*"; case " $* " in *" rustup "*) cp_rustup "$MACHINE/bin";; esac"#,
        );
        missing.iter().for_each(|program| fs::remove_file(machine.path("bin").join(program)).unwrap());
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, body: &str) {
        fs::write(self.path(name), format!("#!/usr/bin/env bash\n{STAND_INS}\n{body}\n")).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    fn program(&self, name: &str, body: &str) {
        self.write(&format!("bin/{name}"), body);
    }

    /// Runs it as root or as somebody else, with or without a package of rustup.
    fn set_up(&self, user: u32, packaged: bool) -> Ran {
        self.program("id", &format!("echo {user}"));
        let candidate = if packaged { "1.27.1-1" } else { "(none)" };
        self.program("apt-cache", &format!("echo 'rustup:'; echo '  Candidate: {candidate}'"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/setup");
        let mut command = Command::new(self.path("bin/bash"));
        command.arg(script).env_clear().env("PATH", self.path("bin")).env("HOME", self.path("home"));
        let output = command.env("MACHINE", self.dir.path()).output().unwrap();
        Ran {
            code: output.status.code(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
            calls: fs::read_to_string(self.path("calls")).unwrap_or_default(),
        }
    }
}

/// `note` writes down what was called. `cp_rustup` puts a rustup there that in turn puts a cargo beside it.
const STAND_INS: &str = r#"
note() { echo "$*" >> "$MACHINE/calls"; }
program() { { echo '#!/usr/bin/env bash'; cat; } > "$1"; chmod +x "$1"; }
cp_rustup() {
    program "$1/rustup" <<TEXT
echo "rustup \$*" >> "\$MACHINE/calls"
{ echo '#!/usr/bin/env bash'; echo "echo cargo \$3"; } > "$1/cargo"; chmod +x "$1/cargo"
TEXT
}"#;

fn wanted() -> String {
    let file =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-toolchain.toml")).unwrap();
    file.split('"').nth(1).unwrap().into()
}

fn toolchain() -> String {
    format!(
        "rustup toolchain install {} --profile minimal --component rustfmt --component clippy\n",
        wanted()
    )
}

#[test]
fn without_rust_anybody_gets_rustups_own_installer_after_being_told() {
    for user in [0, 1000] {
        let ran = Machine::without(&[]).set_up(user, false);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        assert!(ran.said.starts_with("no rustup here: running its own installer, https://"), "{}", ran.said);
        let [curl, installer, rustup] =
            ran.calls.split_inclusive('\n').collect::<Vec<_>>().try_into().unwrap();
        assert!(curl.contains("--proto =https --tlsv1.2 -sSf https://"), "{curl}");
        assert_eq!(installer, "installer -y --profile minimal --default-toolchain none\n");
        assert_eq!(rustup, toolchain());
    }
}

#[test]
fn root_takes_the_distributions_rustup_where_there_is_one_and_others_their_own() {
    let root = Machine::without(&[]).set_up(0, true);
    assert_eq!(root.code, Some(0), "{}", root.said);
    assert!(root.calls.contains("--no-install-recommends rustup\n"), "{}", root.calls);
    assert!(!root.calls.contains("curl") && root.calls.ends_with(&toolchain()), "{}", root.calls);
    let other = Machine::without(&[]).set_up(1000, true);
    assert!(other.calls.contains("installer -y") && !other.calls.contains("apt-get"), "{}", other.calls);
}

#[test]
fn what_is_there_is_left_alone_and_another_version_too() {
    let machine = Machine::without(&[]);
    machine.program("cargo", &format!("echo 'cargo {} (f2d3ce0bd 2026-03-21)'", wanted()));
    let ran = machine.set_up(1000, true);
    assert_eq!((ran.code, ran.said.as_str(), ran.calls.as_str()), (Some(0), "", ""));
    machine.program("cargo", "echo 'cargo 1.63.0'");
    let ran = machine.set_up(1000, false);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert!(ran.calls.ends_with(&toolchain()) && machine.path("bin/cargo").exists(), "{}", ran.calls);
}

#[test]
fn packages_are_roots_to_install_and_nobody_elses() {
    let other = Machine::without(&["java", "curl"]).set_up(1000, false);
    assert_eq!((other.code, other.calls.as_str()), (Some(69), ""), "{}", other.said);
    assert!(
        other.said.contains("apt-get install -q -y --no-install-recommends openjdk-17-jre-headless curl")
    );
    let root = Machine::without(&["java"]).set_up(0, false);
    assert_eq!(root.code, Some(0), "{}", root.said);
    assert!(root.calls.starts_with("apt-get update -q\napt-get install -q -y"), "{}", root.calls);
}
