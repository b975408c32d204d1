"""Changes through all that can go wrong: none that was acknowledged is lost, none comes back, and all copies are equal at the end."""

import itertools
import os
import random
import threading
import time

from etcdengine import Authority, Talk, node_argv
from ground import Ground
from histories import History
from machine import until
from nemesis import Nemesis

ROUNDS = int(os.environ.get("NTSPOOL_FLEET_ROUNDS", "11"))  # each kind of fault once
NODES, COPIES, WRITERS = 3, 3, 2
HEAD = "r/head"  # NUMBER/KEY/VALUE of the newest change, which is in r/KEY too


class Place:
    """Something on a host of its own, which it is to a Nemesis."""

    def __init__(self, ground, name):
        self.host = ground.host(name)

    def __getattr__(self, name):
        return getattr(self.host, name)


class Node(Place):
    def __init__(self, ground, i):
        super().__init__(ground, f"node{i}")

    def up(self):
        self.child = self.host.start("etcd", self.argv).child

    def children(self):
        return [self.child]


class Client(Place):
    """A program that speaks to the engine by our client. A thread tells it what to do; it may be killed meanwhile."""

    def __init__(self, ground, name, engine, history, dice):
        super().__init__(ground, name)
        self.engine, self.history, self.dice = engine, history, dice
        self.certificate = engine.authority.issue(name)
        self.up()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._live, name=name)
        self.thread.start()

    def up(self):
        addresses = [node.address for node in self.engine.nodes]
        self.talk = Talk(self.engine.authority, self.certificate, addresses, wrap=self.host.wrap)

    def children(self):
        return [self.talk.child]

    def _live(self):
        while not self.stopping.is_set():
            self.turn()

    def say(self, *words):
        """The reply's words. A program that was killed is as one whose request was sent and got no reply."""
        try:
            return self.talk.say(*words)
        except (RuntimeError, OSError):
            time.sleep(0.05)
            return ["failed", "UNCERTAIN"]

    def read(self):
        """The head's number, the revision of its row, and all other rows, as (NUMBER/KEY/VALUE, revision); or None."""
        words = self.say("get", "r/", "r0")
        if words[0] != "ok":
            return None
        rows = {}
        for text in words[4:]:
            pair, _, modified = text.rpartition("@")
            key, _, value = pair.partition("=")
            rows[key] = (value, int(modified))
        entry, modified = rows.pop(HEAD, ("0//", 0))
        return int(entry.split("/")[0]), modified, rows

    def end(self):
        self.stopping.set()
        self.thread.join()
        if self.talk:
            self.talk.close()
            self.talk = None


class Writer(Client):
    """Adds, changes and removes members of its own, one command after the other."""

    def __init__(self, ground, number, *others):
        self.number, self.count, self.keys = number, itertools.count(), []
        super().__init__(ground, f"writer{number}", *others)

    def turn(self):
        there = self.read()
        if there is None:
            return
        value = f"v{self.number}-{next(self.count)}"
        if not self.keys or self.dice.random() < 0.5:
            key = f"m{value}"
        else:
            key, value = self.dice.choice(self.keys), self.dice.choice([value, None])
        if self._change(*there[:2], key, value) and value is None:
            self.keys.remove(key)
        elif value is not None and key not in self.keys:
            self.keys.append(key)

    def _ask(self, seq, modified, key, value):
        """One change, with the entry that would be in the ledger."""
        change, entry = self.history.begin({key: value}), f"{seq}/{key}/{value or 'gone'}"
        words = self.say("swap", HEAD, modified, entry, f"r/{key}")
        if words[0] == "ok":
            change.agreed(seq)
        elif words[0] == "other" or words[1] != "UNCERTAIN":
            change.refused()
        else:
            change.unknown()
        return change, entry

    def _change(self, number, modified, key, value):
        """Whether it was done. If that is not known, it writes something else in its place: only one of them can be there."""
        seq = number + 1
        change, entry = self._ask(seq, modified, key, value)
        unknown = [(change, entry)] if change.outcome == "unknown" else []
        while any(each.settled is None for each, _ in unknown):
            there = self.read()
            if there and there[0] < seq:
                other = self._ask(seq, there[1], f"s{self.number}-{next(self.count)}", "v")
                if other[0].outcome == "unknown":
                    unknown.append(other)
            elif there:
                entries = {value for value, _ in there[2].values()}
                for each, entry in unknown:
                    each.settle(entry in entries, seq if entry in entries else None)
        return change.outcome == "agreed" or change.settled


class Copy(Client):
    """Follows the ledger. Its rows and position outlive its program, as those of a store do."""

    def __init__(self, ground, number, *others):
        self.name = f"copy{number}"
        self.rows, self.seq, self.modified, self.watching, self.pulse, self.parts = {}, 0, 0, None, 0, {}
        super().__init__(ground, self.name, *others)

    def turn(self):
        try:
            if self.watching is not self.talk:
                self._begin()
            for line in self.talk.news(0.1):
                self._heard(line)
        except (RuntimeError, OSError):
            self.watching = None
            time.sleep(0.05)
        if time.monotonic() > self.pulse + 1:
            self._look()

    def _begin(self):
        """Goes on behind its position, at any node. Parts of a change that came before are told again."""
        talk, self.parts = self.talk, {}
        talk.watch("r/", "r0", self.modified + 1, self.dice.randrange(len(self.engine.nodes)))
        self.watching = talk

    def _look(self):
        """A watch that is silent while the ledger goes on is cut off."""
        there, self.pulse = self.read(), time.monotonic()
        if there and there[0] > self.seq and there[1] > self.modified and not self.parts and not self.talk.told:
            self.watching = None

    def _heard(self, line):
        kind, *words = line.split(" ")
        if kind == "end":
            self.watching = None
        elif kind == "event":
            pair, _, modified = words[0].rpartition("@")
            key, _, entry = pair.partition("=")
            parts = self.parts.setdefault(int(modified), set())
            parts.add(key)
            if len(parts) == 2:
                self._take(int(modified), *entry.split("/"))

    def _take(self, modified, number, key, value):
        self.parts = {}
        self.rows[key] = None if value == "gone" else value
        self.seq, self.modified = int(number), modified
        self.history.took(self.name, self.seq, self.seq)
        shown = self.dice.sample(sorted(self.rows), min(4, len(self.rows)))
        self.history.saw(self.name, {key: self.rows[key] for key in shown}, low=self.seq, high=self.seq)


class Engine:
    def __init__(self, machine, ground):
        self.authority = Authority(machine.directory)
        self.nodes = [Node(ground, i) for i in range(NODES)]
        names, addresses = zip(*((node.name, node.address) for node in self.nodes))
        for i, node in enumerate(self.nodes):
            node.argv = node_argv(self.authority, machine.directory, names, addresses, i)
            node.up()


def changed(history, since=0):
    return any(change.outcome == "agreed" for change in history.changes[since:])


def in_turn(nemesis, history, seed):
    """Fault by fault. After each, changes go on."""
    until(lambda: changed(history), 60, "a first change is agreed")
    for _ in range(ROUNDS):
        fault, begun = nemesis.round(), len(history.changes)
        until(lambda: changed(history, begun), 60, f"seed {seed}: a change is agreed after {fault}")  # noqa: B023


def test_the_client_keeps_the_order_of_changes_through_all_faults_of_the_engine(machine):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    ground, history = Ground(machine), History()
    engine = Engine(machine, ground)
    rest = (engine, history, random.Random(seed))
    copies = [Copy(ground, i, *rest) for i in range(COPIES)]
    writers = [Writer(ground, i, *rest) for i in range(WRITERS)]
    nemesis = Nemesis(ground, engine.nodes, [*copies, *writers], random.Random(seed))
    try:
        in_turn(nemesis, history, seed)
        for writer in writers:
            writer.end()
        last = max(change.seq for change in history.changes if change.seq)
        until(lambda: all(copy.seq == last for copy in copies), 60, f"seed {seed}: all copies have {last}")
    finally:
        for client in [*writers, *copies]:
            client.end()
        for node in engine.nodes:  # one that ends by SIGTERM first looks for another leader
            node.child.kill()
            node.child.wait()
        ground.close()
    for copy in copies:
        history.end(copy.name, {key: value for key, value in copy.rows.items() if value is not None})
    outcomes = [change.outcome for change in history.changes]
    print({outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}, nemesis.done)
    faults = history.faults()
    if faults:
        history.save(machine.directory / "history.json")
    assert faults == [], f"seed {seed}"
