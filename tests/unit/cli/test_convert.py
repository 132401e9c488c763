"""What `kedro assets convert` says."""

from kedro_assets.cli.convert import convert_lines


def test_a_project_of_kedro_assets_has_nothing_to_convert(write_project):
    root = write_project(conf={"dagster.yml": "jobs: {a: {}}"})
    assert list(convert_lines(root, write=True))[-1] == "Nothing to convert in dagster.yml and the catalogs."


def test_a_diff_is_followed_by_what_is_left_and_nothing_is_written(write_project):
    text = "schedules:\n  x:\n    cron_schedule: '@daily'\n    metadata: {a: 1}\n"
    root = write_project(conf={"dagster.yml": text})
    lines = list(convert_lines(root, write=False))
    assert lines[0] == "--- a/conf/base/dagster.yml"
    assert "To do by hand (1):" in lines
    assert lines[-1] == "Nothing is written: with --write, 1 file would be."
    assert (root / "conf/base/dagster.yml").read_text(encoding="utf-8") == text


def test_with_write_the_files_are_written_and_the_second_time_changes_nothing(write_project):
    root = write_project(conf={"dagster.yml": "executors: {a: {multiprocess: }}\n"})
    lines = list(convert_lines(root, write=True))
    assert "written  conf/base/dagster.yml" in lines
    assert (root / "conf/base/dagster.yml").read_text(
        encoding="utf-8"
    ) == "executors: {a: {multiprocess: {max_concurrent: 1}}}\n"
    assert list(convert_lines(root, write=True)) == ["Nothing to convert in dagster.yml and the catalogs."]
