"""A terminal on which no name of a file, layer or label moves the cursor."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from cnnfilter.text import printable_lines


def terminal() -> Console:
    """Return a console that escapes control codes.

    Escapes are longer than what they replace, so code that lays out names escapes them first.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    console.push_render_hook(_Escaping())
    return console


class _Escaping(RenderHook):
    def process_renderables(
        self, renderables: Iterable[ConsoleRenderable]
    ) -> list[ConsoleRenderable]:
        return [_Escaped(renderable) for renderable in renderables]


@dataclass(frozen=True)
class _Escaped:
    """A renderable with its text escaped, but not the codes that rich makes."""

    renderable: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self.renderable, options):
            yield Segment(text if control else printable_lines(text), style, control)
