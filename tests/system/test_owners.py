"""Commands run as root leave every file of a state to the owner of its directory, so that both daemons' users can work."""

import os
import shutil

from machine import run
from pool import BIN, environment

SERVER, PROBE = (4901, 4902), (4903, 4904)


def strangers(state):
    """The files below the state that do not belong to the server, or below probe, to the probe; with their owners."""
    owned = {path.relative_to(state): (path.lstat().st_uid, path.lstat().st_gid) for path in state.rglob("*")}
    return {str(path): owner for path, owner in owned.items() if owner != (PROBE if path.parts[0] == "probe" else SERVER)}


def test_what_root_makes_belongs_to_the_owner_of_its_directory(tmp_path):
    state, copy = tmp_path / "state", tmp_path / "copy"
    (state / "probe").mkdir(parents=True)
    os.chown(state, *SERVER)
    os.chown(state / "probe", *PROBE)

    def ntspool(*words):
        run(BIN / "ntspool", "-s", state, *words, env=environment(), umask=0o077)
        assert strangers(state) == {}, words

    ntspool("init", "pool.example", "--ns", "ns1.pool.example=192.0.2.53")
    made = {str(path.relative_to(state)) for path in state.rglob("*")}
    assert {"seal.key", "probe/local.key", "feed/members", "registry/data.mdb", "keys/lock.mdb"} <= made
    ntspool("member", "add", "alice", "--address", "198.51.100.7", "--country", "NL", "--operator", "Alice", "--allow-private")
    ntspool("member", "set", "alice", "--contact", "ops@example.net", "--leave", "2d")
    ntspool("notices", "--send", "/bin/true")
    ntspool("vantage", "add", "local", "--replace")
    ntspool("key", "rotate-seal")
    ntspool("backup", copy)
    shutil.rmtree(state / "history")
    shutil.rmtree(state / "feed")
    ntspool("restore", copy, "--yes")
    ntspool("member", "remove", "alice", "--yes")
    assert (state / "history/data.mdb").exists() and (state / "feed/members").exists()
