"""cnnfilter split-channels."""

from typing import Annotated

from cnnfilter.cli.options import Common, examples, option, takes_common_options

GROUP = "Channels"
EXAMPLES = examples(
    "cnnfilter split-channels sample_images/coffee.png -o out/",
    "cnnfilter split-channels --as tint sample_images/coffee.png -o channels/",
    "cnnfilter split-channels --space hsv sample_images/coffee.png -o hsv/",
    "cnnfilter split-channels --print sample_images/padlock-16x16.png",
)


@takes_common_options
def split_channels(
    space: Annotated[
        str,
        option(
            group=GROUP,
            metavar="rgb|hsv|lab|...",
            help="The colour space: rgb, hsv, lab, lch, luv, xyz, ycbcr, yuv or yiq. Channels are "
            "stored in 0..255; as numbers, a and b of lab and their like keep their sign.",
        ),
    ] = "rgb",
    look: Annotated[
        str,
        option("--as", group=GROUP, metavar="gray|tint", help="Show red in grey, or as red."),
    ] = "gray",
    *,
    common: Common,
) -> None:
    """Split images into their channels.

    For img.png it writes img-red.png, img-green.png and img-blue.png; alpha
    is a channel, too.
    """
    from cnnfilter.batch.splitting import SplitTask
    from cnnfilter.cli.run import run

    run(SplitTask(space, look), common)
