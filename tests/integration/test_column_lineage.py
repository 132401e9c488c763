"""The lineage of the columns of Ibis tables, as the materializations of real runs on DuckDB have it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, run_command, write_project
from partitioned import between, run_job

pytest.importorskip("ibis")

NODES = """
    def join(orders, customers):
        return orders.join(customers, "customer")


    def add_up(joined):
        return joined.group_by("customer").agg(
            name=joined.name.max(), paid=(joined.amount * joined.price).sum(), orders=joined.count()
        )


    def rank(totals, orders):
        other = totals.get_backend().read_csv(FOLDER / "data" / "customers.csv")
        ranked = totals.order_by("paid").mutate(share=totals.paid / orders.amount.sum().as_scalar())
        return ranked.join(other[["customer", "city"]], "customer", how="left")[["name", "share", "city"]]


    def check(ranks):
        return ranks.to_pyarrow().num_rows
"""
PIPELINES = """{"__default__": pipeline([
    node(join, ["orders", "customers"], "joined", name="join"),
    node(add_up, "joined", "shop.totals", name="add_up"),
    node(rank, ["shop.totals", "orders"], "ranks@ibis", name="rank"),
    node(check, "ranks@ibis", "checked", name="check"),
])}"""
TABLE = "{type: ibis.FileDataset, file_format: FORMAT, filepath: data/NAME.FORMAT}"
TOTALS = {
    "customer": ["orders.customer"],
    "name": ["customers.name"],
    "orders": [],
    "paid": ["orders.amount", "orders.price"],
}
RANKS = {"name": ["shop/totals.name"], "share": ["orders.amount", "shop/totals.paid"]}


def table(name: str, kind: str = "csv") -> str:
    """A catalog entry for a file that Ibis reads and writes with DuckDB."""
    return f'"{name}": {TABLE}\n'.replace("NAME", name.partition("@")[0]).replace("FORMAT", kind)


def shop(folder: Path, dagster: str = "", **files: str) -> KedroProject:
    project = write_project(
        folder,
        nodes=f"from pathlib import Path\n\nFOLDER = Path(__file__).parents[2]\n{NODES.replace(chr(10) + '    ', chr(10))}",
        pipelines=PIPELINES,
        catalog=table("orders")
        + table("customers")
        + table("shop.totals", "parquet")
        + table("ranks@ibis", "parquet")
        + json_dataset("checked"),
        dagster=dagster,
    )
    project.write("data/orders.csv", "id,customer,amount,price\n1,1,2,3.5\n2,1,1,2.0\n3,2,4,1.0\n")
    project.write("data/customers.csv", "customer,name,city\n1,Ann,Bern\n2,Bob,Rome\n")
    for name, text in files.items():
        project.write(f"src/{project.package}/{name}.py", text)
    return project


def lineages(instance: dg.DagsterInstance, *keys: str) -> list[dict[str, list[str]] | None]:
    """Read the lineage of the columns of some assets from their last materializations."""
    found: list[dict[str, list[str]] | None] = []
    for key in keys:
        event = instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key))
        value = event.asset_materialization.metadata.get("dagster/column_lineage")
        found.append(value and written(value.value))
    return found


def written(lineage: dg.TableColumnLineage) -> dict[str, list[str]]:
    return {
        name: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps]
        for name, deps in lineage.deps_by_column.items()
    }


@pytest.mark.parametrize(
    ("dagster", "job"),
    [
        ("", "__default__"),
        ("assets: {memory_assets: false}", "__default__"),
        ("default_executor: {multiprocess: {max_concurrent: 1}}", "__default__"),
        ("jobs: {ops: {view: ops, pipeline: {}}}", "ops"),
    ],
    ids=["one step", "no assets in memory", "processes", "ops"],
)
def test_columns_lead_through_memory_to_what_is_stored(
    tmp_path: Path, instance: dg.DagsterInstance, dagster: str, job: str
) -> None:
    assert execute(shop(tmp_path, dagster), instance, job).success
    assert lineages(instance, "shop/totals", "ranks", "checked") == [TOTALS, RANKS, None]


def test_columns_lead_to_data_in_memory_that_is_materialized_itself(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    assert execute(shop(tmp_path, "assets: {cluster_by: node}"), instance).success
    joined, totals = lineages(instance, "joined", "shop/totals")
    assert (joined["customer"], joined["name"]) == (["orders.customer"], ["customers.name"])
    assert totals == {
        "customer": ["joined.customer"],
        "name": ["joined.name"],
        "orders": [],
        "paid": ["joined.amount", "joined.price"],
    }


def test_columns_lead_to_the_asset_keys_of_a_translator(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    translator = """
    from kedro_assets import KedroTranslator

    class Translator(KedroTranslator):
        def get_asset_spec(self, data):
            spec = super().get_asset_spec(data)
            return spec.replace_attributes(key=["lake", *spec.key.path])
    """
    project = shop(tmp_path, translator=translator)
    project.write("conf/base/dagster.yml", f"assets: {{translator: {project.package}.translator.Translator}}")
    assert execute(project, instance).success
    expected = {name: [f"lake/{dep}" for dep in deps] for name, deps in RANKS.items()}
    assert lineages(instance, "lake/ranks") == [expected]


def test_a_run_of_the_command_line_tells_where_a_column_comes_from_in_its_description(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = shop(tmp_path)
    run_command(project, "kedro", "assets", "run")
    event = instance.get_latest_materialization_event(dg.AssetKey("ranks"))
    schema = event.asset_materialization.metadata["dagster/column_schema"].value
    assert {column.name: column.description for column in schema.columns} == {
        "name": "From `shop/totals`.`name`",
        "share": "From `orders`.`amount`, `shop/totals`.`paid`",
        "city": None,
    }


def test_a_view_of_a_database_leads_to_the_table_it_is_made_from(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    database = f"connection: {{backend: duckdb, database: {tmp_path}/shop.db}}"
    project = write_project(
        tmp_path,
        nodes="""
            def store(raw):
                return raw

            def show(stored):
                return stored.select("a", c=stored.a + stored.b)
        """,
        pipelines="""{"__default__": pipeline([
            node(store, "raw", "stored", name="store"), node(show, "stored", "shown", name="show"),
        ])}""",
        catalog=f"""
            raw: {{type: ibis.FileDataset, file_format: csv, filepath: data/raw.csv, {database}}}
            stored: {{type: ibis.TableDataset, table_name: same, {database}, save_args: {{materialized: table}}}}
            shown: {{type: ibis.TableDataset, table_name: shown, {database}}}
        """,
    )
    project.write("data/raw.csv", "a,b\n1,2\n")
    assert execute(project, instance).success
    assert lineages(instance, "stored", "shown") == [
        {"a": ["raw.a"], "b": ["raw.b"]},
        {"a": ["stored.a"], "c": ["stored.a", "stored.b"]},
    ]


def test_each_partition_has_the_lineage_of_its_columns(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    place = "data/{}/${{runtime_params:partition_key}}.csv"
    entry = (
        "{}: {{type: ibis.FileDataset, file_format: csv, filepath: '{}', metadata: {{dagster: {{partitions: {}}}}}}}\n"
    )
    days = "{daily: {start_date: '2026-01-01', end_date: '2026-01-03'}}"
    project = write_project(
        tmp_path,
        nodes="def double(sales):\n    return sales.select(twice=sales.amount * 2)\n",
        pipelines='{"__default__": pipeline([node(double, "sales", "doubled", name="double")])}',
        catalog="".join(entry.format(name, place.format(name), days) for name in ("sales", "doubled")),
    )
    for day in ("2026-01-01", "2026-01-02"):
        project.write(f"data/sales/{day}.csv", "id,amount\n1,2\n")
    made = run_job(project, instance, "__default__", tags=between("2026-01-01", "2026-01-02"))
    assert made.error == ""
    assert lineages(instance, "doubled") == [{"twice": ["sales.amount"]}]
