"""What is said of jobs and conditions that would start themselves, and where nothing is said."""

import pytest

from unit.cli.automated import ON_CRON, PAIR, file

TWO = "jobs: {one: {pipeline: {node_names: [a]}, sensor: {asset: %s}}, two: {pipeline: {node_names: [c]}, sensor: {asset: %s}}}"


def test_jobs_that_start_each_other_are_named_once(notes_of):
    [note] = notes_of(dagster=TWO % ("z", "x"))
    assert note.startswith(
        "Job 'one' would start itself again and again: it starts job 'two', which starts job 'one'. Let a sensor look at"
    )


@pytest.mark.parametrize("assets", [("y", "x"), ("x", "z"), ("x", "x"), ("y", "y")])
def test_jobs_that_do_not_start_each_other_in_a_circle_are_not_named(notes_of, assets):
    assert notes_of(dagster=TWO % assets) == []


OF_Y = "jobs: {j: {pipeline: {node_names: [a]}, sensor: {asset: %s}}}"


def test_a_condition_can_close_the_circle(notes_of):
    [note] = notes_of(dagster=OF_Y % "y", y="eager")
    assert "it starts the automation condition of 'y', which starts job 'j'." in note
    [note] = notes_of(dagster=OF_Y % "z", y="eager", z="{any_of: [on_missing, eager]}")
    assert "of 'y', which starts the automation condition of 'z', which starts job 'j'." in note


@pytest.mark.parametrize(
    "condition",
    [
        "{eager: null, ignore: 'key:\"x\"'}",
        ON_CRON,
        "{all_of: [eager, code_version_changed]}",
        "{all_of: [eager, {not: {any_deps_match: {executed_with_tags: {tag_keys: [own]}}}}]}",
    ],
)
def test_a_condition_that_does_not_follow_the_job_closes_none(notes_of, condition):
    assert [note for note in notes_of(dagster=OF_Y % "y", y=condition) if "again" in note] == []


def test_a_condition_on_what_the_job_makes_itself_closes_none(notes_of):
    dagster = "jobs: {j: {pipeline: {node_names: [a, b]}, sensor: {asset: y}}}"
    assert notes_of(dagster=dagster, y="eager") == []


def test_a_job_that_writes_the_files_that_its_sensor_looks_at_is_named(notes_of):
    dagster = "jobs: {j: {sensor: {dataset: raw}}, k: {pipeline: {node_names: [b]}, sensor: {dataset: raw}}}"
    assert notes_of(dagster=dagster) == []
    [note] = notes_of(dagster=dagster, catalog=file("x", place="./raw.json"))
    assert note.startswith(
        "Job 'j' would start itself again and again: its sensor looks at the files of 'raw', and the job"
    )
    assert "writes 'x' to the same place" in note


@pytest.mark.newer_jobs
def test_conditions_of_jobs_can_start_each_other(notes_of):
    pipelines = """
        return {'__default__': Pipeline([
            n('a', ['raw'], ['x']), n('b', ['x'], ['y']), n('c', ['raw'], ['z']), n('d', ['z'], ['w'])])}
    """
    job = "{pipeline: {node_names: %s}, automation_condition: {any_job_root_assets_match: eager}}"
    circle = f"jobs: {{one: {job % '[a, d]'}, two: {job % '[c, b]'}}}"
    [note] = notes_of(pipelines, circle, catalog=file("w"))
    assert note.startswith("Job 'one' would start itself again and again: it starts job 'two', which starts job 'one'.")
    assert notes_of(pipelines, f"jobs: {{one: {job % '[a, c]'}, two: {job % '[d, b]'}}}", catalog=file("w")) == []


@pytest.mark.newer_jobs
def test_conditions_of_jobs_can_start_each_other_through_memory(notes_of):
    pipelines = """
        return {'__default__': Pipeline([
            n('a', ['raw'], ['x']), n('e', ['x'], ['q']), n('f', ['q'], ['v']),
            n('c', ['raw'], ['z']), n('d', ['z'], ['p']), n('g', ['p'], ['w']),
            n('h', ['x'], ['r']), n('b', ['r'], ['y'])])}
    """
    job = "{pipeline: {node_names: %s}, automation_condition: {any_job_root_assets_match: eager}}"
    files = file("w") + file("v")
    circle = f"jobs: {{one: {job % '[a, e, f, g]'}, two: {job % '[c, b]'}}}"
    [note] = notes_of(pipelines, circle, catalog=files)
    assert note.startswith("Job 'one' would start itself again and again: it starts job 'two', which starts job 'one'.")
    assert notes_of(pipelines, f"jobs: {{one: {job % '[a, e, f]'}, two: {job % '[c, b]'}}}", catalog=files) == []


PAIRED = [file(name) for name in ("made", "found")]


@pytest.mark.parametrize("dagster", ["", "assets: {memory_assets: false}"], ids=["shown", "hidden"])
def test_conditions_that_store_what_the_others_follow_are_named_once(notes_of, dagster):
    entries = [*PAIRED, file("one", "eager"), file("two", "eager")]
    [note] = notes_of(PAIR, dagster, catalog="".join(entries))
    assert note.startswith(
        "The automation condition of 'one' would start itself again and again: it starts the automation condition of 'two', "
        "which starts the automation condition of 'one'. The run of each stores anew what another is made from."
    )


@pytest.mark.parametrize(
    "entries",
    [
        [file("one", "eager"), file("two")],
        [file("one", "eager"), file("two", ON_CRON)],
        [file("one", "eager"), file("two", "{eager: null, ignore: 'key:\"made\"'}")],
        [file("one", "eager"), file("two", "eager"), file("left")],
    ],
    ids=["one", "cron", "ignore", "stored"],
)
def test_conditions_of_which_one_does_not_follow_the_other_are_not_named(notes_of, entries):
    assert [note for note in notes_of(PAIR, catalog="".join([*PAIRED, *entries])) if "again" in note] == []
