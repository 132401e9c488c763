"""Nothing that Dagster keeps or shows has a credential of the project in it: each is planted, and looked for everywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, write_project
from instance_files import files
from servers import DagsterDev, dagster_dev

PLANTED = {
    "a password": "planted-pass-1f0c",
    "a variable": "planted-variable-93aa",
    "an address among the credentials": "planted-con-77b1",
    "a list of tokens": "planted-listed-5c3e",
    "the password in an address of the catalog": "planted-userinfo-d402",
    "the token in an address of the catalog": "planted-query-8e6d",
    "the signature in an address of the catalog": "planted-signature-20bb",
}
VARIABLE = "TEST_SECRETS_VARIABLE"

CREDENTIALS = f"""
    store: {{username: reader, password: {PLANTED["a password"]}}}
    bucket: {{key: "${{oc.env:{VARIABLE}}}"}}
    warehouse: {{con: "postgresql://me:{PLANTED["an address among the credentials"]}@127.0.0.1:1/sales"}}
    many: {{tokens: [{PLANTED["a list of tokens"]}]}}
"""
ADDRESS = (
    f"https://user:{PLANTED['the password in an address of the catalog']}@127.0.0.1:1/far.json"
    f"?token={PLANTED['the token in an address of the catalog']}&v=1"
    f"&X-Amz-Signature={PLANTED['the signature in an address of the catalog']}"
)
CATALOG = f"""
shelf:
  type: PACKAGE.datasets.ShelfDataset
  filepath: {ADDRESS}
  credentials: store
  metadata:
    dagster: {{description: A shelf.}}
locked:
  type: PACKAGE.datasets.ShelfDataset
  filepath: {ADDRESS}
  locked: true
  credentials: bucket
far:
  type: json.JSONDataset
  filepath: "{ADDRESS}"
elsewhere:
  type: PACKAGE.datasets.ShelfDataset
  filepath: data/elsewhere
  credentials: warehouse
counted:
  type: PACKAGE.datasets.ShelfDataset
  filepath: data/counted
  credentials: many
"""
DATASETS = """
    import logging

    from kedro.io import AbstractDataset

    logger = logging.getLogger(__name__)

    class ShelfDataset(AbstractDataset):
        "It says everywhere what it should keep to itself."

        def __init__(self, filepath, credentials, locked=False, metadata=None):
            self._filepath, self._credentials, self._locked = filepath, credentials, locked
            self.metadata = metadata

        def _describe(self):
            return {"filepath": self._filepath, "credentials": self._credentials}

        def _load(self):
            if self._locked:
                raise PermissionError(f"{self._filepath} is locked for {self._credentials}")
            logger.info("from %s with %s", self._filepath, self._credentials)
            return 1

        def _save(self, data):
            logger.warning("to %s with %s", self._filepath, self._credentials)
"""
NODES = """
    import logging
    import os
    from pathlib import Path

    import yaml

    logger = logging.getLogger(__name__)
    HERE = Path(__file__).parents[2]

    def secrets():
        text = (HERE / "conf/local/credentials.yml").read_text() + (HERE / "conf/base/catalog.yml").read_text()
        return text + os.environ["TEST_SECRETS_VARIABLE"]

    def read(shelf, elsewhere):
        logger.info("read with %s", secrets())
        try:
            raise ValueError(f"caught {secrets()}")
        except ValueError:
            logger.exception("read has caught")
        return shelf

    def fail(shelf):
        raise RuntimeError(f"cannot read with {secrets()}")

    def fail_with_more(shelf):
        error = KeyError({"all": [secrets()]}, (secrets(),))
        error.more = {"all": secrets()}
        error.add_note(secrets()) if hasattr(error, "add_note") else None
        raise error from ConnectionError(secrets())

    def use(locked):
        return locked

    def get(far):
        return far
"""
PIPELINES = """{
    "__default__": pipeline([
        node(read, ["shelf", "elsewhere"], "counted", name="read"),
        node(fail, "shelf", "never", name="fail"),
        node(fail_with_more, "shelf", "never_more", name="fail_with_more"),
        node(use, "locked", "used", name="use"),
        node(get, "far", "got", name="get"),
    ]),
}"""
DAGSTER = f"""
    executors:
      two: {{multiprocess: {{max_concurrent: 2}}}}
      containers:
        docker:
          image: "flights:1.0"
          registry: {{url: registry.example.com, username: me, password: {{env: {VARIABLE}}}}}
    jobs:
      alone: {{pipeline: {{}}}}
      parallel: {{pipeline: {{}}, executor: two}}
      contained: {{pipeline: {{}}, executor: containers}}
"""
LAUNCHED = ["alone", "parallel"]
QUIET = ["use", "get"]  # steps whose nodes write nothing themselves

METADATA = (
    "metadataEntries {label description __typename ... on TextMetadataEntry {text} ... on UrlMetadataEntry {url}}"
)
ASSETS = f"""{{
    assetNodes {{
        id description groupName {METADATA} configField {{configType {{key}}}}
        requiredResources {{resourceKey}} owners {{__typename}} tags {{key value}}
        assetMaterializations {{message {METADATA}}}
    }}
    runsOrError {{... on Runs {{results {{runId runConfigYaml tags {{key value}}}}}}}}
}}"""
RUN_LOG = """query ($id: ID!) {logsForRun(runId: $id) {... on EventConnection {events {
    __typename
    ... on MessageEvent {message stepKey}
    ... on ExecutionStepFailureEvent {error {message stack cause {message stack} errorChain {error {message stack}}}}
    ... on RunFailureEvent {error {message stack cause {message stack}}}
    ... on LogsCapturedEvent {fileKey stepKeys}
}}}}"""
CAPTURED = """query ($key: [String!]!) {capturedLogs(logKey: $key) {stdout stderr}}"""
LAUNCHPAD = """query ($selector: PipelineSelector!) {runConfigSchemaOrError(selector: $selector) {
    __typename
    ... on RunConfigSchema {rootDefaultYaml allConfigTypes {
        key description ... on CompositeConfigType {fields {name description defaultValueAsJson}}
    }}
}}"""
RESOURCES = """query ($selector: RepositorySelector!) {allTopLevelResourceDetailsOrError(repositorySelector: $selector) {
    __typename
    ... on ResourceDetailsList {results {
        name description configFields {name defaultValueAsJson} configuredValues {key value}
    }}
}}"""

Kept = dict[str, str]


def project_with_secrets(folder: Path, dagster: str = DAGSTER) -> KedroProject:
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, dagster=dagster)
    catalog = CATALOG + json_dataset("never", "never_more", "used", "got")
    project.write("conf/base/catalog.yml", catalog.replace("PACKAGE", project.package))
    project.write("conf/local/credentials.yml", CREDENTIALS)
    project.write(f"src/{project.package}/datasets.py", DATASETS)
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Everything that Dagster has kept and shown after the runs: texts, by where they were found.

    Each run has steps that succeed and steps that fail, and every one of them knows a secret.
    """
    pytest.importorskip("dagster_docker")
    folder = tmp_path_factory.mktemp("secrets")
    project = project_with_secrets(folder)
    found: Kept = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, PLANTED["a variable"])
        with dagster_dev(folder / "home", project) as server:
            location = server.location(project.package)
            found["the assets"] = json.dumps(server.ask(ASSETS))
            found["the resources"] = json.dumps(server.ask(RESOURCES, selector=location))
            for job in [*LAUNCHED, "contained"]:
                selector = {**location, "pipelineName": job}
                found[f"the launchpad of {job}"] = json.dumps(server.ask(LAUNCHPAD, selector=selector))
            for job in LAUNCHED:
                found.update(log(server, job, server.launch(project, job)))
    found.update(files(folder / "home"))
    return found


def log(server: DagsterDev, job: str, run: str) -> Iterator[tuple[str, str]]:
    """What Dagster's API says of a run, and the output of its steps as the UI shows it."""
    events = server.ask(RUN_LOG, id=run)["logsForRun"]["events"]
    yield f"the log of {job}", json.dumps(events)
    ended = Counter(event["stepKey"] for event in events if event["__typename"] == "ExecutionStepFailureEvent")
    assert ended == dict.fromkeys(("fail", "fail_with_more", "use", "get"), 1), events
    assert [event["stepKey"] for event in events if event["__typename"] == "MaterializationEvent"] == ["read"]
    for event in events:
        if event["__typename"] == "LogsCapturedEvent":
            output = server.ask(CAPTURED, key=[run, "compute_logs", event["fileKey"]])["capturedLogs"]
            yield f"the output of {job}: {','.join(event['stepKeys'])}", json.dumps(output)


def is_output(place: str) -> bool:
    """Say whether a place is what the processes have written to their terminal: Kedro's log and what nodes print."""
    return "output" in place or "compute_logs" in place or "dev.log" in place


def around(kept: Kept, secret: str) -> Kept:
    """The places that have a secret, each with the words around it."""
    found = {place: text.find(secret) for place, text in kept.items()}
    return {place: kept[place][max(0, at - 300) : at + 100] for place, at in found.items() if at >= 0}


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
def test_no_secret_is_in_anything_that_dagster_keeps_or_shows(kept: Kept, secret: str) -> None:
    found = around({place: text for place, text in kept.items() if not is_output(place)}, secret)
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("step", QUIET)
def test_the_output_of_a_step_whose_node_writes_nothing_has_no_secret(kept: Kept, step: str, secret: str) -> None:
    assert not around({"": kept[f"the output of parallel: {step}"]}, secret)


HOOKS = """
    import logging
    from pathlib import Path

    from kedro.framework.hooks import hook_impl

    WORDS = (Path(__file__).parents[2] / "words").read_text()

    class Recorder:
        @hook_impl
        def HOOK(self):
            logging.getLogger(__name__).warning("with %s", WORDS)
            raise ConnectionError(f"no answer with {WORDS}")
"""


@pytest.mark.parametrize("job", LAUNCHED)
@pytest.mark.parametrize(
    ("hook", "secret"),
    [
        ("after_context_created", "postgresql://me:planted-inline-3d1f@127.0.0.1:1/sales"),
        ("after_catalog_created", PLANTED["a password"]),
        ("before_pipeline_run", PLANTED["a password"]),
    ],
)
def test_no_secret_is_in_the_log_of_a_run_whose_hook_fails(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, hook: str, secret: str, job: str
) -> None:
    monkeypatch.setenv(VARIABLE, PLANTED["a variable"])
    project = project_with_secrets(tmp_path)
    project.write(f"src/{project.package}/hooks.py", HOOKS.replace("HOOK", hook))
    project.write("words", secret)
    result = execute(project, instance, job)
    assert not result.success
    log = "\n".join(entry.to_json() for entry in instance.all_logs(result.run_id))
    assert "no answer with" in log
    lines = [line for line in log.splitlines() if secret in line]
    assert not lines, lines
