"""Where `cmake --install` puts each file below DESTDIR. A build without a chosen type is optimised."""

import re
import stat

from machine import ROOT, run
from pool import PRESET

BUILD = ROOT / "build" / PRESET
PROGRAMS = {"bin/ntspool", "sbin/ntspoold", "sbin/ntspool-probed", "sbin/ntspool-feedd", "sbin/ntspool-make-locations"}
COMPLETION = {f"share/{file}" for file in (
    "zsh/site-functions/_ntspool",
    *(f"bash-completion/completions/{name}" for name in ("ntspool", "ntspoold", "ntspool-probed", "ntspool-feedd")),
    *(f"fish/vendor_completions.d/{name}.fish" for name in ("ntspool", "ntspoold", "ntspool-probed", "ntspool-feedd")))}


def test_install_puts_programs_and_pages_where_they_belong(tmp_path):
    run("env", f"DESTDIR={tmp_path}", "cmake", "--install", BUILD)
    (prefix,) = re.findall(r"^CMAKE_INSTALL_PREFIX:PATH=/(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    modes = {str(file.relative_to(tmp_path / prefix)): stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*") if file.is_file()}
    pages = {f"share/man/man{page.suffix[1:]}/{page.name}" for page in (ROOT / "tools/man").iterdir()}
    assert len(pages) > 3
    assert modes == {**{name: 0o755 for name in PROGRAMS}, **{name: 0o644 for name in pages | COMPLETION}}
    for name in PROGRAMS - {"sbin/ntspool-make-locations"}:
        assert run(tmp_path / prefix / name, "--version").stdout.startswith("ntspool")


def test_a_build_without_a_type_is_optimised(tmp_path):
    run("cmake", "-S", ROOT, "-B", tmp_path, "-DNTSPOOL_TESTS=OFF", timeout=120)
    assert "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" in (tmp_path / "CMakeCache.txt").read_text()
