"""pebble as the ACME CA, resolving through the machine's resolver, and two ACME clients."""

import contextlib
import functools
import http.server
import json
import os
import socket
import ssl
import threading
import urllib.request

from authority import write_request
from machine import RESOLVER, part, run

DIRECTORY_PORT = 14000
MANAGEMENT_PORT = 15000


class Pebble:
    """`web_authority` signs the certificate of pebble's HTTPS interface. `root` is the path of pebble's issuing root, which it
    generates at each start."""

    def __init__(self, machine, web_authority, addresses):
        self.machine = machine
        self.web_root = web_authority.path
        self.addresses = addresses
        certificate, key = web_authority.issue("pebble", addresses)
        conf = machine.write("pebble.json", json.dumps({"pebble": {
            "listenAddress": f"0.0.0.0:{DIRECTORY_PORT}",
            "managementListenAddress": f"0.0.0.0:{MANAGEMENT_PORT}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "certificateValidityPeriod": 20 * 86400,
        }}))
        environment = dict(os.environ, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0",
                           PEBBLE_AUTHZREUSE="0")
        self.process = machine.start("pebble", [part("usr/bin/pebble"), "-strict", "-config", conf, "-dnsserver",
                                                f"{RESOLVER}:53"], env=environment)
        self.process.said("ACME directory available")
        trust = ssl.create_default_context(cafile=self.web_root)
        with urllib.request.urlopen(f"https://127.0.0.1:{MANAGEMENT_PORT}/roots/0", context=trust) as answer:
            self.root = machine.write("pebble-root.pem", answer.read().decode())

    def directory(self, address="127.0.0.1"):
        return f"https://{address}:{DIRECTORY_PORT}/dir"

    def environment(self):
        return dict(os.environ, SSL_CERT_FILE=str(self.web_root), LEGO_CA_CERTIFICATES=str(self.web_root))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def _server_class(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})


class AcmeTiny:
    """The client acme-tiny, with HTTP-01. A web server on each of the name's addresses answers the challenge."""

    def __init__(self, machine, pebble, name, addresses):
        self.pebble = pebble
        self.addresses = addresses
        self.web = machine.directory / f"web-{name}"
        (self.web / ".well-known" / "acme-challenge").mkdir(parents=True)
        self.key, self.request = write_request(machine.directory, name)
        self.account = machine.directory / f"{name}.account"
        self.certificate = machine.directory / f"{name}.pem"

    @contextlib.contextmanager
    def _serve(self, address):
        with _server_class(address)((address, 80), functools.partial(_Quiet, directory=str(self.web))) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()

    def order(self):
        """Writes `certificate`; returns the finished process. Each order has a new account: even with PEBBLE_AUTHZREUSE=0, pebble
        skips validation for one in a hundred names that the account has validated before."""
        run("openssl", "genrsa", "-out", self.account, "2048")
        with contextlib.ExitStack() as servers:
            for address in self.addresses:
                servers.enter_context(self._serve(address))
            done = run("/usr/bin/python3", "-m", "acme_tiny", "--account-key", self.account, "--csr", self.request,
                       "--acme-dir", self.web / ".well-known" / "acme-challenge", "--directory-url", self.pebble.directory(),
                       "--disable-check", check=False,
                       env=dict(self.pebble.environment(), PYTHONPATH=str(part("usr/lib/python3/dist-packages"))))
        if done.returncode == 0:
            self.certificate.write_text(done.stdout)
        return done


class Lego:
    """The client lego. `challenge` is "http" (HTTP-01) or "tls" (TLS-ALPN-01). It answers on `address`, or on all addresses if that
    is empty. It runs in `network`, or in ours if that is None."""

    def __init__(self, machine, pebble, name, challenge, address, network=None):
        self.machine = machine
        self.pebble = pebble
        self.network = network
        self.directory = machine.directory / f"lego-{name}"
        port = {"http": 80, "tls": 443}[challenge]
        self.arguments = ["--path", self.directory, "--server", pebble.directory(network.ours if network else "127.0.0.1"),
                          "--email", f"op@{name}", "--domains", name, "--accept-tos", f"--{challenge}",
                          f"--{challenge}.port", f"{address}:{port}"]
        self.certificate = self.directory / "certificates" / f"{name}.crt"
        self.key = self.directory / "certificates" / f"{name}.key"

    def order(self):
        argv = [part("usr/bin/lego"), *self.arguments, "run"]
        if self.network:
            argv = self.network.wrap(*argv)
        return run(*argv, check=False, env=self.pebble.environment())

