"""Reload, restart, kill -9 and takeover under load: lost queries, and how long no process answered."""

import dataclasses
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

import flood
import servers
from measure import Job
from sections import table
from servers import Pool

sys.path.insert(0, str(servers.ROOT / "tests/system"))
from servicemanager import ServiceManager  # noqa: E402

MEMBERS, RATE, ROUNDS, WORKERS, AROUND_S = (4000, 100000), 10000, 2, 2, 1
IN_HAND = 1  # a kill loses what has been read and not answered


@dataclasses.dataclass
class Served:
    """What the load generator has to know of a server."""
    name: str
    port: int
    cpu_pid: int


def arguments(pool, locations, port):
    return ["--state", pool.state, "--listen", f"127.0.0.1@{port}", "--workers", WORKERS, "--locations", locations]


class Service(ServiceManager):
    """Under a service manager that keeps the sockets."""

    def __init__(self, bench, pool, locations):
        self.port = servers.free_port()
        command = [shutil.which("taskset"), "-c", "0", servers.BIN / "ntspoold", *arguments(pool, locations, self.port)]
        super().__init__(pathlib.Path(pool.directory), command, os.environ)
        self.start()

    def reload_now(self):
        status, former = self.reload("--takeover", "--detach")
        assert status == 0, self.output()
        self.waited(former)

    def restart_now(self):
        self.stop()
        self.start()

    def kill_now(self):
        self.stop(signal.SIGKILL)
        self.start()

    def end(self):
        self.stop()
        self.close()


class Pair:
    """Without a service manager: a server, and the next one that takes over from it."""

    def __init__(self, bench, pool, locations):
        self.bench, self.pool, self.locations = bench, pool, locations
        self.server = pool.serve(locations, bench.log, workers=WORKERS)
        self.port = self.server.port

    def takeover_now(self):
        former = self.server.process
        argv = ["taskset", "-c", "0", servers.BIN / "ntspoold", *arguments(self.pool, self.locations, self.port), "--takeover"]
        self.server.process = subprocess.Popen([str(word) for word in argv], stdout=self.bench.log, stderr=self.bench.log)
        assert former.wait(120) == 0

    def end(self):
        self.server.stop()


WAYS = [("reload", Service), ("restart", Service), ("kill", Service), ("takeover", Pair)]
NAMES = {"kill": "kill -9 and start", "restart": "stop and start", "takeover": "`--takeover`, without a service manager"}


def under_load(bench, pool, served, way):
    """Makes the change under a load of `mix`. Returns the generator's sample, and how long the change took."""
    job = Job(Served("ntspoold", served.port, os.getpid()), pool, "mix", ("-s", "-g", "3000"))
    load = flood.start(bench, job, RATE, 300)
    time.sleep(AROUND_S)
    began = time.monotonic()
    getattr(served, f"{way}_now")()
    taken = time.monotonic() - began
    time.sleep(AROUND_S)
    load.send_signal(signal.SIGINT)
    return flood.finish(load), taken


def text_of(us):
    """The generator counts up to a second."""
    return f"{us / 1000:.0f}" if us < 999999 else "> 1,000"


def restarts(bench, pool, locations):
    rows, lost = [], {way: [] for way, _ in WAYS}
    for members in MEMBERS:
        own = pool if pool.members == members else Pool(bench.work, members)
        for way, make in WAYS:
            bench.say(f"{way} under load, {members} members")
            served = make(bench, own, locations)
            samples, times = zip(*(under_load(bench, own, served, way) for _ in range(ROUNDS)))
            served.end()
            lost[way] += [sample.lost for sample in samples]
            rows.append([f"{members}", NAMES.get(way, way), f"{sum(sample.answered for sample in samples)}",
                         f"{sum(sample.lost for sample in samples)}", f"{statistics.median(times) * 1000:.0f}",
                         text_of(statistics.median(sample.p99 for sample in samples))])
    gone = sum(sum(counts) for way, counts in lost.items() if way != "kill")
    bench.bar(f"answers lost over {3 * len(MEMBERS) * ROUNDS} reloads, restarts and takeovers under {RATE} queries a second", "0", f"{gone}",
              gone == 0)
    bench.bar(f"answers lost with a kill -9 under {RATE} queries a second", f"<= {IN_HAND}", f"{max(lost['kill'])}",
              max(lost["kill"]) <= IN_HAND)
    head = ["members", "by", "answered", "lost", "until it is over, ms", "p99 ms"]
    return [f"Reload, stop and start, and kill -9 with a service manager that keeps the sockets, and a takeover without one, {ROUNDS} times each, "
            f"beside {RATE} queries a second of `mix` over UDP on a fixed schedule, two workers:", "", *table(head, rows)]
