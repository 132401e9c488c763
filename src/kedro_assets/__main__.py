"""`python -m kedro_assets`: the commands of `kedro assets`, with nothing but their answer on standard output."""

from kedro_assets.cli import main

if __name__ == "__main__":
    main()
