"""`kedro assets`: the command line, parsing and printing only."""

from kedro_assets.cli.group import commands

__all__ = ["commands"]
