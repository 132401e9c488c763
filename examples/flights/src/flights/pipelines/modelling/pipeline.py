"""Two models, two instances of one pipeline."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.modelling.nodes import compare_models, evaluate, fit_model, predict, split_by_date

_MODELS = ("linear", "forest")


def create_model_pipeline() -> Pipeline:
    """Create the template of a model: fit it, predict with it, evaluate it.

    It is not run as such, but instantiated once for each namespace.
    """
    return Pipeline(
        [
            Node(
                fit_model,
                inputs=["X_train", "y_train", "params:modelling.columns", "params:model_options"],
                outputs="model",
                name="fit_model",
            ),
            Node(predict, inputs=["model", "X_test"], outputs="predictions", name="predict"),
            Node(
                evaluate, inputs=["predictions", "y_test"], outputs=["metrics", "roc_curve"], name="evaluate"
            ),
        ]
    )


def create_pipeline(**kwargs) -> Pipeline:
    """Create the modelling pipeline: a split shared by all models, the models, and their comparison.

    The namespace prefixes what belongs to one model: ``linear.model``, ``linear.predictions``,
    ``params:linear.model_options``. What all models share, and what they hand on to other pipelines,
    keeps a name without namespace.
    """
    split = Node(
        split_by_date,
        inputs=["model_input@pandas", "params:modelling.test_from"],
        outputs=["X_train", "X_test", "y_train", "y_test"],
        name="split_by_date",
    )
    models = [
        Pipeline(
            create_model_pipeline(),
            namespace=name,
            inputs={"X_train", "X_test", "y_train", "y_test"},
            outputs={"metrics": f"{name}_metrics", "roc_curve": f"{name}_roc_curve"},
            parameters={"params:modelling.columns"},
        )
        for name in _MODELS
    ]
    comparison = Node(
        compare_models,
        inputs=[f"{name}_metrics" for name in _MODELS],
        outputs="model_comparison",
        name="compare_models",
    )
    return Pipeline([split, *models, comparison], tags="training")
