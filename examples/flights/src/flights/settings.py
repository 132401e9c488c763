"""Project settings, read by Kedro when the project is bootstrapped.

See https://docs.kedro.org/en/stable/configure/configuration_basics/ for everything that can be set here.
"""

from flights.hooks import ProjectHooks

HOOKS = (ProjectHooks(),)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # "soft" merges nested parameters, so that an environment only has to name the values it changes
    # (see conf/fast/parameters.yml) instead of repeating whole blocks.
    "merge_strategy": {"parameters": "soft"},
}
