// What all normalizations do in the end: shift and stretch each channel by numbers of its own.
//
// These numbers are given for whole vectors, and are 0 in the holes.
#pragma once
#include "pixels.hpp"

namespace deepen {

// y = finish((x − mean) · scale + shift) for one image; finish(value, i, j, v) may add something or be a ReLU. As
// the mean is taken off first, no digits are lost where it is much larger than the deviation.
template <class X, class Y, class Finish>
INLINE void stretch_channels(const real* x, real* y, const real* mean, const real* scale, const real* shift,
                             Finish finish) {
  clear_border<Y>(y);
  for (int i = 0; i < Y::height; ++i)
    for (int v = 0; v < vectors_of<Y>; ++v) {
      const vec center = load(mean + v * lanes);
      const vec factor = load(scale + v * lanes), offset = load(shift + v * lanes);
      for (int j = 0; j < Y::width; ++j) {
        const vec value = (load_channels<X>(x + X::at(i, j), v) - center) * factor + offset;
        store_channels<Y>(y + Y::at(i, j), v, finish(value, i, j, v));
      }
    }
}

template <class X, class Y>
INLINE void stretch_channels(const real* x, real* y, const real* mean, const real* scale, const real* shift) {
  stretch_channels<X, Y>(x, y, mean, scale, shift, [](vec value, int, int, int) { return value; });
}

// dx = dy · scale for one image: the way back where mean, scale and shift do not depend on x.
template <class X>
INLINE void stretch_gradient(const real* dy, real* dx, const real* scale) {
  using DX = Bordered<X, 0>;
  for (int i = 0; i < DX::height; ++i)
    for (int v = 0; v < DX::vectors; ++v) {
      const vec factor = load(scale + v * lanes);
      for (int j = 0; j < DX::width; ++j) {
        const Count at = DX::at(i, j) + v * lanes;
        store(dx + at, load(dy + at) * factor);
      }
    }
}

// dx = dy · scale + (x − mean) · slope + offset for one image: the way back where they do.
template <class X, class Taken>
INLINE void statistics_gradient(const real* x, const real* dy, real* dx, const real* mean, const real* scale,
                                const real* slope, const real* offset, Taken taken) {
  using DX = Bordered<X, 0>;
  for (int i = 0; i < DX::height; ++i)
    for (int v = 0; v < DX::vectors; ++v) {
      const vec center = load(mean + v * lanes), factor = load(scale + v * lanes);
      const vec incline = load(slope + v * lanes), constant = load(offset + v * lanes);
      for (int j = 0; j < DX::width; ++j) {
        const Count at = DX::at(i, j) + v * lanes;
        const vec deviation = load(x + X::at(i, j) + v * lanes) - center;
        const vec gradient = taken(load(dy + at), deviation, i, j, v);
        store(dx + at, gradient * factor + (deviation * incline + constant));
      }
    }
}

}  // namespace deepen
