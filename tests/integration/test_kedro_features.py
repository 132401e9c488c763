"""What valid Kedro projects do, each feature run through Dagster's in-process executor."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from comparing import by_dagster, by_kedro
from helpers import HOOKS, KedroProject, execute, json_dataset, kedro_run, load_definitions, materialized, write_project

APPENDING = '''
    import json
    from pathlib import Path

    from kedro.io import AbstractDataset


    class AppendingDataset(AbstractDataset):
        """Every save adds to a file; `confirm` leaves a mark."""

        def __init__(self, filepath, metadata=None):
            self._path = Path(__file__).parents[2] / filepath

        def _load(self):
            return [json.loads(line) for line in self._path.read_text().splitlines()]

        def _save(self, data):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(json.dumps(data) + "\\n")

        def confirm(self):
            self._path.with_suffix(".confirmed").touch()

        def _describe(self):
            return {"path": str(self._path)}
'''


def streaming(folder: Path, dagster: str = "") -> KedroProject:
    project = write_project(
        folder,
        nodes="""
            from functools import partial, update_wrapper

            def chunks(raw):
                for value in raw:
                    yield value, -value

            def nothing(raw):
                yield from ()

            def add(rows, amount):
                return [value + amount for value in rows]

            add_ten = update_wrapper(partial(add, amount=10), add)
        """,
        pipelines="""{
            "__default__": pipeline([
                node(chunks, "raw", ["rows", "mirrored"], name="chunks"),
                node(add_ten, "rows", "added", name="add", confirms="rows"),
                node(lambda rows: len(rows), "mirrored", "size", name="count"),
            ]),
            "empty": pipeline([node(nothing, "raw", "empty", name="nothing")]),
        }""",
        catalog="".join(
            f"{name}: {{type: PACKAGE.datasets.AppendingDataset, filepath: data/{name}.jsonl}}\n"
            for name in ("rows", "mirrored", "empty")
        )
        + json_dataset("raw", "added", "size"),
        dagster=dagster,
    )
    project.write(f"src/{project.package}/datasets.py", APPENDING)
    catalog = (project.path / "conf/base/catalog.yml").read_text()
    project.write("conf/base/catalog.yml", catalog.replace("PACKAGE", project.package))
    project.write("data/raw.json", "[1, 2, 3]")
    return project


def test_a_generator_node_streams_its_outputs_in_turn(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = streaming(tmp_path)
    result = execute(project, instance)
    assert result.success
    saves = [
        (call["dataset"], call["data"]) for call in project.calls("before_dataset_saved") if call["node"] == "chunks"
    ]
    assert saves == [
        ("rows", "1"), ("mirrored", "-1"), ("rows", "2"), ("mirrored", "-2"), ("rows", "3"), ("mirrored", "-3"),
    ]  # fmt: skip
    assert sorted(materialized(result)) == ["added", "mirrored", "rows", "size"]
    assert (project.read("added.json"), project.read("size.json")) == ([11, 12, 13], 3)


def test_a_dataset_that_a_node_confirms_is_confirmed(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = streaming(tmp_path)
    assert execute(project, instance).success
    assert [path.name for path in (project.path / "data").glob("*.confirmed")] == ["rows.confirmed"]


def test_a_generator_that_gives_no_chunk_is_not_reported_as_saved(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = streaming(tmp_path)
    result = execute(project, instance, "empty")
    assert result.success
    assert not project.calls("after_dataset_saved")
    assert materialized(result) == []


EMPTY_CHUNKS = """
    def chunks(raw):
        yield from raw

    def count(pieces):
        return len(pieces)
"""


@pytest.mark.parametrize("job", ["assets", "ops", "one_step"])
def test_what_is_behind_a_generator_that_gives_no_chunk_does_what_it_does_in_kedro_run(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes=EMPTY_CHUNKS,
        pipelines="""{"__default__": pipeline([
            node(chunks, "raw", "pieces", name="chunks"), node(count, "pieces", "size", name="count")
        ])}""",
        catalog=json_dataset("raw", "pieces", "size"),
        dagster="assets: {cluster_by: %s}\njobs: {assets: {}, one_step: {}, ops: {view: ops}}\n"
        % ("pipeline" if job == "one_step" else "node"),
    )
    project.write("data/raw.json", "[]")
    assert by_kedro(project).error
    project.forget()
    outcome = by_dagster(project, instance, job)
    assert (outcome.error or [""])[0] == "DatasetError"
    assert project.calls("on_pipeline_error")
    project.write("data/raw.json", "[[1, 2, 3]]")
    assert execute(project, instance, job).success
    version = latest_version("pieces", instance)
    project.write("data/raw.json", "[]")
    (project.path / "data/size.json").unlink()
    assert execute(project, instance, job).success
    assert project.read("size.json") == 3
    assert latest_version("pieces", instance) == version


def latest_version(key: str, instance: dg.DagsterInstance) -> str:
    [record] = instance.fetch_materializations(dg.AssetKey(key), limit=1).records
    assert record.asset_materialization
    return (record.asset_materialization.tags or {})["dagster/data_version"]


def test_what_before_node_run_returns_replaces_the_inputs_of_the_node(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    hooks = HOOKS + (
        "\n\nclass Override:\n    @hook_impl\n    def before_node_run(self, node, inputs):\n"
        '        inputs["raw"] = "a copy, so this has no effect"\n'
        '        return {"params:factor": 100}\n'
    )
    project = write_project(
        tmp_path,
        nodes="def multiply(raw, factor):\n    return raw * factor\n",
        pipelines='{"__default__": pipeline([node(multiply, ["raw", "params:factor"], "final", name="multiply")])}',
        catalog=json_dataset("raw", "final"),
        parameters="factor: 2",
        hooks=hooks,
        settings="from .hooks import Override, Recorder\n\nHOOKS = (Recorder(), Override())\n",
    )
    project.write("data/raw.json", "3")
    assert execute(project, instance).success
    assert project.read("final.json") == 300


@pytest.fixture(scope="module")
def shapes(
    tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance
) -> tuple[KedroProject, dg.JobExecutionResult]:
    """Nodes of every shape in one run."""
    project = write_project(
        tmp_path_factory.mktemp("shapes"),
        nodes="""
            from functools import partial, update_wrapper

            def by_name(first, second):
                return {"total": first + second, "difference": first - second}

            def whole(parameters):
                return parameters

            def nested(depth, leaves):
                return [depth, leaves]

            def power(base, exponent):
                return base**exponent

            square = update_wrapper(partial(power, exponent=2), power)

            def quiet(total):
                return None

            def no_inputs():
                return 7
        """,
        pipelines="""{"__default__": pipeline([
            node(by_name, {"first": "raw", "second": "params:amount"}, {"total": "total", "difference": "difference"}),
            node(whole, "parameters", "everything", name="whole"),
            node(nested, ["params:model.depth", "params:model.leaves"], "options", name="nested"),
            node(square, "raw", "squared", name="square"),
            node(lambda value: value + 0.5, "raw", "shifted", name="shift"),
            node(quiet, "total", None, name="quiet"),
            node(quiet, "raw", None, name="total"),
            node(no_inputs, None, "seven", name="no_inputs"),
        ])}""",
        catalog=json_dataset("raw", "total", "difference", "everything", "options", "squared", "shifted", "seven"),
        parameters="amount: 4\nmodel: {depth: 3, leaves: [1, null, {a: 2.5}]}\n'1': one\nempty: null\n",
    )
    project.write("data/raw.json", "10")
    return project, execute(project, instance)


def test_nodes_of_every_shape_run(shapes: tuple[KedroProject, dg.JobExecutionResult]) -> None:
    project, result = shapes
    assert result.success
    names = ("total", "difference", "everything", "options", "squared", "shifted", "seven")
    assert {name: project.read(f"{name}.json") for name in names} == {
        "total": 14,
        "difference": 6,
        "everything": {"amount": 4, "model": {"depth": 3, "leaves": [1, None, {"a": 2.5}]}, "1": "one", "empty": None},
        "options": [3, [1, None, {"a": 2.5}]],
        "squared": 100,
        "shifted": 10.5,
        "seven": 7,
    }


def test_a_node_without_outputs_is_an_asset_even_if_a_dataset_has_its_name(
    shapes: tuple[KedroProject, dg.JobExecutionResult],
) -> None:
    _, result = shapes
    assert {"quiet", "total", "total/node"} <= set(materialized(result))


def test_a_node_without_outputs_can_be_selected_alone(
    shapes: tuple[KedroProject, dg.JobExecutionResult], instance: dg.DagsterInstance
) -> None:
    project, _ = shapes
    project.forget()
    assert execute(project, instance, assets=[["total", "node"]]).success
    assert project.nodes_run() == ["total"]


dots_in_names = pytest.mark.filterwarnings("ignore:One or more dataset names contain '.' characters:UserWarning")
NAMES = [
    "a-b",
    "a_b",
    "raw__data",
    "mein Datensatz",
    "größe",
    "データ",
    "ns.inner.leaf",
    "config",
    "class",
    "2021",
    "type",
]


@dots_in_names
@pytest.mark.parametrize("cluster_by", ["memory", "node", "pipeline"])
def test_any_name_of_a_dataset_or_a_node_runs(tmp_path: Path, instance: dg.DagsterInstance, cluster_by: str) -> None:
    chain = zip(["raw", *NAMES], [*NAMES, "final"], strict=True)
    nodes = "".join(f'node(add, "{before}", "{after}", name="{after.replace(" ", "-")}"), ' for before, after in chain)
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines=f'{{"__default__": pipeline([{nodes}]), "größe-b": pipeline([{nodes}])}}',
        catalog=json_dataset("raw", "final", *NAMES[::2]),
        dagster=f"assets: {{cluster_by: {cluster_by}}}\njobs: {{everything: {{selection: '*'}}}}",
    )
    project.write("data/raw.json", "0")
    dg.Definitions.validate_loadable(load_definitions(project))
    result = execute(project, instance, "everything")
    assert result.success
    assert project.read("final.json") == len(NAMES) + 1
    keys = {dg.AssetKey(name.split(".")).to_user_string() for name in [*NAMES, "final"]}
    assert set(materialized(result)) == keys


@dots_in_names
def test_slashes_divide_a_name_as_dots_do(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def copy(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(copy, "raw/item#json", "load/item", name="load"), node(copy, "load/item", "/sales//by.day/", name="last"),
        ])}""",
        catalog=json_dataset("raw/item#json", "load/item")
        + "'/sales//by.day/': {type: json.JSONDataset, filepath: data/last.json}\n",
    )
    project.write("data/raw/item#json.json", "7")
    keys = {spec.key for spec in load_definitions(project).resolve_all_asset_specs()}
    assert keys == {dg.AssetKey(path) for path in (["raw", "item#json"], ["load", "item"], ["sales", "by", "day"])}
    selection = dg.AssetSelection.from_string("+load/item")
    assert dg.AssetKey(["load", "item"]) in selection.resolve(load_definitions(project).resolve_asset_graph())
    assert execute(project, instance, assets=[["load", "item"]]).success
    assert project.read("load/item.json") == 7


def test_names_that_are_alike_in_dagster_stay_apart(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def join(*values):\n    return list(values)\n",
        pipelines="""{"__default__": pipeline([
            node(join, ["a-b", "a_b", "a b"], "c-d", name="c-d"), node(join, ["a_b", "a-b"], "c_d", name="c_d"),
            node(join, ["c-d", "c_d"], "final", name="join"),
        ])}""",
        catalog=json_dataset("a-b", "a_b", "a b", "c-d", "c_d", "final"),
        dagster="assets: {cluster_by: node}",
    )
    for number, name in enumerate(["a-b", "a_b", "a b"]):
        project.write(f"data/{name}.json", str(number))
    result = execute(project, instance)
    assert result.success
    assert project.read("final.json") == [[0, 1, 2], [1, 0]]
    assert sorted(materialized(result)) == ["c-d", "c_d", "final"]
    graph = load_definitions(project).resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get(dg.AssetKey("c-d")).parent_keys} == {"a-b", "a_b", "a b"}


@pytest.mark.parametrize("cluster_by", ["memory", "pipeline"])
def test_a_transcoded_dataset_is_one_asset(tmp_path: Path, instance: dg.DagsterInstance, cluster_by: str) -> None:
    project = write_project(
        tmp_path,
        nodes="def one(raw):\n    return [raw], raw\n\ndef two(text, memory):\n    return [text, memory]\n",
        pipelines="""{"__default__": pipeline([
            node(one, "raw", ["table@json", "memory"], name="one"),
            node(two, ["table@text", "memory"], "final", name="two"),
        ])}""",
        catalog=json_dataset("raw", "final")
        + "table@json: {type: json.JSONDataset, filepath: data/table.json, save_args: {indent: null}}\n"
        + "table@text: {type: text.TextDataset, filepath: data/table.json}\n",
        dagster=f"assets: {{cluster_by: {cluster_by}}}",
    )
    project.write("data/raw.json", "1")
    result = execute(project, instance)
    assert result.success
    assert project.read("final.json") == ["[1]", 1]
    assert sorted(materialized(result)) == ["final", "table"]
    saved = [call["dataset"] for call in project.calls("after_dataset_saved")]
    assert saved == ["table@json", "memory", "final"]


@dots_in_names
def test_dataset_factories_and_a_catch_all_pattern_resolve_as_in_kedro(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "prepared", name="prepare"),
            node(add, "prepared", "shop.model", name="fit"),
            node(add, "shop.model", "shop.memory", name="hold"),
            node(add, "shop.memory", "anything", name="end"),
        ])}""",
        catalog='"{namespace}.model":\n  type: json.JSONDataset\n  filepath: data/models/{namespace}.json\n'
        '"{namespace}.memory":\n  type: MemoryDataset\n'
        '"{any}":\n  type: json.JSONDataset\n  filepath: data/any/{any}.json\n',
    )
    project.write("data/any/raw.json", "1")
    result = execute(project, instance)
    assert result.success
    assert project.data().keys() == {"any/raw.json", "any/prepared.json", "models/shop.json", "any/anything.json"}
    assert sorted(materialized(result)) == ["anything", "prepared", "shop/model"]
    graph = load_definitions(project).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["shop", "memory"])).kinds == {"memory"}
    assert graph.get(dg.AssetKey("raw")).kinds == {"json"}


def test_a_modular_pipeline_used_twice_gives_assets_under_each_namespace(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def fit(raw, depth):\n    return raw * depth\n\ndef score(model):\n    return [model]\n",
        pipelines="""{"__default__":
            pipeline([node(fit, ["raw", "params:depth"], "model", name="fit"), node(score, "model", "score", name="score")],
                     namespace="forest", inputs="raw")
            + pipeline([node(fit, ["raw", "params:depth"], "model", name="fit"), node(score, "model", "score", name="score")],
                     namespace="linear", inputs="raw"),
        }""",
        catalog=json_dataset("raw", "forest.score", "linear.score"),
        parameters="forest: {depth: 3}\nlinear: {depth: 5}\n",
        dagster="""
            assets: {cluster_by: namespace, group_by: namespace}
            jobs: {forest_only: {pipeline: {node_namespaces: [forest]}}}
        """,
    )
    project.write("data/raw.json", "2")
    assert execute(project, instance, "forest_only").success
    assert project.read("forest.score.json") == [6]
    assert project.nodes_run() == ["forest.fit", "forest.score"]
    graph = load_definitions(project).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["linear", "score"])).group_name == "linear"


VERSIONED = """
    def save(raw):
        return raw

    def other_run_saves(model):
        # Meanwhile, another run saves a version that is newer than any.
        from pathlib import Path
        folder = Path(__file__).parents[2] / "data" / "model.json" / "2999-01-01T00.00.00.000Z"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text('"newer"')
        return model

    def load(model, done):
        return [model, done]
"""
VERSIONED_PIPELINE = """{
    "__default__": pipeline([
        node(save, "raw", "model", name="save"),
        node(other_run_saves, "model", "done", name="other"),
        node(load, ["model", "done"], "final", name="load"),
    ]),
}"""


@pytest.fixture
def versioned(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes=VERSIONED,
        pipelines=VERSIONED_PIPELINE,
        catalog=json_dataset("raw", "done", "final") + json_dataset("model", versioned=True),
        dagster="""
            executors: {two: {multiprocess: {max_concurrent: 2}}}
            jobs: {__default__: {}, parallel: {executor: two}}
        """,
    )
    project.write("data/raw.json", "1")
    return project


@pytest.mark.parametrize("job", ["__default__", "parallel"])
def test_a_version_saved_in_this_run_is_the_one_it_loads(
    versioned: KedroProject, instance: dg.DagsterInstance, job: str
) -> None:
    assert execute(versioned, instance, job).success
    assert versioned.read("final.json") == [1, 1]


def test_every_run_of_a_long_lived_process_saves_a_version_of_its_own(
    versioned: KedroProject, instance: dg.DagsterInstance
) -> None:
    versioned.write("data/done.json", "0")
    for raw in (1, 2):
        versioned.write("data/raw.json", str(raw))
        versioned.forget()
        assert execute(versioned, instance, assets=["model", "final"]).success
        assert versioned.read("final.json") == [raw, 0]
        [run_id] = {call["run_id"] for call in versioned.calls("before_pipeline_run")}
        assert (versioned.path / "data/model.json" / run_id / "model.json").read_text() == str(raw)


def test_a_version_of_an_earlier_run_is_loaded_as_the_latest(
    versioned: KedroProject, instance: dg.DagsterInstance
) -> None:
    versioned.write("data/model.json/2020-01-01T00.00.00.000Z/model.json", '"older"')
    versioned.write("data/model.json/2021-01-01T00.00.00.000Z/model.json", '"latest"')
    versioned.write("data/done.json", "0")
    assert execute(versioned, instance, assets=["final"]).success
    assert versioned.read("final.json") == ["latest", 0]


def test_a_parameter_with_a_model_reaches_the_node_as_that_model(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from dataclasses import dataclass

            @dataclass
            class Options:
                depth: int
                name: str = "tree"

            def fit(options: Options):
                return [type(options).__name__, options.depth, options.name]
        """,
        pipelines='{"__default__": pipeline([node(fit, "params:options", "final", name="fit")])}',
        catalog=json_dataset("final"),
        parameters="options: {depth: 3}\n",
    )
    kedro_run(project)
    assert project.read("final.json") == ["Options", 3, "tree"]
    (project.path / "data/final.json").unlink()
    assert execute(project, instance).success
    assert project.read("final.json") == ["Options", 3, "tree"]
    config = {"ops": {"fit": {"config": {"parameters": {"params:options": {"depth": 9}}}}}}
    assert execute(project, instance, config=config).success
    assert project.read("final.json") == ["Options", 9, "tree"]


def test_data_is_let_go_once_no_later_node_reads_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            import gc
            import weakref

            ALIVE = weakref.WeakSet()

            class Big:
                def __init__(self):
                    ALIVE.add(self)

            def make():
                return Big()

            def use(big):
                return len(ALIVE)

            def later(used):
                gc.collect()
                return [used, len(ALIVE)]
        """,
        pipelines="""{"__default__": pipeline([
            node(make, None, "big", name="make"), node(use, "big", "used", name="use"), node(later, "used", "final", name="later"),
        ])}""",
        catalog="big: {type: MemoryDataset, copy_mode: assign}\n" + json_dataset("final"),
    )
    assert execute(project, instance).success
    assert project.read("final.json") == [1, 0]


def test_execute_in_process_runs_the_nodes_with_their_hooks(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = streaming(tmp_path)
    assert load_definitions(project).resolve_job_def("__default__").execute_in_process(instance=instance).success
    assert project.read("added.json") == [11, 12, 13]
    assert sorted(project.nodes_run()) == ["add", "chunks", "count"]
    assert len(project.calls("after_context_created")) == 1


VALIDATORS = """
    class Refuses:
        def validate(self, data):
            raise ValueError("too large")

    class Rounds:
        def validate(self, data):
            return round(data)
"""


def test_data_that_a_validator_of_the_catalog_refuses_is_not_saved(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines='{"__default__": pipeline([node(add, "raw", "final", name="add")])}',
    )
    project.write(f"src/{project.package}/validators.py", VALIDATORS)
    catalog = json_dataset("raw", "final") + f"  validator: {project.package}.validators.Refuses\n"
    project.write("conf/base/catalog.yml", catalog)
    project.write("data/raw.json", "1")
    result = execute(project, instance)
    assert not result.success
    assert materialized(result) == []
    assert "too large" in project.calls("on_pipeline_error")[0]["message"]


@pytest.mark.parametrize("cluster_by", ["memory", "node"])
def test_in_memory_data_that_a_validator_changes_on_save_is_handed_on_changed(
    tmp_path: Path, instance: dg.DagsterInstance, cluster_by: str
) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value):\n    return value + 0.25\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "memory", name="one"), node(add, "memory", "final", name="two")])}""",
        dagster=f"assets: {{cluster_by: {cluster_by}}}",
    )
    project.write(f"src/{project.package}/validators.py", VALIDATORS)
    validator = f"{{class: {project.package}.validators.Rounds, 'on': save}}"
    catalog = json_dataset("raw", "final") + f"memory: {{type: MemoryDataset, validator: {validator}}}\n"
    project.write("conf/base/catalog.yml", catalog)
    project.write("data/raw.json", "1")
    assert execute(project, instance).success
    assert project.read("final.json") == 1.25
