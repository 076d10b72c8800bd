"""A server on the loopback interface that answers like the Hub, as far as models are pushed and pulled."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

LICENSES = ("mit", "cc0-1.0")


@dataclass
class Repository:
    """A repository: its commits, each with all files of that moment."""

    private: bool = False
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{".gitattributes": b"*.safetensors lfs\n"}])
    messages: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]

    def commit_hash(self, index: int = -1) -> str:
        return hashlib.sha1(repr(self.commits[: index % len(self.commits) + 1]).encode()).hexdigest()  # noqa: S324

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return the hash and the files of a commit."""
        hashes = {self.commit_hash(index): files for index, files in enumerate(self.commits)}
        newest = self.commit_hash()
        found = newest if revision == "main" else revision
        return (found, hashes[found]) if found in hashes else None


@dataclass
class Answer:
    """An answer that the test wants instead of the usual one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


class Hub(http.server.ThreadingHTTPServer):
    """The server: its repositories by name, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ends = threading.Event()
        self.forget()

    def forget(self) -> None:
        """Be as new, for the next test."""
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}  # by SHA-256
        self.requests: list[tuple[str, str, Any]] = []  # method, path, JSON
        self.tokens: set[str | None] = set()
        self.answers: dict[str, Answer] = {}  # by "METHOD path", which may be a beginning
        self.claimed_sizes: dict[str, int] = {}  # by file name
        self.stalls = False  # half of a file is sent, and then nothing

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self, method: str) -> list[str]:
        return [path for asked, path, _ in self.requests if asked == method]


@contextlib.contextmanager
def running_hub():
    """Yield a server that runs in a thread."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.ends.set()
            hub.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request after the other."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer("GET")

    def do_HEAD(self):
        self._answer("HEAD")

    def do_POST(self):
        self._answer("POST")

    def do_PUT(self):
        self._answer("PUT")

    def log_message(self, format, *arguments):  # noqa: A002 (a name of the base class)
        pass

    def _answer(self, method):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        is_json = "json" in self.headers.get("Content-Type", "") and "ndjson" not in self.headers["Content-Type"]
        self.server.requests.append((method, path, json.loads(body) if is_json else body))
        self.server.tokens.add((self.headers.get("Authorization") or "").removeprefix("Bearer ") or None)
        for asked, answer in self.server.answers.items():
            if f"{method} {path}".startswith(asked):
                self._send(answer.status, answer.body, **answer.headers)
                return
        for pattern, handle in self.ROUTES:
            if match := re.fullmatch(pattern, f"{method} {path}"):
                handle(self, body, *match.groups())
                return
        self._send(404, b"{}")

    def _send(self, status, body, **headers):
        self.send_response(status)
        for name, value in ({"Content_Type": "application/json", "Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.stalls and "/resolve/" in self.path:
            self.wfile.write(body[: len(body) // 2])
            self.server.ends.wait()
            return
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def _json(self, value, status=200, **headers):
        self._send(status, json.dumps(value).encode(), **headers)

    def _missing(self, code):
        self._json({"error": code}, 404, X_Error_Code=code)

    def _create(self, body):
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.server.repositories:
            self._json({"error": "You already created this model repo"}, 409)
            return
        self.server.repositories[name] = Repository(private=asked.get("visibility") == "private")
        self._json({"url": f"{self.server.address}/{name}"})

    def _info(self, body, repository_name):
        if not (repository := self.server.repositories.get(repository_name)):
            self._missing("RepoNotFound")
            return
        siblings = [{"rfilename": name, "size": len(content)} for name, content in repository.files.items()]
        self._json(
            {
                "id": repository_name,
                "sha": repository.commit_hash(),
                "private": repository.private,
                "siblings": siblings,
            }
        )

    def _validate(self, body):
        match = re.search(r"^license: \"(.*)\"$", json.loads(body)["content"], re.MULTILINE)
        problems = [{"message": '"license" must be one of [...]'}] if match and match[1] not in LICENSES else []
        self._json({"errors": problems, "warnings": []}, 400 if problems else 200)

    def _preupload(self, body, name):
        files = self.server.repositories[name].files
        modes = []
        for file in json.loads(body)["files"]:
            path, content = file["path"], files.get(file["path"])
            mode = "lfs" if path.endswith(".safetensors") else "regular"
            oid = None if content is None else _object_id(content, is_lfs=mode == "lfs")
            modes.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": modes})

    def _batch(self, body, name):
        objects = json.loads(body)["objects"]
        for one in objects:
            one["actions"] = {"upload": {"href": f"{self.server.address}/lfs/{one['oid']}"}}
        self._json({"transfer": "basic", "objects": objects})

    def _put(self, body, oid):
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.objects[oid] = body
        self._json({})

    def _commit(self, body, name):
        lines = [json.loads(line) for line in body.splitlines()]
        repository = self.server.repositories[name]
        files, header = dict(repository.files), lines[0]["value"]
        if header.get("parentCommit") not in (None, repository.commit_hash()):
            self._json({"error": "A commit has happened since. Please refresh and try again."}, 412)
            return
        for line in lines[1:]:
            value = line["value"]
            is_lfs = line["key"] == "lfsFile"
            files[value["path"]] = self.server.objects[value["oid"]] if is_lfs else base64.b64decode(value["content"])
        repository.commits.append(files)
        repository.messages.append(header["summary"])
        oid = repository.commit_hash()
        self._json({"success": True, "commitUrl": f"{self.server.address}/{name}/commit/{oid}", "commitOid": oid})

    def _resolve(self, body, name, revision, file):
        if not (repository := self.server.repositories.get(name)):
            self._missing("RepoNotFound")
        elif not (found := repository.at(revision)):
            self._missing("RevisionNotFound")
        elif file not in found[1]:
            self._missing("EntryNotFound")
        else:
            content = found[1][file]
            size = str(self.server.claimed_sizes.get(file, len(content)))
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            self._send(200, content, X_Repo_Commit=found[0], ETag=etag, Content_Length=size)

    ROUTES = (
        (r"POST /api/repos/create", _create),
        (r"POST /api/validate-yaml", _validate),
        (r"GET /api/models/([^/]+/[^/]+)(?:/revision/main)?", _info),
        (r"POST /api/models/([^/]+/[^/]+)/preupload/main", _preupload),
        (r"POST /([^/]+/[^/]+)\.git/info/lfs/objects/batch", _batch),
        (r"PUT /lfs/(\w+)", _put),
        (r"POST /api/models/([^/]+/[^/]+)/commit/main", _commit),
        (r"(?:GET|HEAD) /([^/]+/[^/]+)/resolve/([^/]+)/(.+)", _resolve),
    )


def _object_id(content, *, is_lfs):
    """Return the name of a file's content in Git: of a large file its SHA-256, of another that of a blob."""
    if is_lfs:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324
