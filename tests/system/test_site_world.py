"""Maps and shares of the site say what `ntspool share` and `ntspool explain` say."""

import csv
import re
import xml.etree.ElementTree as ElementTree

import pytest

from machine import ROOT, until
from pool import SRV, Pool
from years import DAY, HOUR, Clock

LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
PLACES = {"ams": ("NL", "52.3702,4.8952"), "rtm": ("NL", "51.9225,4.4792"), "ber": ("DE", "52.5200,13.4050"), "nyc": ("US", "40.7128,-74.0060"),
          "sgp": ("SG", "1.3521,103.8198")}


@pytest.fixture
def pool(machine):
    pool = Pool(machine).init()
    for number, (name, (country, position)) in enumerate(PLACES.items()):
        pool.add(name, f"198.51.100.{number + 1}", country=country, options=("--position", position))
    pool.cli("member", "override", "--all", "eligible")
    pool.add("new", "198.51.100.99", country="SE")
    return pool


def rows(path):
    """Cells of the page's last table by the text of the first one."""
    table = re.findall(r"<tbody>(.*?)</tbody>", path.read_text(), re.S)[-1]
    cells = [[re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in table.split("</tr>")]
    return {row[0]: row[1:] for row in cells if row}


def test_the_shares_are_those_of_the_command(pool, machine):
    site = machine.directory / "site"
    pool.add("shy", "198.51.100.98", country="SE", options=("--unlisted",))
    pool.cli("report", site, "--locations", LOCATIONS)
    said = {row["name"]: row for row in pool.json("share", "--locations", LOCATIONS)["members"]}
    with open(site / "share.csv", newline="", encoding="utf-8") as file:
        found = {row["name"]: row for row in csv.DictReader(file)}
    assert found.keys() == {*PLACES, "new"} and said.keys() == {*found, "shy"}
    assert "shy" not in (site / "share.html").read_text()
    for name, row in found.items():
        assert row["state"] == said[name]["state"]
        assert float(row["fair"]) == pytest.approx(said[name]["fair"], abs=1e-6)
        assert float(row["expected"]) == pytest.approx(said[name]["expected"], abs=0.01)
        assert (row["ratio"] == "") == (said[name]["ratio"] is None)
    shown = rows(site / "share.html")
    assert shown["new"][-1] == "-" and shown["ams"][1] == "20.000 %"


def test_the_maps_count_members_queries_and_distance_by_country(pool, machine):
    site = machine.directory / "site"
    pool.cli("report", site, "--locations", LOCATIONS)
    members = rows(site / "map.html")
    assert members["Netherlands"][:3] == ["2", "2", "40.00 %"] and members["Sweden"][:2] == ["1", "0"]
    demand = pool.json("share", "--locations", LOCATIONS)["demand"]
    total = sum(each["queries"] for each in demand)
    queries = rows(site / "map-demand.html")
    for code, name in (("NL", "Netherlands"), ("US", "United States")):
        expected = 100 * sum(each["queries"] for each in demand if each["country"] == code) / total
        assert float(queries[name][0].removesuffix(" %")) == pytest.approx(expected, abs=0.02)
    distance = rows(site / "map-distance.html")
    for client, name in (("fd00::1", "Brazil"), ("2001:db8:1::1", "Netherlands")):
        said = pool.json("explain", "--client", client, "--locations", LOCATIONS)
        assert said["area"] == "cell"  # else the distances are those from its middle
        answers = said["candidates"]
        km = sum(each["share"] * each["km"] for each in answers) / sum(each["share"] for each in answers)
        assert int(distance[name][0].replace(",", "")) == pytest.approx(km, abs=2)


def test_places_are_rounded_to_a_degree(pool, machine):
    site = machine.directory / "site"
    pool.cli("report", site, "--locations", LOCATIONS)
    image = ElementTree.fromstring((site / "map.svg").read_bytes())
    dots = [dot for group in image.iter("{http://www.w3.org/2000/svg}g") if group.get("class") == "dots" for dot in group]
    # Amsterdam (52.37, 4.90) and Rotterdam (51.92, 4.48) round to 52 N, and to 5 and 4 E.
    assert len(dots) == len(PLACES)
    pool.cli("member", "set", "rtm", "--position", "51.9225,4.5100")
    pool.cli("report", site, "--locations", LOCATIONS, "--all")
    text = (site / "map.svg").read_text()
    assert "<title>2 members</title>" in text
    for _, position in PLACES.values():
        assert not any(part in text for part in position.split(","))
    pool.cli("zone", "set", "publish", "capacity")
    pool.cli("report", site, "--locations", LOCATIONS)
    assert "<title>2 members, 200 Mbit/s</title>" in (site / "map.svg").read_text()


def test_without_locations_there_is_no_map_of_clients_and_with_no_map_none(pool, machine):
    site = machine.directory / "site"
    pool.cli("report", site)
    assert (site / "map.html").exists() and not (site / "map-demand.html").exists()
    assert "map-demand" not in (site / "map.html").read_text()
    pool.cli("report", site, "--locations", LOCATIONS, "--all")
    assert (site / "map-demand.html").exists()
    pool.cli("report", site, "--no-map")
    assert not list(site.glob("map*")) and (site / "share.html").exists()
    assert not any("map" in link for page in site.glob("*.html") for link in re.findall(r'(?:href|src)="([^"]*)"', page.read_text()))


def test_a_location_file_that_is_missing_is_an_error(pool, machine):
    refused = pool.refused("report", machine.directory / "site", "--locations", machine.directory / "missing.mmdb")
    assert "missing.mmdb" in refused


def test_pages_name_the_servers_the_mailbox_and_each_failure(pool, machine):
    site = machine.directory / "site"
    pool.cli("zone", "set", "mailbox", "time.master@operator.test")
    pool.cli("report", site)
    for server in pool.json("zone", "ns", "list")["name_servers"]:
        assert server["name"].rstrip(".") in rows(site / "servers.html")
    assert "<code>time.master@operator.test</code>" in (site / "join.html").read_text()
    page = (site / "failures.html").read_text()
    header = (ROOT / "zone/verdicts/failure.h").read_text()
    ids = re.findall(r'X\([A-Z_]+,\s*"([a-z-]+)"', header)
    assert len(ids) > 40 and all(f'<tr id="{name}">' in page for name in ids if name != "ok")
    assert 'href="https://www.rfc-editor.org/rfc/rfc8915#section-5.7">RFC&#160;8915&#160;5.7</a>, ' in page
    assert 'href="https://www.rfc-editor.org/rfc/rfc8915#section-6">6</a>' in page


def test_the_history_is_that_of_the_command(machine, monkeypatch):
    clock = Clock(machine.directory, monkeypatch)
    clock.move(12 * HOUR - clock.now() % DAY)  # noon, so that no midnight comes between
    pool = Pool(machine).init()
    pool.add("alice", "127.0.1.1", "fd00::1")
    pool.cli("member", "override", "alice", "eligible")
    site = machine.directory / "site"
    pool.cli("report", site)
    assert (site / "history.csv").read_text().splitlines() == ["day,members,handed_out,ipv4,ipv6,queries,answers"]
    pool.serve()
    try:
        until(lambda: pool.json("history")["hours"], 30, "the members are counted")
        for _ in range(5):
            pool.ask(SRV, "SRV")
        clock.move(2 * HOUR)
        pool.ask(SRV, "SRV")
        until(lambda: sum(hour["answers"] for hour in pool.json("history")["traffic"]) >= 6, 60, "the queries are counted")
        pool.cli("report", site)
        with open(site / "history.csv", newline="", encoding="utf-8") as file:
            [row] = csv.DictReader(file)
        said = pool.json("history")
        assert row["members"] == row["handed_out"] == "1"
        assert (row["ipv4"], row["ipv6"]) == tuple(str(said["hours"][-1][family]["eligible"]) for family in ("ipv4", "ipv6"))
        assert int(row["queries"]) == sum(hour["queries"] for hour in said["traffic"])
        assert int(row["answers"]) == sum(hour["answers"] for hour in said["traffic"])
        assert rows(site / "history.html")[row["day"]][0] == "1"
    finally:
        pool.stop()
