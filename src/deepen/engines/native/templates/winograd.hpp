// Convolution with 3 × 3 windows by Winograd's minimal filtering: 36 products where the direct way takes 144.
#pragma once
#include "window.hpp"
#include "winograd_tiles.hpp"

namespace deepen {

// The same as Direct<X, Y, W>, for windows of 3 × 3 pixels without stride and dilation. The tiles of all images
// form one list; a group goes from end to end before the next, so that what lies between stays in the cache.
template <class X, class Y, class W>
struct Winograd {
  static_assert(winograd::fits<X, Y, W>, "Winograd's tiles are those of dense 3 × 3 windows within the border");

  // Products are summed in registers, of `block` tiles with two vectors of filters; the blocks of a group share
  // what they read of the kernel.
  static constexpr int block = registers == 32 ? 8 : 6, group = 2 * block;
  using Inputs = winograd::Spectrum<group, round_up(X::channels, lanes)>;
  using Products = winograd::Spectrum<group, 2 * lanes>;

  // The transformed kernel, [pair of vectors][point][channel][vector of the pair]; an odd last vector is alone.
  static constexpr Count weights = Count(winograd::points) * X::channels * Y::pixel;
  static constexpr Count work(int) { return Inputs::size + Products::size; }

  // G k Gᵀ, with a vector of filters at once.
  static void pack(const real* kernel, real* weights) {
    for (int v = 0; v < Y::vectors; ++v) {
      const int width = v / 2 * 2 + 1 < Y::vectors ? 2 : 1;
      real* first = weights + v / 2 * Count(2) * winograd::points * X::channels * lanes + v % 2 * lanes;
      for (int c = 0; c < X::channels; ++c) pack_channel(kernel, v, c, width, first + Count(c) * width * lanes);
    }
  }

  template <bool Relu>
  static void correlate(const Pass& pass, const real* x, const real* weights, const real* bias, real* y) {
    for (int i = 0; i < pass.count; ++i) clear_border<Y>(y + i * Y::size);
    real *inputs = pass.work, *products = pass.work + Inputs::size;
    const Count tiles = Count(pass.count) * winograd::Tiles<Y>::per_image;
    for (Count first = 0; first < tiles; first += group) {
      const Count last = first + group < tiles ? first + group : tiles;
      bring_in_tiles(x, first, last, inputs);
      for (int v = 0; v + 2 <= Y::vectors; v += 2)
        filters<2, Relu>(inputs, weights, bias, v, first, last, products, y);
      if constexpr (Y::vectors % 2 == 1)
        filters<1, Relu>(inputs, weights, bias, Y::vectors - 1, first, last, products, y);
    }
  }

 private:
  static NOINLINE void pack_channel(const real* kernel, int v, int c, int width, real* to) {
    vec k[3][3] = {}, rows[3][6], u[6];
    for (int lane = 0; lane < lanes && v * lanes + lane < Y::channels; ++lane) {
      const real* from = kernel + ((v * lanes + lane) * Count(X::channels) + c) * 9;
#pragma GCC unroll 9
      for (int i = 0; i < 9; ++i) k[i % 3][i / 3][lane] = from[i];
    }
    for (int j = 0; j < 3; ++j) winograd::kernel_transform(k[j], rows[j]);
    for (int i = 0; i < 6; ++i) {
      winograd::kernel_transform({rows[0][i], rows[1][i], rows[2][i]}, u);
      for (int j = 0; j < 6; ++j) store(to + (i * Count(6) + j) * X::channels * width * lanes, u[j]);
    }
  }

  static NOINLINE void bring_in_tiles(const real* x, Count first, Count last, real* inputs) {
    winograd::for_tiles<Y>(first, last, [&](int place, Count image, int row, int column, auto cut) {
      const real* from = x + image * X::size + X::at(row - W::top, column - W::left);
      winograd::transform_input<X, Inputs, decltype(cut)>(from, inputs + place * Inputs::tile);
    });
  }

  // All that follows for `Vectors` vectors of filters, from vector v on.
  template <int Vectors, bool Relu>
  static NOINLINE void filters(const real* inputs, const real* weights, const real* bias, int v, Count first,
                               Count last, real* products, real* y) {
    const real* kernel = weights + v * winograd::points * Count(X::channels) * lanes;
    for (int point = 0; point < winograd::points; ++point, kernel += X::channels * Vectors * lanes)
      multiply<block, Vectors>(inputs + point * Inputs::point, kernel, products + point * Products::point, 0,
                               int(last - first));
    winograd::for_tiles<Y>(first, last, [&](int place, Count image, int row, int column, auto cut) {
      real* to = y + image * Y::size + Y::at(row, column) + v * lanes;
      for (int i = 0; i < Vectors; ++i) {
        const vec offset = bias ? load(bias + (v + i) * lanes) : vec{};
        give_out<decltype(cut), Relu>(products + place * Products::tile + i * lanes, offset, to + i * lanes);
      }
    });
  }

  // At one point: tiles × channels times channels × filters, in blocks of tiles that halve towards the end.
  template <int Tiles, int Vectors>
  static INLINE void multiply(const real* inputs, const real* kernel, real* products, int tile, int last) {
    for (; tile + Tiles <= last; tile += Tiles)
      multiply_block<Tiles, Vectors>(inputs + tile * Inputs::tile, kernel, products + tile * Products::tile);
    if constexpr (Tiles > 1) multiply<Tiles / 2, Vectors>(inputs, kernel, products, tile, last);
  }

  template <int Tiles, int Vectors>
  static NOINLINE void multiply_block(const real* inputs, const real* kernel, real* products) {
    vec sums[Tiles][Vectors] = {};
    for (int c = 0; c < X::channels; ++c, ++inputs, kernel += Vectors * lanes) {
#pragma GCC unroll 8
      for (int t = 0; t < Tiles; ++t)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sums[t][v] += inputs[t * Inputs::tile] * load(kernel + v * lanes);
    }
#pragma GCC unroll 8
    for (int t = 0; t < Tiles; ++t)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) store(products + t * Products::tile + v * lanes, sums[t][v]);
  }

  // y = bias + Aᵀ m A, of one vector of filters.
  template <class Cut, bool Relu>
  static NOINLINE void give_out(const real* products, vec bias, real* y) {
    vec columns[6][4];
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      vec m[6];
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) m[i] = load(products + (i * 6 + j) * Products::point);
      winograd::output_transform(m, columns[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < Cut::height; ++i) {
      vec values[4];
      winograd::output_transform(
          {columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i]}, values);
#pragma GCC unroll 4
      for (int j = 0; j < Cut::width; ++j) {
        const vec value = values[j] + bias;
        store(y + i * Y::row + j * Y::pixel, Relu ? relu(value) : value);
      }
    }
  }
};

}  // namespace deepen
