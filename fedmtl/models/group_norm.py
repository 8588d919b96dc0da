"""Group normalisation (Wu & He 2018) in place of batch normalisation, with the weights that there are.

Batch normalisation mixes the images of a batch, and keeps means of what it saw: with it there is no one image's share
of a gradient, and what it keeps is not protected by noise.
"""

from __future__ import annotations

from timm.layers.norm_act import BatchNormAct2d, GroupNormAct
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

MOST_GROUPS = 32
FEWEST_CHANNELS = 8
"""Of a group. A group of one channel would normalise away how strong a feature is in the whole image."""


def to_group_norm(body: nn.Module) -> None:
    """Replace every batch normalisation in `body`, in place.

    Scale, shift, epsilon, and the activation that timm's layers have within them stay; running statistics go.
    Parameters keep their names and shapes. Layers of other types are left as they are.
    """
    replaced: dict[nn.Module, nn.Module] = {}
    for parent in list(body.modules()):
        for name, child in parent._modules.items():  # named_children leaves out what is there twice
            if isinstance(child, _BatchNorm):
                if child not in replaced:
                    replaced[child] = _group_norm(child)
                setattr(parent, name, replaced[child])


def groups_of(channels: int) -> int:
    """How many groups: the most that divide the channels, within `MOST_GROUPS` and `FEWEST_CHANNELS`.

    >>> [groups_of(channels) for channels in (16, 24, 144, 1152, 13)]
    [2, 3, 18, 32, 1]
    """
    most = min(MOST_GROUPS, max(channels // FEWEST_CHANNELS, 1))
    return next(count for count in range(most, 0, -1) if channels % count == 0)


def _group_norm(norm: _BatchNorm) -> nn.Module:
    channels, groups = norm.num_features, groups_of(norm.num_features)
    new: nn.GroupNorm
    if isinstance(norm, BatchNormAct2d):
        new = GroupNormAct(channels, groups, eps=norm.eps, affine=norm.affine)
        new.drop, new.act = norm.drop, norm.act
    else:
        new = nn.GroupNorm(groups, channels, eps=norm.eps, affine=norm.affine)
    new.weight, new.bias = norm.weight, norm.bias
    for hooks in ("_forward_hooks", "_forward_pre_hooks"):  # by which timm takes some pyramids
        setattr(new, hooks, getattr(norm, hooks))
    return new.train(norm.training)
