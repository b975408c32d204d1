"""A service manager for one service: starts, reloads and restarts it as systemd does a unit with Type=notify and NotifyAccess=exec.

It reads the messages of sd_notify(3) from the main process and from the process of a reload, ignores those of all others, keeps
descriptors (FDSTORE) and passes them to the next main process. Like systemd it adopts orphans.
"""

import array
import ctypes
import os
import signal
import socket
import struct
import subprocess
import threading

from machine import until

_PR_SET_CHILD_SUBREAPER = 36
_FDS_MAX = 253  # of one message, the kernel's bound


class ServiceManager:
    def __init__(self, directory, command, environment):
        self.path = directory / "manager.socket"
        self.log = directory / "service.log"
        self.command = [str(word) for word in command]
        self.environment = dict(environment, NOTIFY_SOCKET=str(self.path))
        self.main = self.control = None
        self.store = []  # (name, descriptor)
        self.lines, self.refused = [], []
        self.reads = threading.Event()  # cleared: it does not read its messages
        self.reads.set()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(0.05)
        self.socket.bind(str(self.path))
        self.ends = False
        self.thread = threading.Thread(target=self._listen)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.thread.start()

    def close(self):
        self.ends = True
        self.reads.set()
        self.thread.join()
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        self.socket.close()
        self.path.unlink()
        self._release(self.store)

    def output(self):
        return self.log.read_text(errors="replace")

    def _listen(self):
        while not self.ends:
            self.reads.wait()
            try:
                data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12) + socket.CMSG_SPACE(4 * _FDS_MAX))
            except TimeoutError:
                continue
            fds, sender = array.array("i"), 0
            for _, kind, content in ancillary:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(content[:len(content) // 4 * 4])
                else:
                    sender = struct.unpack("=iii", content)[0]
            if sender in (self.main, self.control):
                self._obey(data.decode().splitlines(), list(fds))
            else:
                self.refused.append((sender, data.decode()))
                self._release([("", fd) for fd in fds])

    @staticmethod
    def _release(kept):
        for _, fd in kept:
            os.close(fd)

    def _obey(self, lines, fds):
        said = dict(line.split("=", 1) for line in lines)
        if said.get("FDSTORE") == "1":
            self.store += [(said["FDNAME"], fd) for fd in fds]
            fds = []
        if said.get("FDSTOREREMOVE") == "1":
            gone = [kept for kept in self.store if kept[0] == said["FDNAME"]]
            self.store = [kept for kept in self.store if kept not in gone]
            self._release(gone)
        if "MAINPID" in said and int(said["MAINPID"]) != self.main:
            pid = int(said["MAINPID"])
            with open(f"/proc/{pid}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
            assert pid != self.control and parent == os.getpid(), "systemd would not notice its end"
            self.main = pid
        self.lines += lines
        self._release([("", fd) for fd in fds])  # of a barrier

    def start(self, *options):
        """Starts the main process, with the sockets that are kept, and waits until it is ready."""
        argv = [*self.command, *(str(option) for option in options)]
        environment = dict(self.environment)
        kept = list(self.store)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.lines = []
        pid = os.fork()
        if pid == 0:
            try:
                high = [os.dup2(fd, 500 + at) for at, (_, fd) in enumerate(kept)]
                os.dup2(log, 1)
                os.dup2(log, 2)
                os.setsid()
                for at, fd in enumerate(high):
                    os.dup2(fd, 3 + at)
                os.closerange(3 + len(high), 4096)
                if kept:
                    environment |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(kept)),
                                    "LISTEN_FDNAMES": ":".join(name for name, _ in kept)}
                os.execve(argv[0], argv, environment)
            finally:
                os._exit(127)
        self.main = pid
        os.close(log)
        self.hears("READY=1")

    def hears(self, line, timeout=60):
        def heard():
            assert os.waitpid(self.main, os.WNOHANG)[0] == 0, f"it ended:\n{self.output()}"
            return line in self.lines
        until(heard, timeout, f"{line}\n{self.output()}", pause=0.005)

    def keeps(self, *names):
        until(lambda: sorted(name for name, _ in self.store) == sorted(names), 20, f"{names} are kept, and no others")

    def reload(self, *options):
        """Runs the command of ExecReload=. Returns its exit status and the process that was the main one before."""
        former = self.main
        with open(self.log, "ab") as log:
            child = subprocess.Popen([*self.command, *(str(option) for option in options)], env=self.environment, stdout=log, stderr=log,
                                     stdin=subprocess.DEVNULL)
            self.control = child.pid
            status = child.wait(120)
        self.control = None
        return status, former

    def stop(self, number=signal.SIGTERM):
        """Ends the main process, and keeps what it has stored. Returns its wait status."""
        os.kill(self.main, number)
        return self.waited(self.main)

    def waited(self, pid):
        """Waits for the end of a process of the service. Returns its wait status."""
        ended = until(lambda: (found := os.waitpid(pid, os.WNOHANG))[0] and [found[1]], 60, f"{pid} ends", pause=0.002)
        return ended[0]

    def restart(self, *options):
        assert self.stop() == 0, self.output()
        self.start(*options)
