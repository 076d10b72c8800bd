"""A server on the loopback interface, in a thread of the test's process."""

import http.client
import json
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from charlstm.generation.load import LoadedModel
from charlstm.generation.stepper import make_stepper
from charlstm.serving.limits import Limits
from charlstm.serving.models import ServedModel
from charlstm.serving.worker import Worker
from tests.conftest import random_model


@dataclass
class RunningServer:
    port: int
    models: dict[str, ServedModel]
    messages: list[str]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, path, **headers):
        return self.send("GET", path, None, **headers)

    def post(self, **values):
        return self.send("POST", "/v1/completions", json.dumps(values).encode())

    def send(self, method, path, body, **headers):
        """Return the status and the JSON of an answer."""
        connection = self.connect()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if "json" in answer.headers["content-type"] else content.decode()

    def is_idle(self):
        return all(model.worker.num_open == 0 for model in self.models.values())


def served(name, model, **settings):
    loaded = LoadedModel(Path(f"runs/{name}/model.safetensors"), model)
    worker = Worker(make_stepper(model).compiled(), **{"max_waiting": 8} | settings)
    return ServedModel(name, loaded, worker, 1)


@pytest.fixture
def serve():
    """Return a function that starts a server; all end with the test."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    from charlstm.serving.app import make_app
    from charlstm.serving.server import listen, make_server

    started = []

    def start(*, token=None, models=None, only_host="127.0.0.1", **limits):
        messages: list[str] = []
        models = models or {"tiny": served("tiny", random_model(units=16, scale=0.8))}
        app = make_app(models, Limits(**{"max_waiting": 8} | limits), token=token, only_host=only_host)
        server, listener = make_server(app, on_message=messages.append), listen("127.0.0.1", 0)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        started.append((server, thread))
        return RunningServer(listener.getsockname()[1], models, messages)

    yield start
    for server, thread in started:
        server.should_exit = True
        thread.join()


@pytest.fixture
def server(serve):
    return serve()
