"""Completion as an operator types it: bash, zsh and fish on a terminal, with the installed files. And what the programs offer."""

import json
import os
import pty
import re
import select
import time

import pytest

from machine import ROOT, run
from pool import BIN, PRESET, environment, no_report

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='READY''> '; . /usr/share/bash-completion/bash_completion"),
    "zsh": (["zsh", "-f", "-i"], "PROMPT='READY''> '; unsetopt zle_bracketed_paste; fpath+=($SHARE/zsh/site-functions);"
            " autoload -Uz compinit && compinit -u -D"),
    "fish": (["fish", "--no-config", "-i"], "function fish_prompt; echo -n READY'> '; end; set -g fish_complete_path $SHARE/fish/vendor_completions.d"),
}
OPERATOR = "Ann: the 'first' one, of $HOME"
LIMIT_S = 30


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    directory = tmp_path_factory.mktemp("completion")

    def cli(*args):
        return run(BIN / "ntspool", "-s", directory / "state", *args, env=environment())
    (directory / "state").mkdir()
    cli("init", "pool.test", "--ns", "ns1.pool.test=192.0.2.1")
    cli("member", "add", "alice", "--address", "10.0.0.1", "--allow-private", "--operator", OPERATOR, "--country", "NL")
    cli("member", "add", "bob", "--address", "10.0.0.2", "--allow-private", "--operator", "Bob", "--country", "DE")
    cli("member", "add", "gone", "--address", "10.0.0.3", "--allow-private", "--operator", "Gone", "--country", "DE")
    cli("member", "remove", "gone")
    (directory / "odd.zone").write_text(r"""odd\.na\032me.pool.test. 60 IN TXT "x" """ + "\nodd\\.na\\032me.pool.test. 60 IN A 192.0.2.7\n")
    cli("record", "load", directory / "odd.zone")
    cli("vantage", "add", "local")
    return directory / "state"


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """Where `cmake --install` puts the files."""
    directory = tmp_path_factory.mktemp("install")
    build = ROOT / "build" / PRESET
    run("env", f"DESTDIR={directory}", "cmake", "--install", build)
    (prefix,) = re.findall(r"^CMAKE_INSTALL_PREFIX:PATH=/(.*)$", (build / "CMakeCache.txt").read_text(), re.M)
    return directory / prefix / "share"


class Terminal:
    """A shell on a terminal of its own. Its prompt says that it waits."""

    def __init__(self, shell, share, home):
        argv, setup = SHELLS[shell]
        self.child, self.fd = pty.fork()
        if self.child == 0:
            keep = {name: value for name, value in environment().items() if name.endswith("SAN_OPTIONS")}
            os.chdir(home)
            os.execvpe(argv[0], argv, {**keep, "PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(home), "TERM": "vt100", "SHARE": str(share),
                                       "LC_ALL": "C.UTF-8", "XDG_DATA_DIRS": f"{share}:/usr/share"})
        self.seen = b""
        self.type(setup + "\n")

    def type(self, text):
        """Types, and waits for the next prompt."""
        before = self.seen.count(b"READY> ")
        os.write(self.fd, text.encode())
        end = time.monotonic() + LIMIT_S
        while self.seen.count(b"READY> ") == before:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"no prompt came: {self.seen.decode(errors='replace')}"
            self.seen += os.read(self.fd, 65536)

    def close(self):
        os.close(self.fd)
        os.waitpid(self.child, 0)


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, share, tmp_path_factory):
    terminal = Terminal(request.param, share, tmp_path_factory.mktemp("home"))
    yield terminal
    terminal.close()


def names(rows):
    return [row["name"] for row in rows]


@pytest.mark.parametrize("typed, want", [
    ("mem\tsho\tal\t", lambda said: said["name"] == "alice"),
    ("--js\tmember li\t--op\tAn\t", lambda said: names(said) == ["alice"]),
    ("member list --operator 'An\t", lambda said: names(said) == ["alice"]),
    ("member list --in-state=reg\t", lambda said: names(said) == ["alice", "bob"]),
    ("member list --operator \"An\t", lambda said: names(said) == ["alice"]),
    ("member list --country O\t--in-s\tregi\t", lambda said: said == []),
    ("member list --rem\t", lambda said: names(said) == ["gone"]),
    ("zone se\twho\ton\t--dr\t", None),
    ("zone ns l\t", lambda said: said["name_servers"]),
    ("record rem\todd\tTX\t", None),
    ("probe --tr\tanch\t --he\t", None),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_tab_key_completes_in_a_shell(shell, state, tmp_path, typed, want):
    """The completed line is run: its output shows what the shell made of it."""
    out = tmp_path / "out"
    (tmp_path / "anchors.pem").write_text("")
    if "anch" in typed:
        typed = typed.replace("anch", f"{tmp_path}/anch")
    shell.type(f"ntspool -s {state} {'--json ' if want and '--js' not in typed else ''}{typed} >{out} 2>{tmp_path}/err\n")
    errors = (tmp_path / "err").read_text()
    no_report("ntspool", errors)
    assert errors == "", errors
    said = out.read_text()
    if want:
        assert want(json.loads(said)), said
    elif typed.startswith("zone"):
        assert said == "whoami: off -> on\n"
    elif typed.startswith("probe"):
        assert said.startswith("usage: ntspool probe")
    else:
        left = run(BIN / "ntspool", "-s", state, "record", "list", env=environment()).stdout
        assert "192.0.2.7" in left and "TXT" not in left
        (tmp_path / "odd.zone").write_text('odd\\.na\\032me.pool.test. 60 IN TXT "x"\n')
        run(BIN / "ntspool", "-s", state, "record", "load", tmp_path / "odd.zone", env=environment())


@pytest.mark.parametrize("daemon", ["ntspoold", "ntspool-probed", "ntspool-feedd"])
def test_the_options_of_the_daemons_are_completed(shell, daemon, tmp_path):
    shell.type(f"{daemon} --vers\t >{tmp_path}/out 2>&1\n" if daemon != "ntspoold" else f"{daemon} --hel\t >{tmp_path}/out 2>&1\n")
    assert daemon in (tmp_path / "out").read_text()


def offered(program, *words):
    """What a program offers in place of the last word, and whether names of files fit."""
    done = run(BIN / program, "__complete", *words, check=False, env=environment())
    no_report(program, done.stderr)
    assert done.stderr == "" and done.returncode in (0, 3), done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert all(len(line) == 2 for line in lines), done.stdout
    return [line[0] for line in lines], done.returncode == 3


@pytest.mark.parametrize("words, want", [
    (["member", "override", ""], ["alice", "bob"]),
    (["member", "override", "--all", ""], ["eligible", "ineligible", "auto"]),
    (["member", "override", "alice", ""], ["eligible", "ineligible", "auto"]),
    (["member", "restore", ""], ["gone"]),
    (["member", "add", ""], []),
    (["help", "cookie", ""], ["show", "set", "stage", "roll"]),
    (["cookie", "set", ""], ["random"]),
    (["zone", "set", "srv-ttl", ""], ["150s"]),
    (["zone", "set", "srv-ttl", "60", "whoami", ""], ["off", "on"]),
    (["zone", "ns", "remove", ""], ["ns1.pool.test."]),
    (["record", "remove", ""], ["ns1", "odd\\.na\\032me"]),
    (["vantage", "remove", ""], ["local"]),
    (["health", "forget", ""], ["local"]),
    (["key", "roll", "algorithm", ""], ["ecdsap256", "ed25519"]),
    (["init", "x", "--algorithm=e"], ["--algorithm=ecdsap256", "--algorithm=ed25519"]),
    (["restore", "--store", ""], ["registry", "health", "keys", "traffic", "history"]),
    (["check", "--only", ""], ["parent", "servers", "steering", "members", "resolvers"]),
    (["member", "list", "--operator", ""], [OPERATOR, "Bob"]),
    (["member", "nothing", ""], []),
    (["explain", "--client", ""], []),
])
def test_values(state, words, want):
    assert offered("ntspool", "-s", state, *words) == (want, False)


def test_what_can_be_explained():
    checks, _ = offered("ntspool", "check", "--explain", "")
    assert {"parent", "parent/glue", "servers/udp"} < set(checks)
    warnings, _ = offered("ntspool", "status", "--explain", "")
    assert "server-down" in warnings and "parent" not in warnings
    for command, names in (("check", checks), ("status", warnings)):
        run(BIN / "ntspool", command, "--explain", names[-1], env=environment())


@pytest.mark.parametrize("words", [["key", "import", ""], ["key", "import", "a", "b", ""], ["record", "load", ""], ["backup", ""], ["--config", ""],
                                   ["--state=x"], ["probe", "--trust", ""], ["key", "sign-request", "a", ""], ["key", "export", ""]])
def test_names_of_files(words):
    assert offered("ntspool", *words) == ([], True)


def test_every_command_and_option_is_offered():
    """What the help names, completion knows."""
    def walk(*words):
        overview = run(BIN / "ntspool", *words, "--help", env=environment()).stdout
        if "commands:" in overview:
            _, listed = overview.split("commands:\n")
            names = {line.split("  ")[1].split()[len(words)] for line in listed.split("\n\n")[0].splitlines()}
            assert set(offered("ntspool", *words, "")[0]) == names
            return sum(walk(*words, name) for name in names)
        options = re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", overview, re.M)
        assert sorted(offered("ntspool", *words, "-")[0]) == sorted(options)
        return 1
    assert walk() > 50


def test_an_option_given_is_not_offered_again_unless_it_repeats():
    words, _ = offered("ntspool", "member", "add", "x", "--country", "NL", "--address", "10.0.0.1", "-")
    assert "--address" in words and "--country" not in words and "--capacity" in words


def test_without_a_state_what_the_program_knows_is_offered(tmp_path):
    assert offered("ntspool", "-s", tmp_path, "member", "show", "") == ([], False)
    assert offered("ntspool", "-s", tmp_path, "zone", "set", "denial", "") == (["nsec", "compact"], False)
    (tmp_path / "bad.yaml").write_text("nothing: [")
    assert offered("ntspool", "-c", tmp_path / "bad.yaml", "member", "show", "") == ([], False)
    assert offered("ntspool") == offered("ntspool", "")
    assert offered("ntspoold", "--listen", "") == ([], False)
    assert offered("ntspoold", "--locations", "") == ([], True)


def test_looking_changes_nothing(state):
    """The registry is only read: neither its file nor its version changes."""
    file = next((state / "registry").glob("data*"))
    before = file.read_bytes()
    offered("ntspool", "-s", state, "member", "show", "")
    assert file.read_bytes() == before
