"""kill -9 of server, probe and command line at random points: the store still opens, no acknowledged change is lost, and no
import is half done."""

import os
import random
import subprocess
import time

from pool import Pool, environment

ROUNDS = int(os.environ.get("NTSPOOL_KILL_ROUNDS", "50"))
ROWS = 1000
ROUNDS_A_POOL = 5


def _csv(machine, number):
    path = machine.directory / f"import-{number}.csv"
    with open(path, "w") as out:
        out.write("name,country,ipv4,ipv6,capacity_mbit\n")
        for row in range(ROWS):
            out.write(f"r{number}-{row},NL,127.{100 + number}.{row // 250}.{row % 250 + 1},,100\n")
    return path


def _names(pool):
    return {member["name"] for member in pool.json("member", "list")}


def _import(pool, path):
    return subprocess.Popen([str(word) for word in pool.command("member", "import", path, "--allow-private")],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env=environment())


def test_nothing_acknowledged_is_lost_and_no_import_is_half_there(machine):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    dice = random.Random(seed)
    outcomes = {"whole": 0, "none": 0}
    whole_time = None
    pool = acknowledged = None
    for number in range(ROUNDS):
        if number % ROUNDS_A_POOL == 0:
            pool, acknowledged = Pool(machine, f"pool{number}").init(), set()
        step = number % ROUNDS_A_POOL
        pool.serve()
        pool.probe("/etc/ssl/certs/ca-certificates.crt")
        pool.add(f"single-{number}", f"127.99.{step}.1")
        acknowledged.add(f"single-{number}")
        rows = {f"r{step}-{row}" for row in range(ROWS)}
        start = time.monotonic()
        cli = _import(pool, _csv(machine, step))
        try:
            cli.wait(whole_time and dice.uniform(0, 1.5 * whole_time))  # the first import runs to its end and gives the duration
            whole_time = time.monotonic() - start
        except subprocess.TimeoutExpired:
            whole_time = max(whole_time, time.monotonic() - start)
        time.sleep(dice.uniform(0, 0.05))
        cli.kill()
        pool.kill()
        said = cli.stderr.read().decode()
        assert cli.wait() in (0, -9), said
        names = _names(pool)
        assert acknowledged <= names, f"seed {seed}, round {number}: lost {len(acknowledged - names)}"
        there = rows & names
        assert there in (set(), rows), f"seed {seed}, round {number}: half an import, {len(there)} rows"
        if cli.returncode == 0:
            assert there == rows, f"seed {seed}, round {number}: an acknowledged import is lost"
        acknowledged |= there
        outcomes["whole" if there else "none"] += 1
        assert pool.member(f"single-{number}")["name"] == f"single-{number}"
    print(outcomes)
    if ROUNDS >= 20:
        assert outcomes["none"] > 0 and outcomes["whole"] > 1, f"the kills never came before or never after the commit: {outcomes}"
