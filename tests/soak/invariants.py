"""What has to hold of every run, whatever was done to its processes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from helpers import KedroProject

from kedro_assets.runtime.identity import kedro_timestamp
from soak.deployment import ENDED, Deployment
from soak.faults import Fault
from soak.project import STORED, TRIES, stored_file

CLAIMS = "what is claimed is there, whole and of its run"
LATE = "nothing is claimed after the end of a run"
HOOKS = "each hook of the pipeline fires once"
NODE_HOOKS = "hooks of a node fire once a try"
ENDS = "no run is left running or queued"
WINDOW_SECONDS = 15
"""How long after its last hook a process tries to record that it has fired."""
LATE_SECONDS = 3

Calls = Sequence[Mapping[str, Any]]


@dataclass
class Findings:
    """What was looked at, and what does not hold.

    Attributes:
        looked_at: How many things each invariant was tried on.
        broken: What does not hold, by invariant.
        known: What the documentation says cannot be helped, by its words.
    """

    looked_at: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=dict)
    known: Counter[str] = field(default_factory=Counter)

    def expect(self, invariant: str, holds: object, found: str) -> None:
        """Count one thing, and write down what was found if the invariant does not hold."""
        self.looked_at[invariant] += 1
        if not holds:
            self.broken.setdefault(invariant, []).append(found)


@dataclass(frozen=True)
class Run:
    """A run, with what its hooks have told.

    Attributes:
        record: What Dagster knows of it.
        calls: The calls of its hooks.
        faults: What was done to any process, and to the disk.
    """

    record: dg.RunRecord
    calls: Calls
    faults: Sequence[Fault]

    @property
    def run(self) -> dg.DagsterRun:
        return self.record.dagster_run

    @property
    def kedro_id(self) -> str | None:
        return self.run.tags.get("kedro/run_id")

    def fired(self, *hooks: str) -> Calls:
        return [call for call in self.calls if call["hook"] in hooks]

    def __str__(self) -> str:
        return f"run {self.run.run_id[:8]} of {self.run.job_name} ({self.run.status.value})"


def look_at_hooks(run: Run, findings: Findings) -> None:
    """Look at what pipeline and node hooks have told of a run."""
    before, after = run.fired("before_pipeline_run"), run.fired("after_pipeline_run")
    last = run.fired("after_pipeline_run", "on_pipeline_error")
    told = f"{run}: {', '.join(call['hook'] for call in [*before, *last]) or 'no hook'}"
    known = _known(run, before, last)
    if known is not None:
        findings.known[known] += 1
    expected = 1 if before else 0
    findings.expect(HOOKS, known or (len(before) <= 1 and len(last) == expected), told)
    if run.run.status == dg.DagsterRunStatus.SUCCESS:
        findings.expect(HOOKS, len(before) == len(after) == 1 == len(last), told)
    tries = TRIES.get(run.run.job_name, 1)
    begun = Counter(call["node"] for call in run.fired("before_node_run"))
    ended = Counter(call["node"] for call in run.fired("after_node_run", "on_node_error"))
    for node, times in begun.items():
        found = f"{run}: node {node} begun {times} times, ended {ended[node]} times"
        findings.expect(NODE_HOOKS, ended[node] <= times <= tries, found)


def _known(run: Run, before: Calls, last: Calls) -> str | None:
    """Return what the reference of hooks says of this, where hooks do not fire once by nature."""
    if before and not last:
        if run.run.status == dg.DagsterRunStatus.CANCELED:
            return "a cancelled run has no further hook"
        if run.kedro_id is None:
            return "killed or starved between the first hook and its tag"
        if run.run.tags.get("kedro/pipeline_hooks") == "given up":
            return "the sensor has given up"
    if len(last) == 2:
        own, second = last
        met = [fault for fault in run.faults if fault.pid in (own["pid"], 0)]
        window = (own["time"] - WINDOW_SECONDS, own["time"] + WINDOW_SECONDS)
        if any(fault.end >= window[0] and fault.begin <= window[1] for fault in met) and own["pid"] != second["pid"]:
            return "killed or starved between the last hook and its tag"
    return None


def look_at_claims(run: Run, instance: dg.DagsterInstance, project: KedroProject, findings: Findings) -> None:
    """Look at each dataset that a run says it has made."""
    made = set[str]()
    entries = instance.all_logs(run.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    for entry in entries:
        claimed = entry.asset_materialization
        assert claimed is not None
        name = claimed.asset_key.to_user_string()
        if name not in STORED:
            continue
        made.add(name)
        version = claimed.metadata["kedro/save_version"].value
        problem = _problem(project, name, str(version)) or ("" if version == run.kedro_id else "of another run")
        findings.expect(CLAIMS, not problem, f"{run}: {name} is {problem}")
        end = run.record.end_time
        late = end is not None and entry.timestamp > end + LATE_SECONDS
        findings.expect(LATE, not late, f"{run}: {name}, {entry.timestamp - (end or 0):.0f} s after its end")
    if run.run.status == dg.DagsterRunStatus.SUCCESS:
        findings.expect(CLAIMS, made == set(STORED), f"{run}: {set(STORED) - made} not reported")


def _problem(project: KedroProject, name: str, version: str) -> str:
    """Return what is wrong with a file; nothing if it is whole."""
    try:
        data = json.loads(stored_file(project, name, version).read_text(encoding="utf-8"))
    except OSError:
        return "not there"
    except ValueError:
        return "broken off"
    whole = data["name"] == name and hashlib.sha256(data["text"].encode()).hexdigest() == data["sha256"]
    return "" if whole else "not what was made"


def look_at_runs(
    records: Sequence[dg.RunRecord],
    calls: Mapping[str, Calls],
    faults: Sequence[Fault],
    deployment: Deployment,
    end: float | None = None,
) -> Findings:
    """Look at all runs, or at those that were created until some time."""
    findings = Findings()
    found = {kedro_timestamp(record.create_timestamp): record for record in records}
    for run_id, record in found.items():
        if end is not None and record.create_timestamp.timestamp() > end:
            continue
        run = Run(record, calls.get(run_id, []), faults)
        findings.expect(ENDS, run.run.status in ENDED, str(run))
        look_at_hooks(run, findings)
        look_at_claims(run, deployment.instance, deployment.project, findings)
    for run_id in calls.keys() - found.keys():
        findings.expect(HOOKS, holds=False, found=f"hooks of {run_id}, which is no run")
    return findings
