def test_ops_of_several_jobs_have_definitions_of_their_own(translate_project):
    pipelines = "return {'__default__': Pipeline([n('b__c', ['r'], ['x']), n('c', ['r'], ['y'])])}"
    definitions = translate_project(
        pipelines, conf={"dagster.yml": "jobs: {a: {view: ops}, a__b: {view: ops}}"}
    ).definitions
    names = [op.name for job in ("a", "a__b") for op in definitions.resolve_job_def(job).all_node_defs]
    assert len(set(names)) == len(names) == 4


def test_a_job_of_a_pipeline_that_competes_can_be_made_of_ops(translate_project, problems_of):
    pipelines = """
        return {'__default__': Pipeline([n('a', ['r'], ['x'])]), 'other': Pipeline([n('b', ['r'], ['x'])])}
    """
    job = "jobs: {j: {pipeline: {pipeline_name: other}%s}}"
    [problem] = problems_of(pipelines, conf={"dagster.yml": job % ""})
    assert all(choice in problem.hint for choice in ("`assets.pipelines`", "`view: ops`", "`assets.key_prefix`"))
    found = translate_project(pipelines, conf={"dagster.yml": job % ", view: ops"}).definitions.resolve_job_def("j")
    assert [op.name for op in found.nodes] == ["b"]
