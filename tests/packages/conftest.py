"""The releases to test, their packages, and the helpers of the system tests."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))

import debian  # noqa: E402

SUITES = os.environ.get("NTSPOOL_SUITES", "bookworm trixie").split()


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The directory of each release's packages."""
    return {suite: debian.build(tmp_path_factory.mktemp("build") / suite, suite) for suite in SUITES}


@pytest.fixture(scope="module", params=SUITES)
def suite(request):
    return request.param
