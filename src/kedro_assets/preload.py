"""Imported by the multiprocess executor's forkserver, so that every step forks with its libraries loaded."""
