"""The models for small pictures: linear to LeNet, textbooks, and the residual networks for 32×32."""

from __future__ import annotations

from facts import Facts

# The paper's connections of C1, C3, C5, F6 and the output, without those to a bias.
LENET5 = 28**2 * 6 * 25 + 10**2 * 60 * 25 + 120 * 16 * 25 + 84 * 120 + 10 * 84


def cifar(depth: int) -> int:
    """Return the multiply-adds of a network of 6n + 2 layers for 32×32.

    All convolutions between maps of one size cost the same: with half the height and width there are twice as
    many maps on both sides. The two that halve the maps cost half of that.
    """
    each = 16 * 16 * 3**2 * 32**2
    return 3 * 16 * 3**2 * 32**2 + (depth - 2 - 1) * each + 64 * 10


SMALL = {
    "deepconvnet": Facts(123_552, 8_772_340, layers=(160, 2320, 4640, 9248, 18496, 36928, 51250, 510)),
    "keras_mnist": Facts(34_826, 2_440_960, layers=(320, 18496, 16010)),
    "lenet": Facts(61_706, 416_520, layers=(156, 2416, 48120, 10164, 850)),
    "lenet5": Facts(60_000, LENET5, layers=(156, 12, 1516, 32, 48120, 10164, 840), fixed=840),
    "lenet5_28": Facts(60_000, LENET5, layers=(156, 12, 1516, 32, 48120, 10164, 840), fixed=840),
    "linear": Facts(7_850, 784 * 10),
    "mlp": Facts(266_610, 784 * 300 + 300 * 100 + 100 * 10, layers=(235500, 30100, 1010)),
    "simple_convnet": Facts(433_890, 24**2 * 25 * 30 + 30 * 12**2 * 100 + 100 * 10, layers=(780, 432100, 1010)),
    "three_layer": Facts(825_046, 32**2 * 147 * 32 + 32 * 16**2 * 100 + 100 * 10, layers=(4736, 819300, 1010)),
    **{
        f"{form}{depth}": Facts(count, cifar(depth), width=0.25, size=(3, 16, 16))
        for depth, count in ((20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962))
        for form in ("resnet", "plain", "preact_resnet")
        if (form, depth) not in {("preact_resnet", 32), ("preact_resnet", 44), ("plain", 110)}
    },
    # Deep plain networks learn badly, and narrow ones not at all.
    "plain44": Facts(658_586, cifar(44), size=(3, 16, 16), rate=0.001),
    "plain56": Facts(853_018, cifar(56), size=(3, 16, 16), rate=0.001),
}
