"""What the `preview_fn` of a node returns, as metadata of what the node makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import dagster as dg
from kedro.pipeline.node import Node
from kedro.pipeline.preview_contract import CustomPreview, ImagePreview, MermaidPreview, PreviewPayload

from kedro_assets.errors import message
from kedro_assets.metadata.previews import LARGEST_IMAGE, LONGEST_TEXT, MOST_CHARACTERS, Preview, cut

_IN_A_URL = ":/?#[]@!$&'*+,;=%~"
_IMAGES = ("http://", "https://", "data:image/")


def node_preview(node: Node, redact: Callable[[str], str] = str) -> Preview | None:
    """Return what a node shows of itself; None if it has no `preview_fn`.

    An error of the function is shown in its place: a preview never fails a run.

    Args:
        node: The node.
        redact: Masks what may not be shown.
    """
    try:
        found = node.preview()
    except Exception as error:  # noqa: BLE001 - of the user's function
        text = f"No preview: the node's `preview_fn` failed: {type(error).__name__}: {message(error)}"
        return dg.MetadataValue.text(cut(redact(text), LONGEST_TEXT))
    return None if found is None else _shown(found, redact)


def _shown(found: PreviewPayload, redact: Callable[[str], str]) -> Preview:
    if isinstance(found, CustomPreview):
        content = {"renderer_key": found.renderer_key, "content": found.content}
        text = redact(json.dumps(content))
        return _too_large("data") if len(text) > MOST_CHARACTERS else dg.MetadataValue.json(json.loads(text))
    if isinstance(found, ImagePreview):
        return _image(redact(found.content.strip()))
    text = redact(found.content)
    if not isinstance(found, MermaidPreview):
        return dg.MetadataValue.text(cut(text, LONGEST_TEXT))
    if len(text) > MOST_CHARACTERS:
        return _too_large("diagram")
    fence = "```"
    while fence in text:
        fence += "`"
    return dg.MetadataValue.md(f"{fence}mermaid\n{text.rstrip()}\n{fence}")


def _image(address: str) -> Preview:
    if not address.startswith(_IMAGES):
        return dg.MetadataValue.text("No preview: the image is neither a URL nor a data URI.")
    if len(address) > LARGEST_IMAGE * 4 // 3:
        return _too_large("image", LARGEST_IMAGE)
    return dg.MetadataValue.md(f"![preview]({quote(address, safe=_IN_A_URL)})")


def _too_large(what: str, most: int = MOST_CHARACTERS) -> Preview:
    return dg.MetadataValue.text(f"No preview: the {what} has more than {most // 1000} kB.")
