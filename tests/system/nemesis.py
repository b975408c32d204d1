"""What goes wrong in a fleet, one after the other: nodes of the engine and others die, stand still, are cut off, or have a slow line."""

import contextlib
import signal
import time


class Nemesis:
    """`nodes` are hosts with `children()`, the processes that die, and `up()`, which starts them anew; `others` talk to them."""

    def __init__(self, ground, nodes, others, dice):
        self.ground, self.nodes, self.others, self.dice = ground, nodes, others, dice
        self.done = {}

    def faults(self):
        return [self.kill_one, self.kill_a_majority, self.kill_all, self.stop_one, self.stop_a_majority, self.cut_off_one,
                self.cut_off_a_majority, self.one_way, self.cut_off_others, self.slow_lines, self.kill_others]

    def round(self, seconds=1.0):
        """One fault, for about so long, and its end. Each kind in turn, in an order of chance."""
        least = min((self.done.get(fault.__name__, 0) for fault in self.faults()))
        fault = self.dice.choice([fault for fault in self.faults() if self.done.get(fault.__name__, 0) == least])
        self.done[fault.__name__] = least + 1
        with fault():
            time.sleep(self.dice.uniform(0.5, 1.5) * seconds)
        return fault.__name__

    def _some(self, count):
        return self.dice.sample(self.nodes, count)

    def _majority(self):
        return self._some(len(self.nodes) // 2 + 1)

    @contextlib.contextmanager
    def _killed(self, hosts):
        """Some of what runs on each host, at least one."""
        dead = [child for host in hosts if (there := host.children())
                for child in self.dice.sample(there, self.dice.randint(1, len(there)))]
        for child in dead:
            child.kill()
        for child in dead:
            child.wait()
        yield
        for host in hosts:
            host.up()

    @contextlib.contextmanager
    def _stopped(self, hosts):
        stopped = [child for host in hosts for child in host.children()]
        for child in stopped:
            child.send_signal(signal.SIGSTOP)
        yield
        for child in stopped:
            child.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def _cut(self, ones, others, both=True):
        self.ground.cut(ones, others, both)
        yield
        self.ground.heal()

    def kill_one(self):
        return self._killed(self._some(1))

    def kill_a_majority(self):
        return self._killed(self._majority())

    def kill_all(self):
        return self._killed(self.nodes)

    def stop_one(self):
        return self._stopped(self._some(1))

    def stop_a_majority(self):
        return self._stopped(self._majority())

    def cut_off_one(self):
        """From the other nodes only: whoever talks to it still reaches it."""
        one = self._some(1)
        return self._cut(one, [node for node in self.nodes if node not in one])

    def cut_off_a_majority(self):
        """Each on its own: no two nodes hear each other."""
        return self._cut(self.nodes, self.nodes)

    def one_way(self):
        """One node is no longer heard by anybody, or hears nobody."""
        one = self._some(1)
        rest = [host for host in [*self.nodes, *self.others] if host not in one]
        return self._cut(*self.dice.choice([(one, rest), (rest, one)]), both=False)

    def cut_off_others(self):
        return self._cut(self.dice.sample(self.others, (len(self.others) + 1) // 2), self.nodes)

    @contextlib.contextmanager
    def slow_lines(self):
        for host in self.dice.sample([*self.nodes, *self.others], 3):
            host.slow()
        yield
        self.ground.heal()

    def kill_others(self):
        return self._killed(self.dice.sample(self.others, (len(self.others) + 1) // 2))
