"""How long a start takes to the first signed answer: with and without location files, with few members and with a million."""

import os
import pathlib
import statistics
import time

from sections import table
from servers import Pool, metric

SMALL, LARGE = 1000, 1_000_000
LIMIT = 3
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """CPU time so far, with that of the children that have ended: they read the stores first."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def start(bench, pool, locations, compiled=False):
    """Elapsed and CPU time of one start, and the memory then. `compiled`: without the kept tables, which it has to make."""
    kept = pool.state / "locations.table"
    if compiled:
        kept.unlink(missing_ok=True)
    elif locations and not kept.exists():
        pool.keep_tables(locations, bench.log)
    server = bench.started(pool.serve(locations, bench.log))
    taken = (server.start_s, cpu_s(server.process.pid), server.resident_mb())
    bench.stop(server)
    return taken


def deal_s(bench, pool, locations):
    """How long the first whole deal takes, which the server makes in the background after the start."""
    place = pool.directory / "metrics"
    server = bench.started(pool.serve(locations, bench.log, options=("--metrics", f"unix:{place}")))
    taken, until = 0, time.monotonic() + 60
    while taken == 0 and time.monotonic() < until:
        time.sleep(0.5)
        taken = metric(place, "ntspool_deal_seconds")
    bench.stop(server)
    return taken


def ratio(taken, one, other):
    """Median of the ratios of neighbours."""
    return statistics.median(a[0] / b[0] for a, b in zip(taken[one], taken[other]))


def starts(bench, pool, locations):
    pools = {"usual": pool, SMALL: Pool(bench.work / "starts", SMALL), LARGE: Pool(bench.work / "starts", LARGE)}
    kinds = [("usual", "none", None), ("usual", "kept", locations), (SMALL, "none", None), (LARGE, "none", None),
             (SMALL, "kept", locations), (LARGE, "kept", locations), (SMALL, "compiled", locations), (LARGE, "compiled", locations)]
    taken = {kind[:2]: [] for kind in kinds}
    for group in (kinds[:-2], kinds[-2:]):  # those that compile drop what is kept
        for _ in range(min(bench.rounds, 3)):
            for size, name, files in group:
                taken[size, name].append(start(bench, pools[size], files, name == "compiled"))
    with_file = ratio(taken, ("usual", "kept"), ("usual", "none"))
    bench.bar(f"start with a location file to start without, {pool.members} members", f"<= {LIMIT}", f"{with_file:.1f}",
              with_file <= LIMIT)
    for name, what in (("compiled", "location file compiled"), ("kept", "tables kept")):
        grown = ratio(taken, (LARGE, name), (SMALL, name))
        bench.bar(f"start with {LARGE:,} members to {SMALL:,}, {what}", f"<= {LIMIT}", f"{grown:.1f}", grown <= LIMIT)
    rows = [[f"{pools[size].members:,}", name, *(f"{statistics.median(t[i] for t in taken[size, name]):{form}}"
                                                for i, form in enumerate((".3f", ".2f", ".0f")))] for size, name, _ in kinds]
    deals = ", ".join(f"{deal_s(bench, each, locations):.2f} s with {each.members:,}" for each in pools.values())
    return ["Starts to the first signed answer, on one core, medians; the ratios of the bars are medians of neighbours. Location file: "
            "none, with the tables that an earlier start kept, or compiled again:", "",
            *table(["members", "location file", "start s", "of CPU s", "resident MB"], rows),
            f"A whole deal in the background, beside nothing else: {deals}.", ""]
