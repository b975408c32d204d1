"""Real etcd for the tests: nodes with TLS on addresses of their own, our client at the end of a pipe, and a node that lies."""

import ipaddress
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certificates import Maker, _key_text
from machine import part, run, until
from pool import BIN

LIMIT = 1 << 20  # of the client's messages in tests


class Authority:
    """A CA and what it has issued, as files."""

    def __init__(self, directory, name="fleet"):
        self.directory = directory / f"certificates-{name}"
        self.directory.mkdir(exist_ok=True)
        self.root = Maker(subject=f"{name} CA")
        self.ca = self._write("ca.pem", self.root.pem())

    def _write(self, name, octets):
        path = self.directory / name
        path.write_bytes(octets)
        return path

    def issue(self, name, *addresses):
        """The paths of a certificate and its key."""
        extensions = [(x509.ExtendedKeyUsage([Purpose.CLIENT_AUTH, *([Purpose.SERVER_AUTH] if addresses else [])]), False)]
        if addresses:
            names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            extensions.append((x509.SubjectAlternativeName(names), False))
        made = Maker(self.root, name, ca=None, extensions=extensions)
        return self._write(f"{name}.pem", made.pem()), self._write(f"{name}.key", _key_text(made.key))


def node_argv(authority, directory, names, addresses, i, *options):
    """The command line of one node. Its files are below `directory`."""
    # A peer's certificate must name the address that it comes from: on one machine, that of the node that it connects to.
    certificate, key = authority.issue(names[i], *addresses)
    tls = [f"--{kind}{name}={path}" for kind in ("", "peer-") for name, path in
           (("cert-file", certificate), ("key-file", key), ("trusted-ca-file", authority.ca))]
    cluster = ",".join(f"{name}=https://{address}:2380" for name, address in zip(names, addresses))
    return [part("usr/bin/etcd"), "--name", names[i], "--data-dir", directory / names[i], "--initial-cluster", cluster,
            *(f"--{kind}-peer-urls=https://{addresses[i]}:2380" for kind in ("listen", "initial-advertise")),
            *(f"--{kind}-client-urls=https://{addresses[i]}:2379" for kind in ("listen", "advertise")), *tls, "--client-cert-auth",
            "--peer-client-cert-auth", "--log-level=error", "--logger=zap", "--unsafe-no-fsync", *options]


class Engine:
    """Nodes of etcd at 10.77.NET.1, .2, ...: each can be killed, stopped and cut off."""

    def __init__(self, machine, net, count, *options):
        self.machine, self.options = machine, options
        self.directory = machine.directory / f"engine-{net}"
        self.directory.mkdir()
        self.authority = Authority(self.directory)
        self.addresses = [f"10.77.{net}.{i + 1}" for i in range(count)]
        self.root = self.authority.issue("root")
        self.nodes = [None] * count
        machine.add_address(*self.addresses)
        for i in range(count):
            self.start(i)
        self.wait()

    def start(self, i):
        names = [f"node{j}" for j in range(len(self.nodes))]
        self.nodes[i] = self.machine.start(f"{self.directory.name}-node{i}", node_argv(
            self.authority, self.directory, names, self.addresses, i, *self.options))

    def ctl(self, *words, nodes=None, check=True):
        """etcdctl, the judge."""
        endpoints = ",".join(f"https://{self.addresses[i]}:2379" for i in (range(len(self.nodes)) if nodes is None else nodes))
        return run(part("usr/bin/etcdctl"), "--endpoints", endpoints, "--cacert", self.authority.ca, "--cert", self.root[0], "--key",
                   self.root[1], *words, check=check, env=dict(os.environ, ETCDCTL_API="3"))

    def wait(self):
        until(lambda: self.ctl("get", "nothing", check=False).returncode == 0, 60, "the engine has a leader", 0.2)

    def leader(self):
        states = json.loads(self.ctl("endpoint", "status", "-w", "json").stdout)
        return next(i for i, state in enumerate(states) if state["Status"]["header"]["member_id"] == state["Status"]["leader"])

    def stop_all(self):
        for node in self.nodes:
            node.child.send_signal(signal.SIGCONT)
            node.kill()


class Talk:
    """etcdtalk: commands in, lines out."""

    marks = ("event", "begun", "life", "more", "end")  # of lines that the watch tells

    def __init__(self, authority, certificate, addresses, limit=LIMIT, wrap=lambda *argv: argv):
        nodes = [f"{address}@2379" for address in addresses]
        argv = wrap(BIN / "etcdtalk", authority.ca, *certificate, limit, *nodes)
        self.child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lines, self._rest = [], b""
        self.told = []  # of the watch

    def _read(self, timeout):
        if select.select([self.child.stdout], [], [], timeout)[0]:
            octets = os.read(self.child.stdout.fileno(), 65536)
            if not octets:
                raise RuntimeError(f"etcdtalk ended with {self.child.wait()}")
            *whole, self._rest = (self._rest + octets).split(b"\n")
            for line in whole:
                text = line.decode()
                if text == "started":
                    self.told = []  # what came before is of the watch before
                (self.told if text.split(" ")[0] in self.marks else self._lines).append(text)

    def say(self, *words, timeout=60):
        """Sends a command; returns the reply's words."""
        self.child.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
        self.child.stdin.flush()
        deadline = time.monotonic() + timeout
        while not self._lines:
            self._read(1)
            assert self._lines or time.monotonic() < deadline, f"no reply to {words}"
        return self._lines.pop(0).split(" ")

    def tells(self, condition, timeout=60):
        """Waits until what the watch has told fulfils the condition, and returns it."""
        deadline = time.monotonic() + timeout
        while not condition(self.told):
            assert time.monotonic() < deadline, f"the watch told {self.told[-20:]}"
            self._read(0.2)
        return self.told

    def news(self, timeout):
        """What the watch has told since the last look."""
        self._read(timeout)
        told, self.told = self.told, []
        return told

    def watch(self, *words):
        assert self.say("watch", *words) == ["started"]

    def close(self):
        self.child.stdin.close()
        assert self.child.wait(20) == 0
        self.child.stdout.close()


def h2_frame(kind, flags, stream, octets):
    return len(octets).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + octets


def h2_headers(**fields):
    """A block of literal fields. `status` becomes :status."""
    block = b""
    for name, value in fields.items():
        name = (":status" if name == "status" else name.replace("_", "-")).encode()
        value = str(value).encode()
        block += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return block


def grpc_message(octets, flag=0, length=None):
    return bytes([flag]) + (len(octets) if length is None else length).to_bytes(4, "big") + octets


HEAD, DATA, END_STREAM, END_HEADERS = 1, 0, 1, 4


class Liar:
    """A node that speaks TLS and HTTP/2 and answers as it likes. `answers` maps the number of a request, from 0, to the octets
    that it sends, given the stream; None: it closes the connection."""

    def __init__(self, authority, address, answers, alpn=("h2",)):
        self.answers, self.requests, self.closing = answers, 0, False
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*authority.issue(f"liar{address}", address))
        self.context.set_alpn_protocols(list(alpn))
        self.listener = socket.create_server((address, 2379))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self.closing:
            try:
                plain, _ = self.listener.accept()
                threading.Thread(target=self._connection, args=(plain,), daemon=True).start()
            except OSError:
                return

    def _connection(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as tls:
                self._talk(tls)
        except (OSError, EOFError):
            pass

    def _talk(self, tls):
        def take(count):
            octets = b""
            while len(octets) < count:
                more = tls.recv(count - len(octets))
                if not more:
                    raise EOFError
                octets += more
            return octets

        if callable(getattr(self.answers, "raw", None)):
            self.answers.raw(tls)
            return
        take(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        tls.sendall(h2_frame(4, 0, 0, b""))
        while True:
            head = take(9)
            octets = take(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == 4 and not flags & 1:
                tls.sendall(h2_frame(4, 1, 0, b""))
            if kind == DATA and flags & END_STREAM:
                assert len(octets) >= 5 or not octets
                answer = self.answers(self.requests, stream)
                self.requests += 1
                if answer is None:
                    return
                tls.sendall(answer)

    def close(self):
        self.closing = True
        self.listener.close()


def reply(stream, *messages, status=0, text="", trailers=True):
    """A whole response of gRPC."""
    out = h2_frame(HEAD, END_HEADERS, stream, h2_headers(status=200, content_type="application/grpc"))
    out += b"".join(h2_frame(DATA, 0, stream, message) for message in messages)
    if trailers:
        out += h2_frame(HEAD, END_HEADERS | END_STREAM, stream, h2_headers(grpc_status=status, grpc_message=text))
    else:
        out += h2_frame(DATA, END_STREAM, stream, b"")
    return out
