#!/usr/bin/env bash
# OpenCV 5.0.0: getGaussianKernel of an even size is no Gaussian. Its two middle values are those of
# the middle itself, 1 before the sum is divided out, instead of exp(-1 / (8 sigma^2)).
#
# Seen (2026-11-29): size 4 with sigma 1 is [0.1225 0.3775 0.3775 0.1225]. The formula in its
# documentation, exp(-(i - (size - 1) / 2)^2 / (2 sigma^2)) divided by the sum, is
# [0.1345 0.3655 0.3655 0.1345]. It is off by up to 0.013 at every even size above 2, and equal to 14
# digits once the two middle weights are put to 1. Odd sizes follow the formula.
#
# Why a good guess would be wrong: the documentation states the formula for any size (it says that the
# size should be odd, and accepts others without a word), the result adds up to 1, is symmetric and
# falls off to both sides, so that it passes any plausibility check; only size 2 is right by chance.
# GaussianBlur refuses even sizes, so that the fault shows only where a kernel is taken out and used
# elsewhere: in sepFilter2D, in a network's weights, or against SciPy. The neighbouring
# getGaborKernel treats even sizes in a third way: it returns the next odd one, 21x21 for (20, 20).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np


def formula(size, sigma, middle=None):
    """Return OpenCV's documented kernel, with other middle weights if stated."""
    place = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(place**2) / (2 * sigma**2))
    if middle is not None:
        weights[size // 2 - 1 : size // 2 + 1] = middle
    return weights / weights.sum()


print("size 4, sigma 1:", cv2.getGaussianKernel(4, 1).ravel().round(4), "by OpenCV")
print("                ", formula(4, 1).round(4), "by its formula")
for sigma in (0.6, 1.0, 2.0):
    for size in (3, 5, 11, 2):
        found = cv2.getGaussianKernel(size, sigma).ravel()
        assert np.allclose(found, formula(size, sigma), rtol=0, atol=1e-14), (size, sigma)
    for size in (4, 6, 8, 10, 20):
        found = cv2.getGaussianKernel(size, sigma).ravel()
        off = abs(found - formula(size, sigma)).max()
        print(f"size {size}, sigma {sigma}: off by {off:.5f}")
        assert off > 0.003, "an even size follows the formula now"
        assert np.allclose(found, formula(size, sigma, 1), rtol=0, atol=1e-14), (size, sigma)
assert cv2.getGaborKernel((20, 20), 4, 0, 10, 1).shape == (21, 21), "even Gabor kernels are even"
PYTHON
echo "as described: even sizes hold the middle's weight twice"
