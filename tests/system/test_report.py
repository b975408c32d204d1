"""`ntspool report`: what a run makes, keeps and removes, and what it does when something is in its way."""

import fcntl
import json
import os
import shutil

import pytest

from machine import run
from pool import BIN, environment
from siteworld import ELIGIBLE, INELIGIBLE, Site

STORES = ("registry", "health", "history", "traffic")


@pytest.fixture(scope="module")
def made_once(shared_machine):
    site = Site(shared_machine)
    for number, name in enumerate(("alice", "bob"), 1):
        site.add(name, f"198.51.100.{number}", operator=f"Operator {name}")
        site.see(name, f"198.51.100.{number}", stage=ELIGIBLE)
    site.send()
    shutil.copytree(site.pool.state, shared_machine.directory / "copy")
    return site


@pytest.fixture
def site(made_once):
    shutil.rmtree(made_once.pool.state)
    shutil.copytree(made_once.machine.directory / "copy", made_once.pool.state)
    shutil.rmtree(made_once.directory, ignore_errors=True)
    return made_once


def text(site, path):
    return site.page(path).read_text()


def made(site, *options):
    return json.loads(site.report("--json", *options).stdout)


def names(site):
    return {str(path.relative_to(site.directory)) for path in site.directory.rglob("*") if path.is_file()}


def test_a_second_run_leaves_what_is_not_due(site):
    first = made(site)
    assert first["members"] == 2 and first["written"] > 20 and first["same"] == 0
    second = made(site)
    assert second["written"] < 8 and second["removed"] == 0
    assert made(site, "--all")["removed"] == 0


def test_a_change_of_state_shows_in_the_next_run(site):
    site.report()
    assert "suspended" not in text(site, "members/alice.html")
    site.pool.cli("member", "suspend", "alice")
    site.report()
    for path in ("members/alice.html", "members/alice.json", "members/alice.svg", "members.html", "countries/nl.html", "index.html"):
        assert "suspended" in text(site, path), path
    assert json.loads(text(site, "pool.json"))["states"]["suspended"] == 1
    site.see("bob", "198.51.100.2", stage=INELIGIBLE, since=60, score=-20_000, failure="connect-timeout")
    site.send()
    site.report()
    assert "connect-timeout" in text(site, "members/bob.html") and "connect-timeout" in text(site, "index.html")
    assert [row["name"] for row in json.loads(text(site, "pool.json"))["attention"]] == ["bob"]


def test_a_removed_member_leaves_a_page_that_says_so(site):
    site.report()
    (site.directory / "robots.txt").write_text("foreign")
    (site.directory / "members" / "alice.txt").write_text("foreign")
    before = names(site)
    site.pool.cli("member", "remove", "alice", "--yes")
    site.report()
    gone = before - names(site)
    assert {"members/alice.json", "members/alice.atom", "scores/198.51.100.1/json"} <= gone and "members/alice.html" not in gone
    assert all("alice" in path or "198.51.100.1/" in path or "operator-alice" in path for path in gone), gone
    assert "removed" in text(site, "members/alice.html")
    for path in ("members.html", "operators.html"):
        assert "alice" not in text(site, path), path
    assert {"robots.txt", "members/alice.txt"} <= names(site)
    site.pool.cli("member", "restore", "alice")
    site.report()
    assert names(site) == before


def test_an_unlisted_member_is_in_no_list(site):
    site.report()
    before = names(site)
    site.pool.cli("member", "set", "alice", "--unlisted")
    site.report()
    for path in site.directory.rglob("*"):
        if path.is_file() and not path.name.startswith((".", "alice.")):
            assert "alice" not in path.read_text(), path
    page = text(site, "members/alice.html")
    assert "eligible" in page and "198.51.100.1" not in page
    assert {path for path in names(site) if "alice" in path} <= {f"members/alice.{ending}" for ending in ("html", "json", "svg")}
    site.pool.cli("member", "set", "alice", "--listed")
    site.report()
    assert names(site) == before


def test_operators_have_pages_only_if_the_setting_publishes_them(site):
    site.report()
    assert "operators/operator-bob.html" in names(site)
    site.pool.cli("zone", "unset", "publish")
    site.report()
    assert not any(path.startswith("operators") for path in names(site))
    assert not any("Operator bob" in path.read_text() for path in site.directory.rglob("*.*") if path.is_file())


def test_one_page_goes_to_standard_output(site):
    page = site.pool.cli("report", "--member", "ALICE").stdout
    assert page.startswith("<!DOCTYPE html>\n") and page.endswith("</html>\n") and "<h1>alice</h1>" in page
    assert not site.directory.exists()
    assert "no member carol" in site.pool.refused("report", "--member", "carol")


def test_stores_are_only_read_and_keys_not_even_that(site):
    def stores():
        return {name: (site.pool.state / name / "data.mdb").read_bytes() for name in STORES}
    before = stores()
    site.report()
    assert stores() == before
    expected = names(site)
    shutil.rmtree(site.pool.state / "keys")
    (site.pool.state / "seal.key").unlink()
    shutil.rmtree(site.directory)
    site.report()
    assert names(site) == expected


def test_what_is_in_the_way_is_named(site):
    lock = site.directory / ".lock"
    site.report()
    with open(lock, "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another ntspool report is writing" in site.pool.refused("report", site.directory)
    site.report()
    assert "not of a site" in site.pool.refused("report", "/etc")
    (site.directory / "index.html").unlink()
    (site.directory / "index.html").mkdir()
    assert f"{site.directory}/index.html" in site.pool.refused("report", site.directory)


def test_on_a_full_disk_files_are_whole_and_the_next_run_completes_them(site):
    site.directory.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", site.directory)
    try:
        assert "No space left on device" in site.pool.refused("report", site.directory)
        assert ".tmp" not in names(site)
        for path in site.directory.rglob("*.html"):
            assert path.read_text().endswith("</html>\n"), path
        run("mount", "-o", "remount,size=16m", site.directory)
        site.report()
        assert json.loads(text(site, "pool.json"))["members"] == 2
    finally:
        run("umount", site.directory)


def test_a_damaged_history_is_named_and_leaves_whole_files(site):
    site.report()
    before = names(site)
    history = site.pool.state / "history" / "data.mdb"
    for begin in range(2 * 4096, history.stat().st_size, 4096 * 3):
        with open(history, "r+b") as file:
            file.seek(begin)
            file.write(os.urandom(4096))
    done = run(BIN / "ntspool", "-s", site.pool.state, "report", site.directory, "--all", check=False, env=environment())
    assert done.returncode in (0, 1), done.stderr
    assert done.returncode == 0 or "a store is damaged" in done.stderr or "history" in done.stderr, done.stderr
    assert names(site) - {".tmp"} == before
    for path in site.directory.rglob("*.html"):
        assert path.read_text().endswith("</html>\n"), path
