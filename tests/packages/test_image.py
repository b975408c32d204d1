"""The container image of the last commit, run by podman where it can run, and unpacked in namespaces of its own.

Containers share one network of the test, in which unprivileged users may use port 53, as the manual page asks for.
"""

import json
import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from debian import finish, run

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "build/image/ntspool.tar"
SETUP = """set -e
mount --make-rprivate /
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
ip link set lo up
echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo ready
exec sleep infinity"""
SERVER, PROBE = 10053, 10054  # the state on operators' disks belongs to them: they must never change


@pytest.fixture(scope="module", autouse=True)
def image():
    run(ROOT / "tools/make-image")


def child_of(process):
    """unshare and nsenter wait for one child, which is in the new process namespace."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


@pytest.fixture
def machine():
    """The words that run a command in a fresh network, with a control group tree as new container runtimes want it."""
    holder = subprocess.Popen(["unshare", "--mount", "--cgroup", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", SETUP],
                              stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "ready\n"
    yield ["nsenter", "--target", str(child_of(holder)), "--mount", "--net", "--pid", "--cgroup"]
    holder.kill()
    holder.wait()


class Podman:
    LIMITS = ("--net=host", "--cgroups=disabled", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1000:1000")

    def __init__(self, machine, path):
        self.podman = [*machine, "podman", "--root", path / "store", "--runroot", "/run/podman", "--storage-driver", "vfs",
                       "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        run(*self.podman, "load", "-i", ARCHIVE)

    def can_run(self):
        return finish(*self.podman, "run", "--rm", *self.LIMITS, "localhost/ntspool", "true", check=False).returncode == 0

    def do(self, *command, user="root"):
        return run(*self.podman, "run", "--rm", *self.LIMITS, "--user", user, "-v", "pool:/var/lib/ntspool", "localhost/ntspool",
                   *command)

    def start(self):
        run(*self.podman, "run", "-d", "--name", "server", *self.LIMITS, "-v", "pool:/var/lib/ntspool", "localhost/ntspool")

    def inside(self, *command):
        return run(*self.podman, "exec", "server", *command)

    def is_healthy(self):
        return finish(*self.podman, "healthcheck", "run", "server", check=False).returncode == 0

    def stop(self):
        run(*self.podman, "stop", "server")
        return finish(*self.podman, "logs", "server").stderr


class Unpacked:
    """The layer in a directory, run by what the image's configuration says."""

    def __init__(self, machine, path):
        self.machine, self.root, self.log = machine, path / "root", path / "log"
        with tarfile.open(ARCHIVE) as archive:
            (manifest,) = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(manifest["Config"]))["config"]
            archive.extractall(path, [archive.getmember(name) for name in manifest["Layers"]])
        self.root.mkdir()
        for layer in manifest["Layers"]:
            run("tar", "-C", self.root, "-xpf", path / layer, "--exclude=./dev/*")
        (self.root / "dev/null").touch()
        run(*machine, "mount", "--bind", "/dev/null", self.root / "dev/null")
        run(*machine, "mount", "-t", "proc", "proc", self.root / "proc")

    def words(self, user, command):
        ids = f"{user}:{user}" if user else self.config["User"]
        return [*self.machine, "env", "-i", *self.config["Env"], "chroot", f"--userspec={ids}", "--groups=", self.root, *command]

    def can_run(self):
        return True

    def do(self, *command, user="0"):
        return run(*self.words({"root": "0"}.get(user, user), command))

    def start(self):
        with self.log.open("w") as log:
            self.server = subprocess.Popen([str(word) for word in self.words("", self.config["Cmd"])], stderr=log)

    def inside(self, *command):
        return run(*self.words("", command))

    def is_healthy(self):
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return finish(*self.words("", command), check=False).returncode == 0

    def stop(self):
        os.kill(child_of(self.server), signal.SIGTERM)
        assert self.server.wait(60) == 0
        return self.log.read_text()


@pytest.mark.parametrize("kind", [Podman, Unpacked])
def test_a_pool_lives_in_containers(kind, machine, tmp_path):
    container = kind(machine, tmp_path)
    if not container.can_run():
        pytest.skip("podman can't run a container on this machine")
    container.do("ntspool", "init", "pool.example", "--ns", "ns1.pool.example=192.0.2.53")
    container.do("ntspool", "member", "add", "one", "--address", "192.0.2.1", "--country", "NL", "--allow-private")
    container.start()
    until = time.monotonic() + 60
    while not container.is_healthy():
        assert time.monotonic() < until
        time.sleep(0.2)
    answer = run(*machine, "dig", "+norec", "+dnssec", "@127.0.0.1", "one.pool.example", "A")
    assert "status: NOERROR" in answer and "\t192.0.2.1\n" in answer and "RRSIG" in answer
    assert "pool.example" in container.inside("ntspool", "status")
    owners = container.do("find", "/var/lib/ntspool", "-printf", "%U %P\n").splitlines()
    assert {(path.split("/")[0] == "probe", int(owner)) for owner, path in (line.split(" ") for line in owners)} == {
        (False, SERVER), (True, PROBE)}
    container.do("ntspool-probed", "--config", "/etc/ntspool/probed.yaml", "--check", user=str(PROBE))
    assert "answers for pool.example." in container.stop()


def test_the_image_holds_what_it_needs(tmp_path):
    """Neither apt nor its lists; the archive's parts have the sums they are named by."""
    with tarfile.open(ARCHIVE) as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json"))
        config = json.load(archive.extractfile(manifest["Config"]))
        archive.extractall(tmp_path, [archive.getmember(name) for name in manifest["Layers"]])
    sums = run("sha256sum", *(tmp_path / name for name in manifest["Layers"])).split()[::2]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in sums]
    with tarfile.open(tmp_path / manifest["Layers"][0]) as layer:
        names = {os.path.normpath(member.name) for member in layer if not member.isdir()}
    assert {"usr/sbin/ntspoold", "usr/sbin/ntspool-probed", "usr/bin/ntspool", "etc/ssl/certs/ca-certificates.crt"} <= names
    assert "usr/bin/apt" not in names and not any(name.endswith("_Packages") for name in names)
