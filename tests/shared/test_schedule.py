"""Learning rates equal the reference's for every recorded schedule (`goldens/learning_rate`)."""

import json
from pathlib import Path

import pydn
from pydn.training import Schedule


def test_every_schedule(shared: Path) -> None:
    recorded = json.loads((shared / "goldens/learning_rate/learning_rate.json").read_text())
    assert len(recorded) >= 28
    for name, case in recorded.items():
        with pydn.load(case["cfg"].encode()) as net:
            rate = Schedule.of(net.facts(-1))
        for iteration, expected in case["rates"]:
            assert abs(rate(iteration) - expected) <= 1e-6 * abs(expected) + 1e-12, (name, iteration)
