// Pooling: each window of a map becomes its maximum, its minimum, its sum or its mean.
//
// A window that reaches beyond the maps holds the pixels within them only, and never the border. A pooling of
// whole maps is one with a single window of their size.
#pragma once
#include <limits>
#include <utility>

#include "pass.hpp"
#include "pixels.hpp"
#include "window.hpp"

namespace deepen {

// What all poolings share: which pixels are under which window.
template <class X, class Y, class W>
struct Windows {
  // A window's positions within the maps: rows from `top` to before `bottom`, columns likewise.
  struct Part {
    int top, bottom, left, right;
  };
  // Whether no window reaches beyond the maps, so that all parts are known while compiling.
  static constexpr bool inside = W::top == 0 && W::left == 0 &&
                                 (Y::height - 1) * W::stride_h + W::height <= X::height &&
                                 (Y::width - 1) * W::stride_w + W::width <= X::width;
  // Whether windows share pixels, whose gradients add up then.
  static constexpr bool overlap = W::stride_h < W::height || W::stride_w < W::width;
  // Whether every pixel is under a window.
  static constexpr bool cover = W::stride_h <= W::height && W::stride_w <= W::width &&
                                (Y::height - 1) * W::stride_h - W::top + W::height >= X::height &&
                                (Y::width - 1) * W::stride_w - W::left + W::width >= X::width;

  static INLINE Part part(int i, int j) {
    const int y = i * W::stride_h - W::top, x = j * W::stride_w - W::left;
    const int below = X::height - y, right = X::width - x;  // how far the maps reach from the window's corner
    return {y < 0 ? -y : 0, below < W::height ? below : W::height,
            x < 0 ? -x : 0, right < W::width ? right : W::width};
  }

  // Call f(position, offset of its pixel) for every position of window (i, j) that lies within maps M of X's size,
  // row by row. Small windows that lie within the maps altogether are written out.
  template <class M, class F>
  static INLINE void each_position(int i, int j, F f) {
    const Count first = M::at(i * W::stride_h - W::top, j * W::stride_w - W::left);
    constexpr bool small = W::positions <= 9;
    if constexpr (small && inside) {
      written_out<M>(first, f, std::make_integer_sequence<int, W::positions>{});
    } else {
      const Part p = part(i, j);
      if constexpr (small)
        if (p.bottom - p.top == W::height && p.right - p.left == W::width)
          return written_out<M>(first, f, std::make_integer_sequence<int, W::positions>{});
      for (int u = p.top; u < p.bottom; ++u)
        for (int v = p.left; v < p.right; ++v)
          f(u * W::width + v, first + Count(u) * M::row + Count(v) * M::pixel);
    }
  }

 private:
  template <class M, class F, int... Position>
  static INLINE void written_out(Count first, F& f, std::integer_sequence<int, Position...>) {
    (f(Position, first + Count(Position / W::width) * M::row + Count(Position % W::width) * M::pixel), ...);
  }
};

// Give each pixel of dx the parts of the gradients that come back to it from the windows that it is under:
// share(i, j, v) returns the function that tells the part of a position of window (i, j).
template <class X, class Y, class W, class Share>
INLINE void to_pixels(real* dx, Share share) {
  using DX = Bordered<X, 0>;
  using All = Windows<X, Y, W>;
  if constexpr (All::overlap || !All::cover) clear<DX>(dx);
  for (int i = 0; i < Y::height; ++i)
    for (int v = 0; v < Y::vectors; ++v)
      for (int j = 0; j < Y::width; ++j) {
        const auto part = share(i, j, v);
        All::template each_position<DX>(i, j, [&](int position, Count pixel) __attribute__((always_inline)) {
          real* to = dx + pixel + v * lanes;
          if constexpr (All::overlap) {
            store(to, load(to) + part(position));
          } else {
            store(to, part(position));
          }
        });
      }
}

// Whether a is better than b.
struct Greater {
  static INLINE mask holds(vec a, vec b) { return a > b; }
};
struct Less {
  static INLINE mask holds(vec a, vec b) { return a < b; }
};

// y = the extreme value x of a window, the first where several are equal; dx is dy there, and 0 elsewhere.
template <class X, class Y, class W, class Better>
struct ExtremePooling : Kernel {
  using All = Windows<X, Y, W>;
  using DY = Bordered<Y, 0>;
  // The position of every extreme value is kept: in a byte, where that is enough. A whole number holds those of
  // several windows beside each other, since whole numbers are what vectors compute with.
  static constexpr int together = W::positions <= 256 ? sizeof(whole) : 1;
  static constexpr Count kept_row = Count((Y::width + together - 1) / together) * DY::pixel;
  static constexpr Count kept = round_up(Y::height * kept_row * Count(sizeof(whole)), 64);

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte* kept_bytes) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size, kept_bytes += kept) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i)
        for (int v = 0; v < Y::vectors; ++v)
          for (int j = 0; j < Y::width; ++j) {
            vec best{};
            mask winner{}, undefined{};
            bool first = true;
            All::template each_position<X>(i, j, [&](int position, Count pixel) __attribute__((always_inline)) {
              const vec value = load_channels<X>(x + pixel, v);
              const mask better = first ? mask{} - 1 : Better::holds(value, best);
              first = false;
              best = choose(better, value, best);
              winner = better ? mask{} + whole(position) : winner;
              undefined |= value != value;
            });
            // No comparison finds a NaN; it must not be lost.
            best = choose(undefined, all(std::numeric_limits<real>::quiet_NaN()), best);
            store(y + Y::at(i, j) + v * lanes, best);
            mask& word = *reinterpret_cast<mask*>(kept_bytes + word_at(i, j, v));
            word = j % together == 0 ? winner : word | winner << 8 * (j % together);
          }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx,
                                const real*, const std::byte* kept_bytes, real*) {
    if (dx == nullptr) return;
    for (int image = 0; image < pass.count; ++image, dy += DY::size, kept_bytes += kept)
      to_pixels<X, Y, W>(dx + image * Bordered<X, 0>::size, [&](int i, int j, int v) {
        const mask word = *reinterpret_cast<const mask*>(kept_bytes + word_at(i, j, v));
        const mask winner = together == 1 ? word : word >> 8 * (j % together) & 255;
        const vec gradient = load(dy + DY::at(i, j) + v * lanes);
        return [=](int position) { return choose(winner == whole(position), gradient, vec{}); };
      });
  }

 private:
  static constexpr Count word_at(int i, int j, int v) {
    return (i * kept_row + j / together * DY::pixel + v * lanes) * Count(sizeof(whole));
  }
};

template <class X, class Y, class W>
using MaxPooling = ExtremePooling<X, Y, W, Greater>;
template <class X, class Y, class W>
using MinPooling = ExtremePooling<X, Y, W, Less>;

// y = Σ x over a window, divided by the number of pixels in it for the mean; each of them gets dy, or its share.
template <class X, class Y, class W, bool Mean>
struct AddingPooling : Kernel {
  using All = Windows<X, Y, W>;
  using DY = Bordered<Y, 0>;

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i)
        for (int v = 0; v < Y::vectors; ++v)
          for (int j = 0; j < Y::width; ++j) {
            vec total{};
            All::template each_position<X>(i, j, [&](int, Count pixel) __attribute__((always_inline)) {
              total += load_channels<X>(x + pixel, v);
            });
            store(y + Y::at(i, j) + v * lanes, total * weight(i, j));
          }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    if (dx == nullptr) return;
    for (int image = 0; image < pass.count; ++image)
      to_pixels<X, Y, W>(dx + image * Bordered<X, 0>::size, [&](int i, int j, int v) {
        const vec share = load(dy + image * DY::size + DY::at(i, j) + v * lanes) * weight(i, j);
        return [=](int) { return share; };
      });
  }

 private:
  static INLINE real weight(int i, int j) {
    if constexpr (!Mean) {
      return 1;
    } else if constexpr (All::inside) {
      return real(1) / W::positions;
    } else {
      const auto part = All::part(i, j);
      return real(1) / real((part.bottom - part.top) * (part.right - part.left));
    }
  }
};

template <class X, class Y, class W>
using SumPooling = AddingPooling<X, Y, W, false>;
template <class X, class Y, class W>
using AveragePooling = AddingPooling<X, Y, W, true>;

}  // namespace deepen
