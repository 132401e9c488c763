"""Previews for the catalog's `metadata.kedro-viz.preview`, made from the object in hand or from a small image file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from kedro_assets.metadata.tables import Table

ROWS = 5
"""As many rows as Kedro-Viz shows by default."""

_MOST_ROWS = 100
_MOST_COLUMNS = 30
_LONGEST_CELL = 100
LONGEST_TEXT = 2_000
MOST_CHARACTERS = 64_000  # that are looked through
LARGEST_IMAGE = 256_000  # bytes; it is written to the event log twice, a third larger
_IMAGES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp"}

NO_PREVIEW = dg.MetadataValue.text("No preview: the data is not a table, text, JSON or an image file.")

Preview = dg.MarkdownMetadataValue | dg.JsonMetadataValue | dg.TextMetadataValue


def preview_rows(viz: Mapping[str, Any]) -> int | None:
    """Read `preview` and `preview_args` as Kedro-Viz has them: the rows of a table to show; None for no preview.

    Examples:
        >>> preview_rows({"preview_args": {"nrows": 3}}), preview_rows({"preview": True}), preview_rows({"layer": "raw"})
        (3, 5, None)
    """
    arguments = viz.get("preview_args")
    if viz.get("preview", arguments is not None) is not True:
        return None
    rows = arguments.get("nrows", ROWS) if isinstance(arguments, dict) else ROWS
    return max(0, min(rows, _MOST_ROWS)) if isinstance(rows, int) else ROWS


def preview_of(data: Any, table: Table | None, rows: int, redact: Callable[[str], str] = str) -> Preview | None:
    """Make a preview of a table, a text or JSON; None if the data is none of them.

    Args:
        data: What has been saved.
        table: The same as a table, if it is one.
        rows: How many rows of a table to show.
        redact: Masks what may not be shown.
    """
    if table and table.head:
        shown = [column for column, _ in table.columns[:_MOST_COLUMNS]]
        return dg.MetadataValue.md(_markdown(shown, table.head(rows), redact))
    if table:
        return dg.MetadataValue.text("No preview: the rows of this table would have to be computed.")
    if isinstance(data, str | int | float):
        text = redact(str(data)[:MOST_CHARACTERS])  # a secret where it is cut is whole
        return dg.MetadataValue.text(cut(text, LONGEST_TEXT))
    return _json(data, redact) if isinstance(data, dict | list) else None


def image_preview(file: Path) -> Preview | None:
    """Show a small image file in place; None if the file is no image."""
    kind = _IMAGES.get(file.suffix.lower())
    if kind is None:
        return None
    if file.stat().st_size > LARGEST_IMAGE:
        return dg.MetadataValue.text(f"No preview: the image has more than {LARGEST_IMAGE // 1000} kB.")
    content = base64.b64encode(file.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{_cell(file.name)}](data:image/{kind};base64,{content})")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]], redact: Callable[[str], str]) -> str:
    cells = [[_cell(value, redact) for value in line] for line in (columns, *(row[: len(columns)] for row in rows))]
    cells.insert(1, ["---"] * len(columns))
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: Any, redact: Callable[[str], str] = str) -> str:
    """Write a value into one cell of a Markdown table, where it is shown as it is."""
    text = redact(str(value)[:LONGEST_TEXT])  # a secret where it is cut is whole
    text = " ".join(cut(text, _LONGEST_CELL).split())
    for character, shown in (("\\", "\\\\"), ("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`")):
        text = text.replace(character, shown)
    return text


def cut(text: str, length: int) -> str:
    """Return the beginning of a text that is longer than it may be."""
    return text if len(text) <= length else f"{text[:length]}…"


def _json(data: Any, redact: Callable[[str], str]) -> Preview | None:
    """Show data as JSON unless it is large; no more of it is written than may be shown."""
    text = ""
    try:
        for part in json.JSONEncoder(allow_nan=False).iterencode(data):
            text += part
            if len(text) > MOST_CHARACTERS:
                return dg.MetadataValue.text(
                    f"No preview: the data has more than {MOST_CHARACTERS // 1000} kB as JSON."
                )
    except (TypeError, ValueError):
        return None
    return dg.MetadataValue.json(_masked(json.loads(text), redact))


def _masked(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {redact(key): _masked(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value
