"""The sections of the report. Each function measures, sets bars and returns the lines of its section."""

import contextlib
import dataclasses
import json
import statistics
import subprocess
import time

import peers
from measure import Job, median, spread
from servers import Pool

FILES = ["srv", "addr", "neg", "mix"]
TO_FLOOR = {"srv": 1.15, "addr": 1.10, "neg": 1.15, "mix": 1.15}
TCP = ("-T", "-c", "8", "-w", "16")
START_S, RESIDENT_MB, RATE_SHARE = 2, 150, 0.9


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"] + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def detail_table(samples, names):
    rows = []
    for job, name in names.items():
        s = samples[job]
        rows.append([name, f"{median(s, 'cpu'):.2f}", f"{median(s, 'user'):.2f}", spread(s), f"{median(s, 'qps'):.0f}",
                     f"{median(s, 'octets'):.0f}", f"{sum(sample.lost for sample in s)}"])
    return table(["file", "CPU µs a query", "of it user", "ratio to floor", "queries/s", "octets", "lost"], rows)


def bars_of_ours(bench, samples, jobs, ours, members):
    for name in FILES:
        ratio = median(samples[jobs[name]], "ratio")
        bench.bar(f"CPU a query, `{name}`, to the floor", f"<= {TO_FLOOR[name]:.2f}", f"{ratio:.2f}", ratio <= TO_FLOOR[name])
    floor = median(samples[jobs["mix"]], "floor")
    user = median(samples[jobs["mix"]], "user") * 3.5 / floor
    bench.bar("user time a query, `mix`, as if the floor were 3.5 µs", "<= 1.0 µs", f"{user:.2f} µs", user <= 1)
    bench.facts |= {"mix_us": median(samples[jobs["mix"]], "cpu"), "mix_octets": median(samples[jobs["mix"]], "octets")}
    share = median(samples[jobs["addr"]], "cpu") / median(samples[jobs["neg"]], "cpu")
    by_rate = median(samples[jobs["neg"]], "qps") / median(samples[jobs["addr"]], "qps")
    bench.bar("random NXDOMAIN, rate to that of `addr`", ">= 70 %", f"{share * 100:.0f} % for the same CPU, {by_rate * 100:.0f} % as "
              "measured", share >= 0.7)
    bench.bar(f"start to first signed answer, {members} members", f"< {START_S} s", f"{ours.start_s:.2f} s", ours.start_s < START_S)
    resident = ours.resident_mb()
    bench.bar(f"resident memory, {members} members", f"< {RESIDENT_MB} MB", f"{resident:.0f} MB", resident < RESIDENT_MB)


def bars_of_knot(bench, samples, jobs, theirs):
    for name in FILES:
        share = statistics.median(a.cpu / b.cpu for a, b in zip(samples[jobs[name]], samples[theirs[name]]))
        bench.bar(f"CPU a query, `{name}`, to Knot geoip's", "<= 0.75", f"{share:.2f}", share <= 0.75)


def cell(samples):
    if median(samples, "truncated") > median(samples, "answered") / 2:
        return f"{median(samples, 'cpu'):.2f}, TC"
    return f"{median(samples, 'cpu'):.2f} ({median(samples, 'ratio'):.2f})"


def jobs_of(server, pool, files, modes):
    """The columns of the side-by-side table. TCP uses `mix`, or `srv` for gdnsd, which has no mix."""
    jobs = {name: Job(server, pool, file) for name, file in files.items()}
    if modes:
        jobs["tcp"] = Job(server, pool, files.get("mix", files["srv"]), TCP)
    return jobs


def latency(bench, floor_job, entries, samples):
    """Latency in an open loop at half the rate of the closed loop."""
    rows = []
    for name, jobs in [("floor", {"srv": floor_job}), *entries]:
        job = jobs["mix" if "mix" in jobs else "srv"]
        rate = median(samples[job], "qps") / 2
        taken = [bench.measure(job, "-r", f"{rate:.0f}", "-d", bench.seconds) for _ in range(bench.rounds)]
        rows.append([name, f"{rate:.0f}"] + [f"{median(taken, key):.0f}" for key in ("p50", "p99", "p999")] +
                    [f"{sum(sample.lost for sample in taken)}"])
    return ["Latency in µs at half the load, `mix`, from the time a fixed schedule wanted the query sent:", "",
            *table(["server", "queries/s", "p50", "p99", "p99.9", "lost"], rows)]


def servers_side_by_side(bench, pool, locations, ours, options):
    """ntspoold and, if requested, its peers. All run at the same time and are measured in turn."""
    floor_job = Job(bench.floor, pool, "srv")
    jobs = jobs_of(ours, pool, {name: name for name in FILES}, options.modes)
    entries, notes = [("ntspoold", jobs)], []
    if options.peers:
        peers.install(bench.log)
        for peer in peers.PEERS:
            server = bench.started(peer.make(pool, locations, bench.log))
            entries.append((server.name, jobs_of(server, pool, peer.files, options.modes)))
            notes.append(peer.note)
    bench.warm_up(jobs.values())
    for _, theirs in entries[1:]:
        for job in theirs.values():
            bench.measure(job)
    # All servers take one file, then the next, so that compared measurements are neighbours.
    samples = bench.measure_all([own[name] for name in jobs for _, own in entries if name in own], floor_job)
    lines = detail_table(samples, {floor_job: "floor", **{jobs[name]: name for name in FILES}})
    bars_of_ours(bench, samples, jobs, ours, options.members)
    if options.peers:
        bars_of_knot(bench, samples, jobs, entries[1][1])
    if options.peers or options.modes:
        lines += side_by_side_table(samples, entries, notes)
    if options.modes:
        lines += latency(bench, floor_job, entries, samples)
    for server in bench.running[1:]:
        bench.stop(server)
    return lines


def side_by_side_table(samples, entries, notes):
    rows = []
    for name, jobs in entries:
        server = jobs["srv"].server
        tcp = [f"{median(samples[jobs['tcp']], 'cpu'):.2f}" if "tcp" in jobs else "–"]
        rows.append([name] + [cell(samples[jobs[f]]) if f in jobs else "–" for f in FILES] + tcp +
                    [f"{server.start_s:.2f}", f"{server.resident_mb():.0f}"])
    return ["CPU µs a query, in brackets the ratio to the neighbouring floor; TCP: `mix` over 8 connections of 100 queries each, "
            "16 in flight, connecting and closing counted:", "",
            *table(["server", *FILES, "TCP", "start s", "resident MB"], rows), *[f"- {note}" for note in notes], ""]


def limits(bench, pool, ours):
    """`mix` with the rate limit off, on, and on with cookies."""
    rate = pool.rate_limit
    kinds = [("off, clients in 65,536 networks", "0", ("-a",)), (f"{rate} a second, clients in 65,536 networks", rate, ("-a",)),
             ("off, one client", "0", ()), (f"{rate} a second, one client with a good cookie", rate, ("-k",))]
    jobs = [(name, setting, Job(ours, pool, "mix", flags)) for name, setting, flags in kinds]
    taken = {name: [] for name, _, _ in jobs}
    for _ in range(bench.rounds):
        for name, setting, job in jobs:
            pool.set("rrl-rate", setting)
            time.sleep(1)  # the workers pick up the setting
            taken[name].append(bench.measure(job))
    pool.set("rrl-rate", "0")
    rows = [[name, f"{median(s, 'cpu'):.2f}", f"{sum(sample.lost for sample in s)}", f"{sum(sample.truncated for sample in s)}"]
            for name, s in taken.items()]
    return ["`mix` with the rate limit:", "", *table(["rate limit", "CPU µs a query", "lost", "truncated"], rows)]


def workers(bench, pool, locations):
    """One and two workers. Server and generator may use both cores, so only CPU per query is meaningful."""
    cores = "0,1"
    rows = []
    with contextlib.ExitStack() as stack:
        jobs = {}
        for count in (1, 2):
            server = bench.started(pool.serve(locations, bench.log, workers=count, cores=cores, state=pool.copy()))
            stack.callback(bench.stop, server)
            jobs[count] = [Job(server, pool, name, ("-t", "2"), cores) for name in FILES]
            bench.warm_up(jobs[count])
        taken = {count: {job.file: [] for job in own} for count, own in jobs.items()}
        for _ in range(bench.rounds):
            for count, own in jobs.items():
                for job in own:
                    taken[count][job.file].append(bench.measure(job))
    for count, own in taken.items():
        rows.append([str(count)] + [f"{median(own[name], 'cpu'):.2f}" for name in FILES])
    return ["CPU µs a query with one and with two workers; server and a generator of two threads share the two cores:", "",
            *table(["workers", *FILES], rows)]


def changes(bench, pool, ours):
    """`mix` while members come and go, and at rest right before and after."""
    job = Job(ours, pool, "mix")
    quiet, busy, said, shares, costs = [], [], [], [], []
    seconds = max(bench.seconds, 2)
    for _ in range(bench.rounds):
        around = [bench.measure(job, "-d", seconds)]
        command = ["taskset", "-c", "1", bench.work / "changer", pool.state, ours.port, 100, seconds + 1.5]
        with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as changer:
            time.sleep(1.2)  # removals have begun, too
            busy.append(bench.measure(job, "-d", seconds))
            said.append(json.loads(changer.stdout.read()))
        time.sleep(1)  # the server has applied the last changes
        around.append(bench.measure(job, "-d", seconds))
        quiet += around
        quiet_cpu = statistics.mean(sample.cpu for sample in around)
        # The share left to a worker that is never idle: 1 less the CPU a second beyond the quiet cost of all answers.
        answers = busy[-1].qps + said[-1]["asked"]
        beyond = (busy[-1].cpu * busy[-1].qps - quiet_cpu * answers) / 1e6
        shares.append((1 - beyond, busy[-1].qps / statistics.mean(sample.qps for sample in around)))
        costs.append(1000 * beyond / 100)
    share, by_rate = [statistics.median(column) for column in zip(*shares)]
    bench.facts["change_ms"] = statistics.median(costs)
    lost = sum(sample.lost for sample in busy)
    total = {key: sum(s[key] for s in said) for key in ("changes", "unnamed", "undealt")}
    name_ms, srv_ms, gone_ms = [max(s[key] for s in said) for key in ("name_ms", "srv_ms", "gone_ms")]
    hidden = total["unnamed"] + total["undealt"]
    bench.bar("rate while 100 members change each second", f">= {RATE_SHARE * 100:.0f} % of the quiet rate",
              f"{share * 100:.0f} % with the core busy, {by_rate * 100:.0f} % as measured", share >= RATE_SHARE)
    bench.bar("answers lost meanwhile", "none", f"{lost}", lost == 0)
    bench.bar(f"each of {total['changes']} changes visible", "within 1 s", f"slowest name {name_ms:.0f} ms, slowest new in SRV "
              f"{srv_ms:.0f} ms, removed last in SRV {gone_ms:.0f} ms, {hidden} never", hidden == 0 and max(name_ms, srv_ms, gone_ms) < 1000)
    return [f"While 100 members a second come and go: {median(busy, 'cpu'):.2f} µs a query, quiet {median(quiet, 'cpu'):.2f}. The changer, "
            "which writes the store and asks for every change, shares the generator's core.", ""]


def side_by_side(bench, jobs, floor_job):
    """Samples by job. Each file runs on all pools before the next one, so that compared measurements are neighbours. There are three
    times as many rounds, because a difference of 10 % must show."""
    samples = {job: [] for own in jobs.values() for job in own.values()}
    for number in range(3 * bench.rounds):
        bench.say(f"round {number + 1} of {3 * bench.rounds}, {len(samples)} measurements")
        for name in FILES:
            floor = bench.measure(floor_job)
            for own in jobs.values():
                samples[own[name]].append(dataclasses.replace(bench.measure(own[name]), floor=floor.cpu))
    return samples


def scale(bench, locations):
    floor_job, jobs, rows = None, {}, []
    sizes = (1000, 10000, 100000)
    for members in sizes:
        pool = Pool(bench.work, members)
        server = bench.started(pool.serve(locations, bench.log))
        floor_job = floor_job or Job(bench.floor, pool, "srv")
        jobs[members] = {name: Job(server, pool, name) for name in FILES}
        bench.warm_up(jobs[members].values())
    samples = side_by_side(bench, jobs, floor_job)
    few, many = [jobs[size]["srv"].server.resident_mb() for size in (sizes[0], sizes[-1])]
    bench.facts |= {"base_mb": few, "member_kb": (many - few) * 1000 / (sizes[-1] - sizes[0])}
    for members, own in jobs.items():
        server = own["srv"].server
        rows.append([f"{members}"] + [cell(samples[own[name]]) for name in FILES] +
                    [f"{server.start_s:.2f}", f"{server.resident_mb():.0f}"])
    for name in FILES:
        large, small = [samples[jobs[size][name]] for size in (sizes[-1], sizes[0])]
        share = statistics.median(a.cpu / b.cpu for a, b in zip(large, small))
        bench.bar(f"CPU a query, `{name}`, 100,000 members to 1,000", "<= 1.10", f"{share:.2f}", share <= 1.1)
    return table(["members", *FILES, "start s", "resident MB"], rows)
