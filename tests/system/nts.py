"""NTS on the wire as a server speaks it (RFC 8915), written apart from the programs under test."""

import os
import struct
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

END, NEXT_PROTOCOL, ERROR, WARNING, AEAD, COOKIE, SERVER, PORT = range(8)
UID, NTP_COOKIE, PLACEHOLDER, AUTHENTICATOR = 0x0104, 0x0204, 0x0304, 0x0404
KEY_LENGTHS = {15: 32, 17: 64}  # AEAD_AES_SIV_CMAC_256, AEAD_AES_SIV_CMAC_512

_UNIX_IN_NTP = 2208988800


# AES-SIV (RFC 5297), by hand: the library's does not take an empty text, which is what a request's authenticator holds.

def _cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return int.from_bytes(mac.finalize(), "big")


def _double(block):
    return (block << 1) & (1 << 128) - 1 ^ (0x87 if block >> 127 else 0)


def _tag(key, data, text):
    total = _cmac(key, bytes(16))
    for part in data:
        total = _double(total) ^ _cmac(key, part)
    if len(text) >= 16:
        last = text[:-16] + (int.from_bytes(text[-16:], "big") ^ total).to_bytes(16, "big")
    else:
        last = (int.from_bytes(text + b"\x80" + bytes(15 - len(text)), "big") ^ _double(total)).to_bytes(16, "big")
    return _cmac(key, last).to_bytes(16, "big")


def _apply(key, tag, text):
    counter = int.from_bytes(tag, "big") & ~(1 << 63 | 1 << 31)
    return Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16, "big"))).encryptor().update(text)


def siv_seal(key, text, *data):
    half = len(key) // 2
    tag = _tag(key[:half], data, text)
    return tag + _apply(key[half:], tag, text)


def siv_open(key, sealed, *data):
    """The text, or None if it is not authentic."""
    half = len(key) // 2
    text = _apply(key[half:], sealed[:16], sealed[16:])
    return text if len(sealed) >= 16 and _tag(key[:half], data, text) == sealed[:16] else None


# NTS-KE

@dataclass
class Record:
    type: int
    body: bytes = b""
    critical: bool = False

    def encode(self):
        return struct.pack("!HH", self.type | self.critical << 15, len(self.body)) + self.body


def decode_records(data):
    """All whole records."""
    found = []
    while len(data) >= 4:
        head, length = struct.unpack_from("!HH", data)
        if len(data) < 4 + length:
            break
        found.append(Record(head & 0x7fff, data[4:4 + length], bool(head >> 15)))
        data = data[4 + length:]
    return found


def u16(*numbers):
    return struct.pack(f"!{len(numbers)}H", *numbers)


# NTP

def _timestamp(unix):
    return int((unix + _UNIX_IN_NTP) * (1 << 32)) & (1 << 64) - 1


def _field(kind, body, least=16):
    padded = body + bytes(-len(body) % 4)
    padded += bytes(max(0, least - 4 - len(padded)))
    return struct.pack("!HH", kind, len(padded) + 4) + padded


def fields(data):
    """(type, body, offset) of the extension fields from offset 48 on."""
    at = 48
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("!HH", data, at)
        if length < 4 or at + length > len(data):
            return
        yield kind, data[at + 4:at + length], at
        at += length


def authentic(packet, key):
    """Whether the packet's authenticator is right under the key."""
    for kind, body, at in fields(packet):
        if kind == AUTHENTICATOR:
            nonce_len, sealed_len = struct.unpack_from("!HH", body)
            start = 4 + nonce_len + -nonce_len % 4
            return siv_open(key, body[start:start + sealed_len], packet[:at], body[4:4 + nonce_len]) is not None
    return False


@dataclass
class Reply:
    """A right answer to a request, to be bent before it is encoded."""
    request: bytes
    key: bytes
    cookies: list
    leap: int = 0
    version: int = 4
    mode: int = 4
    stratum: int = 1
    root_delay: float = 0.001
    root_dispersion: float = 0.001
    refid: bytes = b"TEST"
    shift: float = 0.0  # how far the clock is ahead
    origin: bytes = None
    receive: int = None
    transmit: int = None
    clear: list = None  # (type, body) in front of the authenticator
    secret: list = None  # (type, body) inside it
    after: list = field(default_factory=list)
    authenticated: bool = True
    tamper: int = 0  # xored into the ciphertext's last octet

    def __post_init__(self):
        now = time.time()
        self.origin = self.request[40:48]
        self.receive = self.receive or now
        if self.clear is None:
            self.clear = [(kind, body) for kind, body, _ in fields(self.request) if kind == UID]
        self.secret = [(NTP_COOKIE, cookie) for cookie in self.cookies]

    def _authenticator(self, packet):
        text = b"".join(_field(kind, body, 4) for kind, body in self.secret)
        nonce = os.urandom(16)
        sealed = siv_seal(self.key, text, packet, nonce)
        sealed = sealed[:-1] + bytes([sealed[-1] ^ self.tamper])
        return _field(AUTHENTICATOR, u16(len(nonce), len(sealed)) + nonce + sealed + bytes(-len(sealed) % 4))

    def encode(self):
        receive = _timestamp(self.receive + self.shift) if self.receive else 0
        transmit = _timestamp(time.time() + self.shift) if self.transmit is None else self.transmit
        packet = struct.pack("!BBbbII4sQ8sQQ", self.leap << 6 | self.version << 3 | self.mode, self.stratum, 6, -20,
                             int(self.root_delay * 65536), int(self.root_dispersion * 65536), self.refid, receive,
                             self.origin, receive, transmit)
        packet += b"".join(_field(kind, body) for kind, body in self.clear)
        if self.authenticated:
            packet += self._authenticator(packet)
        return packet + b"".join(_field(kind, body) for kind, body in self.after)
