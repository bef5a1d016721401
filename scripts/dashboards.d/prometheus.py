"""A Prometheus and an Alertmanager of Debian's, set up as compose/ sets theirs up, and what they answer."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import yaml
from stand import ROOT, free_port

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PACKAGES = ["prometheus", "prometheus-alertmanager"]


def tools(directory):
    """Where the programs are: this system's, or Debian's packages unpacked, so that nothing is installed or started."""
    if all(shutil.which(name) for name in ["prometheus", "promtool", "prometheus-alertmanager", "amtool"]):
        return None
    directory = Path(directory).resolve()
    if not (directory / "usr/bin/promtool").exists():
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for package in directory.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, directory], check=True)
    return directory / "usr/bin"


def scaled(text, scale):
    """Every window of a rule divided by `scale`, never below two seconds."""
    shorter = lambda found: f"{found[1]}{max(2, round(int(found[2]) * SECONDS[found[3]] / scale))}s"
    return re.sub(r"(\[|offset |for: )(\d+)([smhd])\b", shorter, text)


# Waits that stand in a comparison and not in a window. What is counted in a market's own time passes as fast as it is played.
WAITS = ["bellwether_outbox_oldest_seconds > {}", "bellwether_snapshot_stored_seconds) > {}", "bellwether_schedule_next_seconds) > {}"]


def sooner(text, scale):
    """The same of waits."""
    for form in WAITS:
        before, after = map(re.escape, form.split("{}"))
        text = re.sub(f"({before})(\\d+){after}", lambda found: f"{found[1]}{max(2, round(int(found[2]) / scale))}", text)
    return text


class Watch:
    """Both, while they run. `instead`: what stands in the rules, and what is to stand there."""

    def __init__(self, directory, bin, stand, scale=1, instead=()):
        self.dir, self.stand, self.scale, self.instead = Path(directory), stand, scale, instead
        self.bin = lambda name: str(bin / name) if bin else name
        self.port, self.alerts = free_port(), free_port()
        self.processes = []

    def up(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "rules").mkdir(parents=True)
        for rules in (ROOT / "compose/prometheus/rules").glob("*.yml"):
            text = sooner(scaled(rules.read_text(), self.scale), self.scale)
            for found, wanted in self.instead:
                text = text.replace(found, wanted)
            (self.dir / "rules" / rules.name).write_text(text)
        self.write_prometheus()
        self.write_alertmanager()
        self.run("prometheus", f"--config.file={self.dir}/prometheus.yml", f"--storage.tsdb.path={self.dir}/data", f"--web.listen-address=127.0.0.1:{self.port}")
        self.run("prometheus-alertmanager", f"--config.file={self.dir}/alertmanager.yml", f"--storage.path={self.dir}/alerts", f"--web.listen-address=127.0.0.1:{self.alerts}", "--cluster.listen-address=")
        self.wait_until_ready()

    def write_prometheus(self):
        """The compose file's own, with addresses in place of names, and a shorter breath."""
        config = yaml.safe_load((ROOT / "compose/prometheus/prometheus.yml").read_text())
        breath = "2s" if self.scale == 1 else "1s"
        config["global"].update(scrape_interval=breath, scrape_timeout=breath, evaluation_interval=breath)
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{self.alerts}"]
        for job in config["scrape_configs"]:
            name = job["job_name"]
            job.pop("dns_sd_configs", None)
            job.pop("static_configs", None)
            job["file_sd_configs"] = [{"files": [f"{self.dir}/targets/{name}.json"], "refresh_interval": "1s"}]
            self.is_there(name, True)
        (self.dir / "prometheus.yml").write_text(yaml.safe_dump(config))

    def is_there(self, name, there):
        """Whether the network knows a container of that name."""
        port = self.port if name == "prometheus" else self.stand.ports[name]
        file = self.dir / "targets" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        whole = file.with_suffix(".new")
        whole.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"]}] if there else []))
        whole.rename(file)

    def write_alertmanager(self):
        config = (ROOT / "compose/alertmanager/alertmanager.yml").read_text()
        config = config.replace("inbox:1025", f"127.0.0.1:{self.stand.inbox['smtp']}")
        waits = lambda found: f"{found[1]}{max(1, round(int(found[2]) * SECONDS[found[3]] / self.scale))}s"
        (self.dir / "alertmanager.yml").write_text(re.sub(r"((?:group_wait|group_interval|repeat_interval): )(\d+)([smh])", waits, config))

    def run(self, name, *arguments):
        log = open(self.dir / f"{name}.log", "wb")
        self.processes.append(subprocess.Popen([self.bin(name), *arguments], stdout=log, stderr=log, env={"PATH": os.environ["PATH"]}))

    def wait_until_ready(self):
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2)
                return
            except OSError:
                time.sleep(0.5)
        raise SystemExit("prometheus is not ready: " + (self.dir / "prometheus.log").read_text()[-2000:])

    def ask(self, path, **arguments):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            return json.load(urllib.request.urlopen(url, timeout=30))["data"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{arguments}: {error.read().decode()}")

    def query(self, expression):
        found = self.ask("query", query=expression)
        return [(result["metric"], float(result["value"][1])) for result in found["result"]] if found["resultType"] == "vector" else [({}, float(found["result"][1]))]

    def firing(self):
        return {(alert["labels"]["alertname"], alert["labels"].get("tenant", "")) for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def down(self):
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            process.wait(30)
