"""Fixtures: a machine (namespaces, processes), a pool on it, the forms of a signed zone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine import Machine, enter_namespaces, enter_network  # noqa: E402
from pool import Pool  # noqa: E402
from signedpool import FORMS  # noqa: E402

_machines = []
# The slowest files. They start first when several files run in parallel.
_LONG = ("story", "faults", "certificates", "schedule", "offline", "targets", "bench", "locations", "years", "rolls",
         "real_servers", "mass_failure", "kill", "etcd", "fleet_changes", "fleet_nemesis", "fleet", "fleet_whole", "fleet_keys", "quickstart",
         "feedd", "fleet_manual", "fleet_foes", "reference", "switch", "cli", "vantages", "site", "notices", "xdp", "fleet_membership")


def pytest_addoption(parser):
    parser.addoption("--record-interface", action="store_true", help="write interface.json anew (test_interface.py)")


@pytest.fixture(scope="session", autouse=True)
def _namespaces(tmp_path_factory):
    enter_namespaces(tmp_path_factory.mktemp("namespaces"))


@pytest.fixture(scope="module", autouse=True)
def _network(_namespaces):
    """A module finds no address, route or link of another one: what one adds may be the other side's address elsewhere."""
    enter_network()


def _machine(directory):
    machine = Machine(directory)
    _machines.append(machine)
    yield machine
    _machines.remove(machine)
    machine.close()


@pytest.fixture
def machine(tmp_path):
    yield from _machine(tmp_path)


@pytest.fixture(scope="module")
def shared_machine(tmp_path_factory):
    """One machine for all tests of a module."""
    yield from _machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module", params=FORMS)
def form(request):
    """Each form of a signed zone in turn."""
    return request.param


@pytest.fixture(scope="module")
def form_machine(form, tmp_path_factory):
    yield from _machine(tmp_path_factory.mktemp(form))


@pytest.fixture
def pool(machine):
    """An empty pool without a running server."""
    pool = Pool(machine).init()
    yield pool
    pool.stop()


def pytest_collection_modifyitems(items):
    ranks = {f"test_{name}": rank for rank, name in enumerate(_LONG)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the ends of all logs to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for machine in _machines:
            report.sections += [(f"log {name}", text) for name, text in machine.logs()]
