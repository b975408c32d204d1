"""The commands of ntspool-fleet(7), typed as they stand: they lead from one machine to a fleet, and out of it."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from fleet import Member
from ground import Ground
from machine import ROOT, part, run, until
from pool import BIN, environment

PAGE = ROOT / "tools/man/ntspool-fleet.7"
ADDRESSES = {"n1": "10.0.0.11", "n2": "10.0.0.12", "n3": "10.0.0.13", "ams1": "192.0.2.53", "fra1": "198.51.100.53",
             "lon1": "203.0.113.53", "sin1": "192.0.2.54"}
# What packages and the machine's administrator do.
ELSEWHERE = ("apt install", "systemctl disable --now etcd", "chown", "install -m 644 /var/lib/ntspool-node/ntspool-node.service", "echo id: lon1",
             "cd /var/lib/ntspool/machine")


def commands(section):
    """The lines `HOST# COMMAND` of a section, with those that they go on in."""
    text = PAGE.read_text().partition(f".Sh {section}\n")[2].partition("\n.Sh ")[0].replace("\\e\n", " ")
    return re.findall(r"^([a-z0-9]+)# (.*)$", text, re.M)


class Site:
    """The machines of the page. Each has the programs that its units would start."""

    def __init__(self, machine):
        self.ground = Ground(machine)
        self.hosts = {name: self.ground.host(name) for name in ADDRESSES}
        self.members = {name: Member(self.hosts[name]) for name in ("ams1", "fra1", "lon1", "sin1")}
        self.directory, self.nodes, self.exported = machine.directory, {}, {}
        for name, member in self.members.items():
            member.state.mkdir()
            member.name = name

    def type(self, name, line):
        """What the command prints."""
        for other, address in ADDRESSES.items():
            line = line.replace(address, self.hosts[other].address)
        line = re.sub(r'"\$\(ssh (\w+) ([^)]*)\)"', lambda inner: self.type(inner[1], inner[2]).strip(), line)
        first, _, second = line.partition(" | ")
        said = self._run(name, shlex.split(first), None)
        if second:
            ssh, other, *words = shlex.split(second)
            assert ssh == "ssh"
            said = self._run(other, words, said)
        return said

    def _run(self, name, words, given):
        if words[0] == "ntspool":
            member = self.members[name]
            argv = member.wrap(BIN / "ntspool", *words[1:]) if words[1] == "-s" else member.command(*words[1:], "--yes")
            done = subprocess.run([str(word) for word in argv], input=given or "", text=True, timeout=60,
                                  capture_output=True, env=environment(), cwd=self.directory, check=False)
            assert done.returncode == 0, f"{name}# {words}: {done.stdout}{done.stderr}"
            return done.stdout
        if words == ["systemctl", "enable", "--now", "ntspool-node"]:
            self._start_node(name)
        elif words[:3] == ["systemctl", "enable", "--now"]:
            for program in words[3:]:
                self._start(name, program)
        elif words == ["systemctl", "disable", "--now", "ntspool-feedd"]:
            self.members[name].feed.stop()
        elif words[0] == "rsync":
            shutil.copytree(self.directory / words[2], self.directory / f"{words[3].partition(':')[0]}.node", dirs_exist_ok=True)
        elif words[0] == "export":
            self.exported.update(word.split("=", 1) for word in words[1:])
        elif words[0] == "etcdctl":
            return self._etcdctl(name, *words[1:])
        elif not " ".join(words).startswith(ELSEWHERE):
            assert words[0] in ("sed", "install", "rm"), words
            run(*words, cwd=self.directory)
        return ""

    def _etcdctl(self, name, *words):
        """After a node is lost, the others need a leader, and refuse a change of nodes until they have heard each other for some seconds."""
        def say(*words):
            return self.hosts[name].run(part("usr/bin/etcdctl"), *words, cwd=self.members[name].state / "machine", check=False,
                                        env=dict(os.environ, **self.exported))
        until(lambda: say("endpoint", "health").returncode == 0, 60, "the nodes have a leader", 0.5)
        answers = []
        until(lambda: answers.append(say(*words)) or "unhealthy cluster" not in answers[-1].stderr, 60, "the nodes are healthy", 1)
        assert answers[-1].returncode == 0, answers[-1].stderr
        return answers[-1].stdout

    def _start_node(self, name):
        """By the unit in its directory."""
        directory = self.directory / f"{name}.node"
        unit = dict(line.split("=", 1) for line in (directory / "ntspool-node.service").read_text().splitlines() if "=" in line)
        assert unit["WorkingDirectory"] == "/var/lib/ntspool-node" and unit["User"] == "etcd"
        program, *options = unit["ExecStart"].split()
        self.nodes[name] = self.hosts[name].start("etcd", [part(program.strip("/")), *options], cwd=directory)

    def _start(self, name, program):
        member = self.members[name]
        if program == "ntspoold":
            member.serve("--workers", "1")
        else:
            options = ["--id", name, "--interval", "1s", "--allow-private"] if program == "ntspool-probed" else []
            process = self.hosts[name].start(program, [BIN / program, "-s", member.state, *options], env=environment())
            setattr(member, "feed" if program == "ntspool-feedd" else "probed", process)

    def close(self):
        for member in self.members.values():
            member.down()
        for node in self.nodes.values():
            node.kill()
        self.ground.close()


@pytest.fixture
def site(machine):
    site = Site(machine)
    yield site
    site.close()


def found(site):
    """The first sections of the page."""
    typed = commands("FROM NOTHING TO A RUNNING FLEET")
    assert len(typed) >= 12
    for name, line in typed:
        if line == "ntspool fleet create":
            leads(site)
        if line == "ntspool fleet edges":
            until(lambda: site.members[name].cli("fleet", "edges", check=False).returncode == 0, 60, "all have said hello")  # noqa: B023
        # The page shows one node. The others are the same.
        if name == "n1" or line.startswith("rsync"):
            for node in ("n1", "n2", "n3"):
                site.type(node if name == "n1" else name, line.replace("n1", node))
        else:
            site.type(name, line)


def leads(site):
    admin = site.members["ams1"]
    until(lambda: "leads" in admin.cli("fleet", "status", check=False).stdout, 60, "the nodes have a leader")


def lose(site, *nodes):
    """Nodes are gone, and what they had with them."""
    for node in nodes:
        site.nodes[node].kill()
        shutil.rmtree(site.directory / f"{node}.node/data")


def replace(site):
    """A node, by the page."""
    lose(site, "n3")
    lost, shown = None, "2e4ce05689175623"
    for name, line in commands("A NODE IS LOST"):
        said = site.type(name, line.replace("/root/", "").replace(shown, lost or shown))
        if "member list" in line:
            lost = re.search(r"^(\w+), started, n3,", said, re.M)[1]
    site.type("ams1", "rsync -a nodes-again/n3/ n3:/var/lib/ntspool-node/")
    site.type("n3", "systemctl enable --now ntspool-node")
    until(lambda: all(node["answers"] for node in site.members["ams1"].fleet_status()["nodes"]), 60, "all nodes answer")


def test_the_commands_of_the_page_make_a_fleet_and_end_it(site):
    admin, edge = site.members["ams1"], site.members["fra1"]
    admin.init()
    admin.serve("--workers", "1")
    found(site)
    admin.add("alice", "10.9.0.1")
    until(lambda: edge.shows("alice") == {"alice": "10.9.0.1"}, 60, "the edge answers for a member that was added at the admin")
    assert {machine["name"] for machine in admin.json("fleet", "edges")["machines"]} == {"ams1", "fra1", "lon1"}
    admin.cli("member", "remove", "alice", "--yes")
    until(lambda: edge.shows("alice") == {"alice": None}, 60, "the edge has forgotten it")
    replace(site)
    lose(site, "n1", "n2", "n3")
    (site.directory / "n3.node/etcd.conf.yml").write_text((site.directory / "nodes/n3/etcd.conf.yml").read_text())
    for node in ("n1", "n2", "n3"):
        site.type(node, "systemctl enable --now ntspool-node")
    leads(site)
    for name, line in commands("THE ENGINE IS LOST"):
        site.type(name, line)
    admin.add("bob", "10.9.0.2")
    until(lambda: edge.shows("alice", "bob") == {"alice": None, "bob": "10.9.0.2"}, 60, "the edge follows the new engine")
    for name, line in commands("WHAT A TAKEN-OVER PART CAN DO"):
        site.type(name, line)
    assert edge.fleet_status()["standing"] == "evicted"
    leader = lead_anew(site)
    for name, line in commands("BACK TO ONE MACHINE"):
        site.type(name.replace("ams1", "sin1"), line)
    assert "feed-down" not in {row["id"] for row in json.loads(leader.cli("status", "--json", check=False).stdout)["warnings"]}
    leader.add("carol", "10.9.0.3")
    assert set(leader.members()) == {"bob", "carol"}


def lead_anew(site):
    """The first admin is lost, of which a backup is left. Another one leads the keys, by the page."""
    admin, leader = site.members["ams1"], site.members["sin1"]
    site.type("ams1", "ntspool fleet token sin1 --role admin | ssh sin1 ntspool fleet join")
    site.type("sin1", "systemctl enable --now ntspool-feedd ntspoold")
    until(lambda: admin.cli("member", "suspend", "bob").stderr == "ntspool: 2 of 2 machines have it\n", 90, "both admins answer", 1)
    site.type("ams1", "ntspool backup ntspool-2026-11-30")
    shutil.copy(admin.state / "seal.key", site.directory / "seal.key")
    ksk = next(key["tag"] for key in admin.json("key", "list") if key["role"] == "ksk")
    admin.down()
    for name, line in commands("THE LEADER OF THE KEYS IS LOST"):
        said = site.type(name, line.replace("Kpool.example", "Kpool.test").replace("24108", f"{ksk:05}"))
        assert ("private half of the KSK is not here" in said) == ("key lead" in line)
    assert not any(key["offline"] for key in leader.json("key", "list"))
    return leader
