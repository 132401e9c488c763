"""Texts of dagster.yml that are wrong, for what reads the file and what describes it."""

MISTAKES = """\
assets:
  cluster_bye: node
  memory_assets: "certainly"
executors:
  heavy:
    dask:
      cluster: {local: {}}
schedules:
  nightly:
    cron_schedule: every night
jobs:
  report:
    pipeline:
      pipeline_name: __defualt__
    executor: heavi
    schedule: nightly
"""

MISFITS = [
    ("assets: {key_prefix: [a/b]}", ""),
    (
        """
            schedules: {nightly: {cron_schedule: "@daily"}}
            jobs:
              a: {pipeline: {}, schedule: [nightly, nightly]}
            """,
        "",  # the two are told apart
    ),
    (
        """
            jobs:
              a-b: {pipeline: {}, schedule: {cron_schedule: "@daily"}}
              a_b: {pipeline: {}, schedule: {cron_schedule: "@daily"}}
            """,
        "",  # and so are two names that come to the same
    ),
    ("jobs: {a: {pipeline: {}, executor: {no_such: {}}}}", "jobs.a.executor.no_such"),
    ("default_executor: nowhere", "default_executor"),
    ("executors: {a: {multiprocess: {max_concurrent: many}}}", "executors.a.multiprocess.max_concurrent"),
    ("schedules: {a: {cron_schedule: '@daily', execution_timezone: Europe/Brelin}}", "schedules.a"),
    ("jobs: {a: {selection: '+++('}}", "jobs.a.selection"),
    ("jobs: {a: {selection: 'key:nowhere'}}", "jobs.a.selection"),
    ("jobs: {a: {pipeline: {tags: [nowhere]}}}", "jobs.a.pipeline.tags[0]"),
    ("jobs: {a: {pipeline: {pipeline_name: rival}}}", "jobs.a.pipeline.pipeline_name"),
    ("jobs: {a: {pipeline: {}, selection: 'key:raw'}}", "jobs.a"),
    ("assets: {pipelines: [__default__, rival]}", "assets.pipelines[1]"),
]
"""A dagster.yml, and the path that is reported."""


MISFITS += [
    ("executors: {e: {in_process: {1: 2}}}", "executors.e.in_process[1]"),
    ("executors: {e: {multiprocess: {retries: {enabled: {1: 2}}}}}", "executors.e.multiprocess.retries.enabled[1]"),
    ("jobs: {a: {selection: 'changed_in_branch:new'}}", "jobs.a.selection"),
    ("jobs: {a: {selection: 'table_name:x'}}", "jobs.a.selection"),
    ('assets: {pools: {t: "a\\nb"}}', "assets.pools.t"),
    ("assets: {pools: {t: ''}}", "assets.pools.t"),
    ("assets: {step_tags: {no_such: {a: b}}}", "assets.step_tags.no_such"),
    ("jobs: {a: {pipeline: {}, tags: {dagster/priority: high}}}", "jobs.a.tags.dagster/priority"),
    ("assets: {partitions: {doubled: {dynamic: ''}}}", "assets.partitions.doubled.dynamic"),
    ("assets: {partitions: {doubled: {static: [a, '']}}}", "assets.partitions.doubled.static[1]"),
    (
        "assets: {partitions: {doubled: {daily: {start_date: '2026-01-01', end_offset: 1000000000000}}}}",
        "assets.partitions.doubled.daily.end_offset",
    ),
]
