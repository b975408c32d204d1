"""Rows of real etcd, followed and sent by the parts of ntspool-feedd; etcdctl judges."""

import signal
import subprocess

import pytest

from etcdengine import Engine, Talk
from machine import until
from pool import BIN


@pytest.fixture(scope="module")
def engine(shared_machine):
    engine = Engine(shared_machine, 1, 3)
    yield engine
    engine.stop_all()


class Feed(Talk):
    """feedtalk. What it follows is in `told`."""

    def __init__(self, engine, prefix, what):
        nodes = [f"{address}@2379" for address in engine.addresses]
        words = [BIN / "feedtalk", engine.authority.ca, *engine.root, prefix, what, *nodes]
        self.child = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._lines, self._rest = [], b""
        self.told = []

    marks = ("anew", "row", "gone", "whole")

    def rows(self):
        """The rows as told, from the last reading of all on."""
        rows = {}
        for line in self.told:
            word, _, rest = line.partition(" ")
            key, _, value = rest.partition("=")
            if word == "anew":
                rows = {}
            elif word == "row":
                rows[key] = value
            elif word == "gone":
                del rows[key]
        return rows

    def until_rows(self, wanted, timeout=60):
        self.tells(lambda told: "whole" in told and self.rows() == wanted, timeout)


@pytest.fixture
def feed(engine, request):
    """Follows x/ below a prefix of the test's own."""
    feed = Feed(engine, f"/{request.node.name}/", "x/")
    feed.prefix = f"/{request.node.name}/"
    yield feed
    feed.close()


def kept(engine, prefix, key):
    return engine.ctl("get", prefix + key, "--print-value-only").stdout.strip()


def test_all_rows_are_read_page_by_page_and_then_each_change_as_it_comes(engine):
    setter = Talk(engine.authority, engine.root, engine.addresses)
    for i in range(600):
        setter.say("set", f"/pages/x/{i:03}", i)
    setter.say("set", "/pages/y/0", "unseen")
    feed = Feed(engine, "/pages/", "x/")
    wanted = {f"{i:03}": str(i) for i in range(600)}
    feed.until_rows(wanted)
    assert feed.told.count("whole") == 1 and feed.told.index("whole") == 601
    setter.say("set", "/pages/x/001", "new")
    setter.say("drop", "/pages/x/100", "/pages/x/200")
    wanted = {key: value for key, value in wanted.items() if not key.startswith("1")} | {"001": "new"}
    feed.until_rows(wanted)
    assert feed.told.count("anew") == 1
    one = Feed(engine, "/pages/", "x/00")
    one.tells(lambda told: "whole" in told)
    setter.say("set", "/pages/x/00", "mine")
    one.tells(lambda told: told == ["anew", "whole", "row =mine"])
    for child in (setter, feed, one):
        child.close()


def test_rows_too_long_for_one_message_are_read_all_the_same(engine):
    setter = Talk(engine.authority, engine.root, engine.addresses)
    for i in range(20):
        setter.say("big", f"/long/x/{i:02}", 1 << 20)
    setter.say("set", "/long/x/20", "short")
    feed = Feed(engine, "/long/", "x/")
    feed.tells(lambda told: "whole" in told)
    assert len(feed.rows()) == 21 and feed.rows()["20"] == "short" and feed.told.count("anew") == 1
    setter.say("drop", "/long/x/", "/long/x0")
    feed.tells(lambda told: not feed.rows())
    for child in (setter, feed):
        child.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_rows_come_in_again_after_the_node_is(engine, feed, how):
    feed.say("put", "x/1", "before")
    feed.until_rows({"1": "before"})
    for i in range(3 if how == signal.SIGKILL else 1):  # a feed that has met no trouble watches the first
        engine.nodes[i].child.send_signal(how)
        others = [j for j in range(3) if j != i]
        until(lambda: engine.ctl("put", f"{feed.prefix}x/1", f"after {i}", nodes=others, check=False).returncode == 0, 60,
              "the others agree", 0.2)
        feed.until_rows({"1": f"after {i}"})
        if how == signal.SIGKILL:
            engine.nodes[i].kill()
            engine.start(i)
        else:
            engine.nodes[i].child.send_signal(signal.SIGCONT)
        engine.wait()


def test_of_each_key_the_latest_value_is_sent_when_the_engine_is_back(engine, feed):
    feed.say("put", "x/1", "first")
    feed.until_rows({"1": "first"})
    for i in range(3):
        engine.nodes[i].kill()
    for i in range(5):
        assert feed.say("put", "x/1", f"value{i}") == ["ok"]
    assert feed.say("put", "x/2", "other") == ["ok"]
    assert feed.say("delete", "x/2") == ["ok"]
    assert feed.say("put", "y/3", "three") == ["ok"]
    assert int(feed.say("waiting")[0]) == 3
    for i in range(3):
        engine.start(i)
    engine.wait()
    until(lambda: feed.say("waiting") == ["0"], 60, "all is sent", 0.2)
    assert kept(engine, feed.prefix, "x/1") == "value4"
    assert kept(engine, feed.prefix, "y/3") == "three"
    assert kept(engine, feed.prefix, "x/2") == ""
    feed.until_rows({"1": "value4"})


def test_ranges_are_deleted_after_what_was_put_before_and_the_queue_is_bounded(engine, feed):
    for i in range(70):
        assert feed.say("put", f"x/{i:02}", i) == ["ok"]
    assert feed.say("drop", "x/10", "x/60") == ["ok"]
    feed.until_rows({f"{i:02}": str(i) for i in range(70) if i < 10 or i >= 60})
    engine.nodes[0].child.send_signal(signal.SIGSTOP)
    engine.nodes[1].child.send_signal(signal.SIGSTOP)
    replies = {feed.say("put", f"x/{i:03}", i)[0] for i in range(101)}
    assert replies == {"ok", "full"}
    assert feed.say("put", "x/000", "again") == ["ok"]  # one that waits already
    for i in (0, 1):
        engine.nodes[i].child.send_signal(signal.SIGCONT)
    until(lambda: feed.say("waiting") == ["0"], 60, "all is sent", 0.2)
    assert kept(engine, feed.prefix, "x/000") == "again"
