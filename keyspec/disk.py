"""Files, read within limits and written whole or not at all; the ground that files, settings and stores stand on.

    PATH.tmp ── created anew, locked ──► filled, fsync ──► linked or renamed to its name ──► fsync of the folder

Rules kept here:

- A path inside a spec starts from the folder of the file that names it and is normalised as text, before the disk
  is asked: what `trust` compares is what is opened.
- Nothing but a regular file is read, and never more than the limit; opening never waits, whatever lies there.
- Where links are not followed, none is: each folder is opened from the one above it, so that no swap in between
  helps anybody. The folder of the spec itself is taken as the user gave it.
- A temporary file is always called `PATH.tmp`, and is in use while somebody holds its lock; one that nobody holds
  is a dead process's and is removed by the next writer. It is only ever unlinked, never written again: it may be
  a second name of the finished file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import posixpath
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_SUFFIX: Final = ".tmp"
PATIENCE_S: Final = 5.0
"""How long a writer waits for another one that is at the same file: a write takes milliseconds."""

LOCK_PATIENCE_S: Final = 1.0
"""How long a writer waits for the lock of a finished file, which may be held for as long as a request takes."""

_POLL_S: Final = 0.005
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A folder that may be entered but not listed can be walked through where the system knows O_PATH (Linux).
_STEP: Final = _FOLDER | os.O_NOFOLLOW | getattr(os, "O_PATH", 0)
_WORDS: Final = {
    errno.ENOENT: "there is no such file or folder",
    errno.ELOOP: "a link stands in the way, and links are not followed here",
    errno.ENOTDIR: "something that is not a folder stands in the way",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EINVAL: "it is no regular file",
    errno.ENXIO: "it is no regular file",
    errno.EAGAIN: "another process is writing it",
    errno.EOVERFLOW: "it is too large",
}


@dataclass(frozen=True, slots=True)
class Trail:
    """The way to a file without links: `anchor` is a folder taken as it is, below it nothing is followed."""

    anchor: str
    folders: tuple[str, ...]
    name: str

    @property
    def folder(self) -> str:
        """The path of the folder that holds the file."""
        return posixpath.join(self.anchor, *self.folders)


def beside(file: str, path: str) -> str:
    """Give the path that `path` means inside `file`, normalised as text; a relative one stays relative."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def find_trail(file: str, path: str) -> Trail:
    """Give the link-free way to what `path` means inside `file`: from the file's folder, or from the root.

    Leading `..` belong to the anchor: the user put the spec where it lies. OSError if the path names no file.
    """
    *steps, name = posixpath.normpath(path).lstrip("/").split("/")
    if "\0" in path or path.endswith("/") or name in ("", ".", ".."):
        raise OSError(errno.EINVAL, "it names no file", path)
    if posixpath.isabs(path):
        return Trail("/", tuple(steps), name)
    folders = [step for step in steps if step != ".."]
    up = [".."] * (len(steps) - len(folders))
    return Trail(posixpath.normpath(posixpath.join(posixpath.dirname(file), *up)), tuple(folders), name)


@contextmanager
def open_folder(trail: Trail, *, create: bool = False) -> Iterator[int]:
    """Open the folder of a trail, giving a descriptor; missing folders are made, 0700, if asked for."""
    descriptor = os.open(trail.anchor, _FOLDER)
    try:
        for name in trail.folders:
            below = _step_down(descriptor, name, create=create)
            os.close(descriptor)
            descriptor = below
        if trail.folders:  # a descriptor that was only walked through cannot be listed or synced
            whole = os.open(".", _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = whole
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(path: str, *, limit: int, follow_links: bool) -> bytes:
    """Read a regular file of at most `limit` bytes; OSError for anything else, `EOVERFLOW` if it is larger.

    `follow_links` is about the file itself; `read_beside` looks at the folders too.
    """
    flags = _READ if follow_links else _READ | os.O_NOFOLLOW
    return _read_whole(os.open(path, flags), limit)


def read_beside(file: str, path: str, *, limit: int) -> bytes:
    """Read what `path` means inside `file`, following no links; OSError as `read_file`."""
    trail = find_trail(file, path)
    with open_folder(trail) as folder:
        return _read_whole(os.open(trail.name, _READ | os.O_NOFOLLOW, dir_fd=folder), limit)


def read_at(folder: int, name: str, *, limit: int) -> bytes:
    """Read a regular file of an open folder, following no link; OSError as `read_file`."""
    return _read_whole(os.open(name, _READ | os.O_NOFOLLOW, dir_fd=folder), limit)


def read_open(descriptor: int, *, limit: int) -> bytes:
    """Read an open regular file from its beginning; OSError as `read_file`."""
    check_regular(os.fstat(descriptor))
    parts, left = [], limit + 1
    while left and (part := os.pread(descriptor, min(left, 1 << 20), limit + 1 - left)):
        parts.append(part)
        left -= len(part)
    if not left:
        raise OSError(errno.EOVERFLOW, "too large")
    return b"".join(parts)


def write_whole(trail: Trail, data: bytes, *, private: bool) -> None:
    """Write a file whole or not at all, never through a link; OSError if it cannot be.

    A private file is 0600 from its creation on; another keeps the mode it has, a new one gets the usual one.
    """
    with open_folder(trail) as folder:
        before = stat_at(folder, trail.name)
        if before is not None:
            check_regular(before)
        temporary = trail.name + TEMPORARY_SUFFIX
        with create_temporary(folder, temporary, mode=0o600 if private else 0o666) as descriptor:
            if before is not None and not private:
                os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            fill(descriptor, data)
            os.replace(temporary, trail.name, src_dir_fd=folder, dst_dir_fd=folder)
        sync_folder(folder)


@contextmanager
def create_temporary(folder: int, name: str, *, mode: int = 0o600, held: int | None = None) -> Iterator[int]:
    """Create a temporary file, locked, giving its descriptor; afterwards its name and descriptor are gone.

    A dead process's is removed first; OSError `EAGAIN` if a living one keeps it for longer than `PATIENCE_S`.
    `held` is a file whose lock the caller has: the dead process's may be a second name of it.
    """
    descriptor = _claim_temporary(folder, name, mode, held)
    try:
        yield descriptor
        _remove_own(descriptor, folder, name)
    except BaseException:
        with suppress(OSError):
            _remove_own(descriptor, folder, name)
        raise
    finally:
        os.close(descriptor)


def sweep_folder(folder: str) -> None:
    """Remove what dead processes left half-written in a folder; OSError if it cannot be read."""
    with open_folder(Trail(folder, (), "")) as descriptor:
        for name in os.listdir(descriptor):  # noqa: PTH208 - an open folder, not a path
            if name.endswith(TEMPORARY_SUFFIX):
                with suppress(OSError):
                    _remove_dead(descriptor, name, None)


def fill(descriptor: int, data: bytes) -> None:
    """Write all of `data` into a new file, to the disk itself."""
    with open(descriptor, "wb", closefd=False) as stream:
        stream.write(data)
    os.fsync(descriptor)


def sync_folder(folder: int) -> None:
    """Bring the names of an open folder to the disk; file systems that cannot are left alone."""
    descriptor = os.open(".", _FOLDER, dir_fd=folder)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file if nobody else holds it; it dies with the process, or when the file is closed."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(descriptor: int) -> bool:
    """Take the lock of an open file, waiting at most `LOCK_PATIENCE_S`."""
    end = time.monotonic() + LOCK_PATIENCE_S
    while not try_lock(descriptor):
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True


def stat_at(folder: int, name: str) -> os.stat_result | None:
    """Look at a name in an open folder, following no link; None if nothing is there."""
    with suppress(FileNotFoundError):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def is_at(descriptor: int, folder: int, name: str) -> bool:
    """Tell whether an open file is still the one that bears this name."""
    found = stat_at(folder, name)
    return found is not None and os.path.samestat(found, os.fstat(descriptor))


def check_regular(found: os.stat_result) -> None:
    """Raise OSError unless this is a regular file."""
    if stat.S_ISREG(found.st_mode):
        return
    kinds = {stat.S_IFLNK: errno.ELOOP, stat.S_IFDIR: errno.EISDIR}
    raise OSError(kinds.get(stat.S_IFMT(found.st_mode), errno.EINVAL), "no regular file")


def explain(error: OSError) -> str:
    """Say in plain words why the disk did not do what it was asked, without a path."""
    return _WORDS.get(error.errno or 0) or error.strerror or type(error).__name__


def _step_down(folder: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _STEP, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=folder)
            sync_folder(folder)
        return os.open(name, _STEP, dir_fd=folder)
    except NotADirectoryError:
        # O_DIRECTORY is judged before O_NOFOLLOW.
        if (found := stat_at(folder, name)) is not None and stat.S_ISLNK(found.st_mode):
            raise OSError(errno.ELOOP, "a link", name) from None
        raise


def _read_whole(descriptor: int, limit: int) -> bytes:
    try:
        return read_open(descriptor, limit=limit)
    finally:
        os.close(descriptor)


def _remove_own(descriptor: int, folder: int, name: str) -> None:
    if is_at(descriptor, folder, name):
        os.unlink(name, dir_fd=folder)


def _claim_temporary(folder: int, name: str, mode: int, held: int | None) -> int:
    """Create `name` and lock it; whoever creates or removes it holds the lock of the file that bears the name."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=folder)
        except FileExistsError:
            if not _remove_dead(folder, name, held):
                time.sleep(_POLL_S)
            continue
        # Between creation and lock another writer may have taken it for a dead process's.
        if try_lock(descriptor) and is_at(descriptor, folder, name):
            return descriptor
        os.close(descriptor)
    raise OSError(errno.EAGAIN, "another process is writing it", name)


def _remove_dead(folder: int, name: str, held: int | None) -> bool:
    if (found := stat_at(folder, name)) is None:
        return True
    check_regular(found)
    if held is not None and is_at(held, folder, name):
        os.unlink(name, dir_fd=folder)
        return True
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return True
    try:
        if not try_lock(descriptor):
            return False
        if is_at(descriptor, folder, name):
            os.unlink(name, dir_fd=folder)
        return True
    finally:
        os.close(descriptor)
