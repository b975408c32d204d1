"""Where the time of a query goes: the same queries, made so that one part of the work after the other falls away."""

import ipaddress
import struct

import generate
from measure import Job, median, spread
from sections import table

SERVICE = f"_ntske._tcp.{generate.ZONE}"
CLIENT = ipaddress.ip_address("81.2.69.0")


def one_query(pool, name, message):
    """A query file that holds one message as often as the others hold different ones."""
    packed = struct.pack("!H", len(message)) + message
    (pool.directory / f"{name}.bin").write_bytes(packed * pool.queries)


def breakdown(bench, pool, ours):
    one_query(pool, "srv1", generate.query(SERVICE, "SRV", CLIENT))
    one_query(pool, "srv0", generate.query(SERVICE, "SRV"))
    one_query(pool, "addr1", generate.query(f"m00007.{generate.ZONE}", "A"))
    names = {"srv": "`srv`", "srv1": "`srv`, all from one client subnet", "srv0": "`srv`, without a client subnet", "addr": "`addr`",
             "addr1": "`addr`, all for one name"}
    jobs = {name: Job(ours, pool, name) for name in names}
    floor = Job(bench.floor, pool, "srv")
    bench.warm_up(jobs.values())
    samples = bench.measure_all(jobs.values(), floor)
    rows = []
    for name, text in names.items():
        s = samples[jobs[name]]
        above = (median(s, "ratio") - 1) * median(s, "floor")
        rows.append([text, f"{median(s, 'cpu'):.2f}", spread(s), f"{above:.2f}", f"{median(s, 'user'):.2f}"])
    return ["Where the time goes. With one client or one name, all that a query reads is in the nearest cache; the difference to many is "
            "the wait for memory. `above` is what the ratio leaves over the floor, `user` the kernel's estimate by its ticks:", "",
            *table(["queries", "CPU µs a query", "ratio to floor", "above", "user"], rows)]
