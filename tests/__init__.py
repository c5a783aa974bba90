"""Python tests; a package, so that they can share the oracles in `reference`."""
