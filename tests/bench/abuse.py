"""Hostile TCP clients: how much service they leave to other clients, and what they cost. ntspoold, Knot and NSD do the same work."""

import contextlib
import json
import pathlib
import signal
import socket
import struct
import subprocess
import time

import peers
import servers
from measure import Job, Sample, median

RATE = 2000  # UDP queries a second, on a fixed schedule, during the abuse
SECONDS = 6
LOST, P99_MS, END_S = 1, 20, 1  # bars for ntspoold: per cent of queries lost, latency, seconds to exit
PIPELINING = [(0, 0), (64, 1), (1024, 100)]  # (connections, networks they come from)
UNREAD, IDLE, NETWORKS, FILES = 1024, 5000, 100, 256
BACK_S, BACK_MB = 15, 16
RECORDS = 60  # 250 octets each: a 15 KB answer
PEERS = [("Knot static", lambda *a: peers.knot(*a, False)), ("NSD static", peers.nsd)]


def message(name, rdtype):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + labels + struct.pack("!HH", rdtype, 1)
    return struct.pack("!H", len(query)) + query


def prepare(pool):
    """Adds a large RRset to the zones of all servers, and makes queries for it."""
    text = f'big.pool.test. 300 TXT {" ".join([chr(34) + "x" * 250 + chr(34)] * RECORDS)}\n'
    with open(pool.directory / "static.zone", "a") as zone:
        zone.write(text)
    (pool.directory / "big.zone").write_text(text)
    servers.call(servers.BIN / "ntspool", "--state", pool.state, "record", "load", pool.directory / "big.zone", stdout=subprocess.DEVNULL)
    (pool.directory / "big.bin").write_bytes(message("big.pool.test", 16) * 100)


def eager(*command):
    """Real-time priority for a prober that sleeps between its few queries. Otherwise its own wait for the core would count as latency."""
    return ["chrt", "-f", "1", *command]


class Abuse:
    """A running tcpabuse, on the load generator's core."""

    def __init__(self, bench, pool, server, mode, connections, networks, file="srv", again=False):
        command = ["taskset", "-c", "1", bench.work / "tcpabuse", "-p", server.port, "-f", pool.directory / f"{file}.bin", "-m", mode,
                   "-c", connections, "-n", networks, "-d", 3600, *(["-a"] if again else [])]
        self.child = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL) if connections else None
        time.sleep(2 if connections else 0)

    def stop(self):
        if self.child:
            self.child.kill()
            self.child.wait()
            self.child = None

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


def ask(bench, pool, server):
    """Sends UDP queries at RATE, whatever else is running."""
    command = eager(*Job(server, pool, "srv").command(bench.work), "-r", RATE, "-s", "-g", 1000, "-d", SECONDS)
    out = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=False).stdout
    return Sample(**json.loads(out))


def lost_percent(sample):
    return 100 * sample.lost / (sample.lost + sample.answered)


def tcp_share(server, tries=20):
    """The share of single TCP queries that get an answer within three seconds."""
    answered = 0
    for _ in range(tries):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=3) as client:
            client.settimeout(3)
            client.sendall(message("pool.test", 6))
            answered += len(client.recv(2)) > 0
    return answered / tries


def processes(server):
    """PIDs of the server and all its descendants."""
    found, look = [], [server.process.pid]
    while look:
        pid = look.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            look += [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


def resident_mb(server):
    total = 0
    for pid in processes(server):
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return total / 1024


def kernel_mb():
    """Memory of all TCP buffers on the machine."""
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * 4096 / 1e6
    return 0


def end_s(server):
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(30)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    server.process = None
    return time.monotonic() - began


@contextlib.contextmanager
def running(make, files=None):
    """Runs a fresh server for one measurement, with its own limit of open files."""
    servers.Server.files = files
    try:
        server = make()
    finally:
        servers.Server.files = None
    try:
        yield server
    finally:
        server.stop()


def makers(bench, pool, locations):
    number = iter(range(1000))

    def peer(make):
        """A peer needs a new directory for every start."""
        apart = servers.Place(pool.directory / f"abuse-{next(number)}", pool.directory)
        return make(apart, locations, bench.log)

    return {"ntspoold": lambda: pool.serve(locations, bench.log), **{name: lambda make=make: peer(make) for name, make in PEERS}}


def pipelining(bench, pool, made):
    rows = []
    for name, make in made.items():
        for connections, networks in PIPELINING:
            bench.say(f"{name}, {connections} pipelining connections")
            with running(make) as server:
                ask(bench, pool, server)  # fills the signature cache
                with Abuse(bench, pool, server, "pipeline", connections, networks):
                    samples = [ask(bench, pool, server) for _ in range(bench.rounds)]
                    took = end_s(server)
            lost, p50, p99 = max(map(lost_percent, samples)), median(samples, "p50") / 1000, median(samples, "p99") / 1000
            rows.append([name, f"{connections} of {networks}", f"{lost:.1f} %", f"{p50:.2f}", f"{p99:.2f}", f"{took:.2f}"])
            if name == "ntspoold" and connections == PIPELINING[-1][0]:
                bench.bar(f"UDP queries lost beside {connections} pipelining connections", f"<= {LOST} %", f"{lost:.1f} %", lost <= LOST)
                bench.bar("their p99", f"< {P99_MS} ms", f"{p99:.1f} ms", p99 < P99_MS)
                bench.bar("SIGTERM to the end, meanwhile", f"< {END_S} s", f"{took:.2f} s", took < END_S)
    return ["server", "connections", "lost", "p50 ms", "p99 ms", "SIGTERM to end, s"], rows


def unread(bench, pool, made):
    rows = []
    for name, make in made.items():
        for file in ("srv", "big"):
            bench.say(f"{name}, {UNREAD} connections that read no answer of {file}")
            with running(make) as server:
                ask(bench, pool, server)
                with Abuse(bench, pool, server, "pipeline", 1, 1, file):
                    pass
                before, kernel = resident_mb(server), kernel_mb()
                with Abuse(bench, pool, server, "unread", UNREAD, NETWORKS, file):
                    most, kernel_most = 0, 0
                    for _ in range(16):
                        time.sleep(0.5)
                        most, kernel_most = max(most, resident_mb(server)), max(kernel_most, kernel_mb())
                time.sleep(BACK_S)
                after = resident_mb(server)
            rows.append([name, file, f"{before:.0f}", f"{most:.0f}", f"{after:.0f}", f"{kernel_most - kernel:.0f}"])
            if name == "ntspoold":
                bench.bar(f"memory {BACK_S} s after {UNREAD} connections that read nothing, `{file}`", f"<= {BACK_MB} MB more",
                          f"{after - before:.0f} MB", after - before <= BACK_MB)
    return ["server", "answers", "resident MB before", "at most", f"{BACK_S} s after their end", "kernel's buffers, MB more at most"], rows


def idle(bench, pool, made):
    rows = []
    for name, make in made.items():
        bench.say(f"{name}, {IDLE} idle connections, {FILES} open files")
        try:
            with running(make, FILES) as server:
                ask(bench, pool, server)
                with Abuse(bench, pool, server, "idle", IDLE, NETWORKS):
                    sample = ask(bench, pool, server)
                    share = tcp_share(server)
                after = tcp_share(server)
                took = end_s(server)
        except SystemExit:
            rows.append([name, "does not start", "–", "–", "–", "–"])
            continue
        lost = lost_percent(sample)
        rows.append([name, f"{lost:.1f} %", f"{sample.p99 / 1000:.2f}", f"{share * 100:.0f} %", f"{after * 100:.0f} %", f"{took:.2f}"])
        if name == "ntspoold":
            bench.bar(f"UDP queries lost beside {IDLE} idle connections, {FILES} open files", f"<= {LOST} %", f"{lost:.1f} %", lost <= LOST)
            bench.bar("TCP queries answered meanwhile", "> 90 %", f"{share * 100:.0f} %", share > 0.9)
            bench.bar("SIGTERM to the end then", f"< {END_S} s", f"{took:.2f} s", took < END_S)
    return ["server", "UDP lost", "p99 ms", "TCP answered", "after they have gone", "SIGTERM to end, s"], rows


def abuse(bench, pool, locations):
    peers.install(bench.log, peers.PACKAGES_STATIC)
    prepare(pool)
    made = makers(bench, pool, locations)
    lines = []
    for what, take in (
            (f"TCP connections that pipeline `srv` without end and read the answers, beside {RATE} UDP queries a second (open loop); connections "
             "and networks:", pipelining),
            (f"{UNREAD} connections of {NETWORKS} networks that send without end and never read; `srv` is 0.3 KB an answer, `big` 15 KB:", unread),
            (f"{IDLE} idle connections of {NETWORKS} networks, RLIMIT_NOFILE of the server {FILES}:", idle)):
        head, rows = take(bench, pool, made)
        lines += [what, "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rows), ""]
    return lines
