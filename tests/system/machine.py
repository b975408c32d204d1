"""A machine for the tests: network and mount namespaces, processes and their logs. It leaves nothing behind.

The test process moves into new namespaces, which only it and its children see. Every port and loopback address is free
there. The kernel removes the network when the last process has ended, even after a crash.
"""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / "build" / "parts"
NEWER = ROOT / "build" / "newer"
RESOLVER = "127.0.0.53"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_CAP_SYS_TIME = 25
_PR_CAPBSET_DROP = 24

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *args):
    if getattr(_libc, function)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


def enter_namespaces(directory):
    """Moves this process into its own network, where the system's resolver is at RESOLVER. There is no way back."""
    _call("unshare", _CLONE_NEWNET | _CLONE_NEWNS)
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    # No test, and no program that it starts, may set the clock.
    _call("prctl", _PR_CAPBSET_DROP, _CAP_SYS_TIME, 0, 0, 0)
    resolv_conf = Path(directory) / "resolv.conf"
    resolv_conf.write_text(f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n")
    _call("mount", bytes(resolv_conf), b"/etc/resolv.conf", None, ctypes.c_ulong(_MS_BIND), None)
    run("ip", "link", "set", "lo", "up")


def enter_network():
    """Moves this process into another network, without what is left in the one so far."""
    _call("unshare", _CLONE_NEWNET)
    run("ip", "link", "set", "lo", "up")


def run(*argv, check=True, timeout=60, **options):
    """Runs a command to its end and captures its output as text."""
    done = subprocess.run([str(word) for word in argv], stdin=options.pop("stdin", subprocess.DEVNULL),
                          capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def part(path):
    """The path of a program from an unpacked package."""
    found = PARTS / path
    assert found.exists(), f"{found} is missing: tests/run unpacks it"
    return found


def has_ended(pid):
    """True also for a process that its parent, perhaps this one as the first of its namespace, has not waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def until(condition, timeout, what, pause=0.05):
    """Waits until the condition is true and returns its value. An AssertionError in the condition counts as false."""
    deadline = time.monotonic() + timeout
    said = ""
    while True:
        try:
            value = condition()
            if value:
                return value
        except AssertionError as error:
            said = f": {error}"
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what}{said}")
        time.sleep(pause)


class Process:
    """A child process in the background. Its output goes to a log."""

    def __init__(self, name, argv, log, **options):
        self.name = name
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, start_new_session=True, **options)

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def said(self, text, timeout=10):
        """Waits until the text is in the log."""
        def look():
            ended = not self.running
            found = text in self.output()
            if ended and not found:
                raise RuntimeError(f"{self.name} ended with {self.child.returncode}\n{self.output()}")
            return found
        until(look, timeout, f"{self.name} says {text!r}")

    def stop(self, timeout=20):
        """Sends SIGTERM and returns the exit status. If the process does not end, kills it and fails."""
        if self.running:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM") from None

    def kill(self):
        if self.running:
            self.child.kill()
        self.child.wait()


class Machine:
    """Starts processes, keeps their logs in `directory` and ends the processes in reverse order."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.processes = []

    def start(self, name, argv, **options):
        process = Process(name, argv, self.directory / f"{name}.log", **options)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def open_to_others(self):
        """Lets other users pass through the directory, and through those above it."""
        for path in (self.directory, *self.directory.parents):
            path.chmod(path.stat().st_mode | 0o011)

    def add_address(self, *addresses):
        for address in addresses:
            bits = 128 if ":" in address else 32
            run("ip", "address", "replace", f"{address}/{bits}", "dev", "lo", *(["nodad"] if bits == 128 else []))

    def logs(self):
        """The ends of all logs, for a failed test."""
        for log in sorted(self.directory.glob("*.log")):
            text = log.read_text(errors="replace")
            if text:
                yield log.name, "\n".join(text.splitlines()[-40:])

    def close(self):
        problems = []
        for process in reversed(self.processes):
            try:
                process.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        self.processes = []
        assert not problems, "\n".join(problems)
