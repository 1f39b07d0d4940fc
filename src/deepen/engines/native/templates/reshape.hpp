// Numbers that move, or are added, and do not change otherwise.
#pragma once
#include "pass.hpp"
#include "pixels.hpp"

namespace deepen {

// Write a pixel of X into one of Y: the channels that both have, and zeros behind them.
template <class X, class Y>
INLINE void copy_pixel(const real* x, real* y) {
  constexpr int both = X::channels < Y::channels ? X::channels : Y::channels;
  for (int v = 0; v < Y::vectors; ++v) {
    vec channels{};
    if (v * lanes < both) channels = load_channels<X>(x, v);
    if constexpr (Y::channels < X::channels) channels = without_holes<Y>(channels, v);
    store(y + v * lanes, channels);
  }
}

// From maps to features in the order (C, H, W).
template <class X, class Y>
struct Flatten : Kernel {
  static constexpr int pixels = X::height * X::width;
  static_assert(Y::channels == X::channels * pixels && Y::height * Y::width == 1);

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int i = 0; i < pass.count; ++i, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      real* to = y + Y::at(0, 0);
      for (int c = 0; c < X::channels; ++c)
        for (int h = 0; h < X::height; ++h)
          for (int w = 0; w < X::width; ++w) *to++ = x[X::at(h, w) + c];
      for (int hole = Y::channels; hole < Y::pixel; ++hole) *to++ = 0;
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx, const real*,
                                const std::byte*, real*) {
    if (!dx) return;
    for (int i = 0; i < pass.count; ++i, dy += Y::pixel)
      for (int p = 0; p < pixels; ++p, dx += X::pixel)
        for (int c = 0; c < X::pixel; ++c) dx[c] = c < X::channels ? dy[c * pixels + p] : 0;
  }
};

// Zeros around maps, `Top` rows above and `Left` columns left of them, and behind their channels.
template <class X, class Y, int Top, int Left>
struct Padding : Kernel {
  static_assert(Y::height >= X::height + Top && Y::width >= X::width + Left && Y::channels >= X::channels);
  using DX = Bordered<X, 0>;
  using DY = Bordered<Y, 0>;

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int i = 0; i < pass.count; ++i, x += X::size, y += Y::size) {
      if constexpr (Y::height == X::height && Y::width == X::width)
        clear_border<Y>(y);
      else
        clear<Y>(y);
      for (int h = 0; h < X::height; ++h)
        for (int w = 0; w < X::width; ++w) copy_pixel<X, Y>(x + X::at(h, w), y + Y::at(h + Top, w + Left));
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx, const real*,
                                const std::byte*, real*) {
    if constexpr (X::padded)
      if (dx)
        for (int i = 0; i < pass.count; ++i, dx += DX::size, dy += DY::size)
          for (int h = 0; h < X::height; ++h)
            for (int w = 0; w < X::width; ++w)
              copy_pixel<DY, DX>(dy + DY::at(h + Top, w + Left), dx + DX::at(h, w));
  }
};

// The channels of X among those of Y, from channel `Offset` on: one part of a concatenation.
template <class X, class Y, int Offset>
struct Place {
  static_assert(Y::height == X::height && Y::width == X::width && Y::channels >= X::channels + Offset);
  static constexpr int whole_vectors = X::channels / lanes, rest = whole_vectors * lanes;

  // The other channels of y stay as they are.
  static NOINLINE void forward(const Pass& pass, const real* x, real* y) {
    for (int i = 0; i < pass.count; ++i, x += X::size, y += Y::size)
      for (int h = 0; h < X::height; ++h)
        for (int w = 0; w < X::width; ++w) {
          const real* from = x + X::at(h, w);
          real* to = y + Y::at(h, w) + Offset;
          for (int v = 0; v < whole_vectors; ++v) store_anywhere(to + v * lanes, load_anywhere(from + v * lanes));
          for (int c = rest; c < X::channels; ++c) to[c] = from[c];
        }
  }

  static NOINLINE void backward(const Pass& pass, const real* dy, real* dx) {
    for (int i = 0; i < pass.count; ++i, dx += X::size, dy += Y::size)
      for (int h = 0; h < X::height; ++h)
        for (int w = 0; w < X::width; ++w) {
          const real* from = dy + Y::at(h, w) + Offset;
          real* to = dx + X::at(h, w);
          for (int v = 0; v < whole_vectors; ++v) store(to + v * lanes, load_anywhere(from + v * lanes));
          for (int c = rest; c < X::pixel; ++c) to[c] = c < X::channels ? from[c] : 0;
        }
  }
};

// Make maps ready for the parts that `Place` writes into all their channels: only what no part covers is cleared.
template <class Y>
NOINLINE void clear_rest(const Pass& pass, real* y) {
  for (int i = 0; i < pass.count; ++i, y += Y::size) {
    clear_border<Y>(y);
    if constexpr (Y::channels < Y::pixel)
      for (int h = 0; h < Y::height; ++h)
        for (int w = 0; w < Y::width; ++w)
          store(y + Y::at(h, w) + Y::pixel - lanes, vec{});
  }
}

// y = a + b, number by number; y may be one of them where their borders are alike.
template <class A, class B, class Y>
struct Add {
  static_assert(A::channels == Y::channels && A::height == Y::height && A::width == Y::width);
  static_assert(B::channels == Y::channels && B::height == Y::height && B::width == Y::width);

  static NOINLINE void forward(const Pass& pass, const real* a, const real* b, real* y) {
    for (int i = 0; i < pass.count; ++i, a += A::size, b += B::size, y += Y::size) {
      clear_border<Y>(y);
      for (int h = 0; h < Y::height; ++h) {
        const real *row_a = a + A::at(h, 0), *row_b = b + B::at(h, 0);
        real* row = y + Y::at(h, 0);
        if constexpr (A::padded && B::padded) {
          for (int k = 0; k < Y::width * Y::pixel; k += lanes) store(row + k, load(row_a + k) + load(row_b + k));
        } else {
          for (int w = 0; w < Y::width; ++w, row_a += A::pixel, row_b += B::pixel, row += Y::pixel)
            for (int v = 0; v < Y::vectors; ++v)
              store(row + v * lanes, load_channels<A>(row_a, v) + load_channels<B>(row_b, v));
        }
      }
    }
  }
};

}  // namespace deepen
