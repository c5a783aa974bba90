"""Every layer type on every engine, against the oracles in `tests/reference`."""
