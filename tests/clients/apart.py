"""A method that tests go on: all is shared for some rounds, and then every client goes on alone."""

from dataclasses import dataclass

from fedmtl.aggregation import Phase
from fedmtl.aggregation.fedavg import FedAvg

NAME = f"{__name__}:Apart"


@dataclass(frozen=True)
class Apart(FedAvg):
    """FedAvg until the round `until`, and local training after it."""

    until: int = 1

    def personal(self, group):
        return True

    def travels(self, group, clock):
        return clock.round <= self.until

    def begin(self, group, received, kept, clock, signal=1.0):
        return kept if received is None else received

    def phases(self, clock):
        return (Phase(personal=True),)
