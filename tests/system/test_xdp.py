"""ntspoold answers by XDP: what it takes, what it leaves to the network stack, and what happens where XDP can't be used."""

import json
import socket

import dns.flags
import dns.message
import pytest

from machine import until
from pool import APEX, BIN, SRV, Pool
from question import DO, make_opt, make_query
from tapreader import Reader
from veth import FAR, FAR4, FAR6, NEAR, NEAR4, NEAR6, FarMachine, ethernet, exchange, ipv4, ipv6, udp

BY_XDP = f"answers the queries of {FAR} by XDP: 1 queue from 0 on, native, copy"
SO_RCVBUFFORCE = 33
QUERY = make_query(APEX, "SOA", opt=DO)


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    machine = FarMachine(tmp_path_factory.mktemp("far"))
    yield machine
    machine.close()


def answered(reply):
    """True for an answer to QUERY."""
    return reply is not None and dns.message.from_wire(reply).answer != []


def serve(far, *options, name="pool", port=53, listen=None):
    pool = Pool(far, name=name, address=FAR4, port=port)
    pool.apex = APEX
    if not pool.state.exists():
        pool.init()
    (far.directory / f"{name}-ntspoold.log").unlink(missing_ok=True)
    pool.socket = far.directory / f"{name}.sock"
    pool.serve("--workers", "1", "--metrics", f"unix:{pool.socket}", *options, listen=listen)
    return pool


def serve_under(far, command, *options):
    """A server that a command starts, which takes rights away."""
    start = far.start
    far.start = lambda name, argv, **more: start(name, [*command, *argv], **more)
    try:
        return serve(far, *options)
    finally:
        far.start = start


def count(pool, metric="queries"):
    """The sum of a metric of XDP over all queues."""
    samples = pool.json("stats", "--all", "--socket", pool.socket)["samples"]
    return sum(each["value"] for each in samples if each["name"] == f"ntspool_xdp_{metric}_total")


def grew(pool, before, by, metric="queries"):
    """The metric grows by just so much. The text is kept for a second, so the last query sent must be among those counted."""
    until(lambda: count(pool, metric) >= before + by, 20, f"{metric} grow by {by}")
    assert count(pool, metric) == before + by


def program_of(far, interface=FAR):
    """The id of the XDP program on the interface, or None."""
    (link,) = json.loads(far.far("ip", "-json", "link", "show", "dev", interface).stdout)
    return link["xdp"]["prog"]["id"] if "xdp" in link else None


@pytest.fixture
def pool(far):
    pool = serve(far, "--xdp", FAR, listen=["0.0.0.0@53", "::@53"])
    pool.server.said(BY_XDP)
    yield pool
    pool.stop()
    assert program_of(far) is None


class Line:
    """Sends frames as they are, and receives at a UDP socket what comes back."""

    def __init__(self, address=""):
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.raw.bind((NEAR, 0))
        self.udp = socket.socket(socket.AF_INET6 if address else socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 0))
        self.udp.settimeout(20)
        self.ports = (self.udp.getsockname()[1], 53)

    def send(self, *frames):
        for frame in frames:
            self.raw.send(frame)
        return self

    def reply(self):
        return self.udp.recv(65535)

    def silent(self):
        """Nothing has come."""
        self.udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.udp.recv(65535)
        self.udp.settimeout(20)
        return True

    def close(self):
        self.raw.close()
        self.udp.close()


@pytest.fixture
def line():
    line = Line()
    yield line
    line.close()


# What XDP takes

@pytest.mark.parametrize("address", [FAR4, FAR6])
def test_queries_to_a_wildcard_are_answered_by_xdp(pool, address):
    before = count(pool)
    for _ in range(5):
        assert answered(exchange(QUERY, address=address))
    grew(pool, before, 5)


def test_a_burst_of_queries_is_answered(pool, line):
    """More than a batch, and more than the kernel sends at once."""
    before = count(pool)
    frames = [ethernet(ipv4(udp(make_query(f"x{number}.{APEX}", "A", opt=DO), ports=line.ports))) for number in range(500)]
    line.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    line.send(*frames)
    names = {dns.message.from_wire(line.reply()).question[0].name for _ in frames}
    assert len(names) == 500
    grew(pool, before, 500)


def test_a_query_with_a_priority_tag_is_answered(pool, line):
    """802.1p: VLAN 0 is no VLAN."""
    before = count(pool)
    assert answered(line.send(ethernet(ipv4(udp(QUERY, ports=line.ports)), tag=0xe000)).reply())
    grew(pool, before, 1)


def test_a_flood_of_some_networks_leaves_others_their_answers(pool, line):
    """The server can't keep up with the flood, which no rate limit slows."""
    pool.cli("zone", "set", "rrl-rate", "0")
    flood = [ethernet(ipv4(udp(make_query(f"x{number}.{APEX}", "A", opt=DO), source=f"10.0.{number % 4}.1"), source=f"10.0.{number % 4}.1"))
             for number in range(4096)]

    def shed():
        line.send(*flood)
        return count(pool, "shed") > 0
    until(shed, 60, "the program drops queries of the flood")
    line.send(*flood)
    until(lambda: answered(exchange(QUERY, timeout=2)), 30, "another network gets an answer")


def test_tcp_goes_on_beside_xdp(pool):
    before = count(pool)
    name = f"{'x' * 60}.{APEX}"
    short = dns.message.from_wire(exchange(make_query(name, "A", opt=make_opt(512, 0x8000))))
    assert short.flags & dns.flags.TC and not short.authority
    assert pool.ask(name, "A", tcp=True, dnssec=True).authority
    grew(pool, before, 1)


def test_a_datagram_without_checksum_is_answered(pool, line):
    before = count(pool)
    datagram = udp(QUERY, ports=line.ports)
    assert answered(line.send(ethernet(ipv4(datagram[:6] + b"\0\0" + datagram[8:]))).reply())
    grew(pool, before, 1)


def test_a_damaged_datagram_is_not_answered(pool, line):
    before, faulty = count(pool), count(pool, "faulty")
    datagram = udp(QUERY, ports=line.ports)
    line.send(ethernet(ipv4(datagram[:-1] + bytes([datagram[-1] ^ 1]))))
    assert answered(exchange(QUERY)) and line.silent()
    grew(pool, before, 1)
    grew(pool, faulty, 1, "faulty")


def test_dnstap_notes_what_xdp_answers(far):
    path = far.directory / "tap.sock"
    reader = Reader(path)
    pool = serve(far, "--xdp", FAR, "--dnstap", f"unix:{path}")
    try:
        pool.server.said(f"dnstap: {path} reads")
        query = make_query(SRV, "SRV", opt=DO)
        reply = exchange(query)
        until(lambda: reader.events and reader.events[-1].message == reply, 20, "the reply is noted")
        asked, replied = reader.events[-2:]
        assert asked.kind == "query" and asked.message == query and asked.server == replied.server == (FAR4, 53)
        assert replied.kind == "response" and asked.client == replied.client and asked.client[0] == NEAR4
    finally:
        pool.stop()
        reader.close()


# What it leaves to the stack

STACK = {
    "fragments": lambda ports: [ethernet(ipv4(udp(QUERY, ports=ports)[:24], fragment=0x2000)),
                                ethernet(ipv4(udp(QUERY, ports=ports)[24:], fragment=3))],
    "IPv4 options": lambda ports: [ethernet(ipv4(udp(QUERY, ports=ports), options=b"\1\1\1\0"))],
    "a long query": lambda ports: [ethernet(ipv4(udp(QUERY + bytes(1300 - len(QUERY)), ports=ports)))],
}


@pytest.mark.parametrize("kind", STACK)
def test_the_stack_answers(pool, line, kind):
    before = count(pool)
    reply = line.send(*STACK[kind](line.ports)).reply()
    assert reply[:2] == QUERY[:2]
    assert answered(exchange(QUERY))
    grew(pool, before, 1)


def test_the_stack_answers_ipv6_with_an_extension_header(pool):
    line, before = Line("::"), count(pool)
    options = b"\x11\0\1\4\0\0\0\0"  # the next header, and padding
    datagram = udp(QUERY, NEAR6, FAR6, ports=line.ports)
    try:
        assert answered(line.send(ethernet(ipv6(options + datagram, header=60), kind=0x86dd)).reply())
        assert answered(line.send(ethernet(ipv6(datagram), kind=0x86dd)).reply())
    finally:
        line.close()
    grew(pool, before, 1)


@pytest.mark.parametrize("frame", [
    lambda ports: ethernet(ipv4(udp(QUERY, ports=ports)), tag=5),
    lambda ports: ethernet(ipv4(udp(QUERY, ports=ports)), to="02:00:00:00:00:77"),
    lambda ports: ethernet(ipv4(udp(QUERY, ports=(ports[0], 54)))),
    lambda ports: ethernet(ipv4(udp(QUERY, target="192.0.2.77", ports=ports), target="192.0.2.77")),
], ids=["a VLAN that the machine is not in", "another machine's frame", "another port", "another address"])
def test_what_is_not_for_the_server_is_not_answered(pool, line, frame):
    before = count(pool)
    line.send(frame(line.ports))
    assert answered(exchange(QUERY)) and line.silent()
    grew(pool, before, 1)


def test_three_capabilities_and_eight_mebibytes_are_enough(far):
    """And CAP_NET_BIND_SERVICE for port 53, as without XDP."""
    rights = "-all,+net_raw,+net_admin,+bpf,+net_bind_service"
    pool = serve_under(far, ("prlimit", "--memlock=8388608", "setpriv", f"--bounding-set={rights}"), "--xdp", FAR)
    pool.server.said(BY_XDP)
    assert answered(exchange(QUERY))
    pool.stop()


# Where XDP can't be used, sockets answer

def sockets_answer(far, why, *options, before=()):
    """The server starts, says in one line why XDP is not used, and answers."""
    pool = serve_under(far, before, *options)
    try:
        lines = [text for text in pool.server.output().splitlines() if "XDP" in text]
        assert len(lines) == 1 and lines[0].endswith(why), pool.server.output()
        assert answered(exchange(QUERY))
        assert pool.json("stats", "--socket", pool.socket)
    finally:
        pool.stop()


@pytest.mark.parametrize("place, why", [
    (f"{FAR}:1", f"sockets answer the queries of {FAR}, not XDP: there is no such queue"),
    ("none0", "sockets answer the queries of none0, not XDP: there is no such interface"),
    ("lo", "sockets answer the queries of lo, not XDP: it is no Ethernet"),
])
def test_what_can_t_be_used_is_said(far, place, why):
    sockets_answer(far, why, "--xdp", place)


def test_a_check_before_the_start_warns(far):
    """From a configuration file, as an operator would have it."""
    pool = Pool(far, name="checked", address=FAR4).init()
    conf = far.write("ntspoold.yaml", f"state: {pool.state}\nlisten: ['{FAR4}@53']\nxdp: [{FAR}, '{FAR}:7', none0]\n")
    done = far.far(BIN / "ntspoold", "--config", conf, "--check", check=False)
    assert done.returncode == 0, done.stderr
    assert f"sockets answer the queries of {FAR}, not XDP: there is no such queue" in done.stderr
    assert "sockets answer the queries of none0, not XDP: there is no such interface" in done.stderr
    assert done.stderr.count("XDP") == 2


@pytest.mark.parametrize("lacks, why", [
    ("net_raw", f"{FAR}, queue 0, not XDP: it needs CAP_NET_RAW at the start"),
    ("net_admin,-sys_admin", f"{FAR}, not XDP: it needs CAP_BPF and CAP_NET_ADMIN at the start"),
    ("bpf,-sys_admin", f"{FAR}, not XDP: it needs CAP_BPF and CAP_NET_ADMIN at the start"),
])
def test_missing_rights_are_said(far, lacks, why):
    sockets_answer(far, f"sockets answer the queries of {why}", "--xdp", FAR, before=("setpriv", f"--bounding-set=-{lacks}"))


def test_too_little_locked_memory_is_said(far):
    why = "the limit of locked memory is too low: each queue needs 8 MiB (LimitMEMLOCK=), or give CAP_IPC_LOCK"
    sockets_answer(far, f"sockets answer the queries of {FAR}, queue 0, not XDP: {why}", "--xdp", FAR,
                   before=("prlimit", "--memlock=1048576", "setpriv", "--bounding-set=-ipc_lock"))


def test_an_interface_that_is_down_is_said(far):
    far.far("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
    try:
        sockets_answer(far, "sockets answer the queries of other0, not XDP: it is down", "--xdp", "other0")
        far.far("ip", "link", "set", "other0", "up", "mtu", "1279")
        sockets_answer(far, "sockets answer the queries of other0, not XDP: its MTU is under 1280", "--xdp", "other0")
    finally:
        far.far("ip", "link", "delete", "other0")


def test_another_program_keeps_its_place(far, pool):
    first = program_of(far)
    other = serve(far, "--xdp", FAR, name="other", port=54)
    try:
        other.server.said(f"sockets answer the queries of {FAR}, not XDP: the interface has an XDP program already")
        assert answered(exchange(QUERY, port=54)) and answered(exchange(QUERY))
        assert program_of(far) == first is not None
    finally:
        other.stop()
    assert program_of(far) == first


def test_drivers_without_xdp_give_the_generic_mode(far):
    """veth refuses a program while the MTU of its peer is more than a page."""
    for side, name in ((far.near, NEAR), (far.far, FAR)):
        side("ip", "link", "set", name, "mtu", "9000")
    pool = None
    try:
        pool = serve(far, "--xdp", f"{FAR}:0")
        pool.server.said(f"answers the queries of {FAR} by XDP: 1 queue from 0 on, generic")
        before = count(pool)
        for _ in range(3):
            assert answered(exchange(QUERY))
        grew(pool, before, 3)
    finally:
        if pool:
            pool.stop()
        for side, name in ((far.near, NEAR), (far.far, FAR)):
            side("ip", "link", "set", name, "mtu", "1500")


# Links and servers that go away

def test_answers_come_again_after_the_link_was_down(far, pool):
    before = count(pool)
    assert answered(exchange(QUERY))
    far.far("ip", "link", "set", FAR, "down")
    far.far("ip", "link", "set", FAR, "up")
    until(lambda: answered(exchange(QUERY, timeout=1)), 30, "an answer after the link was down")
    until(lambda: count(pool) > before + 1, 20, "XDP answers after the link was down")


def test_nothing_is_left_of_a_server_that_was_killed(far):
    pool = serve(far, "--xdp", FAR)
    assert program_of(far) is not None
    pool.kill()
    until(lambda: program_of(far) is None, 20, "the program is gone")
    pool = serve(far)
    assert answered(exchange(QUERY))
    pool.stop()


def test_a_successor_answers_by_sockets_and_the_next_server_by_xdp(far):
    pool = serve(far, "--xdp", FAR)
    first = pool.server
    pool.serve("--workers", "1", "--xdp", FAR, "--metrics", f"unix:{pool.socket}", "--takeover")
    pool.server.said("the interface has an XDP program already")
    until(lambda: not first.running, 20, "the first one has ended")
    assert answered(exchange(QUERY)) and program_of(far) is None
    pool.stop()
    pool = serve(far, "--xdp", FAR)
    pool.server.said(BY_XDP)
    pool.stop()


@pytest.mark.parametrize("value, said", [
    ("", "takes INTERFACE or INTERFACE:QUEUE"), ("a" * 16, "takes INTERFACE or INTERFACE:QUEUE"),
    (f"{FAR}:", "takes a queue from 0 to 255"), (f"{FAR}:x", "takes a queue from 0 to 255"),
    (f"{FAR}:256", "takes a queue from 0 to 255"), (f"{FAR}:1:2", "takes a queue from 0 to 255"),
])
def test_what_is_no_interface_is_refused(far, value, said):
    done = far.far(BIN / "ntspoold", "--xdp", value, check=False)
    assert done.returncode == 2 and said in done.stderr, done.stderr
