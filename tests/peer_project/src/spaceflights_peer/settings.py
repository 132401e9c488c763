CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}

NAMESPACES = {"reviews_predictor": ["base"], "price_predictor": ["base", "test1"]}
