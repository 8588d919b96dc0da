import base64
import io

import numpy as np
import pytest
from PIL import Image

from fedmtl.errors import DataError
from fedmtl.reporting.panels import data_uri


@pytest.mark.parametrize("flipped", [False, True])
def test_png_holds_the_picture_exactly(flipped):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    if flipped:
        picture = picture[:, ::-1]
    header, encoded = data_uri(picture).split(",")
    assert header == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))), picture)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)],
    ids=["grey", "float", "rgba"],
)
def test_other_arrays_are_refused(picture):
    with pytest.raises(DataError, match="uint8, not"):
        data_uri(picture)
