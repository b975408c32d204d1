"""A flood of queries for made-up names: how many real queries still get answers, by method of denial."""

import json
import subprocess
import time

from measure import Job, Sample, median

FLOOD, REAL = 60000, 5000  # queries a second on a fixed schedule: the flood, and each kind of real query
ANSWERED = 0.95  # share of the real queries answered with `nsec`
WAYS = [("`nsec`", "nsec", None), ("`compact`", "compact", None), ("`compact`, `denial-budget 0`: no limit", "compact", "0")]


def start(bench, job, rate, seconds):
    command = [*job.command(bench.work), "-r", rate, "-d", seconds]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def finish(process):
    out, _ = process.communicate()
    return Sample(**json.loads(out))


def share(samples):
    answered = sum(sample.answered for sample in samples)
    return answered / (answered + sum(sample.lost for sample in samples))


def take(bench, pool, ours):
    """Runs flood, srv and addr together. The flood starts before the others and outlasts them."""
    made_up = start(bench, Job(ours, pool, "neg"), FLOOD, bench.seconds + 1)
    time.sleep(0.5)
    real = [start(bench, Job(ours, pool, name), REAL, bench.seconds) for name in ("srv", "addr")]
    return [finish(process) for process in (*real, made_up)]


def flood(bench, pool, ours):
    """The three generators share one core; the server has the other to itself."""
    budget = pool.get("denial-budget")
    taken = {name: [] for name, _, _ in WAYS}
    for _ in range(bench.rounds):
        for name, denial, limit in WAYS:
            pool.set("denial", denial)
            pool.set("denial-budget", limit or budget)
            time.sleep(1)  # the worker picks up the setting
            taken[name].append(take(bench, pool, ours))
    pool.set("denial", "nsec")
    pool.set("denial-budget", budget)
    rows = []
    for name, rounds in taken.items():
        srv, addr, made_up = zip(*rounds)
        signed = sum(sample.noerror for sample in made_up) / sum(sample.answered for sample in made_up)
        busy = median(made_up, "cpu") * median(made_up, "qps") / 1e6
        rows.append([name, f"{share(srv) * 100:.1f} %", f"{share(addr) * 100:.1f} %", f"{median(addr, 'p50'):.0f}",
                     f"{median(addr, 'p99'):.0f}", f"{share(made_up) * 100:.1f} %", f"{signed * 100:.1f} %", f"{busy * 100:.0f} %"])
    least = {name: min(share(srv), share(addr)) for name, (srv, addr, _) in ((n, zip(*rounds)) for n, rounds in taken.items())}
    kept = least["`compact`"] / least["`nsec`"]
    bench.bar("real queries answered under a flood of made-up names, `compact` to `nsec`", f">= {ANSWERED * 100:.0f} %",
              f"{kept * 100:.1f} %", kept >= ANSWERED)
    head = ["denial", "`srv` answered", "`addr` answered", "`addr` p50 µs", "p99", "flood answered", "of it compact", "server's core busy"]
    lines = [f"A flood of {FLOOD} made-up names a second beside {REAL} `srv` and {REAL} `addr` queries a second, open loop, UDP; "
             f"`denial-budget` is {budget} where it is not told:", ""]
    return lines + ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rows), ""]
