"""A checker of histories: what commands were told and what copies showed, against the one order that a ledger promises.

Changes and views (one look at one copy) are points that must fit into one order. Each fact says that one point is before another:
a change that began after another had ended comes after it; a view comes after the changes that it shows, and before those that it
does not show yet; the views of one copy come one after the other. A circle of such facts is a fault: something was lost,
reordered, half applied, or came back. Each value is written by one change alone, so a value says which change it is from; only one
that was not made may be tried again. None is the value of what isn't there.
"""

import bisect
import collections
import itertools
import json
import threading
import time

BEGUN, AGREED, REFUSED, UNKNOWN = "begun", "agreed", "refused", "unknown"


class Change:
    """One command: the values that it writes by key, when it ran, and what it was told."""

    def __init__(self, number, writes, clock):
        self.number, self.writes, self.clock, self.start = number, writes, clock, clock()
        self.end = self.seq = None
        self.outcome = BEGUN
        self.settled = None  # of an unknown outcome: whether it was done

    def agreed(self, seq=None):
        self.end, self.outcome, self.seq = self.clock(), AGREED, seq

    def refused(self):
        self.end, self.outcome = self.clock(), REFUSED

    def unknown(self):
        self.outcome = UNKNOWN

    def settle(self, done, seq=None):
        self.settled, self.seq = done, seq

    def was_made(self):
        return self.outcome != REFUSED and self.settled is not False

    def before(self, other):
        """Whether this change certainly precedes the other one."""
        if self.seq is not None and other.seq is not None:
            return self.seq < other.seq
        return self.end is not None and self.end < other.start

    def __str__(self):
        seq = "" if self.seq is None else f", {self.seq}"
        return f"change {self.number} ({self.outcome}{seq}: {self.writes})"


class View:
    """What one copy showed at one moment. All changes up to `low` are in it, none after `high`; None: not known."""

    def __init__(self, copy, values, end, whole=False, low=None, high=None):
        self.copy, self.values, self.end, self.whole, self.low, self.high = copy, values, end, whole, low, high

    def __str__(self):
        values = self.values if len(self.values) < 4 else f"{len(self.values)} values"
        return f"{'all' if self.whole else 'a view'} of {self.copy} ({values})"


class History:
    def __init__(self, clock=time.monotonic):
        self.changes, self.views, self.takes = [], [], {}
        self._clock, self._lock = clock, threading.Lock()

    def begin(self, writes):
        with self._lock:
            self.changes.append(Change(len(self.changes), dict(writes), self._clock))
            return self.changes[-1]

    def saw(self, copy, values, low=None, high=None):
        """A copy showed these values, read at once."""
        with self._lock:
            self.views.append(View(copy, dict(values), self._clock(), low=low, high=high))

    def end(self, copy, values):
        """All that a copy has when everything has come to rest."""
        with self._lock:
            self.views.append(View(copy, dict(values), self._clock(), whole=True))

    def took(self, copy, first, last):
        """A copy went from the position before `first` to `last`."""
        with self._lock:
            self.takes.setdefault(copy, []).append((first, last))

    def joined(self, copy, seq):
        """A copy took all rows as they were at `seq`, wherever it was before."""
        with self._lock:
            self.takes.setdefault(copy, []).append((None, seq))

    def faults(self):
        """What is wrong, in words; empty if nothing is."""
        with self._lock:
            return [*_told(self), *_steps(self), *_Order(self).faults(), *_copies(self)]

    def save(self, path):
        """Writes all of it as JSON, to look at after a fault."""
        plain = {"changes": [vars(change) for change in self.changes], "views": [vars(view) for view in self.views],
                 "takes": self.takes}
        path.write_text(json.dumps(plain, indent=1, default=lambda _: None))


def _told(history):
    """What commands were told, on its own: numbers used twice, outcomes that stay unknown."""
    faults, seqs = [], {}
    for change in history.changes:
        if change.outcome == BEGUN:
            faults.append(f"{change} has no outcome")
        elif change.outcome == UNKNOWN and change.settled is None:
            faults.append(f"{change} never settles")
        if change.seq is not None and seqs.setdefault(change.seq, change) is not change:
            faults.append(f"{change} has the number of {seqs[change.seq]}")
    return faults


def _steps(history):
    """Positions of each copy: none left out, none twice, none backwards. Only a join may leave some out."""
    faults = []
    for copy, takes in history.takes.items():
        position = None
        for first, last in takes:
            if position is not None and first is not None and first != position + 1:
                faults.append(f"{copy} was at {position} and went on with {first}")
            if position is not None and last < position:
                faults.append(f"{copy} was at {position} and stepped back to {last}")
            position = last
    return faults


def _copies(history):
    """All copies have the same values at the end."""
    ends = [view for view in history.views if view.whole]
    return [f"{view.copy} and {ends[0].copy} differ in {sorted(differ, key=str)[:5]}" for view in ends[1:]
            if (differ := {key for key in {*view.values, *ends[0].values} if view.values.get(key) != ends[0].values.get(key)})]


class _Order:
    """The facts as edges of a graph. Moments chain the changes' times, so that each change needs two edges for them."""

    def __init__(self, history):
        self.after = {}  # point -> [(later point, why)]
        self.bad = []
        self.writers = {}  # key -> the changes that write it
        for change in history.changes:
            for key in change.writes:
                self.writers.setdefault(key, []).append(change)
        self.origin = {}  # (key, value) -> the change that wrote it
        for key, changes in self.writers.items():
            for change in sorted(changes, key=Change.was_made):
                known = self.origin.setdefault((key, change.writes[key]), change)
                if known is not change and known.was_made():
                    self.bad.append(f"{known} and {change} write the same value of {key}")
                self.origin[key, change.writes[key]] = change
        self._times(history)
        self._numbers(history)
        for _, views in itertools.groupby(sorted(history.views, key=lambda view: view.copy), lambda view: view.copy):
            self._copy(list(views), history)

    def _fact(self, first, then, why):
        self.after.setdefault(first, []).append((then, why))

    def _times(self, history):
        moments = sorted({moment for change in history.changes for moment in (change.start, change.end) if moment is not None} |
                         {view.end for view in history.views})
        for first, then in itertools.pairwise(moments):
            self._fact(first, then, "time")
        for change in history.changes:
            self._fact(change.start, change, "time")
            if change.end is not None:
                self._fact(change, change.end, "time")
        for view in history.views:
            self._fact(view, view.end, "time")

    def _numbers(self, history):
        self.numbered = sorted((change for change in history.changes if change.seq is not None), key=lambda change: change.seq)
        for first, then in itertools.pairwise(self.numbered):
            self._fact(first, then, "its number")

    def _copy(self, views, history):
        shown = set()  # keys that have shown something in this copy
        low = -1
        for first, then in itertools.pairwise(views):
            self._fact(first, then, "the same copy, later")
        for view in views:
            low = low if view.low is None else max(low, view.low)
            self._positions(view)
            keys = {*self.writers, *view.values} if view.whole else view.values
            for key in keys:
                self._value(view, key, view.values.get(key), key in shown, low)
                if view.values.get(key) is not None:
                    shown.add(key)
            if view.whole:
                self._end(view, history)

    def _positions(self, view):
        """The neighbours are enough: the numbers chain the rest."""
        low, high = (bisect.bisect_right(self.numbered, -1 if at is None else at, key=lambda change: change.seq)
                     for at in (view.low, view.high))
        if low > 0:
            self._fact(self.numbered[low - 1], view, "its position")
        if view.high is not None and high < len(self.numbered):
            self._fact(view, self.numbered[high], "its position")

    def _end(self, view, history):
        for change in history.changes:
            if change.outcome == AGREED or change.settled:
                self._fact(change, view, "the end")

    def _value(self, view, key, value, shown, low):
        """What it means that a copy showed this value."""
        source = self.origin.get((key, value))
        others = [change for change in self.writers.get(key, []) if change is not source]
        if source is None and value is not None:
            self.bad.append(f"{view} shows {key}={value}, which nobody wrote")
        elif source is None:
            self._absent(view, key, others, shown)
        elif value is not None or shown or view.whole or any(
                change.writes[key] is not None and change.seq is not None and change.seq <= low for change in others):
            self._from(view, key, source, others)
        # Else: not there yet, or not there any more. It says nothing.

    def _absent(self, view, key, writers, shown):
        if shown:
            self.bad.append(f"{view}: {key} has gone, which nobody removed")
        for change in writers:
            if change.was_made():
                self._fact(view, change, f"shows no {key}")

    def _from(self, view, key, source, others):
        if not source.was_made():
            # Perhaps nothing ever brought the key: then it is absent from the start.
            if source.writes[key] is not None or any(change.outcome == AGREED or change.settled for change in others):
                self.bad.append(f"{view} shows {key} by {source}, which was not to be done")
            return
        self._fact(source, view, f"shows {key}")
        for change in others:
            if source.before(change) and change.was_made():
                self._fact(view, change, f"shows {key} as it was before")

    def faults(self):
        circle = self._circle()
        return self.bad + ([" < ".join(self._shortest(circle))] if circle else [])

    def _shortest(self, circle):
        """The shortest circle through a point of this one, in words and without moments."""
        return min((self._back_to(point) for point in circle if not isinstance(point, float)), key=len)

    def _back_to(self, start):
        came, queue = {}, collections.deque([start])
        while start not in came:
            point = queue.popleft()
            for then, why in self.after.get(point, []):
                if then not in came:
                    came[then] = (point, why)
                    queue.append(then)
        words, point = [], start
        while not words or point is not start:
            words.append(f"{point} [{came[point][1]}]")
            point = came[point][0]
        return [text for text in [str(start), *reversed(words)] if " " in text.split(" [")[0]]

    def _circle(self):
        """The points of a circle, or None: a depth-first search without recursion."""
        done = set()
        for root in self.after:
            path = {root: iter(self.after[root])} if root not in done else {}
            while path:
                point = next(reversed(path))
                then = next(path[point], (None,))[0]
                if then is None:
                    del path[point]
                    done.add(point)
                elif then in path:
                    return list(path)[list(path).index(then):]
                elif then not in done:
                    path[then] = iter(self.after.get(then, []))
        return None
