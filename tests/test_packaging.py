"""The lock, the hooks, the CI script and the Makefile keep what the README promises."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def normalized(name: str) -> str:
    """The form in which a package index compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert match, f"no package name in {requirement!r}"
    return normalized(match[0])


LOCKS = ("requirements.lock", "requirements-bench.lock")


def lock_text(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def lock_requirements(lock: str) -> list[str]:
    """The requirements of the lock, each with its continuation lines joined."""
    joined = lock_text(lock).replace("\\\n", " ")
    lines = (line.strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def locked_names(lock: str) -> set[str]:
    return {name_of(requirement) for requirement in lock_requirements(lock)}


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def phony_targets() -> set[str]:
    return {
        target
        for line in re.findall(r"^\.PHONY:(.*)$", makefile(), re.MULTILINE)
        for target in line.split()
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_address(lock: str) -> None:
    text = lock_text(lock)
    assert "://" not in text
    assert "file:" not in text
    assert not re.search(r"(?<![\w.])(?:~?/|[A-Za-z]:\\)\w", text), "an absolute path"
    assert " @ " not in text, "a direct reference"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_only_pinned_requirements_with_hashes(lock: str) -> None:
    requirements = lock_requirements(lock)
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9][a-z0-9-]*==[^\s;]+( ;|\s)", requirement), requirement[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", requirement), requirement[:80]


def test_lock_holds_all_that_pyproject_asks_for() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    wanted = {
        "runtime": pyproject["project"]["dependencies"],
        **pyproject["project"]["optional-dependencies"],
        **pyproject["dependency-groups"],
        "build": pyproject["build-system"]["requires"],
    }
    for origin, requirements in wanted.items():
        lock = "requirements-bench.lock" if origin == "bench" else "requirements.lock"
        missing = {name_of(requirement) for requirement in requirements} - locked_names(lock)
        assert not missing, f"{origin}: run `make lock`"


def test_hooks_are_local() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert config["repos"]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    for repo in config["repos"]:
        for hook in repo["hooks"]:
            assert hook["language"] == "system", hook["id"]
            assert hook["entry"].startswith(".venv/bin/"), hook["id"]


def test_ci_runs_the_make_targets() -> None:
    ci = ROOT / ".ci" / "run"
    assert ci.stat().st_mode & 0o111, ".ci/run is not executable"
    called = set(re.findall(r"^\s*step make (\S+)$", ci.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"lint", "test", "demo", "test-data"} <= called


def test_help_lists_the_targets() -> None:
    result = subprocess.run(
        ["make", "--no-print-directory", "-f", str(ROOT / "Makefile")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    listed = re.findall(r"^make (\S+) ", result.stdout, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == phony_targets()


def test_phony_targets_have_rules() -> None:
    defined = set(re.findall(r"^([a-z-]+):(?!=)", makefile(), re.MULTILINE))
    assert defined == phony_targets()
