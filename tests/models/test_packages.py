"""Fetching by name, with a client that only leaves an archive behind."""

import io
import os
import sys
import tarfile
import zipfile

import pytest

from models.packages import Package, PackageError, digest_of, read_member

FILES = {"package/b.txt": b"second", "package/a.txt": b"first", "package/code.js": b"no text"}
TEXTS = [b"first", b"second"]
NPM = Package("npm", "@books/novels", "1.0.0")


def npm_client(folder, *, status=0):
    """Put an `npm` on the path that copies a made archive and counts its calls."""
    archive = folder / "novels.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        for name, data in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    client = folder / "bin" / "npm"
    client.parent.mkdir()
    client.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f"open({str(folder / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + '|')\n"
        f"if {status}: sys.exit('npm error 404')\n"
        f"shutil.copy({str(archive)!r}, 'novels.tgz')\n"
    )
    client.chmod(0o755)
    return str(client.parent)


def test_matching_files_come_in_the_order_of_their_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm_client(tmp_path))
    assert read_member(NPM, "*.txt", sha256=digest_of(TEXTS), cache=tmp_path / "cache") == TEXTS
    assert (tmp_path / "calls").read_text() == "pack --silent @books/novels@1.0.0|"


def test_nothing_is_fetched_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm_client(tmp_path))
    for pattern, texts in (("*.txt", TEXTS), ("*.txt", TEXTS), ("*.js", [b"no text"])):
        assert read_member(NPM, pattern, sha256=digest_of(texts), cache=tmp_path / "cache") == texts
    assert (tmp_path / "calls").read_text().count("|") == 1


def test_another_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm_client(tmp_path))
    with pytest.raises(PackageError, match="instead of 0000") as error:
        read_member(NPM, "*.txt", sha256="0000", cache=tmp_path / "cache")
    assert "changed" in error.value.hint


def test_a_client_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm_client(tmp_path, status=1))
    with pytest.raises(PackageError, match="npm error 404"):
        read_member(NPM, "*.txt", sha256="0000", cache=tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize("client", ["apt", "npm"])
def test_a_client_that_is_missing_is_named(tmp_path, monkeypatch, client):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match="is not installed"):
        read_member(Package(client, "novels"), "*", sha256="0000", cache=tmp_path / "cache")


def test_wheels_are_read_as_they_are(tmp_path):
    package = Package("wheel", "novels", "2.0")
    folder = tmp_path / "wheel-novels==2.0"
    folder.mkdir()
    with zipfile.ZipFile(folder / "novels-2.0-py3-none-any.whl", "w") as wheel:
        for name, data in FILES.items():
            wheel.writestr(name, data)
    assert read_member(package, "*/*.txt", sha256=digest_of(TEXTS), cache=tmp_path) == TEXTS
    assert package.fetch_command()[-3:] == ["--only-binary", ":all:", "novels==2.0"]
