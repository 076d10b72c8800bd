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

from charlstm.atomic_files import cannot_write, write_atomically
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

    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _in_use(folder, _read_owner(folder)) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        owner = _read_owner(folder)
        if owner and not owner.is_on_this_machine and _seconds_since_heartbeat(folder) < HEARTBEAT_TIMEOUT:
            raise _in_use(folder, owner)
        with _named_as_owner(folder):
            yield
    finally:
        lock.release()


@contextlib.contextmanager
def _named_as_owner(folder: Path) -> Iterator[None]:
    """Write who this process is, and keep up the heartbeat."""
    file = folder / OWNER_FILE
    write_atomically(file, json.dumps(asdict(_Owner(os.getpid(), socket.gethostname(), _boot_id()))).encode())
    ended = threading.Event()
    threading.Thread(target=_keep_up_heartbeat, args=(file, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            file.unlink()


def _keep_up_heartbeat(file: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_INTERVAL):
        with contextlib.suppress(OSError):  # training itself reports a folder that cannot be written
            os.utime(file)


def _read_owner(folder: Path) -> _Owner | None:
    """Return who owns the folder; None if no owner has written that, or the file is damaged."""
    file = folder / OWNER_FILE
    try:
        if not file.is_file() or file.stat().st_size > MAX_OWNER_BYTES:  # to read a pipe would block
            return None
        return object_from_json(_Owner, parse_json(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, SettingError):
        return None


def _seconds_since_heartbeat(folder: Path) -> float:
    try:
        return time.time() - (folder / OWNER_FILE).stat().st_mtime
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
