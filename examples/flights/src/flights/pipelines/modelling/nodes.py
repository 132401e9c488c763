"""Train models that tell before departure whether a flight will arrive late, and compare them."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from kedro.utils import load_obj
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

logger = logging.getLogger(__name__)


def split_by_date(
    model_input: pd.DataFrame, test_from: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    """Split the flights in time: train on those before ``test_from``, test on the rest.

    A random split would put flights of the same stormy afternoon on both sides and flatter the models;
    a split in time asks what they will be asked in use. Returns the features for training and for
    testing, then the labels for training and for testing.
    """
    is_test = model_input["flight_date"] >= pd.Timestamp(test_from)
    train, test = model_input[~is_test], model_input[is_test]
    logger.info("%s flights to train on, %s to test on", f"{len(train):,}", f"{len(test):,}")
    return (
        train.drop(columns="is_late"),
        test.drop(columns="is_late"),
        train["is_late"],
        test["is_late"],
    )


def fit_model(
    X_train: pd.DataFrame, y_train: pd.Series, columns: dict[str, list[str]], model_options: dict[str, Any]
) -> Pipeline:
    """Fit a classifier, together with the preparation of its input.

    Missing numbers are replaced by the median and numbers are scaled; categories become indicator
    columns. The classifier is any class of scikit-learn: ``model_options`` names it and its arguments,
    so that two models differ in nothing but their parameters.
    """
    preparation = ColumnTransformer(
        [
            (
                "numeric",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                columns["numeric"],
            ),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), columns["categorical"]),
        ]
    )
    classifier = load_obj(model_options["estimator"])(**model_options["arguments"])
    return Pipeline([("preparation", preparation), ("classifier", classifier)]).fit(X_train, y_train)


def predict(model: Pipeline, X_test: pd.DataFrame) -> pd.DataFrame:
    """Predict for each flight of the test set the probability that it arrives late."""
    return pd.DataFrame(
        {
            "flight_id": X_test["flight_id"].to_numpy(),
            "late_probability": model.predict_proba(X_test)[:, 1].round(6),
        }
    )


def evaluate(predictions: pd.DataFrame, y_test: pd.Series) -> tuple[dict[str, float], pd.DataFrame]:
    """Measure how good the predicted probabilities are.

    Returns the metrics and the ROC curve, the latter at 101 evenly spaced false positive rates, which is
    all that a plot needs. ``brier_score_no_skill`` is what predicting the average for every flight would
    score: a model has to be lower than that to be of any use.
    """
    probability, truth = predictions["late_probability"], y_test.to_numpy()
    base_rate = truth.mean()
    metrics = {
        "late_share": base_rate,
        "mean_probability": probability.mean(),
        "roc_auc": roc_auc_score(truth, probability),
        "average_precision": average_precision_score(truth, probability),
        "log_loss": log_loss(truth, probability),
        "brier_score": brier_score_loss(truth, probability),
        "brier_score_no_skill": base_rate * (1 - base_rate),
    }
    false_positive_rate, true_positive_rate, _ = roc_curve(truth, probability)
    grid = np.linspace(0, 1, 101).round(2)
    curve = pd.DataFrame(
        {
            "false_positive_rate": grid,
            "true_positive_rate": np.interp(grid, false_positive_rate, true_positive_rate).round(4),
        }
    )
    return {"flights": len(truth), **{name: round(float(value), 4) for name, value in metrics.items()}}, curve


def compare_models(linear_metrics: dict[str, float], forest_metrics: dict[str, float]) -> dict[str, Any]:
    """Put the metrics of both models side by side and name the better one.

    The better model is the one with the larger area under the ROC curve: it ranks flights better by their
    risk of being late, whatever threshold is chosen later.
    """
    models = {"linear": linear_metrics, "forest": forest_metrics}
    best = max(models, key=lambda name: models[name]["roc_auc"])
    logger.info(
        "The %s model is best, with an area under the ROC curve of %.3f", best, models[best]["roc_auc"]
    )
    return {"best_model": best, "models": models}
