def test_jobs_whose_names_differ_only_in_what_dagster_does_not_allow_are_kept_apart(translate_project):
    translation = translate_project(conf={"dagster.yml": "jobs: {a b: {}, a-b: {}, a_b: {}}"})
    assert {name: job.definition.name for name, job in translation.jobs.items()} == {
        "a b": "a_b_2",
        "a-b": "a_b_3",
        "a_b": "a_b",
    }
