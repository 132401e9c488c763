"""Names that Kedro, Dagster and kedro-datasets do not publish, by subject, each with the reason and the risk.

`tests/unit/internals` has a test for each that fails when it changes. Others import the modules of this room, not the room.
"""
