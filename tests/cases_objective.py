"""Rows of the case table: what adds to the loss besides the network's outputs."""

from __future__ import annotations

from case import Case
from deepen.layers import ActivityRegularization, Conv2D, Dense, Flatten, Sequential, SideOutput
from deepen.regularizers import L1, L2

HEAD = Sequential([Conv2D(2, 1, activation="sigmoid"), Flatten(), Dense(3, activation="softmax")])

CASES_OBJECTIVE = {
    "activity": Case(ActivityRegularization(L2(0.3)), (2, 3, 4), (2, 3, 4)),
    "activity of features": Case(ActivityRegularization("l1"), (5,), (5,)),
    "conv activity": Case(
        Conv2D(3, 2, activation="sigmoid", activity_regularizer=L2(0.5)), (2, 3, 3), (3, 2, 2), (2, 1, 1), "2×2"
    ),
    "dense activity": Case(Dense(4, activity_regularizer=L1(0.2)), (5,), (4,), (2, 3, 3), "Flatten"),
    "side output": Case(SideOutput(HEAD), (2, 3, 3), (2, 3, 3), (72,), "head.conv1 expects maps"),
    "side output of features": Case(SideOutput(Dense(2), weight=0.5), (4,), (4,), (2, 3, 3), "Flatten"),
    "side output in a sequence": Case(
        Sequential([Conv2D(3, 2), SideOutput(HEAD, 0.7), Flatten(), Dense(3)]), (2, 4, 4), (3,), (72,), "conv1"
    ),
}
