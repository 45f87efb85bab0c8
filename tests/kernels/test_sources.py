"""Named kernels hold the numbers of the sources that they name."""

import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage import filters
from skimage.filters import edges

from cnnfilter import KERNELS, kernel

from ..reference import Array

cv2 = pytest.importorskip("cv2")


def matrix(name: str) -> Array:
    weights = kernel(name)
    assert isinstance(weights, np.ndarray)
    return weights


# Wikipedia, "Kernel (image processing)"; setosa.io/ev/image-kernels


PRINTED = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edge": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "box": [[1 / 9] * 3] * 3,
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "blur": [[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]],
}


@pytest.mark.parametrize("name", PRINTED)
def test_pages_print_these_numbers(name: str) -> None:
    assert_array_equal(matrix(name), PRINTED[name])


def test_wikipedias_unsharp_mask_has_476_in_the_middle() -> None:
    printed = [
        [1, 4, 6, 4, 1],
        [4, 16, 24, 16, 4],
        [6, 24, -476, 24, 6],
        [4, 16, 24, 16, 4],
        [1, 4, 6, 4, 1],
    ]
    assert_array_equal(matrix("unsharp") * -256, printed)


# OpenCV


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 11, 31])
def test_a_gaussian_without_sigma_is_opencvs(size: int) -> None:
    row = cv2.getGaussianKernel(size, 0, cv2.CV_64F).ravel()
    exact = {"rtol": 0, "atol": 0} if size <= 9 else {"rtol": 1e-13}
    assert_allclose(matrix(f"gaussian:{size}"), np.outer(row, row), **exact)
    assert_allclose(matrix(f"gaussian:1x{size}"), row[np.newaxis], **exact)


def test_a_gaussian_of_two_sizes_has_both_tables() -> None:
    rows = [cv2.getGaussianKernel(size, 0, cv2.CV_64F).ravel() for size in (3, 7)]
    assert_array_equal(matrix("gaussian:3x7"), np.outer(*rows))
    assert_array_equal(matrix("gaussian:7x3"), np.outer(*rows[::-1]))


@pytest.mark.parametrize(("name", "size"), [("sobel", 3), ("scharr", cv2.FILTER_SCHARR)])
def test_gradients_are_opencvs(name: str, size: int) -> None:
    across, down = cv2.getDerivKernels(1, 0, size)
    assert_array_equal(matrix(f"{name}-x"), np.outer(down, across))
    across, down = cv2.getDerivKernels(0, 1, size)
    assert_array_equal(matrix(f"{name}-y"), np.outer(down, across))


@pytest.mark.parametrize("angle", [0, 30, 90, 200])
@pytest.mark.parametrize("phase", [0, 40, 90, -135])
def test_gabor_is_opencvs(angle: int, phase: int) -> None:
    turned, shift = math.radians(angle), math.radians(phase)
    expected = cv2.getGaborKernel((11, 11), 2.8, turned, 5, 0.5, shift, cv2.CV_64F)
    assert_allclose(matrix(f"gabor:11,{angle},5,2.8,0.5,{phase}"), expected, atol=1e-14)


# SciPy and scikit-image


@pytest.mark.parametrize("name", ["sobel", "prewitt"])
def test_gradients_are_scipys(name: str) -> None:
    impulse = np.zeros((5, 5), int)
    impulse[2, 2] = 1
    for axis, way in enumerate("yx"):
        response = getattr(ndimage, name)(impulse, axis)[1:4, 1:4]
        assert_array_equal(matrix(f"{name}-{way}"), response[::-1, ::-1])


def test_weights_are_scikit_images() -> None:
    assert_array_equal(matrix("roberts-pos"), edges.ROBERTS_PD_WEIGHTS)
    assert_array_equal(matrix("roberts-neg"), edges.ROBERTS_ND_WEIGHTS)
    # These are convolved there, which turns them.
    assert_allclose(matrix("farid-x"), edges.VFARID_WEIGHTS[::-1, ::-1], rtol=1e-9)
    assert_allclose(matrix("farid-y"), edges.HFARID_WEIGHTS[::-1, ::-1], rtol=1e-9)
    impulse = np.zeros((3, 3))
    impulse[1, 1] = 1
    assert_array_equal(matrix("laplacian"), filters.laplace(impulse))


# ImageMagick


IMAGEMAGICK = {
    "frei-chen-x": "FreiChen",
    "kirsch-w": "Kirsch",
    "compass-w": "Compass",
    "laplacian-8": "Laplacian:0",
    "laplacian-corners": "Laplacian:2",
    "log-5": "Laplacian:15",
}


@pytest.mark.skipif(shutil.which("convert") is None, reason="ImageMagick is not installed")
@pytest.mark.parametrize("name", IMAGEMAGICK)
def test_matrices_are_imagemagicks(name: str) -> None:
    show = ["convert", "xc:red", "-define", "morphology:showkernel=1", "-morphology"]
    run = subprocess.run(
        [*show, "Convolve:1", IMAGEMAGICK[name], "null:"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = re.findall(r"^ *\d+: (.*)", run.stderr, re.MULTILINE)
    shown = np.array([line.split() for line in lines], float)
    if name == "frei-chen-x":  # convolution turns it
        shown = shown[::-1, ::-1]
    assert_allclose(matrix(name), shown, rtol=1e-5)  # six digits are shown


def test_every_source_that_is_a_program_is_held_against_it_above() -> None:
    programs = {
        name for name, entry in KERNELS.items()
        if re.search("OpenCV|SciPy|scikit-image|ImageMagick", entry.source)
    }  # fmt: skip
    tested = {"gaussian", "gabor", "laplacian", "laplacian-8", "laplacian-corners"}
    families = ("sobel", "scharr", "prewitt", "farid", "roberts", "frei-chen", "kirsch", "compass")
    rest = {name for name in programs if not name.startswith(families)}
    assert rest == tested | {"log-5"}
