// A convolutional layer: forward, and back to its kernel, its bias and its input.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "neighbours.hpp"
#include "strips.hpp"
#include "transposed.hpp"

namespace deepen {

// With stride 1 the way back to X is a convolution too: of dz, by an algorithm such as `Direct`, with the kernels
// turned by 180° and their channels swapped. The window begins (K − 1)·d − p pixels before the maps.
template <class DZ, class DX, class W, template <class, class, class> class Algorithm>
struct Turned {
  using Turn = Window<W::height, W::width, 1, 1, W::dilation_h, W::dilation_w,
                      (W::height - 1) * W::dilation_h - W::top, (W::width - 1) * W::dilation_w - W::left>;
  using Convolved = Algorithm<DZ, DX, Turn>;
  static constexpr Count weights = Convolved::weights;
  static constexpr Count work(int count) { return Convolved::work(count); }

  static void pack(const real* kernel, real* weights) {
    std::vector<real> turned(Count(DZ::channels) * DX::channels * W::positions);
    for (int f = 0; f < DZ::channels; ++f)
      for (int c = 0; c < DX::channels; ++c)
        for (int p = W::positions - 1; p >= 0; --p)
          turned[(Count(c) * DZ::channels + f) * W::positions + p] = *kernel++;
    Convolved::pack(turned.data(), weights);
  }

  template <bool Relu>
  static void correlate(const Pass& pass, const real* dz, const real* weights, const real* bias, real* dx) {
    Convolved::template correlate<Relu>(pass, dz, weights, bias, dx);
  }
};

// y = relu?(bias? + x * k). `Forward` and `Back` are algorithms with the members of `Direct`: forward, and back to
// x where the stride is 1. `Gradient` is one with the members of `WeightGradient`. X has as wide a border as the
// windows reach beyond the maps. Where X is not padded, nobody asks for its gradient.
//
// `Direct` and `WeightGradient` stand for the shortest direct way: for few channels of X or few filters there are
// others.
template <class X, class Y, class W, bool Bias, bool Relu, template <class, class, class> class Forward = Direct,
          template <class, class, class> class Back = Direct,
          template <class, class, class> class Gradient = WeightGradient>
struct Convolution : Kernel {
  static_assert(reaches_within<X, Y, W>, "the windows reach beyond the border");
  using DX = Bordered<X, 0>;
  using DY = Bordered<Y, 0>;

  // The way back to X: by phases where there are strides, and by strips where these have fewer products.
  static constexpr bool dense = W::stride_h == 1 && W::stride_w == 1;
  static constexpr bool strips = [] {
    if constexpr (X::padded && dense && std::is_same_v<Back<DY, DX, W>, Direct<DY, DX, W>>)
      return Strips<DY, DX, W>::pay;
    return false;
  }();
  static constexpr int border =
      !X::padded || strips
          ? 0
          : std::max(transposed_border(X::height, Y::height, W::height, W::stride_h, W::dilation_h, W::top),
                     transposed_border(X::width, Y::width, W::width, W::stride_w, W::dilation_w, W::left));

  using DZ = Bordered<Y, border>;  // before the ReLU; equal to dy without one

  // With few filters neighbouring pixels share vectors.
  static constexpr bool neighbours = Neighbours<X, Y, W>::pay;
  using Correlated = std::conditional_t<neighbours && std::is_same_v<Forward<X, Y, W>, Direct<X, Y, W>>,
                                        NeighboursForward<X, Y, W>, Forward<X, Y, W>>;
  using Summed = std::conditional_t<neighbours && std::is_same_v<Gradient<X, DZ, W>, WeightGradient<X, DZ, W>>,
                                    NeighboursGradient<X, DZ, W>, Gradient<X, DZ, W>>;
  using Returned = std::conditional_t<strips, Strips<DZ, DX, W>,
                                      std::conditional_t<dense, Turned<DZ, DX, W, Back>, Transposed<DZ, DX, W>>>;

  // Without a way back to X the gradient of the kernel may be the only one to read dz, and each number once.
  using Gradients = BehindRelu<Y, Relu>;
  static constexpr bool merged = [] {
    if constexpr (!X::padded && (std::is_same_v<Summed, WeightGradient<X, DZ, W>> ||
                                 std::is_same_v<Summed, NeighboursGradient<X, DZ, W>>))
      return Summed::reads_once;
    return false;
  }();
  static constexpr bool copies = !merged && (Relu || border > 0);
  static constexpr Count bias_at = in_vectors(Correlated::weights);
  static constexpr Count back_at = bias_at + (Bias ? Y::pixel : 0);
  static constexpr Count bias_sums_at = in_vectors(Summed::sums);
  static constexpr Count sums = bias_sums_at + (Bias ? Y::pixel : 0);

  // Without a gradient to return there is nothing to pack for it. (A template, since `Returned` may not exist.)
  template <bool Needed>
  static constexpr Count back_weights() {
    if constexpr (Needed) return Returned::weights;
    return 0;
  }
  template <bool Needed>
  static constexpr Count back_work(int count) {
    if constexpr (Needed) return Returned::work(count);
    return 0;
  }
  static constexpr Count weights = back_at + back_weights<X::padded>();

  static constexpr Count work(int count) {
    const Count own = copies ? count * DZ::size : 0;
    return std::max(Correlated::work(count), own + std::max(Summed::work(count), back_work<X::padded>(count)));
  }

  static void pack(const real* const* parameters, real* weights) {
    Correlated::pack(parameters[0], weights);
    if constexpr (Bias) pack_features<Y>(parameters[1], weights + bias_at);
    if constexpr (X::padded) Returned::pack(parameters[0], weights + back_at);
  }

  static void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    Correlated::template correlate<Relu>(pass, x, weights, Bias ? weights + bias_at : nullptr, y);
  }

  // dz into a map of its own, with a border, for the two ways back that read it many times; and db.
  static NOINLINE void mask_and_sum(int count, const real* y, const real* dy, real* dz, real* bias) {
    const Gradients gradients{y, dy};
    for (int image = 0; image < count; ++image) {
      if constexpr (copies) clear_border<DZ>(dz + image * DZ::size);
      for (int f = 0; f < Y::pixel; f += lanes) {
        vec total{};
        for (int i = 0; i < Y::height; ++i)
          for (int j = 0; j < Y::width; ++j) {
            const vec value = gradients.at(image, i, j, f);
            if constexpr (copies) store(dz + image * DZ::size + DZ::at(i, j) + f, value);
            total += value;
          }
        if constexpr (Bias) store(bias + f, load(bias + f) + total);
      }
    }
  }

  static void backward(const Pass& pass, const real* x, const real* y, const real* dy, real* dx,
                       const real* weights, const std::byte*, real* sums) {
    real* bias = Bias ? sums + bias_sums_at : nullptr;
    if constexpr (merged) {
      Summed::template accumulate<Bias>(pass, x, Gradients{y, dy}, sums, bias);
    } else {
      Pass after = pass;
      const real* dz = dy;
      if constexpr (copies) {
        dz = pass.work;
        after.work += pass.count * DZ::size;
      }
      if constexpr (copies || Bias) mask_and_sum(pass.count, y, dy, pass.work, bias);
      Summed::accumulate(after, x, dz, sums);
      if constexpr (X::padded)
        if (dx) Returned::template correlate<false>(after, dz, weights + back_at, nullptr, dx);
    }
  }

  static void unpack(const real* sums, real* const* gradients) {
    Summed::unpack(sums, gradients[0]);
    if constexpr (Bias) std::memcpy(gradients[1], sums + bias_sums_at, Y::channels * sizeof(real));
  }
};

}  // namespace deepen
