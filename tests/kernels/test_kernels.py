"""Named kernels against their sources, and kernels from text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage import filters
from skimage.filters import edges

from cnnfilter import KERNELS, ArgumentError, KernelError, convolve, kernel

from ..reference import Array
from ..types import Dtype

DIRECTIONS = ["n", "nw", "w", "sw", "s", "se", "e", "ne"]  # counter-clockwise
SMOOTHING = ["identity", "box", "gaussian", "binomial", "blur", "motion"]


def matrix(name: str) -> Array:
    """Give a kernel that is no set."""
    weights = kernel(name)
    assert isinstance(weights, np.ndarray)
    return weights


def maps(name: str) -> list[Array]:
    """Give a set of kernels."""
    weights = kernel(name)
    assert isinstance(weights, list)
    return weights


def image(seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((12, 13)) * 255


def ring(weights: Array) -> list[object]:
    """The eight outer weights of a 3x3 kernel, counter-clockwise from the top left."""
    places = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    return [weights[place] for place in places]


# Every name


@pytest.mark.parametrize("name", list(KERNELS))
def test_every_name_gives_finite_weights_and_a_description(name: str) -> None:
    weights = kernel(name)
    for array in weights if isinstance(weights, list) else [weights]:
        assert array.ndim == 2
        assert array.dtype in (np.int64, np.float64)
        assert np.isfinite(array).all()
        assert array.any()
    assert KERNELS[name].description.strip()


@pytest.mark.parametrize("name", list(KERNELS))
def test_every_name_convolves(name: str) -> None:
    weights = kernel(name)
    result = convolve(image(), name, padding="same")
    shape = (12, 13, len(weights)) if isinstance(weights, list) else (12, 13)
    assert result.shape == shape


@pytest.mark.parametrize("name", list(KERNELS))
def test_changing_what_kernel_gives_does_not_change_the_name(name: str) -> None:
    def first() -> Array:
        weights = kernel(name)
        return weights[0] if isinstance(weights, list) else weights

    before = first().copy()
    weights = first()
    if weights.flags.writeable:
        weights += 1
    assert_array_equal(first(), before)


@pytest.mark.parametrize(
    "family",
    [
        "sharpen",
        "edge",
        "laplacian",
        "sobel",
        "prewitt",
        "scharr",
        "roberts",
        "kirsch",
        "compass",
        "emboss",
        "unsharp",
        "high-pass",
        "box",
        "gaussian",
        "log",
        "motion",
        "gabor",
        "identity",
    ],
)
def test_what_was_asked_for_is_there(family: str) -> None:
    assert family in KERNELS


@pytest.mark.parametrize("name", SMOOTHING)
def test_smoothing_kernels_sum_to_1(name: str) -> None:
    assert matrix(name).sum() == pytest.approx(1, abs=1e-14)
    assert (matrix(name) >= 0).all()


@pytest.mark.parametrize(
    "text",
    [
        "box:7",
        "box:2",
        "gaussian:9,3",
        "gaussian:3,0.2",
        "binomial:6",
        "motion:15,30",
        "motion:4,90",
    ],
)
def test_smoothing_kernels_always_sum_to_1(text: str) -> None:
    assert matrix(text).sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("name", ["sharpen", "sharpen-8", "unsharp", "emboss"])
def test_sharpening_keeps_the_brightness(name: str) -> None:
    assert matrix(name).sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    "name",
    [
        "edge",
        "outline",
        "high-pass",
        "log",
        "log-5",
        "dog",
        "laplacian",
        "laplacian-8",
        "laplacian-corners",
        "sobel",
        "prewitt",
        "scharr",
        "farid",
        "frei-chen",
        "roberts",
        "lines",
        "kirsch",
        "robinson",
        "compass",
    ],
)
def test_what_looks_for_change_is_0_on_a_constant_image(name: str) -> None:
    result = convolve(np.full((20, 20), 100.0), name, dtype=np.float64)
    assert_allclose(result, 0, atol=1e-9)


# Matrices as their sources have them


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("edge", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
        ("outline", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ("sobel-x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
        ("prewitt-x", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        ("scharr-x", [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]),
        ("laplacian", [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
        ("kirsch-n", [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]),
        ("kirsch-ne", [[-3, 5, 5], [-3, 0, 5], [-3, -3, -3]]),
    ],
)
def test_integer_kernels_are_as_published(name: str, expected: list[list[int]]) -> None:
    assert matrix(name).dtype == np.int64
    assert_array_equal(matrix(name), expected)


@pytest.mark.parametrize("name", ["sobel", "prewitt", "scharr", "farid", "frei-chen"])
def test_y_is_the_transpose_of_x(name: str) -> None:
    horizontal, vertical = maps(name)
    assert_array_equal(horizontal, matrix(f"{name}-x"))
    assert_array_equal(vertical, matrix(f"{name}-y"))
    assert_array_equal(vertical, horizontal.T)


@pytest.mark.parametrize("name", ["sobel", "prewitt", "scharr", "farid", "frei-chen"])
def test_x_answers_to_a_rise_from_left_to_right(name: str) -> None:
    ramp = np.tile(np.arange(9.0), (9, 1))
    assert (convolve(ramp, f"{name}-x") > 0).all()
    assert_allclose(convolve(ramp, f"{name}-y", dtype=np.float64), 0, atol=1e-12)
    assert (convolve(ramp.T, f"{name}-y") > 0).all()


# scikit-image divides by the sum of the positive weights, and convolves: its operators are
# turned by 180 degrees, which its weights make up for, but for Roberts'.
@pytest.mark.parametrize(
    ("name", "function", "scale"),
    [
        ("sobel-y", filters.sobel_h, 4),
        ("sobel-x", filters.sobel_v, 4),
        ("prewitt-y", filters.prewitt_h, 3),
        ("prewitt-x", filters.prewitt_v, 3),
        ("scharr-y", filters.scharr_h, 16),
        ("scharr-x", filters.scharr_v, 16),
        ("farid-y", filters.farid_h, 1),
        ("farid-x", filters.farid_v, 1),
        ("laplacian", filters.laplace, 1),
    ],
)
def test_responses_are_scikit_images(
    name: str, function: Callable[[Array], Array], scale: int
) -> None:
    result = convolve(image(), name, padding="same", border="symmetric")
    assert_allclose(result, function(image()) * scale, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "function"),
    [("roberts-pos", filters.roberts_pos_diag), ("roberts-neg", filters.roberts_neg_diag)],
)
def test_roberts_responses_are_scikit_images_with_the_other_sign(
    name: str, function: Callable[[Array], Array]
) -> None:
    assert_allclose(convolve(image(), name), -function(image())[:-1, :-1], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("roberts-pos", edges.ROBERTS_PD_WEIGHTS),
        ("roberts-neg", edges.ROBERTS_ND_WEIGHTS),
        ("farid-x", edges.VFARID_WEIGHTS[::-1, ::-1]),
        ("farid-y", edges.HFARID_WEIGHTS[::-1, ::-1]),
    ],
)
def test_matrices_are_scikit_images(name: str, weights: Array) -> None:
    assert_allclose(matrix(name), weights, rtol=1e-9)


@pytest.mark.parametrize("name", ["sobel", "prewitt"])
def test_responses_are_scipys(name: str) -> None:
    function = {"sobel": ndimage.sobel, "prewitt": ndimage.prewitt}[name]
    result = convolve(image(), name, padding="same", border="symmetric")
    expected = np.dstack([function(image(), 1), function(image(), 0)])
    assert_allclose(result, expected, rtol=1e-5, atol=1e-3)


def test_frei_chen_weighs_the_middle_by_the_root_of_2() -> None:
    root = np.sqrt(2)
    assert_allclose(matrix("frei-chen-x"), [[-1, 0, 1], [-root, 0, root], [-1, 0, 1]])


@pytest.mark.parametrize("name", ["kirsch", "robinson", "compass"])
def test_directions_are_one_kernel_turned_by_45_degrees(name: str) -> None:
    weights = maps(name)
    assert len(weights) == 8
    for number, direction in enumerate(DIRECTIONS):
        assert_array_equal(weights[number], matrix(f"{name}-{direction}"))
        turned = np.roll(ring(weights[0]), number).tolist()
        assert ring(weights[number]) == turned
        assert weights[number][1, 1] == weights[0][1, 1]


@pytest.mark.parametrize("name", ["kirsch", "robinson", "compass"])
@pytest.mark.parametrize(("number", "direction"), list(enumerate(DIRECTIONS)))
def test_a_direction_names_the_bright_side(name: str, number: int, direction: str) -> None:
    towards = {"n": (-1, 0), "s": (1, 0), "w": (0, -1), "e": (0, 1)}
    down, across = np.sum([towards[letter] for letter in direction], axis=0)
    rows, columns = np.mgrid[-1:2, -1:2]
    ramp = rows * down + columns * across
    answers = convolve(ramp, name)[0, 0]
    assert np.flatnonzero(answers == answers.max()).tolist() == [number]


@pytest.mark.parametrize(
    ("name", "lit"),
    [
        ("line-horizontal", [(1, 0), (1, 1), (1, 2)]),
        ("line-vertical", [(0, 1), (1, 1), (2, 1)]),
        ("line-rising", [(2, 0), (1, 1), (0, 2)]),
        ("line-falling", [(0, 0), (1, 1), (2, 2)]),
    ],
)
def test_line_kernels_answer_most_to_their_line(name: str, lit: list[tuple[int, int]]) -> None:
    line = np.zeros((3, 3), np.uint8)
    for place in lit:
        line[place] = 1
    assert convolve(line, name).item() == convolve(line, "lines").max() == 6


# Formulas


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
def test_box_is_the_mean(size: int) -> None:
    assert_allclose(matrix(f"box:{size}"), np.full((size, size), 1 / size**2), rtol=1e-15)


def test_box_is_3_by_3_by_default() -> None:
    assert_array_equal(matrix("box"), matrix("box:3"))


def test_box_takes_a_height_and_a_width() -> None:
    assert_allclose(matrix("box:2x5"), np.full((2, 5), 0.1))


@pytest.mark.parametrize(("size", "sigma"), [(5, 1.2), (3, 0.5), (9, 1.4), (11, 6.0)])
def test_gaussian_is_scipys_of_an_impulse(size: int, sigma: float) -> None:
    impulse = np.zeros((size, size))
    impulse[size // 2, size // 2] = 1
    expected = ndimage.gaussian_filter(impulse, sigma, radius=size // 2, mode="constant")
    assert_allclose(matrix(f"gaussian:{size},{sigma}"), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [4, 6, 11, 21])
def test_gaussians_sigma_follows_opencvs_rule_unless_given(size: int) -> None:
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    at = np.arange(size) - (size - 1) / 2
    profile = np.exp(-(at**2) / (2 * sigma**2))
    profile /= profile.sum()
    assert_allclose(matrix(f"gaussian:{size}"), np.outer(profile, profile), rtol=1e-12)


def test_gaussian_is_5_by_5_by_default() -> None:
    assert_array_equal(matrix("gaussian"), matrix("gaussian:5"))
    assert_array_equal(matrix("gaussian") * 256, np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]))


def test_binomial_is_pascals_triangle() -> None:
    assert_allclose(matrix("binomial:5") * 256, np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]))
    assert_allclose(matrix("blur") * 16, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_high_pass_is_the_pixel_less_the_mean() -> None:
    weights = matrix("high-pass")
    expected = -np.full(weights.shape, 1 / weights.size)
    expected[weights.shape[0] // 2, weights.shape[1] // 2] += 1
    assert_allclose(weights, expected)


@pytest.mark.parametrize(("text", "amount"), [("unsharp", 1), ("unsharp:5,1.1,2.5", 2.5)])
def test_unsharp_adds_what_a_gaussian_takes_away(text: str, amount: float) -> None:
    identity = np.zeros((5, 5))
    identity[2, 2] = 1
    smooth = matrix("gaussian:5,1.1" if "1.1" in text else "gaussian:5")
    expected = identity + amount * (identity - smooth)
    assert_allclose(matrix(text), expected, rtol=1e-12)


def test_log_is_the_formula_of_marr_and_hildreth_less_its_mean() -> None:
    rows, columns = np.mgrid[-4:5, -4:5]
    square = (rows**2 + columns**2) / (2 * 1.4**2)
    formula = (1 - square) * np.exp(-square) / (np.pi * 1.4**4)
    assert_allclose(matrix("log"), formula - formula.mean(), rtol=1e-9, atol=1e-12)


def test_dog_is_one_gaussian_less_another() -> None:
    assert_allclose(
        matrix("dog:11,1,2"), matrix("gaussian:11,1") - matrix("gaussian:11,2"), atol=1e-15
    )


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_gabor_is_scikit_images(angle: int) -> None:
    # scikit-image's gaussian is normalised, and its size follows from n_stds.
    wavelength, sigma, aspect = 5, 0.56 * 5, 0.5
    expected = filters.gabor_kernel(
        1 / wavelength,
        theta=np.deg2rad(angle),
        sigma_x=sigma,
        sigma_y=sigma / aspect,
        n_stds=5,
    ).real
    middle = expected.shape[0] // 2, expected.shape[1] // 2
    window = expected[middle[0] - 5 : middle[0] + 6, middle[1] - 5 : middle[1] + 6]
    assert_allclose(matrix(f"gabor:11,{angle}"), window / expected[middle], atol=1e-9)


def test_gabor_at_angle_0_answers_to_vertical_stripes() -> None:
    stripes = np.tile(np.cos(2 * np.pi * np.arange(11) / 5), (11, 1))
    upright = np.abs(convolve(stripes, "gabor:11,0", padding="same")).max()
    lying = np.abs(convolve(stripes, "gabor:11,90", padding="same")).max()
    assert upright > 5 * lying


def test_motion_at_0_degrees_is_a_row() -> None:
    weights = matrix("motion:9")
    assert_allclose(weights.sum(axis=0), np.full(9, 1 / 9))
    assert_allclose(weights[weights.shape[0] // 2], np.full(9, 1 / 9))


def test_motion_at_90_degrees_is_a_column() -> None:
    assert_allclose(matrix("motion:9,90"), matrix("motion:9").T, atol=1e-12)


def test_motion_turns_counter_clockwise() -> None:
    weights = matrix("motion:9,45")
    size = weights.shape[0]
    assert weights[0, size - 1] > 0
    assert weights[size - 1, 0] > 0
    assert weights[0, 0] == weights[size - 1, size - 1] == 0


# Parameters


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("box:0", "size"),
        ("box:-3", "size"),
        ("box:wide", "size"),
        ("box:2.5", "size"),
        ("box:3,5", "1"),
        ("gaussian:5,0", "sigma"),
        ("gaussian:5,-1", "sigma"),
        ("gaussian:5,nan", "sigma"),
        ("gaussian:5,1,1", "2"),
        ("gabor:11,up", "angle"),
        ("gabor:11,45,0", "wavelength"),
        ("motion:0", "length"),
        ("sharpen:3", "sharpen"),
        ("sobel:5", "sobel"),
    ],
)
def test_a_wrong_parameter_is_named(text: str, word: str) -> None:
    with pytest.raises(KernelError, match=word):
        kernel(text)


@pytest.mark.parametrize("text", ["box:100000000", "gaussian:100000000", "motion:100000000"])
def test_an_enormous_size_is_refused_before_it_takes_the_memory(text: str) -> None:
    with pytest.raises(KernelError):
        kernel(text)


def test_spaces_around_a_name_do_not_matter() -> None:
    assert_array_equal(matrix(" gaussian:5, 1.2 "), matrix("gaussian:5,1.2"))


# Unknown names


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("sharpn", "sharpen"),
        ("Sharpen", "sharpen"),
        ("gausian", "gaussian"),
        ("gausian:5,1", "gaussian"),
        ("sobelx", "sobel-x"),
        ("kirch", "kirsch"),
        ("laplacean", "laplacian"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(text: str, nearest: str) -> None:
    with pytest.raises(KernelError, match=f"'{nearest}'"):
        kernel(text)


def test_an_unknown_kernel_is_an_argument_error_and_a_value_error() -> None:
    assert issubclass(KernelError, ArgumentError)
    assert issubclass(KernelError, ValueError)
    with pytest.raises(KernelError, match="'sharpen'"):
        convolve(image(), "sharpn")


def test_a_text_is_never_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("1 2\n3 4\n")
    (tmp_path / "mine.txt").write_text("1 2\n3 4\n")
    monkeypatch.chdir(tmp_path)
    for text in ("mine", "mine.txt", "./mine.txt", str(tmp_path / "mine.txt")):
        with pytest.raises(KernelError):
            kernel(text)


# Text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2; 3 4", [[1, 2], [3, 4]]),
        ("1,2;3,4", [[1, 2], [3, 4]]),
        ("1, 2; 3, 4", [[1, 2], [3, 4]]),
        ("1 , 2 ;3\t4", [[1, 2], [3, 4]]),
        ("1 2\n3 4", [[1, 2], [3, 4]]),
        ("\n  1 2\n  3 4\n", [[1, 2], [3, 4]]),
        ("1 2\r\n3 4\r\n", [[1, 2], [3, 4]]),
        ("1 2; 3 4;", [[1, 2], [3, 4]]),
        ("1 2 3", [[1, 2, 3]]),
        ("1; 2; 3", [[1], [2], [3]]),
        ("5", [[5]]),
        ("-1 +2", [[-1, 2]]),
        ("1/2 -3/4", [[0.5, -0.75]]),
        ("1/9 2", [[1 / 9, 2]]),
        (".5 1.5 -0.25", [[0.5, 1.5, -0.25]]),
        ("1e-3 2E2", [[0.001, 200]]),
        ("0.5/2", [[0.25]]),
    ],
)
def test_text_gives_rows_of_numbers(text: str, expected: list[list[float]]) -> None:
    assert_array_equal(matrix(text), expected)


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("1 2; 3 4", np.int64),
        ("1.0 2", np.int64),
        ("4/2 1", np.int64),
        ("1/2 1", np.float64),
        ("0.1 1", np.float64),
    ],
)
def test_weights_are_integers_where_all_are_whole(text: str, dtype: Dtype) -> None:
    assert matrix(text).dtype == dtype


def test_nine_ninths_sum_to_1() -> None:
    weights = matrix("1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9")
    assert_array_equal(weights, matrix("box"))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("1 2; 3", "row 2 .*1.*row 1 .*2"),
        ("1 2; 3 4; 5 6 7", "row 3 .*3.*row 1 .*2"),
        ("1 2\n3 4 5", "row 2 .*3.*row 1 .*2"),
        ("1 x 3", "row 1, column 2.*'x'"),
        ("1 2; 3 four", "row 2, column 2.*'four'"),
        ("1 1/0", "row 1, column 2.*'1/0'"),
        ("1/2/3 1", "row 1, column 1.*'1/2/3'"),
        ("1 2; nan 4", "row 2, column 1.*'nan'"),
        ("1 inf", "row 1, column 2.*'inf'"),
        ("1,,2", "row 1, column 2"),
        ("1 2; 1e999 4", "row 2, column 1.*'1e999'"),
        ("1 0x10", "row 1, column 2.*'0x10'"),
        ("1 1+2j", r"row 1, column 2.*'1\+2j'"),
    ],
)
def test_malformed_text_says_where(text: str, where: str) -> None:
    with pytest.raises(KernelError, match=where):
        kernel(text)


@pytest.mark.parametrize("text", ["", "   ", ";", "\n\n", " ; ; "])
def test_empty_text_is_refused(text: str) -> None:
    with pytest.raises(KernelError, match="empty"):
        kernel(text)
