"""The site of a pool with members in every state and with hostile texts: others judge each file that `ntspool report` writes."""

import json
import re
import sys
import urllib.request
from datetime import datetime

import pytest

from browser import Browser
from machine import ROOT, until
from scorereaders import check_score, exporter, log_rows, log_series
from sitejudge import (Page, as_text, broken_data, dead_links, faults_seen, files, harmful_texts, invalid_html, weak_pages)
from pool import Pool
from siteworld import HOSTILE, SECRET, VANTAGES, Site, fill

LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
OPTIONS = ("--url", "https://pool.example", "--title", "The test's <pool> & \"more\"", "--locations", LOCATIONS)


@pytest.fixture(scope="module")
def site(shared_machine):
    site = Site(shared_machine)
    fill(site)
    site.pool.serve("--locations", LOCATIONS, "--workers", "1")
    site.pool.targets(50, ecs=("198.51.100.0", 24))
    site.pool.stop()
    site.report(*OPTIONS)
    return site


def test_pages_are_valid_html(site):
    assert len(files(site.directory, ".html")) > 30
    assert invalid_html(site.directory) == []


def test_browser_and_axe_find_no_fault_and_nothing_is_loaded_from_elsewhere(site, tmp_path):
    with Browser(tmp_path) as browser:
        assert faults_seen(site.directory, browser) == []


def test_all_links_lead_somewhere(site):
    assert dead_links(site.directory) == []


def test_pages_have_the_policy_and_charts_their_texts(site):
    assert weak_pages(site.directory) == []


def test_data_files_are_what_their_formats_demand(site):
    assert broken_data(site.directory) == []


def test_texts_of_strangers_do_no_harm(site):
    assert harmful_texts(site.directory) == []
    page = Page(site.page("members/evil0.html"))
    assert any(HOSTILE[0].decode() in value for value in page.values), "it is shown as the text that it is"


def test_a_title_of_ten_thousand_octets_does_no_harm(site):
    away = site.machine.directory / "title"
    site.pool.cli("report", away, "--no-map", "--title", "<script>\u202e\"'&\x1b[31m" * 500)
    assert harmful_texts(away) == [] and broken_data(away) == []
    assert invalid_html(away) == []


def test_a_pool_without_members_has_good_pages(machine, tmp_path):
    pool, directory = Pool(machine).init(), machine.directory / "site"
    pool.cli("zone", "set", "publish", "operator")
    pool.cli("report", directory)
    assert all("yet" in (directory / f"{name}.html").read_text() for name in ("members", "countries", "operators", "vantages"))
    for judge in (invalid_html, dead_links, weak_pages, broken_data):
        assert judge(directory) == []
    with Browser(tmp_path) as browser:
        assert faults_seen(directory, browser) == []


def test_page_of_one_member_is_the_one_of_the_site(site):
    def parts(page):  # without the charts, which end at the time of the run
        return re.findall(r"<(?:h1|h2|th|caption)\b.*?</", page)
    for name in ("bad", "evil0", "unlisted"):
        page = site.pool.cli("report", "--member", name, *OPTIONS).stdout
        assert page.endswith("</html>\n") and parts(page) == parts(site.page(f"members/{name}.html").read_text())


def test_nothing_secret_is_published(site):
    for path in files(site.directory):
        text = path.read_bytes()
        for secret in (SECRET.encode(), b"35.68", b"139.69", str(site.pool.state).encode()):
            assert secret not in text, path


@pytest.mark.parametrize("name, said", [
    ("good", ["NTS confirmed", "20.0"]), ("bad", ["Renew the certificate", "cert-expired", "-45.0", "connect-timeout", "RFC 5280"]),
    ("held", ["held", "ntp-silent", "2.0", "RFC 8915"]), ("new", ["not probed yet"]), ("young", ["score or history under the entry"]),
    ("suspended", ["suspended"]), ("six", ["2001:db8::7"]), ("certified", ["UDP 123"])])
def test_reader_of_text_sees_state_score_and_advice(site, name, said):
    text = " ".join(as_text(site.page(f"members/{name}.html")).split())
    for each in said:
        assert each in text, text


def test_unlisted_member_shows_its_state_and_nothing_else(site):
    text = as_text(site.page("members/unlisted.html"))
    assert "NTS confirmed" in text and "198.51.100.11" not in text and "Nobody Knows" not in text
    assert not site.page("scores/198.51.100.11").exists()
    others = [path for path in files(site.directory) if path.stem != "unlisted" and b"198.51.100.11" in path.read_bytes()]
    assert others == []


def test_removed_member_is_said_to_be_gone(site):
    assert "removed" in as_text(site.page("members/removed.html"))
    assert not site.page("scores/198.51.100.8").exists()


def test_each_member_has_its_page_and_scores(site):
    for member in site.pool.json("member", "list"):
        assert site.page(f"members/{member['name']}.html").exists()
        for address in [] if member["name"] == "unlisted" else member["addresses"]:
            assert site.page(f"scores/{address}/json").exists()


def test_pool_json_says_what_status_says(site):
    public, status = json.loads(site.page("pool.json").read_text()), site.pool.json("status")
    for key in ("members", "eligible", "states"):
        assert public[key] == status[key]
    assert public["pool"] == "pool.test" and abs(datetime.fromisoformat(public["made_at"]).timestamp() - site.now) < 600
    assert [(row["name"], row["state"]) for row in public["vantages"]] == [(row["name"], row["state"]) for row in status["vantages"]]
    assert {row["name"]: row["failure"] for row in public["attention"]}["bad"] == "cert-expired"


@pytest.fixture(scope="module")
def served(site):
    """The site as a plain web server shows it, here Python's."""
    site.machine.start("web", [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", site.directory, "8000"])
    url = "http://127.0.0.1:8000"

    def answers():
        try:
            return urllib.request.urlopen(url, timeout=5).status == 200
        except OSError:
            return False
    until(answers, 20, "the web server answers")
    return url


def test_nagios_plugin_for_ntppool_reads_the_score(served):
    assert check_score(served, "198.51.100.1") == (0, "OK - current score: 20 | score=20;12:;10:")
    assert check_score(served, "2001:db8::1", "recentmedian")[0] == 0
    assert check_score(served, "198.51.100.2")[0] == 2
    status, line = check_score(served, "2001:db8::2", "tokyo")
    assert status == 2 and "-100" in line


def test_exporter_for_ntppool_reads_scores_by_monitor(served):
    samples = exporter(served, "198.51.100.1")
    assert samples["ntppool_score", ""] == 20
    for vantage, rtt in VANTAGES.items():
        assert samples["ntppool_monitor_score", vantage] == 20
        assert samples["ntppool_monitor_rtt_seconds", vantage] == pytest.approx(rtt / 1e6, rel=0.1)
        assert abs(samples["ntppool_monitor_offset_seconds", vantage]) < 0.001
    assert exporter(served, "2001:db8::2")["ntppool_score", ""] < -20


def test_log_readers_for_ntppool_get_series_and_failures(served):
    series = log_series(served, "198.51.100.1")
    assert set(series) == {"recentmedian", *VANTAGES}
    times = [at for at, *_ in series["recentmedian"]]
    assert len(times) >= 90 and times == sorted(times, reverse=True), "a day by the quarter, newest first"
    errors = {row["error"] for row in log_rows(served, "2001:db8::2") if row["monitor_name"] == "tokyo"}
    assert "connect-timeout" in " ".join(errors)
    assert {row["monitor_name"] for row in log_rows(served, "198.51.100.40")} >= set(VANTAGES)
