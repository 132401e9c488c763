"""The files of a section: which ones Kedro reads, where something stands in them, and what makes one no configuration."""

import pytest
from kedro.config import OmegaConfigLoader

from kedro_assets.errors import ProjectError, Scope, suggest
from kedro_assets.project.config_files import ConfigReader, SectionFiles, SourceLines, config_folders, read_section


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
        ("jobs: {}\nassets: {}\njobs: {}\n", 3, "the key 'jobs' is there twice."),
        ("jobs:\n  a: {}\n  b: {}\n  a: {}\n", 4, "the key 'a' is there twice."),
        (b"# first\n# gr\xfc\xdfe\njobs: {}\n", 2, "the file is not UTF-8 (byte 0xfc)."),
        ("jobs: {}\n---\nassets: {}\n", 2, "this is no YAML: expected a single document"),
        ("- a\n- b\n", 1, "expected a mapping of keys, found a list."),
        ("jobs: {}\n1: {}\n", 2, "the key 1 is not a string: put it in quotes."),
        ("jobs:\n  a: {b: [}\n", 2, "this is no YAML: "),
        ("jobs:\n\ta: {}\n", 2, "this is no YAML: "),
    ],
    ids=["key", "key inside", "bytes", "documents", "list", "number", "bracket", "tab"],
)
def test_a_file_that_is_no_configuration_is_shown_with_its_line(content, line, words, conf, tmp_path):
    loader = conf({"base/dagster.yml": content})
    with pytest.raises(ProjectError) as caught:
        read_section(loader, "dagster", tmp_path, "Advice that cannot help.")
    assert f"conf/base/dagster.yml:{line}: {words}" in str(caught.value)
    assert "Advice" not in str(caught.value)


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


def test_the_nearest_of_many_names_is_found():
    names = [f"job_{i}" for i in range(1000)]
    assert "Did you mean 'nightly'?" in suggest("nigthly", [*names, "nightly"])
    assert "Did you mean 'job_777'?" in suggest("job_7777", names)
