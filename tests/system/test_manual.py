"""The manual pages agree with `--help`, with `zone show` and with the programs' messages.

The checks read the pages as mdoc(7). Each check returns the faults that it finds. The last tests change a page and show that the
check notices."""

import functools
import itertools
import re
import subprocess
from pathlib import Path

import pytest

from commandline import BIN, NAME_SERVERS, ROOT, Cli

PAGES = sorted((ROOT / "tools" / "man").glob("*.[1-8]"))
DAEMONS = ("ntspoold", "ntspool-probed", "ntspool-feedd")
DELIMITERS = {".", ",", ";", ":", "|", "(", ")"}

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")


# --- the programs ---


def help_of(program, *words):
    return subprocess.run([BIN.with_name(program), *words, "--help"], capture_output=True, text=True, check=True).stdout


def words_of(value):
    """The words in capitals in a usage line or an option's value, in lower case as in the pages."""
    return {word.lower() for word in re.findall(r"\b[A-Z]+\b", value)}


def options_of(text):
    """Option -> its letter and the words for its value."""
    found = re.findall(r"^ {2}(?:-(.), | {4})--([a-z-]+)(?: (\S+))?", text, re.M)
    return {name: (letter, words_of(value)) for letter, name, value in found}


def commands_of(group=()):
    """The words of each command below the group, with its help text."""
    text = help_of("ntspool", *group)
    prefix = "".join(f"{word} " for word in group)
    for word in re.findall(rf"^  {prefix}([a-z][a-z-]*) ", text, re.M):
        below = help_of("ntspool", *group, word)
        if "COMMAND ..." in below.partition("\n")[0]:
            yield from commands_of((*group, word))
        else:
            yield prefix + word, below


class Programs:
    """The commands, options and settings that the programs describe in their own output."""

    def __init__(self, state):
        self.cli = Cli(state)
        self.cli("init", "pool.test", *NAME_SERVERS)
        self.commands, self.usage, self.common = {}, {}, {}
        for name, text in commands_of():
            own, _, common = text.partition("\ncommon options:\n")
            self.common |= options_of(common)
            self.commands[name] = options_of(own)
            self.usage[name] = words_of(re.match(rf"usage: ntspool {name}(.*)", text)[1].replace("[options]", ""))
        self.help = {program: help_of(program) for program in DAEMONS}
        self.daemons = {program: options_of(text) for program, text in self.help.items()}
        self.options = set(self.common).union(*self.commands.values(), *self.daemons.values())
        self.settings = self.cli.json("zone", "show")["settings"]
        self.bounds = {name: self.cli.run("zone", "set", name, "..").stderr for name in self.settings}

    @functools.cache
    def config_says(self, text):
        """The error message for a configuration file; empty if the program accepts the file."""
        path = Path(self.cli.state) / "test.yaml"
        path.write_text(text)
        return self.cli.run("-c", path, "zone", "show").stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    return Programs(tmp_path_factory.mktemp("manual") / "state")


# --- the pages ---


def text_of(name):
    return (ROOT / "tools" / "man" / name).read_text()


class Item:
    """One entry of a list, with its body and the entries below it."""

    def __init__(self, head, depth, section):
        self.head, self.depth, self.section = head, depth, section
        self.body, self.below = [], []

    def first(self, macro):
        """The words after the first use of the macro in the head."""
        words = self.head.split()
        words = words[words.index(macro) + 1:] if macro in words else []
        return " ".join(itertools.takewhile(lambda word: not is_macro(word) and word not in DELIMITERS, words))

    def arguments(self):
        """The arguments (`Ar`) in the head."""
        found, italic = set(), False
        for word in self.head.split():
            if is_macro(word):
                italic = word == "Ar"
            elif italic and word not in DELIMITERS | {"..."}:
                found.add(word)
        return found

    def parenthesis(self):
        return [part.strip() for part in self.head.partition(" Pq ")[2].split(" ; ")]


def is_macro(word):
    return re.fullmatch(r"[A-Z][a-z]", word) is not None


def items_of(page):
    """All entries of the page's tag lists, in order."""
    open_lists, section = [], ""
    for line in page.splitlines():
        if line.startswith(".Sh "):
            section = line[4:]
        elif line.startswith(".Bl "):
            open_lists.append(None)
        elif line.startswith(".El"):
            open_lists.pop()
        elif line.startswith(".It"):
            item = Item(line[4:], len(open_lists), section)
            for parent in [each for each in open_lists[:-1] if each is not None]:
                parent.below.append(item)
            open_lists[-1] = item
            yield item
        for item in open_lists:
            if item is not None:
                item.body.append(line)


def option_of(item):
    """Name, letter and arguments of an option's entry; None for other entries."""
    found = re.match(r"(?:Fl (\S) , )?Fl Fl ([a-z-]+)", item.head)
    return found and (found[2], (found[1] or "", item.arguments()))


def compare(what, page, program):
    """Faults: names that only the page or only the program has, and names on which they differ."""
    faults = [f"{what}: {name} is in the page only" for name in page.keys() - program.keys()]
    faults += [f"{what}: {name} is not in the page" for name in program.keys() - page.keys()]
    return faults + [f"{what}: {name}: {page[name]} in the page, {program[name]}"
                     for name in page.keys() & program.keys() if page[name] != program[name]]


# --- ntspool(1) ---


def command_faults(page, programs):
    items = [item for item in items_of(page) if item.section == "DESCRIPTION" and item.depth == 1]
    entries = {item.first("Cm"): item for item in items if item.head.startswith("Cm ")}
    faults = compare("commands", dict.fromkeys(entries), dict.fromkeys(programs.commands))
    faults += compare("common options", dict(filter(None, map(option_of, items))), programs.common)
    own = {name: dict(filter(None, map(option_of, item.below))) for name, item in entries.items()}
    for name in entries.keys() & programs.commands.keys():
        also = re.search(r"all options of\n\.Cm ([a-z -]+?)(?: [,.])?\n(?:but\n((?:\.Fl Fl .*\n|and\n)+))?", "\n".join(entries[name].body))
        without = re.findall("[a-z-]+", (also[2] or "").replace("Fl", "")) if also else []
        found = {option: own[also[1]][option] for option in own[also[1]] if option not in without} | own[name] if also else own[name]
        faults += compare(name, found, programs.commands[name])
        values = set().union(*(value for _, value in programs.commands[name].values()))
        arguments = entries[name].arguments() - {"option"}
        if not programs.usage[name] <= arguments <= programs.usage[name] | values:
            faults.append(f"{name}: {arguments} in the page, {programs.usage[name]} in the usage line")
    return faults


def test_all_commands_and_their_options_are_in_the_manual_and_no_others(programs):
    assert len(programs.commands) > 50 and len(programs.commands["member add"]) > 8
    assert command_faults(text_of("ntspool.1"), programs) == []


# --- the daemons ---


def daemon_faults(page, programs):
    program = re.search(r"^\.Nm (\S+)$", page, re.M)[1]
    items = list(items_of(page))
    options = {item: option_of(item) for item in items if item.section == "DESCRIPTION" and option_of(item)}
    faults = compare(program, dict(options.values()), programs.daemons[program])
    for item, (name, _) in options.items():
        default = re.search(rf"--{name}\b[^\n]*\(default ([^\s();:]+)\)", programs.help[program])
        if default and default[1] not in "\n".join(item.body):
            faults.append(f"{program}: --{name}: the default {default[1]} is not in the page")
    synopsis = page.partition(".Sh SYNOPSIS\n")[2].partition(".Sh ")[0]
    letters = set("".join(re.findall(r"\bFl (\S+)", synopsis)))
    faults += compare(f"{program}: synopsis", dict.fromkeys(letters),
                      dict.fromkeys(letter for letter, _ in programs.daemons[program].values() if letter not in "hV"))
    signals = {number for item in items if item.section == "SIGNALS" for number in re.findall(r"SIG[A-Z0-9]+", item.head)}
    return faults + [f"{program}: {number} is not in the page"
                     for number in set(re.findall(r"SIG[A-Z0-9]+", programs.help[program])) - signals]


@pytest.mark.parametrize("program", DAEMONS)
def test_all_options_of_a_daemon_are_in_its_manual_and_no_others(programs, program):
    assert len(programs.daemons[program]) > 6
    assert daemon_faults(text_of(f"{program}.8"), programs) == []


# --- ntspool.conf(5) ---


def setting_faults(page, programs):
    items = {item.first("Cm"): item for item in items_of(page) if item.section == "POOL SETTINGS" and item.head.startswith("Cm ")}
    faults = compare("settings", dict.fromkeys(items), dict.fromkeys(programs.settings))
    for name in items.keys() & programs.settings.keys():
        default, bounds = (*items[name].parenthesis(), "")[:2]
        if name != "mailbox" and default != f"default {programs.settings[name]}":
            faults.append(f"{name}: {default} in the page, {programs.settings[name]}")
        said = programs.bounds[name]
        interval = re.search(r" from (\S+) to (\S+), not ", said)
        choice = re.search(rf"{name} takes ([a-z]+) or ([a-z]+), not ", said)
        expected = "range {} to {}".format(*interval.groups()) if interval else \
            "values {} , {}".format(*choice.groups()) if choice else ""
        if bounds.replace(r"\-", "-") != expected:
            faults.append(f"{name}: '{bounds}' in the page, '{expected}'")
    return faults


def test_all_settings_are_in_the_manual_with_default_and_range(programs):
    assert len(programs.settings) > 25
    assert setting_faults(text_of("ntspool.conf.5"), programs) == []


def type_of_key(programs, key):
    """None if there is no such key."""
    if "unknown key" in programs.config_says(f"{key}: x"):
        return None
    if "not a list" not in programs.config_says(f"{key}: [ x, y ]"):
        return "list"
    said = programs.config_says(f"{key}: x")
    return "number" if "takes a number" in said else "yes or no" if "takes yes or no" in said else "text"


def key_faults(page, programs):
    items = {item.first("Cm"): item for item in items_of(page)
             if item.section == "CONFIGURATION FILE" and item.head.startswith("Cm ")}
    types = {key: type_of_key(programs, key) for key in programs.options | items.keys()}
    types = {key: kind for key, kind in types.items() if kind is not None}
    faults = compare("keys", {key: item.parenthesis()[1] for key, item in items.items()}, types)
    for key in items.keys() & types.keys():
        body = "\n".join(items[key].body)
        users = set(items[key].parenthesis()[0].split(" , "))
        daemons = {program for program in DAEMONS if key in programs.daemons[program]}
        if users & set(DAEMONS) != daemons:
            faults.append(f"{key}: used by {users} in the page, {daemons}")
        most = re.search(r"more than (\d+) values", programs.config_says(f"{key}: [ {'x, ' * 1000} x ]"))
        if most and not re.search(rf"up to ({most[1]}|{'four' if most[1] == '4' else most[1]})\b", body):
            faults.append(f"{key}: there may be {most[1]}, which the page does not say")
        for program in daemons:
            default = re.search(rf"--{key}\b[^\n]*\(default ([^\s();:]+)\)", programs.help[program])
            if default and default[1] not in body:
                faults.append(f"{key}: the default {default[1]} is not in the page")
    return faults


def test_all_keys_of_the_configuration_file_are_in_the_manual_with_their_type(programs):
    assert type_of_key(programs, "listen") == "list" and type_of_key(programs, "lisen") is None
    assert key_faults(text_of("ntspool.conf.5"), programs) == []


def test_examples_of_configuration_files_are_taken(programs):
    for name in ("ntspool.conf.5", "ntspoold.8", "ntspool-probed.8", "ntspool-feedd.8"):
        examples = re.findall(r"^\.Bd -literal.*\n((?:[a-z-]+:(?: .*)?\n|  - .*\n)+)\.Ed$", text_of(name), re.M)
        assert examples, name
        assert [said for said in map(programs.config_says, examples) if said] == []


# --- ntspool-troubleshooting(7) ---


def failure_faults(page, _programs=None):
    header, = (ROOT / "zone").rglob("failure.h")
    classes = set(re.findall(r'\bX\(\w+,\s*"([a-z-]+)"', header.read_text())) - {"ok"}
    assert len(classes) > 40
    entries = {name for item in items_of(page) if item.head.startswith("Cm ") for name in re.findall(r"[a-z-]+", item.head)}
    return [f"the failure class {name} has no entry" for name in classes - entries]


def test_each_failure_class_has_an_entry():
    assert failure_faults(text_of("ntspool-troubleshooting.7")) == []


# --- all pages ---


def commands_in(page):
    """The rest of each command line that the page marks up as one, without `ntspool`."""
    literal = False
    for line in page.splitlines():
        literal = line.startswith(".Bd -literal") or (literal and not line.startswith(".Ed"))
        found = re.match(r"(?:\w+[$#] )?ntspool (.*)" if literal else r"\.(?:It )?(?:Cm|Ic|Dl|Li) ntspool (.*)", line)
        if found:
            yield found[1]


def mention_faults(page, programs):
    """Faults: options, commands and settings that the text mentions but that do not exist."""
    faults = [f"there is no option --{name}" for name in re.findall(r"\bFl Fl ([a-z][a-z-]*)", page) if name not in programs.options]
    groups = {" ".join(words[:n]) for words in map(str.split, programs.commands) for n in range(1, len(words))}
    for line in commands_in(page):
        words = [word for word in re.match(r"(?:[a-z][a-z-]*(?: |$))*", line)[0].split() if word != "help"]
        n = 1
        while n < len(words) and " ".join(words[:n]) in groups:
            n += 1
        if words and " ".join(words[:n]) not in programs.commands.keys() | groups:
            faults.append(f"there is no command {' '.join(words[:n])}")
    for line in re.findall(r"\bntspool zone set ((?:[a-z-]+ \S+ ?)+)", page):
        words = re.sub(r"Ar \S+|Fl Fl \S+", "", line).split()
        faults += [f"there is no setting {name}" for name in words[::2] if name not in programs.settings]
    return faults


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_names_no_option_command_or_setting_that_does_not_exist(programs, path):
    assert mention_faults(path.read_text(), programs) == []


def reference_faults(page, _programs=None):
    known = {path.name for path in PAGES}
    return [f"there is no {name}({section})" for name, section in re.findall(r"\bXr (ntspool\S*) (\d)", page)
            if f"{name}.{section}" not in known]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_refers_to_pages_that_exist(path):
    assert reference_faults(path.read_text()) == []


def lint(path):
    return subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True).stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_is_clean(path):
    """Neither mandoc nor man reports a fault."""
    assert lint(path) == ""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", path], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if not (".Bl -column" in path.read_text() and line.endswith("can't break line"))]
    assert done.returncode == 0 and said == []  # groff complains about every long table cell
    sections = ["NAME", "DESCRIPTION", "SEE ALSO"] + (["SYNOPSIS", "EXIT STATUS", "EXAMPLES"] if path.suffix in {".1", ".8"} else [])
    assert [name for name in sections if not re.search(rf"^{name}$", done.stdout, re.M)] == []


def test_pages_are_installed_by_section_and_each_program_has_one(tmp_path):
    if not (BIN.parents[1] / "cmake_install.cmake").exists():
        pytest.skip(f"{BIN} is not in a build directory")
    subprocess.run(["cmake", "--install", BIN.parents[1], "--prefix", tmp_path], capture_output=True, check=True)
    installed = {str(path.relative_to(tmp_path / "share" / "man")) for path in tmp_path.glob("share/man/*/*")}
    assert installed == {f"man{path.name[-1]}/{path.name}" for path in PAGES}
    assert {path.name for path in tmp_path.glob("*bin/*")} == {path.stem for path in PAGES if path.suffix in {".1", ".8"}}


# --- tests of the checks above ---


MUTATIONS = [
    ("ntspool.1", command_faults, "Fl Fl capacity Ar mbit", "Fl Fl capacities Ar mbit", "capacity"),
    ("ntspool.1", command_faults, "Fl Fl capacity Ar mbit", "Fl Fl capacity", "capacity"),
    ("ntspool.1", command_faults, r".It Fl Fl dry-run\nCheck the backup.*\n", "", "restore: dry-run"),
    ("ntspool.1", command_faults, r".It Fl Fl json\n", "", "common options: json"),
    ("ntspool.1", command_faults, r".It Cm key lead\n", ".It Cm key led\n", "key lead"),
    ("ntspool.1", command_faults, r".It Cm zone ns seen\n", "", "zone ns seen"),
    ("ntspool.1", command_faults, r"Cm member suspend Ar name", "Cm member suspend Ar address", "member suspend"),
    ("ntspool.1", command_faults, r"Takes all options of\n.Cm member add", "Takes options of\n.Cm member add", "member apply: address"),
    ("ntspool.1", command_faults, r"but\n.Fl Fl force ,", "and", "member set: force"),
    ("ntspoold.8", daemon_faults, r".It Fl t , Fl Fl takeover\n", "", "takeover"),
    ("ntspoold.8", daemon_faults, r".It Fl w , Fl Fl workers", ".It Fl W , Fl Fl workers", "workers"),
    ("ntspoold.8", daemon_faults, r".Op Fl aCDt\n", ".Op Fl aCD\n", "synopsis: t"),
    ("ntspoold.8", daemon_faults, r", SIGINT\n", "\n", "SIGINT"),
    ("ntspool-probed.8", daemon_faults, r"default is\n.Li 64s", "default is\n.Li 60s", "64s"),
    ("ntspool.conf.5", setting_faults, r".It Cm retry.*\n", "", "retry"),
    ("ntspool.conf.5", setting_faults, r"Pq default 150s", "Pq default 300s", "srv-ttl"),
    ("ntspool.conf.5", setting_faults, r"range 1.05 to 100\n", "range 1 to 100\n", "max-overload"),
    ("ntspool.conf.5", setting_faults, r"values nsec , compact", "values nsec , nsec3", "denial"),
    ("ntspool.conf.5", setting_faults, r".It Cm srv-count", ".It Cm srv-number", "srv-number"),
    ("ntspool.conf.5", key_faults, r".It Cm nsid.*\n", "", "nsid"),
    ("ntspool.conf.5", key_faults, r".It Cm nsid", ".It Cm identity", "identity"),
    ("ntspool.conf.5", key_faults, r"Pq ntspoold ; number", "Pq ntspoold ; text", "workers"),
    ("ntspool.conf.5", key_faults, r"Pq ntspoold , ntspool-probed , ntspool-feedd ; text", "Pq ntspoold ; text", "user"),
    ("ntspool.conf.5", key_faults, r", up to 8\.\n", ".\n", "reference"),
    ("ntspool.1", mention_faults, r"Dl ntspool status --check", "Dl ntspool health check", "health check"),
    ("ntspool.1", mention_faults, r"key import Fl Fl package \.", "key import Fl Fl packet .", "packet"),
    ("ntspool.conf.5", mention_faults, r"zone set min-history 0s", "zone set history 0s", "history"),
    ("ntspoold.8", reference_faults, r"Xr ntspool.conf 5", "Xr ntspool.yaml 5", "ntspool.yaml"),
    ("ntspoold.8", reference_faults, r"Xr ntspool-steering 7", "Xr ntspool-steering 5", "steering(5)"),
    ("ntspool-troubleshooting.7", failure_faults, r"^\.It Cm ntp-auth.*\n", "", "ntp-auth"),
]


@pytest.mark.parametrize("name, check, what, instead, said", MUTATIONS)
def test_a_changed_page_is_noticed(programs, name, check, what, instead, said):
    page, count = re.subn(what, instead, text_of(name), count=1, flags=re.M)
    assert count == 1
    assert any(said in fault for fault in check(page, programs))


def test_a_missing_failure_class_and_a_fault_of_mdoc_are_noticed(tmp_path):
    assert "the failure class ke-aead has no entry" in failure_faults(".Bl -tag\n.It Cm ke-error , ke-warning\n.El\n")
    bad = tmp_path / "bad.1"
    bad.write_text(text_of("ntspool.1").replace(".El\n", "", 1))
    assert lint(bad) != ""


def test_the_page_of_checks_has_each_with_its_level(programs):
    checks = programs.cli.json("check", "--explain", "parent")["checks"] + programs.cli.json("check", "--explain", "servers")["checks"]
    page = dict(re.findall(r"^\.It Cm (\S+/\S+) Pq (\w+)$", text_of("ntspool-check.7"), re.M))
    assert len(checks) > 20
    assert {row["id"]: page.get(row["id"]) for row in checks} == {row["id"]: row["level"] for row in checks}
