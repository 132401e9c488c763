"""Names that Kedro, its plugins and Dagster do not publish, by subject, each with the reason and the risk.

Of Dagster, what it marks as public, what its exported classes take as arguments, and what its guides show is published; the
rest is used here only. Of Kedro and kedro-datasets, it is the names with an underscore in front; of kedro-mlflow, what its hook keeps.

`tests/unit/internals` has a test for each that fails when it changes, and one that fails when such a name is used elsewhere.
Others import the modules of this room, not the room.
"""
