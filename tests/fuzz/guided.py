"""Fuzz a reader of text by coverage: atheris changes its input wherever that reaches new code.

::

    pip install atheris
    python tests/fuzz/guided.py --target pipeline-text --runs 100000 --seed 7

It begins with a few hundred inputs of the target's own maker. At the first failure it stops, and
prints its traceback and where the input is: in a folder for temporary files.
"""

import argparse
import secrets
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import atheris

with atheris.instrument_imports(include=["cnnfilter", "tomllib", "shlex"]):
    import cnnfilter

    for _module in walk_packages(cnnfilter.__path__, "cnnfilter."):
        if not _module.name.endswith(("__main__", "cluster")):
            import_module(_module.name)
    from fuzz import made, tried
    from readers import TARGETS

GUIDED = [name for name, target in TARGETS.items() if target.text is not None]
#: Inputs to begin with.
BEGIN = 300


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=GUIDED, required=True)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed by default")
    return parser.parse_args()


def main() -> None:
    """Run what is asked for; it ends with libFuzzer's status."""
    asked = _arguments()
    target = TARGETS[asked.target]
    assert target.text is not None
    read = target.text
    seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="cnnfilter-guided-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number in range(BEGIN):
        given = made(target, seed, number)
        content = given if isinstance(given, bytes) else given.encode(errors="surrogateescape")
        (corpus / str(number)).write_bytes(content)

    def run(data: bytes) -> None:
        _, error = tried(target, read(data))
        if error is not None:
            raise error

    atheris.Setup(
        [sys.argv[0], f"-runs={asked.runs}", f"-max_total_time={asked.seconds}", f"-seed={seed}",
         f"-artifact_prefix={folder}/", "-timeout=60", "-rss_limit_mb=2048", str(corpus)],
        run,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
