// Convolution with so few filters that the outputs of several neighbouring pixels share a vector.
#pragma once
#include <vector>

#include "weight_gradient.hpp"

namespace deepen {

// N neighbours in a row with F filters each are one pixel with N·F filters. The windows of all N together are
// (N − 1)·s columns wider than one; in that wide window the kernels of neighbour n begin in column n·s, among
// zeros. So N outputs take K + (N − 1)·s products for each row of the window instead of N·K.
template <class X, class Y, class W>
struct Neighbours {
  static constexpr int best() {
    int most = 1;
    for (int n = 2; n * Y::channels <= lanes; ++n)
      if (Y::width % n == 0) most = n;
    return W::dilation_w == 1 ? most : 1;
  }
  static constexpr int N = best(), width = W::width + (N - 1) * W::stride_w;
  using Wide = Window<W::height, width, W::stride_h, N * W::stride_w, W::dilation_h, 1, W::top, W::left>;
  using Shared = Map<N * Y::channels, Y::height, Y::width / N>;

  // Whether this is clearly shorter, in products for N pixels; to bring them together or apart costs some, too.
  static constexpr int rows = W::height * X::channels;
  static constexpr bool pay = N > 1 && 5 * (rows * width + 3 * N) <= 4 * rows * N * W::width;

  // The kernel that brings neighbour n's output for filter f as that of filter n·F + f.
  static std::vector<real> widened(const real* kernel) {
    std::vector<real> wide(Count(Shared::channels) * rows * width);
    for (int filter = 0; filter < Shared::channels; ++filter)
      for (int row = 0; row < rows; ++row)
        for (int v = 0; v < W::width; ++v)
          wide[(Count(filter) * rows + row) * width + filter / Y::channels * W::stride_w + v] =
              kernel[(Count(filter % Y::channels) * rows + row) * W::width + v];
    return wide;
  }
};

// An algorithm like `Direct`.
template <class X, class Y, class W>
struct NeighboursForward {
  using Plan = Neighbours<X, Y, W>;
  using Shared = typename Plan::Shared;
  using Convolved = Direct<X, Shared, typename Plan::Wide>;
  static constexpr Count weights = Convolved::weights;
  static constexpr Count work(int) { return Shared::pixel + Shared::size + lanes; }

  static void pack(const real* kernel, real* weights) { Convolved::pack(Plan::widened(kernel).data(), weights); }

  template <bool Relu>
  static void correlate(const Pass& pass, const real* x, const real* weights, const real* bias, real* y) {
    real *biases = pass.work, *shared = biases + Shared::pixel;
    for (int f = 0; f < Shared::pixel; ++f)
      biases[f] = bias && f < Shared::channels ? bias[f % Y::channels] : real(0);
    Pass one = pass;
    one.count = 1;
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      Convolved::template correlate<Relu>(one, x, weights, biases, shared);
      bring_apart(shared, y);
    }
  }

 private:
  static NOINLINE void bring_apart(const real* shared, real* y) {
    clear_border<Y>(y);
    for (int i = 0; i < Y::height; ++i) {
      real* to = y + Y::at(i, 0);
      for (int j = 0; j < Shared::width; ++j, shared += Shared::pixel)
        for (int n = 0; n < Plan::N; ++n, to += Y::pixel)
          store(to, without_holes<Y>(load_anywhere(shared + n * Y::channels), 0));
    }
  }
};

// An algorithm like `WeightGradient`.
template <class X, class DZ, class W>
struct NeighboursGradient {
  using Plan = Neighbours<X, DZ, W>;
  using Shared = typename Plan::Shared;
  using Summed = WeightGradient<X, Shared, typename Plan::Wide>;
  static constexpr Count sums = Summed::sums;
  static constexpr Count work(int) { return Shared::size + lanes; }
  static constexpr bool reads_once = true;

  static void accumulate(const Pass& pass, const real* x, const real* dz, real* sums) {
    accumulate<false>(pass, x, Stored<DZ>{dz}, sums, nullptr);
  }

  template <bool Bias, class Gradients>
  static void accumulate(const Pass& pass, const real* x, Gradients dz, real* sums, real* bias) {
    Pass one = pass;
    one.count = 1;
    for (int image = 0; image < pass.count; ++image, x += X::size) {
      bring_together<Bias>(image, dz, pass.work, bias);
      Summed::accumulate(one, x, pass.work, sums);
    }
  }

  // A number of the kernel has a part in the sums of each neighbour.
  static void unpack(const real* sums, real* gradient) {
    std::vector<real> wide(Count(Shared::channels) * Plan::rows * Plan::width);
    Summed::unpack(sums, wide.data());
    for (int f = 0; f < DZ::channels; ++f)
      for (int row = 0; row < Plan::rows; ++row)
        for (int v = 0; v < W::width; ++v, ++gradient) {
          *gradient = 0;
          for (int n = 0; n < Plan::N; ++n)
            *gradient +=
                wide[(Count(n * DZ::channels + f) * Plan::rows + row) * Plan::width + n * W::stride_w + v];
        }
  }

 private:
  // Each pixel's holes go where the next one's channels belong.
  template <bool Bias, class Gradients>
  static NOINLINE void bring_together(int image, Gradients dz, real* shared, real* bias) {
    vec total{};
    for (int i = 0; i < DZ::height; ++i)
      for (int j = 0; j < DZ::width; j += Plan::N, shared += Shared::pixel)
#pragma GCC unroll 4
        for (int n = 0; n < Plan::N; ++n) {
          const vec gradient = dz.at(image, i, j + n, 0);
          store_anywhere(shared + n * DZ::channels, gradient);
          total += gradient;
        }
    if constexpr (Bias) store(bias, load(bias) + total);
  }
};

}  // namespace deepen
