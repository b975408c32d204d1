"""A pool with a member for each thing that a page can say, and with the texts of everybody who wishes the readers ill.

Three vantage points report what `reporter` writes for them.
"""

import math
import subprocess
import time
from pathlib import Path

from machine import ROOT, run
from pool import BIN, Pool, environment

DAY, QUARTER, MINUTE = 86400, 900, 60
REGISTERED, CERTIFIED, OPERATIONAL, ELIGIBLE, INELIGIBLE, FALLING = range(6)
VANTAGES = {"here": 9_000, "boston": 84_000, "tokyo": 231_000}  # name: round trip from Europe, in microseconds
SECRET = "secret-contact@operator.test"  # in no file of the site
# What strangers may send: markup, ends of attributes and of comments, terminals' commands, text that turns round, formulas, bad UTF-8.
HOSTILE = [
    b"</script><script>alert(1)</script>", b"\"'><img src=x onerror=alert(1)>", b"--><!--]]>&lt;&#60;<![CDATA[", b"javascript:alert(1)//",
    b"\x1b[31m\x1b]0;title\x07\x9b31m", "\u202egnp.exe\u2066\u200b\u2028\ufeff".encode(), b"=HYPERLINK(\"http://elsewhere.test\",\"x\")",
    b"@SUM(1+1)|cmd", b"\xff\xfe\xc0\xaf\xed\xa0\x80", b"%s%n%1000000d", b"A" * 159, b"a,b;c\td\"e\r\nX-Header: 1"]


def reporter(machine):
    """The program that writes the reports. A build for tests has it; for another one it is made."""
    built, made = BIN / "reporter", machine.directory / "reporter"
    if built.exists():
        return built
    run("cc", "-O2", "-std=c2x", "-D_GNU_SOURCE", "-flto", f"-I{ROOT}", "-o", made, Path(__file__).with_name("reporter.c"),
        BIN.parent / "libzone.a", "-lsodium", "-llmdb", "-lm")
    return made


class Site:
    """`pool`, and the directory that `ntspool report` writes."""

    def __init__(self, machine):
        self.machine = machine
        self.directory = machine.directory / "site"
        self.now = int(time.time())
        self.lines = {name: [] for name in VANTAGES}
        self.reporter = reporter(machine)
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "entry-score", "10", "exit-score", "8", "reentry-score", "12", "publish", "operator,capacity")

    def report(self, *options, check=True):
        return self.pool.cli("report", self.directory, *options, check=check)

    def page(self, path):
        return self.directory / path

    # -- members and what is reported of them

    def add(self, name, *addresses, **options):
        self.pool.add(name, *addresses, **options)

    def see(self, name, *addresses, stage=ELIGIBLE, since=30 * DAY, weight=1000, frozen=0, days=2.0, course=None, others=(), **found):
        """What the vantage points say of a member and its addresses. `course` is a function (seconds ago, vantage) -> (score, failure or
        None). `others` has addresses of which something else is true: a list of (address, found)."""
        for vantage in VANTAGES:
            lines = self.lines[vantage]
            lines.append(f"member {name} stage={stage} since={self.now - since} weight={weight} frozen={frozen and self.now - frozen}")
            faces = [(address, found) for address in addresses] + [(address, {**found, **other}) for address, other in others]
            for address, each in faces:
                each = {**_figures(vantage, 0), **each}
                words = [f"{key}={value.hex() if isinstance(value, bytes) else value}" for key, value in each.items()]
                lines.append(f"address {address} at={self.now - 20} {' '.join(words)}")
            for address, each in faces:
                lines += self._samples(address, vantage, days, course or (lambda *_, one=each: (one.get("score", 20_000), one.get("failure"))))

    def _samples(self, address, vantage, days, course):
        times = [number * QUARTER + 200 for number in range(int(min(days, 2) * DAY) // QUARTER)]
        times += [2 * DAY + number * 3600 for number in range(int(max(days - 2, 0) * 24))]
        for ago in times:
            score, failure = course(ago, vantage)
            figures = _figures(vantage, ago)
            yield (f"sample {address} {self.now - ago} score={score} {f'failure={failure} ' if failure else ''}"
                   f"offset={figures['offset']} rtt={figures['rtt']}")

    def say(self, vantage, ago, text):
        """An event in the log of the member that was named last."""
        self.lines[vantage].append(f"event {self.now - ago} {text.hex() if isinstance(text, bytes) else text.encode().hex()}")

    def count(self, days, eligible):
        """What the server counted on earlier days. `eligible` is a function of the days ago."""
        for ago in range(days, 0, -1):
            some = eligible(ago)
            self.lines["here"].append(f"pool {self.now - ago * DAY} eligible={some} ineligible={ago % 3} v4={some} v6={some * 3 // 4}")

    def send(self):
        """All that was said since the last call reaches the pool."""
        for vantage, lines in self.lines.items():
            if not (self.pool.state / f"probe/{vantage}.key").exists():
                self.pool.vantage(vantage)
            subprocess.run([self.reporter, self.pool.state, vantage], input="\n".join(lines), text=True, check=True, env=environment())
            self.lines[vantage] = []
        self.pool.json("status")  # which takes the reports in


def _figures(vantage, ago):
    """Offset and round trip in microseconds. They sway over the day, and a little by themselves."""
    wave = math.sin(ago / 13_000 + len(vantage) / 5) + 0.4 * math.sin(ago * 0.37 + len(vantage))
    return {"offset": int(180 * wave), "rtt": int(VANTAGES[vantage] * (1.02 + 0.02 * wave))}


def falling(ago, _vantage):
    """In order until three hours ago, then failing."""
    return (20_000, None) if ago > 3 * 3600 else (max(-100_000, 20_000 - 5000 * ((3 * 3600 - ago) // QUARTER + 1)), "connect-timeout")


def flapping(ago, vantage):
    """Failing now and then, from one vantage point more often."""
    bad = (ago // QUARTER) % (7 if vantage == "tokyo" else 41) == 0
    return (14_000, "ntp-silent") if bad else (19_000, None)


def fill(site):
    """The members. Each is named after what it is."""
    site.add("good", "198.51.100.1", "2001:db8::1", operator="Stichting Tijd", options=("--capacity", "1000"))
    site.see("good", "198.51.100.1", "2001:db8::1", cert=site.now + 60 * DAY, course=lambda ago, vantage:
             (13_000, "ntp-silent") if vantage == "tokyo" and 20 * 3600 < ago < 23 * 3600 else (20_000, None))
    site.say("tokyo", 22 * 3600, "2001:db8::1: ntp-silent: no reply within 2000 ms")
    site.add("bad", "198.51.100.2", "2001:db8::2", operator="Bad Time Ltd", country="DE")
    site.see("bad", "198.51.100.2", stage=INELIGIBLE, since=3 * 3600, score=-45_000, failure="cert-expired", course=falling,
             detail=b"the certificate ended 2026-11-01", cert=site.now - 2 * DAY,
             others=[("2001:db8::2", {"score": -100_000, "failure": "connect-timeout", "detail": b""})])
    site.say("here", 3 * 3600, "ineligible: the score fell below 8")
    site.add("held", "198.51.100.3", country="FR")
    site.see("held", "198.51.100.3", stage=FALLING, frozen=600, score=2_000, failure="ntp-silent", failures=4, course=falling)
    site.add("new", "198.51.100.4", "2001:db8::4", country="SE")
    site.add("young", "198.51.100.5", country="SE")
    site.see("young", "198.51.100.5", stage=OPERATIONAL, since=3600, score=8_500, weight=0, days=0.05, probes=50, cert=site.now + 89 * DAY)
    site.add("certified", "198.51.100.15", country="SE")
    site.see("certified", "198.51.100.15", stage=CERTIFIED, since=600, score=-5000, weight=0, days=0.02, probes=10, failure="ntp-silent",
             cert=site.now + 89 * DAY)
    site.add("suspended", "198.51.100.6", country="US")
    site.see("suspended", "198.51.100.6", days=0.5)
    site.pool.cli("member", "suspend", "suspended")
    site.add("leaving", "198.51.100.10", country="CH", options=("--contact", SECRET, "--leave", "9d"))
    site.see("leaving", "198.51.100.10", days=0.5)
    site.add("unlisted", "198.51.100.11", country="IT", operator="Nobody Knows", options=("--unlisted",))
    site.see("unlisted", "198.51.100.11", days=0.5)
    site.add("six", "2001:db8::7", country="JP", options=("--position", "35.68123,139.69123", "--contact", SECRET))
    site.see("six", "2001:db8::7", course=flapping, cert=site.now + 5 * DAY, warnings=1 << 0 | 1 << 4 | 1 << 13)
    site.add("removed", "198.51.100.8", country="NL")
    site.see("removed", "198.51.100.8", days=0.1)
    site.add("many", *[f"198.51.100.{20 + number}" for number in range(4)], *[f"2001:db8::{20 + number}" for number in range(4)], country="BR",
             operator="W" * 63)
    site.see("many", *[f"198.51.100.{20 + number}" for number in range(4)], *[f"2001:db8::{20 + number}" for number in range(4)], days=0.5)
    site.add("own", options=("--target", "time.example.net"), country="AU")
    site.add("nowhere", "198.51.100.9")
    site.pool.cli("member", "set", "nowhere", "--no-country")
    site.see("nowhere", "198.51.100.9", score=15_000, days=0.5)
    for number in range(0, len(HOSTILE), 3):
        texts, name = HOSTILE[number:number + 3], f"evil{number}"
        addresses = [f"198.51.100.{40 + number + each}" for each in range(3)]
        operator = texts[0].decode("utf-8", "ignore").translate({octet: None for octet in [*range(32), *range(127, 160)]})
        site.add(name, *addresses, country="RU", operator=operator[:50])
        site.see(name, stage=INELIGIBLE, score=-9_000, failure="cert-name", days=0.1,
                 others=[(address, {"detail": text}) for address, text in zip(addresses, texts)])
        for text in texts:
            site.say("here", 3600, text)
    site.lines["here"].append(f"self frozen={site.now - 600} down=40")
    site.count(40, lambda ago: 8 - ago // 10)
    for vantage in ("boston", "tokyo"):
        site.lines[vantage].append("self")
    site.send()
    site.pool.cli("member", "remove", "removed", "--yes")
