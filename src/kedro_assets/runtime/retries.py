"""How often failed steps are tried again: what dagster.yml says for all nodes, for some of them, and for a job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import TIMEOUT_MAX

import dagster as dg
from attrs import field, frozen
from kedro.pipeline.node import Node

from kedro_assets.config import AssetsConfig, RetryConfig
from kedro_assets.errors import Scope
from kedro_assets.project import check_node_keys, deciding_keys


@frozen
class Retries:
    """The retries of a project's nodes.

    Attributes:
        general: Those of all nodes; None if there are none.
        by_name: Those of single nodes, by the name, the namespace or a tag of each.
    """

    general: dg.RetryPolicy | None = None
    by_name: Mapping[str, dg.RetryPolicy] = field(factory=dict)

    def of_step(self, nodes: Sequence[Node]) -> dg.RetryPolicy | None:
        """Return the policy that Dagster is told for a step: the one on which its nodes agree, or else the general one.

        Dagster follows it by itself where a step's process dies, as nobody knows which node was running.
        """
        first, *others = [self._own(node) or self.general for node in nodes]
        return first if all(other == first for other in others) else self.general

    def of_failure(self, node: Node | None, job: dg.RetryPolicy | None) -> dg.RetryPolicy | None:
        """Return the policy of an error: that of the node, or else that of its job, or else the general one.

        Args:
            node: The node that has failed; None if none has.
            job: The policy of the run's job.
        """
        own = self._own(node) if node is not None else None
        return own or job or self.general

    def _own(self, node: Node) -> dg.RetryPolicy | None:
        return next((self.by_name[name] for name in deciding_keys(node, self.by_name)), None)


def read_retries(config: AssetsConfig, nodes: Collection[Node], problems: Scope) -> Retries:
    """Read the retries of a project's nodes.

    Args:
        config: `assets` of dagster.yml.
        nodes: The nodes of all registered pipelines.
        problems: Collects what Dagster refuses, keys that mean no node, and nodes with two tags for which different retries
            are written.
    """
    scope = problems.at("assets", "node_retries")
    read = {name: retry_policy(written, scope.at(name)) for name, written in config.node_retries.items()}
    check_node_keys(read, nodes, scope)
    for node in nodes:
        first, *others = deciding_keys(node, read) or [""]
        for other in others:
            if read[other] != read[first]:
                found = f"node '{node.name}' has the tag '{first}' too, for which other retries are written."
                scope.at(other).add(found, f"Write what holds for the node under its own name, '{node.name}'.")
    by_name = {name: policy for name, policy in read.items() if policy is not None}
    return Retries(retry_policy(config.retries, problems.at("assets", "retries")), by_name)


def retry_policy(config: RetryConfig | None, scope: Scope) -> dg.RetryPolicy | None:
    """Build a retry policy; None if there is none, or if it does not fit, which is reported.

    Args:
        config: What dagster.yml says.
        scope: Its place.
    """
    if config is None:
        return None
    if config.max_retries < 0:
        scope.at("max_retries").add(f"expected a number of at least 0, found {config.max_retries}.")
    if config.delay is not None and not 0 <= config.delay <= TIMEOUT_MAX:  # not a number is neither
        scope.at("delay").add(f"expected a number of seconds that can be waited, found {config.delay}.")
    try:
        return dg.RetryPolicy(
            max_retries=config.max_retries,
            delay=config.delay,
            backoff=dg.Backoff[config.backoff] if config.backoff else None,
            jitter=dg.Jitter[config.jitter] if config.jitter else None,
        )
    except dg.DagsterError as error:
        scope.add(f"Dagster rejects this retry policy: {error}", "Add a `delay`, which `backoff` and `jitter` need.")
        return None
