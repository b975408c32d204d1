"""Measurements by qblast, in rounds, each next to one of the kernel's floor; their medians; and the bars they have to meet."""

import dataclasses
import json
import statistics
import subprocess
import sys

import servers


@dataclasses.dataclass
class Sample:
    """One measurement. cpu and user: µs of the server a query; p50, p99, p999: latency in µs; floor: the neighbouring floor's cpu."""
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
    """What qblast is to ask of whom. Names that must be missing are new in each query."""
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
    """The ratio to the floor: median, least and most."""
    ratios = [sample.ratio for sample in samples]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


class Bench:
    def __init__(self, work, log, seconds, rounds):
        self.work, self.log, self.seconds, self.rounds = work, log, seconds, rounds
        self.floor = None  # the floor's server, once it runs
        self.running = []
        self.bars = []

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
        """For each job its samples, the rounds over all jobs. `floor_of` is the job that is the floor, next to each of them."""
        samples = {job: [] for job in [floor_of, *jobs]}
        for number in range(self.rounds):
            self.say(f"round {number + 1} of {self.rounds}, {len(jobs)} measurements")
            for job in jobs:
                floor = self.measure(floor_of)
                samples[floor_of].append(dataclasses.replace(floor, floor=floor.cpu))
                samples[job].append(dataclasses.replace(self.measure(job), floor=floor.cpu))
        return samples

    def warm_up(self, jobs):
        """One pass over each file: signatures are made, and kept blocks."""
        for job in jobs:
            self.measure(job, "-n", job.pool.queries)

    def bar(self, what, must, value, met):
        self.bars.append(f"| {what} | {must} | {value} | {'met' if met else '**not met**'} |")

    def bar_table(self):
        return ["| bar | must be | is | |", "|---|---|---|---|", *self.bars, ""]
