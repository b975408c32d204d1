"""An NTS server that is correct in everything unless its `Ways` says otherwise.

As a program: `faultserver.py DIRECTORY [NAME...]` serves every row of faults.py, or the named ones, each at its own address, with the
certificates in DIRECTORY. It prints "ready" when all rows listen.
"""

import asyncio
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from OpenSSL import SSL

import nts
from machine import RESOLVER

_LABEL = b"EXPORTER-network-time-security"
_PATIENCE = 30  # seconds, longer than any probe waits


def _same(value, _context=None):
    return value


def _once(octets, _context=None):
    return [(0, octets)]


@dataclass
class Ways:
    """How a server behaves. The defaults are correct."""
    # TCP and TLS
    tcp: Optional[str] = None  # "deaf": nothing listens; "close", "reset": closes or resets at once; "mute": sends nothing
    junk: bytes = b""  # sent instead of TLS
    certificate: str = "good"  # DIRECTORY/<this>.pem and .key
    versions: tuple = (SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION)
    alpn: Optional[bytes] = b"ntske/1"  # its choice; None: it has no ALPN; b"": no protocol in common
    wants_certificate: bool = False  # it requests one from the client
    drip_tls: float = 0  # seconds between octets of the handshake
    # NTS-KE
    aeads: tuple = (15,)  # in its order of preference
    right_export: bool = True  # keys for AES-128-GCM-SIV as in RFC 8915, announced by a record; False: as early chrony exported them
    cookie_count: int = 8
    records: Callable = _same  # (list of Record, server) -> list of Record
    pieces: Callable = _once  # octets of the answer -> [(seconds to wait, octets)]; may be endless
    close: str = "notify"  # "eof": closes TCP without close_notify; "hang": keeps it open; "reset": resets it
    # NTP
    ntp_port: Optional[int] = 123
    reply: Callable = _same  # (Reply, Request) -> Reply, or None for silence
    datagrams: Callable = _once  # (octets, Request) -> [(seconds to wait, octets)]
    forgiving: bool = False  # it treats a cookie that it can't open as the previous one
    again: str = "take"  # for a used cookie: "take", "refuse", "ignore", "garble"
    # HTTP on port 80: octets of a request -> octets of the answer; None: nothing listens
    http: Optional[Callable] = None


@dataclass
class Request:
    """An NTP request as a `Ways` sees it."""
    server: "Server"
    octets: bytes
    sender: tuple
    number: int  # within this key establishment, from 1
    aead: int


class Server:
    """One address of a faulty member."""

    def __init__(self, directory, address, ways, seal):
        self.directory = Path(directory)
        self.address = address
        self.ways = ways
        self.seal = seal  # key that seals cookies
        self.latest = None  # newest session: AEAD algorithm and keys
        self.offered = []  # AEAD algorithms in the newest request
        self.counts = {}
        self.used = set()  # cookies that arrived
        self.kept = []  # references, so that servers are not garbage-collected

    # -- NTS-KE

    def _context(self):
        ways = self.ways
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")  # OpenSSL must load weak certificates too
        context.set_min_proto_version(ways.versions[0])
        context.set_max_proto_version(ways.versions[1])
        context.use_certificate_chain_file(str(self.directory / f"{ways.certificate}.pem"))
        context.use_privatekey_file(str(self.directory / f"{ways.certificate}.key"))
        if ways.wants_certificate:
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        if ways.alpn is not None:
            context.set_alpn_select_callback(self._choose_protocol)
        return context

    def _choose_protocol(self, _tls, _offered):
        if not self.ways.alpn:
            raise SSL.Error("no protocol in common")  # the library sends the alert
        return self.ways.alpn

    async def _flush(self, tls, writer, drip=0):
        while True:
            try:
                octets = tls.bio_read(65536)
            except SSL.WantReadError:
                return
            for piece in [octets[i:i + 1] for i in range(len(octets))] if drip else [octets]:
                if writer.transport.is_closing():
                    raise ConnectionError
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(drip)

    async def _until_done(self, tls, reader, writer, step):
        """Calls `step` until it needs no more octets."""
        while True:
            try:
                return step()
            except SSL.WantReadError:
                await self._flush(tls, writer, self.ways.drip_tls)
                octets = await asyncio.wait_for(reader.read(4096), _PATIENCE)
                if not octets:
                    raise ConnectionError from None
                tls.bio_write(octets)
            except SSL.Error:
                await self._flush(tls, writer)  # the alert
                raise

    async def _read_request(self, tls, reader, writer):
        octets = b""
        while not any(record.type == nts.END for record in nts.decode_records(octets)):
            octets += await self._until_done(tls, reader, writer, lambda: tls.recv(4096))
        return nts.decode_records(octets)

    def _session_of(self, tls, aead):
        export = nts.SIV_256 if aead == nts.GCM_SIV and not self.ways.right_export else aead
        length = nts.KEY_LENGTHS[aead]
        return aead, *(tls.export_keying_material(_LABEL, length, struct.pack("!HHB", 0, export, way)) for way in (0, 1))

    def _answer(self, tls, request):
        self.offered = [number for record in request if record.type == nts.AEAD
                        for (number,) in struct.iter_unpack("!H", record.body)]
        aead = next((number for number in self.ways.aeads if number in self.offered), None)
        records = [nts.Record(nts.NEXT_PROTOCOL, nts.u16(0), True)]
        if aead is None:
            records.append(nts.Record(nts.AEAD, b"", True))
        else:
            session = self._session_of(tls, aead)
            records.append(nts.Record(nts.AEAD, nts.u16(aead), True))
            if aead == nts.GCM_SIV and self.ways.right_export and any(one.type == nts.RIGHT_EXPORT for one in request):
                records.append(nts.Record(nts.RIGHT_EXPORT))
            records += [nts.Record(nts.COOKIE, self.cookie(*session)) for _ in range(self.ways.cookie_count)]
        return self.ways.records([*records, nts.Record(nts.END, b"", True)], self)

    async def _talk(self, reader, writer):
        ways = self.ways
        tls = SSL.Connection(self._context(), None)
        tls.set_accept_state()
        await self._until_done(tls, reader, writer, tls.do_handshake)
        await self._flush(tls, writer, ways.drip_tls)
        request = await self._read_request(tls, reader, writer)
        answer = b"".join(record.encode() for record in self._answer(tls, request))
        for wait, octets in ways.pieces(answer):
            await asyncio.sleep(wait)
            for start in range(0, len(octets), 4096):
                tls.send(octets[start:start + 4096])
            await self._flush(tls, writer)
        if ways.close == "hang":
            await asyncio.wait_for(reader.read(), _PATIENCE)
        elif ways.close == "reset":
            self._reset(writer)
        elif ways.close == "notify":
            tls.shutdown()
            await self._flush(tls, writer)

    @staticmethod
    def _reset(writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _on_connection(self, reader, writer):
        try:
            if self.ways.tcp == "reset":
                self._reset(writer)
            elif self.ways.tcp == "mute":
                await asyncio.wait_for(reader.read(), _PATIENCE)
            elif self.ways.junk:
                await reader.read(1)
                writer.write(self.ways.junk)
                await writer.drain()
            elif self.ways.tcp is None:
                await self._talk(reader, writer)
        except (SSL.Error, OSError, asyncio.TimeoutError):
            pass  # the probe may hang up
        finally:
            writer.close()

    # -- cookies: the sealed data of a session

    def cookie(self, aead, c2s, s2c):
        nonce = os.urandom(16)
        return nonce + nts.siv_seal(self.seal, struct.pack("!I", aead) + c2s + s2c, nonce)

    def _session(self, cookie):
        lengths = [16 + 16 + 4 + 2 * keys for keys in nts.KEY_LENGTHS.values()]  # the rest is padding
        texts = [nts.siv_open(self.seal, cookie[16:length], cookie[:16]) for length in lengths if length <= len(cookie)]
        text = next((text for text in texts if text is not None), None)
        if text is not None:
            half = (len(text) - 4) // 2
            self.latest = struct.unpack_from("!I", text)[0], text[4:4 + half], text[4 + half:]
        elif not self.ways.forgiving:
            return None
        return self.latest

    # -- NTP

    def _second_use(self, cookie):
        """How to treat the request if its cookie was used before. None: like any other."""
        seen = cookie in self.used
        self.used.add(cookie)
        if seen:
            print(f"{self.address} sees a cookie again", flush=True)
        return self.ways.again if seen and self.ways.again != "take" else None

    def _on_request(self, transport, octets, sender):
        received = time.time()
        found = list(nts.fields(octets))
        cookie = next((body for kind, body, _ in found if kind == nts.NTP_COOKIE), b"")
        session = self._session(cookie)
        second = self._second_use(cookie)
        if second == "ignore":
            return
        if session is None or second == "refuse" or not nts.authentic(octets, *session[:2]):
            refusal = nts.Reply(octets, nts.SIV_256, b"", [], stratum=0, refid=b"NTSN", authenticated=False)
            transport.sendto(refusal.encode(), sender)
            return
        self.counts[session] = self.counts.get(session, 0) + 1
        request = Request(self, octets, sender, self.counts[session], session[0])
        wanted = sum(kind in (nts.NTP_COOKIE, nts.PLACEHOLDER) for kind, _, _ in found)
        reply = nts.Reply(octets, session[0], session[2], [self.cookie(*session) for _ in range(wanted)], receive=received)
        reply.tamper = int(second == "garble")
        reply = self.ways.reply(reply, request)
        for wait, datagram in self.ways.datagrams(reply.encode(), request) if reply else []:
            asyncio.get_running_loop().call_later(wait, transport.sendto, datagram, sender)

    # -- HTTP

    async def _on_http(self, reader, writer):
        try:
            writer.write(self.ways.http(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)))
            await writer.drain()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def start(self):
        loop = asyncio.get_running_loop()
        if self.ways.tcp != "deaf":
            self.kept.append(await asyncio.start_server(self._on_connection, self.address, 4460))
        if self.ways.http is not None:
            self.kept.append(await asyncio.start_server(self._on_http, self.address, 80))
        if self.ways.ntp_port is not None:
            server = self

            class Protocol(asyncio.DatagramProtocol):
                def connection_made(self, transport):
                    self.transport = transport

                def datagram_received(self, octets, sender):
                    server._on_request(self.transport, octets, sender)

            self.kept.append(await loop.create_datagram_endpoint(Protocol, (self.address, self.ways.ntp_port)))


class Resolver(asyncio.DatagramProtocol):
    """Answers with the A records of a few names."""

    def __init__(self, names):
        self.names = names

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, octets, sender):
        query = dns.message.from_wire(octets)
        (question,) = query.question
        name = question.name.to_text().lower()
        response = dns.message.make_response(query, recursion_available=True)
        if name not in self.names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", self.names[name]))
        self.transport.sendto(response.to_wire(), sender)


async def _main(directory, names):
    from faults import NAMES, ROWS
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Resolver(NAMES), (RESOLVER, 53))
    for row in ROWS:
        if names and row.name not in names:
            continue
        seal = os.urandom(32)
        for address, ways in row.servers():
            await Server(directory, address, ways, seal).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2:]))
