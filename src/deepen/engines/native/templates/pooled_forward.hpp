// Convolution and max pooling in one: of 2 × 2 outputs only the largest is stored, and which of them it was.
#pragma once
#include "direct.hpp"

namespace deepen {

// The outputs of a convolution that the pooling to Y looks at: a last odd row or column is not among them.
template <class Y, int Border = 0>
using Unpooled = Map<Y::channels, 2 * Y::height, 2 * Y::width, Border>;

// The winner of each pooled number, a byte: 0 and 1 for the upper row, 2 and 3 for the lower one. It is 4 more
// where ReLU stopped the winner, so that no gradient passes.
template <class Y>
struct Winners {
  static constexpr int pixel = round_up(Y::pixel, 8), row = Y::width * pixel;
  static constexpr Count size = round_up(Y::height * row, 64);
};
constexpr int stopped = 4;

INLINE vec without_stopped(mask winners, vec gradient) { return choose(winners < stopped, gradient, vec{}); }

// y = max(a, b, c, d), of equal ones the first; NaN wins over all. ReLU after the maximum is the same as before.
template <bool Relu>
INLINE void pool(vec a, vec b, vec c, vec d, real* y, std::int8_t* winners) {
  vec most = a;
  mask winner = {};
  const vec others[3] = {b, c, d};
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    const mask wins = (others[i] > most) | (others[i] != others[i]);
    most = choose(wins, others[i], most);
    winner = wins ? mask{} + (i + 1) : winner;
  }
  if constexpr (Relu) {
    winner |= most > vec{} ? mask{} : mask{} + stopped;
    most = relu(most);
  }
  store(y, most);
  store_bytes(winners, winner);
}

// The direct way: two rows of outputs are summed up in registers and pooled there.
template <class X, class Y, class W>
struct Fused;

// The first half of a convolution with pooling: `Forward` computes all outputs first, whatever it is.
template <class X, class Y, class W, template <class, class, class> class Forward>
struct PooledForward {
  using Z = Unpooled<Y>;
  using Convolved = Forward<X, Z, W>;
  static constexpr Count weights = Convolved::weights;
  static constexpr Count work(int count) { return count * Z::size + Convolved::work(count); }
  static void pack(const real* kernel, real* weights) { Convolved::pack(kernel, weights); }

  template <bool Relu>
  static void forward(const Pass& pass, const real* x, const real* weights, const real* bias, real* y,
                      std::int8_t* winners) {
    real* z = pass.work;
    Pass inner = pass;
    inner.work += pass.count * Z::size;
    Convolved::template correlate<false>(inner, x, weights, bias, z);
    for (int i = 0; i < pass.count; ++i)
      pool_image<Relu>(z + i * Z::size, y + i * Y::size, winners + i * Winners<Y>::size);
  }

 private:
  template <bool Relu>
  static NOINLINE void pool_image(const real* z, real* y, std::int8_t* winners) {
    clear_border<Y>(y);
    for (int i = 0; i < Y::height; ++i, z += Z::row, y += Y::row, winners += Winners<Y>::row)
      for (int j = 0; j < Y::width; ++j, z += 2 * Z::pixel) {
        const real *upper = z, *lower = z + Z::row;
        for (int v = 0; v < Z::pixel; v += lanes)
          pool<Relu>(load(upper + v), load(upper + Z::pixel + v), load(lower + v), load(lower + Z::pixel + v),
                     y + Y::at(0, j) + v, winners + j * Winners<Y>::pixel + v);
      }
  }
};

template <class X, class Y, class W>
struct PooledForward<X, Y, W, Fused> {
  // A block has two rows of 2N outputs, each of V vectors; the width is divided evenly among blocks.
  static constexpr int V = Y::vectors % 2 == 0 ? 2 : 1;
  static constexpr int fitting = (registers - 4) / (4 * V) > 0 ? (registers - 4) / (4 * V) : 1;
  static constexpr int blocks = (Y::width + fitting - 1) / fitting;
  static constexpr int N = (Y::width + blocks - 1) / blocks;

  // Where the window's positions are, as a table: if GCC knew it when it compiles, it would keep what neighbouring
  // positions share, and run out of registers.
  static constexpr auto offsets = Direct<X, Unpooled<Y>, W>::Sums::offsets;

  // [V vectors of filters][position][channel]
  static constexpr Count weights = Count(W::positions) * X::channels * Y::pixel;
  static constexpr Count work(int) { return 0; }

  static void pack(const real* kernel, real* weights) {
    for (int first = 0; first < Y::pixel; first += V * lanes)
      for (int p = 0; p < W::positions; ++p)
        for (int c = 0; c < X::channels; ++c)
          for (int f = first; f < first + V * lanes; ++f)
            *weights++ = f < Y::channels ? kernel[(Count(f) * X::channels + c) * W::positions + p] : real(0);
  }

  template <bool Relu>
  static void forward(const Pass& pass, const real* x, const real* weights, const real* bias, real* y,
                      std::int8_t* winners) {
    for (int i = 0; i < pass.count; ++i) {
      clear_border<Y>(y + i * Y::size);
      for (int f = 0; f < Y::pixel; f += V * lanes)
        image<Relu>(x + i * X::size, weights + Count(f) * W::positions * X::channels, bias ? bias + f : nullptr,
                    y + i * Y::size + f, winners + i * Winners<Y>::size + f);
    }
  }

 private:
  template <bool Relu>
  static NOINLINE void image(const real* x, const real* weights, const real* bias, real* y, std::int8_t* winners) {
    for (int i = 0; i < Y::height; ++i) {
      int j = 0;
      for (; j + N <= Y::width; j += N)
        block<N, Relu>(x + X::at(2 * i - W::top, 2 * j - W::left), weights, bias, y + Y::at(i, j),
                       winners + i * Winners<Y>::row + j * Winners<Y>::pixel);
      if constexpr (Y::width % N != 0)
        block<Y::width % N, Relu>(x + X::at(2 * i - W::top, 2 * j - W::left), weights, bias, y + Y::at(i, j),
                                  winners + i * Winners<Y>::row + j * Winners<Y>::pixel);
    }
  }

  template <int Columns, bool Relu>
  static NOINLINE void block(const real* x, const real* weights, const real* bias, real* y, std::int8_t* winners) {
    vec sums[2][2 * Columns][V];
#pragma GCC unroll 32
    for (int v = 0; v < V; ++v) {
      const vec first = bias ? load(bias + v * lanes) : vec{};
#pragma GCC unroll 32
      for (int j = 0; j < 2 * Columns; ++j) sums[0][j][v] = sums[1][j][v] = first;
    }
    for (int p = 0; p < W::positions; ++p) {
      const real* from = x + offsets.of[p];
#pragma GCC unroll 4
      for (int c = 0; c < X::channels; ++c, ++from, weights += V * lanes) {
        vec weight[V];
#pragma GCC unroll 32
        for (int v = 0; v < V; ++v) weight[v] = load(weights + v * lanes);
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i)
#pragma GCC unroll 32
          for (int j = 0; j < 2 * Columns; ++j)
#pragma GCC unroll 32
            for (int v = 0; v < V; ++v) sums[i][j][v] += from[i * X::row + j * X::pixel] * weight[v];
      }
    }
#pragma GCC unroll 32
    for (int j = 0; j < Columns; ++j)
#pragma GCC unroll 32
      for (int v = 0; v < V; ++v)
        pool<Relu>(sums[0][2 * j][v], sums[0][2 * j + 1][v], sums[1][2 * j][v], sums[1][2 * j + 1][v],
                   y + j * Y::pixel + v * lanes, winners + j * Winners<Y>::pixel + v * lanes);
  }
};

}  // namespace deepen
