"""Moving a project from kedro-dagster: its configuration as kedro-assets reads it, and what is left to its author."""

from kedro_assets.convert.conversion import Change, Conversion, convert_project

__all__ = ["Change", "Conversion", "convert_project"]
