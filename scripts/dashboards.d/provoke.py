"""What goes wrong while it is watched, so that what counts it has something to show."""

import subprocess
import urllib.error
import urllib.request

from stand import ROOT


def alerts(stand):
    """A user with an alert of each kind, and another who has no address."""
    for tenant in ["FXLABS", "HEXTECH"]:
        sql(stand, tenant, (ROOT / "local/sql/example.sql").read_text())


def sql(stand, tenant, text):
    url = stand.outside[f"{tenant}_ADMIN_DATABASE_URL"]
    subprocess.run(["psql", "--quiet", "--set", "ON_ERROR_STOP=1", url], input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def faults(stand):
    ticks(stand)
    undecodable(stand)
    links(stand)
    rows(stand)
    tenant(stand)


def ticks(stand, times=1):
    """Prices of a symbol that no tenant has, prices that cannot be, and lines that are none."""
    rows = [f"2026-01-07T10:{minute:02}:00Z,DOGEUSD,1.0,1.1" for minute in range(60)] * times
    rows += ["2026-01-07T11:00:00Z,EURUSD,1.1,1.2", "not a line", "2026-01-07T11:00:01Z,EURUSD,900.0,901.0"]
    file = stand.dir / "ticks.csv"
    file.write_text("ts,symbol,bid,ask\n" + "\n".join(rows) + "\n")
    command = [stand.program, "produce", "file", "--tenant", "fxlabs", "--input", f"DOGEUSD={file}", "--speed", "0"]
    environment = stand.environment("market")
    # Its own is taken, and it is gone before anybody could ask it.
    environment.pop("BELLWETHER_TELEMETRY_METRICS", None)
    with open(stand.dir / "file.log", "wb") as log:
        subprocess.run(command, cwd=stand.dir, env=environment, stdout=log, stderr=log)


def undecodable(stand):
    """A record that is none of ours, in the journal and among the triggers."""
    for topic in ["fxlabs.journal.v1", "fxlabs.triggers.v1"]:
        tool = ["org.apache.kafka.tools.ConsoleProducer", "--topic", topic]
        command = [ROOT / "scripts/services", "tool", "--dir", stand.dir / "services", "--", *tool]
        subprocess.run(command, input=b"nonsense\n", check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def links(stand):
    """A link that nobody wrote."""
    for _ in range(5):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{stand.gateway}/unsubscribe?t=made-up", timeout=5)
        except urllib.error.HTTPError:
            pass


def rows(stand):
    """An alert that the engine refuses, and one that nobody can read, of a user without an address."""
    user = "b0c5e3a4-53c1-4d0e-9d5e-3f5d2f6f7a13"
    sql(stand, "FXLABS", f"""
        insert into auth.users (id) values ('{user}') on conflict do nothing;
        insert into public.price_alerts (user_id, symbol, above) values ('{user}', 'NOT/HERE', 1);
        insert into public.heatmap_tracker_alerts (user_id, pairs) values ('{user}', '[7]') on conflict do nothing;""")


def tenant(stand):
    """A tenant's file that is none: an incident."""
    (stand.dir / "compose/tenants/broken.toml").write_text("revision = nothing\n")
