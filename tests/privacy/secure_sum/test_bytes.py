"""What a client sends in a round, all of it."""

import numpy as np

from fedmtl.privacy.secure_sum import Weighted
from tests.privacy.secure_sum.federation import FIVE, Federation, held_by_first


def test_a_parameter_takes_little_more_than_four_bytes():
    """A million parameters, five clients, four exchanges, one of which tells of a client that dropped out."""
    size, up = 1_000_000, dict.fromkeys(FIVE, 0)
    values = {"all": {client: Weighted(1.0, np.ones(size, np.float32)) for client in FIVE}}
    federation = Federation(signed=True)
    setup = federation.setup({"all": held_by_first(5, size)})
    server = federation.begin(setup)
    for client in FIVE:
        up[client] += len(server._deals[client].to_json())
    federation.receive(server.deliveries())
    for client in FIVE[1:]:
        upload, vectors = federation.mask(client, values)
        up[client] += len(upload.to_json()) + sum(vector.nbytes for vector in vectors.values())
        server.add_upload(client, upload, vectors)
    for client, request in server.requests().items():
        word = federation.do(client, "confirm", request)
        up[client] += len(word.to_json())
        server.add_confirmation(client, word)
    for client, request in server.confirmed_requests().items():
        revealed = federation.do(client, "unmask", request)
        up[client] += len(revealed.to_json())
        server.add_revealed(client, revealed)
    np.testing.assert_allclose(server.finish().sums["all"].mean, 1.0, atol=1e-5)
    assert up[FIVE[0]] < 3000
    assert max(up.values()) / size < 4.004
