"""Depthwise convolutions that train fast on a CPU.

oneDNN, which computes them for torch, takes several times as long as it need for one of their parts: the gradient by
a weight wider than 3. That part is ours; all else is torch's.
"""

from fedmtl.models.depthwise.layers import Depthwise, quicken_depthwise

__all__ = ["Depthwise", "quicken_depthwise"]
