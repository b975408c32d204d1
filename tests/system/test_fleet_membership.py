"""How machines come into a fleet and leave it, by the commands alone, with real etcd. Its own tool and another library for certificates judge."""

import itertools
import json
import os
import shutil
import signal
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from machine import part, run, until
from pool import Pool, environment
from years import Clock

NODES = {f"node{i}": f"10.77.41.{i}" for i in (1, 2, 3)}


class Site:
    """An admin, the nodes of its engine, and what is said to them."""

    def __init__(self, machine):
        self.machine, self.out, self.nodes = machine, machine.directory / "nodes", {}
        machine.add_address(*NODES.values())
        self.admin = Pool(machine, "admin1").init()
        for i in range(5):
            self.admin.add(f"m{i}", f"192.0.2.{i + 1}")
        words = [word for name, address in NODES.items() for word in ("--node", f"{name}={address}")]
        self.create = ("fleet", "create", "--name", "admin1", *words, "--out", self.out)

    def start(self):
        for name in NODES:
            self.nodes[name] = self.machine.start(f"etcd-{name}", [part("usr/bin/etcd"), "--config-file", "etcd.conf.yml"],
                                                  cwd=self.out / name)

    def stop(self):
        for node in self.nodes.values():
            node.kill()

    def found(self, *options):
        until(lambda: self.admin.cli(*self.create, *options, check=False).returncode == 0, 60, "the engine has the ledger", 0.5)

    def ctl(self, pool, *words, port=2379, check=True):
        """etcdctl with that machine's certificate."""
        files = pool.state / "machine"
        endpoints = ",".join(f"https://{address}:{port}" for address in NODES.values())
        return run(part("usr/bin/etcdctl"), "--endpoints", endpoints, "--cacert", files / "ca.pem", "--cert", files / "certificate.pem",
                   "--key", files / "key.pem", "--command-timeout=10s", *words, check=check, env=dict(os.environ, ETCDCTL_API="3"))

    def token(self, name, *options):
        path = self.machine.directory / f"{name}.token"
        path.write_text(self.admin.cli("fleet", "token", name, *options).stdout)
        return path

    def join(self, name, *options, by=None):
        pool = Pool(self.machine, name)
        pool.cli("fleet", "join", self.token(name, *options))
        return pool

    def keys(self, pool, prefix="/ntspool/"):
        return self.ctl(pool, "get", prefix, "--prefix", "--keys-only").stdout.split()


DEADLY = "rename,unlink,mkdir,fsync,fdatasync,sendto"  # calls of the kernel at which a command is killed
EACH = int(os.environ.get("NTSPOOL_FLEET_ROUNDS", "0")) >= 100  # at each of them, not at some


def killed_at(moment, pool, *words):
    """Runs a command that the kernel kills at a moment of its life, if it lives so long."""
    inject = ("-e", f"trace={DEADLY}", "-e", f"inject={DEADLY}:signal=SIGKILL:when={moment}")
    return run("strace", "-f", "-qq", "-o", "/dev/null", *inject, *pool.command(*words), check=False,
               env=dict(environment(), ASAN_OPTIONS="detect_leaks=0"))


def again_and_again(pool, *words):
    """Runs a command that is killed, each time later, until it gets through."""
    moment = 1
    for killed in itertools.count():
        done = killed_at(moment, pool, *words)
        if done.returncode != -signal.SIGKILL:
            assert killed > 2, "it hardly did anything"
            return done
        moment += 1 if EACH else 1 + moment // 2


def content(pool):
    """All that the machines of a fleet share, as the pool tells it."""
    return [pool.json("member", "list"), pool.json("zone", "show"), pool.json("record", "list"), pool.json("vantage", "list")["vantages"]]


def is_issued(certificate, ca):
    assert certificate.issuer == ca.subject
    ca.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes)


@pytest.fixture(scope="module")
def site(shared_machine):
    site = Site(shared_machine)
    site.first = site.admin.cli(*site.create).stdout
    site.start()
    site.found()
    yield site
    site.stop()


def test_the_first_run_makes_the_nodes_directories_and_says_what_comes_next(site):
    assert "fleet create" in site.first and all(str(site.out / name) in site.first for name in NODES)
    for name in NODES:
        assert stat.S_IMODE((site.out / name).stat().st_mode) == 0o700
        assert stat.S_IMODE((site.out / name / "server-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((site.admin.state / "machine" / "ca-key.pem").stat().st_mode) == 0o600


def test_the_certificates_are_those_of_the_ca_and_say_who_may_be_what(site):
    ca = x509.load_pem_x509_certificate((site.admin.state / "machine" / "ca.pem").read_bytes())
    own = x509.load_pem_x509_certificate((site.admin.state / "machine" / "certificate.pem").read_bytes())
    is_issued(own, ca)
    assert own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "admin1"
    assert own.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value == "admin"
    assert list(own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    for name in NODES:
        peers = x509.load_pem_x509_certificate((site.out / name / "peer-ca.pem").read_bytes())
        node, peer = (x509.load_pem_x509_certificate((site.out / name / f"{kind}.pem").read_bytes()) for kind in ("server", "peer"))
        is_issued(node, ca)
        is_issued(peer, peers)
        assert peers.subject != ca.subject and peers.public_key() != ca.public_key()
        names = node.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == set(NODES.values())


def test_the_engine_has_all_rows_and_commands_of_the_admin_say_so(site):
    assert site.admin.cli("fleet", "status").stdout.startswith("admin1, an admin of the fleet of pool.test.: level\n")
    status = site.admin.json("fleet", "status")
    assert status["here"] == status["engine"] and sum(node["leads"] for node in status["nodes"]) == 1
    assert len([key for key in site.keys(site.admin) if "/m/m" in key]) == 5
    site.admin.cli(*site.create)  # once more: nothing is left to do
    assert site.admin.json("fleet", "status")["here"] == status["here"]


def test_create_does_not_begin_another_fleet_by_mistake(site):
    assert "other nodes or another name" in site.admin.refused("fleet", "create", "--name", "other")
    assert "other nodes" in site.admin.refused("fleet", "create", "--node", "node1=10.77.41.9")
    assert "stands already" in site.admin.cli(*site.create, "--from-state").stdout and site.admin.json("fleet", "status")["here"]["epoch"] == 1


def test_a_machine_joins_with_a_token_and_has_all_that_the_admin_has(site):
    edge = site.join("ams1")
    assert content(edge) == content(site.admin)
    assert edge.json("fleet", "status")["standing"] == "level"
    assert not (edge.state / "machine" / "ca-key.pem").exists()
    assert stat.S_IMODE((edge.state / "machine" / "key.pem").stat().st_mode) == 0o640
    edges = site.admin.cli("fleet", "edges", "--json", check=False)  # it has no ntspool-feedd, which would speak for it
    assert edges.returncode == 1
    assert {machine["name"]: machine["state"] for machine in json.loads(edges.stdout)["machines"]}["ams1"] == "never heard"


def test_an_edge_and_a_vantage_point_change_nothing(site):
    edge, vantage = site.join("ams2"), site.join("london", "--role", "vantage")
    for pool in (edge, vantage):
        before = site.keys(site.admin)
        assert "admin" in pool.refused("member", "remove", "m1", "--yes")
        assert "admin" in pool.refused("fleet", "token", "other")
        assert site.keys(site.admin) == before


def test_each_machine_writes_its_own_keys_alone_and_reads_what_its_role_needs(site):
    edge, vantage = site.join("ams3"), site.join("tokyo", "--role", "vantage")
    prefix = next(key for key in site.keys(site.admin) if key.endswith("/r/head")).removesuffix("r/head")
    for pool, name, reads in ((edge, "ams3", "rve"), (vantage, "tokyo", "r")):
        for kind in "rvek":
            assert (site.ctl(pool, "get", f"{prefix}{kind}/", "--prefix", "--keys-only", check=False).returncode == 0) == (kind in reads), (name, kind)
        for key in (f"e/{name}/hello", f"v/{name}/1", f"a/{name}"):
            site.ctl(pool, "put", prefix + key, "x")
            site.ctl(pool, "del", prefix + key)
        for key in ("r/head", "e/ams2/hello", f"e/{name}x/hello", "a/ams2", f"a/{name}x", f"k/{name}", "v/london/1"):
            assert "permission denied" in site.ctl(pool, "put", prefix + key, "x", check=False).stderr, (name, key)
        assert "permission denied" in site.ctl(pool, "user", "add", "foe", "--no-password", check=False).stderr


def test_no_machine_speaks_as_a_node(site):
    files, node = site.join("ams4").state / "machine", site.out / "node1"
    refused = {35, 56}  # of curl: no TLS with that certificate
    for certificate, key, is_refused in ((files / "certificate.pem", files / "key.pem", True),
                                         (node / "server.pem", node / "server-key.pem", True),
                                         (node / "peer.pem", node / "server-key.pem", False)):
        done = run("curl", "--silent", "--insecure", "--tls-max", "1.2", "--cert", certificate, "--key", key,
                   f"https://{NODES['node2']}:2380/version", check=False)
        assert (done.returncode in refused) == is_refused, done


def test_a_token_is_for_one_machine_and_a_name_is_used_once(site):
    path = site.token("ams5")
    assert "in the fleet already" in site.admin.refused("fleet", "token", "ams5")
    assert "root" in site.admin.cli("fleet", "token", "root", check=False).stderr
    other = Pool(site.machine, "other").init()
    assert "pool of its own" in other.refused("fleet", "join", path)
    text = path.read_text()
    for wrong, words in ((text[: len(text) // 2], "cut off"), (text.replace("name ams5", "name ams6"), "another machine")):
        path.write_text(wrong)
        assert words in Pool(site.machine, "fresh").refused("fleet", "join", path)
    assert not (site.machine.directory / "fresh.state").exists()


def test_an_evicted_machine_gets_nothing_more_and_its_name_is_gone(site):
    edge = site.join("ams7")
    said = site.admin.cli("fleet", "evict", "ams7").stdout
    assert "replaces both by itself" in said
    site.admin.cli("fleet", "evict", "ams7")  # said again, it is no error
    assert site.ctl(edge, "get", "/ntspool/", "--prefix", "--keys-only", check=False).returncode != 0
    assert edge.cli("fleet", "status", check=False).returncode == 1
    assert "can't be used again" in site.admin.refused("fleet", "token", "ams7")
    assert "evict itself" in site.admin.refused("fleet", "evict", "admin1")
    assert "no machine" in site.admin.refused("fleet", "evict", "nobody")


def test_a_machine_that_leaves_keeps_what_it_has_and_changes_it_alone(site):
    edge = site.join("ams8")
    edge.cli("fleet", "leave")
    assert "in no fleet" in edge.refused("fleet", "leave")
    assert "in no fleet" in edge.refused("fleet", "status")
    edge.cli("member", "remove", "m4")
    edge.add("late", "192.0.2.44")
    assert "m4" in [member["name"] for member in site.admin.json("member", "list")]
    said = edge.cli("fleet", "join", site.token("ams9")).stdout
    assert "1 members (late)" in said
    assert content(edge) == content(site.admin)


def test_a_second_admin_changes_the_pool_too(site):
    second = site.join("admin2", "--role", "admin")
    assert stat.S_IMODE((second.state / "machine" / "ca-key.pem").stat().st_mode) == 0o600
    second.add("of-second", "192.0.2.77")
    site.admin.add("of-first", "192.0.2.78")
    names = [member["name"] for member in site.admin.json("member", "list")]
    assert {"of-second", "of-first"} <= set(names)
    path = site.machine.directory / "by-second.token"
    path.write_text(second.cli("fleet", "token", "ams10").stdout)
    edge = Pool(site.machine, "ams10")
    edge.cli("fleet", "join", path)
    assert content(edge) == content(second)
    behind = site.admin.cli("fleet", "status", "--json", check=False)  # until its next command or its ntspool-feedd
    assert (behind.returncode, json.loads(behind.stdout)["standing"]) == (1, "behind")
    site.admin.add("catches-up", "192.0.2.79")
    assert site.admin.json("fleet", "status")["standing"] == "level"


def test_an_admin_that_was_evicted_makes_no_change_though_the_engine_would_take_it(site):
    third = site.join("admin3", "--role", "admin")
    site.admin.cli("fleet", "evict", "admin3")
    for words in (("user", "add", "admin3", "--no-password"), ("user", "grant-role", "admin3", "root")):  # as before its end at the engine
        site.ctl(site.admin, *words)
    for _ in range(2):  # as it learns of its eviction, and then
        assert "it was evicted" in third.refused("member", "add", "too-late", "--address", "192.0.2.80", "--allow-private")
    site.ctl(site.admin, "user", "delete", "admin3")
    site.admin.add("goes-on", "192.0.2.81")


def test_the_engine_forgets_removed_members_when_this_machine_does(site, monkeypatch):
    clock = Clock(site.machine.directory, monkeypatch)
    site.admin.cli("zone", "set", "quarantine", "1d")
    site.admin.add("forgotten", "192.0.2.82")
    site.admin.cli("member", "remove", "forgotten")
    clock.move(90 * 86400)
    site.admin.cli("member", "expire")
    assert not [member for member in site.admin.json("member", "list", "--removed") if member["name"] == "forgotten"]
    assert not [key for key in site.keys(site.admin) if key.endswith("/t/forgotten")]


def test_who_joins_or_leaves_or_is_evicted_while_commands_are_killed_does_so_all_the_same(site):
    token, edge = site.token("halfway"), Pool(site.machine, "halfway")
    edge.state.mkdir()
    assert again_and_again(edge, "fleet", "join", token).returncode == 0
    assert content(edge) == content(site.admin)
    done = again_and_again(edge, "fleet", "leave")
    assert done.returncode == 0 or "in no fleet" in done.stderr
    edge.add("alone", "192.0.2.99")
    assert again_and_again(site.admin, "fleet", "evict", "halfway").returncode == 0
    assert "halfway" not in site.ctl(site.admin, "user", "list").stdout + site.ctl(site.admin, "role", "list").stdout


def test_a_token_whose_command_was_killed_is_made_or_said_to_be_lost(site):
    for moment in (2, 5, 12, 20):
        name = f"token{moment}"
        killed_at(moment, site.admin, "fleet", "token", name)
        done = site.admin.cli("fleet", "token", name, check=False)
        assert done.returncode == 0 or "evict it and take another name" in done.stderr
        site.admin.cli("fleet", "evict", name)


def test_a_removed_member_does_not_come_back_from_an_older_copy(site):
    edge, old = site.join("fra5"), site.machine.directory / "older"
    registry = site.admin.state / "registry"
    shutil.copytree(registry, old)
    site.admin.cli("member", "remove", "m1")
    site.admin.add("lost", "192.0.2.98")
    edge.cli("fleet", "accept")
    site.stop()
    for name in NODES:
        shutil.rmtree(site.out / name / "data")
    shutil.rmtree(registry)
    shutil.copytree(old, registry)
    site.start()
    until(lambda: site.admin.cli("fleet", "create", "--from-state", check=False).returncode == 0, 60, "the engine has the ledger", 0.5)
    site.admin.cli("member", "set", "m0", "--capacity", "5")
    site.admin.cli("member", "set", "m0", "--capacity", "6")  # so its changes are more than the edge has
    assert "lacks changes" in edge.refused("fleet", "join", site.token("fra6"))
    before = content(edge)
    assert "1 members that were removed would come back (m1)" in edge.refused("fleet", "accept")
    assert content(edge) == before
    site.admin.cli("member", "remove", "m1")
    assert "(lost)" in edge.cli("fleet", "accept").stdout
    assert content(edge) == content(site.admin) and "m1" not in [member["name"] for member in edge.json("member", "list")]


def test_a_lost_engine_is_made_anew_from_an_admins_copy(site):
    edge = site.join("fra1")
    site.admin.cli("member", "remove", "m2")
    before = site.admin.json("fleet", "status")["here"]
    site.stop()
    for name in NODES:
        shutil.rmtree(site.out / name / "data")
    site.start()
    until(lambda: site.ctl(site.admin, "get", "x", check=False).returncode == 0, 60, "the engine goes")
    assert again_and_again(site.admin, "fleet", "create", "--from-state").returncode == 0
    after = site.admin.json("fleet", "status")
    assert after["standing"] == "level" and after["here"]["epoch"] == before["epoch"] + 1 and after["here"]["change"] == before["change"] + 1
    assert "stands already" in site.admin.cli("fleet", "create", "--from-state").stdout
    assert site.admin.json("fleet", "status")["here"] == after["here"]
    assert json.loads(edge.cli("fleet", "status", "--json", check=False).stdout)["standing"] == "new epoch"
    edge.cli("fleet", "accept")
    assert content(edge) == content(site.admin) and "m2" not in [member["name"] for member in edge.json("member", "list")]
    site.token("fra2")  # the engine has its users and rights


def test_a_lost_engine_is_made_anew_from_an_edges_copy_with_a_new_ca(site):
    edge = site.join("fra3")
    site.stop()
    site.out = site.machine.directory / "nodes-2"
    create = [{"--name": "fra3"}.get(last, word) for last, word in zip(["", *site.create], site.create)]
    create[-1] = site.out
    assert "ntspool-node.service" in edge.cli(*create, "--from-state").stdout
    site.start()
    until(lambda: edge.cli(*create, "--from-state", check=False).returncode == 0, 60, "the engine has the ledger", 0.5)
    old, site.admin = site.admin, edge
    assert [machine["name"] for machine in json.loads(edge.cli("fleet", "edges", "--json", check=False).stdout)["machines"]] == ["fra3"]
    assert "certificate" in old.cli("fleet", "status", check=False).stdout
    old.cli("fleet", "join", site.token("fra4"))
    assert content(old) == content(edge)


def test_a_node_moves_to_another_address_and_each_machine_is_told(site):
    edge, gone, new = site.join("sin1"), NODES["node3"], "10.77.41.4"
    now = {"node1": NODES["node1"], "node2": NODES["node2"], "node4": new}
    site.machine.add_address(new)
    site.nodes["node3"].kill()
    until(lambda: site.admin.cli("fleet", "status", check=False).returncode == 0, 60, "the nodes that are left agree", 0.5)
    (row,) = [line for line in site.ctl(site.admin, "member", "list").stdout.splitlines() if gone in line]
    site.ctl(site.admin, "member", "remove", row.split(", ")[0])
    for pool in (site.admin, edge):
        assert "asks 3 nodes" in pool.cli("fleet", "nodes", *now.values()).stdout
    assert "given twice" in edge.cli("fleet", "nodes", new, new, check=False).stderr
    site.admin.cli("fleet", "create", *[word for name, address in now.items() for word in ("--node", f"{name}={address}")],
                   "--out", site.machine.directory / "nodes-moved")
    until(lambda: site.ctl(site.admin, "member", "add", "node4", "--peer-urls", f"https://{new}:2380", check=False).returncode == 0,
          60, "the nodes let a new one in", 0.5)
    conf = site.machine.directory / "nodes-moved" / "node4" / "etcd.conf.yml"
    conf.write_text(conf.read_text().replace("cluster-state: new", "cluster-state: existing"))
    site.nodes["node4"] = site.machine.start("etcd-node4", [part("usr/bin/etcd"), "--config-file", conf.name], cwd=conf.parent)
    until(lambda: "3 of 3 nodes answer" in edge.cli("fleet", "status", check=False).stdout, 60, "the new node answers", 0.5)
    site.admin.add("moved", "192.0.2.90")
    edge.cli("fleet", "accept")
    assert content(edge) == content(site.admin)
