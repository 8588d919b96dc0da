"""Secure sums by group: the server learns the sum over a group's holders, and nothing of any one of them.

After Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS 2017. A round has
three exchanges, or four:

1. `Setup` → `Deal`: each participant makes a key and, per group that it holds, a seed, all of this round alone, and
   deals shares of them to everybody, sealed by keys that pairs of clients derive from their long-term ones.
2. `Delivery` → `Upload`: each adds to its vectors a mask from its own seed, and one for each pair of holders, which
   cancel in the sum.
3. `Request` → `Confirmation`, where clients have a roster: they tell each other what each was told.
4. `Request` → `Revealed`: shares of the seeds of who is alive, and of the keys of who dropped out.

Nothing here knows of Flower, torch or files.
"""

from fedmtl.privacy.secure_sum.client import ClientRound, Noise
from fedmtl.privacy.secure_sum.fixed_point import GroupSum, Means, Statistics, Weighted
from fedmtl.privacy.secure_sum.keys import Keyring, PublicKey, check_public_key
from fedmtl.privacy.secure_sum.messages import Confirmation, Deal, Delivery, Request, Revealed, Upload
from fedmtl.privacy.secure_sum.server import Outcome, ServerRound
from fedmtl.privacy.secure_sum.setup import Group, Setup

__all__ = [
    "ClientRound",
    "Confirmation",
    "Deal",
    "Delivery",
    "Group",
    "GroupSum",
    "Keyring",
    "Means",
    "Noise",
    "Outcome",
    "PublicKey",
    "Request",
    "Revealed",
    "ServerRound",
    "Setup",
    "Statistics",
    "Upload",
    "Weighted",
    "check_public_key",
]
