"""Memory by workers and members, and the answers to all names of a million members."""

import dataclasses
import random
import statistics
import struct

import generate
from measure import Job, median
from sections import table
from servers import Pool

WORKERS, MEMBERS, SHARE = 64, 100000, 2
ALL, ALL_RATIO = 1000000, 1.3


def resident_with(bench, pool, locations, workers):
    """MB after each worker has answered for many names: the queries come from many ports, which the kernel spreads over the workers."""
    server = bench.started(pool.serve(locations, bench.log, workers=workers, state=pool.copy()))
    for file in 2 * ("addr", "neg", "srv"):
        bench.measure(Job(server, pool, file, ("-c", "64", "-w", "1")), "-n", pool.queries)
    resident, start_s = server.resident_mb(), server.start_s
    bench.stop(server)
    return resident, start_s


def by_workers(bench, locations):
    rows = []
    for members in (4000, MEMBERS):
        pool = Pool(bench.work / "memory", members)
        one, many = [resident_with(bench, pool, locations, count) for count in (1, WORKERS)]
        rows.append([f"{members}", f"{one[0]:.0f}", f"{many[0]:.0f}", f"{many[0] / one[0]:.2f}", f"{one[1]:.2f}", f"{many[1]:.2f}"])
        if members == MEMBERS:
            bench.bar(f"resident memory with {WORKERS} workers, {members:,} members, to 1 worker", f"<= {SHARE}", f"{many[0] / one[0]:.2f}",
                      many[0] <= SHARE * one[0])
    return [f"Resident memory with 1 and with {WORKERS} workers, each after 120,000 queries of `addr`, `neg` and `srv` from 384 ports:", "",
            *table(["members", "1 worker MB", f"{WORKERS} workers MB", "ratio", "start s", f"start s, {WORKERS}"], rows)]


def all_names(pool):
    """A query file that asks for each member once, for A or AAAA, in random order."""
    rnd = random.Random(pool.members)
    members = list(range(pool.members))
    rnd.shuffle(members)
    messages = [generate.query(f"m{number:05d}.{generate.ZONE}", rnd.choice(["A", "AAAA"])) for number in members]
    (pool.directory / "all.bin").write_bytes(b"".join(struct.pack("!H", len(m)) + m for m in messages))


def million(bench, locations):
    """The first pass makes the answers, the others find them. Each pass has a floor before and after it."""
    pool = Pool(bench.work / "memory", ALL)
    all_names(pool)
    server = bench.started(pool.serve(locations, bench.log))
    job, floor_job = Job(server, pool, "all"), Job(bench.floor, pool, "srv")
    before = server.resident_mb()
    first = bench.measure(job, "-n", ALL)
    floors, samples = [bench.measure(floor_job)], []
    for number in range(3):
        bench.say(f"pass {number + 1} of 3 over {ALL:,} names")
        samples.append(bench.measure(job, "-n", ALL))
        floors.append(bench.measure(floor_job))
        samples[-1] = dataclasses.replace(samples[-1], floor=statistics.mean(floor.cpu for floor in floors[-2:]))
    ratio, after = median(samples, "ratio"), server.resident_mb()
    bench.stop(server)
    bench.bar(f"CPU a query, A or AAAA of each of {ALL:,} members in random order, to the floor", f"<= {ALL_RATIO}", f"{ratio:.2f}",
              ratio <= ALL_RATIO)
    return [f"A or AAAA of each of {ALL:,} members in random order: {first.cpu:.1f} µs a query when the answers are made, "
            f"{median(samples, 'cpu'):.2f} µs (of it user {median(samples, 'user'):.2f}) when they are found, in three passes with a floor of "
            f"{median(samples, 'floor'):.2f} µs before and after each. Resident {before:.0f} MB before, {after:.0f} MB after.", ""]


def memory(bench, locations):
    return by_workers(bench, locations) + million(bench, locations)
