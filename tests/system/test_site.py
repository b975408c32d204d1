"""The site of a pool with members in every state and with hostile texts: others judge each file that `ntspool report` writes."""

import pytest

from browser import Browser
from sitejudge import broken_data, faults_seen, files, harmful_texts, invalid_html, weak_pages
from siteworld import SECRET, Site, fill


@pytest.fixture(scope="module")
def site(shared_machine):
    site = Site(shared_machine)
    fill(site)
    site.report("--url", "https://pool.example", "--title", "The test's <pool> & \"more\"")
    return site


def test_pages_are_valid_html(site):
    assert len(files(site.directory, ".html")) > 10
    assert invalid_html(site.directory) == []


def test_browser_and_axe_find_no_fault_and_nothing_is_loaded_from_elsewhere(site, tmp_path):
    with Browser(tmp_path) as browser:
        assert faults_seen(site.directory, browser) == []


def test_pages_have_the_policy_and_charts_their_texts(site):
    assert weak_pages(site.directory) == []


def test_data_files_are_what_their_formats_demand(site):
    assert broken_data(site.directory) == []


def test_texts_of_strangers_do_no_harm(site):
    assert harmful_texts(site.directory) == []


def test_nothing_secret_is_published(site):
    for path in files(site.directory):
        text = path.read_bytes()
        for secret in (SECRET.encode(), b"35.68", b"139.69", str(site.pool.state).encode()):
            assert secret not in text, path
