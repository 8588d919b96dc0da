"""Boundaries as the field measures them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from fedmtl.tasks.base import Statistics, Task
from fedmtl.tasks.bsds.protocol import count_all
from fedmtl.tasks.edge import Edge
from fedmtl.tasks.thresholds import best_f

TOLERANCES = (0.0075, 0.011)
"""Of the image's diagonal: the field's on PASCAL-Context, and on NYUD-v2."""


class Boundary(Edge):
    """An `Edge` that is measured as in the Berkeley benchmark (`fedmtl.tasks.bsds`), at 0.1 to 0.3 s an image.

    Metrics, in percent, beside those of `Edge`, from counts pooled over all images; NaN where there is no boundary.
    For <d> = 0.0075, the field's tolerance on PASCAL-Context, and 0.011, that on NYUD-v2:

    * `odsF_<d>`: F of one-to-one matched pixels at the best threshold for all images;
    * `oisF_<d>`: F where every image has the threshold that is best for it.

    As there, suppression fades what lies on the image's outermost pixels: of a boundary along the frame even a perfect
    prediction is not found, so 100 is reached where there is none.
    """

    metric: ClassVar[str] = f"odsF_{TOLERANCES[0]:g}"

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Those of `Edge`, and counts of boundary pixels.

        `true` (), `predicted` (99,) and, for each <d>, `matched_<d>` (99,) at each threshold; at every image's own best
        threshold `own_predicted_<d>` and `own_matched_<d>` ().
        """
        score = output.detach()[:, 0].double().sigmoid().cpu().numpy()
        images = count_all(score, target[:, 0].to("cpu", torch.int8).numpy(), TOLERANCES)
        sums = {
            "true": sum(image.true for image in images),
            "predicted": sum(image.predicted for image in images),
        }
        for i, d in enumerate(TOLERANCES):
            sums[f"matched_{d:g}"] = sum(image.matched[i] for image in images)
            sums[f"own_predicted_{d:g}"] = sum(image.predicted[image.best(i)] for image in images)
            sums[f"own_matched_{d:g}"] = sum(image.matched[i, image.best(i)] for image in images)
        counts = {name: torch.from_numpy(np.asarray(total, np.float64)) for name, total in sums.items()}
        return super().statistics(output, target) | counts

    def thorough(self) -> Task:
        """Itself."""
        return self

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """Those of `Edge`, `odsF_<d>` and `oisF_<d>`, in percent."""
        true, predicted = statistics["true"], statistics["predicted"]
        values = super().metrics(statistics)
        for d in TOLERANCES:
            matched, own = statistics[f"matched_{d:g}"], statistics[f"own_matched_{d:g}"]
            values[f"odsF_{d:g}"] = best_f(matched / predicted, matched / true, 1)
            values[f"oisF_{d:g}"] = best_f(own / statistics[f"own_predicted_{d:g}"], own / true, 1)
        return values
