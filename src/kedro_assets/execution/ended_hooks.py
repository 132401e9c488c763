"""Whether the hook that ends a pipeline has fired, so that no other process fires it, or its counterpart, once more."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_instance
from kedro_assets.runtime import RunTags

logger = logging.getLogger(__name__)

FIRED = "fired"
"""The value of the tag when the hook has fired."""

_WAITS = (0.0, 1.0, 2.0)  # seconds before each try to write the tag
_UNKNOWN = (
    "Neither the tag '%s' of run '%s' nor the file %s can be written (%s). A pipeline hook has fired that ends the run, and no "
    "other process can know it: if Dagster records the run as failed, the sensor fires `on_pipeline_error` once more."
)


@frozen
class EndedHooks:
    """The record of one run that the hook has fired which ends its pipeline.

    It is a tag of the run. Where Dagster's storage cannot be written, it is a file in the folder in which the instance stores
    what assets make, until the sensor has found it.

    Attributes:
        tags: The names of the tags of the project in the run.
        run_id: Dagster's id of the run.
        instance: Where the run is recorded.
    """

    tags: RunTags
    run_id: str
    instance: dg.DagsterInstance

    def record(self) -> None:
        """Write down that the hook has fired, as far as that is possible: a run does not fail because it is not."""
        found: Exception | None = None
        for seconds in _WAITS:
            time.sleep(seconds)
            try:
                dagster_instance.add_run_tags(self.instance, self.run_id, {self.tags.ended: FIRED})
            except Exception as error:  # noqa: BLE001 - whatever a storage raises
                found = error
            else:
                return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()
        except OSError:
            logger.warning(_UNKNOWN, self.tags.ended, self.run_id, self._file, found)

    def is_in_file(self) -> bool:
        """Whether the record is a file, as the tag could not be written."""
        return self._file.exists()

    def move_to_tag(self) -> None:
        """Write the tag in place of the file."""
        dagster_instance.add_run_tags(self.instance, self.run_id, {self.tags.ended: FIRED})
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        folder = dagster_instance.storage_folder(self.instance) / "kedro_assets" / "pipeline_hooks"
        return folder / f"{self.tags.resource_key}-{self.run_id}"
