"""The command line: one module for each subcommand, and the place that catches errors."""

import errno
import gc
import os
import signal
import sys
from io import BufferedWriter, RawIOBase, TextIOWrapper

#: The system's errors for a standard output that takes no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: The status of a program that SIGPIPE ends, as shells report it.
_READER_GONE = 141


def main() -> None:
    """Run the command line, and exit with its status.

    0 for success; 2 for a command line that is wrong for any image; 1 if an image failed; 130 or
    143 after an interrupt or SIGTERM; 141, without a word, if the reader of standard output left.
    """
    gc.disable()  # what is imported stays; the subcommand enables it
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until signals are heard, Ctrl-C ends the process without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _fill_closed_streams()
    from cnnfilter.cli.signals import heard

    signals = heard()  # before the rest is imported, which takes a while

    import typer

    from cnnfilter.cli.app import app
    from cnnfilter.errors import ArgumentError, CnnFilterError
    from cnnfilter.files.opening import reason
    from cnnfilter.files.output import abandon, discard
    from cnnfilter.files.printed import catch_printed, ignore_warnings

    signals.always_clean_up(abandon)
    catch_printed()
    ignore_warnings()
    _buffer_standard_output()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack a character
    try:
        status = app(standalone_mode=False)
    except ArgumentError as error:
        status = _fail(str(error), 2)
    except CnnFilterError as error:
        status = _fail(str(error), 1)
    except MemoryError:
        status = _fail("needs more memory than there is; use a smaller image or file", 1)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message().rstrip(".")
        if context:
            message += " See" if message.endswith("?") else "; see"
            message += f" {context.command_path} --help"
        status = _fail(message, error.exit_code)
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        # Typer's own help, on a disk that is full; all else goes through standard_output.
        discard(sys.stdout)
        status = _fail(f"standard output: {reason(error)}", 1)
    except SystemExit:  # by Typer, after a BrokenPipeError
        discard(sys.stdout)
        status = _READER_GONE
    except (KeyboardInterrupt, typer.Abort):  # Ctrl-C as a key, when keys are read one by one
        status = 130
    sys.exit(signals.status or status)


def _fill_closed_streams() -> None:
    """Open the null device for standard streams that are closed.

    A file would take their number, and get what a library writes to standard error; in child
    processes, too, which therefore inherit them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _buffer_standard_output() -> None:
    """Buffer standard output, also under PYTHONUNBUFFERED.

    A full disk takes a part of the output, which an unbuffered stream does not report.
    """
    if isinstance(sys.stdout, TextIOWrapper) and isinstance(sys.stdout.buffer, RawIOBase):
        # Not detached: libraries ask sys.__stdout__, which is the stream before, for a terminal.
        buffer = BufferedWriter(sys.stdout.buffer)
        sys.stdout = TextIOWrapper(buffer, sys.stdout.encoding, line_buffering=True)


def _fail(message: str, status: int) -> int:
    from cnnfilter.cli.printing import say

    say(message)
    return status
