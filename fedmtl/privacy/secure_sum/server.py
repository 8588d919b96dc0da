"""The server's side of a secure round: collect, hand on what it cannot read, sum what is masked, and open the sums.

A bad message costs the client that sent it. Where too few are left, nothing is opened; `Outcome.unchanged` says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum import arrivals
from fedmtl.privacy.secure_sum.fixed_point import GroupSum
from fedmtl.privacy.secure_sum.messages import Confirmation, Deal, Delivery, Request, Revealed, Upload
from fedmtl.privacy.secure_sum.opening import open_sum, recover_secrets
from fedmtl.privacy.secure_sum.setup import Setup


class Outcome(NamedTuple):
    """What a secure round came to.

    Attributes:
        sums: group → its sum, over at least `min_holders` clients.
        unchanged: group of the setup → why it has none; a sentence.
        faulty: client → what it did wrong, where that was seen late; the end of a sentence.
    """

    sums: dict[str, GroupSum]
    unchanged: dict[str, str]
    faulty: dict[str, str]


class ServerRound:
    """One attempt at a secure round, in memory: after a crash it is begun again with another setup.

    Memory is a vector a group, and an upload that arrives. Whoever it raises ExchangeError about, with the end of a
    sentence, is out of the round.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._digest = setup.digest
        self._deals: dict[str, Deal] = {}
        self._dealt: frozenset[str] | None = None
        self._uploads: dict[str, tuple[frozenset[str], Upload]] = {}
        self._sums: dict[frozenset[str], dict[str, NDArray[Any]]] = {}
        self._requests: dict[str, Request] | None = None
        self._confirmations: dict[str, Confirmation] = {}
        self._revealed: dict[str, Revealed] = {}
        self._faulty: dict[str, str] = {}

    def add_deal(self, client: str, deal: Deal) -> None:
        """Keep a participant's sealed shares."""
        open_to = set(self.setup.participants) - set(self._deals) if self._dealt is None else ()
        arrivals.check_sender(deal, client, self._digest, open_to)
        arrivals.check_deal(deal, self.setup)
        self._deals[client] = deal

    def deliveries(self) -> dict[str, Delivery]:
        """What each participant that is still there gets of the others; none where they are fewer than the threshold.

        Deals that come later are refused.
        """
        self._dealt = frozenset(self._deals)
        if len(self._dealt) < self.setup.threshold:
            return {}
        return {
            receiver: Delivery(
                self._digest,
                {sender: deal.sealed[receiver] for sender, deal in self._deals.items() if sender != receiver},
            )
            for receiver in sorted(self._dealt)
        }

    def add_upload(self, client: str, upload: Upload, vectors: Mapping[str, NDArray[Any]]) -> None:
        """Add a client's masked vectors to the sums; they are looked at in full before, and not kept.

        Args:
            vectors: group → uint32 or uint64; they may be read-only.
        """
        dealt = self._dealt or frozenset()
        arrivals.check_sender(
            upload, client, self._digest, () if self._requests is not None else dealt - set(self._uploads)
        )
        view = arrivals.check_upload(upload, vectors, self.setup, dealt)
        sums = self._sums.setdefault(view, {})
        for group, vector in vectors.items():
            if group in sums:
                np.add(sums[group], vector, out=sums[group])
            else:
                sums[group] = vector.copy()
        self._uploads[client] = (view, upload)

    def requests(self) -> dict[str, Request]:
        """What is asked of whom to open the sums, or first to confirm; nobody where there is nothing to open.

        Uploads that come later are refused. Of clients that could read the shares of different others, those that most
        agree with are in the sum.
        """
        if self._requests is None:
            self._requests = self._ask()
        return self._requests

    def add_confirmation(self, client: str, confirmation: Confirmation) -> None:
        """Keep a client's word on what it was told."""
        requests = self.requests()
        arrivals.check_sender(confirmation, client, self._digest, set(requests) - set(self._confirmations))
        arrivals.check_confirmation(confirmation, requests[client].view)
        self._confirmations[client] = confirmation

    def confirmed_requests(self) -> dict[str, Request]:
        """What is asked of those who confirmed to open the sums; nobody where they are fewer than the threshold."""
        if len(self._confirmations) < self.setup.threshold:
            return {}
        requests = self.requests()
        return {
            receiver: Request(
                self._digest,
                *(requests[receiver].view, requests[receiver].alive, requests[receiver].dropped),
                requests[receiver].proofs,
                {
                    peer: other.marks[receiver]
                    for peer, other in self._confirmations.items()
                    if peer != receiver
                },
            )
            for receiver in self._confirmations
        }

    def add_revealed(self, client: str, revealed: Revealed) -> None:
        """Keep the shares that a client reveals."""
        requests = self.requests()
        arrivals.check_sender(revealed, client, self._digest, set(requests) - set(self._revealed))
        arrivals.check_revealed(revealed, requests[client], self.setup)
        self._revealed[client] = revealed

    def finish(self) -> Outcome:
        """The sums; each is opened once."""
        outcome = Outcome({}, {}, self._faulty)
        request = next(iter(self.requests().values()), None)
        enough = len(self._revealed) >= self.setup.threshold
        secrets = (
            recover_secrets(self.setup, request, self._deals, self._revealed) if request and enough else None
        )
        for group in sorted(self.setup.groups):
            if request is None or group not in self.setup.summed(frozenset(request.alive)):
                outcome.unchanged[group] = f"fewer than {self.setup.min_holders} of its holders sent it"
            elif secrets is None:
                outcome.unchanged[group] = (
                    f"{len(self._revealed)} clients helped to open it, {self.setup.threshold} are needed"
                )
            else:
                slots = self._sums[frozenset(request.view)].pop(group)
                try:
                    outcome.sums[group] = open_sum(self.setup, group, slots, request, self._deals, secrets)
                except ExchangeError as error:
                    outcome.unchanged[group] = str(error)
        if secrets is not None:
            self._faulty.update(secrets.faulty)
        return outcome

    def _ask(self) -> dict[str, Request]:
        views = Counter(view for view, _ in self._uploads.values())
        if not views:
            return {}
        view = max(views, key=lambda view: (views[view], len(view), sorted(view)))
        alive = tuple(
            sorted(client for client, (seen, _) in self._uploads.items() if seen == view and client in view)
        )
        for client, (_, upload) in self._uploads.items():
            if client not in alive:
                unread = "what it sealed" if client not in view else f"what {list(upload.unreadable)} sealed"
                self._faulty[client] = f"has no part in the sums, as {unread} could not be read"
        if not self.setup.summed(frozenset(alive)):
            return {}
        dropped = tuple(sorted(view - set(alive)))
        proofs = {client: self._uploads[client][1].proofs for client in alive}
        return {
            receiver: Request(
                self._digest,
                *(tuple(sorted(view)), alive, dropped),
                {sender: marks[receiver] for sender, marks in proofs.items() if sender != receiver},
                {},
            )
            for receiver in sorted(view)
        }
