from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import encode
from fedmtl.exchange.signature import check_signature, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VECTOR = encode(np.arange(6, dtype=np.float32))
ANSWER = {"question": "ab12", "kind": "train", "text": '{"round": 3}', "vectors": {"head/depth": VECTOR}}


def test_an_answer_is_known_by_its_signature():
    check_signature(KEY.public_key(), sign(KEY, **ANSWER), **ANSWER)


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "ab13"},
        {"kind": "evaluate"},
        {"text": '{"round": 4}'},
        {"vectors": {}},
        {"vectors": {"head/edge": VECTOR}},
        {"vectors": {"head/depth": VECTOR, "head/edge": VECTOR}},
        {"vectors": {"head/depth": replace(VECTOR, dtype="float64")}},
        {"vectors": {"head/depth": replace(VECTOR, shape=(2, 3))}},
        {"vectors": {"head/depth": replace(VECTOR, stype="int8")}},
        {"vectors": {"head/depth": encode(np.arange(1, 7, dtype=np.float32))}},
    ],
    ids=str,
)
def test_nothing_of_an_answer_can_be_changed(changed):
    signature = sign(KEY, **ANSWER)
    with pytest.raises(ExchangeError, match="did not sign"):
        check_signature(KEY.public_key(), signature, **(ANSWER | changed))


def test_another_key_signs_nothing_for_a_site():
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(ExchangeError, match="did not sign"):
        check_signature(KEY.public_key(), sign(other, **ANSWER), **ANSWER)


@pytest.mark.parametrize("signature", [None, "text", 7])
def test_an_answer_without_a_signature_is_refused(signature):
    with pytest.raises(ExchangeError, match="not signed"):
        check_signature(KEY.public_key(), signature, **ANSWER)
