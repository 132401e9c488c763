def test_a_step_has_the_tags_and_the_pool_of_its_nodes(translate_project):
    pipelines = """
        return {'__default__': Pipeline([
            n('a', ['r'], ['x'], tags=['gpu', 'slow']), n('b', ['x'], ['y']), n('c', ['r'], ['z'], tags=['slow']),
        ])}
    """
    translation = translate_project(
        pipelines, conf={"dagster.yml": "assets: {pools: {gpu: cards}}\njobs: {j: {view: ops}}"}
    )
    steps = {step.op.name: step.op for step in translation.assets if step.is_executable}
    found = {name: ({*op.tags} - {"kedro/nodes"}, op.pool) for name, op in steps.items()}
    assert found == {"a_and_b": ({"gpu", "slow"}, "cards"), "c": ({"slow"}, None)}
    ops = {op.name: op for op in translation.definitions.resolve_job_def("j").all_node_defs}
    assert {name: op.pool for name, op in ops.items()} == {"j__a": "cards", "j__b": None, "j__c": None}


def test_a_step_that_would_be_in_two_pools_is_reported(problems_of):
    pipelines = "return {'__default__': Pipeline([n('a', ['r'], ['x'], tags=['t']), n('b', ['x'], ['y'], tags=['u'])])}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": "assets: {pools: {t: one, u: two}}"})
    assert (problem.path, problem.found) == (
        "assets.pools.t",
        "the nodes a, b share a step and would be in the pools one, two.",
    )
