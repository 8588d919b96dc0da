"""A federation without a wire: keys, one round, and who drops out of it when."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedmtl.privacy.secure_sum import ClientRound, Group, Keyring, ServerRound, Setup

FIVE = ("ada", "ben", "cleo", "dan", "eve")
LARGEST = {"largest_change": 8.0, "largest_weight": 100.0}


def held_by_first(count, size=7, kind="mean"):
    """A group that the first `count` of `FIVE` hold."""
    return Group(FIVE[:count], size, kind)


class Federation:
    """Clients with keys, and of one attempt at a round the server's side and each client's.

    Messages go through JSON, and clients through bytes between exchanges: each could be a new process every time.
    """

    def __init__(self, clients=FIVE, *, signed=False, run="run"):
        self.clients = clients
        self.roster_keys = {client: Ed25519PrivateKey.generate() for client in clients} if signed else {}
        self.roster = (
            {client: key.public_key() for client, key in self.roster_keys.items()} if signed else None
        )
        self.keyrings = {client: Keyring.create(run, client) for client in clients}
        self.states = {}

    @property
    def keys(self):
        return {
            client: ring.public_key(self.roster_keys.get(client)) for client, ring in self.keyrings.items()
        }

    def setup(self, groups, round=1, **options):
        options = {"min_holders": 3, "confirm": self.roster is not None, **LARGEST, **options}
        return through_json(Setup.create("run", round, self.keys, groups, **options))

    def begin(self, setup, without=()):
        """The first exchange; the server's side of the round."""
        server, self.states = ServerRound(setup), {}
        for client in self.clients:
            if client not in without:
                server.add_deal(client, self.deal(client, setup))
        return server

    def deal(self, client, setup):
        ring = Keyring.from_bytes(self.keyrings[client].to_bytes())
        state, deal = ClientRound.deal(ring, setup, roster=self.roster)
        self.keyrings[client] = Keyring.from_bytes(ring.to_bytes())
        self.keep(client, state)
        return through_json(deal)

    def receive(self, deliveries, without=()):
        for client, delivery in deliveries.items():
            if client not in without:
                self.do(client, "receive", through_json(delivery))

    def upload(self, server, values, without=(), noise=None):
        """Everybody who received shares masks its part of `values`: group → client → what it has."""
        for client in list(self.states):
            if client not in without and self.states[client].stage == "received":
                server.add_upload(client, *self.mask(client, values, noise))

    def mask(self, client, values, noise=None):
        mine = {group: values[group][client] for group in self.states[client].expects()}
        upload, vectors = self.do(client, "mask", mine, noise)
        return through_json(upload), vectors

    def open(self, server, without=()):
        """The last exchanges; the outcome."""
        requests = server.requests()
        if server.setup.confirm:
            for client in requests:
                if client not in without:
                    word = self.do(client, "confirm", through_json(requests[client]))
                    server.add_confirmation(client, through_json(word))
            requests = server.confirmed_requests()
        for client in requests:
            if client not in without:
                revealed = self.do(client, "unmask", through_json(requests[client]))
                server.add_revealed(client, through_json(revealed))
        return server.finish()

    def round(self, setup, values, *, never=(), before=(), after=()):
        """A whole round; some never deal, some drop out before their upload and some after it."""
        server = self.begin(setup, never)
        self.receive(server.deliveries())
        self.upload(server, values, before)
        return self.open(server, {*before, *after})

    def do(self, client, what, *arguments):
        """Call a client, which is another process each time."""
        state = ClientRound.from_bytes(self.states[client].to_bytes())
        result = getattr(state, what)(*arguments)
        self.keep(client, state)
        return result

    def keep(self, client, state):
        self.states[client] = ClientRound.from_bytes(state.to_bytes())


def through_json(message):
    return type(message).from_json(message.to_json())
