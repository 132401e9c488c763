"""A Docker Engine without Docker: its HTTP API on loopback, and a local process for each container.

It stands in where the real one of `docker_engine` cannot be made to answer: for a registry that has an image, with a login and
without, and for several networks. An image has no content: a container runs its command on this machine, in the environment
that the image and the container give it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from warm_python import Forked, WarmPython

API_VERSION = "1.44"
POLL_SECONDS = 0.05
WAIT_SECONDS = 60
# What an image for these tests would bring: the Python of the tests, and no more of the test's own environment.
IMAGE_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
    "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    "HOME": tempfile.gettempdir(),
    "KEDRO_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


IMAGE_PYTHON = WarmPython(["kedro_datasets.json.json_dataset"])
"""That of the image, as far as the commands of Dagster go."""


class LocalProcess:
    """A command that runs as it would in a container: with the environment that it is given, as the leader of its own group of processes.

    Args:
        command: The command.
        environment: What the container adds to the environment of the image.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        self._streams = (tempfile.NamedTemporaryFile(), tempfile.NamedTemporaryFile())  # noqa: SIM115 - `close` closes them
        variables, folder = {**IMAGE_ENVIRONMENT, **measured, **environment}, Path(tempfile.gettempdir())
        self._process = self._forked(command, folder, variables) or subprocess.Popen(
            command,
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._streams[0],
            stderr=self._streams[1],
            start_new_session=True,
        )

    def _forked(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Forked | None:
        """Fork Dagster's commands from a Python that has imported it, which is most of what a step takes."""
        if command[0] != "dagster":
            return None
        return IMAGE_PYTHON.start(
            command, folder, variables, tuple(stream.name for stream in self._streams), leads=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, as a shell tells it; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def wait(self) -> int | None:
        """Wait until it has ended, and give its exit code."""
        self._process.wait(WAIT_SECONDS)
        return self.exit_code()

    def output(self) -> tuple[bytes, bytes]:
        """What it has written to stdout and to stderr."""
        out, err = (os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0) for stream in self._streams)
        return out, err

    def stop(self, seconds: float) -> None:
        """Ask it to end, and kill it after some seconds."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill it with everything that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Kill it, and forget what it has written."""
        self.kill()
        for stream in self._streams:
            stream.close()


class Api:
    """An HTTP server whose answers are methods of `self`; each has the pattern of its requests.

    Attributes:
        requests: Method and path of every request, in order.
    """

    routes: ClassVar[Sequence[tuple[str, str, str]]]
    """Method, pattern of the path, and the name of the method that answers."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: Request) -> tuple[int, Any]:
        """Give status and body: JSON, bytes as they are, or None for nothing."""
        for method, pattern, name in self.routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return getattr(self, name)(request, *(unquote(part) for part in match.groups()))
        return 501, {"message": f"{request.method} {request.path} is not faked"}

    def clear(self) -> None:
        """End what still runs, and forget what has run."""

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
            self.clear()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                request = Request(self.command, parts.path, query, json.loads(body or b"null"), dict(self.headers))
                api.requests.append(f"{request.method} {request.path}")
                status, found = api.answer(request)
                raw = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found).encode()
                kind = "application/octet-stream" if isinstance(found, bytes) else "application/json"
                with suppress(ConnectionError):  # nobody may be left to hear it
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - what http.server calls

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        return Handler


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]


@dataclass
class Container:
    """A container.

    Attributes:
        id: Its id.
        name: Its name.
        asked: What it was created with, in the words of the API.
        networks: The networks that it is connected to.
        process: What runs in it, once it has been started.
    """

    id: str
    name: str
    asked: Mapping[str, Any]
    networks: list[str]
    process: LocalProcess | None = None

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.asked.get("Env") or [] if "=" in entry)

    @property
    def exit_code(self) -> int | None:
        return self.process.exit_code() if self.process else None

    @property
    def status(self) -> str:
        if self.process is None:
            return "created"
        return "running" if self.exit_code is None else "exited"


@dataclass(frozen=True)
class NotFoundHere(Exception):  # noqa: N818 - it is an answer
    message: str


class FakeDocker(Api):
    """The engine.

    Attributes:
        images: The images that are here.
        registry: The images that can be pulled.
        networks: The networks.
        containers: Every container that was ever created, in order, whatever has become of it.
        logins: What clients have logged in with.
    """

    routes: ClassVar = [
        ("GET", r"/_ping|/v[\d.]+/_ping", "ping"),
        ("GET", r"/version|/v[\d.]+/version", "version"),
        ("POST", r"/v[\d.]+/auth", "log_in"),
        ("POST", r"/v[\d.]+/images/create", "pull"),
        ("GET", r"/v[\d.]+/images/(.+)/json", "inspect_image"),
        ("GET", r"/v[\d.]+/networks/([^/]+)", "inspect_network"),
        ("POST", r"/v[\d.]+/networks/([^/]+)/connect", "connect"),
        ("POST", r"/v[\d.]+/containers/create", "create"),
        ("GET", r"/v[\d.]+/containers/([^/]+)/json", "inspect"),
        ("POST", r"/v[\d.]+/containers/([^/]+)/start", "start"),
        ("POST", r"/v[\d.]+/containers/([^/]+)/wait", "wait"),
    ]

    def __init__(self, images: Sequence[str] = (), registry: Sequence[str] = (), networks: Sequence[str] = ()) -> None:
        super().__init__()
        self.images = set(images)
        self.registry = set(registry)
        self.networks = list(networks)
        self.containers: list[Container] = []
        self.logins: list[Mapping[str, Any]] = []

    @property
    def url(self) -> str:
        """For DOCKER_HOST."""
        return f"tcp://{self.address}"

    def processes(self) -> set[int]:
        """The processes of all containers."""
        return {container.process.pid for container in self.containers if container.process}

    def clear(self) -> None:
        for container in self.containers:
            if container.process:
                container.process.close()
        self.containers.clear()

    def answer(self, request: Request) -> tuple[int, Any]:
        try:
            return super().answer(request)
        except NotFoundHere as error:
            return 404, {"message": error.message}

    def ping(self, request: Request) -> tuple[int, Any]:
        return 200, b"OK"

    def version(self, request: Request) -> tuple[int, Any]:
        return 200, {"Version": "25.0.0", "ApiVersion": API_VERSION, "MinAPIVersion": "1.24", "Os": "linux"}

    def log_in(self, request: Request) -> tuple[int, Any]:
        self.logins.append(request.body)
        return 200, {"Status": "Login Succeeded", "IdentityToken": ""}

    def pull(self, request: Request) -> tuple[int, Any]:
        image = f"{request.query['fromImage']}:{request.query.get('tag', 'latest')}"
        if image not in self.registry:
            raise NotFoundHere(f"pull access denied for {image}, repository does not exist")
        self.images.add(image)
        return 200, {"status": f"Status: Downloaded newer image for {image}"}

    def inspect_image(self, request: Request, name: str) -> tuple[int, Any]:
        self._need_image(name)
        return 200, {"Id": f"sha256:{name}", "RepoTags": [name]}

    def inspect_network(self, request: Request, name: str) -> tuple[int, Any]:
        self._need_network(name)
        return 200, {"Id": name, "Name": name}

    def connect(self, request: Request, name: str) -> tuple[int, Any]:
        self._need_network(name)
        self._find(request.body["Container"]).networks.append(name)
        return 200, None

    def create(self, request: Request) -> tuple[int, Any]:
        self._need_image(request.body["Image"])
        name = request.query.get("name") or uuid4().hex[:12]
        if any(there.name == name for there in self.containers):
            return 409, {"message": f'Conflict. The container name "/{name}" is already in use'}
        network = (request.body.get("HostConfig") or {}).get("NetworkMode") or "default"
        networks = [network] if network != "default" else []
        for network in networks:
            self._need_network(network)
        container = Container(uuid4().hex * 2, name, request.body, networks)
        self.containers.append(container)
        return 201, {"Id": container.id, "Warnings": []}

    def inspect(self, request: Request, name: str) -> tuple[int, Any]:
        container = self._find(name)
        state = {"Status": container.status, "Running": container.status == "running", "ExitCode": container.exit_code}
        host = {**(container.asked.get("HostConfig") or {}), "LogConfig": {"Type": "json-file", "Config": {}}}
        config = {"Image": container.asked["Image"], "Tty": False, "Env": container.asked.get("Env") or []}
        networks = {"Networks": {network: {} for network in container.networks}}
        return 200, {
            "Id": container.id,
            "Name": f"/{container.name}",
            "State": state,
            "HostConfig": host,
            "Config": config,
            "NetworkSettings": networks,
        }

    def start(self, request: Request, name: str) -> tuple[int, Any]:
        container = self._find(name)
        container.process = LocalProcess(container.asked["Cmd"], container.environment)
        return 204, None

    def wait(self, request: Request, name: str) -> tuple[int, Any]:
        container = self._find(name)
        if container.process:
            container.process.wait()
        return 200, {"StatusCode": container.exit_code}

    def _find(self, name: str) -> Container:
        for container in self.containers:
            if name in (container.name, container.id):
                return container
        raise NotFoundHere(f"No such container: {name}")

    def _need_image(self, name: str) -> None:
        if name not in self.images:
            raise NotFoundHere(f"No such image: {name}")

    def _need_network(self, name: str) -> None:
        if name not in self.networks:
            raise NotFoundHere(f"network {name} not found")


@contextmanager
def fake_docker(
    images: Sequence[str] = (), registry: Sequence[str] = (), networks: Sequence[str] = ()
) -> Iterator[FakeDocker]:
    """Run an engine."""
    docker = FakeDocker(images, registry, networks)
    with docker.serving():
        yield docker
