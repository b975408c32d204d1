"""ntspool-troubleshooting(7) explains each failure class, each warning about a member, each warning of `status` and each reason to refuse a
report. It explains nothing that the programs never print."""

import os
import re
import subprocess

import pytest

from machine import ROOT

FOLDERS = ("tools", "zone", "dnssec", "probe", "fleet", "server")
PAGE = ROOT / "tools" / "man" / "ntspool-troubleshooting.7"
REFUSALS = ("intake.c", "intake_apply.c")
WORDS_LEAST = 5  # shorter literals are keys and column headings
PIECE_LEAST = 12  # minimum octets between two fields of a format


def source(name):
    (path,) = (path for folder in FOLDERS for path in (ROOT / folder).rglob(name))
    return path.read_text()


def plain(text):
    """The text without typesetting differences between page and program: quotes, kinds of hyphens, line breaks."""
    return " ".join(re.sub(r"[`'\"\u2018\u2019\u201c\u201d]", "", re.sub(r"[\u2010\u2212]", "-", text)).split())


def literals(text):
    """The string literals of C code, adjacent ones joined; comments and includes do not count."""
    code = re.sub(r"/\*.*?\*/|^#include.*?$", "", text, flags=re.S | re.M)
    for found in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', code):
        yield "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', found)).replace('\\"', '"').replace("\\n", "\n")


def pieces(name):
    """The fixed text between the fields of each message in a file."""
    for message in literals(source(name)):
        if len(message.split()) >= WORDS_LEAST and not message.startswith("{s:"):
            for piece in re.split(r"%%|%[-+.*0-9]*(?:ll|l|z)?[a-zA-Z]|\n", message):
                if len(piece) >= PIECE_LEAST:
                    yield plain(piece)


STATUS = ["cmd_status.c", "vantagestatus.c", "alarm.c"]
STATUS += sorted(path.name for room in ("zone", "dnssec") for path in (ROOT / room / "overview").glob("*.c")
                 if not path.stem.endswith("metrics") and any(pieces(path.name)))


@pytest.fixture(scope="module")
def page():
    done = subprocess.run(["man", "--nh", "--nj", "--warnings", "-E", "UTF-8", "-l", PAGE], capture_output=True, text=True, check=True,
                          env=dict(os.environ, MANWIDTH="1000"))
    assert done.stderr == ""
    return plain(done.stdout)


def test_each_failure_class_is_explained():
    classes = re.findall(r'X\([A-Z_]+,\s*"([a-z-]+)"', source("failure.h"))
    assert len(classes) > 40
    text = PAGE.read_text()
    assert [name for name in classes if f"\n.It Cm {name}\n" not in text] == []


def test_each_warning_of_a_member_is_explained():
    table = re.search(r"struct warning_info warnings\[\] = \{(.*?)\n\};", source("health.c"), re.S)
    names = re.findall(r'\{\s*"([a-z-]+)"', table[1])
    assert len(names) > 10
    text = PAGE.read_text()
    assert [name for name in names if f"\n.It Cm {name}\n" not in text] == []


def test_each_warning_of_status_has_its_id_on_the_page():
    ids = re.findall(r'\bX\([A-Z_]+, "([a-z-]+)"', source("concern.h"))
    assert len(ids) > 30 and len(set(ids)) == len(ids)
    section = re.search(r"\n\.Sh WARNINGS OF STATUS\n(.*?)\n\.Sh ", PAGE.read_text(), re.S)[1]
    assert set(re.findall(r"^\.It Cm ([a-z-]+) : ", section, re.M)) == set(ids)
    urgent = re.search(r"These are urgent.*?\n(.*?)\nBelow", section, re.S)[1]
    assert re.findall(r"^\.Li ([a-z-]+)", urgent, re.M) == re.findall(r'\bX\([A-Z_]+, "([a-z-]+)", URGENT', source("concern.h"))


def claims():
    """The lines of system tests, and the statements of unit tests, that fail if what they name does not happen."""
    for path in (ROOT / "tests" / "system").glob("test_*.py"):
        yield from re.findall(r"^ +(?:assert|until\().*$|^.*warned\(\).*$", path.read_text(), re.M)
    for path in (ROOT / "tests" / "unit").rglob("test_*.c"):
        if path.name != "test_concern.c":  # it has warnings that nothing gave cause for
            yield from re.findall(r"\b(?:assert|expect)[a-z_]*\([^;]*;", path.read_text())


def test_each_warning_of_status_is_brought_about_by_a_test():
    said = "\n".join(claim for claim in claims() if "not in" not in claim)
    ids = re.findall(r'\bX\(([A-Z_]+),\s+"([a-z-]+)"', source("concern.h"))
    assert len(ids) > 30
    assert [name for enumerator, name in ids if f'"{name}"' not in said and not re.search(rf"\bCONCERN_{enumerator}\b", said)] == []


# Output of status that is no warning.
OTHER = {
    "cmd_status.c": ("keys ", "pool ", "a store of ", " cant be read: the warnings above name it", ", of another machine", "last probe",
                     ": status has no such warning"),
    "vantagestatus.c": ("pool ", "keys elsewhere", "keys  "),
}


@pytest.mark.parametrize("name", STATUS)
def test_each_warning_of_status_is_explained(page, name):
    found = list(pieces(name))
    assert found
    assert [piece for piece in found if piece not in page and not any(piece.startswith(plain(other)) for other in OTHER.get(name, ()))] == []


@pytest.mark.parametrize("name", REFUSALS)
def test_each_reason_to_refuse_a_report_is_explained(page, name):
    refused = [piece for piece in pieces(name) if "ntspool" in piece or " report" in piece or "future" in piece or "named" in piece]
    assert refused
    assert [piece for piece in refused if piece not in page] == []


# Messages that the programs put together from several texts.
COMPOSED = {"(algorithm) is now", "the clock was set forward by", "was missing and is made anew", "was damaged and is made anew; the old file is",
            "the list of members cant be read:", "verdicts cant be written:"}
BETWEEN = r"(?: ?\b(?:Ar|Pa) [^ ]+| ?\b(?:Ns|No|Pq|Dq)\b| [,;:?.](?= |$))+"  # fields and macros in an item of the page


@pytest.mark.parametrize("section", ["A daemon does not start", "LINES OF THE LOGS"])
def test_each_line_that_is_explained_may_be_printed(section):
    said = " | ".join(plain(text) for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]") for text in literals(path.read_text()))
    body = re.search(rf"\n\.S[hs] {section}\n(.*?)\n\.Sh ", PAGE.read_text(), re.S)[1]
    lines = [plain(piece) for item in re.findall(r"^\.It (.*)$", body, re.M) for piece in re.split(BETWEEN, f" {item}")]
    lines = [piece for piece in lines if len(piece) >= PIECE_LEAST and piece not in COMPOSED]
    assert len(lines) > 10
    assert [piece for piece in lines if piece not in said] == []
