"""TCP: pipelining, framing, slow and idle clients, limits (RFC 7766, RFC 9210)."""

import socket
import struct
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

from pool import APEX, Pool
from question import make_opt, make_query

IDLE = 10  # seconds, as announced by keepalive


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = Pool(shared_machine).init()
    pool.add("alice", "127.0.1.1", "2001:db8::11")
    pool.serve("--workers", "1")
    yield pool
    pool.stop()


def connect(source="127.0.0.1", receive_room=None):
    client = socket.socket()
    if receive_room:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_room)
    client.bind((source, 0))
    client.settimeout(5)
    client.connect(("127.0.0.1", 53))
    return client


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def receive(client, count):
    """Exactly `count` octets, or fewer if the connection ends."""
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def reply(client):
    """The next message, or None if the connection has ended."""
    head = receive(client, 2)
    return receive(client, struct.unpack("!H", head)[0]) if head else None


def is_closed(client, timeout=5):
    client.settimeout(timeout)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


SOA = make_query(APEX, "SOA")


def test_client_that_is_done_sending_gets_all_answers(zone):
    with connect() as client:
        client.sendall(b"".join(framed(make_query(APEX, "DNSKEY", opt=make_opt(ttl=0x8000), ident=i)) for i in range(1000)))
        client.shutdown(socket.SHUT_WR)
        assert {struct.unpack("!H", reply(client)[:2])[0] for _ in range(1000)} == set(range(1000))
        assert is_closed(client)


def test_slow_reader_that_is_done_sending_gets_all_answers(zone):
    """The answers exceed all buffers, so some still wait in the server when the client's FIN arrives."""
    with connect(receive_room=4096) as client:
        client.sendall(b"".join(framed(make_query(APEX, "DNSKEY", opt=make_opt(ttl=0x8000), ident=i)) for i in range(8000)))
        client.shutdown(socket.SHUT_WR)
        time.sleep(1)
        assert [struct.unpack("!H", reply(client)[:2])[0] for _ in range(8000)] == list(range(8000))
        assert is_closed(client)


def test_octet_by_octet(zone):
    with connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in framed(SOA):
            client.sendall(bytes([octet]))
            time.sleep(0.01)
        assert reply(client)[3] & 15 == dns.rcode.NOERROR


@pytest.mark.parametrize("length", [0, 1, 11])
def test_message_shorter_than_a_header_ends_the_connection(zone, length):
    with connect() as client:
        client.sendall(framed(SOA) + struct.pack("!H", length) + bytes(length) + framed(SOA))
        assert reply(client)[3] & 15 == dns.rcode.NOERROR, "what came before is answered"
        assert is_closed(client)


@pytest.mark.parametrize("size", [4096, 65534, 65535])
def test_longest_messages(zone, size):
    room = size - len(make_query(APEX, "SOA", opt=make_opt())) - 4
    query = make_query(APEX, "SOA", opt=make_opt(options=struct.pack("!HH", 12, room) + bytes(room)))
    assert len(query) == size
    with connect() as client:
        for _ in range(3):
            client.sendall(framed(query) + framed(SOA))
            for edns in (0, -1):
                answer = dns.message.from_wire(reply(client))
                assert answer.rcode() == dns.rcode.NOERROR and answer.answer and answer.edns == edns


def test_end_within_a_message(zone):
    for cut in range(1, len(framed(SOA))):
        with connect() as client:
            client.sendall(framed(SOA) + framed(SOA)[:cut])
            client.shutdown(socket.SHUT_WR)
            assert reply(client)[:2] == SOA[:2] and is_closed(client)


def test_one_network_has_64_connections(zone):
    other = connect("127.0.9.1")
    clients = [connect(f"127.0.0.{1 + i % 9}") for i in range(80)]
    try:
        for client in clients[16:] + [other]:
            client.sendall(framed(SOA))
            assert reply(client)[3] & 15 == dns.rcode.NOERROR
        assert all(is_closed(client) for client in clients[:16]), "those idle for longest made room"
    finally:
        for client in clients + [other]:
            client.close()


def test_idle_slow_and_stalled_clients_are_closed_in_time(zone):
    """One test for all of them, since each takes the idle time."""
    with connect() as idle, connect() as slow, connect() as busy, connect(receive_room=4096) as stalled:
        began = time.monotonic()
        stalled.settimeout(0.5)
        flood = b"".join(framed(make_query(APEX, "DNSKEY", opt=make_opt(ttl=0x8000))) for _ in range(1000))
        with pytest.raises(socket.timeout):
            for _ in range(100):
                stalled.sendall(flood)
        while time.monotonic() - began < IDLE + 3:
            time.sleep(0.5)
            busy.sendall(framed(SOA))
            assert reply(busy)[3] & 15 == dns.rcode.NOERROR
            try:
                slow.sendall(framed(SOA)[:1] if time.monotonic() - began < 1 else b"")
            except OSError:
                pass
        assert is_closed(idle, 0.5) and is_closed(slow, 0.5)
        stalled.settimeout(1)
        with pytest.raises(OSError):
            for _ in range(3):
                stalled.sendall(flood)
    assert zone.ask(APEX, "SOA", tcp=True).answer
