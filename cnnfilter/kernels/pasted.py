"""Matrices as people paste them: from programs, their printouts, manuals and web pages.

Each notation is a row of a table that takes away what is not numbers, separators or brackets;
what remains is read in one way. No expression is ever evaluated.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import chain
from typing import NamedTuple

from cnnfilter.errors import KernelError, brief
from cnnfilter.kernels.catalogue import SQUARES

#: Characters that look like others, by their code; None where they are invisible.
_ALIKE: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2012\u2013\ufe63\u207b"), "-"),
    **dict.fromkeys(map(ord, "\u2044\u2215\u00f7"), "/"),
    **dict.fromkeys(map(ord, "\u00d7\u00b7\u22c5\u2217\u2219"), "*"),
    **dict.fromkeys(map(ord, "\u2502\u2503\u2551\u2016\u2223"), "|"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u2018\u2019\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"), None),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # of full width
    **dict.fromkeys(range(0x239B, 0x23AE), " "),  # parts of tall brackets
    0x3001: ",",
}
# No expression below takes more than linear time: repetitions that may be given back are
# possessive, and runs of spaces are one space before.
_NUMBER = r"[-+]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+"
_RATIO = rf"({_NUMBER})(?: ?/ ?({_NUMBER}))?+"
#: A factor before a matrix, or after it.
_BEFORE = re.compile(rf"\s*+{_RATIO}\s*+(?:\*|(?=[\[({{]))")
_AFTER = re.compile(rf"(?<=[\])}}])\s*+\.?([*/])\s*+{_RATIO}[\s;]*+\Z")

_HTML = re.compile(r"</?(?:t[rdh]|table|math|m[tr]\w+|br|p|pre|code|span|div)\b", re.IGNORECASE)
#: A character as HTML's source has it, also without tags around it.
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}\d{0,2}|#\d{2,5}|#[xX][\dA-Fa-f]{2,4});")
_FROM_HTML = (
    (r"\s+", " "),
    (r"(?i)<mfrac> ?<mn>([^<]*)</mn> ?<mn>([^<]*)</mn> ?</mfrac>", r"\1/\2"),
    (r"(?i)</m?tr ?>|<br ?/?>", "\n"),
    (r"(?i)</(?:td|th|mtd) ?>", ","),
    (r"(?i)<(?!/?(?:mfrac|msup|msqrt|mroot|sup|sub)\b)[^<>]*>", ""),
)
_LATEX = re.compile(r"\\")
_FROM_LATEX = (
    (r"\s+", " "),
    (r"\\begin ?\{(?:array|tabular)\} ?\{[^{}]*\}", "["),
    (r"\\begin ?\{\w*matrix\*?\}(?:\[\w*\])?", "["),
    (r"\\end ?\{[^{}]*\}", "]"),
    (r"\\[dtc]?frac ?\{([^{}]*)\} ?\{([^{}]*)\}", r"\1/\2"),
    (r"\\[dtc]?frac ?(\d) ?(\d)", r"\1/\2"),
    (r"\\\\(?:\[[^\[\]]*\])?|\\cr\b", "\n"),
    (r"&", ","),
    (r"\\(?:left|right) ?[\[\]().|]?", " "),
    (r"\\(?:cdot|times|ast)\b", "*"),
    (r"\\(?:math\w+|boldsymbol|text|operatorname) ?\{(\w*)\}|_ ?\{\w*\}", r"\1"),
    (r"\\(?:[bpvBV]?matrix|hline|displaystyle|q?quad)\b|\\[\[\](),;:! ]|\$|~", " "),
    (rf"\{{ ?({_NUMBER}) ?\}}", r"\1"),
)


def _comment(found: "re.Match[str]") -> str:
    """Return nothing for a comment, unless it seems to be a row."""
    comment, start = found[0], found.start()
    is_inline = start > 0 and found.string[start - 1] != "\n"
    if is_inline and re.search(r"\d", comment) and not re.search(r"[^-+\d.eE,;/%# ]", comment):
        raise KernelError(
            f"the kernel has numbers in a comment: '{brief(comment)}'; write ; between rows"
        )
    return ""


_Replacement = str | Callable[["re.Match[str]"], str]
#: What stands around a matrix in programs and printouts.
_AROUND: tuple[tuple[str, _Replacement], ...] = (
    (r"(?s)/\*.*?(?:\*/|\Z)", " "),
    (r"(?m)(?:^|(?<=[\s,;\])}]))(?:#|//|%).*$", _comment),
    (r"(?m)^ ?```.*$", ""),
    (r"\A\s?[\"']?[A-Za-z_][\w. -]*+[\"']? ?:\s?(?=[\[({][\[({\s]*+[-+.\d])", ""),
    (r"\A\s?(?:>>>|Out ?\[\d+\]:|Parameter containing:|<tf\.Tensor[^\[]*numpy=)", ""),
    (r'(?m)^ ?Kernel ".*$|^ ?Forming .*$', ""),  # ImageMagick's showkernel
    (r"(?m)^ ?\d+:(?= [-+.\d]+(?: |$))", ""),
    (r"(?m)^ ?\d+[x*]\d+ (?:Matrix|Array)\S*: ?$", ""),  # Julia
    (r"(?m)^ ?\[,\d+\](?: ?\[,\d+\])*+ ?$", ""),  # R
    (r"(?m)^ ?\[\d+,\]", ""),
    (r"\)>\s?\Z", ")"),
    (r"\) ?\.(?:astype|float|double|half|numpy|detach|cpu|to)\([^()]*\)", ")"),
    (r"\bnp\.(?:float|u?int|bool)\w*\(([^()]*)\)", r"\1"),  # numbers of NumPy in a list
    (r",\s?(?:(?:np|numpy|torch|tf)\.\w+|[\"']\w+[\"']|float|int)(?=\s?\))", ""),
    (r",\s?[A-Za-z_]\w*+ ?= ?(?:\([^()]*\)|<[^<>]*>|'[^']*'|\"[^\"]*\"|[\w.:]+)", ""),
    (r"\bnew \w+ ?(?:\[[\d, ]*\] ?)++|\b\w+ ?\[\d*\](?= ?\()", ""),
    (r"(?<!\])(?:\[\d*\])++[a-z]\w* ?(?=\{)", ""),  # Go
    (r"(?<=[;,]) ?\.{3} ?\n", "\n"),  # a line of MATLAB that goes on
    (r"(?<=[\d.])[fFlLdD]\b", ""),
    (rf"(?<=[,\[({{])(\s?{_NUMBER}) / ({_NUMBER})(?=\s?[,\])}}])", r"\1/\2"),
)
#: Functions that make an array of lists.
_CALL = re.compile(
    r"\s?(?:[A-Za-z_]\w*+\.)*(?:[Aa]rray|asarray|[Mm]atrix|\w*[Tt]ensor|constant|Parameter) ?(?=\()"
)
_RESHAPED = re.compile(r"\) ?\.reshape\( ?\(? ?(\d{1,4}) ?, ?(\d{1,4}) ?\)? ?\)")
_OPENCV = re.compile(r"[\s(]*+(?:cv::)?Mat_ ?<\w+> ?\( ?(\d+) ?, ?(\d+) ?\) ?<<")
#: ImageMagick's width, height and origin.
_IMAGEMAGICK = re.compile(r"\s?(\d+)(?:x(\d+))?+(?:\+(\d+)\+(\d+))?+ ?:")
#: What is answered, with what to type.
_REFUSED = (
    (r"\bmat[234](?:x[234])? ?\(", "'mat3' lists columns; write its rows: 0 -1 0; -1 5 -1; 0 -1 0"),
    (r"\.{3}|\u2026|\u22ef", "'...' stands for numbers that were left out; paste all of them"),
    (r"[\])]\.?'|[\])]\.T\b", "it is turned by ' or .T; write its rows as they are then"),
    (r"\d['\"]\d", "thousands are written without marks, such as 1234"),
    (r"[@<>] ?:", "it is several kernels, turned; write each one's rows"),
    (
        r"(?<![\w.])[A-Za-z_\u221a\u03c0][\w.]*+ ?\(|[\u221a\u03c0]|\*\*|\^|<\w",
        "expressions are not computed; write its value, such as 0.7071, or rows of numbers",
    ),
)
_COLUMNS = re.compile(r"(?im)^ ?columns? \d+(?: (?:through|to|and) \d+)? ?:? ?$")
_TABLE_RULE = re.compile(r"-{3}|={2}|:-|-:|[\u2500-\u257f]{2}")
_RULE_SIGNS = {*"|+-=: ", *map(chr, range(0x2500, 0x2580))}
_PLAIN, _SPACED = re.compile(r"[-+0-9.eE,;/\s]*+"), re.compile(r"//|\s/|/\s")
#: Characters of a text with other signs; longer ones are no person's.
_MAX_PASTED = 2**20
_DEEPEST = 32
_PIECES = re.compile(r"[\[({]|[\])}]|[^\[({\])}]+")

#: A row of a matrix, as words.
Row = list[str]
_Group = list["_Group | str"]


class Pasted(NamedTuple):
    """A matrix that was pasted.

    Attributes
    ----------
    rows : list of list of str
        Its numbers.
    factor : (float, float)
        What all are multiplied with and divided by.
    """

    rows: list[Row]
    factor: tuple[float, float] = (1.0, 1.0)


def with_plain_signs(text: str) -> str:
    """Replace typographic signs by those of programs.

    Examples
    --------
    >>> with_plain_signs("\u22121 \u00bd 1\u20449 \uff13")
    '-1 1/2 1/9 3'
    """
    text = text.translate(_ALIKE)
    return re.sub(r"(?<![\d.])[\u00bc-\u00be\u2150-\u215e\u2189]", _ratio, text)


def _ratio(found: "re.Match[str]") -> str:
    return unicodedata.normalize("NFKC", found[0]).replace("\u2044", "/")


def pasted(text: str) -> Pasted:
    """Read a matrix's words, in whatever notation.

    Raises
    ------
    KernelError
        If it is a notation that is not read, or its brackets do not match.

    Examples
    --------
    >>> pasted("h = [1 2; 3 4] / 9;")
    Pasted(rows=[['1', '2'], ['3', '4']], factor=(1.0, 9.0))
    """
    if _PLAIN.fullmatch(text) and not _SPACED.search(text):
        return Pasted(_rows_of(text))
    if len(text) > _MAX_PASTED:
        raise KernelError(f"the kernel has {len(text)} characters; save so large a one as .npy")
    text = with_plain_signs(text)
    if _HTML.search(text):
        text = _replaced(text, _FROM_HTML)
    if _ENTITY.search(text):
        from html import unescape

        text = with_plain_signs(unescape(text))
    if _LATEX.search(text):
        text = _replaced(text, _FROM_LATEX)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r"(?: ?\n)++ ?", "\n", text)
    first, *others = _COLUMNS.split(text)
    if not others:
        return _matrix(text)
    blocks = [_matrix(first + others[0]), *map(_matrix, others[1:])]
    if len({len(block.rows) for block in blocks}) > 1:
        raise KernelError("the kernel's blocks of columns are not equally high; paste all of them")
    rows = [[*chain(*parts)] for parts in zip(*(block.rows for block in blocks), strict=True)]
    return Pasted(rows, blocks[0].factor)


def _replaced(text: str, table: Iterable[tuple[str, _Replacement]]) -> str:
    for pattern, replacement in table:
        text = re.sub(pattern, replacement, text)
    return text


def _matrix(text: str) -> Pasted:
    """Read a matrix from text with plain signs and single spaces."""
    text = _without_lines(_replaced(text, _AROUND))
    text = re.sub(rf"(?<![\w.>])\( ?({_NUMBER}(?: ?/ ?{_NUMBER})?+) ?\)", r" \1 ", text)
    text, sizes = _without_name(text)
    if found := _RESHAPED.search(text):
        sizes = int(found[1]), int(found[2])
        text = f"{text[: found.start()]}){text[found.end() :]}"
    numerator = denominator = 1.0
    if factor := _BEFORE.match(text):
        numerator, denominator = float(factor[1]), float(factor[2] or 1)
        text = text[factor.end() :]
    text, is_call = _CALL.subn("", text, 1) if _CALL.match(text) else (text, 0)
    if factor := _AFTER.search(text):
        above, below = float(factor[2]), float(factor[3] or 1)
        if factor[1] == "/":
            above, below = below, above
        numerator, denominator = numerator * above, denominator * below
        text = text[: factor.start()]
    _check_answered(text)
    text = text.replace('"', " ").replace("'", " ")
    if sizes:
        text = re.sub(r"[\s,;]+", " ", text)
    rows = _bracketed(text if not is_call else text.replace("\n", " "))
    return Pasted(_shaped(rows, sizes), (numerator, denominator))


def _without_lines(text: str) -> str:
    """Return a table without its rules and bars."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip(" ")
        if _TABLE_RULE.search(bare) and _RULE_SIGNS.issuperset(bare):
            continue
        cells = bare.removeprefix("|").removesuffix("|").split("|")
        if len(cells) > 1 and any(" " in cell.strip() for cell in cells):
            raise KernelError(
                f"the kernel has | between several numbers: '{brief(bare)}'; write ; between rows"
            )
        if bare.strip("| "):
            lines.append(",".join(cells))
    return "\n".join(lines)


def _without_name(text: str) -> tuple[str, tuple[int, int] | None]:
    """Return a text without its name, and the sizes that go with it."""
    head, sign, rest = text.partition("=")
    name = re.sub(r"\[[\w, ]*\]|\[\[\w+; ?\d+\]; ?\d+\]", "", head)
    sizes: list[int] = []
    if sign and re.match(r"[\s*&]*+[A-Za-z_]", name) and not set(name) & set("(){}[];"):
        text = rest
        sizes = [int(size) for size in re.findall(r"\[(\d{1,4})\]", head)]
    if found := _OPENCV.match(text):
        return text[found.end() :].rstrip(" ;)"), (int(found[1]), int(found[2]))
    if found := _IMAGEMAGICK.match(text):
        width = int(found[1])
        height = int(found[2] or width)
        if found[3] and (int(found[3]), int(found[4])) != ((width - 1) // 2, (height - 1) // 2):
            raise KernelError(
                f"the kernel's origin +{found[3]}+{found[4]} is not its centre; add zeros around it"
            )
        return text[found.end() :], (height, width)
    return text, (sizes[0], sizes[1]) if len(sizes) == 2 else None


def _check_answered(text: str) -> None:
    """Refuse what is not read, with what to type."""
    for pattern, answer in _REFUSED:
        if found := re.search(pattern, text):
            raise KernelError(f"the kernel cannot be read at '{brief(found[0])}': {answer}")
    if ":" in text:
        words = text.partition(":")[0].replace('"', " ").split()
        side = SQUARES.get(len(words), 0)
        rows = "; ".join(" ".join(words[i : i + side]) for i in range(0, len(words), side or 1))
        raise KernelError(
            "the kernel cannot be read at ':'; write the rows of one kernel"
            + (f": {brief(rows)}" if side else ", such as 0 -1 0; -1 5 -1; 0 -1 0")
        )


def _bracketed(text: str) -> list[Row]:
    """Return the rows of a matrix, in brackets or without."""
    groups: list[_Group] = [[]]
    for piece in _PIECES.findall(text):
        if piece in "[({":
            groups.append([])
            groups[-2].append(groups[-1])
        elif piece in "])}":
            groups.pop()
        elif piece.strip(" \n,;"):
            groups[-1].append(piece)
        if not 0 < len(groups) < _DEEPEST:
            break
    if len(groups) != 1:
        raise KernelError("the kernel's brackets do not match; each [ needs its ]")
    group = groups[0]
    while len(group) == 1 and isinstance(group[0], list):
        group = group[0]
    words = [part for part in group if isinstance(part, str)]
    rows = [part for part in group if isinstance(part, list)]
    if words and rows:
        raise KernelError(
            f"the kernel has '{brief(words[0].strip())}' outside its rows' brackets; write rows "
            "such as 0 -1 0; -1 5 -1; 0 -1 0"
        )
    return [_row_in_brackets(row) for row in rows] or _rows_of("\n".join(words))


def _row_in_brackets(row: "_Group") -> Row:
    if any(isinstance(part, list) for part in row):
        raise KernelError("the kernel holds several matrices; paste one, or save a bank as .npy")
    text = " ".join(map(str, row))
    if ";" in text:
        raise KernelError("the kernel has ; within brackets of a row; write 1 2; 3 4")
    return _words(text.replace("\n", " "), 1) if row else []


def _rows_of(text: str) -> list[Row]:
    """Split text into rows of words."""
    lines = [line for line in re.split(r"[;\n]", text) if line.strip()]
    return [_words(line, number) for number, line in enumerate(lines, start=1)]


def _words(line: str, number: int) -> Row:
    """Split a row at commas or spaces."""
    line = line.strip().removesuffix(",").rstrip()
    if "," in line and re.search(r"[^\s,]\s+[^\s,]", line):
        raise KernelError(
            f"the kernel's row {number} has commas and spaces between numbers: '{brief(line)}'; "
            f"write {brief(_meant(line))}"
        )
    return re.split(r"\s*,\s*|\s+", line)


def _meant(line: str) -> str:
    """Return a row with commas and spaces as it may be meant."""
    parts = [part.removesuffix(",") for part in line.split()]
    if any("." in part and "," in part for part in parts):
        return "decimals with a point, and thousands without a mark"
    if any(re.fullmatch(r"[-+]?\d*,\d+", part) for part in parts):
        return " ".join(parts).replace(",", ".")
    return "; ".join(parts) if any("," in part for part in parts) else line.replace(",", ";")


def _shaped(rows: list[Row], sizes: tuple[int, int] | None) -> list[Row]:
    """Return rows of the sizes that were named."""
    if sizes is None:
        return rows
    (height, width), words = sizes, [word for row in rows for word in row]
    if len(words) != height * width:
        raise KernelError(f"the kernel is to be {height}x{width}, but has {len(words)} number(s)")
    return [words[start : start + width] for start in range(0, len(words), width)]
