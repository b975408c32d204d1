"""Metrics: what is scraped is what clients did, Prometheus takes it, and nobody disturbs the answers by scraping."""

import http.client
import json
import re
import socket
import threading
import time
import urllib.parse
import urllib.request

import dns.edns
import dns.flags
import dns.message
import dns.query
import pytest

from machine import ROOT, part, run, until
from pool import APEX, BIN, SRV, Pool

MONITORING = ROOT / "tools/monitoring"
PORT = 9153
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$")
NAME = re.compile(r"\b(?:ntspool|process)_[a-z0-9_]+\b")


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("ntspoold", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def request(path, method="GET", url="/metrics", headers=None):
    """Returns the response and its body."""
    client = Unix(path)
    client.request(method, url, headers=headers or {})
    response = client.getresponse()
    return response, response.read().decode()


def samples(text):
    """The values of a text of metrics, by "name{labels}"."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match and match[1] + (match[2] or "") not in found, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def families(text):
    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    assert len(names) == len(set(names))
    return set(names)


class Metered:
    def __init__(self, machine):
        self.socket = machine.directory / "metrics.sock"
        self.pool = Pool(machine).init()
        for number in range(1, 5):
            self.pool.add(f"m{number}", f"127.0.1.{number}", country="NL")
        self.pool.cli("member", "override", "--all", "eligible")
        self.pool.cli("zone", "set", "denial", "compact")
        self.pool.serve("--workers", "2", "--metrics", f"unix:{self.socket}", "--metrics", f"127.0.0.1@{PORT}",
                        listen=["127.0.0.1@53", "::1@53"])

    def text(self):
        """A text that is not the one before: a text is kept for a second."""
        time.sleep(1.1)
        return request(self.socket)[1]

    def values(self):
        return samples(self.text())


@pytest.fixture(scope="module")
def metered(shared_machine):
    it = Metered(shared_machine)
    yield it
    it.pool.stop()


def grown(before, after, start):
    """The counters that grew, by what follows `start` in their names."""
    return {key[len(start):]: after[key] - before.get(key, 0) for key in after
            if key.startswith(start) and after[key] != before.get(key, 0)}


def test_counters_are_what_clients_sent(metered):
    pool = metered.pool
    before = metered.values()
    for _ in range(5):
        pool.ask(SRV, "SRV", dnssec=True)
    pool.ask(SRV, "SRV", ecs=("192.0.2.0", 24))
    pool.ask(SRV, "SRV", ecs=("0.0.0.0", 0))
    pool.ask(f"m1.{APEX}", "A", tcp=True)
    dns.query.udp(dns.message.make_query(f"m1.{APEX}", "AAAA"), "::1", timeout=3)
    pool.ask(f"nobody.{APEX}", "A")
    pool.ask(f"ns1.{APEX}", "A")
    pool.ask(APEX, "TYPE65280")
    pool.ask("example.org", "A")
    pool.ask(APEX, "DNSKEY", dnssec=True, payload=512)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"short", ("127.0.0.1", 53))
        client.sendto(pool.query(APEX, "SOA", flags=dns.flags.QR).to_wire(), ("127.0.0.1", 53))
    cookie = dns.message.make_query(APEX, "SOA")
    cookie.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
    reply = pool.send(cookie)
    cookie.use_edns(0, options=[next(option for option in reply.options if option.otype == 10)])
    pool.send(cookie)
    after = metered.values()
    assert grown(before, after, "ntspool_dns_queries_total") == {
        '{transport="udp",family="ipv4"}': 16, '{transport="udp",family="ipv6"}': 1, '{transport="tcp",family="ipv4"}': 1}
    assert grown(before, after, "ntspool_dns_questions_total") == {
        '{qtype="SRV",kind="service"}': 7, '{qtype="A",kind="member"}': 1, '{qtype="AAAA",kind="member"}': 1,
        '{qtype="A",kind="missing"}': 1, '{qtype="A",kind="static"}': 1, '{qtype="other",kind="apex"}': 1,
        '{qtype="A",kind="other"}': 1, '{qtype="DNSKEY",kind="apex"}': 1, '{qtype="SOA",kind="apex"}': 2}
    rcodes = grown(before, after, "ntspool_dns_answers_total")
    assert sum(rcodes.values()) == 16 and rcodes['{rcode="REFUSED"}'] == 1
    assert grown(before, after, "ntspool_dns_dropped_total") == {'{reason="malformed"}': 1, '{reason="response"}': 1}
    assert grown(before, after, "ntspool_dns_ecs_total") == {'{result="used"}': 1, '{result="zero"}': 1}
    assert grown(before, after, "ntspool_dns_cookies_total") == {'{result="none"}': 1, '{result="good"}': 1}
    assert grown(before, after, "ntspool_dns_do_total") == {"": 6}
    assert grown(before, after, "ntspool_dns_response_bytes_count") == {"": 16}
    assert grown(before, after, "ntspool_tcp_opened_total") == {"": 1}
    assert sum(grown(before, after, "ntspool_worker_queries_total").values()) == 18


def test_a_commit_is_seen_in_the_serial(metered):
    before = metered.values()
    metered.pool.cli("member", "set", "m1", "--capacity", "200")
    until(lambda: metered.values()["ntspool_zone_serial"] > before["ntspool_zone_serial"], 30, "the new serial is served")
    after = metered.values()
    assert after["ntspool_zone_states_total"] > before["ntspool_zone_states_total"]
    assert after["ntspool_zone_state_age_seconds"] < 20
    assert after["ntspool_deal_members"] == 4


def test_promtool_finds_nothing_to_complain_of(metered):
    text = metered.text()
    path = metered.pool.machine.write("metrics.txt", text)
    with open(path) as file:
        done = run(part("usr/bin/promtool"), "check", "metrics", stdin=file, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    response, openmetrics = request(metered.socket, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.getheader("Content-Type").startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.endswith("# EOF\n") and "# TYPE ntspool_dns_queries counter\n" in openmetrics
    assert families(openmetrics) == {name.removesuffix("_total") for name in families(text)}


# What each program has for itself.
OWN = ("ntspool_store_map_bytes", "ntspool_store_readers")


def pool_part(text):
    """The samples that `ntspool metrics` and ntspoold share."""
    return {key: value for key, value in samples(text).items() if not key.startswith(OWN)}


def shown_in_scrape(metered, wanted):
    """Waits until a scrape has these samples: the server reads its stores every five seconds."""
    until(lambda: (found := metered.values()) and wanted.items() <= found.items(), 30, f"a scrape has {wanted}")


def test_ntspool_metrics_is_the_pools_part_of_a_scrape(metered):
    pool = metered.pool
    pool.cli("member", "suspend", "m4")
    shown_in_scrape(metered, {'ntspool_members{state="suspended"}': 1, 'ntspool_members{state="eligible"}': 3})
    text = pool.cli("metrics").stdout
    own, scraped = pool_part(text), metered.values()
    assert len(own) > 150 and own.items() <= scraped.items(), own.items() - scraped.items()
    rest = {key for key in scraped if key not in samples(text)}
    assert not any(re.match("ntspool_(member|address|cert|share|vantage|key|store|warning)", key) for key in rest)
    assert own['ntspool_capacity_bytes_per_second{of="all"}'] > own['ntspool_capacity_bytes_per_second{of="eligible"}'] > 0
    assert sum(value for key, value in own.items() if key.startswith('ntspool_keys{')) == len(pool.json('key', 'list'))
    assert own['ntspool_store_readable{store="history"}'] == 1
    pool.cli("member", "resume", "m4")
    shown_in_scrape(metered, {'ntspool_members{state="suspended"}': 0})


def test_each_id_of_a_warning_is_there_and_those_of_status_are_1(metered):
    pool = metered.pool
    ids = re.findall(r'X\([A-Z_]+, "([a-z-]+)", ([A-Z]+)', (ROOT / "zone/base/concern.h").read_text().replace("\\\n", ""))
    assert len(ids) > 30
    for override in ("ineligible", "eligible"):
        pool.cli("member", "override", "--all", override)
        status = {warning["id"] for warning in json.loads(pool.cli("status", "--json", check=False).stdout)["warnings"]}
        assert ("no-member-eligible" in status) == (override == "ineligible")
        shown_in_scrape(metered, {f'ntspool_warning{{id="{name}",severity="{severity.lower()}"}}': float(name in status)
                                  for name, severity in ids})


def test_ntspool_metrics_writes_a_file_that_promtool_takes(metered):
    path = metered.pool.machine.directory / "pool.prom"
    assert metered.pool.cli("metrics", path).stdout == ""
    assert pool_part(path.read_text()) == pool_part(metered.pool.cli("metrics").stdout)
    assert path.stat().st_mode & 0o444 == 0o444
    with open(path) as file:
        done = run(part("usr/bin/promtool"), "check", "metrics", stdin=file, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    assert "can't write" in metered.pool.refused("metrics", "/nowhere/pool.prom")


def test_series_of_each_member_are_bounded(metered):
    pool = metered.pool
    text = pool.cli("metrics", "--members", "4").stdout
    more = samples(text).keys() - samples(pool.cli("metrics").stdout).keys()
    assert {f'ntspool_member_{what}{{member="m{number}"}}' for what in ("eligible", "day_answers") for number in range(1, 5)} == more
    done = run(part("usr/bin/promtool"), "check", "metrics", stdin=metered.pool.machine.write("members.prom", text).open(), check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    assert "more than --members 3 allows" in pool.refused("metrics", "--members", "3", pool.machine.directory / "never.prom")
    assert not (pool.machine.directory / "never.prom").exists()
    assert pool.cli("metrics", "--members", "0", check=False).returncode == 2


def test_only_metrics_can_be_read(metered):
    assert request(metered.socket, url="/")[0].status == 404
    assert request(metered.socket, url="/metrics/x")[0].status == 404
    refused = request(metered.socket, method="POST")[0]
    assert refused.status == 405 and refused.getheader("Allow") == "GET, HEAD"
    head, body = request(metered.socket, method="HEAD")
    assert head.status == 200 and body == "" and int(head.getheader("Content-Length")) > 1000
    assert request(metered.socket, headers={"X": "x" * 5000})[0].status in (400, 413, 414, 431, 500)


def test_hostile_queries_add_no_series(metered):
    before = set(metered.values())
    for number in range(300):
        metered.pool.ask(f"x{number}.{APEX}", f"TYPE{number * 211 + 300}")
        metered.pool.ask(f"x{number}.example", "A")
    assert set(metered.values()) == before


def test_slow_and_many_scrapers_neither_last_nor_disturb(metered):
    slow = []
    for _ in range(8):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(60)
        client.connect(str(metered.socket))
        client.sendall(b"GET /met")
        slow.append(client)
    for _ in range(20):
        assert metered.pool.ask(SRV, "SRV").answer
    # One of them sends an octet each second, so that it is never silent for long.
    dripping, ended = slow[0], False
    dripping.setblocking(False)
    for _ in range(60):
        try:
            dripping.sendall(b"x")
            ended = dripping.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        if ended:
            break
        time.sleep(1)
    assert ended
    for client in slow[1:]:
        try:
            client.recv(4096)
        except ConnectionError:
            pass
        client.close()
    assert request(metered.socket)[0].status == 200


def test_prometheus_scrapes_a_running_pool(metered, shared_machine):
    shared_machine.write("prometheus.yml", f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{MONITORING}/ntspool.rules.yaml]
scrape_configs:
  - job_name: ntspoold
    static_configs: [{{targets: ["127.0.0.1:{PORT}"]}}]
""")
    prometheus = shared_machine.start("prometheus", [
        part("usr/bin/prometheus"), f"--config.file={shared_machine.directory}/prometheus.yml", "--web.listen-address=127.0.0.1:9090",
        f"--storage.tsdb.path={shared_machine.directory}/tsdb", "--log.level=warn"])

    def ask(expression):
        url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)["data"]["result"]
        except OSError:
            return []

    until(lambda: ask('up{job="ntspoold"} == 1'), 60, "Prometheus has scraped")
    metered.pool.ask(SRV, "SRV")
    until(lambda: ask('sum(rate(ntspool_dns_questions_total{kind="service"}[30s])) > 0'), 60, "the rate of queries is known")
    names = {sample["metric"]["__name__"] for sample in ask('{job="ntspoold"}')}
    assert {match for match in names if match.startswith("ntspool_")} == {
        key.split("{")[0] for key in metered.values() if key.startswith("ntspool_")}
    assert ask('ntspool_build_info{program="ntspoold"}')[0]["value"][1] == "1"
    prometheus.stop()


def test_rules_are_valid_and_fire(machine):
    promtool = part("usr/bin/promtool")
    run(promtool, "check", "rules", MONITORING / "ntspool.rules.yaml")
    done = run(promtool, "test", "rules", MONITORING / "ntspool.rules.test.yaml")
    assert "SUCCESS" in done.stdout + done.stderr


def manual():
    return (ROOT / "tools/man/ntspool-metrics.7").read_text()


def test_every_name_of_rules_and_dashboard_is_scraped(metered):
    text = metered.text()
    scraped = {key.split("{")[0] for key in samples(text)} | families(text)
    scraped |= {f"{name}_bucket" for name in re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE)}
    for name in ("ntspool.rules.yaml", "dashboard.json"):
        used = set(NAME.findall((MONITORING / name).read_text()))
        assert used and used <= scraped, (name, used - scraped)
    json.loads((MONITORING / "dashboard.json").read_text())


def test_the_manual_names_each_metric_and_no_other(metered):
    """Those of a fleet: test_feedd.py."""
    documented = {name for name in re.findall(r"^\.It Li (\S+)", manual(), re.MULTILINE) if not name.startswith("ntspool_fleet_")}
    assert documented == families(metered.text()) | families(metered.pool.cli("metrics", "--members", "9").stdout)


def test_stats_shows_the_counters(metered):
    pool = metered.pool
    shown = pool.cli("stats", "--socket", metered.socket).stdout
    assert re.search(r"^ntspool_dns_queries_total +\d+ +transport=udp family=ipv4$", shown, re.MULTILINE)
    assert "_bucket" not in shown and "ntspool_dns_response_bytes_bucket" in pool.cli("stats", "--all", "--socket", metered.socket).stdout
    listed = pool.json("stats", "--socket", metered.socket)["samples"]
    found = {sample["name"]: sample for sample in listed}
    assert found["ntspool_build_info"]["labels"]["program"] == "ntspoold" and found["ntspool_build_info"]["value"] == 1
    assert pool.cli("stats", "--quiet", "--socket", metered.socket).stdout == ""


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"HTTP/1.0 404 No\r\n\r\nx", b"HTTP/1.0 200 OK\r\n\r\n\x1b[2Jx{ 1\n",
                                    b"HTTP/1.0 200 OK\r\n\r\n\0\0\0", b"HTTP/1.0 200 OK\r\n\r\na 1"])
def test_stats_refuses_an_odd_peer(metered, machine, answer):
    path = machine.directory / "odd.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        client, _ = server.accept()
        client.recv(4096)
        client.sendall(answer)
        client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    done = metered.pool.cli("stats", "--socket", path, check=False)
    thread.join()
    server.close()
    assert "\x1b" not in done.stdout + done.stderr
    assert done.returncode == 1


def test_stats_survives_a_peer_that_hangs_up_before_the_request(metered, machine):
    """Sometimes the peer is faster, sometimes not: neither may end the command by SIGPIPE."""
    path = machine.directory / "short.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        for _ in range(10):
            server.accept()[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    for _ in range(10):
        metered.pool.refused("stats", "--socket", path)
    thread.join()
    server.close()


def test_stats_without_a_server_fails_in_one_line(metered, machine):
    assert "no server answers" in metered.pool.refused("stats", "--quiet", "--socket", machine.directory / "none.sock")


def test_a_successor_takes_the_socket(machine):
    pool = Pool(machine, address="127.0.2.1").init()
    path = machine.directory / "m.sock"
    options = ("--workers", "1", "--metrics", f"unix:{path}", "--metrics", f"127.0.0.1@{PORT + 1}")
    first = pool.serve(*options)
    second = pool.serve(*options, "--takeover")
    until(lambda: not first.running, 30, "the first has ended")
    text = request(path)[1]
    assert samples(text)["ntspool_build_info{" + re.search(r"build_info\{(.*?)\}", text)[1] + "}"] == 1
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 1}/metrics", timeout=20) as response:
        assert "ntspool_build_info" in response.read().decode()
    pool.kill()
    assert path.exists()
    pool.serve(*options)
    assert request(path)[0].status == 200
    pool.stop()
    assert second is not first


def test_a_place_outside_of_this_machine_is_refused(machine):
    pool = Pool(machine).init()
    done = run(BIN / "ntspoold", "-s", pool.state, "--metrics", "192.0.2.1@9153", check=False)
    assert done.returncode == 2 and "this machine only" in done.stderr
