"""Builds tests with cargo and runs them: every program started here is stopped with us."""

import json
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import schemata

MOST_SECONDS = 300
GRACE_SECONDS = 10

# Taken for good when everything ends: then nothing begins any more.
running, lock = set(), threading.RLock()


def run(command, most_seconds=None, **options):
    """The exit status; None when it took too long. In a group of its own, which ends with it."""
    with lock:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        running.add(program)
    try:
        return program.wait(most_seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        stop(program)
        with lock:
            running.discard(program)


def stop(program):
    """And what it started, politely first."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(program.pid, how)
            program.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def stop_all():
    """For good."""
    lock.acquire()
    for program in list(running):
        stop(program)


@dataclass
class Ran:
    outcome: str
    failed: list = field(default_factory=list)
    passed: int = 0


@dataclass
class Built:
    """Test programs by package and target; or the errors: each the places it names."""

    programs: dict = field(default_factory=dict)
    errors: list = field(default_factory=list)
    good: bool = False


class Cargo:
    """Builds in the copy, always for the same packages: another choice would be other features, built anew."""

    def __init__(self, copy, work, tests):
        self.copy, self.work = copy, work
        self.packages = sorted({test.package for test in tests})
        # A run that was interrupted in a compiler's incremental state has left crates behind that do not link.
        self.environment = os.environ | {
            "CARGO_TARGET_DIR": str(work / "build"),
            "CARGO_INCREMENTAL": "0",
            "CARGO_PROFILE_DEV_DEBUG": "0",
            "CARGO_TERM_COLOR": "never",
            "LC_ALL": "C",
            # What one defect makes fail would be tried again under the next.
            "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "true",
        }
        self.environment.pop(schemata.VARIABLE, None)

    def build(self, tests, said):
        """What cargo says goes to the file `said`."""
        arguments = [word for package in self.packages for word in ("-p", package)]
        arguments += [word for target in sorted({test.target for test in tests}) for word in target]
        command = ["cargo", "test", "--locked", "--no-run", "--no-fail-fast", "--message-format=json", *arguments]
        heard = self.work / "heard"
        with open(heard, "w") as out, open(said, "w") as err:
            status = run(command, cwd=self.copy.path, env=self.environment, stdout=out, stderr=err)
        built = Built(good=status == 0)
        with open(said, "a") as err:
            for line in heard.read_text().splitlines():
                note(built, json.loads(line), err) if line.startswith("{") else err.write(line)
        return built

    def chaos(self, rounds, said):
        """Real processes under faults, as built from the copy."""
        command = ["cargo", "test", "--locked", "-p", "bellwether", "--features", "crash_points", "--test", "chaos"]
        with open(said, "w") as out:
            status = run(command, cwd=self.copy.path, env=self.environment | {"ROUNDS": str(rounds)}, stdout=out, stderr=out)
        return Ran("not caught") if status == 0 else Ran("caught", ["chaos"])

    def test(self, program, test, number, said, **variables):
        """As cargo would run it: in the package's directory, with the names of tests wanted."""
        environment = self.environment | variables | {"CARGO_MANIFEST_DIR": str(program.parent)}
        if number:
            environment[schemata.VARIABLE] = str(number)
        with open(said, "a") as out:
            status = run([program.path, *test.names], MOST_SECONDS,
                         cwd=program.parent, env=environment, stdout=out, stderr=out)
        return heard_from(status, said.read_text(errors="replace"))


@dataclass(frozen=True)
class Program:
    path: str
    parent: Path


def note(built, message, err):
    if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
        err.write(message["message"]["rendered"] or "")
        built.errors.append(places(message["message"]))
    elif message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
        manifest, target = Path(message["manifest_path"]), message["target"]
        package = re.search(r'^name = "(.*)"', manifest.read_text(), re.MULTILINE).group(1)
        kind = next((kind for kind in ("test", "bin") if kind in target["kind"]), None)
        name = (f"--{kind}", target["name"]) if kind else ("--lib",)
        built.programs[package, name] = Program(message["executable"], manifest.parent)


def places(message):
    """Files and lines of an error with all that is said to it."""
    found = []
    for span in message["spans"]:
        while span:
            found.append((span["file_name"], range(span["line_start"], span["line_end"] + 1)))
            span = (span["expansion"] or {}).get("span")
    return found + [place for child in message["children"] for place in places(child)]


def heard_from(status, said):
    failed = re.findall(r"^test (?:.*::)?(\S+)(?: - should panic)? \.\.\. FAILED$", said, re.MULTILINE)
    passed = len(re.findall(r"^test .* \.\.\. ok$", said, re.MULTILINE))
    if status is None:
        return Ran("does not end", failed, passed)
    if status == 0:
        return Ran("not caught", failed, passed)
    return Ran("caught" if failed else "fails otherwise", failed, passed)
