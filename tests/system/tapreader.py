"""A reader of dnstap: Frame Streams on a UNIX socket, and the protocol buffers in the frames, read by the letter of their schemas."""

import socket
import struct
import threading

_CONTENT = b"protobuf:dnstap.Dnstap"
_ACCEPT, _START, _STOP, _READY, _FINISH = 1, 2, 3, 4, 5


def _control(kind):
    field = struct.pack("!II", 1, len(_CONTENT)) + _CONTENT if kind == _ACCEPT else b""
    body = struct.pack("!I", kind) + field
    return struct.pack("!II", 0, len(body)) + body


def _varint(data, at):
    value = shift = 0
    while True:
        octet = data[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return value, at


def _fields(data):
    """The values of a protocol buffer by field number. No field of dnstap may come twice."""
    found, at = {}, 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, encoding = tag >> 3, tag & 7
        assert number not in found
        if encoding == 0:
            found[number], at = _varint(data, at)
        elif encoding == 2:
            length, at = _varint(data, at)
            found[number], at = data[at:at + length], at + length
        else:
            assert encoding == 5
            found[number], at = int.from_bytes(data[at:at + 4], "little"), at + 4
    assert at == len(data)
    return found


class Event:
    """One frame."""

    def __init__(self, frame):
        outer = _fields(frame)
        assert set(outer) <= {1, 2, 14, 15} and outer[15] == 1
        inner = _fields(outer[14])
        self.identity, self.version = outer[1].decode(), outer[2].decode()
        self.kind = {1: "query", 2: "response"}[inner[1]]
        family = {1: socket.AF_INET, 2: socket.AF_INET6}[inner[2]]
        self.transport = {1: "udp", 2: "tcp"}[inner[3]]
        self.client = (socket.inet_ntop(family, inner[4]), inner[6])
        self.server = (socket.inet_ntop(family, inner[5]), inner[7])
        self.asked = inner[8] + inner[9] / 1e9
        self.answered = inner[12] + inner[13] / 1e9 if 12 in inner else None
        self.message = inner[10 if self.kind == "query" else 14]
        assert (14 in inner, 12 in inner) == (self.kind == "response",) * 2 and (10 in inner) == (self.kind == "query")


class Reader:
    """Listens on a path and gathers the events of all connections, each in a thread."""

    def __init__(self, path, reads=True):
        self.events, self.hello, self.ended = [], 0, 0
        self._reads = threading.Event()
        if reads:
            self._reads.set()
        self._connections = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    @staticmethod
    def _take(connection, count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _number(self, connection):
        return struct.unpack("!I", self._take(connection, 4))[0]

    def _read(self, connection):
        try:
            while True:
                length = self._number(connection)
                if length > 0:
                    self._reads.wait()
                    self.events.append(Event(self._take(connection, length)))
                    continue
                body = self._take(connection, self._number(connection))
                kind, = struct.unpack("!I", body[:4])
                if kind == _READY:
                    assert _CONTENT in body
                    connection.sendall(_control(_ACCEPT))
                elif kind == _START:
                    self.hello += 1
                elif kind == _STOP:
                    connection.sendall(_control(_FINISH))
                    self.ended += 1
                    return
        except (EOFError, OSError):
            return

    def go_on(self):
        """Begins to read, after reads=False."""
        self._reads.set()

    def close(self):
        for part in (self._listener, *self._connections):
            try:
                part.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            part.close()
