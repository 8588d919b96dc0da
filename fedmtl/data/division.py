"""The rules by which clients divide a source.

Each takes the source, its name, and its clients sorted by name. Training images are always divided: no two
clients hold the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedmtl.config import ClientConfig, PartitionConfig, PartitionKind
from fedmtl.data.base import Source
from fedmtl.data.labels import dominant_classes
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.seeding import numpy_rng

Clients = Mapping[str, ClientConfig]


@dataclass
class Held:
    """What a rule gives to one client."""

    train: list[str] = field(default_factory=list)
    val: list[str] = field(default_factory=list)


def iid(name: str, source: Source, config: PartitionConfig, clients: Clients, seed: int) -> dict[str, Held]:
    """Random parts of the training images, in proportion to the clients' `share`, equal within one by default.

    The clients' images have one distribution, so each evaluates on all validation images: the same
    expectation, less variance.
    """
    train = _deal(source.ids("train"), clients, seed, name)
    return {client: Held(train[client], list(source.ids("val"))) for client in clients}


def dirichlet(
    name: str, source: Source, config: PartitionConfig, clients: Clients, seed: int
) -> dict[str, Held]:
    """Label skew (Hsu et al., arXiv:1909.06335): for each class, proportions over the clients ~ Dir(alpha · share).

    They divide the images, of training and of validation, in which the class is the most frequent one of
    `config.task`, or else of the first task that the first client names.
    """
    named = [task for client in clients.values() for task in client.tasks]
    task = config.task or (named or list(source.tasks))[0]
    held = {client: Held() for client in clients}
    concentration = [config.alpha * client.share for client in clients.values()]
    for split in ("train", "val"):
        ids = source.ids(split)
        classes = dominant_classes(source, ids, task)
        for index in np.unique(classes).tolist():
            proportions = numpy_rng(seed, name, "dirichlet", index).dirichlet(concentration)
            of_class = [sample_id for sample_id, its in zip(ids, classes, strict=True) if its == index]
            of_class = shuffle(of_class, seed, name, split, index)
            ends = np.round(np.cumsum(proportions) * len(of_class)).astype(int).tolist()
            for client, start, end in zip(clients, [0, *ends[:-1]], ends, strict=True):
                getattr(held[client], split).extend(of_class[start:end])
    for client, share in held.items():
        if not (share.train and share.val):
            raise ConfigError(
                f"data.partition.alpha: {config.alpha} leaves client '{client}' no "
                f"{'validation' if share.train else 'training'} image; it is too small for the "
                f"{len(clients)} clients of source '{name}'"
            )
    return held


def site(name: str, source: Source, config: PartitionConfig, clients: Clients, seed: int) -> dict[str, Held]:
    """A client holds the images of its sites; where no client names any, sites are dealt out in turn.

    Clients of the same site divide its training images, and share its validation images, as in `iid`.
    """
    train, val = _by_site(source, "train"), _by_site(source, "val")
    sites_of = _sites(name, clients, sorted(train.keys() | val.keys()))
    held = {client: Held() for client in clients}
    for each in sorted({each for sites in sites_of.values() for each in sites}):
        holders = {client: wanted for client, wanted in clients.items() if each in sites_of[client]}
        for client, part in _deal(train.get(each, []), holders, seed, name, each).items():
            held[client].train += part
            held[client].val += val.get(each, [])
    return held


DIVISIONS: dict[PartitionKind, Callable[[str, Source, PartitionConfig, Clients, int], dict[str, Held]]] = {
    PartitionKind.iid: iid,
    PartitionKind.dirichlet: dirichlet,
    PartitionKind.site: site,
}


def shuffle(ids: Sequence[str], seed: int, *words: str | int) -> list[str]:
    """`ids` in a random order that (seed, words) key."""
    return [ids[index] for index in numpy_rng(seed, "partition", *words).permutation(len(ids))]


def _deal(ids: Sequence[str], clients: Clients, seed: int, *words: str) -> dict[str, list[str]]:
    """Disjoint random parts, together all of `ids`, in proportion to the clients' shares."""
    shuffled = np.array(shuffle(ids, seed, *words, "deal"), dtype=object)
    owner = _turns(len(ids), [client.share for client in clients.values()])
    return {client: shuffled[owner == turn].tolist() for turn, client in enumerate(clients)}


def _turns(count: int, shares: Sequence[float]) -> NDArray[np.int64]:
    """Who gets each of `count` things when all are dealt out in proportion to `shares`: in turn, where these are equal.

    The k-th thing of a client with the share s falls due at (k − ½)/s (Sainte-Laguë).
    """
    parts = [count * share / sum(shares) for share in shares]
    due = [(np.arange(int(part) + 2) + 0.5) / part if part else np.empty(0) for part in parts]
    owner = np.repeat(np.arange(len(shares)), [len(each) for each in due])
    return owner[np.argsort(np.concatenate(due), kind="stable")[:count]]


def _by_site(source: Source, split: str) -> dict[str, list[str]]:
    images: dict[str, list[str]] = {}
    for sample_id in source.ids(split):
        if where := source.site(sample_id):
            images.setdefault(where, []).append(sample_id)
    return images


def _sites(name: str, clients: Clients, sites: Sequence[str]) -> dict[str, list[str]]:
    """The sites of each client: those that it names, or its turns."""
    if not sites:
        raise ConfigError(
            f"data.partition.kind: the images of source '{name}' have no sites; use iid or dirichlet"
        )
    for client, wanted in clients.items():
        for each in wanted.sites:
            if each not in sites:
                hint = did_you_mean(each, sites)
                raise ConfigError(f"clients.{client}.sites: source '{name}' has no site '{each}'; {hint}")
    silent = [client for client, wanted in clients.items() if not wanted.sites]
    if silent and len(silent) < len(clients):
        raise ConfigError(
            f"clients.{silent[0]}.sites: is empty while other clients of source '{name}' name sites"
        )
    if not silent:
        return {client: wanted.sites for client, wanted in clients.items()}
    turns: dict[str, list[str]] = {client: [] for client in clients}
    for turn in range(max(len(sites), len(clients))):
        turns[silent[turn % len(silent)]].append(sites[turn % len(sites)])
    return turns
