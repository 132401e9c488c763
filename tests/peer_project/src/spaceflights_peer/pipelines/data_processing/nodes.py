import pandas as pd


def preprocess_companies(companies):
    from kedro_dagster.logging import getLogger

    made = {}
    for name, load in companies.items():
        table = load()
        table["rating"] = table["rating"].str.rstrip("%").astype(float) / 100
        made[name.replace(".csv", "0.csv")] = table
        getLogger(__name__).info("%s has %s companies", name, len(table))
    return made, "__nothing__"


def concatenate(partitions, is_done=True):
    return pd.concat([partitions[name]() for name in sorted(partitions)])


def join(shuttles, companies, reviews):
    rated = shuttles.merge(reviews, left_on="id", right_on="shuttle_id").drop(columns="id")
    return rated.merge(companies, left_on="company_id", right_on="id")
