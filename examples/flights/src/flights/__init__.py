"""Why do flights from New York arrive late? A Kedro project on the flights of 2013."""

__version__ = "0.1.0"
