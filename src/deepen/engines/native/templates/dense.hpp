// The fully connected layer: every unit is the product of a row of weights and all numbers of an image.
#pragma once
#include "fold.hpp"
#include "pass.hpp"
#include "pixels.hpp"

namespace deepen {

// y[u] = relu?(b[u] + Σₖ w[u,k] x[k]), and back: with dz = dy, masked by y > 0 where there is a ReLU,
// dx[k] = Σᵤ dz[u] w[u,k], dw[u,k] = Σ dz[u] x[k] and db[u] = Σ dz[u], the last two summed over the images.
//
// Y is a row of features. X may be maps: NumPy then numbers their features channel by channel, (C, H, W), while k
// runs through memory, pixel by pixel; so nothing has to be rearranged but the weights, once a batch. A row of
// weights has holes where x has them. All three products walk along rows of weights, so they share one layout.
template <class X, class Y, bool Bias, bool Relu>
struct Dense : Kernel {
  static_assert(Y::padded && Y::height == 1 && Y::width == 1);

  static constexpr int pixels = X::height * X::width;
  static constexpr Count inputs = Count(X::channels) * pixels;  // as NumPy counts them
  static constexpr bool in_order = pixels == 1 || X::pixel == 1;  // a row of weights is as NumPy has it
  static constexpr Count columns = in_vectors(Count(pixels) * X::pixel);

  // Units are computed a few at once. Rows of a multiple of 4096 bytes would get into each other's way in the
  // cache.
  static constexpr int block = lanes < 4 ? lanes : 4;
  static constexpr int rows = round_up(Y::channels, block);
  static constexpr Count row = columns + (columns * sizeof(real) % 4096 == 0 ? lanes : 0);
  static constexpr Count matrix = rows * row;

  static constexpr Count weights = matrix + (Bias ? Y::pixel : 0), sums = weights;
  static constexpr Count work(int count) { return count * ((X::padded ? 0 : columns) + (Relu ? Y::pixel : 0)); }

  static NOINLINE void pack(const real* const* parameters, real* weights) {
    if constexpr (matrix != Y::channels * inputs) std::memset(weights, 0, matrix * sizeof(real));
    const real* kernel = parameters[0];
    for (int u = 0; u < Y::channels; ++u, kernel += inputs, weights += row)
      if constexpr (in_order)
        std::memcpy(weights, kernel, inputs * sizeof(real));
      else
        for (int c = 0; c < X::channels; ++c)
          for (int p = 0; p < pixels; ++p) weights[p * X::pixel + c] = kernel[c * pixels + p];
    weights += (rows - Y::channels) * row;
    if constexpr (Bias) pack_features<Y>(parameters[1], weights);
  }

  static NOINLINE void unpack(const real* sums, real* const* gradients) {
    if constexpr (Bias) std::memcpy(gradients[1], sums + matrix, Y::channels * sizeof(real));
    real* kernel = gradients[0];
    for (int u = 0; u < Y::channels; ++u, kernel += inputs, sums += row)
      if constexpr (in_order)
        std::memcpy(kernel, sums, inputs * sizeof(real));
      else
        for (int c = 0; c < X::channels; ++c)
          for (int p = 0; p < pixels; ++p) kernel[c * pixels + p] = sums[p * X::pixel + c];
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    x = begin(pass, x, pass.work);
    y += Y::at(0, 0);
    for (int unit = 0; unit < rows; unit += block)
      in_groups(pass.count, [&](auto group, int i) {
        products<group>(x + i * image, weights + unit * row, y + i * Y::size + unit);
      });
    for (int i = 0; i < pass.count; ++i, y += Y::size) {
      for (int v = 0; v < Y::vectors; ++v) {
        vec z = load(y + v * lanes);
        if constexpr (Bias) z += load(weights + matrix + v * lanes);
        if constexpr (Relu) z = relu(z);
        store(y + v * lanes, without_holes<Y>(z, v));
      }
      clear_border<Y>(y - Y::at(0, 0));
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real* y, const real* dy, real* dx,
                                const real* weights, const std::byte*, real* sums) {
    real* work = pass.work;
    if constexpr (Relu) {
      for (int i = 0; i < pass.count; ++i)
        for (int v = 0; v < Y::pixel; v += lanes) {
          vec before = load(y + i * Y::size + Y::at(0, 0) + v);
          store(work + i * Y::pixel + v, where_positive(before, load(dy + i * Y::pixel + v)));
        }
      dy = work;
      work += Count(pass.count) * Y::pixel;
    }
    weight_gradient(pass.count, begin(pass, x, work), dy, sums);
    if constexpr (X::padded)
      if (dx) data_gradient(pass.count, dy, weights, dx);
  }

 private:
  static constexpr int most = registers == 32 ? 4 : 2;                  // images at once: as the registers allow
  static constexpr int wide = 4;                                        // vectors of a row at once
  static constexpr Count image = X::padded ? Count(X::size) : columns;  // numbers from one image to the next

  // A border cuts an image into as many runs of numbers as it has rows.
  static constexpr int runs = X::padded && X::border > 0 ? X::height : 1;
  static constexpr Count run = columns / runs;

  // Where the first run begins. Pixels that are not padded are brought together first, to be read by whole
  // vectors.
  static const real* begin(const Pass& pass, const real* x, real* work) {
    if constexpr (X::padded) return x + X::at(0, 0);
    constexpr Count width = Count(X::width) * X::pixel;
    for (int i = 0; i < pass.count; ++i) {
      real* gathered = work + i * columns;
      for (int r = 0; r < X::height; ++r)
        std::memcpy(gathered + r * width, x + i * X::size + X::at(r, 0), width * sizeof(real));
      for (Count k = X::height * width; k < columns; ++k) gathered[k] = 0;
    }
    return work;
  }

  // Call f(group, i) for groups of images: so many of them, from image i on.
  template <class F>
  static INLINE void in_groups(int count, F f) {
    int i = 0;
    for (; i + most <= count; i += most) f(std::integral_constant<int, most>{}, i);
    if constexpr (most > 2)
      if (i + 2 <= count) {
        f(std::integral_constant<int, 2>{}, i);
        i += 2;
      }
    if (i < count) f(std::integral_constant<int, 1>{}, i);
  }

  // A block of units of so many images: sums over lanes that are added up at the end.
  template <int Images>
  static INLINE void products(const real* x, const real* weights, real* y) {
    vec total[Images][block] = {};
    for (int r = 0; r < runs; ++r, x += X::row, weights += run)
      for (Count k = 0; k < run; k += lanes) {
#pragma GCC unroll 4
        for (int u = 0; u < block; ++u) {
          vec w = load(weights + u * row + k);
#pragma GCC unroll 4
          for (int i = 0; i < Images; ++i) total[i][u] += w * load(x + i * image + k);
        }
      }
#pragma GCC unroll 4
    for (int i = 0; i < Images; ++i) {
      vec units = fold(total[i]);
      std::memcpy(y + i * Y::size, &units, block * sizeof(real));
    }
  }

  static NOINLINE void weight_gradient(int count, const real* x, const real* dz, real* sums) {
    constexpr Count whole_blocks = run / (wide * lanes) * (wide * lanes);
    for (int unit = 0; unit < rows; unit += block)
      for (int r = 0; r < runs; ++r) {
        real* to = sums + unit * row + r * run;
        const real* from = x + r * X::row;
        for (Count k = 0; k < whole_blocks; k += wide * lanes)
          add_products<wide>(count, from + k, dz + unit, to + k);
        constexpr int rest = (run - whole_blocks) / lanes;
        if constexpr (rest > 0) add_products<rest>(count, from + whole_blocks, dz + unit, to + whole_blocks);
      }
    if constexpr (Bias)
      for (int i = 0; i < count; ++i)
        for (int v = 0; v < Y::pixel; v += lanes)
          store(sums + matrix + v, load(sums + matrix + v) + load(dz + i * Y::pixel + v));
  }

  // dw[u,k] += dz[u] x[k] for a block of units and of vectors: the sums are read and written once for all images.
  template <int Vectors>
  static INLINE void add_products(int count, const real* x, const real* dz, real* sums) {
    vec total[block][Vectors];
#pragma GCC unroll 4
    for (int u = 0; u < block; ++u)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) total[u][v] = load(sums + u * row + v * lanes);
    for (int i = 0; i < count; ++i, x += image, dz += Y::pixel)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        vec input = load(x + v * lanes);
#pragma GCC unroll 4
        for (int u = 0; u < block; ++u) total[u][v] += dz[u] * input;
      }
#pragma GCC unroll 4
    for (int u = 0; u < block; ++u)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) store(sums + u * row + v * lanes, total[u][v]);
  }

  // Rows are taken 32 at a time: so many pages of memory at once are found without a search.
  static NOINLINE void data_gradient(int count, const real* dz, const real* weights, real* dx) {
    constexpr Count whole_blocks = columns / (wide * lanes) * (wide * lanes);
    for (int from = 0; from < Y::channels; from += 32) {
      int to = from + 32 < Y::channels ? from + 32 : Y::channels;
      auto blocks = [&](auto vectors, Count k) {
        in_groups(count, [&](auto group, int i) {
          combine<group, vectors>(from, to, dz + i * Y::pixel, weights + k, dx + i * columns + k);
        });
      };
      for (Count k = 0; k < whole_blocks; k += wide * lanes) blocks(std::integral_constant<int, wide>{}, k);
      constexpr int rest = (columns - whole_blocks) / lanes;
      if constexpr (rest > 0) blocks(std::integral_constant<int, rest>{}, whole_blocks);
    }
  }

  // Add dz[u] w[u,k] of these units to a block of dx, which begins with the first of them.
  template <int Images, int Vectors>
  static INLINE void combine(int from, int to, const real* dz, const real* weights, real* dx) {
    vec total[Images][Vectors] = {};
    if (from > 0)
#pragma GCC unroll 4
      for (int i = 0; i < Images; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) total[i][v] = load(dx + i * columns + v * lanes);
    for (int u = from; u < to; ++u)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        vec w = load(weights + u * row + v * lanes);
#pragma GCC unroll 4
        for (int i = 0; i < Images; ++i) total[i][v] += dz[i * Y::pixel + u] * w;
      }
#pragma GCC unroll 4
    for (int i = 0; i < Images; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) store(dx + i * columns + v * lanes, total[i][v]);
  }
};

}  // namespace deepen
