"""The rules by which clients divide a source.

Each takes the source, its name, and its clients sorted by name. Training images are always divided: no two
clients hold the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

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
    """Random parts of the training images, their sizes equal within one.

    The clients' images have one distribution, so each evaluates on all validation images: the same
    expectation, less variance.
    """
    train = _deal(source.ids("train"), list(clients), seed, name)
    return {client: Held(train[client], list(source.ids("val"))) for client in clients}


def dirichlet(
    name: str, source: Source, config: PartitionConfig, clients: Clients, seed: int
) -> dict[str, Held]:
    """Label skew (Hsu et al., arXiv:1909.06335): for each class, proportions over the clients ~ Dir(alpha).

    They divide the images, of training and of validation, in which the class is the most frequent one of
    `config.task`, or else of the first task that the first client names.
    """
    named = [task for client in clients.values() for task in client.tasks]
    task = config.task or (named or list(source.tasks))[0]
    held = {client: Held() for client in clients}
    for split in ("train", "val"):
        ids = source.ids(split)
        classes = dominant_classes(source, ids, task)
        for index in np.unique(classes).tolist():
            proportions = numpy_rng(seed, name, "dirichlet", index).dirichlet([config.alpha] * len(clients))
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
        holders = [client for client in clients if each in sites_of[client]]
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


def _deal(ids: Sequence[str], clients: Sequence[str], seed: int, *words: str) -> dict[str, list[str]]:
    """Disjoint random parts, together all of `ids`, their sizes equal within one."""
    shuffled = shuffle(ids, seed, *words, "deal")
    return {client: shuffled[turn :: len(clients)] for turn, client in enumerate(clients)}


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
