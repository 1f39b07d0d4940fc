// Convolution by definition: every output is a sum of products, held in a register until it is complete.
#pragma once
#include <algorithm>

#include "pass.hpp"
#include "window.hpp"

namespace deepen {

// How many outputs are summed up at the same time: `rows` × `columns` pixels of `vectors` vectors each.
struct RegisterBlock {
  int rows, columns, vectors;
};

// The best block for maps of `height` × `width` pixels of `vectors` vectors. For each channel it loads a number of
// every pixel and `vectors` weights, and multiplies all by all: large blocks load less for a product, but their
// sums have to fit into the registers, and what exceeds the maps is computed in vain. A product's result is there
// only some cycles later, so that fewer than 8 sums leave the multipliers waiting.
constexpr RegisterBlock best_block(int height, int width, int vectors) {
  RegisterBlock best{1, 1, 1};
  double least = 1e30;
  for (int v = 1; v <= 8; ++v) {
    if (vectors % v != 0) continue;
    for (int r = 1; r <= height && r <= 8; ++r)
      for (int c = 1; c <= width && c <= 28; ++c) {
        const int products = r * c * v, loads = r * c + v;
        if (products + (v == 1 ? 1 : v + 1) >= registers) continue;
        const double once = std::max(products, 8) + 0.25 * loads + 1;
        const double cost = once * ((height + r - 1) / r) * ((width + c - 1) / c) * (vectors / v);
        if (cost < least) least = cost, best = {r, c, v};
      }
  }
  return best;
}

// y = Σ(p, c) x[… + offset(p), c] · k[p, c]: the outputs on a grid, each a sum over the same positions around its
// place in x. The places are numbered in memory:
//
//   height, width                how many outputs the grid has
//   x_first, x_row, x_column     where in x the first one's place is, and how far the next ones are
//   y_first, y_row, y_column     the same in y
//   positions, offset(p)         how many pixels of x an output depends on, and how far they are from its place
//   position(p)                  which position of the kernel belongs to it
template <class X, class Y, class Grid>
struct Correlation {
  static_assert(Y::padded);
  static constexpr int positions = Grid::positions;
  static constexpr Count weights = Count(positions) * X::channels * Y::pixel;
  static constexpr RegisterBlock block = best_block(Grid::height, Grid::width, Y::vectors);
  static constexpr int R = block.rows, C = block.columns, V = block.vectors;

  struct Offsets {
    Count of[positions + 1] = {};
    constexpr Offsets() {
      for (int p = 0; p < positions; ++p) of[p] = Grid::offset(p);
    }
  };
  static constexpr Offsets offsets{};

  // In the order in which the sums need them: V vectors for each channel of each position, for each V vectors of
  // the output. `kernel(to, from, position)` is a number of the kernel between two channels.
  template <class Number>
  static void pack(Number kernel, real* weights) {
    for (int first = 0; first < Y::pixel; first += V * lanes)
      for (int p = 0; p < positions; ++p)
        for (int from = 0; from < X::channels; ++from)
          for (int to = first; to < first + V * lanes; ++to)
            *weights++ = to < Y::channels ? kernel(to, from, Grid::position(p)) : real(0);
  }

  // One block: x and y are the places of its first pixel.
  template <bool Relu>
  static INLINE void compute(const real* x, const real* weights, const real* bias, real* y) {
    vec sums[R][C][V];
#pragma GCC unroll 32
    for (int v = 0; v < V; ++v) {
      const vec first = bias ? load(bias + v * lanes) : vec{};
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 32
        for (int c = 0; c < C; ++c) sums[r][c][v] = first;
    }
    for (int p = 0; p < positions; ++p) {
      const real* pixel = x + offsets.of[p];
#pragma GCC unroll 4
      for (int channel = 0; channel < X::channels; ++channel) {
        vec weight[V];
#pragma GCC unroll 32
        for (int v = 0; v < V; ++v) weight[v] = load(weights + v * lanes);
#pragma GCC unroll 32
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 32
          for (int c = 0; c < C; ++c)
#pragma GCC unroll 32
            for (int v = 0; v < V; ++v)
              sums[r][c][v] += pixel[r * Grid::x_row + c * Grid::x_column + channel] * weight[v];
        weights += V * lanes;
      }
    }
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 32
      for (int c = 0; c < C; ++c)
#pragma GCC unroll 32
        for (int v = 0; v < V; ++v)
          store(y + r * Grid::y_row + c * Grid::y_column + v * lanes,
                Relu ? relu(sums[r][c][v]) : sums[r][c][v]);
  }

  // The last blocks of a row and of a column begin earlier where they would exceed the maps: a few outputs are
  // computed twice, with the same result.
  template <bool Relu>
  static NOINLINE void correlate(int count, const real* x, const real* weights, const real* bias, real* y) {
    for (int first = 0; first < Y::pixel; first += V * lanes)
      for (int image = 0; image < count; ++image)
        for (int i = 0; i < Grid::height; i += R)
          for (int j = 0; j < Grid::width; j += C) {
            const int row = std::min(i, Grid::height - R), column = std::min(j, Grid::width - C);
            const Count from = Grid::x_first + row * Grid::x_row + column * Grid::x_column;
            const Count to = Grid::y_first + row * Grid::y_row + column * Grid::y_column + first;
            compute<Relu>(x + image * X::size + from, weights + Count(first) * positions * X::channels,
                          bias ? bias + first : nullptr, y + image * Y::size + to);
          }
  }
};

// y[f, i, j] = b[f] + Σ(c, u, v) x[c, i·s + u·d − p, j·s + v·d − p] · k[f, c, u, v], where X has as wide a border
// as the windows reach beyond the maps.
template <class X, class Y, class W>
struct Direct {
  struct Grid {
    static constexpr int height = Y::height, width = Y::width, positions = W::positions;
    static constexpr Count x_first = X::at(-W::top, -W::left), y_first = Y::at(0, 0);
    static constexpr Count x_row = Count(W::stride_h) * X::row, x_column = Count(W::stride_w) * X::pixel;
    static constexpr Count y_row = Y::row, y_column = Y::pixel;
    static constexpr Count offset(int p) {
      return Count(p / W::width) * W::dilation_h * X::row + Count(p % W::width) * W::dilation_w * X::pixel;
    }
    static constexpr int position(int p) { return p; }
  };
  using Sums = Correlation<X, Y, Grid>;
  static constexpr Count weights = Sums::weights;
  static constexpr Count work(int) { return 0; }

  // `kernel` is (Y::channels, X::channels, W::height, W::width).
  static void pack(const real* kernel, real* weights) {
    const auto number = [=](int f, int c, int p) {
      return kernel[(Count(f) * X::channels + c) * W::positions + p];
    };
    Sums::pack(number, weights);
  }

  // `bias` is a pixel of Y, or nullptr.
  template <bool Relu>
  static void correlate(const Pass& pass, const real* x, const real* weights, const real* bias, real* y) {
    Sums::template correlate<Relu>(pass.count, x, weights, bias, y);
    for (int image = 0; image < pass.count; ++image) clear_border<Y>(y + image * Y::size);
  }
};

}  // namespace deepen
