"""The project's chores: `nox -l` lists them, `nox -s NAME` runs one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import nox

nox.needs_version = ">=2024.4"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "typing", "tests", "docs"]
nox.options.error_on_external_run = True

# Every process that a session starts imports some 2,300 modules, which takes half of the time if they are compiled.
os.environ["UV_COMPILE_BYTECODE"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Those that start one or two leave it to Python, which compiles what is imported, a fifth of what is installed.
FOR_ONE_PROCESS = {"UV_COMPILE_BYTECODE": "0"}

ROOT = Path(__file__).parent
EXAMPLE = ROOT / "examples" / "flights"
QUIET = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}
TESTING = [
    *("pytest>=8.2", "pytest-xdist>=3.7", "hypothesis>=6.100"),
    *("dagster-webserver", "dagster-docker>=0.29", "dagster-ray>=0.4.8", "jsonschema>=4"),
]

# Ibis 12.0 cannot write tables of DuckDB with newer versions of these, and does not say so. Kedro imports Ibis with the first
# in-memory dataset wherever it is installed, so it is not there where most of the tests run.
IBIS = ["ibis-framework[duckdb]>=12", "duckdb<2", "sqlglot<30"]

WORKERS = [
    "-n",
    "3",
    "--dist",
    "loadfile",
]  # for two cores: a third of the time is spent waiting for daemons and timeouts

# What runs with the lowest versions too, beside the unit tests; and of these, what depends most on versions.
MINIMUMS = ["same_as_kedro_run", "native_assets", "loading", "costs", "checks"]
SHORT = ["internals", "assets", "execution", "jobs", "partitions", "steps"]

# The tests that read files of the repository, which the sdist has to have.
READ_FILES = ["tests/docs", "tests/unit/test_mirror.py", "tests/unit/cli/test_schema.py"]

ENGINES = [
    *("dagster-dask>=0.29", "dagster-celery>=0.29", "dagster-celery-docker>=0.29", "dagster-celery-k8s>=0.29"),
    *("dagster-docker>=0.29", "dagster-k8s>=0.29", "dagster-postgres>=0.29", "redis"),
]
RAY = "ray[default]>=2.58"  # 75 MB; dagster-ray says what it takes without it
RAYS_TESTS = "tests/engines/test_ray.py"


def _dagster_home(session: nox.Session) -> dict[str, str]:
    """Make an instance of Dagster that belongs to this session and reports nothing."""
    home = Path(session.create_tmp()).resolve() / "dagster_home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return {**QUIET, "DAGSTER_HOME": str(home)}


@contextmanager
def _temporary_files() -> Iterator[dict[str, str]]:
    """Have temporary files in memory if there is room, as Dagster's databases wait for the disk after each event."""
    memory = Path("/dev/shm")  # noqa: S108
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30
    with tempfile.TemporaryDirectory(dir=memory if has_room else None, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        yield {"TMPDIR": folder}


@nox.session
def demo(session: nox.Session) -> None:
    """Materialize the example project end to end, and show what it made."""
    session.install(".[dev]", str(EXAMPLE))
    env = _dagster_home(session)
    session.chdir(EXAMPLE)
    session.run("kedro", "assets", "check", env=env)
    session.run("kedro", "assets", "run", "everything", *session.posargs, env=env)
    year = ("--partition-range", "2013-01-01...2013-12-01")
    session.run("kedro", "assets", "run", "carriers_of_a_month", *year, *session.posargs, env=env)
    session.log("Written below %s:", EXAMPLE / "data")
    for path in sorted(EXAMPLE.glob("data/0*/**/*")):
        if path.is_file() and path.name != ".gitkeep":
            session.log("%10.1f kB  %s", path.stat().st_size / 1000, path.relative_to(EXAMPLE / "data"))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests and the examples in docstrings, with the newest versions: the environment is made anew each time."""
    _test(session, "pytest", _dagster_home(session))


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Do the same and measure branch coverage, in every process that the tests start."""
    env = {**_dagster_home(session), "COVERAGE_FILE": str(ROOT / ".coverage")}
    session.install("coverage[toml]>=7.10")
    session.run("coverage", "erase")
    _test(session, "coverage run -m pytest", env)
    session.run("coverage", "combine", silent=True)
    session.run("coverage", "report", *(["--fail-under=0"] if session.posargs else []))


def _run_tests(session: nox.Session, *arguments: str, env: dict[str, str], program: str = "pytest") -> None:
    """Run pytest, which lists the slowest of its tests."""
    with _temporary_files() as temporary:
        session.run(*program.split(), *arguments, "--durations=10", env={**env, **temporary})


def _test(session: nox.Session, pytest: str, env: dict[str, str]) -> None:
    session.install("-e", ".[dev]", str(EXAMPLE), *TESTING, "pandera[pandas]>=0.24")
    others = ["--ignore=tests/browser", "--ignore=tests/engines"]  # these have sessions of their own
    # In the order of the files, so that the many short tests of `unit` come last and both workers end together.
    arguments = session.posargs or [*others, *WORKERS, "--no-loadscope-reorder"]
    _run_tests(session, *arguments, env=env, program=pytest)
    if not session.posargs:
        # Dask's loop needs Dask, which the session `engines` installs.
        without = "--ignore=src/kedro_assets/execution/dask_steps.py"
        session.run(*pytest.split(), "--doctest-modules", "src", without, env=env)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Draw 10,000 new inputs for the fuzzers; KEDRO_ASSETS_EXAMPLES says how many, and arguments choose among the tests.

    With it the random projects and histories of tests/integration are drawn anew too, and as many as it says.
    """
    session.install("-e", ".[dev]", *TESTING)
    examples = os.environ.get("KEDRO_ASSETS_EXAMPLES", "10000")
    env = {**_dagster_home(session), "KEDRO_ASSETS_EXAMPLES": examples}
    arguments = session.posargs or ["tests/fuzz", "-n", "2"]  # most are in one file
    with _temporary_files() as temporary:
        session.run("pytest", *arguments, "--durations=10", env={**env, **temporary})


@nox.session
def browser(session: nox.Session) -> None:
    """Drive the UI of the example in headless Chromium; Debian's packages chromium and fonts are needed."""
    session.install("-e", ".[dev]", str(EXAMPLE), *TESTING, "playwright")
    _run_tests(session, *(session.posargs or ["tests/browser"]), env=_dagster_home(session))


@nox.session
def engines(session: nox.Session) -> None:
    """Run jobs on Dask, Celery, Docker, Kubernetes and PostgreSQL; redis-server and PostgreSQL have to be there, dockerd and root may."""
    session.install("-e", ".[dev]", *TESTING, *ENGINES, "kedro-datasets[json-jsondataset]")
    env = {**_dagster_home(session), "KEDRO_ASSETS_ENGINES": "1"}
    others = f"--ignore={RAYS_TESTS}"  # which have a session of their own
    _run_tests(session, *(session.posargs or ["tests/engines", others, *WORKERS]), env=env)


@nox.session
def ray(session: nox.Session) -> None:
    """Run jobs on Ray, in a cluster on this machine."""
    session.install("-e", ".[dev]", *TESTING, RAY, "kedro-datasets[json-jsondataset]")
    env = {**_dagster_home(session), "KEDRO_ASSETS_ENGINES": "1"}
    _run_tests(session, *(session.posargs or [RAYS_TESTS]), env=env)


@nox.session(default=False)
def kubernetes(session: nox.Session) -> None:
    """Run the tests of the k8s executor on the cluster that KUBECONFIG names; CONTRIBUTING.md says what it needs."""
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        session.error("KUBECONFIG has to name the cluster.")
    session.install("-e", ".[dev]", *TESTING, "dagster-k8s>=0.29", "kedro-datasets[json-jsondataset]")
    env = {**_dagster_home(session), "KEDRO_ASSETS_ENGINES": "1", "KEDRO_ASSETS_KUBECONFIG": str(kubeconfig)}
    _run_tests(session, *(session.posargs or ["tests/engines/test_kubernetes.py"]), env=env)


@nox.session
def plugins(session: nox.Session) -> None:
    """Run plugins of Kedro on Dagster, each by itself and all in one project, in one process and in several.

    kedro-pandera is not among them: its newest version, 0.2, takes no Kedro from 0.20 on. Kedro's validators do what it did.
    """
    tests = [f"tests/integration/test_{name}.py" for name in ("mlflow", "kedro_viz", "plugins")]
    needed = ["kedro-mlflow>=2", "kedro-viz>=12", "kedro-telemetry>=0.9", "pandera[pandas]>=0.24"]
    session.install("-e", ".[dev]", *TESTING, *needed, "kedro-datasets[json-jsondataset,pandas-csvdataset]")
    tests.append("tests/unit/internals/test_kedro_mlflow.py")
    _run_tests(session, *(session.posargs or tests), env=_dagster_home(session))


@nox.session
def ibis(session: nox.Session) -> None:
    """Read the lineage of columns off tables of Ibis, and look whether it holds in DuckDB."""
    tests = ["tests/unit/metadata/test_column_lineage.py", "tests/integration/test_column_lineage.py"]
    session.install("-e", ".[dev]", *TESTING, *IBIS, "kedro-datasets[json-jsondataset]", env=FOR_ONE_PROCESS)
    _run_tests(session, *(session.posargs or tests), env=_dagster_home(session))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, the layers of imports, and the picture of them."""
    session.install("ruff>=0.12", "import-linter>=2.3", "-e", ".", env=FOR_ONE_PROCESS)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", env=QUIET)
    session.run("python", "docs/architecture.py", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types."""
    session.install("mypy>=1.15", "types-PyYAML", "types-networkx", "-e", ".", env=FOR_ONE_PROCESS)
    session.run("mypy", env=QUIET)


@nox.session
def docs(session: nox.Session) -> None:
    """Compare the tables of the documentation with the sources, and build it; a warning is an error."""
    site = ("mkdocs-material>=9.6", "mkdocstrings[python]>=0.29", "ruff>=0.12")
    session.install(*site, "-e", ".", *ENGINES, "dagster-ray>=0.4.8", env=FOR_ONE_PROCESS)
    session.run("python", "docs/tables.py", "--check", env=QUIET)
    session.run("mkdocs", "build", "--strict", env=QUIET)


def _copy_of_the_repository(session: nox.Session, folder: Path) -> None:
    """Copy what git knows, so that nothing else can be in what is built."""
    listed = session.run("git", "ls-files", "-z", external=True, silent=True)
    for name in filter(None, str(listed).split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


@nox.session(default=False)
def dist(session: nox.Session) -> None:
    """Build the wheel and the sdist, and check both; run the example with the wheel, and the sdist's tests of its files."""
    session.install("build>=1.2", "twine>=6.1", "pytest>=8.2")
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder)
        _copy_of_the_repository(session, temporary / "once" / "source")
        shutil.copytree(temporary / "once" / "source", temporary / "again" / "source", copy_function=shutil.copy)
        built = [_build(session, temporary / name) for name in ("once", "again")]
        if built[0] != built[1]:
            session.error("Two builds of the same files differ.")
        shutil.rmtree(ROOT / "dist", ignore_errors=True)
        shutil.copytree(temporary / "once" / "dist", ROOT / "dist")
        files = [str(ROOT / "dist" / name) for name in built[0]]
        session.run("twine", "check", "--strict", *files)
        session.run("pytest", "--confcutdir=tests/dist", "tests/dist", env={"KEDRO_ASSETS_DIST": "1"})
        [wheel], [sdist] = ([file for file in files if file.endswith(end)] for end in (".whl", ".tar.gz"))
        _try(session, wheel, sdist, temporary)
    session.log("Built: %s", ", ".join(files))


def _build(session: nox.Session, folder: Path) -> dict[str, str]:
    """Build the sdist, and the wheel from that. Return the hash of each file."""
    time = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True)
    env = {"SOURCE_DATE_EPOCH": str(time).strip()}
    session.run("python", "-m", "build", "--outdir", str(folder / "dist"), str(folder / "source"), env=env, silent=True)
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted((folder / "dist").iterdir())}


def _try(session: nox.Session, wheel: str, sdist: str, folder: Path) -> None:
    """Install the wheel into an empty environment, run a copy of the example, and the tests that read the sdist's files."""
    session.run("python", "-m", "venv", str(folder / "venv"))
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    env = {**_dagster_home(session), "PATH": os.pathsep.join([str(programs), os.environ["PATH"]])}

    def run(program: str, *arguments: str) -> None:
        session.run(str(programs / program), *arguments, env=env, external=True)

    shutil.unpack_archive(sdist, folder, filter="data")
    [unpacked] = folder.glob("kedro_assets-*")
    shutil.copytree(unpacked / "examples" / "flights", folder / "flights")
    run("python", "-m", "pip", "install", "--quiet", wheel, str(folder / "flights"))
    run("python", "-m", "pip", "check")
    with session.chdir(folder / "flights"):
        run("kedro", "assets", "check", "--env", "fast")
        run("kedro", "assets", "run", "everything", "--env", "fast", *session.posargs)
    run("python", "-m", "pip", "install", "--quiet", f"{wheel}[dev]", *TESTING)
    with session.chdir(unpacked):
        others = ("--ignore=tests/browser", "--ignore=tests/engines")  # what they import is not installed
        run("python", "-m", "pytest", "tests", "--collect-only", "--quiet", "--quiet", *others)
        run("python", "-m", "pytest", *READ_FILES)


@nox.session(default=False)
def screenshots(session: nox.Session) -> None:
    """Take the pictures of the documentation from the running UI."""
    session.install("-e", ".[dev]", str(EXAMPLE), "playwright", "pillow", "pyte", *IBIS)
    session.run("python", "docs/screenshots.py", env=_dagster_home(session))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure against hand-written assets, Kedro and kedro-dagster; workers need redis-server, containers dockerd and root."""
    engines = ("dagster-dask>=0.29", "dagster-celery>=0.29", "dagster-docker>=0.29", "redis", "pytest>=8.2")
    session.install("-e", ".[dev]", "kedro-datasets[json-jsondataset]", "psutil", "matplotlib", *engines)
    peer = Path(session.virtualenv.location).resolve() / "peer"
    python = str(peer / "bin" / "python")
    if not Path(python).exists():
        session.run("python", "-m", "venv", str(peer))
        packages = ("kedro-dagster==0.8.1", "kedro-datasets[json-jsondataset]")
        session.run(python, "-m", "pip", "install", "--quiet", *packages, external=True)
    session.run("python", "benchmarks", "--peer-python", python, *session.posargs, env=QUIET)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Kill and starve what runs under a real daemon, and count what it starts, for 30 minutes or `-- MINUTES`; Linux only.

    `-- --only workers` has a Dask worker and a Celery worker execute 500 runs each.
    """
    session.install("-e", ".[dev]", "kedro-datasets[json-jsondataset]", "pytest>=8.2", *ENGINES, "psutil")
    session.chdir("tests")
    with _temporary_files() as temporary:
        session.run("python", "-m", "soak", *session.posargs, env={**QUIET, **temporary})


@nox.session(default=False, venv_backend="uv")
def minimums(session: nox.Session) -> None:
    """Run the core of the tests with the lowest versions that pyproject.toml allows, `-- short` a part of it."""
    session.install("--resolution=lowest-direct", "-e", ".[dev]", *TESTING)
    session.install("pandas", "polars", "pyarrow")  # nothing but tests needs them: any version will do
    chosen, others = session.posargs, (f"tests/integration/test_{name}.py" for name in MINIMUMS)
    if chosen == ["short"]:
        chosen = [*(f"tests/unit/{room}" for room in SHORT), *others, *WORKERS]
    elif not chosen:
        chosen = ["tests/unit", *others, "tests/cli/test_plugin.py", *WORKERS]
    _run_tests(session, "-W", "ignore", *chosen, env=_dagster_home(session))  # old libraries warn
