"""Training: schedules, steps, sessions."""

from .schedule import Schedule
from .session import Session
from .step import Step

__all__ = ["Schedule", "Session", "Step"]
