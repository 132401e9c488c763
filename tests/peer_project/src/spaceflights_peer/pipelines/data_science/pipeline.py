from kedro.pipeline import node, pipeline

from ...settings import NAMESPACES


def train(table, depth):
    return {"mean": float(table["score"].mean()), "depth": depth}


def create_pipeline(**kwargs):
    data_science = pipeline([node(train, ["model_input_table", "params:depth"], "regressor", name="train_node")])
    return sum(
        pipeline(data_science, namespace=namespace, tags=tags, parameters="params:depth")
        for namespace, tags in NAMESPACES.items()
    )
