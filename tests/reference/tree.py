"""Class trees: one node a line, "name parent", parent −1 for a root; siblings that follow each other are a group."""

from itertools import groupby


def group_sizes(text: bytes) -> list[int]:
    """How many nodes each group has, in the order of the file."""
    parents = [int(line.split()[1]) for line in text.decode().splitlines() if line.strip()]
    return [len(list(siblings)) for _, siblings in groupby(parents)]
