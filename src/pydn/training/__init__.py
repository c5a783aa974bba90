"""Training: schedules, steps, sessions, trainers."""

from .result import Score, TrainResult
from .schedule import Schedule
from .session import Session
from .step import Step

__all__ = ["Schedule", "Score", "Session", "Step", "TrainResult"]
