"""What every test can ask for, and the rule that a skip in CI is a failure."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from commands import densitymap

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("unit", "law", "golden", "property", "real", "browser", "slow")
SKIPPED: list[str] = []


def real_pack() -> Path | None:
    """Where the real data pack lies, if it is on this machine."""
    for place in (os.environ.get("DENSITYMAP_REAL"), ROOT.parent / "shared" / "real"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def real_dir() -> Path:
    place = real_pack()
    if place is None:
        pytest.skip("the real data pack is absent: set DENSITYMAP_REAL to its folder")
    return place


@pytest.fixture(scope="session")
def cases_dir(real_dir: Path) -> Path:
    place = real_dir.parent / "cases"
    if not place.is_dir():
        pytest.skip("the worked cases are absent: they lie beside the real data pack")
    return place


@pytest.fixture(scope="session")
def sample_space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built workspace of 500 synthetic lots, to be read only: whoever writes copies it first."""
    folder = tmp_path_factory.mktemp("sample_space")
    for args in (("sample", "--lots", 500), ("build",)):
        ran = densitymap(*args, "--workspace", folder, "--quiet")
        assert ran.code == 0, ran.err
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder it stands in."""
    for item in items:
        for kind in KINDS:
            if f"/tests/{kind}/" in str(item.path):
                item.add_marker(getattr(pytest.mark, kind))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        SKIPPED.append(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip fails unless `allowed_skips.toml` names it with its reason."""
    if not os.environ.get("CI") or hasattr(session.config, "workerinput"):
        return
    allowed = tomllib.loads((ROOT / "tests" / "allowed_skips.toml").read_text())
    undue = [skip for skip in SKIPPED if not any(skip.startswith(name) for name in allowed)]
    if undue:
        print("\nSkipped in CI without a reason in tests/allowed_skips.toml:", *undue, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
