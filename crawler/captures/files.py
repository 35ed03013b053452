"""Files named by the time of the look, in folders named by page: on disk, or in a tar archive."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from crawler.bodies import LARGEST
from crawler.captures.history import (
    Capture,
    Damaged,
    Earlier,
    NoHistory,
    NotToBeHad,
    Wanted,
    Which,
    nothing_earlier,
    plain_answer,
    quoted,
    time_named,
    too_large,
)
from crawler.captures.shelf import Place, Shelf
from storage.receiving import Answer

#: What is said of files that are no captures.
_OTHERS = "files are not named by a time, such as 2022-11-10T10:05:13-08:00.json"
_PACKED: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item,return-value]
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
#: What the unpackers raise when what they read is damaged.
UNPACKING = (OSError, EOFError, zlib.error, lzma.LZMAError)
#: Bytes of a name in an archive, at most; a longer one is no name but an attack on our memory.
_LONGEST_NAME = 1024 * 1024


def unpacking(file: IO[bytes], head: bytes) -> IO[bytes]:
    """The file as it was before it was packed. head: how it begins."""
    for magic, unpacker in _PACKED.items():
        if head.startswith(magic):
            return unpacker(file)
    return file


class PieceByPiece:
    """A file of which each read gives what is at hand, so that damage costs nothing before it.

    A missing end is an OSError: to those who read archives an EOFError may be a good end.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Any = file

    def read(self, size: int) -> bytes:
        """Some bytes, at most so many; none at the end."""
        try:
            piece: bytes = self._file.read1(size)
        except EOFError as error:
            raise OSError(str(error)) from error
        return piece


def is_tar(head: bytes) -> bool:
    """Whether an unpacked file that begins so is a tar archive."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that is a capture. place: where its body is; its size when it is too large."""

    at: datetime
    which: Which
    place: Place | Path | int


class _Files:
    """What both forms have: the folder is the page, the name is the time."""

    addressed = False
    of_files = False

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self.earlier: Earlier = nothing_earlier
        self.origin = f"files {name}"
        self.label = name
        self.others: Counter[str] = Counter()

    def reached(self, names: Iterable[str]) -> frozenset[str]:  # noqa: ARG002 - as histories have it
        """None: the names themselves say the order."""
        return frozenset()

    def _which(self, path: bytes) -> Which | None:
        """Which capture a file at that path is; None when it is none."""
        *folders, name = [piece for piece in path.split(b"/") if piece not in (b"", b".")] or [b""]
        at = time_named(os.fsdecode(name))
        if at is None:
            self.others[_OTHERS] += 1
            return None
        # What lies in no folder is of one page, which has the name of the whole.
        page = quoted(b"/".join(folders) if folders else os.fsencode(self._name))
        return Which(page=page, name=quoted(b"/".join([*folders, name])), at=at)


def _in_time(found: Iterable[_Found]) -> list[_Found]:
    """Of all pages in order of time; what has one time stays in its order."""
    return sorted(found, key=attrgetter("at"))


class FolderHistory(_Files):
    """Files on disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.resolve().name)

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """All of the folder's, oldest first."""
        found = []
        closed: list[str] = []
        for path in self._walk(closed):
            which = self._which(os.path.relpath(os.fsencode(path), os.fsencode(self._path)))
            if which is not None and which.at is not None and wanted(which):
                found.append(_Found(which.at, which, path))
        for one in _in_time(found):
            assert isinstance(one.place, Path)
            yield Capture(which=one.which, at=one.at, answer=_FromDisk(one.place, one.at))
        if closed:
            more = f" (and {len(closed) - 1:,} more folders)" if len(closed) > 1 else ""
            raise Damaged(f"{closed[0]}{more}; check who may read it")

    def _walk(self, closed: list[str]) -> Iterator[Path]:
        """The files below the folder by name. Links lead elsewhere, devices have no end.

        closed: gets the folders that cannot be read, with the reason.
        """
        folders = [self._path]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=lambda entry: os.fsencode(entry.name))
            except OSError as error:
                closed.append(f"{folder}: {error.strerror}")
                continue
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)
            folders += [
                Path(entry.path)
                for entry in reversed(entries)
                if entry.is_dir(follow_symlinks=False)
            ]


@dataclass(frozen=True, slots=True)
class _FromDisk:
    path: Path
    at: datetime

    def __call__(self) -> Answer:
        try:
            # It may have become a link or a pipe since it was found.
            number = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(number, "rb") as file:
                facts = os.fstat(number)
                if not stat.S_ISREG(facts.st_mode):
                    raise NotToBeHad(f"{self.path}: it is no file any more")
                body = file.read(LARGEST + 1)
        except OSError as error:
            remedy = "check who may read it"
            raise NotToBeHad(f"{self.path}: {error.strerror}; {remedy}") from error
        if len(body) > LARGEST:
            return too_large(facts.st_size, self.at)
        return plain_answer(body, self.at)


class _Member(tarfile.TarInfo):
    """A member of an archive whose head is not trusted."""

    ends: tarfile.HeaderError | None = None

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        names = (
            tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )  # fmt: skip
        if member.type in names and member.size > _LONGEST_NAME:
            raise tarfile.HeaderError(f"a name of {member.size:,} bytes")
        return member

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Member:
        # A damaged head in the middle would pass for the archive's end.
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            archive.ended_by = error  # type: ignore[attr-defined]
            raise


class TarHistory(_Files):
    """Members of an archive. They are read as they come, and wait on a shelf for their time."""

    def __init__(self, path: Path, shelf: Shelf) -> None:
        name = path.resolve().name
        for ending in (".gz", ".xz", ".bz2", ".tgz", ".txz", ".tbz2", ".tar"):
            name = name.removesuffix(ending)
        super().__init__(path, name)
        self._shelf = shelf

    def captures(self, wanted: Wanted) -> Iterator[Capture]:
        """All of the archive's, oldest first."""
        found: dict[str, _Found] = {}
        damage = None
        try:
            for one in self._members(wanted):
                found[one.which.name] = one  # a later member of that name replaces the earlier
        except Damaged as error:
            damage = error
        for one in _in_time(found.values()):
            yield Capture(which=one.which, at=one.at, answer=_FromShelf(self._shelf, one))
        if damage is not None:
            raise damage

    def _members(self, wanted: Wanted) -> Iterator[_Found]:
        with self._path.open("rb") as packed:
            head = packed.read(8)
            packed.seek(0)
            try:
                with unpacking(packed, head) as file:
                    yield from self._read(file, wanted)
            except (tarfile.TarError, *UNPACKING) as error:
                raise Damaged(
                    f"{self._path}: the archive is damaged or cut off: {error}; get it anew"
                ) from error

    def _read(self, file: IO[bytes], wanted: Wanted) -> Iterator[_Found]:
        # In the mode of streams nothing is sought, and no member is kept.
        pieces: Any = PieceByPiece(file)
        with tarfile.open(
            fileobj=pieces, mode="r|", tarinfo=_Member, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]
                if not member.isreg():
                    continue
                which = self._which(member.name.encode("utf-8", "surrogateescape"))
                if which is None or which.at is None or not wanted(which):
                    continue
                if member.size > LARGEST:
                    yield _Found(which.at, which, member.size)
                    continue
                content = archive.extractfile(member)
                assert content is not None
                body = content.read()
                if len(body) != member.size:
                    raise tarfile.ReadError(f"{member.name!r} is not whole")
                yield _Found(which.at, which, self._shelf.put(body))
            ended = getattr(archive, "ended_by", None)
            if not isinstance(ended, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise tarfile.ReadError(str(ended or "its end is missing"))
        while file.read(1024 * 1024):  # the sum of a packed file stands at its end
            pass


@dataclass(frozen=True, slots=True)
class _FromShelf:
    shelf: Shelf
    found: _Found

    def __call__(self) -> Answer:
        place = self.found.place
        if isinstance(place, int):
            return too_large(place, self.found.at)
        assert isinstance(place, tuple)
        return plain_answer(self.shelf.get(place), self.found.at)


@contextmanager
def tar_history(path: Path) -> Iterator[TarHistory]:
    """The archive's history; what it has put aside is gone afterwards."""
    shelf = Shelf()
    try:
        yield TarHistory(path, shelf)
    finally:
        shelf.close()


def folder_history(path: Path) -> FolderHistory:
    """The folder's history. Raises NoHistory when it cannot be read."""
    try:
        os.scandir(path).close()
    except OSError as error:
        raise NoHistory(f"{path}: {error.strerror}; check who may read the folder") from error
    return FolderHistory(path)
