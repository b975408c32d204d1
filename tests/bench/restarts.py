"""Reload and restart by a service manager under load: lost queries, and how long no process answered."""

import dataclasses
import os
import pathlib
import shutil
import statistics
import sys
import time

import flood
import servers
from measure import Job
from servers import Pool

sys.path.insert(0, str(servers.ROOT / "tests/system"))
from servicemanager import ServiceManager  # noqa: E402

MEMBERS, RATES, WORKERS, AROUND_S = (4000, 100000), (1000, 10000), 2, 1


@dataclasses.dataclass
class Served:
    """What the load generator has to know of a server."""
    name: str
    port: int
    cpu_pid: int


class Service(ServiceManager):
    def __init__(self, pool, locations, prefix=()):
        self.port = servers.free_port()
        command = [shutil.which("taskset"), "-c", "0", *prefix, servers.BIN / "ntspoold", "--state", pool.state, "--listen",
                   f"127.0.0.1@{self.port}", "--workers", WORKERS, "--locations", locations]
        super().__init__(pathlib.Path(pool.directory), command, os.environ)
        self.pool = pool
        self.start()

    def reload_now(self):
        began = time.monotonic()
        status, former = self.reload("--takeover", "--detach")
        assert status == 0, self.output()
        taken = time.monotonic() - began
        self.waited(former)
        return taken

    def restart_now(self):
        self.stop()
        began = time.monotonic()
        self.start()
        return time.monotonic() - began

    def under_load(self, bench, rate, change):
        """Makes the change under a load of `mix`. Returns the generator's sample, and how long the change took."""
        job = Job(Served("ntspoold", self.port, os.getpid()), self.pool, "mix", ("-s", "-g", "3000"))
        load = flood.start(bench, job, rate, 2 * AROUND_S + 2)
        time.sleep(AROUND_S)
        taken = change()
        return flood.finish(load), taken

    def end(self):
        self.stop()
        self.close()


def text_of(us):
    """The generator counts up to a second."""
    return f"{us / 1000:.0f}" if us < 999999 else "> 1,000"


def rows_of(bench, pool, locations):
    rows, lost = [], 0
    for rate in RATES:
        for name in ("reload", "restart"):
            service = Service(pool, locations)
            taken = [service.under_load(bench, rate, getattr(service, f"{name}_now")) for _ in range(bench.rounds)]
            service.end()
            samples, times = zip(*taken)
            lost += sum(sample.lost for sample in samples)
            rows.append([f"{pool.members}", f"{rate}", name, f"{sum(sample.answered for sample in samples)}",
                         f"{sum(sample.lost for sample in samples)}", f"{statistics.median(times) * 1000:.0f}",
                         text_of(statistics.median(sample.p99 for sample in samples))])
    return rows, lost


def restarts(bench, pool, locations):
    rows, lost = [], 0
    for members in MEMBERS:
        bench.say(f"reload and restart, {members} members")
        more, gone = rows_of(bench, pool if pool.members == members else Pool(bench.work, members), locations)
        rows += more
        lost += gone
    bench.bar("queries lost over reloads and restarts, up to 10,000 a second", "0", f"{lost}", lost == 0)
    head = ["members", "queries/s", "by", "answered", "lost", "until ready, ms", "p99 ms"]
    return ["Reload and restart by a service manager that keeps the sockets, `mix` over UDP on a fixed schedule, two workers:", "",
            "| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rows), ""]
