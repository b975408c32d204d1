"""Key import and export: files of other software, packages for other machines, sealing keys, refused commands. Keys and wrong clocks."""

import os
import shutil
import socket
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from machine import run, until
from pool import APEX, PRESET, SRV, Pool, records
from resolver import Unbound
from years import DAY, HOUR, Clock


def tags(pool):
    return {key["tag"] for key in pool.json("key", "list")}


def signers(pool, name=APEX, rdtype="SOA"):
    answer = pool.ask(name, rdtype, dnssec=True, tcp=True).answer
    return {record.key_tag for rrset in answer if rrset.rdtype == dns.rdatatype.RRSIG for record in rrset}


def published(pool):
    return len(records(pool.ask(APEX, "DNSKEY", tcp=True), "DNSKEY"))


def ldns_keys(machine, algorithm, zone=APEX):
    """Key files of a KSK and a ZSK from ldns, in BIND's format."""
    return [machine.directory / (run("ldns-keygen", *flags, "-a", algorithm, zone, cwd=machine.directory).stdout.strip() + ".private")
            for flags in (["-k"], [])]


def tag_of(path):
    return int(path.stem.rsplit("+", 1)[1])


@pytest.mark.parametrize("algorithm", ["ECDSAP256SHA256", "ED25519"])
def test_a_zone_moves_in_with_its_keys(machine, pool, algorithm):
    pool.serve()
    files = ldns_keys(machine, algorithm)
    pool.cli("key", "import", "--in-use", *files)
    assert tags(pool) == {tag_of(path) for path in files}
    until(lambda: signers(pool) == {tag_of(files[1])}, 20, "the new ZSK signs")
    assert tag_of(files[0]) in signers(pool, rdtype="DNSKEY")
    anchor = machine.write("anchor", pool.cli("key", "ds", "--dnskey").stdout)
    path = machine.directory / "signed.zone"
    pool.cli("zone", "export", path, "--signed")
    done = run("ldns-verify-zone", "-k", anchor, path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("make, number", [(lambda: ec.generate_private_key(ec.SECP256R1()), 13), (ed25519.Ed25519PrivateKey.generate, 15)],
                         ids=["13", "15"])
def test_a_zone_moves_in_from_knot(machine, pool, make, number):
    """Knot's keymgr does not write BIND's format. It prints a DNSKEY record without TTL and class, and keeps PEM files."""
    pool.serve()
    files, wanted = [], set()
    for flags in (257, 256):
        key = make()
        dnskey = dns.dnssec.make_dnskey(key.public_key(), number, flags=flags)
        files.append(machine.write(f"{flags}.private", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()))
        machine.write(f"{flags}.key", f"{APEX}. DNSKEY {dnskey.to_text()}\n")
        wanted.add(dns.dnssec.key_id(dnskey))
    pool.cli("key", "import", "--in-use", *files)
    assert tags(pool) == wanted
    until(lambda: signers(pool) == {dns.dnssec.key_id(dnskey)}, 20, "the ZSK signs")
    files[0].write_text(files[1].read_text())
    assert "do not match" in pool.refused("key", "import", "--in-use", *files)
    files[0].write_text(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.BestAvailableEncryption(b"secret")).decode())
    assert "unencrypted" in pool.refused("key", "import", "--in-use", *files)


def test_files_that_we_write_others_read(machine, pool):
    pool.cli("key", "export", machine.directory)
    files = sorted(machine.directory.glob(f"K{APEX}.+013+*.key"))
    assert len(files) == 2
    for path in files:
        assert path.with_suffix(".private").stat().st_mode & 0o777 == 0o600
    machine.write("zone", f"{APEX}. 300 IN SOA ns1.{APEX}. h.{APEX}. 1 2 3 4 5\n{APEX}. 300 IN NS ns1.example.net.\n")
    run("ldns-signzone", "-o", APEX, "-f", machine.directory / "signed", machine.directory / "zone", *(path.with_suffix("") for path in files))
    ksk = [path for path in files if " 257 " in path.read_text()]
    run("ldns-verify-zone", "-k", ksk[0], machine.directory / "signed")
    assert "File exists" in pool.refused("key", "export", machine.directory)


def test_bad_files_change_nothing(machine, pool):
    pool.serve()
    before, signed_by = tags(pool), signers(pool)
    assert "of other.test., not of pool.test." in pool.refused("key", "import", *ldns_keys(machine, "ED25519", "other.test"))
    assert "not supported" in pool.refused("key", "import", *ldns_keys(machine, "RSASHA256"))
    ksk, zsk = ldns_keys(machine, "ED25519")
    assert "no KSK or no ZSK" in pool.refused("key", "import", zsk)
    shutil.copy(zsk, ksk)
    assert "do not match" in pool.refused("key", "import", "--in-use", ksk, zsk)
    assert "No such file" in pool.refused("key", "import", machine.directory / "Kmissing.private")
    assert (tags(pool), signers(pool)) == (before, signed_by)


def test_machines_that_follow_sign_with_the_same_keys(machine, pool):
    other = Pool(machine, name="other", address="127.0.0.2").init()
    other.serve()
    identity = other.cli("key", "identity").stdout.strip()
    package = machine.directory / "package"
    pool.cli("key", "export", "--to", identity, package)
    assert "PrivateKey" not in package.read_text()
    assert "not made for this machine" in pool.refused("key", "import", "--package", package)
    other.cli("key", "import", "--package", package)
    assert tags(other) == tags(pool)
    pool.serve()
    until(lambda: signers(other) == signers(pool), 20, "both sign alike")
    assert "another machine" in other.refused("key", "roll", "zsk")
    # Rollovers on the leader arrive with the next package.
    pool.cli("key", "roll", "zsk")
    until(lambda: published(pool) == 3, 20, "the new ZSK is published")
    pool.cli("key", "export", "--to", identity, package)
    other.cli("key", "import", "--package", package)
    until(lambda: published(other) == 3, 20, "the new ZSK is published there too")
    other.cli("key", "lead")
    other.cli("key", "roll", "ksk")
    other.stop()


def test_a_pipe_with_its_ends_swapped_changes_nothing(machine, pool):
    """The leader has the keys that the parent's DS records name. A package from another state directory would delete them."""
    other = Pool(machine, name="other").init()
    package = machine.directory / "swapped"
    other.cli("key", "export", "--to", pool.cli("key", "identity").stdout.strip(), package)
    pool.cli("key", "ds-seen")
    before = tags(pool)
    assert "--replace" in pool.refused("key", "import", "--package", package)
    assert "--replace" in pool.refused("key", "import", "--in-use", *ldns_keys(machine, "ED25519"))
    assert tags(pool) == before
    whole = package.read_text().replace("ntspool-keys-2:", "ntspool-keys:")
    assert "older version" in pool.refused("key", "import", "--package", machine.write("older", whole))
    assert other.cli("key", "identity").stdout.strip() in pool.cli("key", "import", "--package", "--replace", package).stdout
    assert tags(pool) == tags(other)


def test_a_machine_follows_the_one_it_was_told(machine, pool):
    other, stranger = (Pool(machine, name=name).init() for name in ("other", "stranger"))
    identity, leader, unknown = (state.cli("key", "identity").stdout.strip() for state in (other, pool, stranger))
    made = {}
    for name, maker in (("leader", pool), ("stranger", stranger)):
        made[name] = machine.directory / name
        maker.cli("key", "export", "--to", identity, made[name])
    assert leader in other.refused("key", "import", "--package", "--from", unknown, made["leader"])
    assert leader in other.cli("key", "import", "--package", "--from", leader, made["leader"]).stdout
    assert unknown in other.refused("key", "import", "--package", made["stranger"])
    assert tags(other) == tags(pool) and leader in other.cli("key", "list").stdout
    other.cli("key", "import", "--package", "--from", unknown, made["stranger"])
    assert tags(other) == tags(stranger)
    # A machine that takes over follows no leader, and an import could delete its keys.
    other.cli("key", "lead")
    pool.cli("key", "export", "--to", identity, made["leader"])
    assert "--replace" in other.refused("key", "import", "--package", made["leader"])


def test_a_machine_can_follow_without_the_ksk(machine, pool):
    """It signs the zone with the ZSK and serves the signatures that the leader made with the KSK."""
    other = Pool(machine, name="other", address="127.0.0.2").init()
    package = machine.directory / "zsk-only"
    identity = other.cli("key", "identity").stdout.strip()

    def send(*options):
        pool.cli("key", "export", "--to", identity, "--zsk-only", package)
        other.cli("key", "import", "--package", *options, package)

    send()
    for server in pool, other:
        server.serve()
    anchor = machine.write("anchor", pool.cli("key", "ds").stdout)
    resolver = Unbound(machine, APEX, anchor, other.address)
    assert all(resolver.secure(name, rdtype) for name, rdtype in ((APEX, "SOA"), (APEX, "DNSKEY"), (APEX, "CDS")))
    assert signers(other) == signers(pool) and signers(other, rdtype="DNSKEY") == signers(pool, rdtype="DNSKEY")
    home = machine.directory / "home"
    home.mkdir()
    other.cli("key", "export", home)
    assert len(list(home.glob("*.private"))) == 1 and len(list(home.glob("*.key"))) == 2
    pool.cli("key", "roll", "zsk")
    until(lambda: published(pool) == 3, 20, "the new ZSK is published")
    send()
    until(lambda: published(other) == 3, 20, "the new ZSK is published there too")
    assert signers(other, rdtype="DNSKEY") == signers(pool, rdtype="DNSKEY")
    # It gets the KSK too, then goes back to the ZSK alone.
    pool.cli("key", "export", "--to", identity, package)
    other.cli("key", "import", "--package", package)
    pool.cli("key", "export", "--to", identity, "--zsk-only", package)
    assert "would be lost" in other.refused("key", "import", "--package", package)
    other.cli("key", "import", "--package", "--replace", package)
    single = Pool(machine, name="single", address="127.0.0.3").init("--csk")
    assert "split" in single.refused("key", "export", "--to", identity, "--zsk-only", package)
    other.stop()


def test_the_seal_is_replaced_under_a_running_server(machine, pool):
    pool.serve()
    seal = pool.state / "seal.key"
    old = seal.read_bytes()
    os.chown(seal, 65534, 65533)  # the server's user, not the command's user
    other = machine.write("other", "x" * 32)
    other.chmod(0o600)
    for plant in (os.symlink, os.link):
        plant(other, pool.state / "seal.key.next")
        pool.refused("key", "rotate-seal")
        assert other.stat().st_uid == 0, "what that user has put there is not given away"
        (pool.state / "seal.key.next").unlink()
    pool.cli("key", "rotate-seal")
    assert seal.read_bytes() != old and seal.stat().st_mode & 0o777 == 0o600
    assert (seal.stat().st_uid, seal.stat().st_gid) == (65534, 65533)
    assert not (pool.state / "seal.key.next").exists()
    # The server keeps working: it makes a key, sealed with the new sealing key.
    pool.cli("key", "roll", "zsk")
    until(lambda: published(pool) == 3, 20, "the new ZSK is published")
    pool.stop()
    pool.serve()
    assert published(pool) == 3
    pool.stop()
    seal.write_bytes(old)
    assert "cannot be opened" in pool.refused("zone", "export", "-", "--signed")


def test_a_seal_that_is_a_credential_is_replaced_at_its_source(machine, pool, monkeypatch):
    """As under systemd: the server has a copy from its start."""
    source, credentials = machine.directory / "source", machine.directory / "credentials"
    (pool.state / "seal.key").rename(source)
    config = machine.write("seal.yaml", f"seal-key: {source}\n")

    def start():
        shutil.rmtree(credentials, ignore_errors=True)
        credentials.mkdir(mode=0o500)
        shutil.copy(source, credentials / "ntspool-seal")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
        pool.serve()
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")

    start()
    trusted = signers(pool)
    old = source.read_bytes()
    pool.cli("--config", config, "key", "rotate-seal")
    assert source.read_bytes() != old
    pool.server.said("cannot be opened")
    assert signers(pool) == trusted and pool.ask(SRV, "SRV", dnssec=True).answer, "it goes on with the keys it has"
    pool.stop(pool.server)
    start()
    pool.cli("--config", config, "key", "roll", "zsk")
    until(lambda: published(pool) == 3, 20, "the new ZSK is published")
    pool.stop()


def test_an_interrupted_change_of_seals_is_ended(pool):
    """The command was killed before the store's commit, or after it but before the new sealing key got its final name."""
    seal, rest = pool.state / "seal.key", pool.state / "seal.key.next"
    old = seal.read_bytes()
    pool.cli("key", "rotate-seal")
    seal.rename(rest)
    seal.write_bytes(old)
    seal.chmod(0o600)
    pool.serve()
    assert signers(pool)
    pool.cli("key", "rotate-seal")
    assert not rest.exists() and seal.read_bytes() != old
    rest.write_bytes(bytes(32))
    rest.chmod(0o600)
    pool.cli("key", "rotate-seal")
    assert seal.read_bytes() == bytes(32)
    pool.stop()


def test_commands_say_what_they_refuse(pool):
    assert "no rollover is under way" in pool.refused("key", "abort")
    assert "one key for both" not in pool.cli("key", "roll", "zsk").stdout
    assert "under way" in pool.refused("key", "roll", "zsk")
    assert "already" in pool.refused("key", "roll", "split")
    pool.cli("key", "ds-seen")
    assert "nothing is asked" in pool.refused("key", "ds-seen")
    assert "already" in pool.refused("key", "secure")
    pool.cli("key", "abort", "zsk")
    for words in (["roll", "dsk"], ["roll", "algorithm"], ["roll", "algorithm", "rsa"], ["roll", "zsk", "ed25519"],
                  ["abort", "csk"], ["export"], ["export", "--to", "x"], ["import", "--package", "a", "b"]):
        assert pool.cli("key", *words, check=False).returncode == 2, words


def test_going_insecure_asks_the_parent_to_forget(pool):
    pool.serve()
    pool.cli("key", "insecure")
    until(lambda: records(pool.ask(APEX, "CDS"), "CDS") == ["0 0 0 00"], 20, "the delete form of CDS")
    assert records(pool.ask(APEX, "CDNSKEY"), "CDNSKEY") == ["0 3 0 AA=="]
    assert pool.cli("key", "ds").stdout == ""
    pool.cli("key", "secure")
    until(lambda: records(pool.ask(APEX, "CDS"), "CDS") != ["0 0 0 00"], 20, "CDS with the DS again")


def test_a_single_key_does_both(machine):
    pool = Pool(machine).init("--csk", "--algorithm", "ed25519")
    pool.serve()
    assert [key["role"] for key in pool.json("key", "list")] == ["csk"]
    assert signers(pool) == signers(pool, rdtype="DNSKEY") == tags(pool)
    assert "one key for both roles" in pool.refused("key", "roll", "zsk")
    pool.stop()


class Resolver:
    """Answers every query with the DS records in `ds`, with AD if `validated`."""

    def __init__(self, address="127.0.0.54", port=5353):
        self.ds, self.validated, self.asked = None, True, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.settimeout(0.1)
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended:
            try:
                query, client = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            response = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
            response.flags |= dns.flags.AD if self.validated else 0
            response.answer = [self.ds] if self.ds else []
            self.asked += 1
            self._socket.sendto(response.to_wire(), client)

    def close(self):
        self._ended = True
        self._thread.join()
        self._socket.close()


led = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


def valid_now(pool, clock):
    """Asks several queries; every signature in the answers is valid now."""
    for name, rdtype in ((APEX, "SOA"), (SRV, "SRV"), (f"missing.{APEX}", "A"), (APEX, "DNSKEY")):
        message = pool.ask(name, rdtype, dnssec=True, tcp=True)
        for rrset in message.answer + message.authority:
            for record in rrset if rrset.rdtype == dns.rdatatype.RRSIG else ():
                assert record.inception <= clock.now() + clock.day < record.expiration, (name, record.to_text()[:60])


@led
def test_a_clock_that_is_set_alarms_and_keys_wait(machine, monkeypatch):
    clock = Clock(machine.directory, monkeypatch)
    pool = Pool(machine).init()
    pool.serve()
    pool.cli("key", "roll", "zsk")
    until(lambda: published(pool) == 3, 20, "the new ZSK is published")
    signing = signers(pool)
    for wrong in (40 * DAY, -40 * DAY, 3000 * DAY, -3 * HOUR):
        clock.set_wrong(wrong)
        valid_now(pool, clock)
        pool.server.said("the clock was set")
        valid_now(pool, clock)
        assert signers(pool) == signing
        clock.set_wrong(0)
        valid_now(pool, clock)
    # It keeps working after the machine has slept or the server has been off for months.
    clock.move(100 * DAY)
    valid_now(pool, clock)
    pool.stop()
    clock.move(300 * DAY)
    pool.serve()
    valid_now(pool, clock)
    until(lambda: signers(pool) != signing, 20, "the new ZSK signs")
    pool.stop()
    clock.set_wrong(-30 * DAY)
    assert "clock-behind" in pool.warned()
    clock.set_wrong(3 * DAY)
    assert "keeper-silent" in pool.warned()


@led
def test_a_start_with_a_clock_that_was_ahead_is_got_over(machine, monkeypatch):
    """A machine with an empty clock battery may start with a wrong date. Here the clock is 400 days ahead, so the ZSK is overdue at once;
    then the clock is set right."""
    clock = Clock(machine.directory, monkeypatch)
    pool = Pool(machine).init()
    assert "no key waits" in pool.refused("key", "trust-clock")
    clock.set_wrong(400 * DAY)
    pool.serve()
    until(lambda: published(pool) == 3, 20, "a new ZSK is published")
    signing = signers(pool)
    clock.set_wrong(0)
    pool.server.said("if it is right: `ntspool key trust-clock`")
    clock.move(10 * DAY)
    valid_now(pool, clock)
    assert "clock-behind" in pool.warned()
    next_year = time.strftime("%Y-%m-%d", time.gmtime(clock.now() + 300 * DAY))
    assert all(key["next_at"] is None or key["next_at"] > next_year for key in pool.json("key", "list"))
    pool.cli("key", "trust-clock")
    assert "clock-behind" not in pool.warned()
    clock.move(2 * HOUR - 60)
    valid_now(pool, clock)
    assert signers(pool) == signing, "caches may not know the new ZSK yet"
    clock.move(120)
    until(lambda: signers(pool) != signing, 20, "the new ZSK signs")
    clock.move(3 * HOUR)
    until(lambda: published(pool) == 2, 20, "the old ZSK is gone")
    pool.stop()


@led
def test_the_parent_is_asked_whether_the_ds_is_there(machine, monkeypatch):
    clock = Clock(machine.directory, monkeypatch)
    pool = Pool(machine).init()
    pool.serve()
    assert "ds-resolver takes" in pool.refused("zone", "set", "ds-resolver", "localhost")
    pool.cli("zone", "set", "ds-resolver", "127.0.0.54@5353")
    pool.server.said("no look at the parent's DS records: ")
    pool.server.said("(ds-resolver) can't be asked")
    resolver = Resolver()

    def state_after(minutes, role="ksk"):
        clock.move(60 * minutes)
        asked = resolver.asked
        until(lambda: resolver.asked > asked, 20, "the resolver is asked")
        return [key["state"] for key in pool.json("key", "list") if key["role"] == role]

    try:
        assert state_after(11) == ["ready"]
        pool.server.said("the parent's DS records are looked at again")
        cds = next(rrset for rrset in pool.ask(APEX, "CDS").answer)
        resolver.ds, resolver.validated = dns.rrset.from_rdata_list(cds.name, 300, dns.dnssec.cds_rdataset_to_ds_rdataset(cds)), False
        assert state_after(11) == ["ready"]
        pool.server.said("does not say that it has validated them")
        resolver.validated = True
        clock.move(11 * 60)
        pool.server.said("has the DS records that were asked for")
        assert all(key["state"] == "active" for key in pool.json("key", "list"))
        # A complete KSK rollover without the operator.
        first = tags(pool)
        pool.cli("key", "roll", "ksk")
        until(lambda: published(pool) == 3, 20, "the new KSK is published")
        clock.move(3 * HOUR)
        until(lambda: next(rrset for rrset in pool.ask(APEX, "CDS").answer) != cds, 20, "CDS names the new KSK")
        # The old DS has a longer TTL at the parent than in the setting. The parent's TTL decides.
        resolver.ds.ttl = 2 * DAY
        state_after(11)
        cds = next(rrset for rrset in pool.ask(APEX, "CDS").answer)
        resolver.ds = dns.rrset.from_rdata_list(cds.name, 300, dns.dnssec.cds_rdataset_to_ds_rdataset(cds))
        clock.move(11 * 60)
        until(lambda: any(key["ds"]["nowhere"] for key in pool.json("key", "list")), 20, "the old DS is known to be gone")
        clock.move(DAY + 2 * HOUR)
        assert any(key["state"] == "retired" and key["next_at"] for key in pool.json("key", "list")), "caches may have the old DS"
        assert published(pool) == 3
        clock.move(DAY)
        until(lambda: published(pool) == 2, 20, "the old KSK is unpublished")
        assert tags(pool) != first
    finally:
        resolver.close()
    pool.stop()


def test_a_vantage_points_machine_needs_no_keys(machine, pool):
    """It has the pool's feed and no key store. On the pool's own machine a missing store is an error."""
    elsewhere = Pool(machine, name="elsewhere")
    elsewhere.state.mkdir()
    shutil.copytree(pool.state / "feed", elsewhere.state / "feed")
    status = elsewhere.json("status")
    assert status["vantage_only"] and status["keys"] is None and not any("init" in text for text in status["warning_texts"])
    assert status["apex"] == pool.json("status")["apex"]
    assert "vantage point" in elsewhere.cli("status").stdout
    assert not pool.json("status")["vantage_only"]
    shutil.rmtree(pool.state / "keys")
    assert "can't be read" in pool.refused("status")
    assert "no store at" in pool.cli("status", check=False).stdout
