"""Which messages the daemons log."""

import signal
import subprocess

import pytest

from pool import BIN, Pool

LEVELS = "error, warning, notice, info, debug"


def test_a_server_at_warning_says_nothing_of_an_orderly_life(machine):
    pool = Pool(machine).init()
    pool.serve("--workers", "1", "--log-level", "warning")
    pool.server.child.send_signal(signal.SIGUSR1)
    pool.stop(pool.server)
    said = pool.server.output()
    assert "answers for" not in said and "queries udp" not in said, said


def test_the_command_line_sets_the_level_before_the_configuration_file(machine):
    pool = Pool(machine).init()
    file = machine.directory / "ntspool.conf"
    file.write_text("log-level: error\n")
    pool.serve("--workers", "1", "--config", file, "--log-level", "notice")
    pool.server.said("answers for")
    pool.server.child.send_signal(signal.SIGUSR1)
    pool.stop(pool.server)
    assert "queries udp" not in pool.server.output()


@pytest.mark.parametrize("daemon", ["ntspoold", "ntspool-probed"])
def test_another_level_is_an_error(tmp_path, daemon):
    def start(*options):
        return subprocess.run([BIN / daemon, "-s", tmp_path, *options], capture_output=True, text=True, check=False, timeout=20)
    done = start("--log-level", "loud")
    assert done.returncode == 2 and f'--log-level takes one of {LEVELS}, not "loud"' in done.stderr, done.stderr
    file = tmp_path / "ntspool.conf"
    file.write_text("log-level: loud\n")
    done = start("--config", file)
    assert done.returncode != 0 and 'not "loud"' in done.stderr, done.stderr
