"""Datasets of this project: the raw tables, and a CSV file written in chunks."""

from flights.datasets.chunked_csv_dataset import ChunkedCSVDataset
from flights.datasets.nycflights13_dataset import NycFlights13Dataset

__all__ = ["ChunkedCSVDataset", "NycFlights13Dataset"]
