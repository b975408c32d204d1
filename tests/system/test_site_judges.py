"""The judges of the site (sitejudge.py) see faults, each its own, and find none in a good page."""

import pytest

from browser import Browser
from sitejudge import (POLICY, as_text, broken_data, dead_links, faults_seen, harmful_texts, invalid_html, weak_pages)

HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="style.css">
</head>
<body>
<main>
<h1>A page</h1>
"""
STYLE = """body { background: #fff; color: #000 }
@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } a { color: #9cf } p.dim { color: #505050 } }
p.faint { color: #909090 }
p.wide { width: 900px }
"""
FOOT = "</main>\n</body>\n</html>\n"
CHART = """<svg role="img" aria-labelledby="t d" width="20" height="20"><title id="t">Score</title><desc id="d">It is 20.</desc>
<path d="M0 0H20"/></svg>
<table><caption>Score</caption><thead><tr><th scope="col">score</th></tr></thead><tbody><tr><td>20</td></tr></tbody></table>
"""
FEED = """<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:pool.test,2026:x</id><title>x</title><updated>2026-01-01T00:00:00Z</updated>
<author><name>pool</name></author>%s</feed>
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def site(tmp_path):
    (tmp_path / "style.css").write_text(STYLE)

    def write(body, name="index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HEAD + body + FOOT if name.endswith(".html") else body)
        return tmp_path
    return write


def test_good_page_is_without_fault(site, browser):
    directory = site('<p>Score <a href="#there">20</a></p><p id="there"><a href="other.html#there">other</a></p>' + CHART)
    site('<p id="there">other</p>', "other.html")
    site("name,score\nalice,-3.5\n", "alice.csv")
    site(FEED % "", "alice.atom")
    assert invalid_html(directory) == []
    assert faults_seen(directory, browser) == []
    assert dead_links(directory) + weak_pages(directory) + broken_data(directory) + harmful_texts(directory) == []
    assert "Score 20" in as_text(directory / "index.html")


@pytest.mark.parametrize("body, rule", [("<p>a<p>b</p>", "no-implicit-close"), ('<p style="color: red">a</p>', "no-inline-style"),
                                        ("<p>a & b</p>", "no-raw-characters"), ('<p id="a">a</p><p id="a">b</p>', "no-dup-id"),
                                        ("<p>a</div></p>", "close-order"), ('<p aria-label="b">a</p>', "aria-label-misuse")])
def test_invalid_page_is_seen(site, body, rule):
    found = invalid_html(site(body))
    assert any(f"({rule})" in fault for fault in found), found


@pytest.mark.parametrize("body, fault", [
    ('<p class="faint">faint</p>', "index.html: color-contrast"), ('<p class="dim">dim</p>', "index.html, dark: color-contrast"),
    ('<p class="wide">a</p>', "pixels too wide for 400"), ('<img src="none.png" alt="x">', "ERR_FILE_NOT_FOUND"),
    ('<img src="style.css">', "image-alt"), ('<img src="https://elsewhere.test/x.png" alt="x">', "asks for https://elsewhere.test/x.png"),
    ("<script>document.title = 'hacked'</script>", "script"), ('<p style="margin: 0">a</p>', "Content Security Policy")])
def test_browser_sees_what_is_wrong(site, browser, body, fault):
    found = faults_seen(site(body), browser)
    assert any(fault in each for each in found), found


@pytest.mark.parametrize("link", ["none.html", "../index.html", "#none", "index.html#none", "http://elsewhere.test/", "javascript:alert(1)", "/"])
def test_dead_or_foreign_link_is_seen(site, link):
    assert len(dead_links(site(f'<p><a href="{link}">a</a></p>'))) == 1


def test_loading_from_elsewhere_is_seen(site):
    assert len(dead_links(site('<img src="https://elsewhere.test/x.png" alt="x">'))) == 1


@pytest.mark.parametrize("body", ['<svg role="img"><title>Score</title></svg>', CHART.split("<table>")[0]])
def test_chart_that_not_everybody_can_read_is_seen(site, body):
    assert weak_pages(site(body))


@pytest.mark.parametrize("name, text", [
    ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'><title>a</title>"), ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("a.json", '{"a": NaN}'), ("a.json", '{"a": 1, "a": 2}'), ("a.csv", "a,b\n1\n"), ("a.csv", "a\n=1+1\n"), ("a.csv", 'a\n"b\n'), ("a.atom", "<feed/>"),
    ("scores/127.0.0.1/json", "{"), ("scores/127.0.0.1/log", "a,b\n1\n"), ("a.atom", FEED % "<entry/>"),
    ("a.atom", FEED.replace("Z</updated>", "</updated>") % "")])
def test_broken_data_is_seen(site, name, text):
    assert len(broken_data(site(text, name))) == 1


@pytest.mark.parametrize("name, text", [
    ("index.html", "<p>a\x1b[31m</p>"), ("index.html", "<p>a&#x202e;b</p>"), ("index.html", "<p title='a&#8203;b'>a</p>"),
    ("a.csv", "a\nb\u202ec\n"), ("a.svg", "<svg><title>a&#x2066;</title></svg>"), ("a.atom", "<feed title='&#x200f;'/>"),
    ("index.html", "<p>a</p><SCRIPT>b</SCRIPT>"), ("a.svg", "<svg onload='alert(1)'/>"),
    ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'><title>a</title><script/></svg>"), ("index.html", "<a href='javascript:alert(1)'>a</a>")])
def test_harmful_text_is_seen(site, name, text):
    assert len(harmful_texts(site(text, name))) == 1
