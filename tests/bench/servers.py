"""Starts what the benchmark measures: the kernel's floor, ntspoold, and other nameservers with the same pool."""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = ROOT / "build/release/bin"
PARTS = ROOT / "build/parts/usr/share/tor"
SOA_QUERY = b"\x12\x34\0\0\0\1\0\0\0\0\0\0\4pool\4test\0\0\6\0\1"


def call(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, text=True, **options)


def build(work):
    call("cmake", "--preset", "release", cwd=ROOT, stdout=subprocess.DEVNULL)
    call("cmake", "--build", "--preset", "release", cwd=ROOT, stdout=subprocess.DEVNULL)
    for name in ("qblast", "floor"):
        call("cc", "-O2", "-pthread", "-D_GNU_SOURCE", "-o", work / name, HERE / f"{name}.c")
    call("cc", "-O2", "-flto", "-std=c2x", "-D_GNU_SOURCE", f"-I{ROOT}", "-o", work / "changer", HERE / "changer.c",
         ROOT / "build/release/libzone.a", "-lsodium", "-llmdb", "-lm")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_locations(work, file):
    """The location database: the one given, or a country-level one from Debian's tor-geoipdb."""
    if file:
        return pathlib.Path(file)
    locations = work / "locations.mmdb"
    lists = [p for p in (PARTS / "geoip", PARTS / "geoip6") if p.exists()]
    call(ROOT / "tools/make-locations", locations, *lists, stdout=subprocess.DEVNULL)
    return locations


class Server:
    """A process on the server's core. `name` is what the table shows."""

    def __init__(self, name, cores, log):
        self.name, self.cores, self.log = name, cores, log
        self.port = free_port()
        self.process = None
        self.cpu_pid = None  # whose CPU time counts

    def run(self, command):
        began = time.monotonic()
        self.process = subprocess.Popen(["taskset", "-c", self.cores] + [str(c) for c in command], stdout=self.log,
                                        stderr=self.log)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.05)
            while time.monotonic() - began < 60:
                try:
                    s.sendto(SOA_QUERY, ("127.0.0.1", self.port))
                    if s.recv(4096)[3] & 15 == 0:
                        self.start_s = time.monotonic() - began
                        self.cpu_pid = self.process.pid
                        return self
                except OSError:
                    time.sleep(0.01)
        sys.exit(f"bench: {self.name} does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0


def floor(work, log, cores="0"):
    server = Server("floor", cores, log)
    return server.run([work / "floor", server.port])


class Pool:
    """A pool of `members` generated members, all eligible by override, in a directory of its own."""

    def __init__(self, work, members):
        self.members = members
        self.directory = work / f"pool-{members}"
        self.state = self.directory / "state"
        call(sys.executable, HERE / "generate.py", self.directory, members)
        ntspool = [BIN / "ntspool", "--state", self.state]
        quiet = {"stdout": subprocess.DEVNULL}
        call(*ntspool, "init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1", "--ns", "ns2.pool.test=127.0.0.2", **quiet)
        # The generator's members have benchmarking addresses.
        call(*ntspool, "member", "import", "--allow-private", self.directory / "members.csv", **quiet)
        # All queries come from one address, which the limit would take for a victim.
        call(*ntspool, "zone", "set", "rrl-rate", "0")
        call(*ntspool, "member", "override", "--all", "eligible", **quiet)

    def set(self, name, value):
        call(BIN / "ntspool", "--state", self.state, "zone", "set", name, value)

    def serve(self, locations, log, workers=1, cores="0", prefix=()):
        server = Server("ntspoold", cores, log)
        return server.run([*prefix, BIN / "ntspoold", "--state", self.state, "--listen", f"127.0.0.1@{server.port}", "--workers",
                           workers, "--locations", locations])


def knot(pool, locations, log, geoip):
    """Knot, the static zone signed at load; with `geoip`, SRV by mod-geoip, one fixed set a country."""
    server = Server("Knot geoip" if geoip else "Knot static", "0", log)
    own = pool.directory / f"knot-{int(geoip)}"
    own.mkdir()
    module = f"""mod-geoip:
  - id: geo
    config-file: {pool.directory}/geo.knot
    ttl: 150
    mode: geodb
    geodb-file: {locations}
    geodb-key: [ "country/iso_code" ]
    policy: p
"""
    (own / "knot.conf").write_text(f"""server:
    rundir: {own}
    listen: 127.0.0.1@{server.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    user: root:root
    edns-client-subnet: on
database:
    storage: {own}
policy:
  - id: p
    algorithm: ecdsap256sha256
{module if geoip else ""}zone:
  - domain: pool.test
    file: {pool.directory}/static.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
{"    module: mod-geoip/geo" if geoip else ""}
""")
    command = ["knotd", "-c", own / "knot.conf"]
    if geoip:  # the first start makes the keys, which the module wants to find
        server.run(command).stop()
    return server.run(command)


def nsd(pool, log):
    """NSD, the static zone signed by ldns."""
    server = Server("NSD static", "0", log)
    own = pool.directory / "nsd"
    own.mkdir()
    key = call("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "pool.test", cwd=own, stdout=subprocess.PIPE).stdout.strip()
    call("ldns-signzone", "-f", own / "pool.zone", pool.directory / "static.zone", own / key, cwd=own)
    (own / "nsd.conf").write_text(f"""server:
    ip-address: 127.0.0.1@{server.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{own}"
    database: ""
    pidfile: "{own}/pid"
    xfrdfile: "{own}/xfrd"
    zonelistfile: "{own}/list"
    xfrdir: "{own}"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: pool.test
    zonefile: "pool.zone"
""")
    server.run(["nsd", "-d", "-c", own / "nsd.conf"])
    # A child of a child answers.
    children = pathlib.Path(f"/proc/{server.cpu_pid}/task/{server.cpu_pid}/children").read_text().split()
    while children:
        server.cpu_pid = int(children[0])
        children = pathlib.Path(f"/proc/{server.cpu_pid}/task/{server.cpu_pid}/children").read_text().split()
    return server


def peers():
    """The makers of those that are installed."""
    found = []
    if shutil.which("knotd"):
        found.append(lambda pool, locations, log: knot(pool, locations, log, True))
        found.append(lambda pool, locations, log: knot(pool, locations, log, False))
    if shutil.which("nsd") and shutil.which("ldns-signzone"):
        found.append(lambda pool, locations, log: nsd(pool, log))
    return found
