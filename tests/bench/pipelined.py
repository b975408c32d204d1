"""Pipelined TCP beside the floor of TCP (tcpfloor.c), and UDP beside its own: what the way of a query adds to the answer."""

import servers
from measure import Job, median
from sections import TCP, table

MUST = 1.4


def pipelined(bench, pool, ours):
    floor = bench.started(servers.tcp_floor(bench.work, bench.log))
    over_tcp, over_udp = Job(ours, pool, "mix", TCP), Job(ours, pool, "mix")
    floor_job = Job(floor, pool, "mix", TCP)
    bench.warm_up([over_tcp, over_udp])
    tcp = bench.measure_all([over_tcp], floor_job)
    udp = bench.measure_all([over_udp], Job(bench.floor, pool, "srv"))[over_udp]
    bench.stop(floor)
    rows, beyond = [], {}
    for name, samples in (("TCP", tcp[over_tcp]), ("UDP", udp)):
        ratio, cpu, least = [median(samples, key) for key in ("ratio", "cpu", "floor")]
        beyond[name] = cpu - least
        rows.append([name, f"{least:.2f}", f"{cpu:.2f}", f"{ratio:.2f}", f"{beyond[name]:.2f}"])
    ratio = median(tcp[over_tcp], "ratio")
    bench.bar("CPU a query, `mix`, pipelined over TCP, to the floor of TCP", f"<= {MUST}", f"{ratio:.2f}", ratio <= MUST)
    bench.bar("what it costs over TCP beyond that floor, to what it costs over UDP beyond the floor of UDP", "<= 1",
              f"{beyond['TCP'] / beyond['UDP']:.2f}", beyond["TCP"] <= beyond["UDP"])
    return ["`mix` over 8 TCP connections of 100 queries each, 16 in flight, beside a server that answers the same queries with 310 octets "
            "each and does nothing else; and over UDP. µs of CPU a query:", "",
            *table(["over", "floor", "ntspoold", "ratio", "beyond the floor"], rows),
            f"The floor of TCP is low because 16 queries share each system call. If all that a query costs beyond the floor of UDP were added "
            f"to it, the ratio would be {1 + beyond['UDP'] / median(tcp[over_tcp], 'floor'):.2f}.", ""]
