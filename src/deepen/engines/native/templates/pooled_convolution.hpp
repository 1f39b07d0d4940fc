// A convolutional layer, ReLU and max pooling of 2 × 2 in one: the maps between them are never stored.
#pragma once
#include "convolution.hpp"
#include "sparse_gradient.hpp"
#include "sparse_patches.hpp"

namespace deepen {

// Back to x by the sparse way: for the winners alone.
template <class DZ, class DX, class W>
struct Sparse;

// Back to x by `Back`, whatever it is: the gradients go to their winners among zeros, and these maps are convolved
// with the turned kernels.
template <class X, class Y, class W, template <class, class, class> class Back>
struct PooledBack {
  static constexpr int along_height = transposed_border(X::height, 2 * Y::height, W::height, 1, 1, W::top);
  static constexpr int along_width = transposed_border(X::width, 2 * Y::width, W::width, 1, 1, W::left);
  using DZ = Unpooled<Y, (along_height > along_width ? along_height : along_width)>;
  using Returned = Turned<DZ, Bordered<X, 0>, W, Back>;
  static constexpr Count weights = Returned::weights;
  static constexpr Count work(int count) { return count * DZ::size + Returned::work(count); }
  static void pack(const real* kernel, real* weights) { Returned::pack(kernel, weights); }

  static void backward(const Pass& pass, const real* dy, const std::int8_t* winners, const real* weights,
                       real* dx) {
    real* dz = pass.work;
    for (int i = 0; i < pass.count; ++i)
      spread(dy + i * Bordered<Y, 0>::size, winners + i * Winners<Y>::size, dz + i * DZ::size);
    Pass inner = pass;
    inner.work += pass.count * DZ::size;
    Returned::template correlate<false>(inner, dz, weights, nullptr, dx);
  }

 private:
  static NOINLINE void spread(const real* dy, const std::int8_t* winners, real* dz) {
    clear_border<DZ>(dz);
    for (int i = 0; i < Y::height; ++i)
      for (int j = 0; j < Y::width; ++j, dy += Y::pixel, winners += Winners<Y>::pixel) {
        real* to = dz + DZ::at(2 * i, 2 * j);
        for (int f = 0; f < Y::pixel; f += lanes) {
          const vec gradient = load(dy + f);
          const mask winner = load_bytes(winners + f);
#pragma GCC unroll 4
          for (int w = 0; w < 4; ++w)
            store(to + w / 2 * DZ::row + w % 2 * DZ::pixel + f, choose(winner == w, gradient, vec{}));
        }
      }
  }
};

template <class X, class Y, class W>
struct PooledBack<X, Y, W, Sparse> : SparseDataGradient<X, Y, W> {};

// y = maxpool(relu?(bias? + x * k)), the pooling of 2 × 2 with stride 2. `Forward` and `Back` are algorithms with
// the members of `Direct`, or the ones made for pooling, `Fused` and `Sparse`. What is kept is which outputs won;
// neither y nor the outputs are needed again. X has as wide a border as the windows reach beyond the maps. Where X
// is not padded, nobody asks for its gradient.
template <class X, class Y, class W, bool Bias, bool Relu, template <class, class, class> class Forward = Fused,
          template <class, class, class> class Back = Sparse>
struct PooledConvolution : Kernel {
  static_assert(W::dense && Y::padded && Y::height > 0 && Y::width > 0);
  static_assert(reaches_within<X, Unpooled<Y>, W>, "the windows reach beyond the border");

  using Pooled = PooledForward<X, Y, W, Forward>;
  using Returned = PooledBack<X, Y, W, Back>;
  // Vectors of channels would be almost empty for an image's few.
  static constexpr bool few = !X::padded || 4 * X::channels <= lanes;
  using Summed = std::conditional_t<few, SparsePatchGradient<X, Y, W>, SparseWeightGradient<X, Y, W>>;

  static constexpr Count bias_at = in_vectors(Pooled::weights), back_at = bias_at + (Bias ? Y::pixel : 0);
  static constexpr Count bias_sums_at = in_vectors(Summed::sums), sums = bias_sums_at + (Bias ? Y::pixel : 0);
  static constexpr Count kept = Winners<Y>::size;

  static constexpr Count weights = [] {
    if constexpr (X::padded) return back_at + Returned::weights;
    return back_at;
  }();
  static constexpr Count work(int count) {
    Count most = Pooled::work(count) > Summed::work(count) ? Pooled::work(count) : Summed::work(count);
    if constexpr (X::padded) most = most > Returned::work(count) ? most : Returned::work(count);
    return most;
  }

  static void pack(const real* const* parameters, real* weights) {
    Pooled::pack(parameters[0], weights);
    if constexpr (Bias) pack_features<Y>(parameters[1], weights + bias_at);
    if constexpr (X::padded) Returned::pack(parameters[0], weights + back_at);
  }

  static void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte* kept) {
    Pooled::template forward<Relu>(pass, x, weights, Bias ? weights + bias_at : nullptr, y,
                                   reinterpret_cast<std::int8_t*>(kept));
  }

  static void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx, const real* weights,
                       const std::byte* kept, real* sums) {
    const std::int8_t* winners = reinterpret_cast<const std::int8_t*>(kept);
    Summed::accumulate(pass, x, dy, winners, sums);
    if constexpr (Bias)
      for (int i = 0; i < pass.count; ++i)
        add_bias_gradient<Y>(dy + i * Bordered<Y, 0>::size, winners + i * Winners<Y>::size, sums + bias_sums_at);
    if constexpr (X::padded)
      if (dx) Returned::backward(pass, dy, winners, weights + back_at, dx);
  }

  static void unpack(const real* sums, real* const* gradients) {
    Summed::unpack(sums, gradients[0]);
    if constexpr (Bias) std::memcpy(gradients[1], sums + bias_sums_at, Y::channels * sizeof(real));
  }
};

}  // namespace deepen
