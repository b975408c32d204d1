"""Runs the real `ntspool` on its own state directory, without server, probe or privileges."""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("NTSPOOL_BIN") or ROOT / "build" / os.environ.get("NTSPOOL_PRESET", "release") / "bin" / "ntspool")
RELEASE = "release" in BIN.parts
NAME_SERVERS = ("--ns", "ns1.pool.test=127.0.0.1", "--ns", "ns2.pool.test=127.0.0.2,2001:db8::2")
REPORT = re.compile(r"Sanitizer|runtime error:|a bug, please report")


def terminal_output(leader):
    """What programs write to a terminal until the last one has closed it. Closes the leader."""
    shown = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # all have closed it
            break
        if not data:
            break
        shown += data
    os.close(leader)
    return shown


class Cli:
    def __init__(self, state, binary=BIN):
        self.state = state
        self.binary = binary

    def run(self, *args, **options):
        done = subprocess.run([self.binary, "-s", self.state, *map(str, args)], capture_output=True, text=True, timeout=120, **options)
        assert not REPORT.search(done.stderr), done.stderr
        return done

    def __call__(self, *args, **options):
        done = self.run(*args, **options)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stderr}"
        assert done.stderr == "", done.stderr
        return done.stdout

    def json(self, *args):
        return json.loads(self(*args, "--json"))

    def warned(self):
        """What `status` warns of: the texts by id."""
        found = {}
        for warning in self.json("status")["warnings"]:
            found.setdefault(warning["id"], []).append(warning["text"])
        return found

    def refused(self, *args, status=1, **options):
        """Returns the one line on stderr."""
        done = self.run(*args, **options)
        assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("ntspool: "), done.stderr
        return done.stderr

    def names(self):
        return [member["name"] for member in self.json("member", "list")]
