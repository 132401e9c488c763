"""A project that things happen to, and what is true of it then: a model that knows nothing of how kedro-assets does it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any

import dagster as dg
import networkx as nx
from comparing import clean
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.loader import LoadingContextForTest
from helpers import KedroProject
from histories import FAILING, JOURNAL, PARAMETERS, PART, Action, Call, SmallProject

from kedro_assets import build_definitions

VERSION = "dagster/data_version"
CODE = "dagster/code_version"
INPUT = "dagster/input_data_version/"
ASSET_JOB = "__ASSET_JOB"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LOADED: list[dg.RepositoryDefinition] = []


def loaded() -> dg.RepositoryDefinition:
    """Return the definitions as they were loaded last."""
    return _LOADED[-1]


@dataclass
class World:
    """A project on disk, its code location and its instance.

    Attributes:
        project: The project as it was drawn.
        disk: Where it is.
        instance: Dagster's instance.
        codes: The number in the code of each node.
        values: The parameters.
        contents: What is in the files of external datasets.
        known: The same as Dagster was last told.
        made_of: The call of which the data of an asset is, by partition.
        part: The partition that is talked of.
        versions: The data version that Dagster was told of what a call, or a content, has made, by asset.
        failed: The run to continue.
    """

    project: SmallProject
    disk: KedroProject
    instance: dg.DagsterInstance
    codes: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    made_of: dict[str, dict[str, int]] = field(default_factory=dict)
    part: str = ""
    versions: dict[tuple[str, int], str] = field(default_factory=dict)
    failed: str | None = None
    loads: int = 0
    definitions: dg.Definitions = field(init=False)
    automation: Automation = field(init=False)
    sensors: Sensors = field(init=False)

    def __post_init__(self) -> None:
        self.made_of = {part: {} for part in self.project.parts}
        self.codes = {node.name: 0 for node in self.project.nodes}
        self.values = dict.fromkeys(PARAMETERS, 0)
        for name in self.project.external:
            self._put(name)
        self.automation, self.sensors = Automation(self), Sensors(self)
        self._reload()

    @property
    def made(self) -> dict[str, int]:
        """The call of which the data of an asset is."""
        return self.made_of[self.part]

    def place(self, name: str) -> Path:
        """Where the data of a dataset is."""
        return self.disk.path / "data" / ("" if name in self.project.external else self.part) / f"{name}.json"

    # -- what happens

    def do(self, action: Action) -> None:
        """Do something, and look whether Dagster was told what is true."""
        does = {
            "run job": lambda: self._run("all", None, action.fails),
            "run ops": lambda: self._run("ops", None, action.fails),
            "run all": lambda: self._run(ASSET_JOB, self.project.assets, action.fails),
            "run": lambda: self._run(ASSET_JOB, action.names, action.fails),
            "re-execute": lambda: self._run("", None, "", continue_from=self.failed),
            "wait for midnight": self.automation.wait,
            "observe": lambda: self._observe(*action.names),
            "change file": lambda: self._put(*action.names),
            "delete": lambda: self._delete(*action.names),
            "change code of": lambda: self._change(self.codes, *action.names),
            "change parameter": lambda: self._change(self.values, *action.names),
        }
        self.part = action.part or self.project.parts[0]
        does[action.what]()

    def run(self, assets: Collection[str]) -> None:
        """Make some assets, as Dagster has requested."""
        self._run(ASSET_JOB, assets, "")

    def _delete(self, name: str) -> None:
        self.place(name).unlink(missing_ok=True)

    def _change(self, numbers: dict[str, int], name: str) -> None:
        numbers[name] += 1
        self._reload()

    def _put(self, name: str) -> None:
        self.contents[name] = 1000 + 1000 * len(self.contents) if name not in self.contents else self.contents[name] + 1
        self.disk.write(f"data/{name}.json", str(self.contents[name]) + " " * (self.contents[name] % 1000))

    def _reload(self) -> None:
        """Load the code location with the code and the parameters as they are now."""
        self.loads += 1
        functions = [f"# {'-' * self.loads}\n"]  # Python tells two sources of one second by their sizes
        for node in self.project.nodes:
            arguments = f"{node.name!r}, {self.codes[node.name]}, {node.inputs!r}, args, {len(node.outputs)}"
            functions.append(f"def {node.name}(*args):\n    return call({arguments})\n")
        self.disk.write(f"src/{self.disk.package}/nodes.py", "\n\n".join(["from histories import call\n", *functions]))
        self.disk.write("conf/base/parameters.yml", json.dumps(self.values))
        forget(self.disk.package)
        self.definitions = build_definitions(self.disk.path)
        _LOADED[:] = [self.definitions.get_repository_def()]

    @property
    def repository(self) -> dg.RepositoryDefinition:
        return loaded()

    def _execute(
        self,
        job: str,
        keys: Collection[dg.AssetKey] | None,
        continue_from: str | None = None,
        *,
        partitioned: bool = True,
    ) -> dg.JobExecutionResult:
        place = str(Path(__file__).parent)
        repository = ReconstructableRepository.for_module(
            "history_model", "loaded", place, container_context={"loaded": f"{self.disk.package} {self.loads}"}
        )  # Dagster keeps what it has loaded from one place
        found = repository.get_reconstructable_job(job)
        options = dg.ReexecutionOptions.from_failure(continue_from, self.instance) if continue_from else None
        return dg.execute_job(
            found,
            self.instance,
            run_config=QUIET,
            tags={"dagster/partition": self.part} if self.part and partitioned else None,
            asset_selection=list(keys) if keys is not None else None,
            reexecution_options=options,
        )

    def _run(self, job: str, assets: Collection[str] | None, fails: str, continue_from: str | None = None) -> None:
        assets = assets if assets is None else self.with_by_products(assets)
        keys = None if assets is None else [self.key(name) for name in assets]
        if not job:
            if continue_from is None:  # no run has failed
                return
            parent = self.instance.get_run_by_id(continue_from)
            assert parent is not None
            self.part = parent.tags.get("dagster/partition", "")
            job = parent.job_name
            assets = [self.name(key) for key in parent.asset_selection] if parent.asset_selection else None
        selected = self.of_job(job) if assets is None else assets
        planned = self.planned(selected)
        before, calls, missing = self.saved(), len(JOURNAL), self.missing(planned, selected)
        PART[0] = self.part
        if fails:
            FAILING.add(fails)
        try:
            result = self._execute(job, keys, continue_from)
        finally:
            FAILING.clear()
        assert result.success or missing or fails in planned, "the run fails"
        self.failed = None if result.success else result.run_id
        self._learn(planned, exact=continue_from is None)
        after = self.saved()
        new = {name for name, number in after.items() if before.get(name) != number}
        made_in_memory = {
            name
            for name in selected
            if name not in self.project.stored and any(each.node == self.maker(name) for each in JOURNAL[calls:])
        }
        told = self._told(result.run_id)
        self._check_told(told, new, made_in_memory, after)
        self.made.update(after)
        self._check_validated(result.run_id, planned, new, calls)
        self.automation.updated(new, selected if job == ASSET_JOB else ())
        self.sensors.made += [(name, job) for name in new]

    def with_by_products(self, selected: Collection[str]) -> list[str]:
        """A selection, and what its nodes make beside it for each other: without that, the run is refused."""
        planned = self.planned(selected)
        read = {name for node in planned for name in self.project.node(node).inputs if name in self.project.by_name}
        made = {name for name in read if self.maker_of(name) in planned and not self.passes_on(name)}
        return [*selected, *sorted(made.intersection(self.project.assets).difference(selected))]

    def of_job(self, job: str) -> list[str]:
        """What a job selects: all that lasts; what passes in memory is made on the way, and reported by a job of ops alone."""
        return [name for name in self.project.assets if job == "ops" or not self.passes_on(name)]

    def _observe(self, name: str) -> None:
        assert self._execute(ASSET_JOB, [self.key(name)], partitioned=False).success
        self.known[name] = self.contents[name]
        self._learn((), exact=True)

    def told_of(self, name: str) -> None:
        """Take note that Dagster was told of the data that is in an external dataset."""
        assert self.known.get(name) != self.contents[name], f"the data of {name} was known"
        self.known[name] = self.contents[name]
        self._learn((), exact=True)

    # -- what is true

    def key(self, asset: str) -> dg.AssetKey:
        if asset in self.project.by_name:
            return dg.AssetKey(asset)
        return dg.AssetKey(self.project.node(asset).full_name.split("."))

    def name(self, key: dg.AssetKey) -> str:
        return key.path[-1]

    def maker(self, asset: str) -> str:
        node = self.project.maker(asset)
        assert node is not None, asset
        return node.name

    def maker_of(self, name: str) -> str | None:
        node = self.project.maker(name)
        return node.name if node else None

    def passes_on(self, name: str) -> bool:
        """Whether a node gets this from the node before it in one step, so that it stands for what that has read."""
        return self.project.passing(name)

    def planned(self, selected: Collection[str]) -> set[str]:
        """The nodes that are to run."""
        todo, found = [self.maker(name) for name in selected], set()
        while todo:
            node = todo.pop()
            found.add(node)
            todo += [self.maker(name) for name in self.project.node(node).inputs if self.passes_on(name)]
        return found

    def missing(self, planned: Collection[str], selected: Collection[str]) -> set[str]:
        """What some nodes read and nobody has left.

        Dagster lets a step wait for what is selected. What another step makes beside that may come too late.
        """
        read = {name for node in planned for name in self.project.node(node).inputs if name in self.project.by_name}
        left = {name for name in read if name in selected or self.passes_on(name)}
        left |= {name for name in read if self.project.kept(name) and name in self.made}
        return {name for name in read - left if not self.place(name).exists()}

    def saved(self) -> dict[str, int]:
        """The call that each asset is of, as it is on disk; a node without outputs is of its last call."""
        found = {}
        for name in self.project.stored:
            file = self.place(name)
            if name not in self.project.by_name or self.project.kept(name):
                own = (self.maker(name), self.part)
                calls = [number for number, each in enumerate(JOURNAL) if (each.node, each.part) == own]
                found.update(dict.fromkeys([name][: len(calls)], calls[-1] if calls else 0))
            elif file.exists():
                found[name] = int(file.read_text(encoding="utf-8"))
            elif name in self.made:
                found[name] = self.made[name]  # deleted, which nobody tells Dagster
        return found

    def behind(self, number: int) -> Iterator[Call]:
        """A call, and those before it that handed on data in memory."""
        found = JOURNAL[number]
        yield found
        for name, read in found.read.items():
            if name in self.project.by_name and self.passes_on(name):
                yield from self.behind(read)

    def really_read(self, number: int) -> dict[str, int]:
        """What a call has read that was stored, itself or through in-memory data: the call or content of each."""
        return {
            name: read
            for each in self.behind(number)
            for name, read in each.read.items()
            if name in self.project.by_name and not self.passes_on(name)
        }

    def causes(self, asset: str) -> set[tuple[str, str]]:
        """Why an asset that was made is out of date."""
        number, found = self.made[asset], set()
        for each in self.behind(number):
            given = {name: value for name, value in each.read.items() if name in PARAMETERS}
            if each.code != self.codes[each.node] or given != {name: self.values[name] for name in given}:
                found.add(("CODE", asset))
        for name, read in self.really_read(number).items():
            latest = self.made[name] if name in self.made else self.known.get(name)
            if latest is not None and latest != read:
                found.add(("DATA", name))
        return found

    def later(self, asset: str) -> set[tuple[str, str]]:
        """What Dagster 1.13 also gives as reason for a partition: it looks through in-memory data for the newest of all partitions.

        It compares when that was made, whatever the partition, and not which data it is.
        """
        nodes = self.planned([asset])
        if not self.project.memory_assets or len(nodes) == 1:
            return set()
        others = [self.made_of[part] for part in self.project.parts if part != self.part]
        through = {name for node in nodes for name in self.project.node(node).inputs}
        return {("DATA", name) for name in through for made in others if made.get(name, -1) > self.made[asset]}

    # -- what Dagster was told

    def _learn(self, planned: Collection[str], *, exact: bool) -> None:
        """Look which data of external datasets Dagster knows."""
        for name in self.project.external:
            if any(name in self.project.node(node).inputs for node in planned) and exact:
                self.known[name] = self.contents[name]
            records = self.instance.fetch_observations(self.key(name), limit=1).records
            if not records:
                assert name not in self.known, f"the data of {name} was not observed"
                continue
            version = _tags(records[0])[VERSION]
            if not exact and (name, self.contents[name]) not in self.versions:
                self.known[name] = self.contents[name]
            assert name in self.known, f"{name} was observed, and nothing reads it"
            if (name, self.known[name]) not in self.versions:
                self.automation.updated([name], ())
            known = self.versions.setdefault((name, self.known[name]), version)
            assert version == known, f"the data version of {name}"
            others = [content for (other, content), seen in self.versions.items() if other == name and seen == version]
            assert others == [self.known[name]], f"contents of {name} with one data version"

    def _told(self, run_id: str) -> dict[str, list[dict[str, str]]]:
        """The tags of each materialization of a run, by asset."""
        found: dict[str, list[dict[str, str]]] = {}
        for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            event = entry.asset_materialization
            assert event is not None
            assert (event.partition or "") == self.part, "the partition"
            found.setdefault(self.name(event.asset_key), []).append(dict(event.tags or {}))
        return found

    def _check_told(
        self, told: Mapping[str, list[dict[str, str]]], new: set[str], in_memory: set[str], after: Mapping[str, int]
    ) -> None:
        """Everything that was made is recorded, once, and nothing else is."""
        assert {name: len(tags) for name, tags in told.items()} == dict.fromkeys(new | in_memory, 1), "recorded"
        for name in new:
            tags = told[name][0]
            spec = self.repository.asset_graph.get(self.key(name))
            assert tags[CODE] == spec.code_version, f"the code version of {name}"
            assert tags[VERSION] not in {seen for (other, _), seen in self.versions.items() if other == name}
            self.versions[name, after[name]] = tags[VERSION]
        for name in new:
            tags = told[name][0]
            read = {
                self.name(dg.AssetKey.from_user_string(tag.removeprefix(INPUT))): value
                for tag, value in tags.items()
                if tag.startswith(INPUT)
            }
            expected = {other: self.versions[other, number] for other, number in self.really_read(after[name]).items()}
            direct = {other: version for other, version in expected.items() if other in read}
            if self.part:  # Dagster may take a digest of the versions of the partitions that are read
                direct = {
                    other: _digest(seen) if read[other] == _digest(seen) else seen for other, seen in direct.items()
                }
            assert {other: read[other] for other in direct} == direct, f"what {name} was made from"
            own = self.project.node(self.maker(name)).inputs
            assert direct.keys() >= {other for other in own if other in expected}, f"what {name} was made from"

    def _check_validated(self, run_id: str, planned: Collection[str], new: set[str], calls: int) -> None:
        """A validator's check is evaluated where a dataset is saved, and where one is loaded that the run does not make."""
        validated = {each.name for each in self.project.datasets if each.validated}
        from_before = {name for name in validated if self.maker_of(name) not in planned}
        loaded = {name for each in JOURNAL[calls:] for name in each.read} & from_before
        failed = {name for node in planned for name in self.project.node(node).inputs} & from_before
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        events = [entry.dagster_event.asset_check_evaluation_data for entry in entries if entry.dagster_event]
        found = {self.name(each.asset_key) for each in events}
        assert all(each.passed for each in events)
        assert {each.partition or "" for each in events if self.maker_of(self.name(each.asset_key))} <= {self.part}
        assert (new & validated) | loaded <= found <= (new & validated) | loaded | failed, "checked"

    def check_staleness(self) -> None:
        """Dagster marks what is out of date, for the right reasons, and nothing else."""
        resolver = CachingStaleStatusResolver(
            self.instance, self.repository.asset_graph, LoadingContextForTest(self.instance)
        )
        for name, part in product(self.project.stored, self.project.parts):
            self.part, key = part, self.key(name)
            causes = self.causes(name) if name in self.made else set()
            status = (
                StaleStatus.MISSING if name not in self.made else StaleStatus.STALE if causes else StaleStatus.FRESH
            )
            found = {
                (
                    cause.category.value,
                    self.name(cause.dependency.asset_key if cause.dependency else cause.key.asset_key),
                )
                for cause in resolver.get_stale_causes(key, self.part or None)
            }
            later = found & self.later(name) if name in self.made else set()
            if later and causes | later == found:
                continue
            assert (resolver.get_status(key, self.part or None), found) == (status, causes), name


@dataclass
class Automation:
    """Dagster's daemon, and what it is to request.

    Attributes:
        world: What it looks at.
        cursor: Dagster's own memory of its last look.
        now: The time.
        news: What was updated since the last look, each with what was selected in the run that did it.
        requested: What the last look has requested.
        pending: The assets with a reason to be made that nothing has been done about.
        fresh: For an asset with `on_cron`, what it is made from that was updated since midnight.
    """

    world: World
    cursor: Any = None
    now: datetime = field(default_factory=lambda: datetime.now(tz=timezone.utc))
    midnight: bool = False
    news: list[tuple[str, Collection[str]]] = field(default_factory=list)
    requested: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    fresh: dict[str, set[str]] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[str, str]:
        return {each.name: each.condition for each in self.world.project.datasets if each.condition}

    def wait(self) -> None:
        """Let a midnight pass."""
        self.now += timedelta(days=1)
        self.midnight = True

    def updated(self, assets: Iterable[str], selected: Collection[str]) -> None:
        """Take note of what was updated by a run."""
        self.news += [(name, selected) for name in assets]

    def made_from(self, asset: str) -> set[str]:
        """What an asset is made from that was stored before its run: not what is always made in that run too."""
        nodes = self.world.planned([asset])
        read = {name for node in nodes for name in self.world.project.node(node).inputs}
        return {name for name in read if name in self.world.project.by_name and self.world.maker_of(name) not in nodes}

    def endless(self) -> bool:
        """Whether assets ask for each other for ever: each is made from what the run of the other makes beside it, anew each time.

        docs/explanation/differences.md says so. Dagster has no condition for several assets at once.
        """
        project, asks = self.world.project, nx.DiGraph()
        for one, other in product(self.conditions, self.conditions):
            made = {name for node in self.world.planned([one]) for name in project.node(node).outputs}
            if made & self.made_from(other):
                asks.add_edge(one, other)
        return not nx.is_directed_acyclic_graph(asks)

    def expected(self) -> set[str]:
        """What is to be requested now."""
        project, world, found = self.world.project, self.world, set[str]()
        for asset in [name for node in project.nodes for name in node.outputs if name in self.conditions]:
            deps = self.made_from(asset)
            handled = self.cursor is None or asset in self.requested or asset in dict(self.news)
            if self.conditions[asset] == "eager":
                new = any(name in deps and asset not in selected for name, selected in self.news)
                if new or deps & found:
                    self.pending.add(asset)
                ready = all(name in world.made or name in world.known or name in found for name in deps)
            else:
                fresh = self.fresh.setdefault(asset, set())
                fresh |= {name for name, _ in self.news}
                if self.midnight:
                    fresh.clear()
                    if self.conditions[asset] == "on_cron":
                        self.pending.add(asset)
                ready = all(name in fresh | found or name in project.external for name in deps)
            if handled:
                self.pending.discard(asset)
            if asset in self.pending and ready:
                found.add(asset)
        return found

    def settle(self) -> None:
        """Do what Dagster requests until it requests nothing; it requests what is to be requested, and no more."""
        if not self.conditions or self.endless():
            return
        for _ in range(len(self.conditions) + 2):
            expected = self.expected()
            self.now += timedelta(seconds=1)
            result = dg.evaluate_automation_conditions(
                self.world.definitions, self.world.instance, cursor=self.cursor, evaluation_time=self.now
            )
            found = {name for name in self.conditions if result.get_num_requested(self.world.key(name))}
            self.cursor, self.requested, self.midnight = result.cursor, found, False
            self.news.clear()
            assert found == expected, "requested"
            if not found:
                return
            self.world.run(found)
        raise AssertionError("it goes on and on")


@dataclass
class Sensors:
    """The sensors of dagster.yml, each of which starts the job `all`, and what they are to ask for.

    Attributes:
        world: What they look at.
        cursors: Dagster's memory of the last look of each.
        seen: The content that each sensor of a file has seen, and how many materializations each of an asset has.
        made: What was materialized, in order, each with the job of the run.
    """

    world: World
    cursors: dict[str, str | None] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    made: list[tuple[str, str]] = field(default_factory=list)

    def look(self) -> None:
        """Let each look once."""
        for name in self.world.project.watched:
            external = name in self.world.project.external
            expected = self._of_file(name) if external else self._of_asset(name)
            result = self._tick(f"of_{name}", name)
            assert len(result.run_requests or ()) == expected, f"asked for because of {name}"
            if external:
                self.seen[name] = self.world.contents[name]
            elif times := sum(made == name for made, _ in self.made):
                self.seen[name] = times
            for event in result.asset_events:
                self.world.instance.report_runless_asset_event(event)
                self.world.told_of(name)

    def _tick(self, sensor: str, name: str) -> dg.SensorExecutionData:
        repository = self.world.repository
        with dg.build_sensor_context(
            self.world.instance, self.cursors.get(name), repository_def=repository, sensor_name=sensor
        ) as context:
            result = repository.get_sensor_def(sensor).evaluate_tick(context)
        self.cursors[name] = result.cursor
        return result

    def _of_file(self, name: str) -> int:
        """A run for a file that has changed since the last look; the first one only looks."""
        content = self.world.contents[name]
        return int(self.seen.setdefault(name, content) != content)

    def _of_asset(self, name: str) -> int:
        """A run for every time that another job has made it; at the first look for the last time only."""
        jobs = [job for made, job in self.made if made == name]
        return sum(job != "all" for job in jobs[self.seen.get(name, -1) :])


def _digest(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest()


def _tags(record: Any) -> Mapping[str, str]:
    event = record.event_log_entry.asset_observation or record.event_log_entry.asset_materialization
    return event.tags or {}


def forget(package: str) -> None:
    """Let this process forget the modules of a project."""
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[module]


@contextmanager
def world(project: SmallProject, folder: Path, instance: dg.DagsterInstance) -> Iterator[World]:
    """Put a project on disk for a while, and let the instance forget all others."""
    path = list(sys.path)
    JOURNAL.clear()
    FAILING.clear()
    disk = project.write(folder)
    try:
        yield World(project, disk, instance)
    finally:
        instance.wipe()
        clean(disk)
        sys.path[:] = path
        forget(disk.package)
        _LOADED.clear()
        for entry in [entry for entry in sys.path_importer_cache if disk.package in entry]:
            del sys.path_importer_cache[entry]
