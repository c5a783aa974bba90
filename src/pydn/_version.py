"""The version; the build reads it here, for the package and for the engine."""

__version__ = "0.1.0"
