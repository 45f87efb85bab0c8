"""Results to look at: in the terminal, as figures, contact sheets and animations."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cnnfilter.arrays.geometry import Shape
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.plan import Plan
from cnnfilter.batch.task import PipelineTask, animated_window
from cnnfilter.cli.drawn import Drawn
from cnnfilter.cli.options import Common, LookOptions
from cnnfilter.cli.printing import is_terminal, print_classes, print_picture, say
from cnnfilter.errors import ArgumentError, CnnFilterError, with_path
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.image import Image
from cnnfilter.files.no_data import without_no_data
from cnnfilter.files.output import check_target, replacing
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame
from cnnfilter.pipeline.streaming import rows_of
from cnnfilter.text import shape_text, shown

#: The most feature maps that a preview shows.
_PREVIEWED = 12


@dataclass(frozen=True)
class Views:
    """The drawings that were asked for, and how they are made.

    Attributes
    ----------
    plan : Plan
    looks : LookOptions
    output : Output
        The settings of files, whose paths are in `looks`.
    quiet : bool
        Whether only errors are printed.
    """

    plan: Plan
    looks: LookOptions
    output: Output
    quiet: bool

    @classmethod
    def of(cls, plan: Plan, common: Common) -> "Views":
        """Return the drawings that options ask for, checked.

        Raises
        ------
        ArgumentError
            If a file's suffix is of a format that cannot hold the drawing, or one file would
            hold several images.
        FileError
            If a file exists already, or is an input.
        """
        views = cls(
            plan,
            common.looks,
            Output("", Encoding(compression="small"), common.output.existing, plan.recipe.durable),
            common.output.quiet,
        )
        views.check_files()
        if common.looks.preview and not is_terminal():
            raise ArgumentError("--preview needs a terminal; -o writes a picture")
        if not common.only_looks and any(source.is_stdin for source in plan.sources):
            raise ArgumentError("standard input (-) can be read only once; leave --output out")
        return views

    @property
    def files(self) -> dict[str, str]:
        """The file of each drawing; empty for the preview."""
        return self.looks.files | ({"preview": ""} if self.looks.preview else {})

    @property
    def _range(self) -> str:
        return self.plan.recipe.encoding.range or "clip"

    def check_files(self) -> None:
        """Check that a drawing can be written to its file."""
        files = self.looks.files
        for option, file in files.items():
            if len(self.plan.sources) > 1:
                raise ArgumentError(f"--{option} draws one image; name one")
            _check_format(f"--{option}", file)
            check_target(replace(self.output, path=Path(file)), self.plan.recipe.inputs)
        if len({*files.values()}) < len(files):
            raise ArgumentError("two drawings would be written to one file; name another")

    def show(self) -> bool:
        """Draw each image; return whether any failed."""
        failed = 0
        for source in self.plan.sources:
            try:
                self._show(source)
            except ArgumentError:
                raise
            except CnnFilterError as error:
                say(with_path(source.name, error))
                failed += 1
        return failed > 0

    def _show(self, source: Source) -> None:
        recipe, looks = self.plan.recipe, self.looks
        with closing(read_frames(source.path, recipe.max_pixels, recipe.frame)) as frames:
            image = without_no_data(next(frames), recipe.no_data)
        title, name = shown(source.name), shown(Path(source.name).name)
        notes = list(image.notes)
        if image.frames > 1 and recipe.frame is None:
            notes.append(f"the first of {image.frames} frames")
        if notes and not self.quiet:
            say(f"{title}: {'; '.join(notes)}")
        if looks.preview:
            self._print_preview(image, title)
        if looks.plot is not None:
            self._write_figure(image, name, looks.plot)
        if looks.sheet is not None:
            self._write_sheet(image, looks.sheet)
        if looks.animate is not None:
            frames_drawn = self._animation(image, name)
            del image  # frees its memory for the encoder
            self._write_picture(looks.animate, frames_drawn)
        if looks.files and not self.quiet:
            say(f"{title}: wrote {', '.join(map(shown, looks.files.values()))}")

    def _print_preview(self, image: Image, title: str) -> None:
        """Print the pictures, or a prediction as bars."""
        task = self.plan.recipe.task
        if task.gives_vector:
            last = task.results(image)[-1]
            print_classes(title, last.classes, last.quantity, top=None, format=None)
            return
        pictures, count = Drawn(task, image).previews(self._range, _PREVIEWED)
        for picture in pictures:
            name = f"{title}: {picture.name}" if picture.name else title
            print_picture(f"{name}  {shape_text(picture.shape)}", picture.pixels)
        if count > _PREVIEWED:
            say(f"{title}: {_PREVIEWED} of {count} maps; --sheet draws all of them")

    def _write_figure(self, image: Image, title: str, file: str) -> None:
        from cnnfilter.view.figure import figure, figure_bytes

        drawn = Drawn(self.plan.recipe.task, image)
        last = drawn.result
        made = figure(
            image.pixels,
            drawn.rows,
            title=f"{title}: {last.name}" if last.name else title,
            names=self._labels(drawn.rows.shape) or last.titles,
            range=self._range,
            depth=self.plan.recipe.encoding.depth or last.depth or image.depth,
            white=image.white if last.depth is None else None,
        )
        data = figure_bytes(made, _suffix(file))
        with replacing(file, self.output.existing, durable=self.output.durable) as out:
            out.write(data)

    def _labels(self, shape: Shape) -> tuple[str, ...]:
        """Return the labels of a prediction, if any."""
        task = self.plan.recipe.task
        labels = task.pipeline.labels if isinstance(task, PipelineTask) else ()
        return labels if shape == (len(labels),) else ()

    def _write_sheet(self, image: Image, file: str) -> None:
        from cnnfilter.view.sheet import LayerResult, sheet

        results = [
            LayerResult(stage.name, rows, self._labels(rows.shape) or stage.channels)
            for stage, rows in Drawn(self.plan.recipe.task, image).stages()
        ]
        self._write_picture(file, [Frame(sheet(results))])

    def _animation(self, image: Image, title: str) -> list[Frame]:
        from cnnfilter.layers.convolution import Convolution
        from cnnfilter.view.animation import animation

        task = self.plan.recipe.task
        window = animated_window(task, image)
        assert isinstance(task, PipelineTask)  # noqa: S101 - only its steps have windows
        step = task.pipeline.steps[-1]
        before, after = rows_of(task.pipeline_for(image), task.input_of(image))[-2:]
        weights = None
        if isinstance(step.layer, Convolution) and len(step.layer.kernels) == 1:
            (weights,) = step.layer.kernels.values()
            weights = weights if weights.ndim == 2 else None
        title = f"{title}: {step.described()}"
        frames, durations = animation(before, after, window, title=title, weights=weights)
        return [Frame(frame, None, time) for frame, time in zip(frames, durations, strict=True)]

    def _write_picture(self, file: str, frames: Sequence[Frame]) -> None:
        output = replace(self.output, path=Path(file))
        write(output, frames, metadata={"loop": 0} if len(frames) > 1 else {})


def _suffix(file: str) -> str:
    return Path(file).suffix.lower().removeprefix(".")


def _check_format(option: str, file: str) -> None:
    """Check that a file's format can hold the drawing."""
    suffix = _suffix(file)
    if option == "--plot":
        from cnnfilter.view.figure import FIGURE_FORMATS

        fits = suffix in FIGURE_FORMATS
        able = " or ".join(", ".join(f".{name}" for name in FIGURE_FORMATS).rsplit(", ", 1))
    elif option == "--sheet":
        format = format_of(file) if suffix != "pdf" else None
        fits = format is not None and FORMATS[format].is_picture
        able = "a picture's suffix, such as .png"
    else:
        fits, able = suffix in ("gif", "webp"), ".gif or .webp"
    if not fits:
        raise ArgumentError(f"{option} {shown(file)}: the name must end in {able}")
