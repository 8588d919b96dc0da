"""Images and labels: where they come from, who holds which, and how they become batches."""

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.data.dataset import ClientDataset
from fedmtl.data.folder import Folder
from fedmtl.data.holdout import HeldOut
from fedmtl.data.loader import Batch, make_loader
from fedmtl.data.partition import Share, expand_copies, partition
from fedmtl.data.refuse import refuse_broken
from fedmtl.data.write import write_folder
from fedmtl.registry import Registry

SOURCES = Registry(
    what="data source",
    base=Source,  # type: ignore[type-abstract]
    group="fedmtl.sources",
    builtin={
        "celeba": "fedmtl.data.celeba:CelebA",
        "cityscapes": "fedmtl.data.cityscapes:Cityscapes",
        "folder": "fedmtl.data.folder:Folder",
        "multi-mnist": "fedmtl.data.multi_mnist:MultiMnist",
        "nyud": "fedmtl.data.nyud:Nyud",
        "pascal-context": "fedmtl.data.pascal_context:PascalContext",
        "rooms": "fedmtl.data.rooms:Rooms",
        "taskonomy": "fedmtl.data.taskonomy:Taskonomy",
    },
)

__all__ = [
    "SOURCES",
    "Batch",
    "ClientDataset",
    "Folder",
    "HeldOut",
    "Problem",
    "Sample",
    "Share",
    "Source",
    "expand_copies",
    "make_loader",
    "partition",
    "refuse_broken",
    "write_folder",
]
