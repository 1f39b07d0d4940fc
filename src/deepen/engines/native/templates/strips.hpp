// The way back through a convolution to an input of few channels, which would leave most of a vector empty.
#pragma once
#include <algorithm>

#include "direct.hpp"

namespace deepen {

// dx[c, i, j] = Σ(v) s[v, c], where s = Σ(u, f) dz[f, i + p − u·d, j + p − v·d] · k[f, c, u, v]
//
// The products with one number of dz are those for all columns v of the window and all channels c: side by side
// they fill vectors that a pixel's few channels would not. So for a row of dx these sums over u and f, a "strip"
// for each column of dz, come first, and a pixel then adds up the pieces that lead to it. No border is read.
template <class DZ, class DX, class W>
struct Strips {
  static_assert(DZ::padded && DX::padded && DX::border == 0 && W::stride_h == 1 && W::stride_w == 1);
  static constexpr int strip = round_up(W::width * DX::channels, lanes), vectors = strip / lanes;
  static constexpr RegisterBlock block = best_block(1, DZ::width, vectors);
  static constexpr int C = block.columns, V = block.vectors;

  // Whether this way is shorter: in products for a row of dx, and additions of the pieces. (A product's result is
  // late, as in `best_block`.)
  static constexpr Count late = C * V < 8 ? (8 + C * V - 1) / (C * V) : 1;
  static constexpr Count products = late * DZ::width * vectors * W::height * DZ::channels;
  static constexpr Count additions = Count(DX::width) * DX::vectors * W::width;
  static constexpr Count direct = Count(DX::width) * DX::vectors * W::positions * DZ::channels;
  static constexpr bool pay = 10 * (products + additions) <= 9 * direct;

  // Columns beyond dz, where strips are zero; behind the last one a piece may end beyond its strip.
  static constexpr int reach = (W::width - 1) * W::dilation_w;
  static constexpr int before = std::max(0, reach - W::left);
  static constexpr int after = std::max(0, DX::width - DZ::width + W::left);
  static constexpr Count row = Count(before + DZ::width + after) * strip;

  // [V vectors of a strip][row of the window][filter][vector]
  static constexpr Count weights = Count(W::height) * DZ::channels * strip;
  static constexpr Count work(int) { return row + DX::pixel; }

  // `kernel` is (DZ::channels, DX::channels, W::height, W::width).
  static void pack(const real* kernel, real* weights) {
    for (int first = 0; first < strip; first += V * lanes)
      for (int u = 0; u < W::height; ++u)
        for (int f = 0; f < DZ::channels; ++f)
          for (int n = first; n < first + V * lanes; ++n) {
            const int v = n / DX::channels, c = n % DX::channels;
            *weights++ = v < W::width ? kernel[((Count(f) * DX::channels + c) * W::height + u) * W::width + v] : 0;
          }
  }

  // `bias` is a pixel of DX, or nullptr.
  template <bool Relu>
  static void correlate(const Pass& pass, const real* dz, const real* weights, const real* bias, real* dx) {
    real* strips = pass.work;
    std::memset(strips, 0, work(1) * sizeof(real));
    for (int image = 0; image < pass.count; ++image)
      for (int i = 0; i < DX::height; ++i) {
        sum_row(dz + image * DZ::size, i + W::top, weights, strips + Count(before) * strip);
        add_pieces<Relu>(strips, bias, dx + image * DX::size + DX::at(i, 0));
      }
  }

 private:
  // All strips of the row of dx to which row i − u·d of dz leads from row u of the window.
  static NOINLINE void sum_row(const real* dz, int i, const real* weights, real* strips) {
    const int beyond = i - (DZ::height - 1);
    const int first = beyond > 0 ? (beyond + W::dilation_h - 1) / W::dilation_h : 0;
    const int last = std::min(W::height - 1, i / W::dilation_h);
    for (int v = 0; v < strip; v += V * lanes, weights += Count(W::height) * DZ::channels * V * lanes)
      for (int j = 0; j < DZ::width; j += C) {
        const int column = std::min(j, DZ::width - C);
        sum(dz + DZ::at(0, column) + (i - first * W::dilation_h) * Count(DZ::row), last - first + 1,
            weights + Count(first) * DZ::channels * V * lanes, strips + Count(column) * strip + v);
      }
  }

  static INLINE void sum(const real* dz, int rows, const real* weights, real* strips) {
    vec sums[C][V] = {};
    for (int u = 0; u < rows; ++u, dz -= W::dilation_h * Count(DZ::row))
#pragma GCC unroll 4
      for (int f = 0; f < DZ::channels; ++f, weights += V * lanes) {
        vec weight[V];
#pragma GCC unroll 32
        for (int v = 0; v < V; ++v) weight[v] = load(weights + v * lanes);
#pragma GCC unroll 32
        for (int c = 0; c < C; ++c)
#pragma GCC unroll 32
          for (int v = 0; v < V; ++v) sums[c][v] += dz[c * DZ::pixel + f] * weight[v];
      }
#pragma GCC unroll 32
    for (int c = 0; c < C; ++c)
#pragma GCC unroll 32
      for (int v = 0; v < V; ++v) store(strips + c * strip + v * lanes, sums[c][v]);
  }

  // A row of dx: of column v of the window the piece in the strip that lies v·d columns to the left.
  template <bool Relu>
  static NOINLINE void add_pieces(const real* strips, const real* bias, real* dx) {
    strips += Count(before + W::left) * strip;
    for (int j = 0; j < DX::width; ++j, strips += strip, dx += DX::pixel)
      for (int n = 0; n < DX::vectors; ++n) {
        vec total = bias ? load(bias + n * lanes) : vec{};
#pragma GCC unroll 8
        for (int v = 0; v < W::width; ++v)
          total += load_anywhere(strips - v * W::dilation_w * Count(strip) + v * DX::channels + n * lanes);
        store(dx + n * lanes, without_holes<DX>(Relu ? relu(total) : total, n));
      }
  }
};

}  // namespace deepen
