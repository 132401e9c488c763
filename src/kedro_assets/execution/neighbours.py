"""Assets of the same keys that another project, or another code location, makes in the same instance of Dagster.

What the one makes hides what the other has made. No code location knows the assets of others; the records of runs do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import dagster as dg

from kedro_assets._internals import dagster_instance
from kedro_assets.names import counted
from kedro_assets.runtime import packages_of

LOCATION_TAG = "dagster/code_location"
"""Which Dagster gives to the runs that its services start."""

_MOST_RUNS = 100  # that are read, as each is a large record; assets that others make too are seldom alone


def notes_on_neighbours(
    package: str,
    keys: Collection[dg.AssetKey],
    instance: dg.DagsterInstance,
    location: str | None = None,
) -> Iterator[str]:
    """Yield a sentence for each project or code location that was the last to make assets of a project.

    Projects are told apart by the names of their packages, and others by their code locations.

    Args:
        package: The name of the project's package.
        keys: Those of its assets that are looked at.
        instance: Where runs are recorded.
        location: The project's code location, as far as it is known.
    """
    made = {
        key: dagster_instance.run_of_record(summary.materialization)
        for key, summary in dagster_instance.asset_summaries(instance, keys).items()
        if summary.materialization is not None
    }
    run_ids = [run_id for run_id in dict.fromkeys(made.values()) if run_id][:_MOST_RUNS]
    records = instance.get_run_records(dg.RunsFilter(run_ids=run_ids)) if run_ids else ()
    tags_of = {record.dagster_run.run_id: record.dagster_run.tags for record in records}
    found: dict[str, list[str]] = {}
    for key, run_id in made.items():
        tags = tags_of.get(run_id, {})
        packages, other_location = packages_of(tags), tags.get(LOCATION_TAG)
        if packages and package not in packages:
            found.setdefault(f"the project '{min(packages)}'", []).append(key.to_user_string())
        elif not packages and location and other_location not in (None, location):
            found.setdefault(f"the code location '{other_location}'", []).append(key.to_user_string())
    for other, shared in found.items():
        one = len(shared) == 1
        yield (
            f"{counted(len(shared), 'asset')} of this project, {'' if one else 'such as '}'{min(shared)}', "
            f"{'was' if one else 'were'} last made by {other}, so that each hides what the other has made. "
            "Give one of the two an `assets.key_prefix` in dagster.yml."
        )
