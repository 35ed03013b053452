"""A git repository as a history: every version of every file of its current branch.

Of a merge, what it changed on the branch that it was merged into is looked at (`--first-parent`):
the branch showed the states of that line one after the other, and never those of the other one.

Nothing of a stranger's repository may run here. Its objects are read through an empty repository of
our own, with git's environment and configuration made by us: so none of its configuration, hooks,
filters, replacements and remotes is there for git to use.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, NoReturn

from crawler.bodies import LARGEST
from crawler.captures.history import (
    Capture,
    Damaged,
    Earlier,
    NoHistory,
    Wanted,
    Which,
    nothing_earlier,
    plain_answer,
    quoted,
    too_large,
)
from storage.receiving import Answer

_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
#: Seconds that git may take to find a branch, which takes it milliseconds.
_PATIENCE = 60
#: Bytes that are taken from git at once.
_CHUNK = 64 * 1024
#: The modes of files; others are links and submodules.
_FILES = (b"100644", b"100755", b"100664")


def is_repository(path: Path) -> bool:
    """Whether it is a work tree or a bare repository, and not merely a folder within one."""
    if (path / ".git").exists():
        return True
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def is_bundle(head: bytes) -> bool:
    """Whether a file that begins so is a bundle."""
    return head.startswith(_SIGNATURES)


@contextmanager
def git_history(path: Path) -> Iterator[GitHistory]:
    """The history of the repository or bundle. Raises NoHistory."""
    with TemporaryDirectory(prefix="tallytrail-import-") as folder:
        reader = _reader_of_repository if path.is_dir() else _reader_of_bundle
        yield GitHistory(path, reader(path, Path(folder)))


@dataclass(frozen=True, slots=True)
class _Git:
    """How git is called. commit: where the branch is. algorithm: of the hashes."""

    environment: Mapping[str, str]
    commit: str
    algorithm: str

    def lines(self, path: Path, *words: str) -> Iterator[bytes]:
        """What git says of the branch, line by line. Raises Damaged when it fails."""
        with _process(self.environment, *words, self.commit) as (process, said):
            yield from _out(process)
            _ended(path, process, said)


def _environment(directory: Path, objects: Path | None = None) -> dict[str, str]:
    """All that git is told: nothing of the user's, nothing of the machine's."""
    nothing = os.devnull
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_DIR": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": nothing,
        "GIT_CONFIG_GLOBAL": nothing,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
    }
    if objects is not None:
        environment["GIT_OBJECT_DIRECTORY"] = str(objects)
    return environment


#: Said again of every command, though there is no configuration that would say otherwise.
_PLAIN = (
    "--no-pager",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.fsmonitor=false",
    "-c", "log.showSignature=false",
    "-c", "log.showRoot=true",
    "-c", "core.commitGraph=false",  # it lies among the objects, and may tell other parents
)  # fmt: skip


def _asked(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    """One short question to git."""
    try:
        return subprocess.run(
            ["git", *_PLAIN, *words],  # noqa: S607 - git is found on the PATH
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise NoHistory("git is missing, which reads the repository; install it") from error
    except subprocess.TimeoutExpired as error:
        raise NoHistory(f"git {words[0]} did not end within {_PATIENCE} s") from error


def _reason(said: bytes) -> str:
    """What git gave as the reason: its last line that is an error."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    faults = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (faults or lines or ["git says nothing"])[-1]


def _make_empty(ours: Path, algorithm: str) -> None:
    """A bare repository without anything, which is ours. `git init` would copy templates."""
    for name in ("objects", "refs"):
        (ours / name).mkdir()
    (ours / "HEAD").write_text("ref: refs/heads/none\n")
    extension = "[extensions]\n\tobjectFormat = sha256\n" if algorithm == "sha256" else ""
    version = 1 if extension else 0
    (ours / "config").write_text(
        f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}"
    )


def _reader_of_repository(path: Path, ours: Path) -> _Git:
    inner = path / ".git"
    theirs = (inner if inner.exists() else path).absolute()
    environment = _environment(theirs)

    def told(*words: str) -> str:
        done = _asked(environment, *words)
        if done.returncode:
            reason = _reason(done.stderr)
            if "dubious ownership" in reason:
                reason += " (whose repository is it? copy it, or import a bundle of it)"
            raise NoHistory(f"{path}: git cannot read this repository: {reason}")
        return os.fsdecode(done.stdout.removesuffix(b"\n"))

    algorithm = told("rev-parse", "--show-object-format")
    # These may be relative to where git was started.
    objects = Path(told("rev-parse", "--git-path", "objects")).absolute()
    if Path(told("rev-parse", "--git-path", "shallow")).exists():
        raise NoHistory(
            f"{path}: only the end of the history is here (a shallow clone);"
            " have all of it with: git fetch --unshallow"
        )
    head = _asked(environment, "rev-parse", "--verify", "--quiet", "HEAD")
    commit = head.stdout.decode("ascii", "replace").strip()
    if head.returncode or not _HASH.fullmatch(commit):
        raise NoHistory(f"{path}: the repository's current branch has no commits; check one out")
    _make_empty(ours, algorithm)
    return _Git(_environment(ours, objects), commit, algorithm)


def _reader_of_bundle(path: Path, ours: Path) -> _Git:
    with path.open("rb") as file:
        algorithm = "sha256" if b"\n@object-format=sha256\n" in file.read(4096) else "sha1"
    _make_empty(ours, algorithm)
    environment = _environment(ours)
    done = _asked(environment, "bundle", "list-heads", str(path.absolute()))
    heads: dict[str, str] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        commit, _, name = line.partition(" ")
        if _HASH.fullmatch(commit):
            heads[name] = commit
    branches = [name for name in heads if name.startswith("refs/heads/")]
    current = "HEAD" if "HEAD" in heads else branches[0] if len(branches) == 1 else None
    if current is None:
        why = _reason(done.stderr) if done.returncode else "it names no HEAD, and not one branch"
        raise NoHistory(
            f"{path}: the bundle's branch cannot be told: {why};"
            " make it anew with: git bundle create FILE HEAD BRANCH"
        )
    with _process(environment, "bundle", "unbundle", str(path.absolute())) as (process, said):
        for _ in _out(process):
            pass
        if process.wait():
            said.seek(0)
            reason = _reason(said.read())
            raise Damaged(f"{path}: the bundle is damaged or not whole: {reason}; get it anew")
    return _Git(environment, heads[current], algorithm)


@contextmanager
def _process(
    environment: Mapping[str, str], *words: str
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A git that goes on as long as this lasts, and the file into which it says what is wrong."""
    with TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                ["git", *_PLAIN, *words],  # noqa: S607 - git is found on the PATH
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for us: git is ended when we are done
            )
        except FileNotFoundError as error:
            raise NoHistory("git is missing, which reads the repository; install it") from error
        try:
            yield process, said
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            process.wait()


def _out(process: subprocess.Popen[bytes], end: bytes = b"\n") -> Iterator[bytes]:
    """What the process says, piece by piece; only whole ones."""
    assert process.stdout is not None
    rest = b""
    while chunk := os.read(process.stdout.fileno(), _CHUNK):
        *pieces, rest = (rest + chunk).split(end)
        yield from pieces


def _ended(path: Path, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Raise Damaged unless the process has ended well."""
    if process.wait():
        said.seek(0)
        raise Damaged(f"{path}: git cannot read on: {_reason(said.read())}; run: git fsck")


class GitHistory:
    """The history of one branch."""

    addressed = False
    of_files = True
    others: Mapping[str, int] = {}

    def __init__(self, path: Path, git: _Git) -> None:
        self.earlier: Earlier = nothing_earlier
        self._path = path
        self._git = git
        words = ("rev-list", "--first-parent", "--reverse", "--end-of-options")
        try:
            root = next(git.lines(path, *words))
        except StopIteration as error:
            raise NoHistory(f"{path}: there are no commits") from error
        self.origin = f"git {root.decode('ascii')}"
        place = path.resolve()
        name = place.parent.name if place.name == ".git" else place.name
        self.label = os.fsencode(name.removesuffix(".git").removesuffix(".bundle")).decode(
            "utf-8", "replace"
        )

    def reached(self, names: Iterable[str]) -> frozenset[str]:
        """Those whose commits are on the branch."""
        commits: dict[str, list[str]] = {}
        for name in names:
            commits.setdefault(name.partition(":")[0], []).append(name)
        if not commits:
            return frozenset()
        words = ("rev-list", "--first-parent", "--end-of-options")
        found: set[str] = set()
        for line in self._git.lines(self._path, *words):
            found.update(commits.get(line.decode("ascii"), ()))
        return frozenset(found)

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """Versions in the order of the history, not of the times that commits have.

        Clocks of those who commit run backwards now and then, and a rebase makes times anew; what
        a file said before what is told by the history alone. Each look keeps its commit's own time.
        """
        with _process(self._git.environment, "cat-file", "--batch") as (contents, said):
            bodies = _Bodies(self._path, contents, said, self._git.algorithm)
            for which, version in self._versions():
                if wanted(which):
                    assert which.at is not None
                    yield Capture(
                        which=which, at=which.at, answer=_Answer(bodies, version, which.at)
                    )

    def _versions(self) -> Iterator[tuple[Which, bytes]]:
        """Each version of a file, with the hash of its content."""
        words = (
            "log", "--first-parent", "--diff-merges=first-parent", "--reverse", "--raw", "-z",
            "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color",
            "--no-show-signature", "--no-notes", "--no-decorate", "--no-mailmap",
            "--ignore-submodules=none", "--format=tformat:%H %ct", "--end-of-options",
        )  # fmt: skip
        with _process(self._git.environment, *words, self._git.commit) as (process, said):
            pieces = _out(process, b"\0")
            commit, at = "", None
            for piece in pieces:
                entry = piece.lstrip(b"\n")
                if not entry:
                    continue
                if not entry.startswith(b":"):
                    commit, at = _commit(entry)
                    continue
                path = next(pieces, None)
                if path is None:
                    break
                before, after, old, new, status = entry[1:].split(b" ")
                # A change of the mode alone is no other content, and what is deleted shows nothing.
                if after in _FILES and not (before in _FILES and old == new) and status != b"D":
                    page = quoted(path)
                    yield Which(page=page, name=f"{commit}:{page}", at=at), new
            _ended(self._path, process, said)


def _commit(line: bytes) -> tuple[str, datetime | None]:
    """Hash and time; None for a time that no clock ever showed."""
    commit, _, seconds = line.decode("ascii", "replace").partition(" ")
    try:
        return commit, datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return commit, None


@dataclass(frozen=True, slots=True)
class _Answer:
    """Takes the content of one version."""

    bodies: _Bodies
    version: bytes
    at: datetime

    def __call__(self) -> Answer:
        body = self.bodies.get(self.version)
        return too_large(body, self.at) if isinstance(body, int) else plain_answer(body, self.at)


class _Bodies:
    """Contents by their hash, from one git that stays."""

    def __init__(
        self, path: Path, process: subprocess.Popen[bytes], said: IO[bytes], algorithm: str
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._path = path
        self._in, self._out = process.stdin, process.stdout
        self._process, self._said = process, said
        self._algorithm = algorithm

    def get(self, version: bytes) -> bytes | int:
        """The content; its size when it is more than is read. Raises Damaged."""
        try:
            self._in.write(version + b"\n")
            self._in.flush()
        except BrokenPipeError:
            self._fail(version)
        words: Sequence[bytes] = self._out.readline().split()
        if len(words) != 3 or words[1] != b"blob":
            self._fail(version)
        size = int(words[2])
        if size > LARGEST:
            left = size + 1
            while left and (chunk := self._out.read(min(left, _CHUNK))):
                left -= len(chunk)
            if left:
                self._fail(version)
            return size
        body = self._out.read(size)
        if len(body) != size or self._out.read(1) != b"\n":
            self._fail(version)
        # git itself looks at the hash of what it unpacks only when it is asked to (`git fsck`).
        known = hashlib.new(self._algorithm, b"blob %d\0" % size, usedforsecurity=False)
        known.update(body)
        if known.hexdigest().encode("ascii") != version:
            raise Damaged(f"{self._path}: {version.decode('ascii')} is damaged; run: git fsck")
        return body

    def _fail(self, version: bytes) -> NoReturn:
        self._in.close()
        self._process.wait()
        self._said.seek(0)
        said = self._said.read()
        reason = _reason(said) if said else "it is missing"
        raise Damaged(
            f"{self._path}: the file {version.decode('ascii', 'replace')} cannot be read: {reason};"
            " run: git fsck"
        )
