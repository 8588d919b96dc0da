import io

import numpy as np
import pytest
from PIL import Image

from fedmtl.data.files import FileError, MissingFileError, find_image, read_image, read_label

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".npy", ".tif", ".tiff"])
def test_every_suffix_of_images_is_found(tmp_path, suffix):
    (tmp_path / f"0001{suffix}").touch()
    assert find_image(tmp_path / "0001").name == f"0001{suffix}"


def test_a_dot_in_an_id_is_no_suffix(tmp_path):
    (tmp_path / "v1.5.png").touch()
    assert find_image(tmp_path / "v1.5").name == "v1.5.png"


def test_a_missing_and_an_ambiguous_image_are_named(tmp_path):
    with pytest.raises(MissingFileError, match="0001: there is no such image"):
        find_image(tmp_path / "0001")
    (tmp_path / "0001.png").touch()
    (tmp_path / "0001.jpg").touch()
    with pytest.raises(FileError, match=r"0001\.jpg: there is also 0001\.png"):
        find_image(tmp_path / "0001")


@pytest.mark.parametrize(
    ("mode", "channels"), [("RGB", 3), ("L", 1), ("1", 1), ("LA", 1), ("P", 3), ("RGBA", 3), ("CMYK", 3)]
)
def test_picture_modes_become_one_or_three_channels(tmp_path, mode, channels):
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.fromarray(RGB).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (6, 9, channels)
    assert image.dtype == np.uint8


def test_a_png_is_read_exactly(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), RGB)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float16, np.float32, np.float64])
def test_other_dtypes_become_float32_with_their_values(tmp_path, dtype):
    bands = RNG.integers(0, 1000, (4, 5, 30)).astype(dtype)
    np.save(tmp_path / "x.npy", bands)
    image = read_image(tmp_path / "x.npy")
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, bands)


def test_a_16_bit_png_is_one_float_channel(tmp_path):
    values = RNG.integers(0, 65536, (6, 9)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png")
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[:, :, 0], values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pages_of_a_tiff_are_bands(tmp_path, dtype):
    bands = RNG.integers(0, 256, (5, 6, 9)).astype(dtype)
    pages = [Image.fromarray(band) for band in bands]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), bands.transpose(1, 2, 0))


def test_pages_of_different_sizes_are_refused(tmp_path):
    pages = [Image.fromarray(np.zeros(size, np.uint8)) for size in ((4, 5), (4, 6))]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(FileError, match="pages of different sizes"):
        read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".npy"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_image_is_named(tmp_path, suffix, keep):
    path = tmp_path / f"x{suffix}"
    image = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.save(path, image) if suffix == ".npy" else Image.fromarray(image).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(FileError, match=f"x{suffix}: cannot be"):
        read_image(path)


@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it skips
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".npy"])
def test_whatever_is_damaged_is_an_error_of_the_file(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    np.save(path, RGB) if suffix == ".npy" else Image.fromarray(RGB).save(path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(min(len(whole), 300), size=3)] = rng.integers(256, size=3)
        path.write_bytes(damaged.tobytes())
        try:
            assert read_image(path).ndim == 3
        except FileError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((4, 5)), "has shape"),
        (np.zeros((4, 0, 3)), "has shape"),
        (np.zeros((4, 5, 3), complex), "has dtype complex128"),
        (np.full((4, 5, 3), np.nan), "not finite"),
        (np.full((4, 5, 3), 1e300), "not finite"),
        (np.array([[["text"]]]), "has dtype"),
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path, array, what):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(FileError, match=what):
        read_image(tmp_path / "x.npy")


def test_pickled_arrays_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[[{}]]]), allow_pickle=True)
    with pytest.raises(FileError, match="cannot be read"):
        read_image(tmp_path / "x.npy")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_label_is_read_as_stored(tmp_path, dtype):
    label = RNG.integers(0, np.iinfo(dtype).max, (6, 9), endpoint=True).astype(dtype)
    Image.fromarray(label).save(tmp_path / "x.png")
    raw = read_label(tmp_path / "x.png")
    assert raw.dtype == dtype
    np.testing.assert_array_equal(raw, label)


def test_a_label_with_a_palette_keeps_its_indices(tmp_path):
    picture = Image.fromarray(RNG.integers(0, 5, (6, 9), dtype=np.uint8))
    indices = np.array(picture)
    picture.putpalette(RNG.integers(0, 256, 768, dtype=np.uint8).tobytes())
    picture.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_label(tmp_path / "x.png"), indices)


def test_a_missing_and_a_damaged_label_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"x\.png: there is no such label"):
        read_label(tmp_path / "x.png")
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "png")
    (tmp_path / "x.png").write_bytes(buffer.getvalue()[:-40])
    with pytest.raises(FileError, match=r"x\.png: cannot be decoded"):
        read_label(tmp_path / "x.png")
