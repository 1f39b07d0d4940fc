"""The models for small pictures: linear to LeNet, textbooks, and the residual networks for 32×32."""

from __future__ import annotations

from facts import Facts

SMALL = {
    "deepconvnet": Facts(123_552, 8_772_340, layers=(160, 2320, 4640, 9248, 18496, 36928, 51250, 510)),
    "keras_mnist": Facts(34_826, 2_440_960, layers=(320, 18496, 16010)),
    "lenet": Facts(61_706, 416_520, layers=(156, 2416, 48120, 10164, 850)),
    **{
        f"{form}{depth}": Facts(count, multiply_adds, width=0.25, size=(3, 16, 16))
        for depth, count, multiply_adds in (
            (20, 269_722, 40_551_040),
            (32, 464_154, 68_862_592),
            (44, 658_586, 97_174_144),
            (56, 853_018, 125_485_696),
            (110, 1_727_962, 252_887_680),
        )
        for form in ("resnet", "plain", "preact_resnet")
        if (form, depth) not in {("preact_resnet", 32), ("preact_resnet", 44), ("plain", 110)}
    },
}
