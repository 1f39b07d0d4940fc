// Local response normalization: each value is divided by the strength of its neighbours among the channels.
#pragma once
#include "reshape.hpp"

namespace deepen {

// y[c] = x[c] / s[c]^β with s[c] = k + α Σⱼ x[j]², j the `Size` channels from c − ⌊Size/2⌋ on that exist; and back
// dx[j] = dy[j] / s[j]^β − 2αβ x[j] Σ_c dy[c] x[c] / s[c]^(β+1), c the channels whose window holds j.
template <class X, class Y, int Size, class Constants>
struct LocalResponseNormalization : Kernel {
  using DX = Bordered<X, 0>;

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < X::height; ++i)
        for (int j = 0; j < X::width; ++j) {
          Channels channels, strengths;
          read(x + X::at(i, j), channels, strengths);
          real* to = y + Y::at(i, j);
          for (int v = 0; v < Y::pixel; v += lanes)
            store(to + v, load(channels.begin() + v) * negative_power(load(strengths.begin() + v)));
        }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    if constexpr (X::padded)
      if (dx)
        for (int image = 0; image < pass.count; ++image, x += X::size)
          for (int i = 0; i < X::height; ++i)
            for (int j = 0; j < X::width; ++j, dy += Y::pixel, dx += X::pixel) gradient(x + X::at(i, j), dy, dx);
  }

 private:
  static constexpr int below = Size / 2, above = (Size - 1) / 2;

  // A pixel's channels with so many zeros before and behind them that every window lies within.
  struct Channels {
    static constexpr int margin = round_up(Size, lanes);
    alignas(sizeof(vec)) real numbers[margin + Y::pixel + margin] = {};
    real* begin() { return numbers + margin; }

    vec window(int channel, int before, int after) {
      vec total = load(begin() + channel);
      for (int j = -before; j <= after; ++j)
        if (j != 0) total += load_anywhere(begin() + channel + j);
      return total;
    }
  };

  static INLINE void read(const real* pixel, Channels& channels, Channels& strengths) {
    Channels squares;
    for (int v = 0; v < Y::vectors; ++v) {
      vec x = load_channels<X>(pixel, v);
      store(channels.begin() + v * lanes, x);
      store(squares.begin() + v * lanes, x * x);
    }
    for (int v = 0; v < Y::pixel; v += lanes)
      store(strengths.begin() + v, Constants::k + Constants::alpha * squares.window(v, below, above));
  }

  static INLINE void gradient(const real* pixel, const real* dy, real* dx) {
    Channels channels, strengths, pulls;
    read(pixel, channels, strengths);
    for (int v = 0; v < Y::pixel; v += lanes) {
      vec s = load(strengths.begin() + v), own = load(dy + v) * negative_power(s);
      store(dx + v, own);
      store(pulls.begin() + v, own * load(channels.begin() + v) / s);
    }
    // The windows that hold a channel reach as far as its own, turned round.
    constexpr real factor = 2 * Constants::alpha * Constants::beta;
    for (int v = 0; v < Y::pixel; v += lanes)
      store(dx + v, load(dx + v) - factor * load(channels.begin() + v) * pulls.window(v, above, below));
  }

  // s^−β; the power of the paper, β = 3/4, is that of two square roots.
  static INLINE vec negative_power(vec s) {
    for (int lane = 0; lane < lanes; ++lane) {
      if constexpr (Constants::beta == real(0.75))
        s[lane] = std::sqrt(s[lane] * std::sqrt(s[lane]));
      else
        s[lane] = std::pow(s[lane], Constants::beta);
    }
    return real(1) / s;
  }
};

}  // namespace deepen
