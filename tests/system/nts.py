"""NTS on the wire (RFC 8915), the server's side. It shares no code with the programs under test."""

import os
import struct
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

END, NEXT_PROTOCOL, ERROR, WARNING, AEAD, COOKIE, SERVER, PORT = range(8)
UID, NTP_COOKIE, PLACEHOLDER, AUTHENTICATOR = 0x0104, 0x0204, 0x0304, 0x0404
RIGHT_EXPORT = 1024  # chrony's record: it exports keys for AES-128-GCM-SIV as RFC 8915 says
SIV_256, SIV_512, GCM_SIV = 15, 17, 30
KEY_LENGTHS = {SIV_256: 32, SIV_512: 64, GCM_SIV: 16}

_UNIX_IN_NTP = 2208988800


# AES-SIV (RFC 5297). The library's version refuses an empty text, but the authenticator of a request has one.

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


# AES-128-GCM-SIV (RFC 8452). Octet strings are little-endian numbers.

_POLYNOMIAL = 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1


def _number(octets):
    return int.from_bytes(octets, "little")


def _dot(a, b):
    """a * b / x^128 in POLYVAL's field."""
    product = 0
    for i in range(128):
        if b >> i & 1:
            product ^= a << i
    for _ in range(128):
        product = (product ^ (_POLYNOMIAL if product & 1 else 0)) >> 1
    return product


def _polyval(key, octets):
    total = 0
    for at in range(0, len(octets), 16):
        total = _dot(total ^ _number(octets[at:at + 16]), key)
    return total


def _ecb(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def _gcm_tag(keys, nonce, data, text):
    padded = b"".join(part + bytes(-len(part) % 16) for part in (data, text))
    total = _polyval(_number(keys[0]), padded + struct.pack("<QQ", 8 * len(data), 8 * len(text)))
    total = (total ^ _number(nonce)) & ~(1 << 127)
    return _ecb(keys[1], total.to_bytes(16, "little"))


def _gcm_apply(keys, tag, text):
    start, rest = _number(tag[:4]), tag[4:15] + bytes([tag[15] | 0x80])
    stream = b"".join(_ecb(keys[1], struct.pack("<I", start + i & 0xffffffff) + rest) for i in range(len(text) // 16 + 1))
    return bytes(a ^ b for a, b in zip(text, stream))


def _gcm_keys(key, nonce):
    halves = [_ecb(key, struct.pack("<I", i) + nonce)[:8] for i in range(4)]
    return halves[0] + halves[1], halves[2] + halves[3]


def gcm_seal(key, nonce, text, data):
    keys = _gcm_keys(key, nonce)
    tag = _gcm_tag(keys, nonce, data, text)
    return _gcm_apply(keys, tag, text) + tag


def gcm_open(key, nonce, sealed, data):
    """The text, or None if it is not authentic."""
    if len(sealed) < 16 or len(nonce) != 12:
        return None
    keys = _gcm_keys(key, nonce)
    text = _gcm_apply(keys, sealed[-16:], sealed[:-16])
    return text if _gcm_tag(keys, nonce, data, text) == sealed[-16:] else None


# Any AEAD algorithm

def seal(aead, key, nonce, text, packet):
    return gcm_seal(key, nonce, text, packet) if aead == GCM_SIV else siv_seal(key, text, packet, nonce)


def open_sealed(aead, key, nonce, sealed, packet):
    return gcm_open(key, nonce, sealed, packet) if aead == GCM_SIV else siv_open(key, sealed, packet, nonce)


# NTS-KE

@dataclass
class Record:
    type: int
    body: bytes = b""
    critical: bool = False

    def encode(self):
        return struct.pack("!HH", self.type | self.critical << 15, len(self.body)) + self.body


def decode_records(data):
    """All complete records."""
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


def authentic(packet, aead, key):
    """True if the packet's authenticator is correct under the key."""
    for kind, body, at in fields(packet):
        if kind == AUTHENTICATOR:
            nonce_len, sealed_len = struct.unpack_from("!HH", body)
            start = 4 + nonce_len + -nonce_len % 4
            return open_sealed(aead, key, body[4:4 + nonce_len], body[start:start + sealed_len], packet[:at]) is not None
    return False


@dataclass
class Reply:
    """A correct reply to a request. Tests change it before it is encoded."""
    request: bytes
    aead: int
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
    tamper: int = 0  # XORed into the last octet of the ciphertext

    def __post_init__(self):
        now = time.time()
        self.origin = self.request[40:48]
        self.receive = self.receive or now
        if self.clear is None:
            self.clear = [(kind, body) for kind, body, _ in fields(self.request) if kind == UID]
        self.secret = [(NTP_COOKIE, cookie) for cookie in self.cookies]

    def _authenticator(self, packet):
        text = b"".join(_field(kind, body, 4) for kind, body in self.secret)
        nonce = os.urandom(12 if self.aead == GCM_SIV else 16)
        sealed = seal(self.aead, self.key, nonce, text, packet)
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
