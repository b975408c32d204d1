"""Many workers share one cache of answers. None of them answers with what was true before the query."""

import threading

import pytest

from pool import APEX, records

ROUNDS, ASKED, BACKGROUND = 20, 16, 2


@pytest.fixture
def served(pool):
    pool.add("alice", "10.0.0.1")
    pool.serve("--workers", "6")
    return pool


def addresses(pool, member="alice"):
    """Each query comes from a port of its own, so the kernel spreads them over the workers."""
    return records(pool.ask(f"{member}.{APEX}", "A", timeout=20, dnssec=True), "A")


@pytest.fixture
def asked_meanwhile(served):
    """Workers find and make entries all the time, from snapshots before and after each commit."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            addresses(served)

    threads = [threading.Thread(target=ask) for _ in range(BACKGROUND)]
    for thread in threads:
        thread.start()
    yield served
    stop.set()
    for thread in threads:
        thread.join()


def test_no_worker_gives_an_address_from_before_the_commit(asked_meanwhile):
    pool = asked_meanwhile
    for number in range(2, 2 + ROUNDS):
        pool.cli("member", "set", "alice", "--address", f"10.0.0.{number}", "--allow-private")
        assert [addresses(pool) for _ in range(ASKED)] == [[f"10.0.0.{number}"]] * ASKED


def test_no_worker_has_a_name_after_its_removal(asked_meanwhile):
    pool = asked_meanwhile
    for number in range(ROUNDS // 2):
        pool.add(f"bob{number}", "10.0.1.1")
        assert [addresses(pool, f"bob{number}") for _ in range(ASKED)] == [["10.0.1.1"]] * ASKED
        pool.cli("member", "remove", f"bob{number}", "--yes")
        assert [addresses(pool, f"bob{number}") for _ in range(ASKED)] == [[]] * ASKED
