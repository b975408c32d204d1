"""A whole fleet of the real programs: changes go everywhere, and go on through all that can go wrong."""

import itertools
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from fleet import Fleet
from fleetnemesis import FleetNemesis
from histories import History
from machine import until
from pool import environment, no_report

ROUNDS = int(os.environ.get("NTSPOOL_FLEET_ROUNDS", "5"))  # 15: each kind of fault once
DONE, REFUSED, UNKNOWN = 0, 1, 3  # statuses of commands


class Operator:
    """Someone who types one command after the other on an admin. A command may be killed meanwhile."""

    def __init__(self, admin, history, dice):
        self.admin, self.history, self.dice = admin, history, dice
        self.number, self.count, self.keys, self.running = admin.machine.address.rpartition(".")[2], itertools.count(), [], None
        self.stopping, self.turn = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._work, name=admin.machine.name)
        self.thread.start()

    def __getattr__(self, name):
        return getattr(self.admin.machine, name)

    def up(self):
        self.admin.up()

    def children(self):
        command = self.running
        return self.admin.children() + ([command] if command and command.poll() is None else [])

    def _work(self):
        while not self.stopping.is_set():
            with self.turn:
                self._turn()
            time.sleep(0.01)  # for who waits to take the turn

    def end(self):
        self.stopping.set()
        self.thread.join()

    def kill_command(self):
        command = self.running
        if command and command.poll() is None:
            command.kill()

    def run(self, *words):
        """The status of a command that does not wait for other machines, UNKNOWN if it was killed."""
        self.running = subprocess.Popen([str(word) for word in self.admin.command(*words, "--wait", "0")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())
        said, _ = self.running.communicate()
        status = UNKNOWN if self.running.returncode == -signal.SIGKILL else self.running.returncode
        no_report(f"ntspool {words}", said)
        assert status in (DONE, REFUSED, UNKNOWN), f"{words}: {status} {said}"
        return status

    def _address(self):
        number = next(self.count)
        return f"10.{self.number}.{number >> 8}.{number & 255}"

    def _turn(self):
        kind = self.dice.randrange(4) if self.keys else 0
        if kind == 1:
            self._remove(self.dice.choice(self.keys))
        elif kind == 2:
            key, address = self.dice.choice(self.keys), self._address()
            self._do({key: address}, "member", "set", key, "--address", address, "--allow-private")
        elif kind == 3:
            self._import()
        else:
            self._add()

    def _add(self):
        address = self._address()
        key = f"m{address.replace('.', '-')}"
        if self._do({key: address}, "member", "add", key, "--address", address, "--allow-private"):
            self.keys.append(key)
            return True
        return False

    def _import(self):
        rows = {f"i{address.replace('.', '-')}": address for address in (self._address() for _ in range(5))}
        table = self.admin.machine.directory / f"import-{self.number}.csv"
        table.write_text("\n".join(["name,country,ipv4", *(f"{key},NL,{address}" for key, address in rows.items()), ""]))
        if self._do(rows, "member", "import", table, "--allow-private"):
            self.keys += rows

    def _remove(self, key):
        if self._do({key: None}, "member", "remove", key, "--yes"):
            self.keys.remove(key)

    def _do(self, writes, *words):
        """Whether it was done. If that is not known, it makes another change: then what this machine has says it."""
        change = self.history.begin(writes)
        status = self.run(*words)
        if status == DONE:
            change.agreed()
        elif status == REFUSED:
            change.refused()
        else:
            change.unknown()
            while not self._add():
                pass
            key, value = next(iter(writes.items()))
            change.settle(self.admin.members().get(key) == value)
        return change.outcome == "agreed" or change.settled


class Client:
    """Asks one edge for members that there are, were, or are not yet."""

    def __init__(self, edge, history, dice):
        self.edge, self.history, self.dice = edge, history, dice
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._ask, name=edge.machine.name)
        self.thread.start()

    def _ask(self):
        while not self.stopping.wait(0.02):
            recent = self.history.changes[-20:]
            if recent:
                key = self.dice.choice(list(self.dice.choice(recent).writes))
                copy, shown = self.edge.copy, self.edge.shows(key)
                if shown and copy == self.edge.copy:
                    self.history.saw(copy, shown)

    def end(self):
        self.stopping.set()
        self.thread.join()


@pytest.fixture
def fleet(machine):
    fleet = Fleet(machine)
    yield fleet.found()
    fleet.close()


def agreed(history, since=0):
    return any(change.outcome == "agreed" for change in history.changes[since:])


def test_nothing_is_lost_or_comes_back_through_all_that_can_go_wrong(fleet):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    history = History()
    admins = [fleet.admin, fleet.add("admin2", "admin")]
    edges = fleet.add_all(*(f"edge{i}" for i in range(3)))
    dice = [random.Random(f"{seed}/{i}") for i in range(8)]
    operators = [Operator(admin, history, dice.pop()) for admin in admins]
    clients = [Client(edge, history, dice.pop()) for edge in [*admins, *edges]]
    nemesis = FleetNemesis(fleet, edges, operators, history, dice.pop())
    try:
        until(lambda: agreed(history), 60, "a first change is agreed")
        for _ in range(ROUNDS):
            fault, begun = nemesis.round(), len(history.changes)
            until(lambda: agreed(history, begun), 60, f"seed {seed}: a change is agreed after {fault}")  # noqa: B023
        for operator in operators:
            operator.end()
        fleet.level()
    finally:
        for worker in [*operators, *clients]:
            worker.end()
    for member in fleet.members.values():
        history.end(member.copy, member.members())
    outcomes = [change.outcome for change in history.changes]
    print({outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}, len(history.views), "views", nemesis.done)
    faults = history.faults()
    if faults:
        history.save(fleet.machine.directory / "history.json")
    assert faults == [], f"seed {seed}"
