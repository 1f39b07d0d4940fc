// The gradient of a convolution's kernel: every number is a sum over all pixels, held in a register for many.
#pragma once
#include <algorithm>

#include "direct.hpp"

namespace deepen {

// Which numbers of the gradient are summed up at the same time: `rows` × `columns` positions of the window,
// `channels` of X, `vectors` of filters.
struct GradientBlock {
  int rows, columns, channels, vectors;
};

// The best block, by the same costs as `best_block`. Blocks have all rows of the window or one, and all columns or
// one.
constexpr GradientBlock best_gradient_block(int height, int width, int channels, int vectors) {
  GradientBlock best{1, 1, 1, 1};
  double least = 1e30;
  for (int v = 1; v <= 8; ++v) {
    if (vectors % v != 0) continue;
    for (int r = 1; r <= height; r += height > 1 ? height - 1 : 1)
      for (int q = 1; q <= width; q += width > 1 ? width - 1 : 1)
        for (int c = 1; c <= channels && c <= 28; ++c) {
          const int products = r * q * c * v, loads = r * q * c + v;
          if (products + (v == 1 ? 1 : v + 1) >= registers) continue;
          const double once = std::max(products, 8) + 0.25 * loads + 1;
          const double cost = once * (height / r) * (width / q) * ((channels + c - 1) / c) * (vectors / v);
          if (cost < least) least = cost, best = {r, q, c, v};
        }
  }
  return best;
}

// What is summed up: dz as it lies in memory,
template <class DZ>
struct Stored {
  const real* dz;
  INLINE vec at(int image, int i, int j, int f) const { return load(dz + image * DZ::size + DZ::at(i, j) + f); }
};

// or dz = dy where y > 0, else 0, without a map of its own.
template <class Y, bool Relu>
struct BehindRelu {
  const real *y, *dy;
  INLINE vec at(int image, int i, int j, int f) const {
    const vec value = load(dy + image * Bordered<Y, 0>::size + Bordered<Y, 0>::at(i, j) + f);
    if constexpr (!Relu) return value;
    return where_positive(load(y + image * Y::size + Y::at(i, j) + f), value);
  }
};

// dk[f, c, u, v] = Σ(n, i, j) dz[f, i, j] · x[c, i·s + u·d − p, j·s + v·d − p], where X has as wide a border as
// the windows reach beyond the maps.
template <class X, class DZ, class W>
struct WeightGradient {
  static_assert(DZ::padded);
  static constexpr GradientBlock block = best_gradient_block(W::height, W::width, X::channels, DZ::vectors);
  static constexpr int R = block.rows, Q = block.columns, C = block.channels, V = block.vectors;
  static constexpr Count sums = Count(W::positions) * X::channels * DZ::pixel;  // as (KH, KW, C, filters)
  static constexpr Count work(int) { return 0; }

  // From one position of the window to the one below and to the one beside it.
  static constexpr Count down = Count(W::dilation_h) * X::row, right = Count(W::dilation_w) * X::pixel;

  // How many images are summed up before the sums in memory are touched. (Some, since those lie farther away than
  // the registers; not all, since the longer a sum is, the more its rounding errors count.)
  static constexpr int images = std::max(1, 1024 / (DZ::height * DZ::width));

  // Whether each number of dz is read once: then db[f] = Σ(n, i, j) dz[f, i, j] comes along.
  static constexpr bool reads_once = R == W::height && Q == W::width && C == X::channels;

  // One block, summed up over the images from `first` to before `last`; it adds the channels from number `fresh`
  // on. x is the place of the first pixel, f the first filter, and `to` the place of the first sum.
  template <bool Bias, class Gradients>
  static NOINLINE void compute(int first, int last, const real* x, Gradients dz, int f, int fresh, real* to,
                               real* bias) {
    vec total[R][Q][C][V] = {}, biases[V] = {};
    for (int image = first; image < last; ++image)
      for (int i = 0; i < DZ::height; ++i) {
        const real* place = x + image * X::size + i * (Count(W::stride_h) * X::row);
        for (int j = 0; j < DZ::width; ++j) {
          vec gradient[V];
#pragma GCC unroll 32
          for (int v = 0; v < V; ++v) {
            gradient[v] = dz.at(image, i, j, f + v * lanes);
            if constexpr (Bias) biases[v] += gradient[v];
          }
#pragma GCC unroll 32
          for (int r = 0; r < R; ++r)
#pragma GCC unroll 32
            for (int q = 0; q < Q; ++q)
#pragma GCC unroll 32
              for (int c = 0; c < C; ++c)
#pragma GCC unroll 32
                for (int v = 0; v < V; ++v)
                  total[r][q][c][v] += place[r * down + q * right + c] * gradient[v];
          place += W::stride_w * X::pixel;
          // What compilers cannot know: to load a number again is cheaper than to keep it for the next column.
          asm volatile("" : : : "memory");
        }
      }
#pragma GCC unroll 32
    for (int v = 0; v < V; ++v)
      if constexpr (Bias) store(bias + f + v * lanes, load(bias + f + v * lanes) + biases[v]);
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 32
      for (int q = 0; q < Q; ++q)
#pragma GCC unroll 32
        for (int c = 0; c < C; ++c)
          if (c >= fresh)
#pragma GCC unroll 32
            for (int v = 0; v < V; ++v) {
              real* sum = to + (Count(r * W::width + q) * X::channels + c) * DZ::pixel + f + v * lanes;
              store(sum, load(sum) + total[r][q][c][v]);
            }
  }

  static void accumulate(const Pass& pass, const real* x, const real* dz, real* sums) {
    accumulate<false>(pass, x, Stored<DZ>{dz}, sums, nullptr);
  }

  // `bias` is where db goes, a pixel of DZ.
  template <bool Bias, class Gradients>
  static void accumulate(const Pass& pass, const real* x, Gradients dz, real* sums, real* bias) {
    static_assert(!Bias || reads_once);
    for (int first = 0; first < pass.count; first += images)
      for (int u = 0; u < W::height; u += R)
        for (int v = 0; v < W::width; v += Q)
          for (int c = 0; c < X::channels; c += C) {
            // The last block begins earlier where it would exceed the channels, and leaves out what others add.
            const int channel = std::min(c, X::channels - C), last = std::min(pass.count, first + images);
            const real* place = x + X::at(-W::top, -W::left) + u * down + v * right + channel;
            real* to = sums + (Count(u * W::width + v) * X::channels + channel) * DZ::pixel;
            for (int f = 0; f < DZ::pixel; f += V * lanes)
              compute<Bias>(first, last, place, dz, f, c - channel, to, bias);
          }
  }

  // `gradient` is (DZ::channels, X::channels, W::height, W::width).
  static void unpack(const real* sums, real* gradient) {
    for (int p = 0; p < W::positions; ++p)
      for (int c = 0; c < X::channels; ++c, sums += DZ::pixel)
        for (int f = 0; f < DZ::channels; ++f)
          gradient[(Count(f) * X::channels + c) * W::positions + p] = sums[f];
  }
};

}  // namespace deepen
