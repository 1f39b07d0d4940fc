// What is done to each number, or to each pixel, by itself: activations, softmax, penalties on activity.
#pragma once
#include "functions.hpp"
#include "pass.hpp"
#include "pixels.hpp"

namespace deepen {

// y = f(x) for an activation of functions.hpp; dx = dy · f′, told from y or from x.
template <class X, class Y, class Function>
struct Pointwise : Kernel {
  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i) {
        for (int v = 0; v < Y::vectors; ++v) {
          for (int j = 0; j < Y::width; ++j) {
            const vec value = Function::value(load_channels<X>(x + X::at(i, j), v));
            store(y + Y::at(i, j) + v * lanes, without_holes<Y>(value, v));  // f(0) may be something else than 0
          }
        }
      }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real* y, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    using Kept = std::conditional_t<Function::keeps_input, X, Y>;
    using DX = Bordered<X, 0>;
    if (dx == nullptr) return;
    const real* kept = Function::keeps_input ? x : y;
    for (int image = 0; image < pass.count; ++image, kept += Kept::size, dy += DX::size, dx += DX::size)
      for (int i = 0; i < Y::height; ++i)
        for (int j = 0; j < Y::width; ++j)
          for (int v = 0; v < Y::vectors; ++v) {
            const Count at = DX::at(i, j) + v * lanes;
            store(dx + at, Function::gradient(load(dy + at), load_channels<Kept>(kept + Kept::at(i, j), v)));
          }
  }
};

// Probabilities over the channels of each pixel, y = eˣ / Σ eˣ; dx = y ⊙ (dy − Σ dy·y).
template <class X, class Y>
struct Softmax : Kernel {
  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i)
        for (int j = 0; j < Y::width; ++j) pixel(x + X::at(i, j), y + Y::at(i, j));
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real* y, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    using DX = Bordered<X, 0>;
    if (dx == nullptr) return;
    for (int image = 0; image < pass.count; ++image, y += Y::size, dy += DX::size, dx += DX::size)
      for (int i = 0; i < Y::height; ++i)
        for (int j = 0; j < Y::width; ++j)
          pixel_back(y + Y::at(i, j), dy + DX::at(i, j), dx + DX::at(i, j));
  }

 private:
  // The largest is taken off, so that no power overflows.
  static INLINE void pixel(const real* x, real* y) {
    real largest = x[0];
    for (int c = 1; c < X::channels; ++c) largest = x[c] > largest ? x[c] : largest;
    vec total{};
    for (int v = 0; v < Y::vectors; ++v) {
      const vec power = without_holes<Y>(exp(load_channels<X>(x, v) - largest), v);
      store(y + v * lanes, power);
      total += power;
    }
    const real share = real(1) / sum(total);
    for (int v = 0; v < Y::vectors; ++v) store(y + v * lanes, load(y + v * lanes) * share);
  }

  static INLINE void pixel_back(const real* y, const real* dy, real* dx) {
    vec products{};
    for (int v = 0; v < Y::vectors; ++v) products += load(dy + v * lanes) * load(y + v * lanes);
    const real product = sum(products);
    for (int v = 0; v < Y::vectors; ++v) {
      const vec value = load(y + v * lanes) * (load(dy + v * lanes) - product);
      store(dx + v * lanes, without_holes<Y>(value, v));  // 0 · −product would be −0
    }
  }
};

// Norms that a penalty takes of activations, R = λ Σ |x| and R = λ Σ x²; `Constants` has λ, the strength.
template <class Constants>
struct L1 {
  static INLINE vec value(vec x) { return absolute(x) * Constants::strength; }
  static INLINE vec gradient(vec x) { return sign(x) * Constants::strength; }
};

template <class Constants>
struct L2 {
  static INLINE vec value(vec x) { return x * x * Constants::strength; }
  static INLINE vec gradient(vec x) { return x * (2 * Constants::strength); }
};

// y = x, with R(x) / N added to the loss; dx = dy + R′(x) / N.
template <class X, class Y, class Norm>
struct ActivityPenalty : Kernel {
  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    double total = 0;
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i) {
        vec row{};
        for (int j = 0; j < Y::width; ++j)
          for (int v = 0; v < Y::vectors; ++v) {
            const vec value = load_channels<X>(x + X::at(i, j), v);
            store(y + Y::at(i, j) + v * lanes, value);
            row += Norm::value(value);
          }
        total += double(sum(row));
      }
    }
    *pass.penalty += total / double(pass.batch);
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real* y, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    using DX = Bordered<X, 0>;
    if (dx == nullptr) return;
    const real share = real(1) / real(pass.batch);
    for (int image = 0; image < pass.count; ++image, y += Y::size, dy += DX::size, dx += DX::size)
      for (int i = 0; i < Y::height; ++i)
        for (int j = 0; j < Y::width; ++j)
          for (int v = 0; v < Y::vectors; ++v) {
            const Count at = DX::at(i, j) + v * lanes;
            store(dx + at, load(dy + at) + Norm::gradient(load(y + Y::at(i, j) + v * lanes)) * share);
          }
  }
};

}  // namespace deepen
