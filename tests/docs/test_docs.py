"""The documentation holds: its configuration is read, its code compiles or runs, its links lead somewhere."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import shlex
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import dagster as dg
import pytest
import yaml
from attrs import has
from dagster._cli import create_dagster_cli
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module
from dagster._core.workspace.config_schema import process_workspace_config
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import dagster_webserver
from helpers import json_dataset, write_project
from kedro.framework.cli.project import run as kedro_run
from page_commands import BLOCK, Block
from page_commands import blocks as blocks_of

import kedro_assets
from kedro_assets import build_definitions
from kedro_assets.assets.validation import read_validator
from kedro_assets.cli import commands
from kedro_assets.cli.schema import dagster_schema
from kedro_assets.config import model, read_config, read_dataset_settings
from kedro_assets.definitions import translate
from kedro_assets.errors import Scope
from kedro_assets.execution.executors import KNOWN
from kedro_assets.project import locate_project

ROOT = Path(__file__).parents[2]
TOP_PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*TOP_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = ROOT / "docs" / "reference"

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def blocks(language: str, first_line: str = "") -> Iterator[object]:
    """Give the blocks in a language, as parameters of a test."""
    for page in PAGES:
        for block in blocks_of(str(page.relative_to(ROOT))):
            if block.language == language and block.first_line.startswith(first_line):
                yield pytest.param(block, id=f"{block.page}:{block.line}")


def dagster_ymls() -> Iterator[object]:
    for environment in ("base", "challenger", "prod"):
        yield from blocks("yaml", f"# conf/{environment}/dagster.yml")


@pytest.mark.parametrize("block", list(dagster_ymls()))
def test_every_dagster_yml_is_read_without_problems(block: Block) -> None:
    problems = Scope()
    read_config(yaml.safe_load(block.text), problems)
    assert not list(problems)


@pytest.mark.parametrize("block", list(dagster_ymls()))
def test_every_dagster_yml_fits_the_schema(block: Block) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator(dagster_schema()).validate(yaml.safe_load(block.text))


@pytest.mark.parametrize("block", list(blocks("yaml", "# conf/base/catalog.yml")))
def test_every_metadata_in_a_catalog_is_read_without_problems(block: Block) -> None:
    problems = Scope()
    for name, entry in yaml.safe_load(block.text).items():
        settings = entry.get("metadata", {}).get("dagster")
        if settings is not None:
            read_dataset_settings(settings, problems.at("catalog", name, "metadata", "dagster"))
        read_validator(entry, name)
    assert not list(problems)


@pytest.mark.parametrize("block", list(blocks("yaml")))
def test_every_yaml_block_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.mark.parametrize("block", list(blocks("python")))
def test_every_python_block_compiles(block: Block) -> None:
    compile(block.text, block.page, "exec", dont_inherit=True)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example project."""
    copy = tmp_path_factory.mktemp("docs") / "flights"
    shutil.copytree(ROOT / "examples" / "flights", copy, ignore=shutil.ignore_patterns("*.parquet", "*.pkl", "fast"))
    return copy


def names_defined(block: Block) -> set[str]:
    """The names that a block of Python defines."""
    found: set[str] = set()
    for statement in ast.parse(block.text).body:
        if isinstance(statement, ast.Assign):
            found.update(ast.unparse(target) for target in statement.targets)
        elif isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            found.add(statement.name)
    return found


def blocks_of_definitions() -> Iterator[object]:
    """Give the blocks that are a definitions.py, which define `defs`, and translators; others are parts of a file."""
    for block in blocks("python"):
        if names_defined(block.values[0]) & {"defs", "Translator"}:
            yield block


def write_small_project(folder: Path, dagster_yml: str) -> None:
    """Write a project of one node."""
    nodes = "def make():\n    return 1"
    pipelines = '{"__default__": pipeline([node(make, None, "report", name="make")])}'
    with tempfile.TemporaryDirectory() as made:
        project = write_project(
            Path(made), nodes=nodes, pipelines=pipelines, catalog=json_dataset("report"), dagster=dagster_yml
        )
        shutil.copytree(project.path, folder)


def have_projects(*names: str) -> Callable[[Path], None]:
    def write(flights: Path) -> None:
        for name in names:
            write_small_project(flights / name, f"assets:\n  key_prefix: [{Path(name).name}]\n")

    return write


def have_environment(name: str) -> Callable[[Path], None]:
    return lambda flights: (flights / "conf" / name).mkdir()


def have_entry(entry: str) -> Callable[[Path], None]:
    """Have one more entry in the catalog."""

    def write(flights: Path) -> None:
        catalog = flights / "conf" / "base" / "catalog.yml"
        catalog.write_text(catalog.read_text(encoding="utf-8") + entry, encoding="utf-8")

    return write


def have_no_executor(flights: Path) -> None:
    file = flights / "conf" / "base" / "dagster.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("default_executor: sequential", "default_executor: none"), encoding="utf-8")


def have_project_without_executor(flights: Path) -> None:
    write_small_project(flights.parent / "sales", "assets:\n  key_prefix: [sales]\ndefault_executor: none\n")


def have_archive_of_the_configuration(flights: Path) -> None:
    shutil.make_archive(str(flights / "conf-flights"), "gztar", flights, "conf")


def have_folder_of_definitions(flights: Path) -> None:
    folder = flights / "src" / "flights" / "defs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    project = (flights / "pyproject.toml").read_text(encoding="utf-8")
    changed = project.replace('defs_module = "flights"', 'defs_module = "flights.defs"')
    (flights / "pyproject.toml").write_text(changed, encoding="utf-8")


CHECKED = """
raw_airports:
  type: flights.datasets.NycFlights13Dataset
  table: airports
  validator: flights.validators.plausible_months
  metadata: {dagster: {key: airports}}
"""
RATES = """
rates:
  type: json.JSONDataset
  filepath: data/01_raw/rates.json
  metadata: {dagster: {external: false}}
"""
# What the pages say that stands beside a block, by what the block has. Without an entry it is the example as it is.
BESIDE: dict[str, Callable[[Path], None]] = {
    'build_definitions("../sales"), build_definitions("../stock")': have_projects("../sales", "../stock"),
    'build_definitions("../sales"), dg.Definitions(executor=executor)': have_project_without_executor,
    'build_definitions(HERE / "shop"), build_definitions(HERE / "plant")': have_projects("shop", "plant"),
    "build_definitions(), dg.Definitions(executor=executor)": have_no_executor,
    'build_definitions(env="prod")': have_environment("prod"),
    'build_definitions(env="challenger")': have_environment("challenger"),
    'checks_for_assets("airports")': have_entry(CHECKED),
    'key="rates"': have_entry(RATES),
    "conf-flights.tar.gz": have_archive_of_the_configuration,
    "load_from_defs_folder": have_folder_of_definitions,
}


@pytest.fixture
def surroundings(flights: Path, tmp_path: Path) -> Iterator[Path]:
    """The copy of the example, which is put back as it was."""
    before = tmp_path / "before"
    shutil.copytree(flights, before)
    found = {*flights.parent.iterdir()}
    yield flights
    shutil.rmtree(flights)
    shutil.move(before, flights)
    for path in {*flights.parent.iterdir()} - found:
        shutil.rmtree(path)


@pytest.mark.parametrize("block", list(blocks_of_definitions()))
def test_every_block_of_definitions_is_loaded_by_dagsters_own_loader(
    block: Block, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, prepare in BESIDE.items():
        if text in block.text:
            prepare(surroundings)
    monkeypatch.chdir(surroundings)
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = ModuleType("definitions")
    module.__file__ = str(surroundings / "definitions.py")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the example's libraries say while they are imported
        exec(compile(block.text, module.__file__, "exec", dont_inherit=True), vars(module))
        if hasattr(module, "Translator"):  # a page on translators leaves the rest to dagster.yml
            defs = build_definitions(surroundings, translator=module.Translator())
        else:
            [(_, defs)] = loadable_targets_from_loaded_module(module)
            defs = defs if isinstance(defs, dg.Definitions) else defs()
        dg.Definitions.validate_loadable(defs)
    is_other = "sales" in block.text or "shop" in block.text
    assert len(defs.resolve_all_asset_specs()) >= (1 if is_other else 38)


def test_what_stands_beside_a_block_is_for_a_block() -> None:
    texts = [block.values[0].text for block in blocks_of_definitions()]
    assert [text for text in BESIDE if not any(text in block for block in texts)] == []


@pytest.mark.parametrize("block", list(blocks("python")))
def test_a_python_block_has_one_definitions_as_dagsters_loader_takes_one(block: Block) -> None:
    makers = ("build_definitions(", "dg.Definitions(", "dg.Definitions.merge(", "Definitions(")
    assigned = [
        statement
        for statement in ast.parse(block.text).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value).startswith(makers)
    ]
    assert len(assigned) <= 1


def numbers_of_steps() -> Iterator[object]:
    page = (ROOT / "docs" / "how-to" / "choose-clusters.md").read_text(encoding="utf-8")
    for by, steps in re.findall(r"^\| `(\w+)`.*\| (\d+) \|$", page, re.MULTILINE):
        yield pytest.param(by, int(steps), id=by)


@pytest.mark.parametrize(("by", "steps"), list(numbers_of_steps()))
def test_the_example_has_as_many_steps_as_the_page_on_clusters_says(by: str, steps: int, flights: Path) -> None:
    file = flights / "conf" / "base" / "dagster.yml"
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(f"{before}\nassets:\n  cluster_by: {by}\n", encoding="utf-8")
        found = translate(locate_project(flights))
    finally:
        file.write_text(before, encoding="utf-8")
    assert len(found.clusters) == steps


COMMAND = re.compile(r"(?:^| |bin/)(kedro assets|dagster-webserver|dagster-daemon|dagster(?= ))( .*|$)")


def command_lines(block: Block) -> Iterator[list[str]]:
    """Give the commands of this package and of Dagster in a block, each as its words."""
    if block.language == "yaml":
        services = yaml.safe_load(block.text).get("services", {})
        lines = [" ".join(service["command"]) for service in services.values() if "command" in service]
    elif block.language == "dockerfile":
        lines = [" ".join(json.loads(line.removeprefix("CMD "))) for line in block.text.splitlines() if "CMD" in line]
    else:
        lines = [line.removeprefix("$ ").split("    #")[0].split(">>")[0] for line in block.text.splitlines()]
        if block.language == "text":  # it may be a program's output
            lines = [line for line in lines if re.match(r"[$*\d]", line)]
    for line in lines:
        found = COMMAND.search(line)
        if found:
            yield [*found[1].split(), *shlex.split(found[2])]


def with_commands() -> Iterator[object]:
    for language in ("bash", "dockerfile", "text", "yaml"):
        for block in blocks(language, "# compose.yaml" if language == "yaml" else ""):
            if list(command_lines(block.values[0])):
                yield block


@pytest.mark.parametrize("block", list(with_commands()))
def test_every_command_exists_with_its_options(block: Block) -> None:
    programs = {
        "kedro": commands,
        "dagster": create_dagster_cli(),
        "dagster-webserver": dagster_webserver,
        "dagster-daemon": create_dagster_daemon_cli(),
    }
    for program, *words in command_lines(block):
        command = programs[program]
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
            assert command is not None, block.text
        known = {name for option in command.params for name in option.opts}
        takes_all = command.context_settings.get("ignore_unknown_options")
        assert takes_all or {word for word in words if word[0] == "-"} <= known, words


@pytest.mark.parametrize("block", list(blocks("yaml", "# dagster.yaml")))
def test_every_dagster_yaml_fits_dagsters_own_schema(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"\{env: (\w+)\}", block.text):
        monkeypatch.setenv(name, "set")
    content = yaml.safe_load(block.text)
    result = process_config(dg.Shape(dagster_instance_config_schema()), content)
    assert result.success, result.errors
    if "postgres" in content.get("storage", {}):
        storage = pytest.importorskip("dagster_postgres").DagsterPostgresStorage
        result = process_config(dg.Shape(storage.config_type()), content["storage"]["postgres"])
        assert result.success, result.errors


@pytest.mark.parametrize("block", list(blocks("yaml", "# workspace.yaml")))
def test_every_workspace_yaml_fits_dagsters_own_schema(block: Block) -> None:
    result = process_workspace_config(yaml.safe_load(block.text))
    assert result.success, result.errors


@pytest.mark.parametrize("block", list(blocks("yaml", "# dagster_cloud.yaml")))
def test_every_dagster_cloud_yaml_fits_the_models_of_its_command_line(block: Block) -> None:
    models = pytest.importorskip("dagster_cloud_cli.config.models")
    for location in models.load_dagster_cloud_yaml(block.text).locations:
        context = pytest.importorskip("dagster_k8s.container_context")
        context.K8sContainerContext.create_from_config(location.container_context)


# As of the values.yaml of Dagster's Helm chart.
HELM_DEPLOYMENT = (
    "name image dagsterApiGrpcArgs codeServerArgs includeConfigInLaunchedRuns deploymentNamespace port env envConfigMaps "
    "envSecrets annotations nodeSelector affinity tolerations podSecurityContext securityContext resources livenessProbe "
    "readinessProbe startupProbe labels volumeMounts volumes schedulerName initContainers sidecarContainers service"
)
HELM_RUN_LAUNCHER = (
    "image imagePullPolicy jobNamespace loadInclusterConfig kubeconfigFile envConfigMaps envSecrets envVars labels "
    "volumeMounts volumes resources runK8sConfig failPodOnRunFailure securityContext schedulerName"
)


@pytest.mark.parametrize("block", list(blocks("yaml", "# values.yaml")))
def test_every_values_yaml_has_keys_of_dagsters_helm_chart(block: Block) -> None:
    values = yaml.safe_load(block.text)
    assert values.keys() == {"dagster-user-deployments", "runLauncher"}
    assert values["dagster-user-deployments"].keys() == {"enabled", "deployments"}
    for deployment in values["dagster-user-deployments"]["deployments"]:
        assert deployment.keys() <= {*HELM_DEPLOYMENT.split()}
        assert deployment["image"].keys() == {"repository", "tag", "pullPolicy"}
        assert not {"dagsterApiGrpcArgs", "codeServerArgs"} <= deployment.keys()
    launcher = values["runLauncher"]
    assert launcher["type"] == "K8sRunLauncher"
    assert launcher["config"]["k8sRunLauncher"].keys() <= {*HELM_RUN_LAUNCHER.split()}


@pytest.mark.parametrize("block", list(blocks("yaml", "# compose.yaml")))
def test_every_compose_yaml_has_keys_of_compose(block: Block) -> None:
    content = yaml.safe_load(block.text)
    assert {key for key in content if not key.startswith("x-")} == {"services", "volumes"}
    keys = {"image", "command", "environment", "volumes", "ports", "depends_on", "restart", "healthcheck"}
    for service in content["services"].values():
        assert service.keys() <= keys
        assert set(service.get("depends_on", ())) <= content["services"].keys()
        named = {volume.partition(":")[0] for volume in service["volumes"] if volume[0] != "."}
        assert named <= content["volumes"].keys()


DEPLOYMENT = ROOT / "examples" / "deploy"
SHOWN = ["Dockerfile", "compose.yaml", "values.yaml", "dagster_home/dagster.yaml", "dagster_home/workspace.yaml"]


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_on_deployments_shows_the_files_that_can_be_copied(name: str) -> None:
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert f"\n{(DEPLOYMENT / name).read_text(encoding='utf-8')}```\n" in page


def test_what_the_image_copies_is_not_ignored() -> None:
    ignored = (DEPLOYMENT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOYMENT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert ignored[0] == "*"
    assert {f"!{name}" for names in copied for name in names.split()} == {line for line in ignored if line[0] == "!"}


@pytest.mark.parametrize("block", list(blocks("dockerfile")))
def test_every_dockerfile_copies_before_it_uses_and_starts_in_exec_form(block: Block) -> None:
    lines = [line.partition(" ") for line in block.text.splitlines()]
    instructions = [instruction for instruction, _, _ in lines]
    assert instructions[0] == "FROM"
    assert instructions[-1] == "CMD"
    assert set(instructions) <= {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "EXPOSE", "CMD"}
    assert json.loads(lines[-1][2])[0] == "dagster"
    copied = [word for instruction, _, rest in lines if instruction == "COPY" for word in rest.split()[:-1]]
    assert {"requirements.txt", "definitions.py", "pyproject.toml", "src"} <= {*copied}
    assert "conf" not in copied  # conf/local has the credentials


# What kedro-dagster 0.8.1 reads: its dagster.yml, the options of its executors, the catalog, its commands.
PEER = {
    "dagster.yml": "jobs schedules loggers executors pipeline executor schedule pipeline_name from_nodes to_nodes node_names "
    "from_inputs to_outputs node_namespaces tags cron_schedule execution_timezone description metadata log_level handlers "
    "formatters filters",
    "executors": "in_process multiprocess dask_executor k8s_job_executor docker_executor celery_executor "
    "celery_docker_executor celery_k8s_job_executor retries max_concurrent cluster existing local yarn ssh pbs moab sge lsf "
    "slurm oar kube image network registry env_vars container_kwargs networks broker backend include config_source "
    "job_namespace load_incluster_config kubeconfig_file step_k8s_config per_step_k8s_config image_pull_policy "
    "image_pull_secrets service_account_name env_config_maps env_secrets volume_mounts volumes labels resources "
    "scheduler_name security_context job_wait_timeout container_config pod_spec_config pod_template_spec_metadata "
    "job_spec_config job_metadata",
    "code": "env project_path conf_source to_dagster translate_all named_assets named_resources named_jobs named_executors "
    "named_schedules named_sensors named_loggers default_executor default_loggers io_manager description group_name preview "
    "preview_args DagsterPartitionedDataset partition partition_mapping DagsterNothingDataset getLogger "
    "DagsterColoredFormatter DagsterJsonFormatter DagsterRichFormatter",
    "commands": "init env force silent list-patterns resolve-patterns api check dev labs launch list plus scaffold utils",
}


@pytest.mark.parametrize("words", PEER.values(), ids=PEER)
def test_the_page_for_those_who_come_from_kedro_dagster_has_every_setting(words: str) -> None:
    page = (ROOT / "docs" / "how-to" / "from-kedro-dagster.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    there = {word for row in rows for code in re.findall(r"`([^`]+)`", row) for word in re.findall(r"[\w-]+", code)}
    there |= {word.removeprefix("--") for word in there}
    assert not set(words.split()) - there


def test_the_page_for_those_who_come_from_cron_has_every_option_of_kedro_run() -> None:
    page = (ROOT / "docs" / "how-to" / "from-cron.md").read_text(encoding="utf-8")
    options = {name for option in kedro_run.params for name in option.opts if name.startswith("--")}
    assert not options - {*re.findall(r"`(--[\w-]+)", page)}


def links() -> Iterator[object]:
    for page in PAGES:
        text = BLOCK.sub("", page.read_text(encoding="utf-8"))
        for match in LINK.finditer(text):
            if not urlsplit(match[1]).scheme:
                yield pytest.param(page, match[1], id=f"{page.relative_to(ROOT)} -> {match[1]}")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings where GitHub and MkDocs make the same."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings]
    return {heading.replace(" ", "-") for heading in plain if not re.search(r"[-\s]{2}", heading)}


@pytest.mark.parametrize(("page", "link"), list(links()))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / unquote(path)).resolve() if path else page
    assert target.exists()
    assert target.is_relative_to(ROOT)
    assert (
        anchor in {"", "gh-light-mode-only", "gh-dark-mode-only"}
        if target.suffix == ".png"
        else not anchor or anchor in anchors(target)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_heading_has_an_anchor_of_its_own_which_only_mkdocs_would_read(page: Path) -> None:
    assert not re.findall(r"^#+ .*\{.*#.*\}", page.read_text(encoding="utf-8"), re.MULTILINE)


SOURCE = ROOT / "src" / "kedro_assets"
IN_THE_REPOSITORY = re.compile(r"\b(?:(?:src|tests|docs)/[\w./-]*\w|\w+/\w+\.py)\b")


def files() -> Iterator[object]:
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "explanation" / "architecture.md"):
        for path in dict.fromkeys(IN_THE_REPOSITORY.findall(page.read_text(encoding="utf-8"))):
            yield pytest.param(path, id=f"{page.name} {path}")


@pytest.mark.parametrize("path", list(files()))
def test_every_file_that_contributors_are_told_of_is_there(path: str) -> None:
    assert (ROOT / path).exists() or (SOURCE / path).exists()


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_every_page_has_what_the_sources_give(page: Path, tables: ModuleType) -> None:
    """`python docs/tables.py` writes it. Options in the words of Dagster's libraries are left to `nox -s docs`, which has them."""
    text = page.read_text(encoding="utf-8")
    assert tables.filled(text, without=("options",)) == text
    assert len(re.findall(r"^<!-- ", text, re.MULTILINE)) == 2 * len(tables._MADE.findall(text))


def test_the_reference_has_a_table_for_every_section_of_dagster_yml() -> None:
    page = (REFERENCE / "dagster-yml.md").read_text(encoding="utf-8")
    sections = {name for name, value in vars(model).items() if isinstance(value, type) and has(value)}
    assert set(re.findall(r"^<!-- keys: (\w+) -->$", page, re.MULTILINE)) == sections - {"ExecutorConfig"}
    assert "| `cron_schedule` | string or list of strings | required |" in page
    assert "| `memory_assets` | true or false | `true` |" in page
    assert "| `executor` | string or [executor](#executors) | none |" in page
    assert "to [settings](#metadatadagster-in-the-catalog) |" in page


@pytest.mark.parametrize("executor", sorted(KNOWN))
def test_every_executor_has_a_page_with_its_options(executor: str) -> None:
    path = REFERENCE / "executors" / f"{executor.replace('_', '-')}.md"
    page = path.read_text(encoding="utf-8")
    assert f"\n<!-- options: {executor} -->\n\n| Option | Type | Default |" in page
    assert f"({path.name})" in (path.parent / "index.md").read_text(encoding="utf-8")


def test_the_page_on_ray_has_the_options_of_its_executor() -> None:
    page = (REFERENCE / "executors" / "ray.md").read_text(encoding="utf-8")
    assert "| `ray.num_cpus` | number |" in page
    assert "| `tag_concurrency_limits` | list of mapping |" in page


@pytest.mark.parametrize(("note", "other"), [("    delay: Seconds", "    Seconds"), ("    delay: S", "    wait: S")])
def test_a_key_without_a_note_or_a_note_without_a_key_is_an_error(
    note: str, other: str, tables: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = model.RetryConfig.__doc__ or ""
    assert note in text
    monkeypatch.setattr(model.RetryConfig, "__doc__", text.replace(note, other))
    with pytest.raises(ValueError, match=r"RetryConfig do not fit its keys: .*delay"):
        tables.key_table(model.RetryConfig)


def test_the_lowest_versions_are_those_of_the_package() -> None:
    page = (REFERENCE / "versions.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([A-Za-z-]+) \| ([\d.]+) \|", page, re.MULTILINE))
    lowest = dict(re.findall(r'^  "([a-z-]+)>=([\d.]+)"', project, re.MULTILINE))
    assert told.keys() == {"Python", "Kedro", "Dagster", "kedro-datasets", "click"}
    assert f'requires-python = ">={told.pop("Python")}"' in project
    assert {name: lowest[name.lower()] for name in told} == {
        name: version.removesuffix(".0") for name, version in told.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_says_which_version_of_the_package_this_is(page: Path) -> None:
    assert not re.findall(r"kedro.assets.{,3}\d+\.\d+", page.read_text(encoding="utf-8"))


def test_the_reference_has_every_public_name() -> None:
    page = (REFERENCE / "api.md").read_text(encoding="utf-8")
    found = [reference.rpartition(".") for reference in re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE)]
    assert sorted(name for _, _, name in found) == sorted(kedro_assets.__all__)
    for module, _, name in found:
        assert getattr(importlib.import_module(module), name) is getattr(kedro_assets, name)


def test_the_reference_has_every_command() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        f"kedro assets {name}" for name in ("init", "check", "convert", "list", "explain", "schema", "run", "dev")
    ]
    assert "Usage: kedro assets run [OPTIONS] [JOB]" in page


def test_the_architecture_shows_every_room() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    [drawn] = re.findall(r"## Layers.*?```text\n(.*?)```", page, re.DOTALL)
    modules = {path.stem for path in SOURCE.iterdir() if path.name[:2] != "__" and path.suffix in {"", ".py"}}
    assert set(drawn.split()) == modules - {"_version"}
    [closed] = re.findall(
        r"^What the `__init__.py` of (.*) exports is all that other rooms may use", page, re.MULTILINE
    )
    folders = {path.name for path in SOURCE.iterdir() if path.name[:2] != "__" and path.is_dir()}
    assert set(re.findall(r"`(\w+)`", closed)) == folders - {"_internals"}


def test_what_was_measured_is_shown_as_medians_over_the_runs(
    tmp_path: Path, tables: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def result(seconds: float, ratio: float, *, quick: bool = False) -> str:
        facts = {"benchmark": "load", "nodes": 10}
        ours = {**facts, "contender": "ours", "medians": {"seconds": seconds}, "ratios": {"floor": {"seconds": ratio}}}
        floor = {**facts, "contender": "floor", "medians": {"seconds": 1.0}, "ratios": {}}
        return json.dumps({"quick": quick, "rows": [ours, floor]})

    for number, (seconds, ratio) in enumerate([(1.5, 1.5), (1.2, 1.1), (1.3, 1.4)]):
        (tmp_path / f"{number}.json").write_text(result(seconds, ratio), encoding="utf-8")
    (tmp_path / "tried.json").write_text(result(100, 100, quick=True), encoding="utf-8")
    monkeypatch.setattr(tables, "_RESULTS", tmp_path)
    _, _, *rows = tables.benchmark_table("load", "seconds").splitlines()
    assert rows == ["| 10 | ours | 1.30 | 1.40 |", "| 10 | floor | 1.00 |  |"]
    with pytest.raises(LookupError, match=r"metric 'seconds' of the benchmark 'run'.*nox -s bench"):
        tables.benchmark_table("run", "seconds")


def test_what_the_newest_soak_has_found_is_shown(
    tmp_path: Path, tables: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(broken: int) -> dict[str, Any]:
        return {
            "faults": [{"target": "run", "kill": 2}],
            "invariants": [{"invariant": "ends", "tried": 9, "broken": broken}],
        }

    grown = {"service": "dask worker", "minutes": 2.0, "megabytes": [91.2, 92.7], "descriptors": [9, 9]}
    for name, started, part in [
        ("2026-01-02-10", "2026-01-02T12:00", {"killed": killed(0)}),
        ("2026-01-02-2", "2026-01-02T10:00", {"killed": killed(1), "counted": {"rows": [{"what": "job", "asked": 2}]}}),
        ("2026-01-02-3", "2026-01-02T11:00", {"workers": [{"runs": {"SUCCESS": 9}, "growth": [grown]}]}),
    ]:
        (tmp_path / f"{name}.json").write_text(json.dumps({"started": started, **part}), encoding="utf-8")
    monkeypatch.setattr(tables, "_SOAK_RESULTS", tmp_path)
    assert tables.soak_table("invariants").splitlines() == [
        "| Invariant | Tried | Broken |",
        "| --- | --- | --- |",
        "| ends | 9 | 0 |",
    ]
    assert tables.soak_table("counted").splitlines()[-1] == "| job | 2 |"
    assert tables.soak_table("workers").splitlines()[-1] == "| dask worker | 9 | 91 to 93 | 9 to 9 |"
    monkeypatch.setattr(tables, "_SOAK_RESULTS", tmp_path / "nowhere")
    with pytest.raises(LookupError, match=r"part 'killed'; `nox -s soak`"):
        tables.soak_table("faults")


# What people write who come from the format that this one follows.
FAMILIAR = {
    "a job with a schedule, an executor and a namespace": """
        schedules:
          my_job_schedule:
            cron_schedule: "0 0 * * *"

        executors:
          my_executor:
            multiprocess:
              max_concurrent: 2

        jobs:
          my_job:
            pipeline:
              pipeline_name: __default__
              node_namespace: my_namespace
            executor: my_executor
            schedule: my_job_schedule
    """,
    "a multiprocess executor": """
        executors:
          my_multiprocess_executor:
            multiprocess:
              max_concurrent: 4
    """,
    "a docker executor": """
        executors:
          my_docker_executor:
            docker_executor:
              image: my-custom-image:latest
              registry: "my_registry.com"
              network: "my_network"
              networks: ["my_network_1", "my_network_2"]
              container_kwargs:
                volumes:
                  - "/host/path:/container/path"
                environment:
                  - "ENV_VAR=value"
    """,
}


@pytest.mark.parametrize("text", FAMILIAR.values(), ids=FAMILIAR)
def test_the_familiar_examples_are_read_as_they_are_written(text: str) -> None:
    problems = Scope()
    raw = yaml.safe_load(text)
    config = read_config(raw, problems)
    assert not list(problems)
    assert {name: {made.type: made.options} for name, made in config.executors.items()} == raw["executors"]
    assert config.schedules.keys() == raw.get("schedules", {}).keys()
    for job in config.jobs.values():
        assert job.pipeline is not None
        assert (job.pipeline.pipeline_name, job.pipeline.node_namespaces) == ("__default__", ["my_namespace"])
        assert (job.executor, job.schedule) == ("my_executor", "my_job_schedule")
