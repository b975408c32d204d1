"""What goes wrong in a whole fleet, beyond what Nemesis knows: commands die, and older states come back."""

import contextlib
import json
import shutil
import threading

from machine import until
from nemesis import Nemesis


class FleetNemesis(Nemesis):
    """`edges` and `operators` are those of `fleet`, and `history` has what they do and show."""

    def __init__(self, fleet, edges, operators, history, dice):
        super().__init__(fleet.ground, fleet.nodes, [*edges, *operators], dice)
        self.fleet, self.edges, self.operators, self.history = fleet, edges, operators, history

    def faults(self):
        return [*super().faults(), self.kill_commands, self.compact_meanwhile, self.restore_a_machine, self.restore_the_engine]

    def _wait_for_a_change(self):
        begun = len(self.history.changes)
        until(lambda: any(change.outcome == "agreed" for change in self.history.changes[begun:]), 60, "a change is agreed")

    @contextlib.contextmanager
    def kill_commands(self):
        """At any moment of theirs."""
        over = threading.Event()

        def kill():
            while not over.wait(self.dice.uniform(0, 0.5)):
                for operator in self.operators:
                    operator.kill_command()

        killer = threading.Thread(target=kill)
        killer.start()
        yield
        over.set()
        killer.join()

    @contextlib.contextmanager
    def compact_meanwhile(self):
        """While the feed of an edge is dead, the engine forgets how it came to what it has."""
        edge = self.dice.choice(self.edges)
        edge.feed.kill()
        yield
        self._wait_for_a_change()
        revision = json.loads(self.fleet.ctl("get", "x", "-w", "json").stdout)["header"]["revision"]
        self.fleet.ctl("compact", revision)
        edge.up()
        self.fleet.level(edge)

    @contextlib.contextmanager
    def restore_a_machine(self):
        """An edge loses its copy, and gets an older one from its backup. From then on it is another copy."""
        edge, backup = self.dice.choice(self.edges), self.fleet.machine.directory / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        edge.cli("backup", backup)
        yield
        self._wait_for_a_change()
        edge.down()
        edge.copy += "'"
        for path in edge.state.glob("registry*"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
        edge.cli("restore", backup, "--store", "registry")
        edge.up()

    @contextlib.contextmanager
    def restore_the_engine(self):
        """To an earlier state, which no machine believes. Then it is made anew from the copy of one of the admins."""
        snapshot = self.fleet.machine.directory / "engine.snapshot"
        self.fleet.ctl("snapshot", "save", snapshot, nodes=self.nodes[:1])
        yield
        self._wait_for_a_change()
        with contextlib.ExitStack() as paused:
            for operator in self.operators:
                paused.enter_context(operator.turn)
            self.fleet.level()
            self._stop_nodes()
        for node in self.nodes:
            node.restore(snapshot)
            node.up()
        until(self._all_refuse, 60, "no machine believes it", 0.5)
        self._stop_nodes()
        for node in self.nodes:
            node.up()
        admin = self.dice.choice(self.operators).admin
        until(lambda: admin.cli("fleet", "create", "--from-state", "--out", self.fleet.out, check=False).returncode == 0, 60,
              "the engine is made anew", 0.5)

    def _all_refuse(self):
        return all(member.fleet_status()["standing"] == "engine behind" for member in self.fleet.members.values())

    def _stop_nodes(self):
        for node in self.nodes:
            node.child.kill()
            node.child.wait()
            shutil.rmtree(node.directory / "data")
