"""What the server checks of a client's reply before it believes any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded, decode
from fedmtl.exchange.codecs import Codec, Fp32, codec_of
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Description, TrainReport

FP32 = Fp32()


class Report(Protocol):
    """What every report says."""

    @property
    def client(self) -> str: ...

    @property
    def round(self) -> int: ...


def check_report(report: Report, client: str, round_number: int) -> None:
    """Raises ExchangeError where a report is another client's, or of another round (a replay)."""
    if report.client != client:
        raise ExchangeError(f"answers as '{report.client}'")
    if report.round != round_number:
        raise ExchangeError(f"answers for round {report.round} in round {round_number}")


def check_counts(report: TrainReport, description: Description) -> None:
    """Raises ExchangeError where a report counts images or tasks that the client said it does not have."""
    if report.images > description.images:
        raise ExchangeError(
            f"claims to have trained on {report.images} images, where it has {description.images}"
        )
    for task in (*report.labelled, *report.loss_sums, *report.loss_counts):
        if task not in description.labelled:
            raise ExchangeError(f"reports on '{task}', which it does not label")


def check_update(
    report: TrainReport,
    encoded: Mapping[str, Encoded],
    layouts: Mapping[str, Layout],
    largest_weights: Mapping[str, int],
    codec: Codec = FP32,
) -> dict[str, Vector]:
    """The update's vectors, read-only, once names, shapes, dtypes, values and weights are right.

    Args:
        layouts: the layout of every group that this client trains and shares.
        largest_weights: the most that each of them can weigh: the client's images, or labels of a task.
        codec: what updates are sent by.

    Raises:
        ExchangeError: says what is wrong, as the end of a sentence about the client.
    """
    for what, names in (("update", encoded), ("weight", report.weights)):
        if surplus := sorted(set(names) - set(layouts)):
            raise ExchangeError(f"sends the {what} of '{surplus[0]}', which it does not train")
        if absent := sorted(set(layouts) - set(names)):
            raise ExchangeError(f"sends no {what} of '{absent[0]}'")
    for group, weight in report.weights.items():
        if weight > largest_weights[group]:
            raise ExchangeError(
                f"claims weight {weight:g} for '{group}', where {largest_weights[group]} is the most it can have"
            )
    vectors = {}
    for group, layout in layouts.items():
        with _naming(f"an update of '{group}'"):
            vectors[group] = codec_of(group, layout, codec).decode(encoded[group], layout)
    return vectors


def check_statistics(
    encoded: Mapping[str, Encoded], sizes: Mapping[str, int]
) -> dict[str, NDArray[np.float64]]:
    """The statistics vectors by name, once they are those that were asked for.

    Args:
        sizes: name → the length of the vector, for every split and task that the client was to measure; see
            `fedmtl.training.statistics.statistics_name`.

    Raises:
        ExchangeError: as in `check_update`.
    """
    if set(encoded) != set(sizes):
        raise ExchangeError(f"sends statistics of {sorted(encoded)} where it was asked for {sorted(sizes)}")
    vectors = {}
    for name, size in sorted(sizes.items()):
        with _naming(f"statistics of '{name}'"):
            vectors[name] = decode(encoded[name], size, np.float64)
    return vectors


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Say in an ExchangeError about a payload what was to be in it."""
    try:
        yield
    except ExchangeError as error:
        raise ExchangeError(f"sends {what} that {error}") from error
