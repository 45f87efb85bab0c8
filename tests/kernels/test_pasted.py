"""Kernels as people paste them: each means the numbers that a person reads in it."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cnnfilter import KernelError, kernel

SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]

NOTATIONS = {
    "NumPy's printout": "[[ 0 -1  0]\n [-1  5 -1]\n [ 0 -1  0]]",
    "NumPy's repr": "array([[ 0., -1.,  0.],\n       [-1.,  5., -1.],\n       [ 0., -1.,  0.]])",
    "its type": "array([[0, -1, 0],\n [-1, 5, -1],\n [0, -1, 0]], dtype=float32)",
    "a line of Python": "kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)",
    "nested lists": "[[0,-1,0],[-1,5,-1],[0,-1,0]]",
    "numbers of NumPy": "[[np.int64(0), np.int64(-1), np.int64(0)], [-1, 5, -1], [0, -1, 0]]",
    "a list's shape": "np.array([0, -1, 0, -1, 5, -1, 0, -1, 0]).reshape((3, 3))",
    "a tensor's type": "torch.FloatTensor([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]).to('cuda')",
    "lines of lists": "[[0, -1, 0],\n [-1, 5, -1],\n [0, -1, 0],]",
    "a prompt": ">>> [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]",
    "a cell's result": "Out[3]: \narray([[ 0, -1,  0],\n       [-1,  5, -1],\n"
    "       [ 0, -1,  0]])",
    "PyTorch": "tensor([[[[ 0., -1.,  0.],\n          [-1.,  5., -1.],\n          "
    "[ 0., -1.,  0.]]]], device='cuda:0', grad_fn=<MulBackward0>)",
    "a parameter": "Parameter containing:\ntensor([[[[0., -1., 0.], [-1., 5., -1.], "
    "[0., -1., 0.]]]], requires_grad=True)",
    "TensorFlow": "<tf.Tensor: shape=(3, 3), dtype=int32, numpy=\narray([[ 0, -1,  0],\n"
    "       [-1,  5, -1],\n       [ 0, -1,  0]], dtype=int32)>",
    "SymPy": "Matrix([\n[ 0, -1,  0],\n[-1,  5, -1],\n[ 0, -1,  0]])",
    "MATLAB": "h = [0 -1 0; -1 5 -1; 0 -1 0];",
    "MATLAB's printout": "h =\n\n     0    -1     0\n    -1     5    -1\n     0    -1     0\n\n",
    "MATLAB's columns": "h =\n\n  Columns 1 through 2\n\n     0    -1\n    -1     5\n"
    "     0    -1\n\n  Column 3\n\n     0\n    -1\n     0\n",
    "Octave's columns": "ans =\n\n Columns 1 and 2:\n\n   0  -1\n  -1   5\n   0  -1\n\n"
    " Column 3:\n\n   0\n  -1\n   0\n\n",
    "Julia": "3\u00d73 Matrix{Int64}:\n  0  -1   0\n -1   5  -1\n  0  -1   0",
    "R": "     [,1] [,2] [,3]\n[1,]    0   -1    0\n[2,]   -1    5   -1\n[3,]    0   -1    0",
    "Mathematica": "{{0, -1, 0}, {-1, 5, -1}, {0, -1, 0}}",
    "C": "static const float k[3][3] = {\n  { 0.0f, -1.0f, 0.0f }, // top\n"
    "  { -1.f, 5.f, -1.f }, /* the middle */\n  { 0, -1, 0 }\n};",
    "C in a row": "const int k[3][3] = {0,-1,0,-1,5,-1,0,-1,0};",
    "MATLAB's long lines": "h = [0, -1, 0; ...\n     -1, 5, -1; ...\n     0, -1, 0];",
    "Go": "var k = [][]float64{{0, -1, 0}, {-1, 5, -1}, {0, -1, 0}}",
    "Rust": "let k: [[f32; 3]; 3] = [[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]];",
    "TypeScript": "const k: number[][] = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]];",
    "Java's new": "float[][] k = new float[][] {{0f, -1f, 0f}, {-1f, 5f, -1f}, {0f, -1f, 0f}};",
    "C by lines": "int k[9] = {0,-1,0,\n -1,5,-1,\n 0,-1,0};",
    "C#": "var k = new int[,] { {0,-1,0}, {-1,5,-1}, {0,-1,0} };",
    "Java": "double[][] k = { {0,-1,0}, {-1,5,-1}, {0,-1,0} };",
    "OpenCV": "cv::Mat k = (cv::Mat_<float>(3,3) << 0, -1, 0,\n  -1, 5, -1,\n  0, -1, 0);",
    "OpenCV's printout": "[0, -1, 0;\n -1, 5, -1;\n 0, -1, 0]",
    "G'MIC": "(0,-1,0;-1,5,-1;0,-1,0)",
    "ImageMagick": "3x3: 0,-1,0  -1,5,-1  0,-1,0",
    "ImageMagick's origin": "3x3+1+1: 0,-1,0,-1,5,-1,0,-1,0",
    "ImageMagick's square": "3: 0,-1,0  -1,5,-1  0,-1,0",
    "showkernel": 'Kernel "User" of size 3x3+1+1 with values from -1 to 5\n'
    "Forming a output range from -4 to 5 (Sum 1)\n 0:         0        -1         0\n"
    " 1:        -1         5        -1\n 2:         0        -1         0\n",
    "LaTeX": "\\begin{bmatrix} 0 & -1 & 0 \\\\ -1 & 5 & -1 \\\\ 0 & -1 & 0 \\end{bmatrix}",
    "LaTeX's array": "$$K = \\left[\\begin{array}{ccc}\n0 & -1 & 0 \\\\[2pt]\n-1 & 5 & -1 \\\\\n"
    "0 & -1 & 0\n\\end{array}\\right]$$",
    "LaTeX's name": "\\mathbf{K}_{ij} = \\begin{pmatrix} 0 & -1 & 0 \\\\ -1 & 5 & -1 \\\\ "
    "0 & -1 & 0 \\end{pmatrix}",
    "TeX": "\\pmatrix{0 & -1 & 0 \\cr -1 & 5 & -1 \\cr 0 & -1 & 0}",
    "Markdown": "| 0 | -1 | 0 |\n|---|:-:|---|\n| -1 | 5 | -1 |\n| 0 | -1 | 0 |",
    "Markdown without a head": "|  |  |  |\n|-:|-:|-:|\n| 0 | -1 | 0 |\n| -1 | 5 | -1 |\n"
    "| 0 | -1 | 0 |",
    "a fence": "```python\n[[0, -1, 0],\n [-1, 5, -1],\n [0, -1, 0]]\n```",
    "a grid": "+---+---+---+\n| 0 |-1 | 0 |\n+---+---+---+\n|-1 | 5 |-1 |\n+---+---+---+\n"
    "| 0 |-1 | 0 |\n+---+---+---+",
    "boxes": "┌──┬──┬──┐\n│ 0│-1│ 0│\n├──┼──┼──┤\n│-1│ 5│-1│\n│ 0│-1│ 0│\n└──┴──┴──┘",
    "bars": "| 0 -1 0 |\n| -1 5 -1 |\n| 0 -1 0 |",
    "brackets by lines": "[ 0 -1 0 ]\n[ -1 5 -1 ]\n[ 0 -1 0 ]",
    "tall brackets": "\u23a1 0 -1 0\u23a4\n\u23a2-1 5 -1\u23a5\n\u23a3 0 -1 0\u23a6",
    "HTML": "<table><tr><td>0</td><td>&minus;1</td><td>0</td></tr>\n<tr><td>-1</td><td>5</td>"
    "<td>-1</td></tr><tr><td>0</td><td>-1</td><td>0</td></tr></table>",
    "MathML": "<math><mtable><mtr><mtd><mn>0</mn></mtd><mtd><mo>\u2212</mo><mn>1</mn></mtd><mtd>"
    "<mn>0</mn></mtd></mtr><mtr><mtd><mn>-1</mn></mtd><mtd><mn>5</mn></mtd><mtd><mn>-1</mn></mtd>"
    "</mtr><mtr><mtd><mn>0</mn></mtd><mtd><mn>-1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>"
    "</math>",
    "a minus sign": "0 \u22121 0; \u22121 5 \u22121; 0 \u22121 0",
    "an en dash": "0 \u20131 0; \u20131 5 \u20131; 0 \u20131 0",
    "hard spaces": "0\u00a0-1\u00a00; -1\u20095\u202f-1; 0\u3000-1 0",
    "invisible spaces": "\ufeff0 -1 0; -1 5\u200b -1; 0 -1 0",
    "full width": "\uff10\uff0c\uff0d\uff11\uff0c\uff10\uff1b\uff0d\uff11\uff0c\uff15\uff0c\uff0d"
    "\uff11\uff1b\uff10\uff0c\uff0d\uff11\uff0c\uff10",
    "quotes": '"0","-1","0"\n"-1","5","-1"\n"0","-1","0"',
    "comments": "# to sharpen\n0 -1 0  % top\n-1 5 -1 // middle\n0 -1 0 # bottom; done",
    "old lines": "0 -1 0\r\n-1 5 -1\r\n0 -1 0\r\n",
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_notation_is_read_as_it_was_meant(notation: str) -> None:
    weights = kernel(NOTATIONS[notation])
    assert_array_equal(weights, SHARPEN)
    assert isinstance(weights, np.ndarray)
    assert weights.dtype == np.int64


THIRDS = {
    "MATLAB": "1/9 * [1 1 1; 1 1 1; 1 1 1]",
    "printed": "  1/9 *\n\n  1 1 1\n  1 1 1\n  1 1 1\n",
    "in brackets": "(1/9)[[1,1,1],[1,1,1],[1,1,1]]",
    "a sign": "1/9 \u00d7 [1 1 1; 1 1 1; 1 1 1]",
    "a fraction's sign": "\u2151 [1 1 1; 1 1 1; 1 1 1]",
    "a fraction's slash": "1\u20449 \u00b7 [1 1 1; 1 1 1; 1 1 1]",
    "behind": "[1 1 1; 1 1 1; 1 1 1] / 9",
    "behind, twice": "np.array([[1,1,1],[1,1,1],[1,1,1]], dtype=np.float32) * (1/9)",
    "behind, for each": "h = [1 1 1; 1 1 1; 1 1 1] ./ 9;",
    "before a function": "1/9 * np.array([[1,1,1],[1,1,1],[1,1,1]])",
    "on both sides": "2 * [1 1 1; 1 1 1; 1 1 1] / 18",
    "LaTeX": "\\frac{1}{9}\\begin{bmatrix}1&1&1\\\\1&1&1\\\\1&1&1\\end{bmatrix}",
    "TeX": "\\frac19 \\cdot \\begin{pmatrix}1&1&1\\\\1&1&1\\\\1&1&1\\end{pmatrix}",
    "in each place": "{{1/9, 1/9, 1/9}, {1 / 9, 1/9.0f, 1/9}, {(1/9), 1/9, 1/9}}",
    "LaTeX in each place": "\\tfrac{1}{9} & \\tfrac{1}{9} & \\tfrac19 \\\\ 1/9 & 1/9 & 1/9 \\\\ "
    "1/9 & 1/9 & 1/9",
}


@pytest.mark.parametrize("notation", THIRDS)
def test_a_factor_is_multiplied_in(notation: str) -> None:
    assert_allclose(kernel(THIRDS[notation]), np.full((3, 3), 1 / 9), rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u00bd \u00bc\u00a0\u00be", [[0.5, 0.25, 0.75]]),
        ("[1]", [[1]]),
        ("[[1], [2], [1]]", [[1], [2], [1]]),
        ("{ {1},{2},{1} }", [[1], [2], [1]]),
        ("[1, 2, 1]", [[1, 2, 1]]),
        ("np.array([0, -1, 0,\n -1, 5, -1,\n 0, -1, 0])", [[0, -1, 0, -1, 5, -1, 0, -1, 0]]),
        ("2x1: 1 2", [[1, 2]]),
        ("1x2: 1 2", [[1], [2]]),
        ("float k[2][3] = {1,2,3,4,5,6};", [[1, 2, 3], [4, 5, 6]]),
        ("[1e-3, .5, +1, -2.]", [[0.001, 0.5, 1, -2]]),
        ("1e-3 .5 +1 -2.", [[0.001, 0.5, 1, -2]]),
        ("1,0,-1\n2,0,-2\n1,0,-1", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
        ("0,5;1,5", [[0, 5], [1, 5]]),
        ("1,2,;3,4,", [[1, 2], [3, 4]]),
    ],
)
def test_small_ones(text: str, expected: list[list[float]]) -> None:
    assert_array_equal(kernel(text), expected)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("0,5 1,5", r"write 0\.5 1\.5"),
        ("0,5 1,5; 2,5 3,5", r"row 1 .*write 0\.5 1\.5"),
        ("1 2\n0,5 1", r"row 2 .*write 0\.5 1"),
        ("1.234,5 6", "decimals with a point"),
        ("1,0,-1 2,0,-2 1,0,-1", "write 1,0,-1; 2,0,-2; 1,0,-1"),
        ("1/sqrt(2) 0; 0 1", r"'sqrt\('.*write its value, such as 0\.7071"),
        ("[[1, np.sqrt(2)], [0, 1]]", "expression"),
        ("\u221a2 1", "expression"),
        ("2^0.5 1", "expression"),
        ("[[0, 1, ..., 2],\n [3, 4, ..., 5],\n ...,\n [6, 7, ..., 8]]", "left out"),
        ("np.ones((3,3))/9", "expression"),
        ("mat3(1,2,1, 0,0,0, -1,-2,-1)", "columns; write its rows"),
        ("[1 2 1]'", "turned"),
        ("np.array([[1, 2, 1]]).T", "turned"),
        ("[[1, 2], [3, ..., 4]]", "left out"),
        ("[[0 1 ... 2]\n [1 \u2026 1]]", "left out"),
        ("0 -1 0 -1 5 -1 0 -1 0:0 -1 0 -1 5 -1 0 -1 0:5:1", "rows .*: 0 -1 0; -1 5 -1; 0 -1 0"),
        ('convolution="0 -1 0 -1 5 -1 0 -1 0:0 1"', "rows .*: 0 -1 0; -1 5 -1; 0 -1 0"),
        ("3x3>: 1,0,1 1,1,1 1,1,1", "several kernels"),
        ("3x3+0+0: 1,0,1 1,1,1 1,1,1", r"\+0\+0 is not its centre"),
        ("3x3: 1,0,1 1,1,1", "3x3, but has 6 number"),
        ("float k[3][3] = {1,2,3,4};", "3x3, but has 4 number"),
        ("3x3: 1,-,1 1,1,1 1,1,1", "row 1, column 2.*write 0"),
        ("1 x 1; x 1 x", "row 1, column 2.*write 0"),
        ("| 1 |  | 3 |\n| 1 | 2 | 3 |", "row 1, column 2.*write 0"),
        ("| | 1 | 2 |\n|--|--|--|\n| | 3 | 4 |", "row 1, column 1"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "row 1, column 1: 'a'"),
        ("   0  1  2\n0  0 -1  0\n1 -1  5 -1\n2  0 -1  0", "row 2 has 4"),
        ("[[[[1,2],[3,4]]],[[[1,2],[3,4]]]]", r"several matrices.*\.npy"),
        ("[[1,2],[3,4]", "brackets"),
        ("[[1,2],[3,4]].sum()", r"'\.sum' outside"),
        ("np.array([1, 2]).reshape(3, 3)", "3x3, but has 2"),
        ("1 2 1, 2 4 2, 1 2 1", "write 1 2 1; 2 4 2; 1 2 1"),
        ("1 2 1 // 2 4 2 // 1 2 1", "numbers in a comment.*;"),
        ("1 2 1 / 2 4 2", "'/' is not a number"),
        ("1 2 3 | 4 5 6", r"\| between several numbers"),
        ("1'234 5", "thousands"),
        ("[1,2],[3,4]]", "brackets"),
        ("[1 2 1]*[1;2;1]", r"outside"),
        ("1 2; 3 4 / 9", "'/'"),
        ("[1 2; 3 4] / 0", "divided by 0"),
        ("10\u00b2 1", "row 1, column 1"),
        ("1\u00bd 1", "row 1, column 1"),
        ("1_000 2", "row 1, column 1"),
        ("50% 20", "row 1, column 1: '50%'"),
        ("\uff11\uff0e\uff15\u4e07 1", "row 1, column 1"),
        ("[]", "empty"),
        ("[[], []]", "empty"),
        ("[[1,2],[]]", "row 2 has 0"),
        ("# only a comment", "empty"),
        ("Sobel", "'sobel'"),
        ("__import__('os').getcwd()", "expression"),
    ],
)
def test_what_is_not_read_is_answered_with_what_to_type(text: str, answer: str) -> None:
    with pytest.raises(KernelError, match=answer) as caught:
        kernel(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "piece",
    ["[", "]", "[]", "(1", " ", "\n", "1 \n", "a", "a.", "a(", "1", "-", "|", "|-", "\\", "\\frac{",
     "<", "<td>", "/*", "//", "=", ",a=", ",a=(", "#", "`", "x:", "[,1]", " / ", "1 / ", "\u2212"],
)  # fmt: skip
@pytest.mark.parametrize("ends", [("", "!"), ("float k[3]", "!"), ("[[1", "] / 9 !")])
def test_long_texts_take_linear_time(piece: str, ends: tuple[str, str]) -> None:
    text = ends[0] + piece * (20_000 // len(piece)) + ends[1]
    start = time.process_time()
    with pytest.raises(KernelError):
        kernel(text)
    assert time.process_time() - start < 0.6


@pytest.mark.parametrize("text", ["&minus;1&nbsp;0; &frac12; 1", "&#8722;1 0\n&#xBD; 1"])
def test_characters_of_html_are_read_without_tags(text: str) -> None:
    assert_array_equal(kernel(text), [[-1, 0], [0.5, 1]])
