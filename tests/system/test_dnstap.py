"""dnstap: what a reader gets of queries and answers; readers that are away, go away or stop reading."""

import re
import shutil
import signal
import socket
import subprocess
import time

import dns.message
import pytest

from machine import Process, until
from pool import APEX, BIN, SRV, Pool, environment
from question import make_opt, make_query
from tapreader import Reader

DNSKEY = make_query(APEX, "DNSKEY", opt=make_opt(ttl=0x8000))


@pytest.fixture
def path(machine):
    return machine.directory / "tap.sock"


@pytest.fixture
def reader(path):
    reader = Reader(path)
    yield reader
    reader.close()


def start(pool, path, *options, listen=None):
    pool.serve("--workers", "1", "--dnstap", f"unix:{path}", *options, listen=listen)
    return pool


def served(pool, path, *options, listen=None):
    """A server that the reader is connected to."""
    start(pool, path, *options, listen=listen).server.said(f"dnstap: {path} reads")
    return pool


def totals(pool):
    """Frames written and dropped, as the server counts them."""
    def lines():
        return re.findall(r"dnstap frames (\d+) dropped (\d+)", pool.server.output())
    before = len(lines())
    pool.server.child.send_signal(signal.SIGUSR1)
    until(lambda: len(lines()) > before, 20, "the counters are in the log")
    return tuple(int(number) for number in lines()[-1])


def ask(address, wire, tcp=False):
    """The client's address, and the answer as it came."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect((address, 53))
        client.sendall((len(wire).to_bytes(2, "big") if tcp else b"") + wire)
        data = client.recv(65535)
        while tcp and len(data) < 2 + int.from_bytes(data[:2], "big"):
            data += client.recv(65535)
        return client.getsockname()[:2], data[2:] if tcp else data


@pytest.mark.parametrize("listen", [["127.0.0.1@53", "::1@53"], ["0.0.0.0@53", "::@53"]], ids=["address", "wildcard"])
def test_reader_gets_each_message_as_it_was_sent(pool, path, reader, listen):
    pool.machine.add_address("127.0.0.8", "2001:db8::53")
    served(pool, path, "--nsid", "ns1.test", listen=listen)
    began = time.time()
    servers = ["127.0.0.1", "::1"] if "127.0.0.1@53" in listen else ["127.0.0.8", "2001:db8::53"]
    exchanges = []
    for number, (server, tcp) in enumerate((server, tcp) for server in servers for tcp in (False, True)):
        query = make_query(SRV if tcp else f"gone.{APEX}", "SRV" if tcp else "A", opt=make_opt(ttl=0x8000), ident=7000 + number)
        client, answer = ask(server, query, tcp)
        exchanges.append((client, (server, 53), "tcp" if tcp else "udp", query, answer))
    for client, server, transport, query, answer in exchanges:
        def found():
            return [event for event in reader.events if event.client == client and event.transport == transport]
        until(lambda: len(found()) == 2, 20, "both frames are there")
        asked, answered = found()
        assert (asked.kind, asked.message, asked.server) == ("query", query, server)
        assert (answered.kind, answered.message, answered.server) == ("response", answer, server)
        assert began - 1 < asked.asked == answered.asked <= answered.answered < time.time() + 1
        assert asked.identity == answered.identity == "ns1.test" and asked.version.startswith("ntspoold 0.")
    pool.stop()
    until(lambda: reader.ended == 1, 20, "the server says goodbye")


def test_identity_without_nsid_is_the_host_name_and_a_query_without_answer_is_noted(pool, path, reader):
    served(pool, path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 53))
        client.send(b"no DNS")
        until(lambda: any(event.message == b"no DNS" for event in reader.events), 20, "the octets are noted")
        event, = (event for event in reader.events if event.client == client.getsockname())
    assert event.kind == "query" and event.identity == socket.gethostname()


def test_sample_of_one_in_five_notes_one_batch_in_five(pool, path, reader):
    """Each query waits for its answer, so it is a batch of its own."""
    served(pool, path, "--dnstap-sample", "5")
    clients = [ask("127.0.0.1", make_query(APEX, "SOA", ident=number))[0] for number in range(100)]

    def events():
        return [event for event in reader.events if event.client in clients]
    until(lambda: len(events()) >= 40, 20, "a fifth of the queries is noted")
    until(lambda: totals(pool) == (len(reader.events), 0), 20, "nothing is missing, nothing is on its way")
    assert [event.kind for event in events()] == ["query", "response"] * 20
    numbers = [int.from_bytes(event.message[:2], "big") for event in events()[::2]]
    assert numbers == list(range(numbers[0], 100, 5))


def blast(count):
    """Sends `count` queries as fast as they are answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", 53))
        for _ in range(count // 50):
            for _ in range(50):
                client.send(DNSKEY)
            for _ in range(50):
                client.recv(4096)


def test_reader_that_stops_reading_costs_frames_and_no_answer(pool, path):
    reader = Reader(path, reads=False)
    served(pool, path)
    before = sum(totals(pool)) // 2  # queries until the server answered
    count = 10000  # far more than the queue and the socket hold
    blast(count)
    until(lambda: totals(pool)[1] > 0, 20, "frames are dropped")
    reader.go_on()
    until(lambda: sum(totals(pool)) >= 2 * count, 30, "each frame is written or dropped")
    ask("127.0.0.1", make_query(SRV, "SRV", ident=1))
    until(lambda: any(event.message[:2] == b"\0\1" for event in reader.events), 20, "new frames get through")
    until(lambda: totals(pool)[0] == len(reader.events), 20, "what is counted as written has arrived")
    assert sum(totals(pool)) >= 2 * (count + 1) + before and totals(pool)[1] < 2 * count
    reader.close()


def test_server_ends_in_time_under_a_reader_that_does_not_read(pool, path):
    reader = Reader(path, reads=False)
    served(pool, path)
    blast(5000)
    pool.stop()
    reader.close()


def test_reader_that_comes_later_or_comes_back_is_found(pool, path):
    start(pool, path).server.said(f"dnstap: {path}: No such file or directory; tries again each second")
    ask("127.0.0.1", DNSKEY)
    assert totals(pool)[0] == 0 and totals(pool)[1] >= 2
    for times in (1, 2):
        reader = Reader(path)
        until(lambda: reader.hello == 1, 20, "the server connects")
        until(lambda: ask("127.0.0.1", DNSKEY) and reader.events, 20, "frames arrive")
        reader.close()
        path.unlink()
        until(lambda: pool.server.output().count("has gone") == times, 20, "the server notices it without a query")
    assert ask("127.0.0.1", DNSKEY)


def test_peer_that_speaks_no_frame_streams_harms_nothing(pool, path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        start(pool, path)
        for said in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\0\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\4\0\0\0\2", b"\0\0\0\0\0\0\2\0" + b"\xaa" * 512):
            peer, _ = listener.accept()
            peer.sendall(said)
            peer.shutdown(socket.SHUT_WR)
            assert ask("127.0.0.1", DNSKEY)
            pool.server.said("no reader of dnstap")
            peer.close()
        silent, _ = listener.accept()
        assert ask("127.0.0.1", DNSKEY)
        assert totals(pool)[0] == 0
        pool.stop()  # in time, though it still waits for an answer
        silent.close()


def test_both_servers_of_a_takeover_write(pool, path, reader):
    served(pool, path, "--nsid", "first")
    first, options = pool.server, ("--workers", "1", "--dnstap", f"unix:{path}", "--nsid", "second", "--takeover")
    second = pool.machine.start("second", [BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", *options], env=environment())
    assert first.child.wait(30) == 0
    pool.server = second
    second.said(f"dnstap: {path} reads")
    ask("127.0.0.1", make_query(APEX, "SOA", ident=2))
    until(lambda: any(event.message[:2] == b"\0\2" and event.identity == "second" for event in reader.events), 20, "the second writes")
    assert any(event.identity == "first" for event in reader.events) and reader.hello == 2


def test_tools_of_debian_read_it(pool, path):
    for tool in ("fstrm_capture", "dnstap-ldns"):
        assert shutil.which(tool), f"{tool} is not installed"
    written = pool.machine.directory / "out.tap"
    capture = Process("capture", ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", path, "-w", written], pool.machine.directory / "capture.log")
    until(path.exists, 20, "fstrm_capture listens")
    served(pool, path, "--nsid", "ns1.test")
    client, answer = ask("127.0.0.1", DNSKEY, tcp=True)
    pool.stop()
    capture.stop()
    text = subprocess.run(["dnstap-ldns", "-r", written, "-y"], capture_output=True, text=True, check=True).stdout
    documents = [part for part in text.split("---") if f"query_port: {client[1]}" in part]
    assert len(documents) == 2, text
    for part, kind in zip(documents, ("AUTH_QUERY", "AUTH_RESPONSE")):
        for line in (f"type: {kind}", 'identity: "ns1.test"', "socket_family: INET", "socket_protocol: TCP", "response_port: 53",
                     'query_address: "127.0.0.1"', 'response_address: "127.0.0.1"', f";; QUESTION SECTION:", f"{APEX}."):
            assert line in part, f"{line} is not in {part}"
    assert f"id: {dns.message.from_wire(answer).id}" in documents[1]


def test_wrong_options_are_refused(machine):
    pool = Pool(machine).init()
    absolute = "the path of a UNIX socket is absolute"
    for value, said in (("tap.sock", "takes unix:PATH"), ("file:/tmp/x", "takes unix:PATH"), ("unix:tap.sock", absolute), ("unix:", absolute),
                        ("unix:/" + 108 * "x", "the path of a UNIX socket has at most 106 octets")):
        done = subprocess.run([BIN / "ntspoold", "-s", pool.state, "--dnstap", value], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    for value in ("0", "-1", "x", "1000001"):
        done = subprocess.run([BIN / "ntspoold", "-s", pool.state, "--dnstap-sample", value], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "--dnstap-sample takes a number from 1 to 1000000" in done.stderr, done.stderr
