"""Standard streams that are closed, full or left by their reader; and what is said beside them."""

import subprocess
from pathlib import Path

import pytest

from ..command import Run
from ..pictures import Images

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
PRINTING = {
    "print": ("convolve", "-k", "edge", "--print", "a.png"),
    "print several": ("pool", "--print", "a.png", "a.png"),
    "json": ("pool", "--print", "--format", "json", "a.png"),
    "a picture": ("pool", "a.png", "-o", "-"),
    "a named stream": ("pool", "a.png", "-o", "/dev/stdout"),
    "explain": ("explain", "convolve edge", "a.png", "--at", "3,3"),
    "summary": ("pipeline", "pool 2", "--summary", "a.png"),
    "dry run": ("pool", "a.png", "--dry-run"),
    "kernels": ("kernels",),
    "a kernel": ("kernels", "sharpen"),
    "networks": ("networks",),
    "help": ("--help",),
    "a command's help": ("convolve", "--help"),
    "version": ("--version",),
    "nothing": (),
}


@pytest.fixture(autouse=True)
def picture(images: Images) -> None:
    images.photo("a.png")


@pytest.mark.parametrize("way", PRINTING)
def test_a_reader_that_leaves_ends_the_command_without_a_word(run: Run, way: str) -> None:
    with subprocess.Popen(
        [run.command, *PRINTING[way]], cwd=run.folder, env=run.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as started:  # fmt: skip
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


@needs_full
@pytest.mark.parametrize("way", ["print", "a picture", "explain", "kernels", "help"])
def test_a_full_disk_is_told_in_one_line(run: Run, way: str) -> None:
    program = ["sh", "-c", '"$0" "$@" > /dev/full', run.command]
    result = run(*PRINTING[way], program=program)
    assert result.status == 1
    assert "no space is left" in result.line


@pytest.mark.parametrize("way", ["print", "a picture", "kernels", "help"])
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_a_closed_standard_output_is_no_crash(run: Run, way: str, closed: str) -> None:
    program = ["sh", "-c", f'"$0" "$@" {closed}', run.command]
    result = run(*PRINTING[way], program=program)
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") <= 1
    assert result.status in (0, 1, 2)


@needs_full
def test_a_report_that_cannot_be_written_fails_the_run(run: Run, tmp_path: Path) -> None:
    result = run("pool", "a.png", "-o", "out/", "--quiet", "--report", "/dev/full")
    assert result.status == 1
    assert result.line.startswith("cnnfilter: /dev/full: the report ends here (no space is left")
    assert (tmp_path / "out/a-pool.png").exists()


def test_the_reader_of_a_report_may_leave(run: Run, tmp_path: Path) -> None:
    program = ["sh", "-c", '"$0" "$@" | (exec <&-; sleep 2)', run.command]
    result = run("pool", "a.png", "-o", "out/", "-q", "--report", "/dev/stdout", program=program)
    assert result.stderr == ""
    assert (tmp_path / "out/a-pool.png").exists()


ROW = "cnnfilter: the kernel is a row of 9 numbers; write its rows with ; between them if it is 3x3"


def test_a_row_that_could_be_a_square_has_a_note(run: Run, tmp_path: Path) -> None:
    kernel = ("-k", "0 -1 0 -1 5 -1 0 -1 0", "--padding", "same")
    result = run("convolve", *kernel, "a.png", "-o", "out.png")
    note, wrote = result.stderr.splitlines()
    assert note == ROW
    assert "wrote out.png" in wrote
    assert run("convolve", *kernel, "a.png", "-o", "quiet.png", "--quiet").stderr == ""
    assert run("kernels", "1 1 1 1 1 1 1 1 1").line == ROW
    assert run("explain", "convolve '1 1 1 1 1 1 1 1 1'", "a.png").line == ROW
    (tmp_path / "k.txt").write_text("1\n" * 25)
    column = run("convolve", "-k", "k.txt", "a.png", "-o", "column.png").stderr
    assert "a column of 25 numbers" in column
    assert "if it is 5x5" in column


def test_other_rows_have_none(run: Run) -> None:
    kernels = ["gaussian:1x9", "1 2 1", "1 2 1 1", "1 1 1; 1 1 1; 1 1 1"]
    words = [word for kernel in kernels for word in ("-k", kernel)]
    assert "wrote" in run.ok("convolve", *words, "--padding", "same", "a.png", "-o", "out/").line


def test_a_kernel_and_a_table_in_utf_16_are_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "k.csv").write_text("sep=;\n0;1\n", "utf-16")
    (tmp_path / "m.csv").write_text("1;2;3\n4;5;6\n", "utf-16")
    assert run.ok("convolve", "-k", "k.csv", "m.csv", "--print").text == "2\t3\n5\t6\n"
    piped = run.ok("pool", "-", "--print", stdin="1,2\n3,4\n".encode("utf-16"))
    assert piped.text == "4\n"
