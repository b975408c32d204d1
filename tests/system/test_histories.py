"""The checker of histories finds nothing in histories of a ledger that keeps its promises, and each fault in one that doesn't."""

import itertools
import random

import pytest

from histories import History


def ticking():
    """A clock that goes on with each look."""
    return itertools.count(1).__next__


class Copy:
    def __init__(self, name, history):
        self.name, self.history, self.rows, self.seq = name, history, {}, 0

    def take(self, ledger):
        if self.seq < len(ledger):
            self.seq += 1
            self.rows.update(ledger[self.seq - 1])
            self.history.took(self.name, self.seq, self.seq)

    def join(self, ledger):
        while self.seq < len(ledger):
            self.seq += 1
            self.rows.update(ledger[self.seq - 1])
        self.history.joined(self.name, self.seq)

    def show(self, dice):
        keys = dice.sample(sorted(self.rows), min(3, len(self.rows)))
        some = {key: self.rows[key] for key in keys}
        some[f"new{dice.randrange(9)}"] = None
        positions = dice.choice([{}, {"low": self.seq, "high": self.seq}, {"low": max(0, self.seq - 1)}])
        self.history.saw(self.name, some, **positions)

    def end(self, ledger):
        while self.seq < len(ledger):
            self.take(ledger)
        self.history.end(self.name, {key: value for key, value in self.rows.items() if value is not None})


def good(seed, steps=120):
    """A history of three copies and overlapping commands, and its ledger. Commands are agreed, refused, or not known at first."""
    dice = random.Random(seed)
    history, ledger, open_ones, keys = History(float_clock()), [], [], {}
    copies = [Copy(name, history) for name in ("ams", "fra", "lon")]
    number = itertools.count()
    for _ in range(steps):
        step = dice.randrange(6)
        if step == 0:
            open_ones.append(history.begin(writes(dice, keys, number)))
        elif step == 1 and open_ones:
            finish(dice, open_ones.pop(dice.randrange(len(open_ones))), ledger, keys)
        elif step == 2:
            dice.choice(copies).take(ledger)
        elif step == 3 and dice.random() < 0.1:
            dice.choice(copies).join(ledger)
        else:
            dice.choice(copies).show(dice)
    for change in open_ones:
        finish(dice, change, ledger, keys)
    for change in history.changes:
        if change.outcome == "unknown":
            seq = next((seq for seq, entry in enumerate(ledger, 1) if entry is change.writes), None)
            change.settle(seq is not None, seq)
    for copy in copies:
        copy.end(ledger)
    return history


def float_clock():
    tick = ticking()
    return lambda: float(tick())


def writes(dice, keys, number):
    """Two new members, a new value of one, or the end of one; a key that is leaving is left alone."""
    living = [key for key, state in keys.items() if state == "free"]
    kind = dice.randrange(3) if living else 0
    if kind == 0:
        made = {f"m{next(number)}": f"v{next(number)}" for _ in range(2)}
        keys.update(dict.fromkeys(made, "free"))
        return made
    key = dice.choice(living)
    keys[key] = "leaving" if kind == 1 else "free"
    return {key: None if kind == 1 else f"v{next(number)}"}


def finish(dice, change, ledger, keys):
    """The ledger decides. What rests on a change that was not made is refused. A removal that was refused may be tried again."""
    rows = {key: value for entry in ledger for key, value in entry.items()}
    made = all(rows.get(key) is not None for key in change.writes) if len(change.writes) == 1 else True
    fate = dice.random()
    if not made or fate < 0.1:
        change.refused()
        keys.update({key: "free" for key in change.writes if change.writes[key] is None and rows.get(key)})
    else:
        if fate < 0.8 or dice.random() < 0.5:
            ledger.append(change.writes)
        if fate < 0.8:
            change.agreed(len(ledger))
        else:
            change.unknown()


@pytest.mark.parametrize("seed", range(0, 300, 30))
def test_nothing_is_found_in_good_histories(seed):
    for each in range(seed, seed + 30):
        history = good(each)
        assert history.faults() == [], f"seed {each}"
        for change in history.changes:
            change.seq = None  # what the commands' numbers told; the copies' positions mean nothing then
        for view in history.views:
            view.low = view.high = None
        assert history.faults() == [], f"seed {each}, without numbers"


def lost(history):
    done(history, {"a": "1"})
    for copy in ("ams", "fra"):
        history.end(copy, {})


def overwritten_by_an_earlier_one(history):
    done(history, {"a": "1"})
    done(history, {"a": "2"})
    for copy in ("ams", "fra"):
        history.end(copy, {"a": "1"})


def reordered_against_the_clock(history):
    done(history, {"a": "1"}, 2)
    done(history, {"b": "1"}, 1)
    history.end("ams", {"a": "1", "b": "1"})


def seen_in_two_orders(history):
    """Two commands at once: one copy has only the first, the other one only the second."""
    first, second = history.begin({"a": "1"}), history.begin({"b": "1"})
    first.agreed()
    second.agreed()
    history.saw("ams", {"a": "1", "b": None})
    history.saw("fra", {"a": None, "b": "1"})
    history.end("ams", {"a": "1", "b": "1"})
    history.end("fra", {"a": "1", "b": "1"})


def half_applied_at_the_end(history):
    done(history, {"a": "1", "b": "1"})
    history.end("ams", {"a": "1"})


def half_applied_for_a_moment(history):
    done(history, {"a": "1", "b": "1"})
    history.saw("ams", {"a": "1", "b": None})
    history.end("ams", {"a": "1", "b": "1"})


def half_applied_over_old_values(history):
    done(history, {"a": "1", "b": "1"})
    done(history, {"a": "2", "b": "2"})
    history.saw("ams", {"a": "2", "b": "1"})
    history.end("ams", {"a": "2", "b": "2"})


def removed_and_back(history):
    done(history, {"a": "1"})
    history.saw("ams", {"a": "1"})
    done(history, {"a": None})
    history.saw("ams", {"a": None})
    history.saw("ams", {"a": "1"})
    history.end("ams", {})


def removed_and_back_where_it_was_never_seen(history):
    done(history, {"a": "1"}, 1)
    done(history, {"a": None}, 2)
    history.saw("ams", {"a": None}, low=2)
    history.saw("ams", {"a": "1"})
    history.end("ams", {})


def there_beyond_its_position(history):
    done(history, {"a": "1"}, 1)
    done(history, {"a": None}, 2)
    history.saw("ams", {"a": "1"}, low=2, high=2)
    history.end("ams", {})


def there_before_its_position(history):
    done(history, {"a": "1"}, 1)
    history.saw("ams", {"a": "1"}, low=0, high=0)
    history.end("ams", {"a": "1"})


def seen_before_it_was_asked_for(history):
    history.saw("ams", {"a": "1"})
    done(history, {"a": "1"})
    history.end("ams", {"a": "1"})


def stepped_back(history):
    done(history, {"a": "1"})
    done(history, {"a": "2"})
    history.saw("ams", {"a": "2"})
    history.saw("ams", {"a": "1"})
    history.end("ams", {"a": "2"})


def refused_and_done(history):
    history.begin({"a": "1"}).refused()
    history.end("ams", {"a": "1"})


def removed_twice(history):
    done(history, {"a": "1"})
    done(history, {"a": None})
    done(history, {"a": None})
    history.end("ams", {})


def refused_and_removed(history):
    done(history, {"a": "1"})
    history.begin({"a": None}).refused()
    history.end("ams", {})


def settled_as_done_and_not_there(history):
    change = history.begin({"a": "1"})
    change.unknown()
    change.settle(True, 1)
    history.end("ams", {})


def settled_as_not_done_and_there(history):
    change = history.begin({"a": "1"})
    change.unknown()
    change.settle(False)
    history.end("ams", {"a": "1"})


def never_settled(history):
    history.begin({"a": "1"}).unknown()
    history.end("ams", {"a": "1"})


def without_an_outcome(history):
    history.begin({"a": "1"})
    history.end("ams", {"a": "1"})


def one_number_for_two(history):
    done(history, {"a": "1"}, 1)
    done(history, {"b": "1"}, 1)
    history.end("ams", {"a": "1", "b": "1"})


def from_nowhere(history):
    history.saw("ams", {"a": "1"})


def gone_by_nobody(history):
    done(history, {"a": "1"})
    history.saw("ams", {"a": "1"})
    history.saw("ams", {"a": None})
    history.end("ams", {"a": "1"})


def unequal_at_the_end(history):
    change = history.begin({"a": "1"})
    change.unknown()
    change.settle(True)
    history.end("ams", {"a": "1"})
    history.end("fra", {})


def a_gap(history):
    history.took("ams", 1, 1)
    history.took("ams", 3, 3)


def a_step_back(history):
    history.took("ams", 1, 4)
    history.took("ams", 3, 5)


def a_join_of_the_past(history):
    history.took("ams", 1, 4)
    history.joined("ams", 3)


FAULTS = {
    lost: "shows no a", overwritten_by_an_earlier_one: "as it was before", reordered_against_the_clock: "its number",
    seen_in_two_orders: "shows no", half_applied_at_the_end: "shows no b", half_applied_for_a_moment: "shows no b",
    half_applied_over_old_values: "as it was before", removed_and_back: "the same copy, later",
    removed_and_back_where_it_was_never_seen: "the same copy, later", there_beyond_its_position: "its position",
    there_before_its_position: "its position", seen_before_it_was_asked_for: "time", stepped_back: "the same copy, later",
    refused_and_done: "not to be done", refused_and_removed: "not to be done", removed_twice: "write the same value", settled_as_done_and_not_there: "shows no a",
    settled_as_not_done_and_there: "not to be done", never_settled: "never settles", without_an_outcome: "no outcome",
    one_number_for_two: "has the number", from_nowhere: "nobody wrote", gone_by_nobody: "nobody removed",
    unequal_at_the_end: "differ", a_gap: "went on with 3", a_step_back: "went on with 3", a_join_of_the_past: "stepped back",
}


def done(history, values, seq=None):
    history.begin(values).agreed(seq)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_found_and_told(fault):
    history = History(float_clock())
    fault(history)
    faults = history.faults()
    assert faults and any(FAULTS[fault] in told for told in faults), faults


def damaged(history, dice):
    """Hides one agreed change from the end of all copies, and what came after it on the same key."""
    agreed = [change for change in history.changes if change.outcome == "agreed" and None not in change.writes.values()]
    if not agreed:
        return False
    key, value = next(iter(dice.choice(agreed).writes.items()))
    hit = False
    for view in history.views:
        if view.whole and view.values.get(key) == value:
            del view.values[key]
            hit = True
    return hit


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_what_disappears_from_good_histories_is_missed(seed):
    tried = 0
    for each in range(seed, seed + 50):
        history = good(each)
        if damaged(history, random.Random(each)):
            tried += 1
            assert history.faults(), f"seed {each}"
    assert tried > 10


def test_a_history_of_ten_thousand_commands_is_checked():
    """The time of a check grows with the history, not with its square: this ends in seconds."""
    history = History(float_clock())
    for i in range(10000):
        done(history, {f"m{i}": f"v{i}"}, i + 1)
        history.saw("ams", {f"m{i}": f"v{i}", f"m{i + 1}": None}, low=i + 1, high=i + 1)
    history.end("ams", {f"m{i}": f"v{i}" for i in range(10000)})
    assert history.faults() == []
