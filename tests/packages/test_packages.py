"""The Debian packages, built from the last commit in a clean system of each release: what they are, and what lintian says."""

import re

import pytest

from debian import ROOT, run

SERVICES = sorted((ROOT / "tools/systemd").glob("*.service"))


def test_each_part_has_its_package(packages, suite):
    names = {path.name.partition("_")[0] for path in packages[suite].glob("*.deb")}
    assert {name for name in names if not name.endswith("-dbgsym")} == {"ntspool", "ntspool-server", "ntspool-probe", "ntspool-fleet",
                                                                          "ntspool-report", "ntspool-doc"}


def test_lintian_finds_no_fault(packages, suite):
    (changes,) = packages[suite].glob("*.changes")
    found = run("lintian", "--allow-root", "--fail-on", "error,warning", changes)
    assert not re.search("^[EW]:", found, re.M), found


MAILS = ROOT / "tools/systemd/ntspool-notices.service"


@pytest.mark.parametrize("unit", [unit for unit in SERVICES if unit != MAILS], ids=lambda unit: unit.name)
def test_the_units_leave_little_open(unit):
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


def test_the_unit_that_runs_a_mailer_lets_it_change_its_user():
    """Each of these options implies NoNewPrivileges= in a unit with User= (systemd.exec)."""
    implying = ("NoNewPrivileges|SystemCall|RestrictAddressFamilies|RestrictNamespaces|RestrictRealtime|RestrictSUIDSGID|PrivateDevices|"
                "ProtectKernel|ProtectClock|ProtectHostname|MemoryDenyWriteExecute|LockPersonality|DynamicUser")
    assert not re.search(f"^({implying})", MAILS.read_text(), re.M)


def calls(name):
    """The system calls that a word of SystemCallFilter= stands for."""
    if not name.startswith("@"):
        return {name}
    words = run("systemd-analyze", "syscall-filter", name).split("\n")[1:]
    return {call for word in map(str.strip, words) if word and word[0] != "#" for call in calls(word)}


CONFINES = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl"}


@pytest.mark.parametrize("unit, needs", [("ntspoold", CONFINES | {"capset", "setpriority", "sched_setaffinity"}),
                                         ("ntspool-probed", CONFINES | {"clock_adjtime"}), ("ntspool-feedd", CONFINES)])
def test_the_units_allow_what_the_daemons_miss_least(unit, needs):
    """What a daemon does without, with a warning in the log."""
    allowed = set()
    for line in re.findall("^SystemCallFilter=(.*)$", (ROOT / f"tools/systemd/{unit}.service").read_text(), re.M):
        found = {call for word in line.lstrip("~").split() for call in calls(word)}
        allowed = allowed - found if line.startswith("~") else allowed | found
    assert needs <= allowed, needs - allowed
