"""From light to pixel values: exposure, vignetting, sensor noise, tone curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lens:
    """What a site's camera does to the light.

    Args:
        focal: focal length in image widths; 0.5 sees 90° across, 1 sees 53°.
        distortion: see `Camera`; below 0 is a pincushion, above 0 a barrel.
        exposure: pixel value per radiance, before the tone curve.
        vignetting: share of the light lost in the corners.
        noise: standard deviation of the sensor's noise at full signal, of full scale; it grows with the root
            of the signal, as photon noise does, from a tenth of that in the dark.
    """

    focal: float
    distortion: float
    exposure: float
    vignetting: float
    noise: float

    def develop(self, radiance: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
        """The image (H, W, 3) that the sensor makes of linear radiance (H, W, 3)."""
        height, width = radiance.shape[:2]
        y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None, None]
        x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :, None]
        vignette = (1.0 - self.vignetting * (x * x + y * y) / 2.0).astype(np.float32)
        signal = 1.0 - np.exp(-self.exposure * vignette * radiance)
        grain = rng.standard_normal(radiance.shape, dtype=np.float32)
        signal += self.noise * np.sqrt(signal + 0.01) * grain
        image: NDArray[np.uint8] = (np.sqrt(signal.clip(0.0, 1.0)) * 255.0 + 0.5).astype(np.uint8)
        return image
