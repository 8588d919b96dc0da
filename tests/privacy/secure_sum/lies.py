"""A round in which the server can say something else than the truth."""

from dataclasses import dataclass

import msgspec
import numpy as np

from fedmtl.privacy.secure_sum import ServerRound, Weighted
from tests.privacy.secure_sum.federation import FIVE, Federation, held_by_first

ADA, BEN, CLEO, DAN, EVE = FIVE
GROUPS = {"all": held_by_first(5), "three": held_by_first(3)}
VALUES = {
    name: {
        client: Weighted(1.0, np.full(group.size, i, np.float32)) for i, client in enumerate(group.holders)
    }
    for name, group in GROUPS.items()
}


@dataclass
class Masked:
    """A round in which all but eve uploaded, so the truth is that eve dropped out."""

    federation: Federation
    server: ServerRound

    def __post_init__(self):
        self.requests = self.server.requests()

    def lie(self, client, **said):
        return msgspec.structs.replace(self.requests[client], **said)

    def unmask(self, client, request=None):
        return self.federation.do(client, "unmask", request or self.requests[client])


def masked(signed=False):
    federation = Federation(signed=signed)
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES, without=[EVE])
    return Masked(federation, server)
