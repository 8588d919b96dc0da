"""Where the camera stands: never in anything, and where there is something to see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.rendering.camera import Camera
from fedmtl.data.rendering.floorplan import FloorPlan
from fedmtl.data.rendering.lens import Lens
from fedmtl.data.rendering.raycast import cast
from fedmtl.data.rendering.scene import Placed, Scene
from fedmtl.data.rendering.solids import SHELL

CANDIDATES = 4
"""Places that are looked from before one is taken."""
CLEARANCE = 0.3
"""Least distance from the camera to anything but a rug, metres."""
HEIGHTS = (1.15, 1.75)
"""Heights of the camera, metres."""
PREVIEW = (9, 12)
"""Height and width of the picture that a place is judged by."""
CLOSE = 1.2
"""What is nearer than this counts against a place, metres of depth."""


def stand(scene: Scene, plan: FloorPlan, lens: Lens, focus: Placed, anchor: Placed) -> Camera:
    """The best of some places: one that shows `focus`, `anchor` and many other things, none too close.

    Args:
        scene: what is seen.
        plan: the same room as a plan, and its random numbers.
        lens: of the camera.
        focus: what the camera is turned to, mostly.
        anchor: the piece that makes the room what it is.
    """
    rng = plan.rng
    wanted = [SHELL + plan.placed.index(placed) for placed in (focus, anchor)]
    targets = [
        np.array([placed.x, placed.y, placed.z + placed.thing.size[2] / 2]) for placed in (focus, anchor)
    ]
    rows, columns = (np.indices(PREVIEW).reshape(2, -1) + 0.5).astype(np.float64)

    def score(camera: Camera) -> float:
        hits = cast(scene.size, scene.solids, camera.position, camera.rays(rows, columns, PREVIEW))
        seen = set(scene.instance[hits.surface].tolist())
        close = np.count_nonzero(hits.distance < CLOSE) / len(rows)
        return len(seen) + 3 * sum(instance in seen for instance in wanted) - 15 * close

    cameras = []
    for _ in range(CANDIDATES):
        share = rng.uniform(0.3, 0.8)
        target = share * targets[0] + (1 - share) * targets[1] + rng.normal(0.0, (0.15, 0.15, 0.25))
        # Eyes do not stay on the floor.
        target[2] = max(target[2], rng.uniform(0.6, 1.4))
        place = _free_place(plan)
        cameras.append(Camera.looking_at(place, target, lens.focal, lens.distortion, rng.normal(0.0, 0.02)))
    return max(cameras, key=score)


def _free_place(plan: FloorPlan) -> NDArray[np.float64]:
    """Somewhere with nothing within `CLEARANCE`."""
    width, depth, _ = plan.size
    gap = CLEARANCE
    while True:
        x = plan.rng.uniform(gap, width - gap)
        y = plan.rng.uniform(gap, depth - gap)
        z = plan.rng.uniform(*HEIGHTS)
        if plan.free((x - gap, y - gap, z - gap, x + gap, y + gap, z + gap)):
            return np.array([x, y, z])
