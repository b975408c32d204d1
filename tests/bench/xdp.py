"""AF_XDP next to sockets, over pairs of virtual interfaces: what a query costs the server's core, and what a flood leaves of real queries.

Each server has a network and a pair of its own. The NAPI of each end is a thread on the core of its program, so that what the kernel does
to receive counts for the one that receives. The generator sends and receives by AF_XDP (xblast.c), so that it is never the slower end."""

import array
import contextlib
import ctypes
import dataclasses
import fcntl
import json
import pathlib
import socket
import statistics
import struct
import subprocess
import sys

import peers
import servers
from measure import Sample, median
from sections import FILES, table
from servers import metric

SIOCETHTOOL, ETHTOOL_STSO, ETHTOOL_SGRO = 0x8946, 0x1F, 0x2C
SHARE = 0.60
REAL, ANSWERED = 5000, 0.999  # queries a second beside the flood

# GRO gives veth a NAPI also without XDP, which takes what a sender without TSO sends. sysfs shows the network that
# mounts it; the mount is in a namespace of its own.
PREPARE = """
mount -t sysfs sysfs /run
ip link set lo up
ip link set $0 up
ip address add $1/29 dev $0
$2 -c "import sys, xdp; xdp.receive_by_napi(sys.argv[1])" $0
echo 1 > /run/class/net/$0/threaded
"""


def receive_by_napi(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command, on in ((ETHTOOL_STSO, 0), (ETHTOOL_SGRO, 1)):
            value = array.array("B", struct.pack("II", command, on))
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))


def napi_of(interface):
    """The process id of the kernel's thread that receives for the interface."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().startswith(f"napi/{interface}-"):
                found.append(int(path.parent.name))
    if len(found) != 1:
        sys.exit(f"bench: the kernel has {len(found)} NAPI threads for {interface}")
    return found[0]


def pin_napi(interface, core):
    servers.call("taskset", "-pc", core, napi_of(interface), stdout=subprocess.DEVNULL)
    return napi_of(interface)


CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def own_network():
    """This program and those that it starts are in a network of their own meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            sys.exit("bench: needs the right to make a network")
        try:
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


class Line:
    """A pair of interfaces and the network of the server's end."""

    def __init__(self, number):
        self.near, self.far = f"bench{number}n", f"bench{number}f"
        self.near4, self.far4 = f"192.0.2.{8 * number + 1}", f"192.0.2.{8 * number + 2}"
        self.mac = f"02:00:00:00:be:{number:02x}"
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        own = pathlib.Path("/proc/self/ns/net").readlink()
        while pathlib.Path(f"/proc/{self.holder.pid}/ns/net").readlink() == own:
            pass
        try:
            self._join()
        except subprocess.CalledProcessError:
            self.close()
            raise

    def _join(self):
        servers.call("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far, "address", self.mac,
                     "netns", self.holder.pid)
        for enter, interface, address in (([], self.near, self.near4), (self.enter, self.far, self.far4)):
            servers.call(*enter, "unshare", "--mount", "sh", "-ec", PREPARE, interface, address, sys.executable, cwd=servers.HERE)
        servers.call(*self.enter, "ip", "route", "add", "default", "via", self.near4)
        pin_napi(self.near, 1)

    def close(self):
        subprocess.run(["ip", "link", "delete", self.near], check=False)
        self.holder.kill()
        self.holder.wait()


class FarServer(servers.Server):
    """A server at the far end of a line."""

    def __init__(self, line, name, log, **options):
        super().__init__(name, log, **options)
        self.line, self.address = line, line.far4

    def run(self, command):
        super().run([*self.line.enter, *command])
        self.napi = pin_napi(self.line.far, 0)
        return self


@dataclasses.dataclass
class FloodSample(Sample):
    """flood: made-up queries a second, sent, answered and answered with TC; busy: share of the server's core."""
    flood: float = 0
    flood_answered: float = 0
    flood_truncated: float = 0
    busy: float = 0


def measure(bench, server, pool, file, *flags):
    line = server.line
    fresh = ("-x",) if file == "neg" else ()
    command = ["taskset", "-c", 1, bench.work / "xblast", "-i", line.near, "-I", line.near4, "-m", line.mac, "-A", line.far4,
               "-p", server.port, "-P", server.cpu_pid, "-N", server.napi, "-f", pool.directory / f"{file}.bin", *fresh, *flags]
    out = json.loads(servers.call(*command, stdout=subprocess.PIPE).stdout)
    sample = FloodSample(**out)
    if sample.noerror + sample.nxdomain != sample.answered:
        sys.exit(f"bench: {server.name} answers {file} with errors: {out}")
    return sample


def build(work):
    libraries = [servers.ROOT / f"build/release/lib{name}.a" for name in ("server", "zone")]
    servers.call(*servers.COMPILER, "-flto", f"-I{servers.ROOT}", "-o", work / "xblast", servers.HERE / "xblast.c",
                 servers.HERE / "qfile.c", *libraries, "-lsodium", "-llmdb", "-luv", "-lm")


def serve(line, pool, locations, log, options=()):
    server = FarServer(line, "ntspoold by XDP" if options else "ntspoold by sockets", log)
    located = ["--locations", locations] if locations else []
    return server.run([servers.BIN / "ntspoold", "--state", pool.copy(), "--listen", f"{line.far4}@{server.port}", "--workers", 1, *located,
                       *options])


def metrics_of(bench):
    return bench.work / "xdp-metrics"


@contextlib.contextmanager
def ends(bench, pool, locations):
    """Servers that answer by sockets and by XDP: ours, and Knot with a static zone."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(own_network())
        makers = {"sockets": lambda line: serve(line, pool, locations, bench.log),
                  "XDP": lambda line: serve(line, pool, locations, bench.log, ("--xdp", line.far, "--metrics", f"unix:{metrics_of(bench)}")),
                  "Knot by sockets": lambda line: peers.knot_at(FarServer(line, "Knot by sockets", bench.log), pool),
                  "Knot by XDP": lambda line: peers.knot_at(FarServer(line, "Knot by XDP", bench.log), pool, line.far)}
        found = {}
        for number, (name, make) in enumerate(makers.items()):
            line = Line(number)
            stack.callback(line.close)
            found[name] = make(line)
            stack.callback(found[name].stop)
        yield found


def interrupts_first(server):
    """Gives the threads that receive precedence over the programs, as interrupts have. Else the scheduler takes turns of milliseconds, and
    the 256 frames that veth holds are lost meanwhile."""
    for interface in (server.line.near, server.line.far):
        servers.call("chrt", "-f", "-p", 1, napi_of(interface))


def cost(bench, found, pool):
    """CPU a query, of the server and of the kernel's thread that receives for it. In each round XDP follows sockets, file by file."""
    kinds = [("sockets", "XDP", FILES, bench.rounds), ("Knot by sockets", "Knot by XDP", ["srv", "addr"], 2)]
    rows = []
    for by_socket, by_xdp, files, rounds in kinds:
        taken = {(kind, name): [] for kind in (by_socket, by_xdp) for name in files}
        for kind, name in taken:
            measure(bench, found[kind], pool, name, "-n", pool.queries)
        for number in range(rounds):
            bench.say(f"round {number + 1} of {rounds}, {len(taken)} measurements")
            for name in files:
                for kind in (by_socket, by_xdp):
                    taken[kind, name].append(measure(bench, found[kind], pool, name, "-d", bench.seconds))
        for name in files:
            shares = [b.cpu / a.cpu for a, b in zip(taken[by_socket, name], taken[by_xdp, name])]
            share = statistics.median(shares)
            rows.append([f"{'Knot' if 'Knot' in by_xdp else 'ntspoold'}, `{name}`",
                         *(f"{median(taken[kind, name], 'cpu'):.2f}" for kind in (by_socket, by_xdp)),
                         f"{share:.2f} ({min(shares):.2f}–{max(shares):.2f})",
                         *(f"{median(taken[kind, name], 'qps'):.0f}" for kind in (by_socket, by_xdp)),
                         f"{median(taken[by_xdp, name], 'octets'):.0f}"])
            if by_xdp == "XDP":
                bench.bar(f"CPU a query by XDP, `{name}`, to sockets, over veth", f"<= {SHARE:.2f}", f"{share:.2f}", share <= SHARE)
    return ["XDP (native, copy) and sockets over veth: CPU µs a query, with the kernel's thread that receives for the server; 128 queries in "
            "flight. Knot has the static zone, and in both modes the same `srv` set for every client, with all addresses:", "",
            *table(["server and file", "sockets", "XDP", "ratio", "queries/s by sockets", "by XDP", "octets"], rows)]


def sent_and_lost(line):
    """Frames that the generator's end has sent and those that veth had no place for, so far."""
    out = servers.call("ip", "-stats", "-json", "link", "show", "dev", line.near, stdout=subprocess.PIPE).stdout
    (link,) = json.loads(out)
    return link["stats64"]["tx"]["packets"], link["stats64"]["tx"]["dropped"]


def flood(bench, found, pool):
    """`mix` at a fixed rate beside made-up names, as many as the generator can send."""
    rows = []
    for kind in ("sockets", "XDP"):
        interrupts_first(found[kind])
        full = metric(metrics_of(bench), "ntspool_xdp_dropped_total")
        before = sent_and_lost(found[kind].line)
        taken = [measure(bench, found[kind], pool, "mix", "-r", REAL, "-F", pool.directory / "neg.bin", "-d", 3) for _ in range(3)]
        sent, lost = (after - first for first, after in zip(before, sent_and_lost(found[kind].line)))
        answered = sum(s.answered for s in taken) / sum(s.answered + s.lost for s in taken)
        full = metric(metrics_of(bench), "ntspool_xdp_dropped_total") - full
        by_ring = f"{full / (sent + lost) * 100:.2f} %" if kind == "XDP" else "–"
        rows.append([kind, f"{answered * 100:.2f} %", f"{median(taken, 'p50'):.0f}", f"{median(taken, 'p99'):.0f}",
                     f"{median(taken, 'flood'):.0f}", f"{lost / (sent + lost) * 100:.2f} %", by_ring,
                     f"{median(taken, 'flood_answered'):.0f}", f"{median(taken, 'busy') * 100:.0f} %"])
    head = ["", "real ones answered", "p50 µs", "p99 µs", "flood, queries/s", "frames lost by veth", "by the ring", "flood answered",
            "server's core busy"]
    bench.bar(f"{REAL} real queries a second answered by XDP beside a flood at the line's rate", f">= {ANSWERED * 100:.1f} %",
              f"{answered * 100:.2f} %", answered >= ANSWERED)
    return [f"A flood of made-up names from 1,024 networks, as fast as the generator's core can send, beside {REAL} queries of `mix` a second "
            "from 1,024 others. The rate limit is off, and every answer is signed. The kernel's threads that receive go before programs, as "
            "interrupts would. veth holds 256 frames; what it has no place for is lost before any program sees it. The ring of the server's "
            "queue holds 2,048, and is full until the program in the kernel drops enough of the flood:", "",
            *table(head, rows)]


def xdp(bench, pool, locations):
    peers.install(bench.log, ["knot"])
    build(bench.work)
    with ends(bench, pool, locations) as found:
        return cost(bench, found, pool) + flood(bench, found, pool)
