"""The model: any timm backbone, CT-MoA adapters, inter-task attention and one head a task."""

from fedmtl.models.groups import CONSTANT, Grouped, GroupName, Role, group_map, parse_group, role, weighted_by
from fedmtl.models.network import MultiTaskNetwork, Output

__all__ = [
    "CONSTANT",
    "GroupName",
    "Grouped",
    "MultiTaskNetwork",
    "Output",
    "Role",
    "group_map",
    "parse_group",
    "role",
    "weighted_by",
]
