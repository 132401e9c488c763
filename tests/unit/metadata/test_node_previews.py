"""What a node shows of itself."""

import dagster as dg
import pytest
from kedro.pipeline import node
from kedro.pipeline.preview_contract import CustomPreview, ImagePreview, MermaidPreview, TextPreview

from kedro_assets.metadata.node_previews import node_preview

pytestmark = pytest.mark.filterwarnings("ignore:The 'preview_fn' feature is experimental")


def same(data):
    return data


def shown(payload, redact=str):
    def show():
        if isinstance(payload, Exception):
            raise payload
        return payload

    return node_preview(node(same, "a", "b", preview_fn=show), redact)


def masked(text):
    return text.replace("hunter2", "***")


def test_a_node_without_a_preview_shows_nothing():
    assert node_preview(node(same, "a", "b")) is None


@pytest.mark.parametrize(
    ("payload", "metadata"),
    [
        (TextPreview("a b"), dg.MetadataValue.text("a b")),
        (TextPreview("x" * 3000), dg.MetadataValue.text("x" * 2000 + "…")),
        (MermaidPreview("graph LR\n  a --> b\n"), dg.MetadataValue.md("```mermaid\ngraph LR\n  a --> b\n```")),
        (MermaidPreview("a[```]"), dg.MetadataValue.md("````mermaid\na[```]\n````")),
        (
            ImagePreview("https://x.y/a b(1).png?s=1"),
            dg.MetadataValue.md("![preview](https://x.y/a%20b%281%29.png?s=1)"),
        ),
        (
            ImagePreview("data:image/png;base64,iVBO+/="),
            dg.MetadataValue.md("![preview](data:image/png;base64,iVBO+/=)"),
        ),
        (
            CustomPreview("table", {"rows": [1, None]}),
            dg.MetadataValue.json({"renderer_key": "table", "content": {"rows": [1, None]}}),
        ),
    ],
    ids=["text", "long text", "mermaid", "mermaid with a fence", "address", "data", "custom"],
)
def test_each_kind_of_preview_is_metadata_that_dagster_shows(payload, metadata):
    assert shown(payload) == metadata


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (MermaidPreview("x" * 65_000), "No preview: the diagram has more than 64 kB."),
        (CustomPreview("a", {"b": "x" * 65_000}), "No preview: the data has more than 64 kB."),
        (ImagePreview("data:image/png;base64," + "x" * 400_000), "No preview: the image has more than 256 kB."),
        (ImagePreview("javascript:x"), "No preview: the image is neither a URL nor a data URI."),
        (ValueError("no hunter2"), "No preview: the node's `preview_fn` failed: ValueError: no ***"),
    ],
    ids=["diagram", "data", "image", "address", "error"],
)
def test_what_cannot_be_shown_is_said(payload, said):
    assert shown(payload, masked) == dg.MetadataValue.text(said)


def test_something_that_is_no_preview_is_said():
    assert shown("text", masked).value.startswith(
        "No preview: the node's `preview_fn` failed: ValueError: preview_fn must"
    )


@pytest.mark.parametrize(
    "payload",
    [
        TextPreview("hunter2"),
        MermaidPreview("a[hunter2]"),
        ImagePreview("https://x.y/?token=hunter2"),
        CustomPreview("a", {"hunter2": ["hunter2"]}),
    ],
    ids=["text", "mermaid", "image", "custom"],
)
def test_secrets_are_masked(payload):
    assert "hunter2" not in str(shown(payload, masked))
