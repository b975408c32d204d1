"""Measurements by qblast, in rounds, each right after one of the kernel floor (floor.c). Also their medians and the bars to meet."""

import dataclasses
import json
import statistics
import subprocess
import sys

import servers


@dataclasses.dataclass
class Sample:
    """One measurement. cpu, user: server µs per query; p50, p99, p999: latency in µs; floor: cpu of the neighbouring floor."""
    qps: float
    answered: int
    lost: int
    truncated: int
    octets: float
    p50: int
    p99: int
    p999: int
    noerror: int
    nxdomain: int
    cpu: float
    user: float
    floor: float = float("nan")

    @property
    def ratio(self):
        return self.cpu / self.floor


@dataclasses.dataclass(frozen=True)
class Job:
    """A query file for qblast and the server to query. Each query of `neg` asks for a new name."""
    server: servers.Server
    pool: servers.Pool
    file: str
    flags: tuple = ()
    cores: str = "1"

    def command(self, work):
        fresh = ("-x",) if self.file == "neg" else ()
        return ["taskset", "-c", self.cores, work / "qblast", "-p", self.server.port, "-P", self.server.cpu_pid, "-f",
                self.pool.directory / f"{self.file}.bin", *fresh, *self.flags]


def median(samples, key):
    return statistics.median(getattr(sample, key) for sample in samples)


def spread(samples):
    """The ratio to the floor: median, minimum and maximum."""
    ratios = [sample.ratio for sample in samples]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


class Bench:
    def __init__(self, work, log, seconds, rounds):
        self.work, self.log, self.seconds, self.rounds = work, log, seconds, rounds
        self.floor = None  # the floor server, once it runs
        self.running = []
        self.bars = []
        self.facts = {}  # costs by name, for large.py

    def started(self, server):
        self.running.append(server)
        return server

    def stop(self, server):
        self.running.remove(server)
        server.stop()

    def stop_all(self):
        for server in self.running:
            server.stop()
        if self.floor:
            self.floor.stop()

    def measure(self, job, *flags):
        out = servers.call(*job.command(self.work), *(flags or ("-d", self.seconds)), stdout=subprocess.PIPE).stdout
        sample = Sample(**json.loads(out))
        if sample.noerror + sample.nxdomain != sample.answered:
            sys.exit(f"bench: {job.server.name} answers {job.file} with errors: {out}")
        return sample

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def measure_all(self, jobs, floor_of):
        """Samples by job. Each round runs all jobs. `floor_of`, the job for the floor, runs before each of them."""
        samples = {job: [] for job in [floor_of, *jobs]}
        for number in range(self.rounds):
            self.say(f"round {number + 1} of {self.rounds}, {len(jobs)} measurements")
            for job in jobs:
                floor = self.measure(floor_of)
                samples[floor_of].append(dataclasses.replace(floor, floor=floor.cpu))
                samples[job].append(dataclasses.replace(self.measure(job), floor=floor.cpu))
        return samples

    def warm_up(self, jobs):
        """Passes over each file once, which fills the signature and answer caches."""
        for job in jobs:
            self.measure(job, "-n", job.pool.queries)

    def bar(self, what, must, value, met):
        self.bars.append(f"| {what} | {must} | {value} | {'met' if met else '**not met**'} |")

    def bar_table(self):
        return ["| bar | must be | is | |", "|---|---|---|---|", *self.bars, ""]
