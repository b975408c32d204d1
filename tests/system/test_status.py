"""`status` for scripts and monitoring: ids of warnings, exit statuses, the line of a Nagios plugin."""

import json
import os
import re
import shutil
import signal

import pytest

from authority import Authority
from machine import ROOT, run, until
from pool import BIN, Pool, environment

DATA = ROOT / "tests" / "data"
PERFORMANCE = r" \|( [a-z]+=[0-9]+;;;0)+\n"


@pytest.fixture
def idle(pool):
    """A pool without members, whose server does not run. It has nothing else to warn of."""
    return pool


def status(pool, *options):
    return run(*pool.command("status", *options), check=False, env=environment())


def warnings(pool):
    seen = json.loads(status(pool, "--json").stdout)
    assert [warning["text"] for warning in seen["warnings"]] == seen["warning_texts"]
    return {warning["id"]: warning for warning in seen["warnings"]}


def test_check_prints_only_warnings_and_its_exit_status_tells_urgent_ones(idle):
    done = status(idle, "--check")
    assert done.returncode == 3 and done.stderr == ""
    assert re.fullmatch(r"warning server-down: ntspoold does not run on this state[^\n]*\n", done.stdout)
    down = warnings(idle)["server-down"]
    assert down["severity"] == "urgent" and down["since"] is None and down["subject"] is None and down["advice"] == "Start ntspoold"
    idle.serve("--workers", "1")
    done = status(idle, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    os.chmod(idle.state / "traffic", 0o777)
    done = status(idle, "--check")
    assert done.returncode == 1 and re.fullmatch(r"warning store-exposed: [^\n]*\n", done.stdout)
    assert status(idle).returncode == 0
    exposed = warnings(idle)
    assert list(exposed) == ["store-exposed"]
    assert exposed["store-exposed"]["severity"] == "warning" and exposed["store-exposed"]["subject"] == "traffic"


@pytest.fixture
def running(machine):
    """A pool without members, with its server and its probe."""
    pool = Pool(machine).init()
    pool.serve("--workers", "1")
    pool.probe(Authority(machine.directory).path)
    until(lambda: json.loads(status(pool, "--json").stdout)["probes"], 20, "the probe runs")
    yield pool
    for process in (pool.server, pool.probed):
        if process:
            os.kill(process.pid, signal.SIGCONT)
    pool.stop()


def daemons(pool):
    """The warnings of daemons. Others depend on the kernel's clock here."""
    return {name: warning for name, warning in warnings(pool).items() if name.endswith(("-down", "-hangs"))}


def test_both_daemons_are_shown_and_told_when_they_stand_still_or_are_gone(running):
    seen = json.loads(status(running, "--json").stdout)
    assert daemons(running) == {}
    (probe,) = seen["probes"]
    assert probe["vantage"] == "local" and probe["running"] and probe["pid"] == running.probed.pid
    assert probe["version"] == seen["server"]["version"] and probe["heartbeat"] >= probe["since"]
    text = status(running).stdout
    assert re.search(rf"^ntspoold +runs since [^\n]*, pid {running.server.pid}, version ", text, re.M)
    assert re.search(rf"^probe +local runs since [^\n]*, pid {running.probed.pid}, version ", text, re.M)
    for process in (running.server, running.probed):
        os.kill(process.pid, signal.SIGSTOP)
    until(lambda: set(daemons(running)) == {"server-hangs", "probe-hangs"}, 40, "both hang")
    hanging = daemons(running)
    assert hanging["probe-hangs"]["subject"] == "local" and f"pid {running.probed.pid}" in hanging["probe-hangs"]["text"]
    assert hanging["probe-hangs"]["since"] >= probe["since"] and hanging["server-hangs"]["since"] >= seen["server"]["since"]
    running.kill()
    running.server = running.probed = None
    gone = daemons(running)
    assert set(gone) == {"server-down", "probe-down"} and gone["probe-down"]["severity"] == "warning"
    assert all(gone[f"{daemon}-down"]["since"] == hanging[f"{daemon}-hangs"]["since"] for daemon in ("server", "probe"))
    assert re.search("^probe +local does not run$", status(running).stdout, re.M)
    running.serve("--workers", "1")
    running.cli("vantage", "remove", "local")
    assert "probe-down" not in warnings(running)


def test_a_backup_that_is_made_no_more_is_missed(idle):
    assert json.loads(status(idle, "--json").stdout)["backup_at"] is None
    idle.cli("backup", idle.machine.directory / "copy")
    mark = idle.state / "last-backup"
    assert json.loads(status(idle, "--json").stdout)["backup_at"] == mark.read_text().strip()
    assert "backup-old" not in warnings(idle)
    mark.write_text("2026-01-01T00:00:00Z\n")
    assert warnings(idle)["backup-old"]["since"] == "2026-01-09T00:00:00Z"
    idle.cli("backup", idle.machine.directory / "another")
    assert "backup-old" not in warnings(idle)


def test_a_backup_is_good_even_if_its_time_cannot_be_noted(idle):
    (idle.state / "last-backup").mkdir()
    done = idle.cli("backup", idle.machine.directory / "copy")
    assert "the backup is made, but status does not know it" in done.stderr
    assert (idle.machine.directory / "copy" / "registry" / "data.mdb").exists()
    assert json.loads(status(idle, "--json").stdout)["backup_at"] is None


def test_the_location_files_of_the_running_server_grow_old(idle):
    path = idle.machine.directory / "locations.mmdb"
    shutil.copy(DATA / "places.mmdb", path)
    idle.serve("--workers", "1", "--locations", path)
    until(lambda: json.loads(status(idle, "--json").stdout)["locations_at"], 20, "the file's time is known")
    assert "locations-old" not in warnings(idle)
    os.utime(path, (1767225600, 1767225600))
    until(lambda: "locations-old" in warnings(idle), 20, "it is old")
    assert warnings(idle)["locations-old"]["since"] == "2026-03-02T00:00:00Z"
    idle.stop()
    assert "locations-old" not in warnings(idle)


def test_a_full_disk_is_told(idle):
    seen = json.loads(status(idle, "--json").stdout)
    assert seen["disk_free_bytes"] > 0 and "disk-low" not in warnings(idle)
    small = idle.machine.directory / "small"
    small.mkdir()
    script = f"mount -t tmpfs -o size=8m tmpfs {small} && cp -a {idle.state} {small}/state && {idle.command()[0]} -s {small}/state status --json"
    done = run("unshare", "--mount", "sh", "-c", script, env=environment())
    seen = json.loads(done.stdout)
    assert 0 < seen["disk_free_bytes"] < 8 << 20
    (low,) = [warning for warning in seen["warnings"] if warning["id"] == "disk-low"]
    assert low["severity"] == "warning" and "MiB left, and should have 64" in low["text"]


def test_an_id_is_explained_without_a_state(machine):
    done = run(BIN / "ntspool", "-s", "/nonexistent", "status", "--explain", "probe-down", env=environment())
    assert done.stdout.startswith("probe-down (warning): Start ntspool-probed")
    done = run(BIN / "ntspool", "status", "--explain", "keys-unsafe", "--json", env=environment())
    assert json.loads(done.stdout) == {"id": "keys-unsafe", "severity": "urgent", "advice": "Restore a backup of state/keys"}
    done = run(BIN / "ntspool", "status", "--explain", "keys", check=False, env=environment())
    assert done.returncode == 2 and "no such warning" in done.stderr


def test_a_vantage_point_alone_knows_whether_its_probe_runs(running):
    state = running.machine.directory / "alone.state"
    shutil.copytree(running.state / "feed", state / "feed")
    alone = Pool(running.machine, name="alone")
    alone.probe(Authority(running.machine.directory).path)
    until(lambda: [row["running"] for row in alone.json("status").get("probes", ())] == [True], 20, "it runs")
    assert alone.json("status")["vantage_only"] and "probe-down" not in warnings(alone)
    until(lambda: "vantage-unknown" in warnings(alone), 20, "its key is not the one that the pool knows")
    alone.stop()
    down = warnings(alone)["probe-down"]
    assert down["subject"] == "local" and down["since"] is not None
    assert re.search("^probe +local does not run$", status(alone).stdout, re.M)


def test_nagios_gets_one_line_and_its_exit_status(idle):
    done = status(idle, "--nagios")
    assert done.returncode == 2 and re.fullmatch(r"NTSPOOL CRITICAL: server-down: [^|\n]*" + PERFORMANCE, done.stdout), done.stdout
    idle.serve("--workers", "1")
    done = status(idle, "--nagios")
    assert done.returncode == 0 and re.fullmatch(r"NTSPOOL OK: no warnings" + PERFORMANCE, done.stdout), done.stdout
    os.chmod(idle.state / "traffic", 0o777)
    done = status(idle, "--nagios")
    assert done.returncode == 1 and re.fullmatch(r"NTSPOOL WARNING: store-exposed: [^|\n]*" + PERFORMANCE, done.stdout), done.stdout
    assert " members=0;" in done.stdout and " eligible=0;" in done.stdout and " warnings=1;" in done.stdout and " urgent=0;" in done.stdout


def test_a_bar_in_a_text_begins_no_performance_data(idle):
    done = run(idle.command()[0], "-s", f"{idle.state}/../pool|x=1", "status", "--nagios", check=False, env=environment())
    assert done.returncode == 2 and done.stdout.count("|") == 1 and "pool/x=1" in done.stdout, done.stdout


def test_without_verdicts_nobody_says_that_no_member_is_eligible(idle):
    idle.add("alice", "192.0.2.1")
    assert "no-member-eligible" in warnings(idle)
    (idle.state / "health" / "data.mdb").write_bytes(b"broken")
    shown = json.loads(status(idle, "--json").stdout)
    assert [warning["id"] for warning in shown["warnings"]] == ["store-unreadable", "server-down"]
    assert shown["members"] == 1 and shown["eligible"] is None and shown["states"] is None
    assert "members     1\n" in status(idle).stdout
    assert "eligible" not in status(idle, "--nagios").stdout
    assert 'id="no-member-eligible",severity="urgent"} 0' in idle.cli("metrics").stdout


def test_warnings_have_the_time_since_when_and_their_subject(idle):
    (idle.state / "traffic" / "data.mdb").write_bytes(b"broken")
    broken = warnings(idle)["store-unreadable"]
    assert broken["subject"] == "traffic" and broken["severity"] == "urgent"
    assert status(idle).returncode == 1 and status(idle, "--check").returncode == 3
