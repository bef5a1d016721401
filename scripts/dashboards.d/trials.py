"""For each alert rule the fault that it is there for, caused for real, and put right again.

A trial causes it, says which alerts are to fire, puts it right and says which are to be gone. `see` is a `Witness`.
"""

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import provoke
from servers import Server
from stand import ROOT, free_port

# Rules that nothing here can make fire, and why.
NOT_HERE = {
    "JournalNotCut": "a journal is cut once what it holds is a day old",
    "TaskRestarts": "a bug of ours alone ends a task",
    "SchemaHeld": "no schema registry can be had here; runtime/tests/registry.rs has one that forgets",
    "AppendsFail": "Kafka's client takes appends for a quarter of an hour; a full disk below an embedded log refuses them",
}


def killed(see):
    """A process dies, and nobody starts it again."""
    see.stand.stop("rows", signal.SIGKILL)
    see.fires("ProcessDown")
    see.stand.start("rows")
    see.gone("ProcessDown")


def gone(see):
    """The last container of a role is taken away."""
    see.stand.stop("preview")
    see.watch.is_there("preview", False)
    see.fires("RoleMissing")
    see.stand.start("preview")
    see.watch.is_there("preview", True)
    see.gone("RoleMissing")


def restarts(see):
    """A process dies again and again, and is started each time."""
    begun = time.monotonic()
    started = lambda: [value for _, value in see.watch.query('bellwether_started_seconds{job="calendar"}')]
    while time.monotonic() - begun < 120 and not see.is_firing("ProcessRestarts"):
        before = started()
        see.stand.stop("calendar", signal.SIGKILL)
        see.stand.start("calendar")
        # Prometheus has to have seen that one, or it is no change to it.
        see.until("it was started again", lambda: started() not in ([], before), 30)
    see.fires("ProcessRestarts")
    see.gone("ProcessRestarts")


def locked_out(see):
    """A tenant's database takes its login no more."""
    provoke.sql(see.stand, "FXLABS", "alter role bellwether_fxlabs nologin")
    provoke.sql(see.stand, "FXLABS", "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bellwether_fxlabs'")
    see.fires("Incident", seconds=120)
    provoke.sql(see.stand, "FXLABS", "alter role bellwether_fxlabs login")
    see.gone("Incident", seconds=180)


def bad_files(see):
    """Tenants' files that are none, and an operator whose mail server is away."""
    port = see.operator
    files = []
    # One after the other: tries of a letter are not a sixtieth apart of what they usually are.
    while len(files) < 40 and not see.is_firing("OperatorUntold"):
        files.append(see.stand.dir / f"compose/tenants/broken{len(files)}.toml")
        files[-1].write_text("revision = nothing\n")
        time.sleep(2)
    see.fires("IncidentToLookAt", "OperatorUntold", seconds=90)
    inbox = subprocess.Popen([see.stand.program, "inbox", "--smtp", str(port), "--page", str(free_port())], cwd=see.stand.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for file in files:
        file.unlink()
    see.gone("IncidentToLookAt", "OperatorUntold", seconds=180)
    inbox.terminate()
    inbox.wait(30)


def standstill(see):
    """A worker stands still for longer than a trigger may take."""
    process = see.stand.processes["process"]
    for _ in range(3):
        process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        process.send_signal(signal.SIGCONT)
        time.sleep(3)
    see.fires("TriggersLate", "TriggersLateSlowly", seconds=90)
    see.gone("TriggersLate", "TriggersLateSlowly", seconds=900)


def dead_mail_server(see):
    """The mail server is away for longer than a mail may take."""
    see.stand.stop("inbox", signal.SIGKILL)
    see.fires("OutboxStuck", seconds=90)
    time.sleep(50)
    see.stand.start("inbox")
    see.fires("MailsLate", "MailsLateSlowly", seconds=120)
    see.gone("OutboxStuck", "MailsLate", "MailsLateSlowly", seconds=900)


def server_in_place(see, how, *alerts):
    see.stand.stop("inbox", signal.SIGKILL)
    server = Server(see.stand.inbox["smtp"], how)
    see.fires(*alerts, seconds=180)
    server.stop()
    see.stand.start("inbox")
    see.gone(*alerts, seconds=180)


def refusing_mail_server(see):
    """The mail server takes no mail's content."""
    server_in_place(see, "refuses", "MailsFail")


def silent_mail_server(see):
    """The mail server closes the line in place of an answer to a mail's content."""
    server_in_place(see, "hangs up", "MailsAmbiguous")


def gap(see):
    """Somebody throws away records of a journal that were not read yet."""
    process = see.stand.processes["process"]
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    file = see.stand.dir / "delete.json"
    partition = {"topic": "fxlabs.journal.v1", "partition": 0, "offset": -1}
    file.write_text(json.dumps({"version": 1, "partitions": [partition]}))
    tool(see, "org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file)
    process.send_signal(signal.SIGCONT)
    see.fires("Incident", "WatermarkStands", "FallsBehind", seconds=300)
    resume = ["tenants", "resume", "fxlabs", "--accept-gap", "--why", "a trial of the alerts"]
    run(see, *resume)
    see.gone("Incident", "WatermarkStands", "FallsBehind", seconds=300)


def deaths(see):
    """A worker without snapshots dies three times: what it folds then is folded record by record."""
    see.stand.stop("process")
    see.stand.more["process"] = {"BELLWETHER_PROCESS_SNAPSHOT_EVERY": "1h"}
    see.stand.start("process")
    time.sleep(120)
    for _ in range(3):
        see.stand.stop("process", signal.SIGKILL)
        see.stand.start("process")
        time.sleep(8)
    see.fires("RecoversForLong", seconds=120)
    see.stand.stop("process")
    see.stand.more["process"] = see.snapshots
    see.stand.start("process")
    see.gone("RecoversForLong", seconds=600)


def refused_snapshots(see):
    """The topic of snapshots takes none."""
    change = ["--alter", "--entity-type", "topics", "--entity-name", "fxlabs.snapshots.v1", "--add-config", "max.message.bytes=64"]
    tool(see, "kafka.admin.ConfigCommand", *change)
    see.fires("SnapshotOld", seconds=90)
    run(see, "topics", "apply")
    see.gone("SnapshotOld", seconds=120)


def growth(see):
    """Far more alerts than a process was made for."""
    users = "select md5(n::text)::uuid as id from generate_series(1, 60000) n"
    provoke.sql(see.stand, "FXLABS", f"""
        insert into auth.users (id) {users} on conflict do nothing;
        insert into public.rsi_tracker_alerts (user_id, timeframe, rsi_period, rsi_overbought, rsi_oversold)
        select id, '1D', 14, 99, 1 from ({users}) as users on conflict do nothing;""")
    see.fires("ProcessGrows", seconds=300)
    provoke.sql(see.stand, "FXLABS", f"delete from auth.users where id in ({users})")
    time.sleep(20)
    for name in ["process", "preview", "rows", "mail", "schedule", "alerts"]:
        see.stand.stop(name)
        see.stand.start(name)
    see.gone("ProcessGrows", seconds=300)


def refused_ticks(see):
    """A source sends prices of a symbol that nobody listed, more than all others together."""
    begun = time.monotonic()
    while time.monotonic() - begun < 45:
        provoke.ticks(see.stand, 200)
    see.fires("TicksRefused")
    see.gone("TicksRefused", seconds=120)


def nonsense(see):
    """A record that is none of ours."""
    provoke.undecodable(see.stand)
    see.fires("DeadLetters")
    see.gone("DeadLetters", seconds=90)


def hanging_feed(see):
    """A source whose clock goes on, and of whose symbols all but one say nothing more."""
    rows = [f"2026-01-07T10:00:{second:02}Z,{symbol},1.1,1.2" for second in (0, 30) for symbol in ("EURUSD", "GBPUSD", "USDJPY")]
    rows += [f"2026-01-07T{10 + minute // 60}:{minute % 60:02}:00Z,EURUSD,1.1,1.2" for minute in range(1, 90)]
    file = see.stand.dir / "hanging.csv"
    file.write_text("ts,symbol,bid,ask\n" + "\n".join(rows) + "\n")
    see.stand.stop("market")
    command = [see.stand.program, "produce", "file", "--tenant", "fxlabs", "--input", f"EURUSD={file}", "--speed", "60"]
    with open(see.stand.dir / "hanging.log", "wb") as log:
        source = subprocess.Popen(command, cwd=see.stand.dir, env=see.stand.environment("market"), stdout=log, stderr=log)
    see.fires("FeedDead", "SymbolSilent", seconds=120)
    source.terminate()
    source.wait(60)
    see.stand.start("market")
    see.gone("FeedDead", "SymbolSilent", seconds=120)


def dead_broker(see):
    """The only broker dies: what sources say waits in them, and then they wait."""
    pid = int((see.stand.dir / "services/kafka-1.pid").read_text())
    subprocess.run(["kill", "-KILL", str(pid)], check=True)
    see.fires("FeedStopped", seconds=120)
    see.stand.services("up")
    see.gone("FeedStopped", seconds=180)


def lost_calendar(see):
    """The file of a news calendar is not there."""
    file = see.stand.dir / "compose/tenants/fxlabs.toml"
    before = file.read_text()
    file.write_text(before + '\n[[calendar]]\nname = "news"\nfile = "not-there.csv"\nevery = "1s"\n')
    see.fires("CalendarUnread", seconds=120)
    file.write_text(before)
    see.gone("CalendarUnread", seconds=180)


def locked_schedule(see):
    """What is due cannot be looked at: somebody holds the table."""
    file = see.stand.dir / "compose/tenants/fxlabs.toml"
    before = file.read_text()
    asked = ["psql", "-Atc", "select to_char((now() + interval '100 s') at time zone 'Asia/Kolkata', 'HH24:MI')"]
    due = subprocess.run([*asked, admin(see)], capture_output=True, text=True, check=True).stdout.strip()
    file.write_text(before.replace('daily_brief = "09:00"', f'daily_brief = "{due}"').replace("revision = 1", "revision = 2"))
    time.sleep(10)
    lock = "begin; lock table bellwether.schedule_run in access exclusive mode; select pg_sleep(150); rollback;"
    holder = subprocess.Popen(["psql", "-q", admin(see), "-c", lock], stdout=subprocess.DEVNULL)
    see.fires("ScheduleOverdue", seconds=150)
    holder.wait(180)
    see.gone("ScheduleOverdue", seconds=120)


def missed_days(see):
    """Nobody kept the schedule for three days: what the database remembers of the time before is that much older."""
    see.stand.stop("schedule")
    provoke.sql(see.stand, "HEXTECH", """
        delete from bellwether.schedule_run where state <> 'before';
        update bellwether.schedule_run set due_at = due_at - interval '3 days',
          key = to_char(key::date - 3, 'YYYY-MM-DD') where key ~ '^\\d{4}-\\d\\d-\\d\\d$';""")
    see.stand.start("schedule")
    see.fires("ScheduleMissed", seconds=120)
    see.gone("ScheduleMissed", seconds=180)


def slow_database(see):
    """The server's processes for one tenant stand still most of the time."""
    asked = ["psql", "-Atc", "select pid from pg_stat_activity where usename like 'bellwether_fxlabs%'", admin(see)]
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and not see.is_firing("DatabaseSlow"):
        pids = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        for how, seconds in (("-STOP", 2.5), ("-CONT", 0.5)):
            subprocess.run(["kill", how, *pids], stderr=subprocess.DEVNULL)
            time.sleep(seconds)
    see.fires("DatabaseSlow")
    see.gone("DatabaseSlow", seconds=120)


def crowd(see):
    """One address asks the gateway far more than it may."""
    is_over = threading.Event()
    askers = [threading.Thread(target=ask_on, args=(see.stand.gateway, is_over)) for _ in range(8)]
    for asker in askers:
        asker.start()
    see.fires("GatewayTurnsAway", seconds=120)
    is_over.set()
    for asker in askers:
        asker.join()
    see.gone("GatewayTurnsAway", seconds=120)


def ask_on(port, is_over):
    while not is_over.is_set():
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/unsubscribe?t=made-up", timeout=5)
        except (urllib.error.HTTPError, OSError):
            pass


def silence(see):
    """Prometheus dies: the mails that say that all is well stop. Nothing is watched from then on."""
    before = see.dead_man_mails()
    see.until("DeadMan is mailed on and on", lambda: see.dead_man_mails() > before + 1, 60)
    see.watch.processes[0].kill()
    see.until("DeadMan is mailed no more", lambda: see.has_stopped(see.dead_man_mails), 420)


def tool(see, *arguments):
    command = [ROOT / "scripts/services", "tool", "--dir", see.stand.dir / "services", "--", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def run(see, *arguments):
    environment = see.stand.environment("process")
    environment.pop("BELLWETHER_TELEMETRY_METRICS", None)
    subprocess.run([see.stand.program, *arguments], check=True, cwd=see.stand.dir, env=environment, stdout=subprocess.DEVNULL)


def admin(see):
    return see.stand.outside["FXLABS_ADMIN_DATABASE_URL"]


# What disturbs least first; after the last nothing is watched any more.
TRIALS = [
    nonsense, killed, gone, restarts, crowd, bad_files, lost_calendar, missed_days, hanging_feed, refused_ticks,
    refused_snapshots, locked_out, slow_database, refusing_mail_server, silent_mail_server, dead_mail_server,
    locked_schedule, standstill, growth, dead_broker, gap, deaths, silence,
]
