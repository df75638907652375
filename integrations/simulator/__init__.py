"""A crowd that does not exist: believable chat for rehearsals, for the demo, and for tests under load.

`crowd` is a pure generator: the same seed gives the same crowd. `SimulatedCrowds` plays it into polls
that were opened as simulated, `simulate_against` posts it to a running server as a stranger's script would.
"""

from integrations.simulator.against import SimulationRefused, Totals, simulate_against
from integrations.simulator.crowd import CrowdLine, crowd, expected_votes
from integrations.simulator.rehearsal import SimulatedCrowds

__all__ = [
    "CrowdLine",
    "SimulatedCrowds",
    "SimulationRefused",
    "Totals",
    "crowd",
    "expected_votes",
    "simulate_against",
]
