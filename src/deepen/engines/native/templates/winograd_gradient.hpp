// The weight gradient of convolutions with 3 × 3 windows by Winograd's minimal filtering.
#pragma once
#include "window.hpp"
#include "winograd_tiles.hpp"

namespace deepen {

// The gradient of y = Aᵀ [(G k Gᵀ) ⊙ (Bᵀ x B)] A with respect to k, with dz that of y:
//
//   dk = Gᵀ [ Σ(tiles) (Bᵀ x B) ⊙ (A dz Aᵀ) ] G
//
// The sums over tiles are products of matrices, channels × tiles with tiles × filters, at each of the 36 points;
// they are kept for the whole batch, and transformed back at its end. A group's tiles are summed by themselves
// before they join the rest: thousands of small numbers added to a large one would lose digits.
template <class X, class DZ, class W>
struct WinogradGradient {
  static_assert(winograd::fits<X, DZ, W>, "Winograd's tiles are those of dense 3 × 3 windows within the border");

  // Sums for `block` channels and two vectors of filters are in registers while a loop runs over a group's tiles.
  static constexpr int widest = registers == 32 ? 8 : 4, block = widest < lanes ? widest : lanes;
  static constexpr int group = 32;
  static constexpr int channels = round_up(X::channels, block);
  using Inputs = winograd::Spectrum<group, round_up(X::channels, lanes)>;
  using Gradients = winograd::Spectrum<group, DZ::pixel>;

  static constexpr Count sums = Count(winograd::points) * channels * DZ::pixel;  // [point][channel][filter]
  static constexpr Count work(int) { return Inputs::size + Gradients::size; }

  static void accumulate(const Pass& pass, const real* x, const real* dz, real* sums) {
    real *inputs = pass.work, *gradients = pass.work + Inputs::size;
    const Count tiles = Count(pass.count) * winograd::Tiles<DZ>::per_image;
    for (Count first = 0; first < tiles; first += group) {
      const Count last = first + group < tiles ? first + group : tiles;
      bring_in_tiles(x, dz, first, last, inputs, gradients);
      for (int point = 0; point < winograd::points; ++point)
        multiply(inputs + point * Inputs::point, gradients + point * Gradients::point, int(last - first),
                 sums + Count(point) * channels * DZ::pixel);
    }
  }

  // Gᵀ s G, with a vector of filters at once.
  static void unpack(const real* sums, real* gradient) {
    for (int c = 0; c < X::channels; ++c)
      for (int v = 0; v < DZ::vectors; ++v) unpack_channel(sums + c * DZ::pixel + v * lanes, v, c, gradient);
  }

 private:
  static NOINLINE void unpack_channel(const real* sums, int v, int c, real* gradient) {
    vec rows[6][3], k[3];
    for (int i = 0; i < 6; ++i) {
      vec s[6];
      for (int j = 0; j < 6; ++j) s[j] = load(sums + (i * Count(6) + j) * channels * DZ::pixel);
      winograd::kernel_gradient_transform(s, rows[i]);
    }
    for (int j = 0; j < 3; ++j) {
      const vec column[6] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]};
      winograd::kernel_gradient_transform(column, k);
      for (int lane = 0; lane < lanes && v * lanes + lane < DZ::channels; ++lane) {
        real* to = gradient + ((v * lanes + lane) * Count(X::channels) + c) * 9 + j;
#pragma GCC unroll 3
        for (int i = 0; i < 3; ++i) to[i * 3] = k[i][lane];
      }
    }
  }

  static NOINLINE void bring_in_tiles(const real* x, const real* dz, Count first, Count last, real* inputs,
                                      real* gradients) {
    winograd::for_tiles<DZ>(first, last, [&](int place, Count image, int row, int column, auto cut) {
      const real* from = x + image * X::size + X::at(row - W::top, column - W::left);
      winograd::transform_input<X, Inputs, decltype(cut)>(from, inputs + place * Inputs::tile);
      transform_gradient<decltype(cut)>(dz + image * DZ::size + DZ::at(row, column),
                                        gradients + place * Gradients::tile);
    });
  }

  // A dz Aᵀ of all filters of a tile; dz counts as zero below and right of the maps.
  template <class Cut>
  static NOINLINE void transform_gradient(const real* dz, real* to) {
    for (int v = 0; v < DZ::vectors; ++v, dz += lanes, to += lanes) {
      vec columns[4][6];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        vec d[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i)
          d[i] = i < Cut::height && j < Cut::width ? load(dz + i * DZ::row + j * DZ::pixel) : vec{};
        winograd::gradient_transform(d, columns[j]);
      }
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
        vec z[6];
        winograd::gradient_transform({columns[0][i], columns[1][i], columns[2][i], columns[3][i]}, z);
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) store(to + (i * 6 + j) * Gradients::point, z[j]);
      }
    }
  }

  // At one point, and for all blocks of channels and filters.
  static NOINLINE void multiply(const real* inputs, const real* gradients, int tiles, real* sums) {
    for (int c = 0; c < channels; c += block) {
      for (int v = 0; v + 2 <= DZ::vectors; v += 2)
        multiply_block<2>(inputs + c, gradients + v * lanes, tiles, sums + c * DZ::pixel + v * lanes);
      if constexpr (DZ::vectors % 2 == 1) {
        constexpr int last = (DZ::vectors - 1) * lanes;
        multiply_block<1>(inputs + c, gradients + last, tiles, sums + c * DZ::pixel + last);
      }
    }
  }

  template <int Vectors>
  static INLINE void multiply_block(const real* inputs, const real* gradients, int tiles, real* sums) {
    vec s[block][Vectors] = {};
    for (int t = 0; t < tiles; ++t, inputs += Inputs::tile, gradients += Gradients::tile) {
#pragma GCC unroll 8
      for (int c = 0; c < block; ++c)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) s[c][v] += inputs[c] * load(gradients + v * lanes);
    }
#pragma GCC unroll 8
    for (int c = 0; c < block; ++c)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        real* to = sums + c * DZ::pixel + v * lanes;
        store(to, load(to) + s[c][v]);
      }
  }
};

}  // namespace deepen
