#!/usr/bin/python3
"""Makes a pool as one might be, writes its website and takes pictures of its pages: light, dark and narrow.

    tests/system/pictures.py DIRECTORY [PAGE ...]

It needs root for its namespaces, and Chromium. The site is in DIRECTORY/site, the pictures beside it. A PAGE is a path in the site, such
as members/oslo.html. The picture of README.md is readme.png. NTSPOOL_PRESET chooses the build.
"""

import os
import random
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path

from browser import Browser, NARROW, WIDE
from machine import ROOT, Machine, enter_namespaces, run
from pool import SRV
from siteworld import DAY, ELIGIBLE, FALLING, INELIGIBLE, OPERATIONAL, QUARTER, Site, falling, flapping

# Name, country, latitude, longitude, capacity in Mbit/s.
CITIES = [
    ("oslo", "NO", 59.9, 10.8, 1000), ("bergen", "NO", 60.4, 5.3, 100), ("stockholm", "SE", 59.3, 18.1, 1000), ("lund", "SE", 55.7, 13.2, 500),
    ("aarhus", "DK", 56.2, 10.2, 250), ("helsinki", "FI", 60.2, 24.9, 1000), ("tartu", "EE", 58.4, 26.7, 100), ("amsterdam", "NL", 52.4, 4.9, 1000),
    ("delft", "NL", 52.0, 4.4, 500), ("utrecht", "NL", 52.1, 5.1, 250), ("leuven", "BE", 50.9, 4.7, 250), ("braunschweig", "DE", 52.3, 10.5, 1000),
    ("karlsruhe", "DE", 49.0, 8.4, 1000), ("jena", "DE", 50.9, 11.6, 250), ("passau", "DE", 48.6, 13.4, 100), ("hamburg", "DE", 53.6, 10.0, 500),
    ("zurich", "CH", 47.4, 8.5, 1000), ("vienna", "AT", 48.2, 16.4, 500), ("prague", "CZ", 50.1, 14.4, 500), ("poznan", "PL", 52.4, 16.9, 250),
    ("toulouse", "FR", 43.6, 1.4, 500), ("strasbourg", "FR", 48.6, 7.8, 250), ("cambridge", "GB", 52.2, 0.1, 500), ("teddington", "GB", 51.4, -0.3, 1000),
    ("turin", "IT", 45.1, 7.7, 500), ("madrid", "ES", 40.4, -3.7, 250), ("lisbon", "PT", 38.7, -9.1, 100), ("ljubljana", "SI", 46.1, 14.5, 100),
    ("athens", "GR", 38.0, 23.7, 100), ("ottawa", "CA", 45.4, -75.7, 500), ("vancouver", "CA", 49.3, -123.1, 250), ("boulder", "US", 40.0, -105.3, 1000),
    ("gaithersburg", "US", 39.1, -77.2, 1000), ("ashburn", "US", 39.0, -77.5, 1000), ("fremont", "US", 37.5, -122.0, 500), ("austin", "US", 30.3, -97.7, 250),
    ("monterrey", "MX", 25.7, -100.3, 100), ("campinas", "BR", -22.9, -47.1, 250), ("recife", "BR", -8.1, -34.9, 100), ("santiago", "CL", -33.4, -70.7, 100),
    ("montevideo", "UY", -34.9, -56.2, 100), ("nairobi", "KE", -1.3, 36.8, 100), ("stellenbosch", "ZA", -33.9, 18.9, 250), ("singapore", "SG", 1.3, 103.8, 500),
    ("chennai", "IN", 13.1, 80.3, 250), ("pune", "IN", 18.5, 73.9, 100), ("koganei", "JP", 35.7, 139.5, 1000), ("osaka", "JP", 34.7, 135.5, 250),
    ("daejeon", "KR", 36.4, 127.4, 250), ("taipei", "TW", 25.0, 121.5, 250), ("sydney", "AU", -33.9, 151.2, 500), ("perth", "AU", -32.0, 115.9, 100),
    ("wellington", "NZ", -41.3, 174.8, 250)]
# Queries in a thousand, by country.
DEMAND = dict(US=190, DE=160, FR=60, GB=60, NL=45, BR=50, IN=55, CN=60, JP=40, RU=35, PL=25, IT=25, ES=20, CA=25, AU=20, SE=15, CH=15, CZ=12,
              ID=15, ZA=8, KR=10, TW=6, MX=10, AR=8, TR=8, UA=8, NG=4, KE=3, EG=4, NZ=4, FI=6, NO=6, DK=6, BE=6, AT=6, GR=3, PT=4, VN=6, TH=5)
GOOD, NEW, BAD, HELD, SHAKY = "karlsruhe", "nairobi", "perth", "recife", "chennai"
PAGES = ["index.html", *(f"members/{name}.html" for name in (GOOD, NEW, BAD, HELD, SHAKY)), "members.html", "share.html", "map.html", "history.html"]
QUERIES = 20_000


def seldom(ago, vantage):
    """In order but for an hour now and then; for two days in the autumn it wasn't, and for an hour yesterday from one side."""
    if vantage == "tokyo" and 20 * 3600 < ago < 21.5 * 3600:
        return 12_000, "ntp-silent"
    if 62 * DAY < ago < 64 * DAY:
        return -60_000, "connect-timeout"
    return (17_000, "ntp-silent") if (ago // 3600) % 211 == len(vantage) else (20_000, None)


def expired(ago, _vantage):
    return (20_000, None) if ago > 3 * 3600 else (max(-100_000, 20_000 - 5000 * ((3 * 3600 - ago) // QUARTER + 1)), "cert-expired")


def long_ago(site, seconds):
    """Commands run as they would have run at that time, if the build is one for tests (zone/base/clock.h)."""
    clock = site.machine.directory / "clock"
    clock.write_bytes(struct.pack("=qq", 0, -seconds))
    os.environ["NTSPOOL_TEST_CLOCK"] = str(clock)


def showcase(site):
    dice = random.Random(1)
    long_ago(site, 410 * DAY)
    for number, (name, country, latitude, longitude, capacity) in enumerate(CITIES):
        both = number % 4 != 3
        addresses = [f"10.{100 + number}.0.1", *([f"2001:db8:{number + 1:x}::1"] if both else [])]
        if name == NEW:
            continue
        site.add(name, *addresses, country=country, operator=f"University of {name.title()}",
                 options=("--capacity", str(capacity), "--position", f"{latitude},{longitude}"))
        if name not in (BAD, HELD, SHAKY):
            site.see(name, *addresses, since=dice.randrange(3, 400) * DAY, cert=site.now + dice.randrange(20, 80) * DAY,
                     stratum=dice.choice((1, 1, 2, 2, 3)), days=400 if name == GOOD else 0.2, course=seldom if name == GOOD else None)
    del os.environ["NTSPOOL_TEST_CLOCK"]
    where = {city[0]: number for number, city in enumerate(CITIES)}
    v4 = {name: f"10.{100 + number}.0.1" for name, number in where.items()}
    v6 = {name: f"2001:db8:{number + 1:x}::1" for name, number in where.items()}
    site.see(BAD, v4[BAD], stage=INELIGIBLE, since=3 * 3600, score=-45_000, failure="cert-expired", cert=site.now - 3 * 3600,
             detail=b"the certificate ended 3 h ago", course=expired, days=300)
    site.say("here", 3 * 3600, "ineligible: the score fell below 8: cert-expired")
    site.see(HELD, v4[HELD], *([v6[HELD]] if where[HELD] % 4 != 3 else []), stage=FALLING, frozen=600, score=2_000, failure="ntp-silent", failures=4,
             course=falling, cert=site.now + 40 * DAY)
    site.see(SHAKY, v4[SHAKY], v6[SHAKY], score=14_000, course=flapping, cert=site.now + 9 * DAY, days=200, warnings=1 << 0 | 1 << 7, stage=ELIGIBLE)
    site.say("tokyo", 7 * 3600, f"{v6[SHAKY]}: ntp-silent")
    site.add(NEW, v4[NEW], v6[NEW], country="KE", operator=f"University of {NEW.title()}")
    site.see(NEW, v4[NEW], v6[NEW], stage=OPERATIONAL, since=3600, score=8_500, weight=0, days=0.05, probes=50, cert=site.now + 89 * DAY)
    site.lines["here"].append(f"self frozen={site.now - 600} down=14")
    site.count(400, lambda ago: max(12, 51 - ago // 10) - (ago % 37 == 0))
    site.lines["boston"].append("self")
    site.lines["tokyo"].append("self")
    site.send()


def ask(site):
    """Clients of many countries ask. Returns the location file that knows them."""
    table, locations = site.machine.directory / "places.csv", site.machine.directory / "places.mmdb"
    members = [f"10.{100 + number}.0.0,10.{100 + number}.255.255,{city[1]}" for number, city in enumerate(CITIES)]
    clients = [f"10.{number}.0.0,10.{number}.255.255,{country}" for number, country in enumerate(DEMAND)]
    table.write_text("\n".join(members + clients) + "\n")
    run("/usr/bin/perl", ROOT / "tools/make-locations", locations, table)
    site.pool.serve("--locations", locations, "--workers", "1")
    wires = [site.pool.query(SRV, "SRV", ecs=(f"10.{number}.7.0", 24)).to_wire() for number in range(len(DEMAND))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.connect((site.pool.address, site.pool.port))
        for wire in random.Random(2).choices(wires, DEMAND.values(), k=QUERIES):
            sock.send(wire)
            sock.recv(4096)
    site.pool.stop()
    return locations


def photograph(directory, pages):
    with Browser(directory) as browser:
        for page in pages:
            for name, dark, width in (("light", False, WIDE), ("dark", True, WIDE), ("narrow", False, NARROW)):
                browser.look(dark, width)
                browser.open((directory / "site" / page).resolve())
                browser.picture(directory / f"{page.replace('/', '-').removesuffix('.html')}-{name}.png")
        browser.look(width=1150)
        browser.open((directory / "site/members" / f"{BAD}.html").resolve())
        browser.picture(directory / "readme.png", height=1070, scale=0.8)


def main(directory, *pages):
    directory = Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        enter_namespaces(scratch)
        machine = Machine(scratch)
        try:
            site = Site(machine)
            site.directory = directory / "site"
            showcase(site)
            site.report("--locations", ask(site), "--title", "Example NTS Pool", "--url", "https://pool.example")
        finally:
            machine.close()
    photograph(directory, pages or [page for page in PAGES if (directory / "site" / page).exists()])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
