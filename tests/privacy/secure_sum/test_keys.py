import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedmtl.errors import ExchangeError, RunError
from fedmtl.privacy.secure_sum import ClientRound, Keyring, PublicKey, check_public_key

ROSTER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_a_keyring_survives_its_process():
    ring = Keyring.create("run", "ada")
    ring.check({"ben": Keyring.create("run", "ben").public_key()}, None)
    ring.attempts.add("0" * 32)
    assert Keyring.from_bytes(ring.to_bytes()) == ring


def test_every_run_and_client_has_a_key_of_its_own():
    assert len({Keyring.create("run", "ada").private for _ in range(5)}) == 5


@pytest.mark.parametrize("kind", [Keyring, ClientRound])
@pytest.mark.parametrize("data", [b"", b"\x80", b"nonsense"])
def test_damaged_bytes(kind, data):
    with pytest.raises(RunError, match="damaged"):
        kind.from_bytes(data)


def test_a_signed_key():
    ring = Keyring.create("run", "ada")
    signed = ring.public_key(ROSTER_KEY)
    check_public_key("ada", "run", signed, ROSTER_KEY.public_key())
    check_public_key("ada", "run", ring.public_key())
    for client, run, public in (
        ("ben", "run", signed),
        ("ada", "other", signed),
        ("ada", "run", PublicKey(Keyring.create("run", "ada").public_key().key, signed.signature)),
        ("ada", "run", ring.public_key()),
    ):
        with pytest.raises(ExchangeError, match=r"not sign"):
            check_public_key(client, run, public, ROSTER_KEY.public_key())


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31)])
def test_a_key_that_would_make_every_secret_the_same(key):
    with pytest.raises(ExchangeError, match="the same secret with everybody"):
        check_public_key("ada", "run", PublicKey(key))


@pytest.mark.parametrize("text", ['{"key": "AAAA"}', '{"key": ""}', "{}"])
def test_a_key_has_256_bits(text):
    with pytest.raises(ExchangeError, match="no valid PublicKey"):
        PublicKey.from_json(text)
