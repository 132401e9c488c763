"""`kedro assets`: the command line, parsing and printing only."""

from kedro_assets.cli.group import commands, main

__all__ = ["commands", "main"]
