"""The project's configuration as Kedro has it, and the lines of its files."""

import textwrap
from pathlib import Path

import pytest
from kedro.config import AbstractConfigLoader, MissingConfigException, OmegaConfigLoader

from kedro_assets.errors import ProjectError, Scope
from kedro_assets.project.config_files import (
    ConfigReader,
    SectionFiles,
    SourceLines,
    check_environments,
    config_folders,
    config_loader,
    leaves,
    loader_of_context,
    read_section,
    source_lines,
)
from kedro_assets.project.location import locate_project

ROOT = Path("/project")

# Lines.


@pytest.fixture
def locate(tmp_path):
    """Write configuration files, and return the function that locates paths in them."""

    def make(files, env="local", root=tmp_path):
        for name in ("base/.keep", f"{env}/.keep", *files):
            path = tmp_path / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files.get(name, ""), encoding="utf-8")
        loader = OmegaConfigLoader(str(tmp_path / "conf"), env=env, base_env="base", default_run_env="local")
        loader.config_patterns["dagster"] = ["dagster*", "dagster*/**", "**/dagster*"]
        return SourceLines(loader, root).locate

    return make


JOBS = "jobs:\n  a:\n    schedule:\n      - nightly\n      - weekly\n  b: {executor: quick}\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("jobs",), 1),
        (("jobs", "a", "schedule"), 3),
        (("jobs", "a", "schedule", 1), 5),
        (("jobs", "b", "executor"), 6),
        (("jobs", "a", "missing", "deeper"), 2),
        (("jobs", "a", "schedule", 7), 3),
        (("jobs", "a", "schedule", "nightly"), 3),
        (("jobs", "b", "executor", "quick"), 6),
    ],
    ids=["section", "key", "item", "flow", "missing", "no such item", "no mapping", "inside a text"],
)
def test_a_path_is_found_at_its_line_or_at_what_is_around_it(locate, path, line):
    assert locate({"base/dagster.yml": JOBS})(path) == f"conf/base/dagster.yml:{line}"


def test_a_path_that_no_file_has_has_no_line(locate):
    assert locate({"base/dagster.yml": JOBS})(("assets", "pipelines")) == ""


def test_a_value_that_the_environment_overrides_is_found_there(locate):
    find = locate({"base/dagster.yml": JOBS, "prod/dagster.yml": "# prod\njobs:\n  b: {executor: slow}\n"}, env="prod")
    assert find(("jobs", "b", "executor")) == "conf/prod/dagster.yml:3"
    assert find(("jobs", "a", "schedule")) == "conf/base/dagster.yml:3"


@pytest.mark.parametrize(
    "name",
    ["dagster.yaml", "dagster_jobs.yml", "deep/dagster.yml", "dagster/jobs.yml"],
    ids=["yaml", "suffix", "folder", "inside"],
)
def test_every_file_that_kedro_reads_as_dagster_yml_has_lines(locate, name):
    assert locate({f"base/{name}": JOBS})(("jobs", "b")) == f"conf/base/{name}:6"


def test_a_file_that_is_no_yaml_does_not_hide_the_others(locate):
    find = locate({"base/dagster_a.yml": "[", "base/dagster_b.yml": JOBS})
    assert find(("jobs", "b")) == "conf/base/dagster_b.yml:6"


def test_a_file_outside_of_the_project_is_shown_in_full(locate, tmp_path):
    find = locate({"base/dagster.yml": JOBS}, root=Path("/elsewhere"))
    assert find(("jobs",)) == f"{tmp_path}/conf/base/dagster.yml:1"


def test_a_path_in_the_catalog_is_looked_for_in_its_files_only(locate):
    files = {
        "base/catalog.yml": "x:\n  type: a\njobs: {}\n",
        "base/catalog/deep.yml": "y:\n  metadata:\n    dagster: {}\n",
    }
    find = locate({**files, "base/dagster.yml": JOBS})
    assert find(("catalog", "x", "type")) == "conf/base/catalog.yml:2"
    assert find(("catalog", "y", "metadata", "dagster", "tags")) == "conf/base/catalog/deep.yml:3"
    assert find(("catalog", "nowhere")) == ""
    assert find(("jobs", "b")) == "conf/base/dagster.yml:6"


@pytest.mark.parametrize(
    ("dataset", "line"),
    [("shop.plot", 2), ("shop.own", 5), ("other", 8), ("a@b", 8)],
    ids=["fits", "own", "any", "any"],
)
def test_a_dataset_of_a_factory_is_found_there(locate, dataset, line):
    catalog = "shop.{name}:\n  type: a\n\nshop.own:\n  type: b\n\n'{any}':\n  type: c\n"
    assert locate({"base/catalog.yml": catalog})(("catalog", dataset, "type")) == f"conf/base/catalog.yml:{line}"


@pytest.mark.parametrize("catalog", ["'{a}': {}\n'{b}': {}\n", "'{a:none}': {}\n", "a: {}\n", ""])
def test_a_dataset_of_no_factory_has_no_line(locate, catalog):
    assert locate({"base/catalog.yml": catalog})(("catalog", "x", "type")) == ""


def test_of_a_key_that_stands_twice_the_last_is_found(locate):
    assert locate({"base/dagster.yml": "jobs: {}\njobs:\n  a: {}\n"})(("jobs", "a")) == "conf/base/dagster.yml:3"


def test_a_number_as_a_key_is_found(locate):
    assert locate({"base/dagster.yml": "jobs:\n  1: {}\n"})(("jobs", 1)) == "conf/base/dagster.yml:2"


def test_each_file_is_parsed_once_whatever_is_asked_for(locate, tmp_path):
    find = locate({"base/dagster.yml": JOBS})
    assert find(("jobs",))
    (tmp_path / "conf/base/dagster.yml").unlink()
    assert find(("jobs", "b")) == "conf/base/dagster.yml:6"


# The config loader.


def test_the_loader_is_that_of_the_settings_with_the_files_of_dagster_yml(write_project):
    root = write_project(
        settings="CONFIG_LOADER_ARGS = {'base_env': 'common', 'default_run_env': 'mine', 'custom_resolvers': {'up': str.upper}}",
        conf={
            "common/parameters.yml": "a: '${up:x}'\nb: 1\nd: '${runtime_params:day, 0}'",
            "mine/parameters.yml": "b: 2",
            "common/dagster_jobs.yml": "jobs: {j: {}}",
        },
    )
    location = locate_project(root)
    location.open()
    loader = config_loader(location, {"day": 3})
    assert {name: loader["parameters"][name] for name in "abd"} == {"a": "X", "b": 2, "d": 3}
    assert loader["dagster"] == {"jobs": {"j": {}}}
    assert source_lines(location).locate(("jobs", "j")) == "conf/common/dagster_jobs.yml:1"


def test_a_pattern_of_the_project_for_dagster_yml_stays(write_project):
    root = write_project(
        settings="CONFIG_LOADER_ARGS = {'base_env': 'base', 'config_patterns': {'dagster': ['orchestration*']}}",
        conf={"orchestration.yml": "jobs: {j: {}}", "dagster.yml": "jobs: {lost: {}}"},
    )
    location = locate_project(root)
    location.open()
    assert config_loader(location)["dagster"] == {"jobs": {"j": {}}}


def test_the_loader_of_the_context_has_seen_its_hooks(write_project):
    hooks = """
        from kedro.framework.hooks import hook_impl

        class Told:
            @hook_impl
            def after_context_created(self, context):
                context.config_loader["told"] = {"by": "hook"}

        HOOKS = (Told(),)
    """
    location = locate_project(
        write_project(settings=textwrap.dedent(hooks), conf={"parameters.yml": "d: '${runtime_params:day}'"})
    )
    location.open()
    loader = loader_of_context(location, {"day": 3})
    assert (loader["told"], loader["parameters"]["d"]) == ({"by": "hook"}, 3)


def loader_of(tmp_path, *folders, env=None):
    for name in folders:
        (tmp_path / name).mkdir()
    return OmegaConfigLoader(str(tmp_path), env=env, base_env="base", default_run_env="local")


def test_an_environment_without_a_folder_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ProjectError, match=r"environment 'prd' has no folder in \S+ Did you mean 'prod'\?"):
        check_environments(loader_of(tmp_path, "base", "prod", env="prd"))


@pytest.mark.parametrize(
    ("folders", "env"), [(["base", "local"], None), (["base", "prod"], "prod")], ids=["default", "given"]
)
def test_an_environment_with_a_folder_is_fine(tmp_path, folders, env):
    check_environments(loader_of(tmp_path, *folders, env=env))


def test_an_environment_of_an_archive_is_not_looked_for(tmp_path):
    loader = loader_of(tmp_path, env="nowhere")
    loader.conf_source = "s3://bucket/conf.tar.gz"
    check_environments(loader)


# Reading it.


class Loader(AbstractConfigLoader):
    """Has what it is given; an error is raised where it is read."""

    def __init__(self, **sections):
        super().__init__("conf")
        self.update(sections)

    def __getitem__(self, name):
        found = super().__getitem__(name)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize("loader", [Loader(), Loader(catalog=MissingConfigException("no files"))], ids=["key", "files"])
def test_a_section_that_is_nowhere_is_empty(loader):
    assert read_section(loader, "catalog", ROOT) == {}


def test_a_section_that_cannot_be_read_is_an_error_with_what_to_do():
    with pytest.raises(ProjectError) as caught:
        read_section(Loader(catalog=ValueError("no resolver")), "catalog", ROOT, "Do this.")
    assert str(caught.value) == "The project's catalog configuration cannot be read: no resolver\nDo this."
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ProjectError, match=r"no resolver$"):
        read_section(Loader(catalog=ValueError("no resolver")), "catalog", ROOT)


def asks_for(*names):
    """Make loaders that ask for runtime parameters, one after the other, as Kedro's does."""

    def open_loader(given):
        for name in names:
            found = given
            for key in name.split("."):
                found = found.get(key) if isinstance(found, dict) else None
            if found is None:
                return Loader(
                    catalog=ValueError(f"Runtime parameter '{name}' not found and no default value provided.")
                )
        return Loader(catalog={"given": given})

    return open_loader


def test_each_runtime_parameter_that_is_missing_is_given_as_its_name():
    asked = {}
    found = ConfigReader(asks_for("day", "model.depth", "model.rate"), ROOT).read("catalog", asked)
    assert found == {"given": {"day": "<day>", "model": {"depth": "<model.depth>", "rate": "<model.rate>"}}}
    assert asked == found["given"]


def test_what_is_given_from_the_start_is_not_asked_for_and_stays_as_it_was():
    asked, places = {}, {"model": {"depth": 3}}
    found = ConfigReader(asks_for("model.depth", "model.rate"), ROOT).read("catalog", asked, places)
    assert found == {"given": {"model": {"depth": 3, "rate": "<model.rate>"}}}
    assert asked == {"model": {"rate": "<model.rate>"}}
    assert places == {"model": {"depth": 3}}


@pytest.mark.parametrize("names", [("day", "day.start"), ("day.start", "day")], ids=["inside", "around"])
def test_a_parameter_that_would_have_to_be_both_text_and_a_mapping_is_an_error(names):
    def open_loader(given):
        missing = names[1] if given else names[0]
        return Loader(catalog=ValueError(f"Runtime parameter '{missing}' not found"))

    with pytest.raises(ProjectError, match=f"Runtime parameter '{names[1]}' not found"):
        ConfigReader(open_loader, ROOT).read("catalog", {})


def test_another_error_is_raised_as_it_is():
    with pytest.raises(ProjectError, match="no resolver"):
        ConfigReader(lambda _: Loader(catalog=ValueError("no resolver")), ROOT).read("catalog", {})


def test_the_leaves_of_nested_parameters_are_texts():
    assert list(leaves({"a": "<a>", "b": {"c": 1, "d": {"e": None}}, "f": {}})) == ["<a>", "1", "None"]


# The files of a section: which ones Kedro reads, and what makes one no configuration.


@pytest.fixture
def conf(tmp_path):
    """Write configuration files, and open a loader on them."""

    def make(files, **options):
        for name in ("base/.keep", "local/.keep", *files):
            path = tmp_path / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = files.get(name, "")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        options = {"base_env": "base", "default_run_env": "local", **options}
        loader = OmegaConfigLoader(str(tmp_path / "conf"), **options)
        loader.config_patterns["dagster"] = ["dagster*", "dagster*/**", "**/dagster*"]
        return loader

    return make


@pytest.mark.parametrize(
    "name",
    [
        "base/.ipynb_checkpoints/dagster-checkpoint.yml",
        "base/.dagster.yml",
        "base/dagster.yml.bak",
        "base/dagster.yml~",
    ],
)
def test_a_file_that_kedro_skips_is_neither_parsed_nor_named(name, conf, tmp_path):
    loader = conf({"base/dagster.yml": "jobs: {}\n", name: b"# gr\xfc\xdfe\njobs:\n  a: {}\n"})
    assert SourceLines(loader, tmp_path).locate(("jobs", "a")) == "conf/base/dagster.yml:1"


def test_a_hidden_file_is_named_where_the_loader_reads_it(conf, tmp_path):
    loader = conf({"base/.hidden/dagster.yml": "jobs: {}\n"}, ignore_hidden=False)
    assert SourceLines(loader, tmp_path).locate(("jobs",)) == "conf/base/.hidden/dagster.yml:1"


def test_a_json_file_has_lines(conf, tmp_path):
    loader = conf({"base/dagster.json": '{\n  "jobs": {}\n}\n'})
    assert SourceLines(loader, tmp_path).locate(("jobs",)) == "conf/base/dagster.json:2"


def test_without_a_base_environment_all_of_the_folder_is_read(conf, tmp_path):
    loader = conf({"anywhere/deep/dagster.yml": "jobs: {}\n"}, base_env=None, default_run_env=None)
    assert config_folders(loader) == [tmp_path / "conf"]
    assert SourceLines(loader, tmp_path).locate(("jobs",)) == "conf/anywhere/deep/dagster.yml:1"


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("jobs: {}\nassets: {}\njobs: {}\n", 3, "the key 'jobs' appears twice."),
        ("jobs:\n  a: {}\n  b: {}\n  a: {}\n", 4, "the key 'a' appears twice."),
        (b"# first\n# gr\xfc\xdfe\njobs: {}\n", 2, "the file is not UTF-8 (byte 0xfc)."),
        ("jobs: {}\n---\nassets: {}\n", 2, "this is not valid YAML: expected a single document"),
        ("- a\n- b\n", 1, "expected a mapping of keys, found a list."),
        ("jobs: {}\n1: {}\n", 2, "the key 1 is not a string: put it in quotes."),
        ("jobs:\n  a: {b: [}\n", 2, "this is not valid YAML: "),
        ("jobs:\n\ta: {}\n", 2, "this is not valid YAML: "),
    ],
    ids=["key", "key inside", "bytes", "documents", "list", "number", "bracket", "tab"],
)
def test_a_file_that_is_no_configuration_is_shown_with_its_line(content, line, words, conf, tmp_path):
    loader = conf({"base/dagster.yml": content})
    with pytest.raises(ProjectError) as caught:
        read_section(loader, "dagster", tmp_path, "Advice that cannot help.")
    assert f"conf/base/dagster.yml:{line}: {words}" in str(caught.value)
    assert "Advice" not in str(caught.value)


def test_a_key_in_two_files_is_shown_with_both_lines_and_nothing_that_a_hook_provides(conf, tmp_path):
    loader = conf({"base/dagster.yml": "jobs: {}\n", "base/dagster_more.yml": "assets: {}\njobs: {}\n"})
    with pytest.raises(ProjectError) as caught:
        read_section(loader, "dagster", tmp_path, "load_with_hooks: true")
    assert str(caught.value).splitlines() == [
        "The project's dagster configuration cannot be read:",
        "  conf/base/dagster_more.yml:2: the key 'jobs' is in conf/base/dagster.yml:1 too.",
    ]


def test_a_value_that_cannot_be_resolved_is_shown_with_its_line_and_what_to_do(conf, tmp_path):
    loader = conf({"base/dagster.yml": 'jobs:\n  a:\n    description: "${late:}"\n'})
    with pytest.raises(ProjectError, match=r"conf/base/dagster.yml:3  .*late") as caught:
        read_section(loader, "dagster", tmp_path, "Load with hooks.")
    assert str(caught.value).endswith("\nLoad with hooks.")


def test_a_key_that_is_not_there_is_nothing_that_a_hook_provides(conf, tmp_path):
    loader = conf({"base/dagster.yml": 'a: "${b}"\n'})
    with pytest.raises(ProjectError, match=r"conf/base/dagster.yml:1  ") as caught:
        read_section(loader, "dagster", tmp_path, "Load with hooks.")
    assert "hooks" not in str(caught.value)


def test_runtime_parameters_are_found_in_two_readings_however_many_they_are(conf, tmp_path):
    catalog = "".join(
        f"d{i}: {{type: json.JSONDataset, filepath: '${{runtime_params:p.q{i}}}.json'}}\n" for i in range(9)
    )
    catalog += "# ${runtime_params:no_value}\nwith_default: {type: x, filepath: '${runtime_params:given,a}'}\n"
    conf({"base/catalog.yml": catalog})
    opened, asked = [], {}

    def open_loader(params):
        opened.append(dict(params))
        return conf({}, runtime_params=dict(params))

    found = ConfigReader(open_loader, tmp_path).read("catalog", asked)
    assert asked == {"p": {f"q{i}": f"<p.q{i}>" for i in range(9)}}
    assert found["d8"]["filepath"] == "<p.q8>.json"
    assert found["with_default"]["filepath"] == "a"
    assert len(opened) == 2


def test_a_runtime_parameter_whose_name_is_composed_is_found_too(conf, tmp_path):
    conf({"base/catalog.yml": "_which: b\nd: {type: x, filepath: '${runtime_params:a}/${runtime_params:${_which}}'}\n"})
    asked = {}
    reader = ConfigReader(lambda params: conf({}, runtime_params=dict(params)), tmp_path)
    assert reader.read("catalog", asked)["d"]["filepath"] == "<a>/<b>"
    assert asked == {"a": "<a>", "b": "<b>"}


def test_files_are_read_once_for_all_problems(conf, tmp_path, monkeypatch):
    loader = conf({"base/dagster.yml": "jobs:\n" + "".join(f"  j{i}: {{}}\n" for i in range(50))})
    read = []
    parsed = SectionFiles._parsed
    monkeypatch.setattr(SectionFiles, "_parsed", lambda self, file: (read.append(file), parsed(self, file))[1])
    problems = Scope()
    problems.locate_with(SourceLines(loader, tmp_path).locate)
    for i in range(50):
        problems.at("jobs", f"j{i}").add("wrong.")
    assert [problem.source for problem in problems] == [f"conf/base/dagster.yml:{i + 2}" for i in range(50)]
    assert len(read) == 1
