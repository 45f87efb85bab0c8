"""A terminal on which no name of a file, layer or label moves the cursor."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from cnnfilter.text import printable_lines


def terminal() -> Console:
    """Return a console that prints words as they are, but for what a terminal would obey.

    Whoever lays out names escapes them first, since that makes them longer; here nothing
    is left out.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    console.push_render_hook(_Escaping())
    return console


class _Escaping(RenderHook):
    def process_renderables(
        self, renderables: Iterable[ConsoleRenderable]
    ) -> list[ConsoleRenderable]:
        return [_Escaped(each) for each in renderables]


@dataclass(frozen=True)
class _Escaped:
    """What is printed, with its text escaped, and not the codes that rich itself makes."""

    printed: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self.printed, options):
            yield Segment(text if control else printable_lines(text), style, control)
