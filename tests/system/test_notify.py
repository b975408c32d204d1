"""NOTIFY(CDS) to the DSYNC target of a real parent zone (RFC 9859). BIND signs the parent, and unbound validates its answers."""

import socket
import threading

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from machine import RESOLVER, part, until
from pool import APEX, PRESET, Pool
from resolver import Unbound
from years import Clock

PARENT = APEX.split(".", 1)[1]
PARENT_SERVER = "127.0.0.57"
TARGET, PORT = "127.0.0.58", 5309

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


def _dsync(rdtype, scheme, port, target):
    """A DSYNC record (RFC 9859 2.1) in the generic form (RFC 3597 5), since BIND 9.18 does not know the type."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in target.split(".")) + b"\0"
    rdata = rdtype.to_bytes(2, "big") + bytes([scheme]) + port.to_bytes(2, "big") + labels
    return f"TYPE66 \\# {len(rdata)} {rdata.hex()}"


def _serve_parent(machine, dsync):
    machine.add_address(PARENT_SERVER)
    directory = machine.directory / "parent"
    directory.mkdir()
    (directory / "zone").write_text("\n".join([
        "$TTL 5", f"@ SOA ns.{PARENT}. hostmaster.{PARENT}. 1 3600 600 86400 5", f"@ NS ns.{PARENT}.", f"ns A {PARENT_SERVER}",
        f"{APEX}. NS ns1.{APEX}.", f"ns1.{APEX}. A 127.0.0.1", f"notify.example.{PARENT}. A {TARGET}", *dsync]) + "\n")
    conf = machine.write("parent.conf", f"""
options {{ directory "{directory}"; listen-on {{ {PARENT_SERVER}; }}; listen-on-v6 {{ none; }}; pid-file none; session-keyfile none;
          recursion no; dnssec-validation no; empty-zones-enable no; notify no; }};
controls {{ }};
zone "{PARENT}" {{ type primary; file "zone"; inline-signing yes; dnssec-policy default; key-directory "{directory}"; }};
""")
    machine.start("parent", [part("usr/sbin/named"), "-f", "-g", "-n", "1", "-c", conf])

    def keys():
        query = dns.message.make_query(PARENT, "DNSKEY", want_dnssec=True)
        try:
            reply = dns.query.udp(query, PARENT_SERVER, timeout=1)
        except (OSError, dns.exception.Timeout):
            return None
        return len(reply.answer) == 2 and reply.answer[0]
    return until(keys, 20, "the parent is signed")


class Receiver:
    """Receives notifications and refuses the first `refusals`."""

    def __init__(self, refusals):
        self.refusals = refusals
        self.taken = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((TARGET, PORT))
        self.socket.settimeout(0.1)
        self.ended = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.ended:
            try:
                octets, source = self.socket.recvfrom(1232)
            except TimeoutError:
                continue
            message = dns.message.from_wire(octets)
            reply = dns.message.make_response(message)
            if self.refusals:
                self.refusals -= 1
                reply.set_rcode(dns.rcode.REFUSED)
            else:
                self.taken.append(message)
            self.socket.sendto(reply.to_wire(), source)

    def close(self):
        self.ended = True
        self.thread.join()
        self.socket.close()


# Where the parent has its DSYNC records: for each child or for all. A record for another type than CDS must not be used.
PLACES = {"child": [f"{APEX.split('.')[0]}._dsync {_dsync(59, 1, PORT, f'notify.example.{PARENT}')}"],
          "all": [f"_dsync {_dsync(62, 1, PORT + 1, f'notify.example.{PARENT}')}",
                  f"_dsync {_dsync(59, 1, PORT, f'notify.example.{PARENT}')}"]}


@pytest.mark.parametrize("place", PLACES)
def test_the_parent_is_notified_until_it_follows(machine, monkeypatch, place):
    keys = _serve_parent(machine, PLACES[place])
    anchor = machine.write("anchor", keys.to_text() + "\n")
    Unbound(machine, PARENT, anchor, server=PARENT_SERVER)
    clock = Clock(machine.directory, monkeypatch)
    receiver = Receiver(refusals=1)
    pool = Pool(machine).init()
    try:
        pool.serve()
        pool.cli("zone", "set", "propagation-delay", "60")
        pool.cli("zone", "set", "ds-resolver", RESOLVER)
        clock.move(11 * 60)
        pool.server.said("does not take the notification of CDS (RCODE 5)")
        clock.move(11 * 60)
        pool.server.said(f"the parent's notify.example.{PARENT}. was notified of CDS")
        (message,) = receiver.taken
        assert message.opcode() == dns.opcode.NOTIFY and message.flags & dns.flags.AA
        (question,) = message.question
        assert question.name.to_text() == f"{APEX}." and question.rdtype == dns.rdatatype.CDS
        for _ in range(3):  # the server looks for the DS and sends the parent nothing
            clock.move(11 * 60)
        clock.move(50 * 60)
        until(lambda: len(receiver.taken) == 2, 20, "an hour later it is notified again")
        pool.cli("key", "ds-seen")
        clock.move(2 * 3600)
        until(lambda: pool.ask(APEX, "SOA").answer, 20, "an answer")
        assert len(receiver.taken) == 2
    finally:
        receiver.close()
    pool.stop()
