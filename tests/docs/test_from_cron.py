"""The page for those who come from cron: its lines of cron, and the two processes that take their place, in the example.

They run as they stand there. Where a folder is one of the machine, as in `/var/log`, another root stands before it; `conf/prod` of the
page is here the sample of `conf/fast`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_commands import ROOT, Shell, blocks, commands_for
from servers import Server, started, wait_for, web_server

PAGE = "docs/how-to/from-cron.md"
DAEMONS = "{instance {daemonHealth {allDaemonStatuses {required healthy}}}}"
EXAMPLE = ROOT / "examples" / "flights"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a machine on which the project runs."""
    root = tmp_path_factory.mktemp("cron")
    project, log, home = root / "srv/flights", root / "var/log/flights", root / "var/lib/dagster"
    others = shutil.ignore_patterns("__pycache__", "*.parquet", "*.pkl", "fast")
    shutil.copytree(EXAMPLE, project, ignore=others)
    shutil.copytree(EXAMPLE / "conf" / "fast", project / "conf" / "prod")
    for folder in (log, home, project / ".venv"):
        folder.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    jobs = next(block.text for block in blocks(PAGE) if block.first_line == "# conf/prod/dagster.yml")
    (project / "conf" / "prod" / "dagster.yml").write_text(jobs, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def shell(root: Path) -> Iterator[Shell]:
    """A shell in the project's folder, in which there is what the steps of this page build upon."""
    found = Shell(root / "srv/flights", {})
    done = found.run("kedro run --env prod --pipelines ingestion,features")
    assert done.returncode == 0, done.stderr
    (found.folder / ".venv" / "bin").symlink_to(Path(found.variables["PATH"].partition(":")[0]))
    return found


@pytest.fixture(scope="module")
def lines(root: Path) -> list[str]:
    """The commands of the page, with the folders of `root`."""
    return [re.sub(r"/(?=srv/|var/)", f"{root}/", line) for line in commands_for(__file__, PAGE)]


def test_a_line_of_cron_does_what_it_did_and_its_job_does_too(root: Path, shell: Shell, lines: list[str]) -> None:
    before, after = [line for line in lines if line.startswith("cd ")]
    log = root / "var/log/flights.log"
    for line, says in ((before, "successfully in"), (after, "the run succeeded")):
        done = Shell(root, {}).bash(line.replace("|| mail", "|| echo"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), log.read_text(encoding="utf-8")
        assert says in log.read_text(encoding="utf-8")


def test_the_web_server_and_the_daemon_find_the_project(root: Path, shell: Shell, lines: list[str]) -> None:
    choose, web, daemon = [line for line in lines if not line.startswith("cd ")]
    assert shell.run(choose).returncode == 0
    assert shell.variables["KEDRO_ENV"] == "prod"
    home, where = root / "var/lib/dagster", {"folder": shell.folder, "variables": shell.variables}
    with (
        started(shell.words(daemon), root / "daemon.log", lambda: True, **where),
        web_server(shell.words(web), home=home, **where) as url,
    ):
        server = Server(url)
        server.location("flights")
        [run] = server.runs().values()  # that of the line of cron
        assert run == "SUCCESS"

        def is_well() -> bool:
            daemons = server.ask(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
            return all(daemon["healthy"] for daemon in daemons if daemon["required"])

        wait_for(is_well, "the daemon")
