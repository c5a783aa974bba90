"""Tests of the Python package, in its order."""
