"""kill -9 of `ntspool report` at random moments: each file is whole all the time, and the next run leaves nothing behind."""

import os
import random
import subprocess
import time

from pool import environment
from sitejudge import broken_data, files
from siteworld import Site, fill

ROUNDS = int(os.environ.get("NTSPOOL_SITE_KILLS", "20"))


def broken(directory):
    """Faults of the files that a web server would hand out."""
    faults = broken_data(directory)
    for path in files(directory, ".html"):
        text = path.read_text("utf-8")
        if not (text.startswith("<!DOCTYPE html>\n") and text.endswith("</html>\n")):
            faults.append(f"{path}: {text[-80:]!r}")
    return faults


def names(directory):
    """All of it, hidden files included."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def times(directory):
    """When each of the site's files was written."""
    return {path: path.stat().st_mtime_ns for path in files(directory)}


class Killer:
    """Runs `ntspool report` and kills it: at any moment, or at any moment after its first file has appeared."""

    def __init__(self, site, dice):
        self.site = site
        self.dice = dice
        before, start = times(site.directory), time.monotonic()
        run = self._start("Title")
        self._first_file(run, before)
        self.reading = time.monotonic() - start
        assert run.wait() == 0
        self.writing = time.monotonic() - start - self.reading

    def _start(self, title):
        # With another title each page has another content.
        return subprocess.Popen([str(word) for word in self.site.pool.command("report", self.site.directory, "--title", title)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())

    def _first_file(self, run, before):
        while run.poll() is None and times(self.site.directory) == before:
            time.sleep(0.001)

    def round(self, title):
        before = times(self.site.directory)
        run = self._start(title)
        if self.dice.random() < 0.3:
            time.sleep(self.dice.uniform(0, self.reading))
        else:
            self._first_file(run, before)
            time.sleep(self.dice.uniform(0, self.writing))
        run.kill()
        said = run.stderr.read().decode()
        assert run.wait() in (0, -9), said


def test_files_are_whole_at_any_moment(machine):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    site = Site(machine)
    fill(site)
    site.report()
    killer = Killer(site, random.Random(seed))
    mixed = 0
    for number in range(ROUNDS):
        killer.round(f"Title {number}")
        assert broken(site.directory) == [], f"seed {seed}, round {number}"
        mixed += len({f"Title {number}" in path.read_text() for path in files(site.directory, ".html")}) == 2
    print(f"{mixed} of {ROUNDS} runs ended between their first page and their last")
    if ROUNDS >= 20:
        assert mixed > 0, "no kill came between two pages"
    site.report()
    left = names(site.directory)
    site.directory = machine.directory / "fresh"
    site.report()
    assert left == names(site.directory), "after the kills, a run leaves what a first run does"
