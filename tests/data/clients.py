"""Clients of a source of three sites, and their shares."""

from fedmtl.config import ClientConfig, DataConfig, PartitionConfig
from fedmtl.data import partition
from tests.data.memory import classified

TRAIN = [f"{site}/{index:02}" for site in ("north", "south", "west") for index in range(20)]
VAL = [f"{site}/v{index:02}" for site in ("north", "south", "west") for index in range(8)]
SOURCES = {"x": classified(TRAIN, VAL), "y": classified([f"y{i}" for i in range(9)], ["yv"])}
CLASS_OF = {
    sample_id: int(sample.labels["semseg"][0, 0]) for sample_id, sample in SOURCES["x"].samples.items()
}


def clients(*names, **options):
    return {name: ClientConfig(source="x", **options) for name in names}


def divide(kind, members, seed=0, alpha=10.0, task="semseg"):
    config = DataConfig(partition=PartitionConfig(kind=kind, alpha=alpha, task=task))
    return partition(SOURCES, config, members, seed)


def train_of(shares):
    return [sample_id for share in shares.values() for sample_id in share.train]


def sites_of(ids):
    return {sample_id.partition("/")[0] for sample_id in ids}
