"""A real Docker Engine: a `dockerd` of its own, on a socket and with folders of its own, that leaves nothing behind.

No registry is needed. The image that it gets is a tar with next to nothing in it: containers see the interpreter, its
libraries, the sources and the folders of the tests at the paths where they are on this machine, and share its network and
its process ids. There is no bridge, so no network can be made; what needs one, or a registry, is tried on `fake_docker`.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fake_docker import IMAGE_ENVIRONMENT
from servers import started, wait_for

ROOT = Path(__file__).parents[2]
IMAGE = "registry.example.com/flights:1.0"
EMPTY_IMAGE = "registry.example.com/empty:1.0"
"""An image without any program that a container could find."""

PROGRAMS = ("dockerd", "containerd", "runc")
PROBE = ("python", "-c", "import sqlite3, ssl, kedro_assets")
WAIT_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Container:
    """A container, as the events of the engine have it.

    Attributes:
        id: Its id.
        name: Its name.
        asked: What it was created with, in the words of `docker inspect`.
        pid: The process that runs in it, once it has started.
        exit_code: What that has ended with.
        signals: The signals that the engine has sent to it, in order.
    """

    id: str
    name: str
    asked: Mapping[str, Any]
    pid: int | None = None
    exit_code: int | None = None
    signals: list[int] = field(default_factory=list)

    @property
    def image(self) -> str:
        return self.asked["Config"]["Image"]

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.asked["Config"]["Env"])

    @property
    def is_running(self) -> bool:
        return self.pid is not None and self.exit_code is None


class DockerEngine:
    """The engine.

    Args:
        socket: Where it answers.
        volumes: The folders that its containers have in common with this machine.

    Attributes:
        volumes: The same.
        containers: Every container that was created since the last `clear`, in order, whatever has become of it.
    """

    def __init__(self, socket: Path, volumes: list[str]) -> None:
        docker = import_module("docker")
        self.url = f"unix://{socket}"
        self.socket = socket
        self.volumes = volumes
        self.containers: list[Container] = []
        self._errors = docker.errors
        self._client = docker.DockerClient(self.url)
        self._events = self._client.events(since=int(time.time()), decode=True, filters={"type": "container"})
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def container_kwargs(self) -> dict[str, Any]:
        """What a container needs to find the programs and the projects of the tests."""
        return {"volumes": list(self.volumes), "pid_mode": "host"}

    def run_launcher(self, env_vars: list[str]) -> dict[str, Any]:
        """The `run_launcher` of an instance whose runs have containers, in which they start those of their steps."""
        volumes = [*self.volumes, f"{self.socket}:{self.socket}"]
        kwargs = {**self.container_kwargs, "volumes": volumes, "stop_timeout": STOP_SECONDS}
        launcher = {"image": IMAGE, "env_vars": env_vars, "networks": ["host"], "container_kwargs": kwargs}
        return {"module": "dagster_docker", "class": "DockerRunLauncher", "config": launcher}

    def processes(self) -> set[int]:
        """The processes of all containers."""
        return {container.pid for container in self.containers if container.pid}

    def exit_codes(self) -> list[int | None]:
        """How the containers have ended, in the order of their creation; waits for those that run."""

        def ended() -> bool:
            return not any(container.is_running for container in self.containers)

        with self._changed:
            assert self._changed.wait_for(ended, WAIT_SECONDS), self.containers
        return [container.exit_code for container in self.containers]

    def lose(self, container: Container) -> None:
        """Kill a container and remove it."""
        with suppress(self._errors.NotFound):
            self._client.api.remove_container(container.id, force=True)

    def clear(self) -> None:
        """Kill and remove all containers."""

        def removed() -> bool:
            left = self._client.api.containers(all=True, quiet=True)
            for each in left:
                with suppress(self._errors.APIError):  # it is gone, or on its way
                    self._client.api.remove_container(each["Id"], force=True)
            return not left

        wait_for(removed, "the end of all containers", WAIT_SECONDS)
        self.containers = []

    def add_images(self) -> None:
        """Import the images."""
        self._import(IMAGE, {**IMAGE_ENVIRONMENT, **_measured(), "HOME": "/tmp"})
        self._import(EMPTY_IMAGE, {"PATH": "/nowhere"})

    def run(self, *command: str) -> None:
        """Run a command in a container; one that fails is an error."""
        self._client.containers.run(IMAGE, command, network="host", **self.container_kwargs)

    def close(self) -> None:
        """Remove all containers, and listen no more."""
        self.clear()
        self._events.close()
        self._listener.join(STOP_SECONDS)
        self._client.close()

    def _import(self, image: str, environment: Mapping[str, str]) -> None:
        name, _, tag = image.rpartition(":")
        changes = [f'ENV {key}="{value}"' for key, value in environment.items()]
        self._client.api.import_image_from_data(_root_folder(), name, tag, [*changes, "WORKDIR /tmp"])

    def _listen(self) -> None:
        known: dict[str, Container] = {}
        for event in self._events:
            action, told, id_ = event["Action"], event["Actor"]["Attributes"], event["Actor"]["ID"]
            with self._changed:
                if action == "create":
                    known[id_] = Container(id_, told["name"], self._inspect(id_))
                    self.containers.append(known[id_])
                elif action == "start":
                    known[id_].pid = self._inspect(id_)["State"]["Pid"]
                elif action == "kill":
                    known[id_].signals.append(int(told["signal"]))
                elif action == "die":
                    known[id_].exit_code = int(told["exitCode"])
                self._changed.notify_all()

    def _inspect(self, container: str) -> dict[str, Any]:
        try:
            return self._client.api.inspect_container(container)
        except self._errors.NotFound:  # it was removed in the meantime
            return {"Config": {"Image": "", "Env": []}, "HostConfig": {}, "State": {"Pid": 0}}


@contextmanager
def running_engine(shared: Path) -> Iterator[DockerEngine]:
    """Run an engine until the end of the block. Skip the test where none can be started, and say what was tried.

    Args:
        shared: A folder that containers may write to, beside the repository.
    """
    lacking = ["Linux"] if not sys.platform.startswith("linux") else ["root"] if os.geteuid() != 0 else []
    lacking += [program for program in PROGRAMS if not shutil.which(program)]
    if lacking:
        pytest.skip(f"no Docker Engine can be started without {', '.join(lacking)}")
    folder = Path(tempfile.mkdtemp(prefix="docker_"))
    (folder / "daemon.json").write_text("{}", encoding="utf-8")  # in place of the machine's own
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    command = _dockerd(folder, socket)
    try:
        with ExitStack() as stack:
            try:
                stack.enter_context(started(command, log, socket.exists))
                engine = DockerEngine(socket, volumes(shared))
                stack.callback(engine.close)
                engine.add_images()
                engine.run("true")
            except Exception as error:  # noqa: BLE001 - whatever keeps it from running here
                said = log.read_text(encoding="utf-8", errors="replace")[-1000:]
                pytest.skip(f"no Docker Engine can be started with `{' '.join(command)}`: {error}\n{said}")
            engine.run(*PROBE)
            engine.clear()
            yield engine
    finally:
        left = _clear_up(folder)
    assert not left, f"the Docker Engine has left: {left}"


def _dockerd(folder: Path, socket: Path) -> list[str]:
    """The command of an engine that changes nothing but what is its own: no bridge, no rules of a firewall, no routes."""
    return [
        *("dockerd", "--host", f"unix://{socket}", "--config-file", f"{folder / 'daemon.json'}"),
        *("--data-root", f"{folder / 'data'}", "--exec-root", f"{folder / 'run'}"),
        *("--pidfile", f"{folder / 'dockerd.pid'}", "--group=0"),
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
        # The images are next to empty, so that to copy them costs nothing, on any file system.
        *("--storage-driver=vfs", "--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent=/{folder.name}"),
        # In case that a containerd of the machine is found and taken. It refuses the underscores that a folder may end with.
        *(f"--containerd-namespace=tests.{os.getpid()}", f"--containerd-plugins-namespace=plugins.{os.getpid()}"),
    ]


def _measured() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}


def _root_folder() -> bytes:
    """A tar with what a root folder has to have beside volumes: the links that stand for folders of /usr, and a user."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as files:
        for path in [*_links(), Path("/etc/passwd"), Path("/etc/ld.so.cache")]:
            if path.exists():
                files.add(path, str(path.relative_to("/")), recursive=False)
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        files.addfile(temporary)
    return tar.getvalue()


def _links() -> list[Path]:
    return [path for path in Path("/").glob("*") if path.is_symlink() and path.name.startswith(("bin", "sbin", "lib"))]


def volumes(shared: Path) -> list[str]:
    """Return what containers get of this machine, as `path:path:mode`; they write to the sources, as coverage does, and to what is shared."""
    libraries = [Path("/lib"), Path("/lib64")]
    interpreter = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]]
    imported = [Path(entry) for entry in sys.path if Path(entry).is_absolute() and Path(entry).is_dir()]
    read = [Path("/usr"), *(path for path in libraries if path.is_dir() and not path.is_symlink()), *interpreter]
    written = [ROOT, shared]
    found: dict[Path, str] = {}
    for path in sorted({*read, *imported, *written}):
        if not any(path.is_relative_to(other) for other in found):
            found[path] = "rw" if any(own.is_relative_to(path) for own in written) else "ro"
    return [f"{path}:{path}:{mode}" for path, mode in found.items()]


def _clear_up(folder: Path) -> list[str]:
    """Remove whatever an engine has left, and return what should not have been there any more."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command and int(process.name) != os.getpid():
                left.append(command)
                os.kill(int(process.name), signal.SIGKILL)
    for line in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        mounted = line.split()[4]
        if Path(mounted).is_relative_to(folder):
            if not mounted.endswith("/netns/default"):  # an engine never takes that away
                left.append(mounted)
            subprocess.run(["umount", "--lazy", mounted], check=False)
    for group in [*Path("/sys/fs/cgroup").glob(folder.name), *Path("/sys/fs/cgroup").glob(f"*/{folder.name}")]:
        with suppress(OSError):
            group.rmdir()
        if group.exists():
            left.append(str(group))
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        left.append(str(folder))
    return left
