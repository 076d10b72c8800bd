"""One run, one owner: a run folder is trained in by one process at a time."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charlstm.atomic_files import cannot_write, write_atomically
from charlstm.errors import RunError

LOCK, OWNER = ".lock", ".owner.json"
SIGN_EVERY = 30.0  # seconds between two signs of life
SILENT_FOR = 120.0  # seconds without a sign of life after which an owner on another machine is taken for dead


@contextlib.contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Own an existing folder.

    The operating system holds the lock and lets go of it when the process ends, however it ends, so that a killed
    process leaves nothing to clear away. Only where another machine shares the folder, and its file system may not
    pass locks on, does the age of the owner's last sign of life decide.

    Raises RunError, which names the owner, if there is one.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise _owned(folder, _read_owner(folder)) from problem
    except OSError as problem:
        raise cannot_write(folder, problem) from problem
    try:
        owner = _read_owner(folder)
        if owner and not _is_this_machine(owner) and owner["silent_for"] < SILENT_FOR:
            raise _owned(folder, owner)
        identity = {"process": os.getpid(), "machine": socket.gethostname(), "boot": _boot()}
        write_atomically(folder / OWNER, json.dumps(identity).encode())
        ended = threading.Event()
        threading.Thread(target=_give_signs_of_life, args=(folder / OWNER, ended), daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                (folder / OWNER).unlink()
    finally:
        lock.release()


def _give_signs_of_life(file: Path, ended: threading.Event) -> None:
    """Tell other machines that the owner lives; a folder that cannot be written is another's concern."""
    while not ended.wait(SIGN_EVERY):
        with contextlib.suppress(OSError):
            os.utime(file)


def _read_owner(folder: Path) -> dict[str, Any]:
    """What the owner wrote of itself; nothing if it wrote nothing, or something else."""
    try:
        owner = json.loads((folder / OWNER).read_bytes())
        silent_for = time.time() - (folder / OWNER).stat().st_mtime
        return {name: owner[name] for name in ("process", "machine", "boot")} | {"silent_for": silent_for}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_this_machine(owner: dict[str, Any]) -> bool:
    """By name, or by the start of the kernel: containers have names of their own."""
    return bool(owner["machine"] == socket.gethostname() or (owner["boot"] and owner["boot"] == _boot()))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _owned(folder: Path, owner: dict[str, Any]) -> RunError:
    if not owner:
        return RunError(f"{folder} is being trained in by another process", hint="give another folder with `output`")
    elsewhere = "" if _is_this_machine(owner) else f" on {owner['machine']}"
    return RunError(
        f"{folder} is being trained in by process {owner['process']}{elsewhere}",
        hint="wait for it, stop it, or give another folder with `output`"
        + (f"; if it is dead, wait {SILENT_FOR:.0f} seconds" if elsewhere else ""),
    )
