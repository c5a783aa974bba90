"""Tests against the reference programs' numbers and real files, which lie outside the repository (see conftest.py)."""
