// What LeNet-5 has of its own: a coefficient and a bias for each map, and outputs that are distances from codes.
#pragma once
#include "fold.hpp"
#include "reshape.hpp"

namespace deepen {

// y = a[c] x + b[c] for each map, and back dx = a[c] dy, da[c] = Σ dy x, db[c] = Σ dy.
template <class X, class Y>
struct ScaleMaps : Kernel {
  static_assert(X::padded);
  static constexpr Count weights = 2 * Y::pixel, sums = weights;

  static void pack(const real* const* parameters, real* weights) {
    for (int part = 0; part < 2; ++part) pack_features<Y>(parameters[part], weights + part * Y::pixel);
  }

  static void unpack(const real* sums, real* const* gradients) {
    for (int part = 0; part < 2; ++part)
      std::memcpy(gradients[part], sums + part * Y::pixel, Y::channels * sizeof(real));
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i)
        for (int j = 0; j < Y::width; ++j)
          for (int v = 0; v < Y::pixel; v += lanes) {
            vec a = load(weights + v), b = load(weights + Y::pixel + v);
            store(y + Y::at(i, j) + v, a * load(x + X::at(i, j) + v) + b);
          }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx,
                                const real* weights, const std::byte*, real* sums) {
    for (int v = 0; v < Y::pixel; v += lanes) {
      vec a = load(weights + v), da = load(sums + v), db = load(sums + Y::pixel + v);
      for (int image = 0; image < pass.count; ++image)
        for (int i = 0; i < Y::height; ++i)
          for (int j = 0; j < Y::width; ++j) {
            const Count place = image * Bordered<Y, 0>::size + Bordered<Y, 0>::at(i, j) + v;
            vec gradient = load(dy + place);
            da += gradient * load(x + image * X::size + X::at(i, j) + v);
            db += gradient;
            // A gradient below zero times the zero of a hole would be a zero with a sign.
            if (dx) store(dx + place, without_holes<X>(a * gradient, v / lanes));
          }
      store(sums + v, da);
      store(sums + Y::pixel + v, db);
    }
  }
};

// y[k] = −Σᵢ (x[i] − w[k,i])², and back dx[i] = −2 Σₖ dy[k] (x[i] − w[k,i]), dw[k,i] = 2 Σ dy[k] (x[i] − w[k,i]).
template <class X, class Y, bool Trainable>
struct RBF : Kernel {
  static_assert(X::height * X::width == 1);
  using Code = Map<X::channels, 1, 1>;
  static constexpr int row = Code::pixel;
  static constexpr Count weights = Count(Y::channels) * row, sums = Trainable ? weights : 0;

  static void pack(const real* const* parameters, real* weights) {
    for (int k = 0; k < Y::channels; ++k)
      pack_features<Code>(parameters[0] + Count(k) * X::channels, weights + Count(k) * row);
  }

  static void unpack(const real* sums, real* const* gradients) {
    if constexpr (Trainable)
      for (int k = 0; k < Y::channels; ++k)
        std::memcpy(gradients[0] + Count(k) * X::channels, sums + Count(k) * row, X::channels * sizeof(real));
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    for (int image = 0; image < pass.count; ++image) {
      const real* from = x + image * X::size + X::at(0, 0);
      real* to = y + image * Y::size;
      clear<Y>(to);
      for (int k = 0; k < Y::channels; ++k) {
        vec total[1] = {};
        for (int v = 0; v < row; v += lanes) {
          vec apart = load_channels<X>(from, v / lanes) - load(weights + Count(k) * row + v);
          total[0] -= apart * apart;
        }
        to[Y::at(0, 0) + k] = fold(total)[0];
      }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx,
                                const real* weights, const std::byte*, real* sums) {
    for (int image = 0; image < pass.count; ++image, dy += Y::pixel) {
      const real* from = x + image * X::size + X::at(0, 0);
      for (int v = 0; v < row; v += lanes) {
        vec total{}, features = load_channels<X>(from, v / lanes);
        for (int k = 0; k < Y::channels; ++k) {
          vec pull = 2 * dy[k] * (features - load(weights + Count(k) * row + v));
          total -= pull;
          if constexpr (Trainable) store(sums + Count(k) * row + v, load(sums + Count(k) * row + v) + pull);
        }
        if constexpr (X::padded)
          if (dx) store(dx + image * Bordered<X, 0>::size + v, without_holes<X>(total, v / lanes));
      }
    }
  }
};

}  // namespace deepen
