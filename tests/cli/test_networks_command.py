"""Whole networks on the command line: predictions, layers, weights, and what is wrong with them."""

import importlib.util
import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image, ImageOps

from cnnfilter import Pipeline, read_image

from ..command import Run
from ..pictures import Images

SAMPLES = Path(__file__).parents[2] / "sample_images/digits"
HAS_SAFETENSORS = importlib.util.find_spec("safetensors") is not None
needs_safetensors = pytest.mark.skipif(not HAS_SAFETENSORS, reason="the extra weights is missing")
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnx") is None, reason="the extra onnx is missing"
)


@pytest.fixture
def digit(tmp_path: Path) -> np.ndarray:
    shutil.copy(SAMPLES / "two.png", tmp_path / "two.png")
    shutil.copy(SAMPLES / "seven.jpg", tmp_path / "seven.jpg")
    return Pipeline.of("digits").run(read_image(SAMPLES / "two.png"))


NET = """
labels = ["low", "high"]
[input]
shape = [2, 3, 1]
[[steps]]
name = "conv"
operation = "convolve"
kernel = "net.npz:conv.weight"
bias = "net.npz:conv.bias"
[[steps]]
operation = "flatten"
[[steps]]
name = "fc"
operation = "dense"
weights = "net.npz:fc.weight"
"""
CONV = np.array([[[[1, 2], [3, 4]]], [[[0, 0], [0, 1]]]], np.float32)  # (O, I, kH, kW)
FC = np.array([[1, 0, 0, 0], [0, 1, 1, 1]], np.float32)  # (O, I)
TENSORS = {"conv.weight": CONV, "conv.bias": np.array([1, -1], np.float32), "fc.weight": FC}


@pytest.fixture
def net(tmp_path: Path, images: Images) -> Path:
    (tmp_path / "net.toml").write_text(NET)
    np.savez(tmp_path / "net.npz", **TENSORS)
    images.matrix([[0, 1, 2], [3, 4, 5]])
    return tmp_path / "net.toml"


#: By hand: the maps are 0*1+1*2+3*3+4*4 + 1 = 28, 38 and 4 - 1 = 3, 4.
SCORES = {"low": 28.0, "high": 38.0 + 3 + 4}


# Predictions


def test_a_prediction_is_a_line_for_each_file(run: Run, digit: np.ndarray) -> None:
    result = run("pipeline", "digits", "two.png", "seven.jpg")
    assert result.status == 0
    lines = [line.split("\t") for line in result.text.splitlines()]
    assert [line[:2] for line in lines] == [["two.png", "2"], ["seven.jpg", "7"]]
    assert float(lines[0][2]) == pytest.approx(digit.max(), abs=1e-3)


def test_top_gives_more_on_the_line(run: Run, digit: np.ndarray) -> None:
    (line,) = run("pipeline", "digits", "two.png", "--top", "3").text.splitlines()
    file, *cells = line.split("\t")
    assert file == "two.png"
    order = np.argsort(-digit)[:3]
    assert cells[::2] == [str(index) for index in order]
    assert [float(cell) for cell in cells[1::2]] == pytest.approx(list(digit[order]), abs=1e-3)


def test_json_gives_all_classes(run: Run, digit: np.ndarray) -> None:
    result = run("pipeline", "digits", "two.png", "--format", "json")
    (line,) = result.text.splitlines()
    told = json.loads(line)
    assert told["file"] == "two.png"
    assert [each["label"] for each in told["classes"]] == [str(i) for i in np.argsort(-digit)]
    assert told["classes"][0]["probability"] == pytest.approx(float(digit.max()), abs=1e-6)


def test_a_prediction_from_standard_input(run: Run, digit: np.ndarray, tmp_path: Path) -> None:
    assert digit.argmax() == 2
    result = run("pipeline", "digits", "-", stdin=(tmp_path / "two.png").read_bytes())
    assert result.text.startswith("-\t2\t")


@pytest.mark.parametrize("format", ["npy", "csv", "tsv", "json"])
def test_output_writes_the_vector(format: str, run: Run, digit: np.ndarray, tmp_path: Path) -> None:
    result = run.ok("pipeline", "digits", "two.png", "-o", f"scores.{format}")
    assert result.text == ""
    path = tmp_path / f"scores.{format}"
    if format == "npy":
        written = np.load(path)
    elif format == "json":
        written = np.array(json.loads(path.read_text()))
    else:
        written = np.loadtxt(path, delimiter="," if format == "csv" else "\t")
    assert written.shape == (10,)
    np.testing.assert_allclose(written, digit, atol=1e-6)


def test_vectors_of_several_images_are_matrices_in_a_folder(
    run: Run, digit: np.ndarray, tmp_path: Path
) -> None:
    assert run("pipeline", "digits", "two.png", "seven.jpg", "-o", "out").status == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        "seven-digits.npy", "two-digits.npy",
    ]  # fmt: skip
    np.testing.assert_allclose(np.load(tmp_path / "out/two-digits.npy"), digit, atol=1e-6)


def test_print_prints_the_vector(run: Run, net: Path) -> None:
    assert run.ok("pipeline", net.name, "m.npy", "--print").text == "28\t45\n"


def test_scores_are_in_order_with_their_labels(run: Run, net: Path) -> None:
    result = run("pipeline", net.name, "m.npy", "--top", "2")
    assert (result.status, result.stderr) == (0, "")
    assert result.text == "m.npy\thigh\t45\tlow\t28\n"
    csv = run("pipeline", net.name, "m.npy", "--top", "2", "--format", "csv").text
    assert csv == "m.npy,high,45,low,28\n"
    told = json.loads(run("pipeline", net.name, "m.npy", "--format", "json").text)
    assert {each["label"]: each["score"] for each in told["classes"]} == SCORES


def test_one_image_that_does_not_fit_does_not_stop_the_others(
    run: Run, net: Path, images: Images
) -> None:
    images.matrix(np.ones((5, 5)), "large.npy")
    result = run("pipeline", net.name, "large.npy", "m.npy", "-q")
    assert result.status == 1
    assert result.text == "m.npy\thigh\t45\n"
    assert "2 x 3 x 1" in result.line
    assert "5 x 5 x 1" in result.line


def test_ink_on_transparent_ground_is_on_white_paper(run: Run, images: Images) -> None:
    with Image.open(SAMPLES / "two.png") as ink:
        page = Image.new("LA", ink.size)
        page.putalpha(ImageOps.invert(ink))
        images.save("clear.png", page)
    assert run("pipeline", "digits", "clear.png").text.startswith("clear.png\t2\t0.99")


def test_numbers_are_read_as_pixels_are(run: Run, images: Images) -> None:
    images.matrix(read_image(SAMPLES / "two.png").astype(np.float32), "two.npy")
    assert run("pipeline", "digits", "two.npy").text.startswith("two.npy\t2\t0.99")


def test_unsigned_features_are_in_order(run: Run, images: Images) -> None:
    images.matrix(np.array([[0, 5, 200]], np.uint8))
    assert run("pipeline", "flatten", "m.npy", "--top", "3").text == "m.npy\t2\t200\t1\t5\t0\t0\n"


def test_a_prediction_of_nan_is_none(run: Run, images: Images) -> None:
    images.matrix(np.array([[0, np.nan]]))
    assert "1 value(s)" in run.refused("pipeline", "flatten", "m.npy", status=1)


def test_labels_cannot_break_the_line_nor_colour_the_terminal(run: Run, net: Path) -> None:
    net.write_text(NET.replace('"high"', r'"hi\ngh\u001b[31m"'))
    text = run("pipeline", "net.toml", "m.npy").text
    assert text == "m.npy\thi\\ngh\\x1b[31m\t45\n"


def test_a_label_with_a_comma_is_quoted_in_csv(run: Run, net: Path) -> None:
    net.write_text(NET.replace('"high"', '"tench, Tinca tinca"'))
    text = run("pipeline", "net.toml", "m.npy", "--format", "csv").text
    assert text == 'm.npy,"tench, Tinca tinca",45\n'


# Layers


def test_stages_writes_every_layer(run: Run, net: Path, tmp_path: Path) -> None:
    run.ok("pipeline", net.name, "m.npy", "--stages", "layers")
    stages = {path.name: np.load(path) for path in (tmp_path / "layers").iterdir()}
    assert sorted(stages) == ["m-1-conv.npy", "m-2-flatten.npy", "m-3-fc.npy"]
    np.testing.assert_array_equal(stages["m-1-conv.npy"], [[[28, 3], [38, 4]]])
    np.testing.assert_array_equal(stages["m-2-flatten.npy"], [28, 38, 3, 4])


def test_stages_of_a_picture_are_pictures_that_show_something(
    run: Run, digit: np.ndarray, tmp_path: Path
) -> None:
    assert digit.shape == (10,)
    run.ok("pipeline", "digits", "two.png", "--stages", "layers")
    names = {path.name for path in (tmp_path / "layers").iterdir()}
    assert {
        "two-00.2-resize.png", "two-00.4-invert.png", "two-01-conv1-01.png", "two-12-pool3-64.png",
    } <= names  # fmt: skip
    assert "two-14-dense1.npy" in names
    maps = [read_image(tmp_path / f"layers/two-03-relu1-{n:02}.png") for n in range(1, 17)]
    assert max(int(each.max()) for each in maps) == 255
    assert min(int(each.min()) for each in maps) == 0


def test_a_summary_of_a_network_needs_no_image(run: Run) -> None:
    result = run("pipeline", "digits", "--summary")
    assert result.status == 0
    rows = [line.split("\t") for line in result.text.splitlines()]
    assert rows[1] == ["input", "", "28x28x1", "0", "0", "1x1"]
    # 3x3 taps, 16 filters and biases; each weight once for each of 28x28 places.
    assert rows[2] == ["1 conv1", "convolve padding=1", "28x28x16", "160", str(9 * 16 * 784), "3x3"]
    assert rows[3][3:] == ["64", str(16 * 784), "3x3"]
    assert rows[-1][0] == "total"
    assert rows[-1][3] == str(sum(int(row[3]) for row in rows[2:-1]))
    assert rows[-1][4] == str(sum(int(row[4]) for row in rows[2:-1]))


def test_networks_are_listed(run: Run) -> None:
    heading, digits = run("networks").text.splitlines()
    assert heading.split("\t")[0] == "network"
    assert digits.startswith("digits\t28x28x1\t0 1 2 3 4 5 6 7 8 9\t80106\tReads one")


def test_a_network_is_described(run: Run) -> None:
    facts = dict(line.split("\t") for line in run("networks", "digits").text.splitlines())
    assert facts["layers"] == "17"
    assert facts["preparation"].startswith("gray | resize size=28")


# Against another framework's activations


def saved(tmp_path: Path, **changes: np.ndarray) -> None:
    """Save the activations in PyTorch's order, some of them changed."""
    layers = dict(Pipeline.from_file(tmp_path / "net.toml").trace([[0, 1, 2], [3, 4, 5]]))
    arrays = {
        name: (np.moveaxis(array, -1, 0) if array.ndim == 3 else array)[np.newaxis]
        for name, array in layers.items()
    }
    np.savez(tmp_path / "a.npz", **(arrays | changes))


def test_layers_that_agree(run: Run, net: Path, tmp_path: Path) -> None:
    saved(net.parent)
    result = run.ok("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    rows = [line.split("\t") for line in result.text.splitlines()[1:]]
    assert [row[0] for row in rows] == ["conv", "flatten", "fc"]
    assert {row[-1] for row in rows} == {"agrees"}
    assert {float(row[4]) for row in rows} == {0}
    assert rows[0][2:4] == ["1x2x2", "1x2x1x2"]
    assert not list(tmp_path.glob("out*"))


def test_the_first_layer_that_differs_is_named(run: Run, net: Path) -> None:
    saved(net.parent, flatten=np.array([28, 3, 38, 4.0]))
    result = run("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    assert result.status == 1
    assert "flatten" in result.line
    rows = [line.split("\t") for line in result.text.splitlines()[1:]]
    assert [row[-1] for row in rows] == ["agrees", "differs", "agrees"]
    assert float(rows[1][4]) == 35


def test_activations_in_order_and_channels_last(run: Run, net: Path, tmp_path: Path) -> None:
    layers = Pipeline.from_file(net).trace([[0, 1, 2], [3, 4, 5]])
    np.savez(tmp_path / "a.npz", *(array for _, array in layers))
    assert run("pipeline", "net.toml", "m.npy", "--against", "a.npz").status == 0
    np.savez(tmp_path / "a.npz", np.array([[0, 1, 2], [3, 4, 5]]), *(array for _, array in layers))
    result = run("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    assert result.status == 0
    assert result.text.splitlines()[1].startswith("input\tarr_0\t")


def test_what_is_not_compared_is_named(run: Run, net: Path, tmp_path: Path) -> None:
    layers = dict(Pipeline.from_file(net).trace([[0, 1, 2], [3, 4, 5]]))
    np.savez(tmp_path / "a.npz", other=np.zeros(3), fc=layers["fc"], conv=layers["conv"])
    result = run("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    assert result.status == 0
    assert "2 layer(s) agree; not saved: flatten; saved without a layer: other" in result.line
    assert [line.split("\t")[0] for line in result.text.splitlines()[1:]] == ["conv", "fc"]


def test_layers_of_one_name_are_compared_in_order(run: Run, images: Images, tmp_path: Path) -> None:
    image = np.array([[-1.0, 2], [3, -4]])
    images.matrix(image)
    relu = np.maximum(image, 0)
    np.savez(tmp_path / "a.npz", relu, relu, relu[:1, :1] + 3)
    steps = "relu | relu | pool 2"
    assert run("pipeline", steps, "m.npy", "--against", "a.npz").status == 0


@needs_safetensors
def test_safetensors_have_no_order(run: Run, net: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({name: np.zeros(2) for name in "abc"}, tmp_path / "a.safetensors")
    line = run.refused("pipeline", net.name, "m.npy", "--against", "a.safetensors", status=2)
    assert "give them the layers' names" in line


def test_infinity_agrees_with_nothing(run: Run, net: Path) -> None:
    saved(net.parent, conv=np.full((1, 2, 1, 2), np.inf))
    result = run("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    assert result.status == 1
    assert "conv" in result.line


def test_a_shape_that_differs_is_a_difference(run: Run, net: Path) -> None:
    saved(net.parent, fc=np.zeros((1, 3)))
    result = run("pipeline", "net.toml", "m.npy", "--against", "a.npz")
    assert result.status == 1
    assert "fc" in result.line
    assert result.text.splitlines()[-1].split("\t")[2:5] == ["2", "1x3", ""]


def test_activations_of_other_layers_are_refused(run: Run, net: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    line = run.refused("pipeline", net.name, "m.npy", "--against", "a.npz", status=2)
    assert "1 activations (x)" in line
    assert "conv, flatten, fc" in line


# Weights and network files that are wrong


def _npz(**tensors: ArrayLike) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **(TENSORS | tensors))
    return buffer.getvalue()


def _without(name: str) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in TENSORS.items() if key != name})
    return buffer.getvalue()


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path("sprung").mkdir, ())


def _torchs() -> bytes:
    """Make a zip of pickles, as torch.save does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))
    return buffer.getvalue()


def _objects() -> bytes:
    buffer = io.BytesIO()
    values = np.empty((2, 2), object)
    np.savez(buffer, **{**TENSORS, "fc.weight": values})
    return buffer.getvalue()


def _with_nan() -> np.ndarray:
    values = CONV.copy()
    values[1, 0, 1, 0] = np.nan
    return values


BAD_WEIGHTS: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "missing tensor": (lambda: _without("fc.weight"), ["tensor 'fc.weight'", "conv.weight"]),
    "other shape": (
        lambda: _npz(**{"fc.weight": np.zeros((2, 5))}), ["step 3 (fc)", "(5, 2)", "4"]
    ),
    "other channels": (
        lambda: _npz(**{"conv.weight": np.zeros((2, 3, 2, 2))}),
        ["step 1 (conv)", "(2, 2, 3, 2)", "(2, 3, 1)", "3", "1"],
    ),
    "other layout": (
        lambda: _npz(**{"conv.weight": CONV.transpose(2, 3, 1, 0)}), ["step 1 (conv)", "layout"]
    ),
    "a vector": (lambda: _npz(**{"conv.weight": np.zeros(3)}), ["step 1", "(3,)"]),
    "NaN": (lambda: _npz(**{"conv.weight": _with_nan()}), ["step 1", "1 value(s)", "NaN"]),
    "infinite bias": (
        lambda: _npz(**{"conv.bias": np.array([1, np.inf])}), ["step 1", "bias", "infinite"]
    ),
    "biases": (lambda: _npz(**{"conv.bias": np.zeros(3)}), ["step 1", "3 biases", "(2, 2, 1, 2)"]),
    "words": (lambda: _npz(**{"fc.weight": np.array([["a"]])}), ["fc.weight", "numbers"]),
    "objects": (_objects, ["fc.weight", "objects"]),
    "a pickle": (lambda: pickle.dumps(_Trap()), ["not a readable .npz file"]),
    "torch.save": (_torchs, ["numpy.savez"]),
    "cut short": (lambda: _npz()[:300], ["not a readable .npz file"]),
    "empty": (lambda: b"", ["not a readable .npz file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_reported_in_one_line(case: str, run: Run, net: Path) -> None:
    make, words = BAD_WEIGHTS[case]
    (net.parent / "net.npz").write_bytes(make())
    line = run.refused("pipeline", "net.toml", "m.npy", "-o", "out.npy", status=2)
    assert line.startswith("cnnfilter: net.toml: ")
    assert [word for word in words if word not in line] == []


@needs_safetensors
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 4) + b"nope",
        struct.pack("<Q", 66)
        + b'{"conv.weight":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(66),
        pickle.dumps({"a": 1}),
    ],
)  # fmt: skip
def test_a_safetensors_file_with_a_false_header(content: bytes, run: Run, net: Path) -> None:
    net.write_text(NET.replace("net.npz", "net.safetensors"))
    (net.parent / "net.safetensors").write_bytes(content)
    line = run.refused("pipeline", "net.toml", "m.npy", status=2)
    assert "net.safetensors: not a readable .safetensors file" in line


@needs_safetensors
def test_bfloat16_is_read_as_the_float32_that_it_is(run: Run, net: Path) -> None:
    bits = {name: (each.view(np.uint32) >> 16).astype("<u2") for name, each in TENSORS.items()}
    header, data = {}, b""
    for name, each in bits.items():
        end = len(data) + each.nbytes
        header[name] = {
            "dtype": "BF16", "shape": list(each.shape), "data_offsets": [len(data), end],
        }  # fmt: skip
        data += each.tobytes()
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + data
    (net.parent / "net.safetensors").write_bytes(content)
    net.write_text(NET.replace("net.npz", "net.safetensors"))
    assert run.ok("pipeline", net.name, "m.npy", "--print").text == "28\t45\n"


BAD_FILES: dict[str, tuple[str, str, list[str]]] = {
    "labels": ('["low", "high"]', '["a", "b", "c"]', ["3 labels", "(2,)"]),
    "labels that are none": ('["low", "high"]', "3", ["labels"]),
    "labels of numbers": ('["low", "high"]', "[1, 2]", ["labels"]),
    "shape": ("[2, 3, 1]", "[2, 4, 1]", ["step 3 (fc)", "4", "6"]),
    "a shape of words": ("[2, 3, 1]", '"2y3"', ["input shape"]),
    "a shape too short": ("[2, 3, 1]", "[2]", ["shape"]),
    "a negative shape": ("[2, 3, 1]", "[-2, 3, 1]", ["input shape"]),
    "input": ("[input]\nshape = [2, 3, 1]", "input = 5", ["[input]"]),
    "entry": ("labels =", "label =", ["'label'", "'labels'"]),
    "layout": ("labels", 'layout = "IOHW"\nlabels', ["layout 'IOHW'", "OIHW"]),
    "operation": ('"dense"', '"dens"', ["step 3", "'dens'", "'dense'"]),
    "argument": ("weights =", "weight =", ["step 3", "'weight'", "'weights'"]),
    "no weights": ('weights = "net.npz:fc.weight"\n', "", ["step 3", "dense needs weights"]),
    "missing file": ("net.npz:fc", "nets.npz:fc", ["nets.npz", "no such file"]),
    "outside": ("net.npz:fc", "../net.npz:fc", ["../net.npz", "outside"]),
    "absolute": ("net.npz:fc", "/etc/net.npz:fc", ["/etc/net.npz", "outside"]),
    "nearest tensor": (
        "fc.weight", "fc.weights", ["'fc.weights'", "there are fc.weight, conv.weight"]
    ),
    "no tensor": ("net.npz:fc.weight", "net.npz", ["3 tensors", "net.npz:conv.weight"]),
    "not TOML": ("[input]", "[input", ["not a TOML file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_network_file_is_reported_in_one_line(case: str, run: Run, net: Path) -> None:
    old, new, words = BAD_FILES[case]
    assert old in NET
    net.write_text(NET.replace(old, new, 1))
    line = run.refused("pipeline", "net.toml", "m.npy", status=2)
    assert line.startswith("cnnfilter: net.toml: ")
    assert [word for word in words if word not in line] == []


def test_weights_linked_from_outside_are_refused(run: Run, net: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/net.toml").write_text(NET)
    (tmp_path / "in/net.npz").symlink_to("../net.npz")
    assert net.exists()
    assert "outside" in run.refused("pipeline", "in/net.toml", "m.npy", status=2)


def test_weights_are_inputs_that_are_never_written(run: Run, net: Path, images: Images) -> None:
    line = run.refused("pipeline", net.name, "m.npy", "-o", "net.npz", "--force", status=1)
    assert "net.npz: is an input itself" in line
    images.matrix(np.ones((2, 2)), "k.npy")
    line = run.refused("convolve", "-k", "k.npy", "m.npy", "-o", "k.npy", "--force", status=1)
    assert "k.npy: is an input itself" in line


@pytest.mark.parametrize("name", ["net.npz", "net.toml", "net.onnx"])
def test_a_pipe_is_not_waited_for(name: str, run: Run, net: Path) -> None:
    if name.endswith("onnx") and importlib.util.find_spec("onnx") is None:
        pytest.skip("the extra onnx is missing")
    pipe = net.with_name(name)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    result = run("pipeline", "net.toml" if name == "net.npz" else name, "m.npy")
    assert result.status == 2
    assert "is not a file" in result.line


@pytest.mark.parametrize("target", ["out.png", "out.tif", "out.jpg"])
def test_a_vector_is_no_picture(target: str, run: Run, net: Path) -> None:
    line = run.refused("pipeline", net.name, "m.npy", "-o", target, status=2)
    assert "vector" in line
    assert ".npy" in line


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["relu", "m.npy", "--top", "2"], 2, "--top"),
        (["net.toml", "m.npy", "--top", "0"], 2, "--top"),
        (["digit", "m.npy"], 2, "'digits'"),
        (["none.toml", "m.npy"], 2, "none.toml"),
        (["none.onnx", "m.npy"], 2, "none.onnx"),
        (["net.toml", "--against", "net.npz"], 2, "--against"),
        (["net.toml", "m.npy", "m.npy", "--against", "net.npz"], 2, "--against"),
        (["net.toml", "m.npy", "--against", "none.npz"], 2, "none.npz"),
        (["net.toml", "m.npy", "--against", "net.toml"], 2, "net.toml"),
        (["net.toml", "m.npy", "--shape", "3x3"], 2, "--shape"),
        (["net.toml", "--summary", "--shape", "5x5"], 1, "2 x 3 x 1"),
        (["net.toml", "--summary", "-o", "x.csv"], 2, "--summary"),
        (["net.toml", "m.npy", "--against", "net.npz", "--print"], 2, "--against"),
        (["net.toml", "m.npy", "--format", "png"], 2, "--format png"),
        (["net.toml", "m.npy", "--top", "2", "-o", "x.npy"], 2, "--top"),
        (["net.toml", "m.npy", "--range", "clip", "-o", "x.npy"], 2, "--range"),
        (["net.toml", "m.npy", "--stages", "st", "-o", "x.png"], 2, "vector"),
        (["net.toml", "m.npy", "--stages", ""], 2, "--stages"),
        (["net.toml", "--summary", "--at", "1,1"], 2, "--summary"),
        (["net.toml", "--summary", "--shape", "6"], 1, "2 x 3 x 1"),
        (["net.pt", "m.npy"], 2, "net.pt"),
        (["dense net.pt:fc.weight", "m.npy"], 2, "net.pt"),
        (["net.toml", "m.npy", "--print", "--at", "1,0"], 1, "1,0"),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: list[str], status: int, word: str, run: Run, net: Path
) -> None:
    assert net.exists()
    if "none.onnx" in arguments and importlib.util.find_spec("onnx") is None:
        pytest.skip("the extra onnx is missing")
    assert word in run.refused("pipeline", *arguments, status=status)


# import


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
         helper.make_node("Flatten", ["c"], ["y"], "flat")],
        "g",
        [helper.make_tensor_value_info("x", 1, ["N", 1, 2, 3])],
        [helper.make_tensor_value_info("y", 1, None)],
        [onnx.numpy_helper.from_array(CONV, "w")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


@needs_onnx
def test_import_writes_a_network_and_its_weights(
    run: Run, model: Path, images: Images, tmp_path: Path
) -> None:
    line = run.ok("import", model.name, "-o", "in/net.toml").line
    assert "in/net.toml, in/net.safetensors" in line
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [
        "net.safetensors", "net.toml",
    ]  # fmt: skip
    images.matrix(np.array([[0, 1, 2], [3, 4, 5]], np.float32))
    ours = run("pipeline", "in/net.toml", "m.npy", "--print", "-q").text
    assert ours == run("pipeline", "model.onnx", "m.npy", "--print", "-q").text == "27\t37\t4\t5\n"


@needs_onnx
@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["none.onnx"], 2, "none.onnx"),
        (["model.onnx", "-o", "net.json"], 2, ".toml"),
        (["model.toml"], 2, ".onnx"),
        (["cut.onnx", "-o", "net.toml"], 2, "cut.onnx"),
        (["model.onnx", "-o", "taken.toml"], 1, "taken.safetensors"),
    ],
)
def test_what_cannot_be_imported(
    arguments: list[str], status: int, word: str, run: Run, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:60])
    (tmp_path / "taken.safetensors").write_text("mine")
    assert word in run.refused("import", *arguments, status=status)
