import pytest

from kedro_assets.errors import (
    ConfigError,
    InMemoryDataError,
    KedroAssetsError,
    PartitionError,
    Problem,
    ProjectError,
    RunError,
    Scope,
    StepError,
    dotted,
    suggest,
)


def test_errors_are_raised_together_in_the_order_of_the_report():
    problems = Scope()
    problems.at("jobs", "b").add("second")
    problems.at("jobs", "a").add("first")
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert [problem.path for problem in caught.value.problems] == ["jobs.b", "jobs.a"]


def test_without_errors_nothing_is_raised():
    problems = Scope()
    problems.at("jobs").raise_if_any()
    problems.raise_if_any()
    assert (len(problems), list(problems), problems.failed) == (0, [], False)


def test_an_error_is_reported_once_with_its_first_hint():
    problems = Scope()
    for found, hint in (("wrong", "Do this."), ("wrong", "Or that."), ("also wrong", "")):
        problems.at("jobs", "a").add(found, hint)
    problems.at("jobs").at("a").add("wrong")
    problems.at("jobs", "b").add("wrong")
    assert [(problem.path, problem.found, problem.hint) for problem in problems] == [
        ("jobs.a", "wrong", "Do this."),
        ("jobs.a", "also wrong", ""),
        ("jobs.b", "wrong", ""),
    ]
    assert len(problems) == 3


def test_a_scope_is_a_place_and_places_are_put_together():
    problems = Scope()
    assert problems.path == ()
    assert problems.at().path == ()
    assert problems.at("jobs", "a").at("schedule", 0).path == ("jobs", "a", "schedule", 0)


def test_all_scopes_of_one_share_what_is_reported():
    problems = Scope()
    job = problems.at("jobs", "a")
    job.at("schedule").add("wrong")
    assert [problem.path for problem in problems] == ["jobs.a.schedule"]
    with pytest.raises(ConfigError, match=r"jobs\.a\.schedule: wrong"):
        problems.raise_if_any()
    assert not Scope().failed


def test_a_scope_counts_yields_and_raises_only_what_is_inside():
    problems = Scope()
    problems.at("jobs", "a", "schedule").add("first")
    problems.at("jobs", "b").add("second")
    problems.at("jobs").add("third")
    job = problems.at("jobs", "a")
    assert ([problem.found for problem in job], len(job)) == (["first"], 1)
    assert ([problem.found for problem in problems.at("jobs")], len(problems)) == (["first", "second", "third"], 3)
    with pytest.raises(ConfigError) as caught:
        job.raise_if_any()
    assert len(caught.value.problems) == 1
    problems.at("jobs", "c").raise_if_any()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_an_error_has_the_file_and_line_of_its_path(before):
    problems = Scope()
    job = problems.at("jobs", "a")
    if before:
        job.add("wrong")
    problems.locate_with(lambda path: f"file:{len(path)}")
    if not before:
        job.add("wrong")
    assert [problem.source for problem in problems] == [problem.source for problem in job] == ["file:2"]


def test_a_file_is_looked_for_when_errors_are_shown_and_not_before():
    asked = []
    problems = Scope()
    problems.locate_with(lambda path: asked.append(path) or "file:1")
    problems.at("jobs").add("wrong")
    assert problems.failed
    assert (len(problems), asked) == (1, [])
    assert list(problems)
    assert asked == [("jobs",)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), True),
        (("jobs",), True),
        (("jobs", "nightly"), True),
        (("jobs", "nightly", "x"), True),
        (("jobs", "night"), False),
        (("jobs", "nightly", "x", "y"), False),
        (("executors",), False),
    ],
    ids=["whole", "above", "around", "at", "shorter name", "below", "beside"],
)
def test_a_scope_has_failed_if_there_is_an_error_at_its_path_or_below(path, expected):
    problems = Scope()
    problems.at("jobs", "nightly", "x").add("wrong")
    assert problems.at(*path).failed is expected


@pytest.mark.parametrize(
    ("path", "shown"),
    [(("a", 0, "b", "c.d"), "a[0].b.c.d"), (("a", 2.5), "a.2.5"), ((2.5, "a"), "2.5.a"), ((None,), "None")],
    ids=["usual", "number", "number first", "null"],
)
def test_any_path_can_be_written(path, shown):
    assert dotted(path) == shown


def test_the_message_counts_the_problems_and_shows_each_with_its_place_and_hint():
    error = ConfigError(
        [Problem("jobs.a", "is wrong.", "Do this.", "conf/base/dagster.yml:3"), Problem("b", "is too.")]
    )
    assert str(error).splitlines() == [
        "2 problems in the project's configuration:",
        "  conf/base/dagster.yml:3  jobs.a: is wrong.",
        "      Do this.",
        "  b: is too.",
    ]


def test_one_problem_is_one_problem():
    assert str(ConfigError([Problem("a", "x")])).startswith("1 problem in")


@pytest.mark.parametrize("error", [ConfigError, InMemoryDataError, PartitionError, ProjectError, RunError, StepError])
def test_every_error_has_the_one_base(error):
    assert issubclass(error, KedroAssetsError)


def test_a_run_error_says_which_run_and_why():
    error = RunError("8f2a", "it was killed")
    assert (error.run_id, error.cause) == ("8f2a", "it was killed")
    assert str(error) == "Run '8f2a' failed: it was killed"


def test_a_step_error_says_which_step_and_why():
    error = StepError("train", "ValueError: no data")
    assert (error.step_key, error.cause) == ("train", "ValueError: no data")
    assert str(error) == "Step 'train' failed: ValueError: no data"
    told = "Node 'forest.train' failed: ValueError: no data"
    assert str(StepError("train", told)) == told


def test_a_suggestion_shows_twelve_names_and_counts_the_rest():
    text = suggest("zzz", [f"n{number:02d}" for number in range(15)])
    assert text == "Allowed: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, n10, n11 and 3 more."


def test_a_suggestion_names_the_nearest_even_if_it_is_not_shown():
    assert suggest("n13x", [f"n{number:02d}" for number in range(15)]).startswith("Did you mean 'n13'? ")


def test_the_nearest_of_many_names_is_found():
    names = [f"job_{i}" for i in range(1000)]
    assert "Did you mean 'nightly'?" in suggest("nigthly", [*names, "nightly"])
    assert "Did you mean 'job_777'?" in suggest("job_7777", names)
