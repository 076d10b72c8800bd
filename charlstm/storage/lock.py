"""Lock a run folder, so that only one process at a time trains in it.

The operating system holds the lock and releases it when the process ends, however it ends, so a killed process leaves
nothing to clean up. Another machine that shares the folder may not see the lock. There the owner's heartbeat decides:
the modification time of a file that the owner touches at intervals.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from charlstm.atomic_files import cannot_write, read_regular_file, write_atomically
from charlstm.errors import RunError, SettingError
from charlstm.json_objects import object_from_json, parse_json

LOCK_FILE, OWNER_FILE = ".lock", ".owner.json"
MAX_OWNER_BYTES = 4096
HEARTBEAT_INTERVAL = 30.0  # seconds
HEARTBEAT_TIMEOUT = 120.0  # seconds without a heartbeat after which an owner on another machine counts as dead


@dataclass(frozen=True)
class _Owner:
    process: int
    machine: str
    boot: str  # the kernel's id of this boot; empty where it has none

    @property
    def is_on_this_machine(self) -> bool:
        """By host name or boot id: containers have host names of their own."""
        return self.machine == socket.gethostname() or (self.boot != "" and self.boot == _boot_id())


@contextlib.contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of an existing folder. Raises RunError, which names the owner, if another process holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK_FILE)  # which follows no links
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _in_use(folder, _read_owner(folder)) from error
    except OSError as error:
        raise cannot_write(folder / LOCK_FILE, error) from error
    try:
        owner = _read_owner(folder)
        if owner and not owner.is_on_this_machine and _seconds_since_heartbeat(folder) < HEARTBEAT_TIMEOUT:
            raise _in_use(folder, owner)
        with _named_as_owner(folder):
            yield
    finally:
        _remove_if_unused(folder)
        lock.release()


def _remove_if_unused(folder: Path) -> None:
    """Remove the lock file, which this process holds, from a folder that has nothing else in it."""
    with contextlib.suppress(OSError):  # the folder is gone, or the system removes no open file
        if os.listdir(folder) == [LOCK_FILE]:
            (folder / LOCK_FILE).unlink()


def is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock of a folder; a folder that nobody ever locked is left untouched."""
    owner = _read_owner(folder)
    if owner is None:
        return False
    if not owner.is_on_this_machine:
        return _seconds_since_heartbeat(folder) < HEARTBEAT_TIMEOUT
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            return False  # the owner was killed, and left its name behind
    except Timeout:
        return True
    except OSError:  # a folder that only its owner may write
        return _seconds_since_heartbeat(folder) < HEARTBEAT_TIMEOUT


@contextlib.contextmanager
def _named_as_owner(folder: Path) -> Iterator[None]:
    """Write who this process is, and keep up the heartbeat."""
    owner = _Owner(os.getpid(), socket.gethostname(), _boot_id())
    write_atomically(folder / OWNER_FILE, json.dumps(asdict(owner)).encode())
    ended = threading.Event()
    threading.Thread(target=_keep_up_heartbeat, args=(folder, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if is_owner(folder):  # and not another process, in a new folder of the same name
            with contextlib.suppress(OSError):
                (folder / OWNER_FILE).unlink()


def is_owner(folder: Path) -> bool:
    """Return whether this process has locked the folder that is at this path now."""
    owner = _read_owner(folder)
    return owner is not None and owner.process == os.getpid() and owner.is_on_this_machine


def _keep_up_heartbeat(folder: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_INTERVAL):
        if is_owner(folder):
            with contextlib.suppress(OSError):  # training itself reports a folder that cannot be written
                os.utime(folder / OWNER_FILE)


def _read_owner(folder: Path) -> _Owner | None:
    """Return who owns the folder; None if no owner has written that, or the file is damaged."""
    try:
        content = read_regular_file(folder / OWNER_FILE, max_bytes=MAX_OWNER_BYTES)
        return object_from_json(_Owner, parse_json(content.decode()))
    except (OSError, ValueError, SettingError):
        return None


def _seconds_since_heartbeat(folder: Path) -> float:
    try:
        return time.time() - (folder / OWNER_FILE).lstat().st_mtime
    except OSError:
        return HEARTBEAT_TIMEOUT  # the owner has just left


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _in_use(folder: Path, owner: _Owner | None) -> RunError:
    if owner is None:
        return RunError(f"{folder} is in use by another process", hint="give another folder with `output`")
    elsewhere = "" if owner.is_on_this_machine else f" on {owner.machine}"
    if_dead = f"; if it is dead, wait {HEARTBEAT_TIMEOUT:.0f} seconds" if elsewhere else ""
    return RunError(
        f"{folder} is in use by process {owner.process}{elsewhere}",
        hint=f"wait for it, stop it, or give another folder with `output`{if_dead}",
    )
