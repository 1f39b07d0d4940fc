// A window that slides over maps: of a convolution or a pooling.
#pragma once
#include "map.hpp"

namespace deepen {

// KH × KW positions, `Stride` pixels from window to window, `Dilation` pixels from position to position; the first
// window begins `Top` rows above and `Left` columns left of the maps.
template <int KH, int KW, int StrideH = 1, int StrideW = 1, int DilationH = 1, int DilationW = 1, int Top = 0,
          int Left = 0>
struct Window {
  static constexpr int height = KH, width = KW, positions = KH * KW;
  static constexpr int stride_h = StrideH, stride_w = StrideW;
  static constexpr int dilation_h = DilationH, dilation_w = DilationW;
  static constexpr int top = Top, left = Left;
  static constexpr bool dense = StrideH == 1 && StrideW == 1 && DilationH == 1 && DilationW == 1;
};

// Whether the windows that give Y lie within X and its border.
template <class X, class Y, class W>
constexpr bool reaches_within =
    X::border >= W::top && X::border >= W::left &&
    (Y::height - 1) * W::stride_h + (W::height - 1) * W::dilation_h - W::top < X::height + X::border &&
    (Y::width - 1) * W::stride_w + (W::width - 1) * W::dilation_w - W::left < X::width + X::border;

}  // namespace deepen
