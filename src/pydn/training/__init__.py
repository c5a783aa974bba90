"""Training: schedules, steps, sessions, trainers, and what shows a training while it runs."""

from .history import History, read_history
from .live import LivePage
from .result import Score, TrainResult
from .schedule import Schedule
from .session import Session
from .step import Step
from .tensorboard import TensorBoard

__all__ = [
    "History",
    "LivePage",
    "Schedule",
    "Score",
    "Session",
    "Step",
    "TensorBoard",
    "TrainResult",
    "read_history",
]
