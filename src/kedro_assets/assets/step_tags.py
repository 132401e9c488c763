"""The tags of steps, with which executors give a node its resources: what dagster.yml and the translator say of nodes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from kedro.pipeline.node import Node

from kedro_assets.assets.tags import TagReader
from kedro_assets.assets.translator import KedroTranslator, NodeRecord
from kedro_assets.errors import Scope
from kedro_assets.graph import Cluster, ProjectGraph
from kedro_assets.project import Project, check_node_keys, keys_of_node

_APART = (
    "Give the data that is handed on in memory an entry in the catalog, so that it is saved, give the nodes the same tags, or let "
    "the step have the tags of all of its nodes with `assets.merge_step_tags: true`."
)


@frozen
class StepTags:
    """The tags that steps have because of their nodes.

    Attributes:
        written: The tags of dagster.yml that fit, by the name, the namespace or a tag of nodes.
        texts: The same as texts.
        translator: Has the last word.
        reader: Reads what the translator gives.
        merge: Whether a step has the tags of all of its nodes; otherwise they all have the same.
    """

    written: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(factory=dict)
    translator: KedroTranslator = field(factory=KedroTranslator)
    reader: TagReader = field(factory=TagReader)
    merge: bool = False

    def of_node(self, node: Node, scope: Scope | None = None) -> dict[str, str]:
        """Return the tags that a node asks for, as texts; what the translator gives and does not fit is left out.

        Args:
            node: The node.
            scope: Collects what does not fit.
        """
        scope = Scope() if scope is None else scope
        keys = self._keys(node)
        written = {tag: self.written[key][tag] for tag, key in keys.items()}
        found: Any = self.translator.get_step_tags(NodeRecord(node, written))
        if found is written:
            return {tag: self.texts[key][tag] for tag, key in keys.items()}
        if isinstance(found, Mapping):
            return self.reader.read(found, scope)
        scope.add(f"expected a mapping of tags, found {found!r}.")
        return {}

    def of_step(self, nodes: Sequence[Node]) -> dict[str, str]:
        """Return the tags of a step: those of its nodes, which are the same unless they are merged."""
        return {tag: text for node in reversed(nodes) for tag, text in self.of_node(node).items()}

    def needs(self, graph: ProjectGraph) -> dict[str, Hashable]:
        """Return what has to be the same for nodes of one step, by node; nodes without tags are not there."""
        found = {name: frozenset(self.of_node(node).items()) for name, node in graph.nodes.items()}
        return {name: tags for name, tags in found.items() if tags}

    def check(self, graph: ProjectGraph, clusters: Sequence[Cluster], problems: Scope) -> None:
        """Report steps that cannot have the tags of their nodes.

        Args:
            graph: The project's graph.
            clusters: Its steps.
            problems: Collects nodes that have to share a step though they have different tags or, where tags are merged,
                different values for a tag.
        """
        for cluster in clusters:
            asked = {name: self.of_node(graph.nodes[name]) for name in cluster.nodes}
            for tag in sorted({tag for tags in asked.values() for tag in tags}):
                (first, text), *others = [
                    (name, tags.get(tag)) for name, tags in asked.items() if tag in tags or not self.merge
                ]
                other = next((name for name, its in others if its != text), None)
                if other is None:
                    continue
                if self.merge:
                    found = (
                        f"nodes '{first}' and '{other}' share a step, but have different values for the tag '{tag}'."
                    )
                    hint = "Write one value for both, or let each run in a step of its own."
                else:
                    reason = f": {cluster.reasons[0]}" if cluster.reasons else "."
                    found = f"nodes '{first}' and '{other}' differ in the tag '{tag}', but have to share a step{reason}"
                    hint = _APART
                owner = other if tag in asked[other] else first
                self._scope(graph.nodes[owner], tag, problems).add(found, hint)

    def _keys(self, node: Node) -> dict[str, str]:
        """Return the key of dagster.yml that decides on each tag of a node: the most specific one that has it."""
        levels = reversed(keys_of_node(node)) if self.written else ()
        return {tag: key for level in levels for key in reversed(level) for tag in self.written.get(key, {})}

    def _scope(self, node: Node, tag: str, problems: Scope) -> Scope:
        """Return the place that gives a tag to a node."""
        key = self._keys(node).get(tag)
        return problems.at("assets", "step_tags", key, tag) if key is not None else problems.at("assets", "translator")


def read_step_tags(project: Project, translator: KedroTranslator, problems: Scope) -> StepTags:
    """Read the tags of a project's steps.

    Args:
        project: The project.
        translator: Has the last word.
        problems: Collects what does not fit, keys that mean no node, and nodes with two tags for which different values are
            written.
    """
    config, scope, reader = project.config.assets, problems.at("assets", "step_tags"), TagReader(project)
    nodes = [node for pipeline in project.pipelines.values() for node in pipeline.nodes]
    check_node_keys(config.step_tags, nodes, scope)
    texts = {key: reader.read(tags, scope.at(key)) for key, tags in config.step_tags.items()}
    written = {key: {tag: config.step_tags[key][tag] for tag in found} for key, found in texts.items()}
    step_tags = StepTags(written, texts, translator, reader, config.merge_step_tags)
    for node in nodes:
        _check_conflicts(node, texts, scope)
        refused = Scope()
        step_tags.of_node(node, refused)
        for problem in refused:
            place = f" at {problem.path}" if problem.path else ""
            found = f"the step tags of node '{node.name}' do not fit{place}: {problem.found}"
            problems.at("assets", "translator").add(found, problem.hint)
    return step_tags


def _check_conflicts(node: Node, texts: Mapping[str, Mapping[str, str]], scope: Scope) -> None:
    """Report values for two tags of a node that differ, unless the name or a namespace of the node has one."""
    *above, tags = keys_of_node(node)
    decided = {tag for [key] in above for tag in texts.get(key, ())}
    seen: dict[str, str] = {}
    for key in tags:
        for tag, text in texts.get(key, {}).items():
            first = seen.setdefault(tag, key)
            if tag not in decided and texts[first][tag] != text:
                found = f"node '{node.name}' has the tag '{first}' too, for which another value is written."
                scope.at(key, tag).add(found, f"Write the value for the node under its own name, '{node.name}'.")
