"""What others say of a site: validators, a browser, a reader of text, parsers. Each judge returns a list of faults.

The judges take a directory and look at every file in it, so that a new page is judged without a new test.
"""

import csv
import io
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from browser import NARROW
from machine import part

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'"
ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# Controls but tab, line feed and carriage return; marks that turn or hide text; separators that some readers take for a line's end.
UNSEEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
FORMULA = tuple("=+-@\t\r")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


def files(directory, *endings):
    """The files with these endings, or all; without the site's own notes."""
    return sorted(path for path in Path(directory).rglob("*")
                  if path.is_file() and not path.name.startswith(".") and (not endings or path.suffix in endings))


def data_files(directory, name):
    """JSON and CSV of /scores/<address>/, whose names have no ending."""
    return [path for path in files(directory) if path.name == name and path.parent.parent.name == "scores"]


def _scripts(tag, attributes):
    """What a browser would run."""
    return ([tag] if tag.lower().endswith("script") else []) + [
        f"{name}={value}" for name, value in attributes if name.lower().startswith("on") or
        re.match(r"[\0-\x20]*(javascript|vbscript|data):", value or "", re.IGNORECASE)]


class Page(HTMLParser):
    """A page of HTML: its links, anchors and texts."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.ids, self.links, self.assets, self.policies, self.charts, self.tables = set(), [], [], [], [], 0
        self.values = []  # texts and values of attributes
        self.scripts = []
        self._open = []  # the charts that the parser is in
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.scripts += _scripts(tag, attrs)
        self.values += [value for value in attributes.values() if value]
        if "id" in attributes:
            self.ids.add(attributes["id"])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "link":
            self.assets.append(attributes["href"])
        elif "src" in attributes:
            self.assets.append(attributes["src"])
        elif tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(attributes["content"])
        elif tag == "table":
            self.tables += 1
        elif tag == "svg" and attributes.get("role") == "img":
            self.charts.append(set())
            self._open.append(len(self.charts) - 1)
        elif self._open and tag in ("title", "desc"):
            self.charts[self._open[-1]].add(tag)

    def handle_endtag(self, tag):
        if tag == "svg" and self._open:
            self._open.pop()

    def handle_data(self, data):
        self.values.append(data)


def invalid_html(directory):
    """What html-validate says."""
    done = subprocess.run([part("web/node_modules/.bin/html-validate"), "--config", HERE / "web/htmlvalidate.json", "--formatter", "json",
                           *files(directory, ".html")], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return [f"{page['filePath']}:{said['line']}:{said['column']}: {said['message']} ({said['ruleId']})"
            for page in json.loads(done.stdout) for said in page["messages"]]


def faults_seen(directory, browser):
    """What the browser notes, and what axe finds: by all its rules, and by those on colours and sizes for dark and narrow pages.

    Of the scores of addresses, pages by the dozen that differ in figures only, it looks at every eighth."""
    faults, inside = [], Path(directory).resolve().as_uri() + "/"
    pages = files(directory, ".html")
    scores = [path for path in pages if path.parent.parent.name == "scores"]
    for path in [path for path in pages if path not in scores] + scores[::8]:
        browser.look()
        browser.open(path.resolve())
        faults += [f"{path}: {said}" for said in browser.axe()]
        browser.look(dark=True)
        faults += [f"{path}, dark: {said}" for said in browser.axe("color-contrast")]
        browser.look(width=NARROW)
        faults += [f"{path}, narrow: {said}" for said in browser.axe("color-contrast", "scrollable-region-focusable", "target-size")]
        if browser.overflow() > 0:
            faults.append(f"{path}: {browser.overflow()} pixels too wide for {NARROW}")
        faults += [f"{path}: asks for {url}" for url in browser.requests if not url.startswith(inside)]
        faults += [f"{path}: {said}" for said in browser.complaints]
    return faults


def dead_links(directory):
    """Links that lead to no file or anchor, leave the directory, or load something from elsewhere."""
    directory = Path(directory).resolve()
    pages = {path.resolve(): Page(path) for path in files(directory, ".html")}
    faults = []
    for path, page in pages.items():
        for link in page.links + page.assets:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.assets or url.scheme not in ("https", "mailto"):
                    faults.append(f"{path}: {link}")
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            if directory not in target.parents or not target.is_file():
                faults.append(f"{path}: {link} leads nowhere")
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].ids:
                faults.append(f"{path}: {link}: no such anchor")
    return faults


def weak_pages(directory):
    """Pages without the policy, and charts without title, description or a table on their page."""
    faults = []
    for path in files(directory, ".html"):
        page = Page(path)
        if page.policies != [POLICY]:
            faults.append(f"{path}: policy {page.policies}")
        faults += [f"{path}: a chart has only {chart}" for chart in page.charts if chart != {"title", "desc"}]
        if page.charts and not page.tables:
            faults.append(f"{path}: charts without a table")
    return faults


def broken_data(directory):
    """Files that their parser refuses, or that lack what their format demands."""
    faults = []

    def judge(paths, read):
        for path in paths:
            try:
                read(path)
            except (ValueError, AssertionError, ElementTree.ParseError, csv.Error) as error:
                faults.append(f"{path}: {error!r}")
    judge(files(directory, ".svg"), _read_svg)
    judge(files(directory, ".atom"), _read_atom)
    judge(files(directory, ".json") + data_files(directory, "json"), _read_json)
    judge(files(directory, ".csv") + data_files(directory, "log"), _read_csv)
    return faults


def _read_svg(path):
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag == f"{SVG}svg", root.tag
    assert root.find(f"{SVG}title") is not None, "no title"
    foreign = [value for node in root.iter() for name, value in node.items() if name.endswith("href") and not value.startswith("#")]
    assert not [value for value in foreign if urlsplit(value).scheme or value.startswith("//")], foreign


def _read_atom(path):
    """RFC 4287 4.1.1 and 4.1.2: what a feed and its entries must have."""
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag == f"{ATOM}feed", root.tag
    entries = root.findall(f"{ATOM}entry")
    for node in [root, *entries]:
        for name in ("id", "title", "updated"):
            (one,) = node.findall(f"{ATOM}{name}")
            assert (one.text or "").strip(), f"empty {name}"
        assert RFC3339.fullmatch(node.findtext(f"{ATOM}updated")), node.findtext(f"{ATOM}updated")
        assert urlsplit(node.findtext(f"{ATOM}id")).scheme, "an id is an IRI"
    authors = [root.find(f"{ATOM}author")] if root.find(f"{ATOM}author") is not None else [node.find(f"{ATOM}author") for node in entries]
    assert all(author is not None and author.findtext(f"{ATOM}name") for author in authors), "no author"
    ids = [node.findtext(f"{ATOM}id") for node in entries]
    assert len(set(ids)) == len(ids), "entries share an id"
    for node in entries:
        links = [link for link in node.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
        assert links or node.find(f"{ATOM}content") is not None, "an entry has neither a link nor content"


def _no_constant(name):
    raise ValueError(name)


def _no_twins(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key twice in {keys}"
    return dict(pairs)


def _read_json(path):
    return json.loads(path.read_text("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins)


def _read_csv(path):
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline=""), strict=True))
    assert rows and rows[0], "no heading"
    assert {len(row) for row in rows} == {len(rows[0])}, "rows of unequal length"
    cells = [cell for row in rows[1:] for cell in row if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell)]
    assert not cells, f"a spreadsheet takes {cells[0]!r} for a formula"


def harmful_texts(directory):
    """Octets and characters that can fool a terminal, a parser or a reader, in files and in what a parser makes of them."""
    faults = []
    for path in files(directory):
        texts, scripts = [path.read_bytes().decode("utf-8", "surrogateescape")], []
        if path.suffix == ".html":
            page = Page(path)
            texts, scripts = texts + page.values, page.scripts
        elif path.suffix in (".svg", ".atom"):
            nodes = list(ElementTree.fromstring(path.read_bytes()).iter())
            texts += [text for node in nodes for text in (node.text, node.tail, *node.attrib.values()) if text]
            scripts = [script for node in nodes for script in _scripts(node.tag, node.items())]
        for text in texts:
            found = UNSEEN.search(text) or re.search("[\ud800-\udfff]", text)
            if found:
                faults.append(f"{path}: {found.group()!r} in {text[max(0, found.start() - 40):found.end() + 40]!r}")
                break
        faults += [f"{path}: {script}" for script in scripts]
    return faults


def as_text(path):
    """The page as w3m shows it."""
    done = subprocess.run(["w3m", "-dump", "-cols", "200", "-T", "text/html", "-o", "auto_image=0", path], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, check=True)
    return done.stdout
