"""Dagster's daemon on projects of the tests for minutes: what is counted, and what is killed (`nox -s soak`)."""
