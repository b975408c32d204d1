"""Debian systems in directories: to build and install in by chroot, and to run with systemd as process 1."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/debian"

# What a program finds in a machine: its own root, /proc, /sys, /dev and the directories in memory.
_ENTER = r"""
root=$1
shift
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for node in null zero full random urandom tty; do
    touch dev/$node
    mount --bind /dev/$node dev/$node
done
mount -t tmpfs tmpfs run
mkdir -p old
pivot_root . old
umount -l /old
exec "$@"
"""
# The same for systemd, which wants control groups of its own, and may not touch the clock.
_BOOT = r"""
echo $$ >"$1/cgroup.procs"
shift
exec unshare --mount --pid --fork --kill-child --ipc --uts --cgroup setpriv --bounding-set -sys_time,-sys_module sh -ec "$@"
"""
_ENTER_BOOTING = _ENTER.replace("exec ", "mount -t cgroup2 cgroup2 /sys/fs/cgroup\nexec env -i container=test ")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def finish(*command, text="", check=True, **options):
    """Runs a command; returns the finished process."""
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, timeout=1800, check=False, **options)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def run(*command, **options):
    """What a command prints."""
    return finish(*command, **options).stdout


def _base(suite, name, packages):
    """The tarball of a small system with these packages, from this machine's mirror."""
    tarball = CACHE / f"{suite}-{name}.tar"
    if not tarball.exists():
        CACHE.mkdir(exist_ok=True)
        mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian").split()
        made = tarball.with_suffix(".new.tar")
        run("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}", suite, made, min(mirrors))
        made.rename(tarball)
    return tarball


def _listed(name):
    """A list of tools/packages.sh."""
    return run("bash", "-c", f'root={ROOT}; . "$root/tools/packages.sh"; echo "${{{name}[@]}}"').split()


class System:
    """A fresh system of a release. Its network is that of this machine."""

    def __init__(self, path, suite, name="system", packages=("systemd",)):
        self.path = path
        path.mkdir()
        run("tar", "-C", path, "-xf", _base(suite, name, packages), "--exclude=./dev/*")
        shutil.copy("/etc/resolv.conf", path / "etc/resolv.conf")

    def do(self, *command):
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _ENTER, "sh", self.path, *command, env=_ENVIRONMENT)


def build(path, suite):
    """Builds the packages of the last commit in a clean clone in a fresh system; returns what is in build/packages then."""
    system = System(path, suite, "build", [*_listed("packages_build"), *_listed("packages_packaging"), "git", "ca-certificates"])
    run("git", "clone", "-q", ROOT, path / "root/ntspool")
    system.do("/root/ntspool/tools/make-packages")
    made = CACHE / f"{suite}-packages"
    shutil.rmtree(made, ignore_errors=True)
    shutil.move(path / "root/ntspool/build/packages", made)
    shutil.rmtree(path)
    return made


def renamed(deb, version, scratch):
    """The same package as another version, in `scratch`."""
    tree = scratch / deb.stem
    run("dpkg-deb", "-R", deb, tree)
    control = tree / "DEBIAN/control"
    (old,) = re.findall("^Version: (.*)$", control.read_text(), re.M)
    control.write_text(control.read_text().replace(old, version))
    run("dpkg-deb", "-b", "--root-owner-group", tree, scratch / deb.name.replace(old, version))
    shutil.rmtree(tree)


class Booted:
    """A system with systemd as process 1, in namespaces of its own. Its network is that of the test."""

    def __init__(self, system, log):
        self.path = system.path
        self.log = log
        self.cgroups = log.parent / "cgroups"
        self.cgroups.mkdir()
        run("mount", "-t", "cgroup2", "cgroup2", self.cgroups)
        self.cgroup = Path(tempfile.mkdtemp(prefix="ntspool-tests-", dir=self.cgroups))
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        with open(self.log, "ab") as out:
            self.outside = subprocess.Popen(["sh", "-ec", _BOOT, "sh", self.cgroup, _ENTER_BOOTING, "sh", self.path, "/lib/systemd/systemd",
                                             "--log-target=console"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + 60
        while self.do("systemctl", "is-system-running", "--wait", check=False).strip() not in ("running", "degraded"):
            assert time.monotonic() < deadline and self.outside.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def _init(self):
        """Its process 1, as it is called outside; 0 if there is none."""
        children = Path(f"/proc/{self.outside.pid}/task/{self.outside.pid}/children")
        return int((children.read_text() if children.exists() else "").strip() or 0)

    def do(self, *command, **options):
        return run("nsenter", "-t", self._init(), "--mount", "--pid", "--ipc", "--uts", "--root", "--wd", *command, env=_ENVIRONMENT, **options)

    def type(self, line, **options):
        """What a shell makes of a line that root types."""
        try:
            return self.do("bash", "-ec", f"cd; {line}", **options)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.do('journalctl', '-n', '40')}") from None

    def stop(self):
        if self.outside.poll() is None and self._init():
            os.kill(self._init(), signal.SIGRTMIN + 4)  # systemd(1): power off
        try:
            self.outside.wait(60)
        finally:
            if self.outside.poll() is None:
                self.outside.kill()
                self.outside.wait()

    def close(self):
        try:
            self.stop()
        finally:
            for directory in sorted(self.cgroup.rglob("**/"), reverse=True):
                directory.rmdir()
            run("umount", self.cgroups)
