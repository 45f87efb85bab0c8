"""Measure works in a process whose number of threads was set before NumPy was imported.

benchmark.py starts it, with the words that works' names are to hold. It prints one line of
JSON for each work.
"""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from processes import process_works
from works import US, Run, Work, array_works, installed

import cnnfilter

#: What a kernel of 31x31 sees of the border, which peers fill in their own ways.
BORDER = 15
#: Seconds after which three rounds are enough.
LONG = 5


def pixels_of(result: object) -> np.ndarray:
    """Read an array, a tensor, a picture or a file as pixels, without the border."""
    array = np.asarray(cnnfilter.read_image(result) if isinstance(result, Path) else result)
    if array.ndim == 4:  # of a tensor: images, channels, height, width
        array = np.moveaxis(array[0], 0, -1)
    return np.atleast_3d(array)[BORDER:-BORDER, BORDER:-BORDER]


def check_agreement(work: Work, peer: str, ours: object, theirs: object) -> None:
    """Raise AssertionError unless a peer did the same work."""
    wanted, given = pixels_of(ours), pixels_of(theirs)
    told = f"{peer}, {work.name}"
    assert wanted.shape == given.shape, told
    if wanted.dtype != np.uint8:
        atol = 1e-5 * float(np.abs(wanted).max())
        np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=atol, err_msg=told)
        return
    difference = np.abs(np.clip(np.rint(given), 0, 255) - wanted.astype(float))
    if peer == "SciPy":  # it wraps where all others saturate
        difference = difference[(wanted > 0) & (wanted < 255)]
    assert difference.max() <= work.levels, f"{told}: differs by {difference.max():g} levels"


def time_in_turn(runs: Mapping[str, Run], quick: bool) -> dict[str, float]:
    """Give each run's median seconds; in turn, so that a machine's drift meets all alike."""
    rounds, seconds = (3, 0.1) if quick else (7, 1.0)
    times: dict[str, list[float]] = {name: [] for name in runs}
    begin = time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds or len(times[US]) < rounds:
        if spent > LONG and len(times[US]) >= 3:
            break
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in times.items()}


def measure(work: Work, threads: str, quick: bool) -> dict[str, Any]:
    """Compare what all make of a work, which warms them up, then time them."""
    ours, arguments = work.prepare()
    runs = {US: ours}
    for name, peer in work.peers.items():
        if found := installed(peer.needs):
            runs[name] = peer.make(found, *arguments)
    expected = ours()
    for name, run in runs.items():
        result = run()
        if result is not None:
            check_agreement(work, name, expected, result)
    wall, cpu = time.perf_counter(), time.process_time()
    times = time_in_turn(runs, quick)
    busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
    assert threads == "all" or busy < 1.2, f"{work.name}: {busy:.1f} threads are busy, not one"
    return {
        "group": work.group,
        "name": work.name,
        "mpixels": work.mpixels,
        "times": times,
        "limits": {name: peer.limits[threads == "all"] for name, peer in work.peers.items()},
    }


def main(threads: str, words: str, quick: str = "") -> None:
    """Measure the works whose names hold the words, and print a line for each."""
    with TemporaryDirectory() as folder, chdir(folder):
        for work in [*array_works(bool(quick)), *process_works(bool(quick))]:
            if words in f"{work.group}: {work.name}":
                print(json.dumps(measure(work, threads, bool(quick))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
