import pytest

from kedro_assets.errors import ConfigError, KedroAssetsError, Problem, Problems, StepError, dotted, suggest


def test_problems_are_raised_together_in_the_order_noted():
    problems = Problems()
    problems.add(("jobs", "b"), "second")
    problems.add(("jobs", "a"), "first")
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert [problem.path for problem in caught.value.problems] == ["jobs.b", "jobs.a"]


def test_without_problems_nothing_is_raised():
    Problems().raise_if_any()


def test_a_problem_is_noted_once():
    problems = Problems()
    for found in ("wrong", "wrong", "also wrong"):
        problems.add(("jobs", "a"), found)
    problems.add(("jobs", "b"), "wrong")
    assert [(problem.path, problem.found) for problem in problems] == [
        ("jobs.a", "wrong"),
        ("jobs.a", "also wrong"),
        ("jobs.b", "wrong"),
    ]
    assert len(problems) == 3


def test_a_problem_has_the_file_and_line_of_its_path():
    problems = Problems()
    problems.locate = lambda path: f"file:{len(path)}"
    problems.add(("jobs", "a"), "wrong")
    assert [problem.source for problem in problems] == ["file:2"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("jobs",), True),
        (("jobs", "nightly"), True),
        (("jobs", "night"), False),
        (("jobs", "nightly", "x", "y"), False),
    ],
    ids=["above", "at", "shorter name", "below"],
)
def test_problems_know_whether_there_is_one_at_a_path_or_below(path, expected):
    problems = Problems()
    problems.add(("jobs", "nightly", "x"), "wrong")
    assert problems.at(*path) is expected


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


def test_every_error_has_the_one_base():
    assert issubclass(ConfigError, KedroAssetsError)
    assert issubclass(StepError, KedroAssetsError)


def test_a_step_error_says_which_step_and_why():
    error = StepError("train", "ValueError: no data")
    assert (error.step_key, error.cause) == ("train", "ValueError: no data")
    assert str(error) == "Step 'train' failed: ValueError: no data"


def test_a_suggestion_shows_twelve_names_and_counts_the_rest():
    text = suggest("zzz", [f"n{number:02d}" for number in range(15)])
    assert text == "Allowed: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, n10, n11 and 3 more."


def test_a_suggestion_names_the_nearest_even_if_it_is_not_shown():
    assert suggest("n13x", [f"n{number:02d}" for number in range(15)]).startswith("Did you mean 'n13'? ")
