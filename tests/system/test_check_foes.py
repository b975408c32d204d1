"""`ntspool check` asks servers that want to harm it. It ends within its time, says that they fail, and writes nothing
of theirs raw.

bed.run() fails if a sanitizer reports anything."""

import asyncio
import contextlib
import json
import os
import threading

import pytest

from checkbed import BROKEN_RESOLVER, Bed
from checkfoes import SLOW_WAYS, WAYS, mutations, refers_to_many, refers_up
from faults import NETWORK, ROWS
from faultserver import Server
from machine import RESOLVER, run
from pool import APEX

HOSTILE_MEMBERS = ("tcp-mute", "speaks-ssh", "drip-tls", "drip-records", "endless-records", "endless-slowly")
GROUPS = ("--only", "parent", "--only", "servers", "--only", "steering")


@pytest.fixture(scope="module")
def bed(shared_machine):
    bed = Bed(shared_machine)
    yield bed
    bed.close()


def _ends(bed, *options):
    """A check that says that something fails, in characters that a terminal shows."""
    done = bed.run(*options, "--wait", "1")
    assert done.returncode == 1, done
    assert all(sign.isprintable() or sign == "\n" for sign in done.stdout + done.stderr), done
    return done.stdout


@pytest.mark.parametrize("name", WAYS)
def test_hostile_name_servers(bed, name):
    with bed.way(WAYS[name]):
        shown = _ends(bed, *GROUPS)
    assert "FAIL  servers/" in shown and "FAIL  steering/" in shown, shown
    bed.broken_resolver.way = WAYS[name]
    assert "FAIL  resolvers/" in _ends(bed, "--only", "resolvers", "--resolver", f"{RESOLVER},{BROKEN_RESOLVER}")


@pytest.mark.parametrize("name", SLOW_WAYS)
def test_name_servers_that_hold_the_check_up(bed, name):
    """They get the time of --wait, and all of them together that of --timeout."""
    with bed.way(SLOW_WAYS[name]):
        assert "FAIL  servers/udp" in _ends(bed, "--only", "servers")
        done = bed.run("--only", "servers", "--wait", "60", "--timeout", "1", "--json")
    assert done.returncode == 1 and not json.loads(done.stdout)["finished"], done
    assert not json.loads(done.stdout)["errors"], done  # who knows what they would have answered


@pytest.mark.parametrize("seed", range(2))
def test_damaged_responses(bed, seed):
    with bed.way(mutations(seed)):
        _ends(bed, *GROUPS)


def test_a_parent_that_names_too_many(bed):
    with bed.delegated(refers_to_many(20, 5)):
        assert "FAIL  parent/lame" in _ends(bed, *GROUPS)


def test_a_parent_that_refers_upwards(bed):
    listening = [server for listener in bed.parent.listeners for server in listener.servers]
    for server in listening:
        server.answer = refers_up
    try:
        assert "FAIL  parent/delegation" in _ends(bed, *GROUPS)
    finally:
        for listener, address in zip(bed.parent.listeners, bed.parent.delegations):
            for server in listener.servers:
                server.answer = lambda octets, tcp, at=address: bed.parent.answer(octets, tcp, at)


async def _cancel_all():
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _serving(rows, directory):
    """Servers of faultserver.py in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    for row in rows:
        server = Server(directory, row.address, row.ways, os.urandom(32))
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
    yield
    asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)


def test_hostile_members(bed):
    """Each is one error: they hold up neither each other nor good members."""
    rows = [row for row in ROWS if row.name in HOSTILE_MEMBERS]
    run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
    bed.authority.issue("good", [f"*.{APEX}"])
    for row in rows:
        bed.member(row.name, row.address)
    with _serving(rows, bed.machine.directory):
        found = bed.check("--only", "members", "--members", "all")
    failed = [subject.split(".")[0] for level, _, subject, _ in found.rows if level == "error"]
    assert sorted(failed) == sorted(row.name for row in rows), found.rows
