"""An attacker who controls the probe can lie about members, but nothing more. Other programs read its files and never map or lock them."""

import os
import pwd
import subprocess

import pytest

from authority import Authority
from machine import run, until
from pool import APEX, BIN, Pool, environment, no_report

SERVER, PROBE = (pwd.getpwnam(name) for name in ("daemon", "nobody"))


def as_probe(script):
    """Runs a shell script with the rights of the probe's user."""
    return subprocess.run(["setpriv", f"--reuid={PROBE.pw_uid}", f"--regid={PROBE.pw_gid}", "--clear-groups", "sh", "-c", script],
                          capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture(scope="module")
def world(shared_machine):
    """The server runs as one user, the probe as another, and the operator as root."""
    machine = shared_machine
    machine.open_to_others()
    pool = Pool(machine)
    for path, owner in ((pool.state, SERVER), (pool.state / "probe", PROBE)):  # init as root leaves nothing else to chown
        path.mkdir(mode=0o755)
        os.chown(path, owner.pw_uid, owner.pw_gid)
    pool.init()
    pool.trust = Authority(machine.directory).path
    pool.trust.chmod(0o644)
    pool.add("alice", "127.0.1.1")
    pool.add("gone", "127.0.1.2")
    pool.serve("--user", SERVER.pw_name)
    pool.probe(pool.trust, "--user", PROBE.pw_name)
    until(lambda: probes(pool), 20, "verdicts arrive")
    pool.cli("member", "remove", "gone")
    yield pool
    pool.stop()


def probes(pool):
    return pool.member("alice")["addresses"][0].get("probes", 0)


def pool_stands(pool):
    """The server answers, changes work, and removed members stay removed."""
    assert pool.server.running, pool.server.output()
    assert pool.ask(f"alice.{APEX}", "A").answer
    assert not pool.ask(f"gone.{APEX}", "A").answer
    assert [row["name"] for row in pool.json("member", "list")] == ["alice"]
    done = subprocess.run(pool.command("member", "set", "alice", "--capacity", "77"), capture_output=True, text=True, timeout=20,
                          env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    status = pool.json("status")
    assert not any("can't be read" in text for text in status["warning_texts"]), status["warning_texts"]
    no_report("ntspoold", pool.server.output())


def test_probe_may_write_its_own_directory_only(world):
    found = as_probe(f"find {world.state} -writable").stdout.split()
    assert found and all(path.startswith(f"{world.state}/probe") for path in found), found
    for secret in ("seal.key", "keys/data.mdb", "registry/data.mdb", "health/data.mdb"):
        assert as_probe(f"cat {world.state}/{secret}").returncode != 0, secret


def test_nobody_else_maps_or_locks_what_the_probe_may_write(world):
    """The running server has no map of the probe's files, no lock on them, and none open for writing."""
    maps = open(f"/proc/{world.server.pid}/maps").read()
    assert "/probe/" not in maps and "/health/data.mdb" in maps
    for fd in os.listdir(f"/proc/{world.server.pid}/fd"):
        if "/probe/" in os.readlink(f"/proc/{world.server.pid}/fd/{fd}"):
            info = open(f"/proc/{world.server.pid}/fdinfo/{fd}").read()
            assert "lock:" not in info and int(info.split("flags:")[1].split()[0], 8) & os.O_ACCMODE == os.O_RDONLY


def test_probe_maps_nothing_of_the_state(world):
    assert str(world.state) not in open(f"/proc/{world.probed.pid}/maps").read()
    opened = [os.readlink(f"/proc/{world.probed.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{world.probed.pid}/fd")]
    assert not any(".mdb" in path for path in opened), opened


ATTACKS = {
    "truncate": ": > F",
    "cut": "truncate -s 5000 F; truncate -s 1 F",
    "overwrite": "dd if=/dev/urandom of=F bs=1000 count=20 conv=notrunc 2>/dev/null",
    "append rubbish": "head -c 100000 /dev/urandom >> F",
    "append zeros": "head -c 300000 /dev/zero >> F",
    "grow without bound": "truncate -s 900G F || truncate -s 8G F",
    "fifo": "rm -f F; mkfifo F",
    "fifo with a writer": "rm -f F; mkfifo F; timeout 5 sh -c 'sleep 3 > F' >/dev/null 2>&1 &",
    "device": "rm -f F; ln -s /dev/zero F",
    "link to a secret": "rm -f F; ln -s ../seal.key F",
    "link to itself": "rm -f F; ln -s F F",
    "directory": "rm -f F; mkdir F",
    "remove": "rm -f F",
    "no rights": "chmod 000 F",
    "lock": "timeout 5 flock -x F sleep 4 >/dev/null 2>&1 &",
    "many files": "i=0; while [ $i -lt 3000 ]; do : > D/x$i.verdicts; i=$((i+1)); done",
    "swap": "cp F D/keep; for i in 1 2 3 4 5 6 7 8 9; do mv D/keep F; cp F D/keep; : > F; done",
}


OTHERS = [(attack, name) for name in ("local.verdicts.1", "local.key") for attack in ("truncate", "overwrite", "fifo", "remove")]


@pytest.mark.parametrize("attack, name", [(attack, "local.verdicts") for attack in ATTACKS] + OTHERS)
def test_pool_stands_whatever_becomes_of_the_probes_files(world, attack, name):
    directory = world.state / "probe"
    world.stop(world.probed)
    script = ATTACKS[attack].replace("D/", f"{directory}/").replace("F", str(directory / name))
    done = as_probe(script)
    assert done.returncode == 0 or name == "local.verdicts.1", done.stderr
    pool_stands(world)
    as_probe(f"rm -rf {directory}/x*.verdicts; chmod -R u+rwX {directory}")
    for path in directory.iterdir():  # the operator's clean-up
        if path.is_symlink() or not path.is_file():
            as_probe(f"rm -rf {path}")
    if name == "local.key":
        as_probe(f"rm -f {directory}/local.key")
        world.cli("vantage", "add", "local", run(BIN / "ntspool", "-s", world.state, "vantage", "key").stdout.strip(), "--replace")
    before = probes(world)
    world.probe(world.trust, "--user", PROBE.pw_name)
    until(lambda: probes(world) != before, 20, "the probe reports again")


def test_single_round_that_can_not_be_written_ends_and_fails(world):
    """Root drops its capabilities, so it cannot write to a directory that the probe's user owns."""
    done = run(BIN / "ntspool-probed", "-s", world.state, "--once", "--id", "other", "--trust", world.trust, check=False, env=environment())
    assert done.returncode == 1 and "verdicts can't be written" in done.stderr and "nothing counts" in done.stderr
    as_probe(f"rm -f {world.state}/probe/other.*")


def test_state_that_can_not_be_written_is_shown(world):
    """On a read-only file system with pending reports, the commands still show status, verdicts and history as stored."""
    run(BIN / "ntspool-probed", "-s", world.state, "--once", "--id", "stray", "--trust", world.trust, "--user", PROBE.pw_name, env=environment())
    for arguments in ("status", "member show alice", "history alice", "log alice", "vantage list", "member list"):
        done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount --bind {world.state} {world.state} && "
                               f"mount -o remount,ro,bind {world.state} && exec {BIN}/ntspool -s {world.state} {arguments}"],
                              capture_output=True, text=True, timeout=30, env=environment(), check=False)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    as_probe(f"rm -f {world.state}/probe/stray.*")


def test_changes_do_not_wait_for_a_probe_that_writes_all_the_time(world):
    """The probe's user writes as fast as the disk allows, to a file of its own and over local.verdicts."""
    directory = world.state / "probe"
    flood = subprocess.Popen(["setpriv", f"--reuid={PROBE.pw_uid}", f"--regid={PROBE.pw_gid}", "--clear-groups", "sh", "-c",
                              f"while :; do head -c 200000 /dev/zero > {directory}/flood.verdicts; "
                              f"cp {directory}/local.verdicts {directory}/again.verdicts; mv {directory}/again.verdicts "
                              f"{directory}/local.verdicts; done"])
    try:
        for _ in range(10):
            pool_stands(world)
        used = sum(store["used_bytes"] for store in world.json("status")["stores"])
        assert used < 20 << 20
    finally:
        flood.kill()
        flood.wait()
