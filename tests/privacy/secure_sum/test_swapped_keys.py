"""A server that hands around keys of its own is refused."""

import msgspec
import pytest

from fedmtl.errors import RefusalError
from fedmtl.privacy.secure_sum import Keyring
from tests.privacy.secure_sum.federation import Federation
from tests.privacy.secure_sum.lies import ADA, BEN, CLEO, GROUPS


def test_a_key_in_place_of_a_clients():
    federation = Federation()
    federation.begin(federation.setup(GROUPS))
    setup = federation.setup(GROUPS)
    swapped = Keyring.create("run", BEN).public_key()
    with pytest.raises(RefusalError, match="another key for client 'ben' than before"):
        federation.deal(ADA, msgspec.structs.replace(setup, keys={**setup.keys, BEN: swapped}))


def test_a_roster_vouches_for_keys_that_are_seen_for_the_first_time():
    federation = Federation(signed=True)
    honest = federation.setup(GROUPS)
    stranger = Keyring.create("run", BEN)
    for public, said in (
        (stranger.public_key(), "not signed"),
        (stranger.public_key(federation.roster_keys[CLEO]), "did not sign"),
        (Keyring.create("another", BEN).public_key(federation.roster_keys[BEN]), "did not sign"),
        (Keyring.create("run", CLEO).public_key(federation.roster_keys[BEN]), "did not sign"),
    ):
        with pytest.raises(RefusalError, match=f"client 'ben' has a key .* {said}"):
            federation.deal(ADA, msgspec.structs.replace(honest, keys={**honest.keys, BEN: public}))
    federation.deal(ADA, honest)


def test_clients_that_are_not_in_the_roster():
    federation = Federation(signed=True)
    setup = federation.setup(GROUPS)
    more = msgspec.structs.replace(
        setup, keys={**setup.keys, "zoe": Keyring.create("run", "zoe").public_key()}
    )
    with pytest.raises(RefusalError, match="'zoe', which is not in the roster"):
        federation.deal(ADA, more)


def test_without_a_roster_clients_may_come_later_and_none_may_change():
    federation = Federation()
    federation.begin(federation.setup(GROUPS))
    zoe = Keyring.create("run", "zoe").public_key()
    later = federation.setup(GROUPS)
    later = msgspec.structs.replace(later, keys={**later.keys, "zoe": zoe})
    federation.deal(ADA, later)
    again = federation.setup(GROUPS)
    other = Keyring.create("run", "zoe").public_key()
    with pytest.raises(RefusalError, match="another key for client 'zoe'"):
        federation.deal(ADA, msgspec.structs.replace(again, keys={**again.keys, "zoe": other}))
