"""No program waits for a person or a pipe with a store open. A stalled reader pins no snapshot, and a silent writer blocks nothing."""

import fcntl
import os
import signal
import subprocess
import time

import dns.exception
import pytest

from machine import run, until
from pool import BIN, environment

# Commands that print or write data from a store, each with the arguments for the tests.
SHOWING = {
    "explain": ["explain", "--client", "192.0.2.1"],
    "share": ["share"],
    "history": ["history", "alice"],
    "log": ["log", "alice"],
    "status": ["status"],
    "member list": ["member", "list"],
    "member show": ["member", "show", "alice"],
    "member export": ["member", "export"],
    "record list": ["record", "list"],
    "key list": ["key", "list"],
    "key ds": ["key", "ds"],
    "key export": ["key", "export", "--to", "IDENTITY"],
    "key request": ["key", "request", "-", "--until", "30d"],
    "cookie show": ["cookie", "show"],
    "zone show": ["zone", "show"],
    "zone export": ["zone", "export", "--signed"],
    "backup": ["backup", "COPY"],
}
# Commands that read a file; here it is standard input or a named pipe.
READING = {
    "member import": ["member", "import", "-"],
    "record load": ["record", "load", "-"],
    "key import": ["key", "import", "--package", "-"],
    "key import-bundle": ["key", "import-bundle", "-"],
    "key sign-request": ["key", "sign-request", "-", "-"],
    "cookie set": ["cookie", "set", "-"],
    "cookie stage": ["cookie", "stage", "-"],
}
_WRITE, _READ, _OPEN = 1, 0, 257  # x86-64


def blocked(child, number, descriptor=None):
    """Waits until the process is blocked in this system call, on this descriptor if given."""
    def stands():
        assert child.poll() is None, f"it ended: {child.stderr.read()}"
        with open(f"/proc/{child.pid}/syscall") as file:
            words = file.read().split()
        return words[0] == str(number) and (descriptor is None or int(words[1], 16) == descriptor)
    until(stands, 30, "the command waits")


def open_stores(child):
    links = (os.readlink(f"/proc/{child.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{child.pid}/fd"))
    return [link for link in links if link.endswith(".mdb")]


def full_pipe():
    """The two ends of a pipe that is full."""
    read, write = os.pipe()
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(write, b"x" * size)
        except BlockingIOError:
            pass
    fcntl.fcntl(write, fcntl.F_SETFL, flags)
    return read, write


def words_for(pool, words):
    identity = pool.cli("key", "identity").stdout.strip() if "IDENTITY" in words else ""
    named = {"IDENTITY": identity, "COPY": str(pool.machine.directory / "copy")}
    return [named.get(word, word) for word in words]


def stands(pool, words, stdin, stdout, call, descriptor=None):
    """Starts the command and waits until it blocks. It must have no store open, and changes to the pool must work."""
    child = subprocess.Popen([str(word) for word in pool.command(*words)], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True,
                             env=environment())
    try:
        blocked(child, call, descriptor)
        assert open_stores(child) == []
        pool.cli("member", "set", "alice", "--capacity", "7")
        pool.cli("cookie", "set", "random")
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


@pytest.fixture
def filled(pool):
    pool.add("alice", "10.0.0.1")
    pool.cli("cookie", "set", "random")
    return pool


@pytest.mark.parametrize("words", SHOWING.values(), ids=SHOWING)
def test_reader_that_stands_still_pins_nothing(filled, words):
    read, write = full_pipe()
    try:
        stands(filled, words_for(filled, words), subprocess.DEVNULL, write, _WRITE, 1)
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("words", [["member", "export"], ["zone", "export"]], ids=" ".join)
@pytest.mark.parametrize("opened", [False, True], ids=["without a reader", "full"])
def test_named_pipe_pins_nothing(filled, words, opened):
    """An open of the pipe waits for a reader. A write waits until the reader reads."""
    pipe = filled.machine.directory / "pipe"
    os.mkfifo(pipe)
    read, write = None, None
    if opened:
        read = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        write = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(write, b"x")
        except BlockingIOError:
            pass
    try:
        stands(filled, [*words, pipe], subprocess.DEVNULL, subprocess.DEVNULL, _WRITE if opened else _OPEN)
    finally:
        for end in (read, write):
            if end is not None:
                os.close(end)


@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_input_that_never_comes_locks_nothing(filled, words):
    read, write = os.pipe()
    try:
        stands(filled, words, read, subprocess.DEVNULL, _READ)
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_input_without_end_is_refused(filled, words):
    with open("/dev/zero", "rb") as zero:
        done = run(*filled.command(*words), stdin=zero, check=False, timeout=60, env=environment())
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "stdin" in done.stderr and "longer" in done.stderr


@pytest.mark.parametrize("early", [True, False], ids=["from the start", "later"])
@pytest.mark.parametrize("program", ["ntspoold", "ntspool-probed"])
def test_log_that_nobody_reads_holds_no_daemon_up(filled, program, early):
    """The daemon works on with a stalled log reader, and it ends on request."""
    read, write = full_pipe() if early else os.pipe()
    options = ["--listen", f"{filled.address}@{filled.port}"] if program == "ntspoold" else ["--allow-private", "--interval", "1s"]
    child = subprocess.Popen([BIN / program, "-s", filled.state, *options], stdout=subprocess.DEVNULL, stderr=write, env=environment())
    try:
        if program == "ntspoold":
            until(lambda: asked(filled), 20, "it answers")
        else:
            until((filled.state / "probe" / "local.verdicts").exists, 20, "it probes")
        if not early:
            os.set_blocking(write, False)
            with pytest.raises(BlockingIOError):
                while True:
                    os.write(write, b"x")
            os.set_blocking(write, True)
        time.sleep(1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0
    finally:
        child.kill()
        child.wait()
        os.close(read)
        os.close(write)


def asked(pool):
    try:
        return pool.ask(f"alice.{pool.apex}", "A", timeout=0.5).answer
    except (OSError, dns.exception.Timeout):
        return None


def test_single_round_ends_while_its_output_stands(filled):
    read, write = full_pipe()
    child = subprocess.Popen([BIN / "ntspool-probed", "-s", filled.state, "--allow-private", "--once"], stdout=write, stderr=subprocess.PIPE,
                             text=True, env=environment())
    try:
        blocked(child, _WRITE, 1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()
        child.stderr.close()
        os.close(read)
        os.close(write)
