"""Numbers that Stanford's course CS231n prints, found again by the textbook's functions and by the library.

Every expected number is copied from the course's notes (cs231n.github.io) or from the notebooks of its assignments
1 and 2, none from a run of this code. What a notebook prints from seeded draws is taken from published runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen import optimizers, textbook
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.layers import BatchNormalization, Conv2D, Dense, Dropout, MaxPooling2D, ReLU, Sequential, Softmax
from deepen.losses import SoftmaxCrossEntropy
from deepen.optimizers import Optimizer
from deepen.regularizers import L2
from deepen.spec import parameters
from judges import assert_printed, outputs, run


def line(start: float, stop: float, *shape: int) -> Array:
    """Return evenly spaced numbers in an array: how CS231n's notebooks make their inputs."""
    return np.linspace(start, stop, np.prod(shape)).reshape(shape)


# CS231n, assignment 2, ConvolutionalNetworks.ipynb


def test_cs231n_convolution() -> None:
    x, w, b = line(-0.1, 0.5, 2, 3, 4, 4), line(-0.2, 0.3, 3, 3, 4, 4), line(-0.1, 0.2, 3)
    printed = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    assert_printed(textbook.conv_forward_naive(x, w, b, stride=2, pad=1), printed)
    assert_printed(textbook.conv_forward_im2col(x, w, b, stride=2, pad=1), printed)
    assert_printed(outputs(Conv2D(3, 4, stride=2, padding=1), x, w, b), printed)


def test_cs231n_max_pooling() -> None:
    x = line(-0.3, 0.4, 2, 3, 4, 4)
    printed = [
        [
            [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]],
            [[-0.14526316, -0.13052632], [-0.08631579, -0.07157895]],
            [[-0.02736842, -0.01263158], [0.03157895, 0.04631579]],
        ],
        [
            [[0.09052632, 0.10526316], [0.14947368, 0.16421053]],
            [[0.20842105, 0.22315789], [0.26736842, 0.28210526]],
            [[0.32631579, 0.34105263], [0.38526316, 0.4]],
        ],
    ]
    assert_printed(textbook.max_pool_forward(x, pool_height=2, pool_width=2, stride=2), printed)
    assert_printed(outputs(MaxPooling2D(2), x), printed)


# CS231n, assignment 2, FullyConnectedNets.ipynb


def test_cs231n_affine() -> None:
    x, w, b = line(-0.1, 0.5, 2, 4, 5, 6), line(-0.2, 0.3, 120, 3), line(-0.3, 0.1, 3)
    printed = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    assert_printed(textbook.affine_forward(x, w, b), printed)
    assert_printed(outputs(Dense(3), x.reshape(2, 120), w.T, b), printed)


def test_cs231n_relu() -> None:
    printed = [[0, 0, 0, 0], [0, 0, 0.04545455, 0.13636364], [0.22727273, 0.31818182, 0.40909091, 0.5]]
    assert_printed(outputs(ReLU(), line(-0.5, 0.5, 3, 4)), printed)


def test_cs231n_two_layer_network_of_assignment_2() -> None:
    w1, b1, w2, b2 = line(-0.7, 0.3, 5, 50), line(-0.1, 0.9, 50), line(-0.3, 0.4, 50, 7), line(-0.9, 0.1, 7)
    x, labels = line(-5.5, 4.5, 5, 3).T, np.array([0, 5, 1])
    printed = [
        [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096],
        [12.05769098, 12.74614105, 13.43459113, 14.1230412, 14.81149128, 15.49994135, 16.18839143],
        [12.58373087, 13.20054771, 13.81736455, 14.43418138, 15.05099822, 15.66781506, 16.2846319],
    ]
    scores = outputs(Sequential([Dense(50, activation="relu"), Dense(7)]), x, w1.T, b1, w2.T, b2)
    assert_printed(scores, printed)
    hidden = np.maximum(0, textbook.affine_forward(x, w1, b1))
    assert_printed(textbook.affine_forward(hidden, w2, b2), printed)
    assert_losses(scores, labels, 3.4702243556, digits=10)
    # The notebook's regularization strength 1 multiplies half the squares.
    assert_printed(3.4702243556 + L2(0.5).value(w1) + L2(0.5).value(w2), 26.5948426952, digits=9)


def assert_losses(scores: Array, labels: Array, printed: float, digits: int) -> None:
    assert_printed(SoftmaxCrossEntropy().forward(scores, labels)[0], printed, digits)
    assert_printed(textbook.softmax_loss(scores, labels)[0], printed, digits)


def test_cs231n_two_layer_network_of_assignment_1() -> None:
    """Notebook two_layer_net.ipynb; the weights come from seed 0, the images from seed 1."""
    draw = np.random.RandomState(0).randn
    w1, w2 = 0.1 * draw(4, 10), 0.1 * draw(10, 3)
    x, labels = 10 * np.random.RandomState(1).randn(5, 4), np.array([0, 1, 2, 2, 1])
    scores = outputs(
        Sequential([Dense(10, activation="relu"), Dense(3)]), x, w1.T, np.zeros(10), w2.T, np.zeros(3)
    )
    printed = [
        [-0.81233741, -1.27654624, -0.70335995],
        [-0.17129677, -1.18803311, -0.47310444],
        [-0.51590475, -1.01354314, -0.8504215],
        [-0.15419291, -0.48629638, -0.52901952],
        [-0.00618733, -0.12435261, -0.15226949],
    ]
    assert_printed(scores, printed)
    loss, _ = SoftmaxCrossEntropy().forward(scores, labels)
    # Strength 0.1, of half the squares.
    assert_printed(loss + L2(0.05).value(w1) + L2(0.05).value(w2), 1.30378789133, digits=11)


def updated(optimizer: Optimizer, step: int, rate: float, *kept: Array) -> tuple[Array, ...]:
    """Return w and the kept arrays after a step of the notebook's example."""
    w, g, arrays = line(-0.4, 0.6, 4, 5), line(-0.6, 0.4, 4, 5), dict(zip(optimizer.slots, kept, strict=True))
    optimizer.update(w, g, arrays, step, rate)
    return w, *arrays.values()


VELOCITY = [
    [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158],
    [0.61138947, 0.62554737, 0.63970526, 0.65386316, 0.66802105],
    [0.68217895, 0.69633684, 0.71049474, 0.72465263, 0.73881053],
    [0.75296842, 0.76712632, 0.78128421, 0.79544211, 0.8096],
]


def test_cs231n_momentum() -> None:
    printed = [
        [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789],
        [0.47454737, 0.54133684, 0.60812632, 0.67491579, 0.74170526],
        [0.80849474, 0.87528421, 0.94207368, 1.00886316, 1.07565263],
        [1.14244211, 1.20923158, 1.27602105, 1.34281053, 1.4096],
    ]
    # CS231n's velocity is −η times the one that is kept here.
    w, velocity = updated(optimizers.Momentum(momentum=0.9), 1, 1e-3, line(0.6, 0.9, 4, 5) / -1e-3)
    assert_printed(w, printed)
    assert_printed(-1e-3 * velocity, VELOCITY)


def test_nesterov() -> None:
    """UCLA's course ECE C147, notebook Optimization.ipynb, which continues CS231n's example."""
    printed = [
        [0.08714, 0.15246105, 0.21778211, 0.28310316, 0.34842421],
        [0.41374526, 0.47906632, 0.54438737, 0.60970842, 0.67502947],
        [0.74035053, 0.80567158, 0.87099263, 0.93631368, 1.00163474],
        [1.06695579, 1.13227684, 1.19759789, 1.26291895, 1.32824],
    ]
    w, velocity = updated(optimizers.Nesterov(momentum=0.9), 1, 1e-3, line(0.6, 0.9, 4, 5) / -1e-3)
    assert_printed(w, printed)
    assert_printed(-1e-3 * velocity, VELOCITY)


def test_cs231n_rmsprop() -> None:
    printed_w = [
        [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247],
        [-0.132737, -0.08078555, -0.02881884, 0.02316247, 0.07515774],
        [0.12716641, 0.17918792, 0.23122175, 0.28326742, 0.33532447],
        [0.38739248, 0.43947102, 0.49155973, 0.54365823, 0.59576619],
    ]
    printed_cache = [
        [0.5976, 0.6126277, 0.6277108, 0.64284931, 0.65804321],
        [0.67329252, 0.68859723, 0.70395734, 0.71937285, 0.73484377],
        [0.75037008, 0.7659518, 0.78158892, 0.79728144, 0.81302936],
        [0.82883269, 0.84469141, 0.86060554, 0.87657507, 0.8926],
    ]
    w, square = updated(optimizers.RMSprop(1e-2, 0.99, 1e-8), 1, 1e-2, line(0.6, 0.9, 4, 5))
    assert_printed(w, printed_w)
    assert_printed(square, printed_cache)


def test_cs231n_adam() -> None:
    printed_w = [
        [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977],
        [-0.1380274, -0.08544591, -0.03286534, 0.01971428, 0.0722929],
        [0.1248705, 0.17744702, 0.23002243, 0.28259667, 0.33516969],
        [0.38774145, 0.44031188, 0.49288093, 0.54544852, 0.59801459],
    ]
    printed_v = [
        [0.69966, 0.68908382, 0.67851319, 0.66794809, 0.65738853],
        [0.64683452, 0.63628604, 0.6257431, 0.61520571, 0.60467385],
        [0.59414753, 0.58362676, 0.57311152, 0.56260183, 0.55209767],
        [0.54159906, 0.53110598, 0.52061845, 0.51013645, 0.49966],
    ]
    printed_m = [
        [0.48, 0.49947368, 0.51894737, 0.53842105, 0.55789474],
        [0.57736842, 0.59684211, 0.61631579, 0.63578947, 0.65526316],
        [0.67473684, 0.69421053, 0.71368421, 0.73315789, 0.75263158],
        [0.77210526, 0.79157895, 0.81105263, 0.83052632, 0.85],
    ]
    # Five steps were made before: t = 5 becomes 6.
    w, mean, square = updated(optimizers.Adam(), 6, 1e-2, line(0.6, 0.9, 4, 5), line(0.7, 0.5, 4, 5))
    assert_printed(w, printed_w)
    assert_printed(mean, printed_m)
    assert_printed(square, printed_v)


# CS231n, assignment 2, BatchNormalization.ipynb and Dropout.ipynb, both with seed 231


def activations(draw: Any, w1: Array, w2: Array) -> Array:
    return np.maximum(0, draw(200, 50) @ w1) @ w2


def test_cs231n_batch_normalization_in_training() -> None:
    draw = np.random.RandomState(231).randn
    x, w1, w2 = draw(200, 50), draw(50, 60), draw(60, 3)
    a = np.maximum(0, x @ w1) @ w2
    assert_printed(a.mean(axis=0), [-2.3814598, -13.18038246, 1.91780462])
    assert_printed(a.std(axis=0), [27.18502186, 34.21455511, 37.68611762])
    gamma, beta = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0])
    training = Context(Pass(training=True), "", {"running_mean": np.zeros(3), "running_variance": np.ones(3)})
    y, _ = BatchNormalization().forward(a, {"gamma": gamma, "beta": beta}, training)
    for normal in (textbook.batch_norm_forward(a, gamma, beta)[0], y):
        assert_printed(normal.mean(axis=0), [11, 12, 13])
        assert_printed(normal.std(axis=0), [0.99999999, 1.99999999, 2.99999999])


def test_cs231n_batch_normalization_at_test_time() -> None:
    draw = np.random.RandomState(231).randn
    w1, w2 = draw(50, 60), draw(60, 3)
    layer, params = BatchNormalization(momentum=0.9), {"gamma": np.ones(3), "beta": np.zeros(3)}
    running = {"running_mean": np.zeros(3), "running_variance": np.zeros(3)}
    for _ in range(50):
        training = Context(Pass(training=True), "", running)
        layer.forward(activations(draw, w1, w2), params, training)
        running = training.run.updates
    # The course averages the biased variance, this library the unbiased one.
    running["running_variance"] = running["running_variance"] * (199 / 200)
    y, _ = layer.forward(activations(draw, w1, w2), params, Context(Pass(), "", running))
    assert_printed(y.mean(axis=0), [-0.03927354, -0.04349152, -0.10452688])
    assert_printed(y.std(axis=0), [1.01531428, 1.01238373, 0.97819988])


def test_cs231n_dropout() -> None:
    """In the notebook as of 2018, p is the probability to keep."""
    random = np.random.RandomState(231)
    x = random.randn(500, 500) + 10
    assert_printed(x.mean(), 10.000207878477502, digits=12)
    for keep, mean, dropped in (
        (0.25, 10.014059116977283, 0.749784),
        (0.4, 9.977917658761159, 0.600796),
        (0.7, 9.987811912159426, 0.30074),
    ):
        draws = random.random_sample(x.shape)
        # The layer keeps a unit whose draw is large, the books one whose draw is small.
        training = Context(Pass(training=True, draw=lambda _, shape, draws=draws: 1 - draws))
        layer, _ = Dropout(1 - keep).forward(x, {}, training)
        for y in (textbook.inverted_dropout_train(x, draws, keep)[0], layer):
            assert_printed(y.mean(), mean, digits=12)
            assert_printed((y == 0).mean(), dropped, digits=6)


# CS231n, notes


def test_cs231n_circuits() -> None:
    """Notes "Backpropagation, intuitions": f = (x + y) z, and the circuit 2 (x y + max(z, w))."""
    add, multiply = textbook.Add(), textbook.Multiply()
    assert multiply.forward(add.forward(-2, 5), -4) == -12
    dq, dz = multiply.backward(1)
    assert (*add.backward(dq), dz) == (-4, -4, 3)

    product, larger, add, double = textbook.Multiply(), textbook.Max(), textbook.Add(), textbook.Multiply()
    assert double.forward(add.forward(product.forward(3, -4), larger.forward(2, -1)), 2) == -20
    dp, dm = add.backward(double.backward(1)[0])
    assert (*product.backward(dp), *larger.backward(dm)) == (-8, 6, 2, 0)


def test_cs231n_neuron() -> None:
    """Notes "Backpropagation, intuitions", sigmoid example; the figure shows two digits."""
    neuron, x = Dense(1, activation="sigmoid"), np.array([[-1.0, -2.0]])
    y, dx, dw, db = run(neuron, x, np.ones((1, 1)), np.array([[2.0, -3.0]]), np.array([-3.0]))
    assert_printed(y, [[0.73]], digits=2)
    assert_printed(dw, [[-0.20, -0.39]], digits=2)
    assert_printed(db, [0.20], digits=2)
    assert_printed(dx, [[0.39, -0.59]], digits=2)


@pytest.mark.parametrize(
    ("scores", "printed", "digits"),
    [
        ([0.5, -1.0, 0.0], [0.55, 0.12, 0.33], 2),
        # The figure shows three digits, but goes on computing with rounded numbers.
        ([-2.85, 0.86, 0.28], [0.016, 0.631, 0.353], 2),
        # Saito, section 3.5.3.
        ([0.3, 2.9, 4.0], [0.01821127, 0.24519181, 0.73659691], 8),
    ],
)
def test_softmax(scores: list[float], printed: list[float], digits: int) -> None:
    """Notes "Linear classification", softmax classifier."""
    assert_printed(textbook.softmax(np.array(scores)), printed, digits)
    assert_printed(outputs(Softmax(), np.array([scores])), [printed], digits)


def test_cs231n_cross_entropy() -> None:
    """Notes "Linear classification", figure: the right class is the last."""
    assert_losses(np.array([[-2.85, 0.86, 0.28]]), np.array([2]), 1.04, digits=2)


def test_cs231n_sizes() -> None:
    """Notes "Convolutional networks": spatial arrangement, parameter sharing, implementation as matrix product."""
    assert [textbook.output_size(7, 3, stride) for stride in (1, 2)] == [5, 3]
    assert [textbook.output_size(5, 3, stride, 1) for stride in (1, 2)] == [5, 3]
    alexnet = Conv2D(96, 11, stride=4)
    assert alexnet.output_shape((3, 227, 227)) == (96, 55, 55)
    assert sum(p.size for p in parameters(alexnet, (3, 227, 227)).values()) == 34_944
    assert textbook.convolution_parameters(3, 96, 11, 11) == 34_944
    assert textbook.dense_parameters(11 * 11 * 3, 55 * 55 * 96) == 105_705_600
    # A window is a row here, a column there.
    assert textbook.im2col(np.zeros((1, 3, 227, 227), "float32"), 11, 11, 4).shape == (3025, 363)
