"""The Debian packages, built from the last commit: what lintian says, and their life in a fresh system of this machine's release.

The fresh system is a directory with a minimal Debian, which is entered by chroot in namespaces of its own; no service manager runs in it.
Its tarball is made once, in build/debian.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build/packages"
UNITS = {"ntspool-server": "ntspoold.service", "ntspool-probe": "ntspool-probed.service"}


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900,
                          check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def packages():
    run(ROOT / "tools/make-packages")
    return {re.match("[^_]*", path.name)[0]: path for path in PACKAGES.glob("*.deb") if "dbgsym" not in path.name}


@pytest.fixture(scope="module")
def base():
    release = dict(re.findall(r"^(\w+)=(\w+)$", Path("/etc/os-release").read_text(), re.M))["VERSION_CODENAME"]
    tarball = ROOT / f"build/debian/{release}.tar"
    if not tarball.exists():
        tarball.parent.mkdir(exist_ok=True)
        mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian").split()
        made = tarball.with_suffix(".new.tar")
        run("mmdebstrap", "--mode=root", "--variant=minbase", "--include=systemd", release, made, min(mirrors))
        made.rename(tarball)
    return tarball


class System:
    """A fresh system in a directory."""

    def __init__(self, path, base):
        self.path = path
        path.mkdir()
        run("tar", "-C", path, "-xf", base, "--exclude=./dev/*")
        shutil.copy("/etc/resolv.conf", path / "etc/resolv.conf")
        (path / "dev/null").touch()  # the machine's own is mounted there by do()

    def do(self, *command):
        enter = 'mount --bind /dev/null "$0/dev/null" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter, self.path, *command,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})

    def install(self, *debs):
        for deb in debs:
            shutil.copy(deb, self.path / "root")
        self.do("apt-get", "-q", "update")
        self.do("apt-get", "-qy", "install", "--no-install-recommends", *(f"/root/{deb.name}" for deb in debs))

    def owners(self, directory):
        users = {int(row[2]): row[0] for row in (line.split(":") for line in (self.path / "etc/passwd").read_text().splitlines())}
        root = self.path / directory
        return {str(path.relative_to(root)): users[path.lstat().st_uid] for path in (root, *root.rglob("*"))}


@pytest.fixture(scope="module")
def system(tmp_path_factory, packages, base):
    made = System(tmp_path_factory.mktemp("system") / "root", base)
    made.install(*packages.values())
    return made


def test_each_part_has_its_package(packages):
    assert set(packages) == {"ntspool", "ntspool-server", "ntspool-probe", "ntspool-doc"}


def test_lintian_finds_no_fault(packages):
    (changes,) = PACKAGES.glob("*.changes")
    found = run("lintian", "--allow-root", "--fail-on", "error,warning", changes)
    assert not re.search("^[EW]:", found, re.M), found


@pytest.mark.parametrize("package", UNITS)
def test_the_units_leave_little_open(package):
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", ROOT / "tools/systemd" / UNITS[package])


def calls(name):
    """The system calls that a word of SystemCallFilter= stands for."""
    if not name.startswith("@"):
        return {name}
    words = run("systemd-analyze", "syscall-filter", name).split("\n")[1:]
    return {call for word in map(str.strip, words) if word and word[0] != "#" for call in calls(word)}


CONFINES = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl"}


@pytest.mark.parametrize("package, needs", [("ntspool-server", CONFINES | {"capset", "setpriority", "sched_setaffinity"}),
                                            ("ntspool-probe", CONFINES | {"clock_adjtime"})])
def test_the_units_allow_what_the_daemons_miss_least(package, needs):
    """What a daemon does without, with a warning in the log."""
    allowed = set()
    for line in re.findall("^SystemCallFilter=(.*)$", (ROOT / "tools/systemd" / UNITS[package]).read_text(), re.M):
        found = {call for word in line.lstrip("~").split() for call in calls(word)}
        allowed = allowed - found if line.startswith("~") else allowed | found
    assert needs <= allowed, needs - allowed


def test_init_as_root_suits_both_daemons_users(system):
    assert system.owners("var/lib/ntspool") == {".": "ntspool", "probe": "ntspool-probe"}
    system.do("ntspool", "init", "pool.example", "--ns", "ns1.pool.example=192.0.2.53")
    owners = system.owners("var/lib/ntspool")
    assert {"seal.key", "feed/members", "registry/data.mdb", "probe/local.key"} <= set(owners)
    assert owners == {path: "ntspool-probe" if path.startswith("probe") else "ntspool" for path in owners}


def test_the_programs_and_their_files_are_there(system):
    for program in ("ntspool", "ntspoold", "ntspool-probed"):
        assert system.do(program, "--version").startswith("ntspool")
    for package, unit in UNITS.items():
        text = (system.path / "lib/systemd/system" / unit).read_text()
        assert text == (ROOT / "tools/systemd" / unit).read_text()
        config = re.search("--config (.*)", text)[1]
        assert config in system.do("dpkg-query", "-W", "-f", "${Conffiles}", package)
        assert (system.path / "etc/systemd/system/multi-user.target.wants" / unit).is_symlink()


def test_purging_leaves_the_state(system):
    """The state has keys that nobody could make again. To remove it is the operator's decision."""
    before = system.owners("var/lib/ntspool")
    system.do("apt-get", "-qy", "purge", "ntspool", "ntspool-server", "ntspool-probe", "ntspool-doc")
    assert system.owners("var/lib/ntspool") == before
    assert not (system.path / "etc/ntspool").exists()
    assert not any((system.path / "lib/systemd/system" / unit).exists() for unit in UNITS.values())
