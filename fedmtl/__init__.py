"""fedmtl: one multi-task vision model, trained across sites that hold different images and different labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fedmtl.loading import load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> object:
    # `import fedmtl` alone does not import torch.
    if name == "load":
        from fedmtl.loading import load

        return load
    raise AttributeError(f"module 'fedmtl' has no attribute '{name}'")
