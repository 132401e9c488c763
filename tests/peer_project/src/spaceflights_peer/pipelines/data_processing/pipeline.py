from kedro.pipeline import node, pipeline

from ...settings import NAMESPACES
from .nodes import concatenate, join, preprocess_companies

MADE = "preprocessed_companies_dagster_partition"
DONE = "is_company_preprocessing_done"


def create_pipeline(**kwargs):
    data_processing = pipeline(
        [
            node(preprocess_companies, "companies_dagster_partition", [MADE, DONE], name="preprocess_companies_node"),
            node(concatenate, ["preprocessed_companies_partition", DONE], "preprocessed_companies", name="companies_node"),
            node(concatenate, "shuttles_partition", "shuttles", name="shuttles_node"),
            node(concatenate, "reviews_partition", "reviews", name="reviews_node"),
            node(join, ["shuttles", "preprocessed_companies", "reviews"], "model_input_table", name="join_node"),
        ]
    )
    external = {"companies_dagster_partition", "shuttles_partition", "reviews_partition"}
    return sum(
        pipeline(data_processing, inputs=external, namespace=namespace, tags=tags)
        for namespace, tags in NAMESPACES.items()
    )
