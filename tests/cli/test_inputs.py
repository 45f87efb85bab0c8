"""What a run reads, it never writes; what never ends, it does not read to the end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfilter.batch.ledger import LEDGER
from cnnfilter.errors import FileError
from cnnfilter.files import opening, output

from ..command import Run
from ..pictures import Images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of all kinds of files that runs read, all with names that results can have."""
    image = np.arange(64, dtype=np.float64).reshape(8, 8)
    np.save(tmp_path / "a.npy", image)
    np.save(tmp_path / "kernel.npy", np.ones((2, 2)))
    np.savez(tmp_path / "first.npz", weights=np.ones((2, 2)))
    np.savez(tmp_path / "second.npz", weights=np.ones((2, 2)))
    np.savez(tmp_path / "acts.npz", input=image, relu=image)
    (tmp_path / "list.csv").write_text("a.npy\n")
    (tmp_path / "net.toml").write_text(
        "[[steps]]\noperation = 'convolve'\nkernel = 'first.npz:weights'\n"
        "[[steps]]\noperation = 'convolve'\nkernel = 'second.npz:weights'\n"
    )
    (tmp_path / "sub").mkdir()
    return tmp_path


def names_of(file: str, folder: Path) -> list[str]:
    """Return four names of one file."""
    suffix = Path(file).suffix
    os.link(folder / file, folder / f"hard{suffix}")
    (folder / f"soft{suffix}").symlink_to(file)
    return [file, f"hard{suffix}", f"soft{suffix}", f"sub/../{file}", f"gone/../{file}"]


READERS = [
    (("pool", "a.npy"), "a.npy"),
    (("pool", "--files-from", "list.csv"), "list.csv"),
    (("convolve", "-k", "kernel.npy", "a.npy"), "kernel.npy"),
    (("convolve", "-k", "edge", "-k", "first.npz:weights", "a.npy"), "first.npz"),
    (("pipeline", "relu | convolve 'first.npz:weights'", "a.npy"), "first.npz"),
    (("pipeline", "net.toml", "a.npy"), "second.npz"),
    (("pipeline", "net.toml", "a.npy", "--step", "1"), "second.npz"),
    (("pipeline", "net.toml", "a.npy", "--format", "npy"), "net.toml"),
    (("split-channels", "a.npy"), "a.npy"),
]


@pytest.mark.parametrize(("words", "file"), READERS)
def test_no_result_and_no_report_replaces_an_input(
    words: Sequence[str], file: str, folder: Path, run: Run
) -> None:
    names = names_of(file, folder)
    before = run.snapshot()
    commands = [
        [*words, option, name, "--force"] for name in names for option in ("-o", "--report")
    ]
    found = run.statuses(commands)
    assert 0 not in found, list(zip(commands, found, strict=True))
    assert run.snapshot() == before


@pytest.mark.usefixtures("folder")
def test_no_page_replaces_an_input(run: Run) -> None:
    before = run.snapshot()
    files = ("a.npy", "net.toml", "first.npz", "second.npz", "sub/../second.npz")
    words = ["explain", "net.toml", "a.npy", "--step", "1", "--force", "--html"]
    assert 0 not in run.statuses([[*words, file] for file in files])
    assert run.snapshot() == before


def test_no_drawing_replaces_an_input(images: Images, folder: Path, run: Run) -> None:
    images.photo("photo.png")
    os.link(folder / "first.npz", folder / "w.npz")
    for link in ("w.png", "w.gif"):
        (folder / link).symlink_to("w.npz")
    before = run.snapshot()
    words = ["pipeline", "convolve 'w.npz:weights'", "photo.png", "--force"]
    drawings = [("--plot", "photo.png"), ("--sheet", "photo.png"), ("--plot", "w.png"),
                ("--sheet", "w.png"), ("--animate", "w.gif")]  # fmt: skip
    assert 0 not in run.statuses([[*words, *each] for each in drawings])
    assert run.snapshot() == before


def test_no_stage_replaces_an_input(folder: Path, run: Run) -> None:
    os.link(folder / "first.npz", folder / "sub/a-1-convolve.npy")
    words = ("pipeline", "net.toml", "a.npy", "--stages", "sub", "-o", "out.npy", "--force")
    assert "is an input itself" in run.refused(*words, status=1)


def test_what_standard_input_comes_from_is_an_input(
    folder: Path, command: str, environment: dict[str, str]
) -> None:
    before = (folder / "a.npy").read_bytes()
    for words in (["pool", "-", "-o"], ["explain", "pool 2", "-", "--html"]):
        with (folder / "a.npy").open("rb") as file:
            done = subprocess.run(
                [command, *words, "a.npy", "--force"],
                cwd=folder, env=environment, stdin=file, capture_output=True, check=False,
            )  # fmt: skip
        assert done.returncode == 1
        assert b"is an input itself" in done.stderr
    assert (folder / "a.npy").read_bytes() == before


@pytest.fixture
def model(folder: Path) -> Path:
    """An ONNX model whose weights lie next to it, those of a constant node too."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper

    def beside(name: str, values: np.ndarray, file: str) -> Any:
        tensor = numpy_helper.from_array(values.astype(np.float32), name)
        (folder / file).write_bytes(tensor.raw_data)
        onnx.external_data_helper.set_external_data(tensor, file)
        tensor.ClearField("raw_data")
        return tensor

    nodes = [
        helper.make_node("Constant", [], ["bias"], value=beside("c", np.ones(1), "bias.npy")),
        helper.make_node("Conv", ["x", "w", "bias"], ["y"], kernel_shape=[2, 2]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", 1, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", 1, [1, 1, 7, 7])],
        [beside("w", np.ones((1, 1, 2, 2)), "model.safetensors")],
    )  # fmt: skip
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / "model.onnx").write_bytes(whole.SerializeToString())
    return folder / "model.onnx"


@pytest.mark.usefixtures("model")
def test_the_weights_next_to_an_onnx_model_are_inputs(run: Run) -> None:
    before = run.snapshot()
    npy = ("--format", "npy", "--force")
    assert 0 not in run.statuses(
        [
            ["pipeline", "model.onnx", "a.npy", "-o", "model.safetensors", *npy],
            ["pipeline", "model.onnx", "a.npy", "-o", "bias.npy", *npy],
            ["pipeline", "model.onnx", "a.npy", "-o", "sub/../bias.npy", *npy],
            ["pipeline", "model.onnx", "a.npy", "-o", "model.onnx", *npy],
            ["pipeline", "model.onnx", "a.npy", "-o", "y.npy", "--report", "bias.npy", "--force"],
            ["explain", "model.onnx", "a.npy", "--html", "bias.npy", "--force"],
            ["import", "model.onnx", "--force"],
            ["import", "model.onnx", "-o", "sub/../model.toml", "--force"],
        ]
    )
    assert run.snapshot() == before
    assert run.statuses([["import", "model.onnx", "-o", "other.toml"]]) == [0]
    assert run.statuses([["pipeline", "model.onnx", "a.npy", "-o", "y.npy"]]) == [0]


# Lists


def test_a_list_of_no_end_is_refused(
    folder: Path, command: str, environment: dict[str, str]
) -> None:
    for line in (b"a.npy\n", b"\n", b"x" * 4096):
        with subprocess.Popen(
            [command, "pool", "--files-from", "-", "-o", "out/"],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdin is not None
            assert process.stderr is not None
            block, fed = line * (2**20 // len(line)), 0
            try:
                while fed < 2**28:
                    fed += process.stdin.write(block)
                process.stdin.close()
            except BrokenPipeError:
                pass
            told = process.stderr.read().decode()
        assert fed < 2**28
        assert process.returncode == 2
        assert told.count("\n") == 1
        assert "128 MiB" in told


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero"])
def test_a_device_is_neither_a_list_nor_an_image(device: str, run: Run) -> None:
    if not Path(device).is_char_device():
        pytest.skip(f"there is no {device}")
    commands = [
        ["pool", "--files-from", device, "-o", "out/"],
        ["pool", device],
        ["explain", "pool 2", device],
        ["convolve", "-k", device, "a.npy"],
        ["pipeline", "relu", "a.npy", "--against", device],
    ]
    found = run.each(commands)
    assert [status for status, _ in found] == [2, 1, 1, 2, 2]
    assert all(line.startswith(f"cnnfilter: {device}: is ") for _, line in found)
    assert all(line.count("\n") == 1 for _, line in found)


def test_an_impossible_path_in_a_list_is_reported_with_its_line(folder: Path, run: Run) -> None:
    (folder / "l").write_bytes(b"a.npy\nx\0y\n\n" + b"z" * 40_000 + b"\nkernel.npy\n")
    result = run("pool", "--files-from", "l", "-o", "out/")
    assert result.status == 1
    first, second, *rest = result.stderr.splitlines()
    assert first == "cnnfilter: l: line 2 holds a NUL; --null reads lists that are separated by it"
    assert second == "cnnfilter: l: line 4 is longer than 32768 bytes"
    assert rest[-1].startswith("cnnfilter: 2 done, 0 skipped, 2 failed")


def test_ten_of_many_impossible_paths_are_reported(folder: Path, run: Run) -> None:
    (folder / "l").write_bytes(b"x\0y\n" * 500 + b"a.npy\n")
    result = run("pool", "--files-from", "l", "-o", "out/", "-q")
    assert result.status == 1
    assert len(result.stderr.splitlines()) == 11
    assert result.stderr.endswith("cnnfilter: and 490 more lines that cannot be a path\n")


def test_more_names_than_a_million_are_refused(folder: Path, run: Run) -> None:
    (folder / "l").write_bytes(b"a\n" * 1_000_001)
    assert "more than 1000000 names" in run.refused(
        "pool", "--files-from", "l", "-o", "o/", status=2
    )


# The ledger, the report and what killed runs leave


def test_a_damaged_ledger_is_reported_once_and_stops_nothing(folder: Path, run: Run) -> None:
    words = ["pool", "a.npy", "kernel.npy", "-o", "out/", "--skip-existing"]
    assert run.each([words])[0][0] == 0
    ledger = folder / "out" / LEDGER
    ledger.write_bytes(b"\xff\n" + ledger.read_bytes())
    before = run.snapshot()
    ((status, _),) = run.each([[*words, "--dry-run"]])
    assert (status, run.snapshot()) == (0, before)
    (status, told), (_, again) = run.each([words, words])
    assert status == 0
    first, second = told.splitlines()
    assert first.startswith(f"cnnfilter: {Path('out', LEDGER)}: line 1 is damaged; it was renamed")
    assert second.startswith("cnnfilter: 0 done, 2 skipped, 0 failed")
    assert again.count("\n") == 1


def test_a_list_that_has_the_ledgers_name_is_an_input(folder: Path, run: Run) -> None:
    (folder / "out").mkdir()
    (folder / "out" / LEDGER).write_text("a.npy\nkernel.npy\n")
    result = run("pool", "--files-from", f"out/{LEDGER}", "-o", "out/")
    assert result.status == 0
    assert "will not know this run" in result.stderr
    assert [path.name for path in (folder / "out").glob(".*")] == [LEDGER]
    assert (folder / "out" / LEDGER).read_text() == "a.npy\nkernel.npy\n"


def test_a_report_that_a_kill_has_cut_goes_on_in_a_line_of_its_own(folder: Path, run: Run) -> None:
    (folder / "r.jsonl").write_text('{"input": "b.npy", "millis')
    assert run("pool", "a.npy", "-o", "o.npy", "--report", "r.jsonl", "--skip-existing").status == 0
    first, second = (folder / "r.jsonl").read_text().splitlines()
    assert first == '{"input": "b.npy", "millis'
    assert json.loads(second)["input"] == "a.npy"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_named_as_a_half_written_file_and_is_none_is_left_alone(
    folder: Path, run: Run
) -> None:
    part = "." + "0" * 16 + ".cnnfilter-part"
    (folder / "out").mkdir()
    shutil.copy(folder / "a.npy", folder / "out" / part)
    os.mkfifo(folder / "out" / part.replace("0", "1"))
    (folder / "out" / part.replace("0", "2")).mkdir()
    (folder / "out" / part.replace("0", "3")).symlink_to("../a.npy")
    before = sorted((folder / "out").iterdir())
    result = run("pool", f"out/{part}", "a.npy", "-o", "out/")
    assert result.status == 0, result.stderr
    assert set(before) < set((folder / "out").iterdir())


# Pipes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_with_a_name_is_read_when_it_is_written(folder: Path, run: Run) -> None:
    os.mkfifo(folder / "pipe")
    for delay in (0, 0.5):
        copying = "open('pipe', 'wb').write(open('a.npy', 'rb').read())"
        writer = f"import time; time.sleep({delay}); {copying}"
        with subprocess.Popen([sys.executable, "-c", writer], cwd=folder):
            result = run("pool", "pipe", "-o", f"{delay}.npy")
        assert result.status == 0, result.stderr
        assert np.load(folder / f"{delay}.npy").shape == (4, 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_that_nobody_is_at_is_waited_for_but_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.05)
    monkeypatch.setattr(output, "PATIENCE", 0.05)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="pipe that nobody writes to"), opening.opened(pipe):
        pass
    with (
        pytest.raises(FileError, match="nobody is at its other end"),
        output.replacing(pipe) as file,
    ):
        file.write(b"x")


def test_a_pipe_is_read_to_a_bound() -> None:
    reader, writer = os.pipe()
    path = f"/dev/fd/{reader}"
    if not Path(path).exists():
        pytest.skip("pipes have no names here")
    os.write(writer, b"x" * 1000)
    with pytest.raises(FileError, match="has more than"), opening.opened(path, 999):
        pass
    os.write(writer, b"x" * 1000)
    os.close(writer)
    with opening.opened(path, 1000) as file:
        assert file.read() == b"x" * 1000
    os.close(reader)


# Files whose head promises more than anybody has


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", b"1,2\n"),
        ("m.json", b"[[1,2],"),
        ("m.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff{"),
        ("m.npy", b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<f8', 'fortran_order': False, "
         b"'shape': (3, 3)}".ljust(77) + b"\n"),
        ("m.npy", b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<f8', 'fortran_order': False, "
         b"'shape': (8192, 16777200)}".ljust(77) + b"\n"),
    ],
)  # fmt: skip
def test_what_a_sparse_file_promises_is_not_taken(
    name: str, content: bytes, run: Run, folder: Path
) -> None:
    (folder / name).write_bytes(content)
    os.truncate(folder / name, 128 + 8 * 8192 * 16777200)  # a terabyte
    commands = [["pool", name], ["explain", "pool 2", name], ["convolve", "-k", name, "a.npy"]]
    for status, line in run.each(commands):
        assert status in (1, 2)
        assert line.startswith(f"cnnfilter: {name}: ")
        assert line.count("\n") == 1
        assert "more memory" not in line


@pytest.mark.usefixtures("folder")
def test_an_empty_name_is_one_line(run: Run) -> None:
    before = run.snapshot()
    commands = [
        ["pool", ""],
        *(["pool", "a.npy", option, ""] for option in ("-o", "--report", "--plot", "--sheet")),
        ["pool", "a.npy", "--animate", ""],
        ["pool", "--files-from", ""],
        ["pipeline", "relu", "a.npy", "--stages", ""],
        ["pipeline", "relu", "a.npy", "--against", ""],
        ["explain", "pool 2", ""],
        ["explain", "pool 2", "a.npy", "--html", ""],
        ["import", ""],
    ]
    for command, (status, line) in zip(commands, run.each(commands), strict=True):
        assert status in (1, 2), command
        assert line.count("\n") == 1, command
    assert run.snapshot() == before
