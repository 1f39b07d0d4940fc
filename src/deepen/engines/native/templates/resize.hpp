// Maps brought to another size, along rows and columns one after the other.
#pragma once
#include "reshape.hpp"

namespace deepen {

// y[i,j] = Σ(r,q) A[i,r] B[j,q] x[r,q], and back dx[r,q] = Σ(i,j) A[i,r] B[j,q] dy[i,j]. A row of A or B has two
// entries at most, beside each other: `Constants` tells the first place of each (rows, columns), its entry
// (row_shares, column_shares) and the one after it (next_row_shares, next_column_shares).
template <class X, class Y, class Constants>
struct Resize : Kernel {
  using DX = Bordered<X, 0>;
  using DY = Bordered<Y, 0>;
  static constexpr Count line = Count(X::width) * Y::pixel;  // a row of X, with the pixels of Y
  static constexpr Count work(int) { return line; }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    real* mixed = pass.work;
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i) {
        auto [above, below] = around(Constants::rows[i], X::height);
        real share = Constants::row_shares[i], next_share = Constants::next_row_shares[i];
        for (int w = 0; w < X::width; ++w)
          for (int v = 0; v < Y::vectors; ++v)
            store(mixed + w * Y::pixel + v * lanes, share * load_channels<X>(x + X::at(above, w), v) +
                                                        next_share * load_channels<X>(x + X::at(below, w), v));
        for (int j = 0; j < Y::width; ++j) {
          auto [left, right] = around(Constants::columns[j], X::width);
          for (int v = 0; v < Y::pixel; v += lanes)
            store(y + Y::at(i, j) + v, Constants::column_shares[j] * load(mixed + left * Y::pixel + v) +
                                           Constants::next_column_shares[j] * load(mixed + right * Y::pixel + v));
        }
      }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx, const real*,
                                const std::byte*, real*) {
    if constexpr (X::padded)
      if (dx)
        for (int image = 0; image < pass.count; ++image, dy += DY::size, dx += DX::size) {
          clear<DX>(dx);
          for (int i = 0; i < Y::height; ++i) {
            spread(dy + DY::at(i, 0), pass.work);
            auto [above, below] = around(Constants::rows[i], X::height);
            for (Count k = 0; k < line; k += lanes) {
              add(dx + DX::at(above, 0) + k, Constants::row_shares[i] * load(pass.work + k));
              add(dx + DX::at(below, 0) + k, Constants::next_row_shares[i] * load(pass.work + k));
            }
          }
        }
  }

 private:
  struct Places {
    int first, second;
  };
  static Places around(real first, int length) {
    int place = int(first);
    return {place, place + 1 < length ? place + 1 : place};
  }

  static INLINE void add(real* to, vec value) { store(to, load(to) + value); }

  // Bring a row of dy to the width of X.
  static void spread(const real* dy, real* row) {
    std::memset(row, 0, line * sizeof(real));
    for (int j = 0; j < Y::width; ++j) {
      auto [left, right] = around(Constants::columns[j], X::width);
      for (int v = 0; v < Y::pixel; v += lanes) {
        vec gradient = load(dy + j * Y::pixel + v);
        add(row + left * Y::pixel + v, Constants::column_shares[j] * gradient);
        add(row + right * Y::pixel + v, Constants::next_column_shares[j] * gradient);
      }
    }
  }
};

}  // namespace deepen
