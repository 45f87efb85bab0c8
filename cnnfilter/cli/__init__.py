"""The command line: one file a subcommand, and the one place that catches errors."""

import errno
import os
import signal
import sys
from io import BufferedWriter, RawIOBase, TextIOWrapper

#: What the system says of a standard output that takes no more.
_FULL = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Run the command line, and exit with its status.

    0 where all went well; 2 where the command line is wrong whatever the image; 1 where an
    image failed; 130 or 143 where it was interrupted or told to end.
    """
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
        sys.stdout.reconfigure(errors="replace")  # a terminal may have no letter for a gap
    try:
        status = app(standalone_mode=False)
    except ArgumentError as error:
        status = _fail(str(error), 2)
    except CnnFilterError as error:
        status = _fail(str(error), 1)
    except MemoryError:
        status = _fail("needs more memory than there is; name a smaller image or file", 1)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        status = _fail(error.format_message().rstrip(".") + hint, error.exit_code)
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        # Typer's own help, on a disk that is full; all else goes through standard_output.
        discard(sys.stdout)
        status = _fail(f"standard output: {reason(error)}", 1)
    except (KeyboardInterrupt, typer.Abort):  # Ctrl-C as a key, where each is read by itself
        status = 130
    sys.exit(signals.status or status)


def _fill_closed_streams() -> None:
    """Put nothing in the place of streams that are closed.

    A file that is opened would take their number, and what a library writes to standard error;
    in child processes, too, which therefore inherit them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _buffer_standard_output() -> None:
    """Have all written or an error, also where Python was told not to buffer.

    A disk that fills up takes a part, which an unbuffered stream does not tell.
    """
    if isinstance(sys.stdout, TextIOWrapper) and isinstance(sys.stdout.buffer, RawIOBase):
        # Not detached: libraries ask sys.__stdout__, which is the stream before, for a terminal.
        buffer = BufferedWriter(sys.stdout.buffer)
        sys.stdout = TextIOWrapper(buffer, sys.stdout.encoding, line_buffering=True)


def _fail(message: str, status: int) -> int:
    from cnnfilter.cli.printing import say

    say(message)
    return status
