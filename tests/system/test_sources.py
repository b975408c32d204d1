"""Rules that a reader of the sources may rely on. tests/unit/test_layers.c has those for includes between folders and rooms."""

import re
from collections import defaultdict

from machine import ROOT

FOLDERS = ("zone", "dnssec", "server", "probe", "fleet", "tools")
TAG = re.compile(r"^(?:struct|enum|union) (?:\[\[\w+\]\] )?(\w+) ?\{", re.M)


def tags(sources):
    found = defaultdict(list)
    for name, text in sources.items():
        for tag in TAG.findall(text):
            found[tag].append(name)
    return found


def clashes(sources):
    """Tags from headers that another file also defines."""
    return {tag: names for tag, names in tags(sources).items() if len(names) > 1 and any(name.endswith(".h") for name in names)}


def test_public_tags_are_unique():
    sources = {str(file.relative_to(ROOT)): file.read_text() for folder in FOLDERS for file in (ROOT / folder).rglob("*.[ch]")}
    assert len(tags(sources)) > 300
    assert clashes(sources) == {}


def test_clashes_are_seen():
    assert clashes({"a.h": "struct view {\n};\n", "b.c": "struct view {\n};\n", "c.c": "enum [[nodiscard]] kind {\n"}) == {"view": ["a.h", "b.c"]}
    assert clashes({"a.c": "struct view {\n", "b.c": "struct view {\n", "c.h": "struct view *x;\n"}) == {}
