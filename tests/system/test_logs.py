"""Which messages the daemons log."""

import json
import random
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from machine import run, until
from pool import BIN, Pool, environment

LEVELS = "error, warning, notice, info, debug"


def test_a_server_at_warning_says_nothing_of_an_orderly_life(machine):
    pool = Pool(machine).init()
    pool.serve("--workers", "1", "--log-level", "warning")
    pool.server.child.send_signal(signal.SIGUSR1)
    pool.stop(pool.server)
    said = pool.server.output()
    assert "answers for" not in said and "queries udp" not in said, said


def test_the_command_line_sets_the_level_before_the_configuration_file(machine):
    pool = Pool(machine).init()
    file = machine.directory / "ntspool.conf"
    file.write_text("log-level: error\n")
    pool.serve("--workers", "1", "--config", file, "--log-level", "notice")
    pool.server.said("answers for")
    pool.server.child.send_signal(signal.SIGUSR1)
    pool.stop(pool.server)
    assert "queries udp" not in pool.server.output()


@pytest.mark.parametrize("daemon", ["ntspoold", "ntspool-probed"])
def test_another_level_is_an_error(tmp_path, daemon):
    def start(*options):
        return subprocess.run([BIN / daemon, "-s", tmp_path, *options], capture_output=True, text=True, check=False, timeout=20)
    done = start("--log-level", "loud")
    assert done.returncode == 2 and f'--log-level takes one of {LEVELS}, not "loud"' in done.stderr, done.stderr
    file = tmp_path / "ntspool.conf"
    file.write_text("log-level: loud\n")
    done = start("--config", file)
    assert done.returncode != 0 and 'not "loud"' in done.stderr, done.stderr


JOURNALD = next((path for path in (Path("/usr/lib/systemd/systemd-journald"), Path("/lib/systemd/systemd-journald")) if path.exists()), None)


class Journal:
    """systemd's journal on a /run of its own."""

    def __init__(self, machine):
        run("mount", "-t", "tmpfs", "none", "/run")
        settings = Path("/run/systemd/journald.conf.d/test.conf")
        settings.parent.mkdir(parents=True)
        settings.write_text("[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n")
        Path("/run/log").mkdir()
        self.daemon = machine.start("journald", [JOURNALD])
        until(Path("/run/systemd/journal/io.systemd.journal").exists, 20, "the journal runs")

    def entries(self, *match):
        run("journalctl", "--sync")
        found = run("journalctl", "-D", "/run/log/journal", "-o", "json", *match, check=False).stdout
        return [json.loads(line) for line in found.splitlines()]

    def about(self, text, *match):
        """Waits for the first line with the text."""
        return until(lambda: next((entry for entry in self.entries(*match) if text in entry["MESSAGE"]), None), 20, f"the journal has {text!r}",
                     pause=0.2)


@pytest.fixture
def journal(machine):
    yield Journal(machine)
    machine.close()
    run("umount", "-l", "/run")


def as_unit(machine, name, *argv, stderr="systemd-cat"):
    """Starts a program as systemd does: the journal reads its standard error."""
    told = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec "$@"'
    return machine.start(name, [stderr, "sh", "-c", told, "sh", *argv], env=environment())


def test_the_journal_gets_priorities_and_fields_of_both_daemons(machine, journal):
    pool = Pool(machine).init()
    pool.add("one", "127.0.0.77")
    server = as_unit(machine, "server", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1", "--workers", "1")
    answers = journal.about("answers for pool.test.", "SYSLOG_IDENTIFIER=ntspoold")
    assert (answers["PRIORITY"], answers["SYSLOG_FACILITY"], answers["_TRANSPORT"]) == ("5", "3", "journal")
    probe = as_unit(machine, "probe", BIN / "ntspool-probed", "-s", pool.state, "--allow-private", "--interval", "1s")
    refused = journal.about("member one: 127.0.0.77: connect-refused", "NTSPOOL_MEMBER=one", "NTSPOOL_FAILURE=connect-refused")
    assert {name: refused.get(f"NTSPOOL_{name}") for name in ("VANTAGE", "ADDRESS", "WARNING")} == {
        "VANTAGE": "local", "ADDRESS": "127.0.0.77", "WARNING": None}
    assert (refused["PRIORITY"], refused["SYSLOG_IDENTIFIER"]) == ("6", "ntspool-probed")
    pool.stop(probe, server)
    assert journal.about("queries udp")["PRIORITY"] == "6"


def test_without_its_socket_the_journal_gets_priorities_on_standard_error(machine, journal):
    pool = Pool(machine).init()
    Path("/run/systemd/journal/socket").unlink()
    server = as_unit(machine, "server", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1", "--workers", "1")
    answers = journal.about("answers for pool.test.")
    assert (answers["PRIORITY"], answers["_TRANSPORT"]) == ("5", "stdout")
    pool.stop(server)


def test_a_journal_that_ends_takes_no_daemon_with_it(machine, journal):
    pool = Pool(machine).init()
    server = as_unit(machine, "server", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1", "--workers", "1", stderr="env")
    journal.about("answers for")
    journal.daemon.kill()
    pool.stop(server)
    assert server.output().startswith("<6>queries udp")


def test_a_mistake_in_the_configuration_is_an_error_in_the_journal(machine, journal):
    file = machine.directory / "ntspool.conf"
    file.write_text("workers: 0\n")
    for name in ("ntspoold", "ntspool-probed"):
        as_unit(machine, name, BIN / name, "--config", file, "-s", "nowhere", *(["--interval", "x"] if name == "ntspool-probed" else []))
        assert journal.about("--workers" if name == "ntspoold" else "--interval")["PRIORITY"] == "3"


def test_a_developer_sees_deals_reports_and_probes_but_no_query(machine):
    pool = Pool(machine).init()
    pool.add("one", "127.0.0.77")
    pool.serve("--workers", "1", "--log-level", "debug")
    pool.probe("/etc/ssl/certs/ca-certificates.crt", "--log-level", "debug")
    pool.probed.said("probed member one: 127.0.0.77: connect-refused", 20)
    pool.probed.said("wrote a report", 20)
    pool.server.said("took in 1 reports", 20)
    pool.add("two", "127.0.0.78", country="DE")
    pool.probed.said("took in a list of 2 members", 20)
    pool.server.said("zone state of serial", 20)
    for _ in range(50):
        pool.ask("two.pool.test", "A")
        pool.ask("gone.pool.test", "A")
    said = pool.server.output()
    pool.stop()
    assert "two.pool.test" not in said and "gone.pool.test" not in said


def test_nothing_that_clients_send_is_logged(machine):
    """At any level. They send queries, garbage and half messages by UDP, TCP and to the metrics."""
    pool = Pool(machine).init()
    metrics = machine.directory / "metrics.sock"
    pool.serve("--workers", "1", "--log-level", "debug", "--metrics", f"unix:{metrics}")
    chance = random.Random(13)
    query = pool.query("x.pool.test", "A").to_wire()
    before = pool.server.output()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for number in range(2000):
            cut = query[:chance.randrange(len(query) + 1)]
            udp.sendto(cut if number % 2 else chance.randbytes(chance.randrange(1, 600)), ("127.0.0.1", 53))
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", 53)) as tcp:
            tcp.sendall(chance.randbytes(chance.randrange(1, 100)))
        with socket.socket(socket.AF_UNIX) as http:
            http.connect(str(metrics))
            http.sendall(chance.choice([b"GET /metrics HTTP/1.0\r\n\r\n", b"POST /x HTTP/9\r\n", chance.randbytes(300)]))
    for _ in range(100):
        pool.ask("x.pool.test", "A")
    own = re.compile(r"ntspoold: (zone state|deal|the counts|wrote the list|took in) ")  # work of the server that has its own pace
    said = [line for line in pool.server.output().removeprefix(before).splitlines() if not own.search(line)]
    pool.stop()
    assert said == []
