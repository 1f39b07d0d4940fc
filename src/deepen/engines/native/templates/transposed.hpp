// The way back through a convolution with strides: what each number of its input contributed to.
#pragma once
#include <algorithm>

#include "direct.hpp"

namespace deepen {

// How far beyond the maps of dz the way back to X reads, along one axis: from row −⌊((K − 1)·d − p) / s⌋ to
// row ⌊(H − 1 + p) / s⌋.
constexpr int transposed_border(int length, int outputs, int size, int stride, int dilation, int before) {
  const int above = ((size - 1) * dilation - before) / stride;
  const int below = (length - 1 + before) / stride - (outputs - 1);
  return std::max({0, above, below});
}

// Of a convolution of window W from X to Z, seen from X: dx[c, i·s + u·d − p, j·s + v·d − p] is a sum of
// dz[f, i, j] · k[f, c, u, v] over all f, i, j, u and v that lead to that pixel. For pixels whose row and column
// leave the same remainders when divided by the strides, these are the same positions of the window and
// neighbouring pixels of dz: a convolution for each pair of remainders ("phase"), whose outputs lie s apart.
//
// DZ has a border of at least `transposed_border`.
template <class DZ, class DX, class W>
struct Transposed {
  static constexpr int remainder(int a, int b) { return (a % b + b) % b; }

  // Along one axis: which positions of the window lead to pixels of this phase.
  static constexpr bool leads(int phase, int position, int stride, int dilation, int before) {
    return remainder(phase + before - position * dilation, stride) == 0;
  }
  static constexpr int count(int phase, int size, int stride, int dilation, int before) {
    int total = 0;
    for (int p = 0; p < size; ++p) total += leads(phase, p, stride, dilation, before);
    return total;
  }
  static constexpr int nth(int n, int phase, int size, int stride, int dilation, int before) {
    for (int p = 0; p < size; ++p)
      if (leads(phase, p, stride, dilation, before) && n-- == 0) return p;
    return 0;
  }

  template <int Top, int Left>
  struct Phase {
    static constexpr int height = (DX::height - Top + W::stride_h - 1) / W::stride_h;
    static constexpr int width = (DX::width - Left + W::stride_w - 1) / W::stride_w;
    static constexpr Count x_first = DZ::at(0, 0), x_row = DZ::row, x_column = DZ::pixel;
    static constexpr Count y_first = DX::at(Top, Left);
    static constexpr Count y_row = Count(W::stride_h) * DX::row, y_column = Count(W::stride_w) * DX::pixel;
    static constexpr int rows = count(Top, W::height, W::stride_h, W::dilation_h, W::top);
    static constexpr int columns = count(Left, W::width, W::stride_w, W::dilation_w, W::left);
    static constexpr int positions = rows * columns;
    static constexpr int u(int p) { return nth(p / columns, Top, W::height, W::stride_h, W::dilation_h, W::top); }
    static constexpr int v(int p) { return nth(p % columns, Left, W::width, W::stride_w, W::dilation_w, W::left); }
    static constexpr int position(int p) { return u(p) * W::width + v(p); }
    static constexpr Count offset(int p) {
      return Count((Top + W::top - u(p) * W::dilation_h) / W::stride_h) * DZ::row +
             Count((Left + W::left - v(p) * W::dilation_w) / W::stride_w) * DZ::pixel;
    }
  };

  static constexpr int phases_h = std::min(W::stride_h, DX::height);
  static constexpr int phases_w = std::min(W::stride_w, DX::width);
  template <int Number>
  using Sums = Correlation<DZ, DX, Phase<Number / phases_w, Number % phases_w>>;

  static constexpr Count weights = Count(W::positions) * DZ::channels * DX::pixel;
  static constexpr Count work(int) { return 0; }

  // `kernel` is (DZ::channels, DX::channels, W::height, W::width).
  template <int Number = 0>
  static void pack(const real* kernel, real* weights) {
    const auto number = [=](int c, int f, int p) {
      return kernel[(Count(f) * DX::channels + c) * W::positions + p];
    };
    Sums<Number>::pack(number, weights);
    if constexpr (Number + 1 < phases_h * phases_w) pack<Number + 1>(kernel, weights + Sums<Number>::weights);
  }

  // `bias` is a pixel of DX, or nullptr.
  template <bool Relu, int Number = 0>
  static void correlate(const Pass& pass, const real* dz, const real* weights, const real* bias, real* dx) {
    Sums<Number>::template correlate<Relu>(pass.count, dz, weights, bias, dx);
    if constexpr (Number + 1 < phases_h * phases_w)
      correlate<Relu, Number + 1>(pass, dz, weights + Sums<Number>::weights, bias, dx);
    else
      for (int image = 0; image < pass.count; ++image) clear_border<DX>(dx + image * DX::size);
  }
};

}  // namespace deepen
