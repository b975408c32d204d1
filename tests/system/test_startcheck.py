"""`--check` of both daemons names all that would keep a start from succeeding, and changes nothing."""

import hashlib
import os
import re
import shutil

import pytest

from machine import run
from pool import BIN, environment, no_report


def files(directory):
    """Each path below the directory with its mode and content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and path.name not in ("lock.mdb", "voucher") else ""
        found[str(path)] = (path.stat().st_mode, content)
    return found


class Check:
    """A finished check: its exit status and its lines without time and program."""

    def __init__(self, program, *options):
        done = run(BIN / program, "--check", *options, check=False, timeout=60, env=environment())
        no_report(program, done.stderr)
        assert done.stdout == ""
        self.status = done.returncode
        self.lines = [re.sub(rf"^\S+ {program}: ", "", line) for line in done.stderr.splitlines()]

    @property
    def findings(self):
        assert self.lines and self.lines[-1].startswith("checked: "), self.lines
        return self.lines[:-1]


def server(pool, *options):
    before = files(pool.state)
    found = Check("ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", *options)
    assert files(pool.state) == before, "the check changed the state"
    return found


def probe(pool, *options):
    before = files(pool.state)
    found = Check("ntspool-probed", "-s", pool.state, *options)
    assert files(pool.state) == before, "the check changed the state"
    return found


def names(found, *words):
    """The check ends with 1 and has one problem, with these words."""
    assert found.status == 1, found.lines
    problems = [line for line in found.findings if not line.startswith("warning: ")]
    assert len(problems) == 1, found.lines
    for word in words:
        assert word in problems[0], f"no {word!r} in: {problems[0]}"


def warns(found, *words):
    """The check ends with 0 and has one warning, with these words."""
    assert found.status == 0 and len(found.findings) == 1, found.lines
    for word in ("warning: ", *words):
        assert word in found.findings[0], f"no {word!r} in: {found.findings[0]}"


@pytest.fixture
def trust(machine):
    """A PEM file of one CA."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca",
        "-keyout", machine.directory / "ca.key", "-out", machine.directory / "ca.pem")
    return machine.directory / "ca.pem"


# --- ntspoold ---


def test_a_good_configuration_has_no_problem_beside_a_running_server(pool):
    assert server(pool).lines == ["checked: problems 0, warnings 0"]
    pool.serve()
    found = Check("ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53")
    assert (found.status, found.findings) == (0, [])
    assert pool.ask(pool.apex, "SOA").answer
    pool.stop()


@pytest.mark.parametrize("kind", ["registry", "keys"])
def test_a_missing_store_that_the_server_needs_is_a_problem(pool, kind):
    (pool.state / kind / "data.mdb").unlink()
    names(server(pool), f"no store at {pool.state}/{kind}")


@pytest.mark.parametrize("kind", ["registry", "keys"])
def test_a_damaged_store_that_the_server_needs_is_a_problem(pool, kind):
    path = pool.state / kind / "data.mdb"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    names(server(pool), kind)


@pytest.mark.parametrize("kind", ["health", "traffic", "history"])
def test_a_store_that_a_start_makes_anew_is_a_warning(pool, kind):
    path = pool.state / kind / "data.mdb"
    path.write_bytes(b"this is no store of anybody's\n" * 1000)
    warns(server(pool), kind)


def test_a_missing_lock_file_is_not_made(pool):
    (pool.state / "registry" / "lock.mdb").unlink()
    (pool.state / "keys" / "lock.mdb").unlink()
    assert server(pool).findings == []


def test_a_missing_state_is_one_problem(pool):
    (pool.state / "seal.key").rename(pool.machine.directory / "kept.key")
    found = Check("ntspoold", "-s", pool.machine.directory / "nowhere", "-l", "127.0.0.1", "-k", pool.machine.directory / "kept.key")
    names(found, "no state at", "nowhere")
    assert not (pool.machine.directory / "nowhere").exists()


def test_a_missing_seal_is_a_problem(pool):
    names(server(pool, "--seal-key", pool.machine.directory / "none.key"), "none.key")


def test_a_seal_that_others_can_read_is_a_problem(pool):
    (pool.state / "seal.key").chmod(0o644)
    names(server(pool), "seal.key")


def test_a_seal_that_does_not_open_the_keys_is_a_problem(pool):
    other = pool.machine.directory / "other.key"
    other.write_bytes(os.urandom(32))
    other.chmod(0o600)
    names(server(pool, "--seal-key", other), "key")


def test_each_bad_location_file_is_a_problem(pool):
    bad = pool.machine.write("bad.mmdb", "nothing\n")
    found = server(pool, "--locations", bad, "--locations", pool.machine.directory / "none.mmdb")
    assert found.status == 1 and len(found.findings) == 2, found.lines
    assert "bad.mmdb" in found.findings[0] and "none.mmdb" in found.findings[1]


def test_an_address_of_another_machine_is_a_warning(pool):
    warns(server(pool, "--listen", "192.0.2.77"), "192.0.2.77")


def test_metrics_in_a_missing_directory_are_a_problem(pool):
    names(server(pool, "--metrics", f"unix:{pool.machine.directory}/none/metrics"), "/none/")


def test_an_unknown_user_is_a_problem_for_both(pool, trust):
    names(server(pool, "--user", "nobody-has-this-name"), "nobody-has-this-name")
    names(probe(pool, "--trust", trust, "--user", "nobody-has-this-name"), "nobody-has-this-name")


def test_all_problems_are_named_in_one_run(pool):
    (pool.state / "registry" / "data.mdb").unlink()
    (pool.state / "traffic" / "data.mdb").unlink()
    (pool.state / "seal.key").unlink()
    found = server(pool, "--locations", pool.machine.directory / "none.mmdb")
    assert found.status == 1
    assert found.lines[-1] == "checked: problems 3, warnings 1"


@pytest.mark.parametrize("program", ["ntspoold", "ntspool-probed"])
def test_a_bad_configuration_file_is_named_with_its_line(pool, program):
    path = pool.machine.write("bad.yaml", "state: /nowhere\nlisteen: 127.0.0.1\n")
    found = Check(program, "--config", path)
    assert found.status == 1 and "bad.yaml:2: unknown key 'listeen'" in found.lines[0], found.lines


@pytest.mark.parametrize("program, option", [("ntspoold", "--workers=none"), ("ntspool-probed", "--interval=none")])
def test_wrong_usage_ends_with_2(pool, program, option):
    assert Check(program, "-s", pool.state, option).status == 2


# --- ntspool-probed ---


def test_a_good_configuration_of_a_probe_has_no_problem(pool, trust):
    pool.vantage("local")
    assert probe(pool, "--trust", trust, "--reference", "nts:time.test").lines == ["checked: problems 0, warnings 0"]


def test_a_missing_feed_is_a_problem(pool, trust):
    pool.vantage("local")
    shutil.rmtree(pool.state / "feed")
    names(probe(pool, "--trust", trust), "feed")


def test_a_damaged_feed_is_a_problem(pool, trust):
    path = pool.state / "feed" / "members"
    path.write_bytes(path.read_bytes()[:-1])
    names(probe(pool, "--trust", trust), "feed")


def test_a_missing_trust_file_is_a_problem(pool):
    names(probe(pool, "--trust", pool.machine.directory / "none.pem"), "none.pem: No such file")


def test_a_key_that_others_can_read_is_a_problem(pool, trust):
    pool.vantage("local")
    (pool.state / "probe" / "local.key").chmod(0o644)
    names(probe(pool, "--trust", trust), "others may read the key", "chmod 600")


def test_a_vantage_point_that_the_pool_does_not_know_is_a_warning(pool, trust):
    warns(probe(pool, "--trust", trust, "--id", "elsewhere"), "elsewhere", "ntspool vantage add")


# --- ntspool-feedd ---


def test_a_machine_in_no_fleet_is_told_how_it_comes_into_one(pool):
    before = files(pool.state)
    checked = Check("ntspool-feedd", "-s", pool.state)
    names(checked, "this machine is in no fleet: `ntspool fleet join` takes it into one")
    started = run(BIN / "ntspool-feedd", "-s", pool.state, check=False)
    assert started.returncode == 1 and "this machine is in no fleet" in started.stderr
    assert files(pool.state) == before
