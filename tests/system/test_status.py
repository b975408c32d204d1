"""`status` for scripts and monitoring: ids of warnings, exit statuses, the line of a Nagios plugin."""

import json
import os
import re

import pytest

from machine import run
from pool import environment

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


def test_warnings_have_the_time_since_when_and_their_subject(idle):
    (idle.state / "traffic" / "data.mdb").write_bytes(b"broken")
    broken = warnings(idle)["store-unreadable"]
    assert broken["subject"] == "traffic" and broken["severity"] == "urgent"
    assert status(idle).returncode == 1 and status(idle, "--check").returncode == 3
