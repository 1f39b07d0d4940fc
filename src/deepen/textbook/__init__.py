"""The definitions as textbooks write them: loops and small steps, to be read, and to judge the layers by.

Plain NumPy, slow on purpose; `deepen.layers` computes the same numbers fast. Images are `(N, C, H, W)`; float32
stays float32. Strides and paddings (`stride`, `pad`) are one number, or a pair for height and width.

The books: K. Saito, "Deep Learning from Scratch" (O'Reilly, 2016); Stanford's course CS231n (cs231n.github.io);
A. Zhang et al., "Dive into Deep Learning" (d2l.ai; sections as in version 1.0).
"""

from deepen.textbook.convolution import (
    conv_1x1,
    conv_backward_naive,
    conv_forward_naive,
    convolve,
    cross_correlate,
    turn,
)
from deepen.textbook.dropout import (
    dropout_backward,
    dropout_test,
    dropout_train,
    inverted_dropout_train,
    keep_probability_of,
)
from deepen.textbook.gates import Add, Copy, Max, Multiply
from deepen.textbook.im2col import col2im, conv_backward_im2col, conv_forward_im2col, im2col
from deepen.textbook.linear import (
    affine_backward,
    affine_forward,
    cross_entropy,
    linear_backward,
    linear_scores,
    softmax,
    softmax_loss,
)
from deepen.textbook.normalization import batch_norm_backward, batch_norm_forward
from deepen.textbook.numerical import numerical_gradient, relative_error
from deepen.textbook.pooling import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    min_pool_backward,
    min_pool_forward,
)
from deepen.textbook.sizes import convolution_parameters, dense_parameters, output_size, receptive_field

__all__ = [
    "Add",
    "Copy",
    "Max",
    "Multiply",
    "affine_backward",
    "affine_forward",
    "average_pool_backward",
    "average_pool_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "col2im",
    "conv_1x1",
    "conv_backward_im2col",
    "conv_backward_naive",
    "conv_forward_im2col",
    "conv_forward_naive",
    "convolution_parameters",
    "convolve",
    "cross_correlate",
    "cross_entropy",
    "dense_parameters",
    "dropout_backward",
    "dropout_test",
    "dropout_train",
    "im2col",
    "inverted_dropout_train",
    "keep_probability_of",
    "linear_backward",
    "linear_scores",
    "max_pool_backward",
    "max_pool_forward",
    "min_pool_backward",
    "min_pool_forward",
    "numerical_gradient",
    "output_size",
    "receptive_field",
    "relative_error",
    "softmax",
    "softmax_loss",
    "turn",
]
