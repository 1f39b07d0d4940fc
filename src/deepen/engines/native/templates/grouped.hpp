// Convolutions in which a filter sees some of the channels only: those of its group, or those that a table names.
#pragma once
#include <vector>

#include "convolution.hpp"
#include "reshape.hpp"

namespace deepen {

// y[f,i,j] = relu?(b[f] + Σ(p,u,t) k[f,p,u,t] x[group(f) · parts + p, i·s+u·d−top, j·s+t·d−left]), where a group
// has `parts` channels. For each p every filter sees one channel: lay these channels out beside each other, in the
// order of the filters, and all is a sum of `parts` depthwise convolutions, which walk along vectors of filters.
template <class X, class Y, class W, int Groups, bool Bias, bool Relu>
struct GroupedConvolution : Kernel {
  static_assert(reaches_within<X, Y, W>, "the windows reach beyond the border");
  static constexpr int parts = X::channels / Groups, filters = Y::channels / Groups, taps = W::positions;
  static constexpr bool direct = parts == 1 && filters == 1 && X::padded;  // x is laid out as it must be
  using Maps = Map<Y::channels, X::height, X::width, X::border>;
  using DX = Bordered<X, 0>;
  using DY = Bordered<Y, 0>;
  using DMaps = Bordered<Maps, 0>;

  static constexpr Count matrix = Count(parts) * taps * Y::pixel;
  static constexpr Count weights = matrix + (Bias ? Y::pixel : 0), sums = weights;
  static constexpr Count work(int) { return laid_out + DY::size + (direct ? 0 : parts * DMaps::size); }

  static void pack(const real* const* parameters, real* weights) {
    std::memset(weights, 0, matrix * sizeof(real));
    for (int f = 0; f < Y::channels; ++f)
      for (int tap = 0; tap < parts * taps; ++tap)
        weights[tap * Y::pixel + f] = parameters[0][Count(f) * parts * taps + tap];
    if constexpr (Bias) pack_features<Y>(parameters[1], weights + matrix);
  }

  static void unpack(const real* sums, real* const* gradients) {
    for (int f = 0; f < Y::channels; ++f)
      for (int tap = 0; tap < parts * taps; ++tap)
        gradients[0][Count(f) * parts * taps + tap] = sums[tap * Y::pixel + f];
    if constexpr (Bias) std::memcpy(gradients[1], sums + matrix, Y::channels * sizeof(real));
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size) {
      const real* maps = lay_out(x, pass.work);
      clear_border<Y>(y);
      for (int i = 0; i < Y::height; ++i)
        for (int v = 0; v < Y::pixel; v += lanes) {
          int j = 0;
          for (; j + 4 <= Y::width; j += 4) pixels<4>(maps + v, weights + v, i, j, y + v);
          for (; j < Y::width; ++j) pixels<1>(maps + v, weights + v, i, j, y + v);
        }
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real* y, const real* dy, real* dx,
                                const real* weights, const std::byte*, real* sums) {
    real *dz = pass.work + laid_out, *dmaps = dz + DY::size;
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size, dy += DY::size) {
      masked(y, dy, dz);
      weight_gradient(lay_out(x, pass.work), dz, sums);
      if constexpr (X::padded)
        if (dx) {
          real* to = dx + image * DX::size;
          for (int part = 0; part < parts; ++part)
            data_gradient(dz, weights + Count(part) * taps * Y::pixel, direct ? to : dmaps + part * DMaps::size);
          if constexpr (!direct) bring_back(dmaps, to);
        }
    }
  }

 private:
  static constexpr Count laid_out = direct ? 0 : parts * Maps::size;

  // Where a window's position lies; the window of output (i, j) begins at row i·s − top.
  static constexpr int row_of(int i, int u) { return i * W::stride_h + u * W::dilation_h - W::top; }
  static constexpr int column_of(int j, int t) { return j * W::stride_w + t * W::dilation_w - W::left; }

  static const real* lay_out(const real* x, real* maps) {
    if constexpr (direct) return x;
    for (int part = 0; part < parts; ++part) {
      real* to = maps + part * Maps::size;
      clear<Maps>(to);
      for (int h = 0; h < X::height; ++h)
        for (int w = 0; w < X::width; ++w)
          for (int f = 0; f < Y::channels; ++f)
            to[Maps::at(h, w) + f] = x[X::at(h, w) + f / filters * parts + part];
    }
    return maps;
  }

  // The transpose of laying out: a channel receives what all filters of its group have for it.
  static void bring_back(const real* dmaps, real* dx) {
    for (int p = 0; p < X::height * X::width; ++p, dmaps += Y::pixel, dx += X::pixel)
      for (int c = 0; c < X::pixel; ++c) {
        dx[c] = 0;
        if (c < X::channels)
          for (int f = 0; f < filters; ++f) dx[c] += dmaps[c % parts * DMaps::size + c / parts * filters + f];
      }
  }

  // A vector of filters at so many neighbouring outputs.
  template <int Columns>
  static INLINE void pixels(const real* maps, const real* weights, int i, int j, real* y) {
    vec total[Columns];
#pragma GCC unroll 4
    for (int q = 0; q < Columns; ++q) total[q] = Bias ? load(weights + matrix) : vec{};
    for (int part = 0; part < parts; ++part)
      for (int u = 0; u < W::height; ++u)
        for (int t = 0; t < W::width; ++t, weights += Y::pixel) {
          const real* x = maps + part * Maps::size + Maps::at(row_of(i, u), column_of(j, t));
          vec w = load(weights);
#pragma GCC unroll 4
          for (int q = 0; q < Columns; ++q) total[q] += w * load(x + q * W::stride_w * Y::pixel);
        }
#pragma GCC unroll 4
    for (int q = 0; q < Columns; ++q)
      store(y + Y::at(i, j + q), Relu ? relu(total[q]) : total[q]);
  }

  static void masked(const real* y, const real* dy, real* dz) {
    for (int i = 0; i < Y::height; ++i)
      for (int k = 0; k < Y::width * Y::pixel; k += lanes) {
        vec gradient = load(dy + DY::at(i, 0) + k);
        if constexpr (Relu) gradient = where_positive(load(y + Y::at(i, 0) + k), gradient);
        store(dz + DY::at(i, 0) + k, gradient);
      }
  }

  // dk[f,p,u,t] += Σ dz[f,i,j] x[…]: a row of the window in registers, while dz is walked through.
  static void weight_gradient(const real* maps, const real* dz, real* sums) {
    for (int v = 0; v < Y::pixel; v += lanes) {
      for (int part = 0; part < parts; ++part)
        for (int u = 0; u < W::height; ++u) {
          vec total[W::width] = {};
          for (int i = 0; i < Y::height; ++i) {
            const real* x = maps + part * Maps::size + Maps::at(row_of(i, u), column_of(0, 0)) + v;
            for (int j = 0; j < Y::width; ++j, x += W::stride_w * Y::pixel) {
              vec gradient = load(dz + DY::at(i, j) + v);
#pragma GCC unroll 16
              for (int t = 0; t < W::width; ++t) total[t] += gradient * load(x + t * W::dilation_w * Y::pixel);
            }
          }
          real* to = sums + Count(part * W::height + u) * W::width * Y::pixel + v;
#pragma GCC unroll 16
          for (int t = 0; t < W::width; ++t) store(to + t * Y::pixel, load(to + t * Y::pixel) + total[t]);
        }
      if constexpr (Bias) {
        vec total = load(sums + matrix + v);
        for (int p = 0; p < Y::height * Y::width; ++p) total += load(dz + p * Y::pixel + v);
        store(sums + matrix + v, total);
      }
    }
  }

  // The gradient of a part's maps receives dz · k at each place that was read.
  static void data_gradient(const real* dz, const real* weights, real* dmaps) {
    clear<DMaps>(dmaps);
    for (int i = 0; i < Y::height; ++i)
      for (int u = 0; u < W::height; ++u)
        if (row_of(i, u) >= 0 && row_of(i, u) < X::height)
          for (int t = 0; t < W::width; ++t) {
            int from = 0, to = Y::width;
            while (from < to && column_of(from, t) < 0) ++from;
            while (from < to && column_of(to - 1, t) >= X::width) --to;
            for (int v = 0; v < Y::pixel; v += lanes) {
              vec w = load(weights + (u * W::width + t) * Y::pixel + v);
              for (int j = from; j < to; ++j) {
                real* place = dmaps + DMaps::at(row_of(i, u), column_of(j, t)) + v;
                store(place, load(place) + w * load(dz + DY::at(i, j) + v));
              }
            }
          }
  }
};

// Where the small kernel of each pair of filter and channel lies in the kernel of a full convolution: by a table,
// or by groups, in which filter f sees the channels of the group f / filters.
template <class Constants>
struct ByTable {
  static constexpr Count pairs = sizeof(Constants::places) / sizeof(real);
  static Count place(Count pair) { return Count(Constants::places[pair]); }
};
template <int Channels, int Filters, int Groups>
struct ByGroups {
  static constexpr Count parts = Channels / Groups, pairs = Filters * parts;
  static Count place(Count pair) {
    Count filter = pair / parts;
    return filter * Channels + filter * Groups / Filters * parts + pair % parts;
  }
};

// A convolution with a kernel that is zero where a filter does not see a channel: for tables, and for a few
// groups, where the full convolution is faster by more than what it does in vain.
template <class X, class Y, class W, class Pairs, bool Bias, bool Relu>
struct PartialConvolution : Convolution<X, Y, W, Bias, Relu> {
  using Full = Convolution<X, Y, W, Bias, Relu>;
  static constexpr Count places = Count(Y::channels) * X::channels * W::positions;

  static void pack(const real* const* parameters, real* weights) {
    std::vector<real> kernel(places);
    for (Count pair = 0; pair < Pairs::pairs; ++pair)
      std::memcpy(&kernel[Pairs::place(pair) * W::positions], parameters[0] + pair * W::positions, bytes);
    const real* full[] = {kernel.data(), Bias ? parameters[1] : nullptr};
    Full::pack(full, weights);
  }

  static void unpack(const real* sums, real* const* gradients) {
    std::vector<real> kernel(places);
    real* full[] = {kernel.data(), Bias ? gradients[1] : nullptr};
    Full::unpack(sums, full);
    for (Count pair = 0; pair < Pairs::pairs; ++pair)
      std::memcpy(gradients[0] + pair * W::positions, &kernel[Pairs::place(pair) * W::positions], bytes);
  }

 private:
  static constexpr std::size_t bytes = W::positions * sizeof(real);
};

}  // namespace deepen
