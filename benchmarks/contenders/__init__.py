"""The contenders: each file is one library, used in one way, and is run in a process of its own.

`train(task)` and `predict(task)` return a `Runner`, which computes when it is told to; `learn(task, ready,
reached)` trains once from the beginning to the end, as `common.task.Learner` says.
"""
