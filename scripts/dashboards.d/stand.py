"""The services of compose/compose.yaml as processes of this machine: their commands, environments, order and health
checks, with addresses and files in place of the names that containers have. Kafka and Postgres come from
scripts/services: their images cannot run here."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
OURS = "bellwether:local"
PATIENCE = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stand:
    """What runs, and where."""

    def __init__(self, directory, program):
        self.dir, self.program = Path(directory), program
        self.compose = yaml.safe_load((ROOT / "compose/compose.yaml").read_text())
        self.processes, self.ports, self.done = {}, {}, set()
        self.inbox = {"smtp": free_port(), "page": free_port()}
        self.gateway = free_port()
        # More of the environment, by service.
        self.more = {}

    def afresh(self):
        """Nothing is left of a stand before: its journal knows what was provoked there."""
        if self.dir.exists():
            self.services("down")
            shutil.rmtree(self.dir)
        self.dir.mkdir(parents=True)

    def up(self, extra):
        """Everything in the compose file's order; `extra` are arguments by service."""
        self.extra = extra
        self.services("up")
        self.services("tenants")
        self.outside = self.exports()
        self.write_files()
        for name in self.order():
            self.start(name)

    def services(self, *arguments):
        command = [ROOT / "scripts/services", *arguments, "--dir", self.dir / "services"]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    def exports(self):
        lines = self.services("env").splitlines()
        words = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
        return dict(word.split("=", 1) for word in words)

    def write_files(self):
        """The secrets of compose/secrets with this machine's databases, and its tenants with this machine's inbox."""
        compose = self.dir / "compose"
        shutil.rmtree(compose, ignore_errors=True)
        compose.mkdir(parents=True)
        shutil.copy(ROOT / "compose/secrets", compose)
        subprocess.run([compose / "secrets"], check=True)
        for name in self.compose["secrets"]:
            value = self.outside.get(name.upper()) or self.outside.get(name.upper().replace("GATEWAY_", "GATEWAY_DATABASE_"))
            if value:
                secret = compose / "secrets.d" / name
                secret.chmod(0o600)
                secret.write_text(value)
        shutil.copytree(ROOT / "compose/tenants", compose / "tenants")
        shutil.copytree(ROOT / "tenants/brands", compose / "brands")
        for file in (compose / "tenants").glob("*.toml"):
            text = file.read_text().replace("inbox:1025", f"127.0.0.1:{self.inbox['smtp']}")
            # A market that is played at sixty times its pace fires sixty times as often.
            file.write_text(text.replace("[mail]\n", "[mail]\nalerts_a_user_an_hour = 1000000\n"))

    def order(self):
        """The services of ours, each after those that it waits for."""
        services = {name: of for name, of in self.compose["services"].items() if of["image"] == OURS}
        order = []
        while len(order) < len(services):
            ready = [n for n, of in services.items() if n not in order and self.waits_for(of) <= set(order)]
            assert ready, "services wait for each other"
            order += ready
        return order

    def waits_for(self, service):
        names = service.get("depends_on", {})
        return {name for name in names if self.compose["services"][name]["image"] == OURS}

    def environment(self, name):
        said = {key: str(value) for key, value in self.compose["services"][name].get("environment", {}).items()}
        secrets = f"{self.dir}/compose/secrets.d/"
        said = {key: value.replace("/run/secrets/", secrets) for key, value in said.items()}
        here = {
            "BELLWETHER_LOG": self.outside["BELLWETHER_LOG"],
            "BELLWETHER_TENANTS": f"{self.dir}/compose/tenants",
            "BELLWETHER_TELEMETRY_METRICS": f"127.0.0.1:{self.ports[name]}",
            "BELLWETHER_GATEWAY_LISTEN": f"127.0.0.1:{self.gateway}",
        }
        return {"PATH": os.environ["PATH"], **said, **{key: value for key, value in here.items() if key in said}, **self.more.get(name, {})}

    def command(self, name):
        command = self.compose["services"][name]["command"]
        if name == "inbox":
            ports = ["--smtp", str(self.inbox["smtp"]), "--page", str(self.inbox["page"])]
            command = ["inbox", "--dir", str(self.dir / "inbox"), *ports]
        return [str(self.program), *command, *self.extra.get(name, [])]

    def start(self, name):
        self.wait_for_others(name)
        self.ports.setdefault(name, free_port())
        log = open(self.dir / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            self.command(name), cwd=self.dir, env=self.environment(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def wait_for_others(self, name):
        for other, how in self.compose["services"][name].get("depends_on", {}).items():
            if other not in self.processes or other in self.done:
                continue
            if how["condition"] == "service_completed_successfully":
                code = self.processes[other].wait(PATIENCE)
                assert code == 0, f"{other} ended with {code}: {self.log(other)}"
            else:
                self.wait_until_healthy(other)
            self.done.add(other)

    def wait_until_healthy(self, name):
        begun = time.monotonic()
        while not self.is_healthy(name):
            assert self.processes[name].poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() - begun < PATIENCE, f"{name} is not healthy: {self.log(name)}"
            time.sleep(0.5)

    def is_healthy(self, name):
        """By the compose file's own check."""
        words = self.compose["services"][name]["healthcheck"]["test"][1:]
        ports = {"9464": self.ports[name], "1025": self.inbox["smtp"]}
        words = [re.sub(r"(?<=127\.0\.0\.1/)(9464|1025)", lambda found: str(ports[found[1]]), word) for word in words]
        try:
            return subprocess.run(words, capture_output=True, timeout=10).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def stays(self):
        return [name for name in self.order() if self.compose["services"][name].get("restart") == "unless-stopped"]

    def log(self, name):
        return (self.dir / f"{name}.log").read_text(errors="replace")[-2000:]

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(60)

    def down(self):
        for name in reversed(list(self.processes)):
            self.stop(name)
        self.services("down")
