"""A fleet on one machine, set up as an operator does it: by `ntspool fleet create`, `token` and `join`, each machine on a host of its own."""

import json
import os
import re

import dns.exception
import dns.rcode

from ground import Ground
from machine import part, run, until
from pool import BIN, Pool, environment

CTL = dict(os.environ, ETCDCTL_API="3")


class Node:
    """A node of the engine, from the directory that `fleet create` made for it."""

    def __init__(self, host, out):
        self.host, self.directory = host, out / host.name
        self.child = None

    def __getattr__(self, name):
        return getattr(self.host, name)

    def up(self):
        self.child = self.host.start("etcd", [part("usr/bin/etcd"), "--config-file", "etcd.conf.yml"], cwd=self.directory).child

    def children(self):
        return [self.child]

    def restore(self, snapshot):
        """Makes its data of a snapshot of the engine."""
        conf = (self.directory / "etcd.conf.yml").read_text().replace('"', "")
        words = [f"--{key}={re.search(f'(?m)^{key}: *(.*)$', conf)[1]}"
                 for key in ("name", "initial-cluster", "initial-cluster-token", "initial-advertise-peer-urls")]
        run(part("usr/bin/etcdctl"), "snapshot", "restore", snapshot, "--data-dir", self.directory / "data", *words, env=CTL)


class Member(Pool):
    """A machine of the fleet: its state, commands and programs. `serves` has ntspoold, with `options`, `feeds` ntspool-feedd."""

    def __init__(self, host, serves=True, feeds=True, options=()):
        super().__init__(host, name="pool", address=host.address)
        self.state = host.directory / f"{host.name}.state"
        self.copy = host.name  # what a history calls its copy of the ledger
        self.apex = "pool.test"
        self.serves, self.feeds, self.feed, self.options = serves, feeds, None, options

    def __getattr__(self, name):
        return getattr(self.machine, name)

    @property
    def host(self):
        return self.machine

    def command(self, *args):
        return self.machine.wrap(*super().command(*args))

    def begin(self):
        """Starts those programs that don't run."""
        if self.feeds and not (self.feed and self.feed.running):
            self.feed = self.machine.start("feedd", [BIN / "ntspool-feedd", "-s", self.state], env=environment())
        if self.serves and not (self.server and self.server.running):
            self.begin_to_serve("--workers", "1", *self.options)

    def up(self):
        self.begin()
        if self.serves:
            until(self.answers, 60, f"{self.machine.name} has keys and answers")

    def children(self):
        return [process.child for process in (self.feed, self.server) if process and process.running]

    def down(self):
        self.stop(*(process for process in (self.feed, self.probed, self.server) if process and process.running))
        self.feed = self.probed = self.server = None

    def shows(self, *names):
        """The address of each member by DNS, None for what does not exist; None if the server does not answer."""
        found = {}
        for name in names:
            try:
                answer = self.ask(f"{name}.{self.apex}", "A", timeout=2)
            except (OSError, dns.exception.Timeout):
                return None
            texts = [record.to_text() for rrset in answer.answer for record in rrset]
            assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and bool(texts) == (answer.rcode() == 0), answer
            found[name] = texts[0] if texts else None
        return found

    def fleet_status(self):
        """Also of a machine that is not level, which the command's status says."""
        return json.loads(self.cli("fleet", "status", "--json", check=False).stdout)

    def position(self):
        """The number of the newest change that this machine has."""
        return self.fleet_status()["here"]["change"]

    def resyncs(self):
        """How often the feed has read all rows anew."""
        return int(re.search(r"^ntspool_fleet_resyncs_total (\d+)", self.cli("metrics").stdout, re.M)[1])

    def members(self):
        """The addresses of all members by name, in this machine's copy."""
        return {member["name"]: member["addresses"][0] for member in self.json("member", "list")}


class Fleet:
    """Engine and first admin; others are let in by `add`."""

    def __init__(self, machine, nodes=3, **options):
        self.machine, self.ground, self.members = machine, Ground(machine), {}
        self.out = machine.directory / "nodes"
        self.nodes = [Node(self.ground.host(f"n{i + 1}"), self.out) for i in range(nodes)]
        self.admin = self._host("admin", **options)
        self.admin.init()
        words = [word for node in self.nodes for word in ("--node", f"{node.name}={node.address}")]
        self.create = ("fleet", "create", "--name", "admin", *words, "--out", self.out)

    def found(self, quota=None):
        """Starts the nodes, with another quota than they are told, and puts the first admin's registry in."""
        self.admin.cli(*self.create)
        for node in self.nodes:
            if quota:
                conf = node.directory / "etcd.conf.yml"
                conf.write_text(re.sub(r"(?m)^(quota-backend-bytes:) .*", rf"\1 {quota}", conf.read_text()))
            node.up()
        until(lambda: self.admin.cli(*self.create, check=False).returncode == 0, 60, "the engine has the ledger", 0.5)
        self.admin.up()
        return self

    def _host(self, name, **options):
        self.members[name] = Member(self.ground.host(name), **options)
        return self.members[name]

    def _join(self, name, role, options):
        member = self._host(name, **options)
        member.state.mkdir(exist_ok=True)
        token = self.admin.cli("fleet", "token", name, "--role", role).stdout
        run(*member.command("fleet", "join", "--yes"), stdin=_pipe(token), env=environment())
        member.begin()
        return member

    def add(self, name, role="edge", **options):
        """Lets a machine in, and starts its programs."""
        return self.add_all(name, role=role, **options)[0]

    def add_all(self, *names, role="edge", **options):
        """Lets machines in. They wait for their keys at the same time."""
        added = [self._join(name, role, options) for name in names]
        for member in added:
            member.up()
        return added

    def ctl(self, *words, by=None, nodes=None, check=True, **options):
        """etcdctl with the certificate of `by`, or of the admin, the judge."""
        member = by or self.admin
        files = member.state / "machine"
        return member.run(part("usr/bin/etcdctl"), "--endpoints", ",".join(f"https://{node.address}:2379" for node in nodes or self.nodes),
                          "--cacert", files / "ca.pem", "--cert", files / "certificate.pem", "--key", files / "key.pem", *words,
                          check=check, env=CTL, **options)

    def level(self, *members, timeout=60):
        """Waits until the machines have all that the engine has."""
        seq = self.admin.fleet_status()["engine"]["change"]
        for member in members or self.members.values():
            until(lambda: member.position() >= seq, timeout, f"{member.machine.name} has change {seq}", 0.2)  # noqa: B023

    def close(self):
        for member in self.members.values():
            member.down()
        for node in self.nodes:  # a node that ends by SIGTERM first looks for another leader
            node.child.kill()
            node.child.wait()
        self.ground.close()


def _pipe(text):
    """Something to read the text from."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return reading
