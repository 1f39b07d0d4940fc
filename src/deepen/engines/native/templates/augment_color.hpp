// Other light and other colours: y = f x + (1 − f) d, where d is the image without what is varied.
#pragma once
#include "augment.hpp"

namespace deepen {

// f: from 1 − strength up to 1 + strength.
INLINE real factor_of(float u, double strength) { return 1 + symmetric<real>(u, real(strength)); }

// d is black.
template <int C, int H, int W>
NOINLINE void brightness(Canvas<C, H, W>& canvas, std::array<float, 1> u, double strength) {
  const vec f = all(factor_of(u[0], strength));
  for (int v = 0; v < Canvas<C, H, W>::vectors; ++v)
    store(canvas.image + v * lanes, f * load(canvas.image + v * lanes));
}

// d is even grey: the mean over pixels and channels.
template <int C, int H, int W>
NOINLINE void contrast(Canvas<C, H, W>& canvas, std::array<float, 1> u, double strength) {
  constexpr int size = C * H * W, vectors = size / lanes;
  vec totals{};
  for (int v = 0; v < vectors; ++v) totals += load(canvas.image + v * lanes);
  real total = sum(totals);
  for (int k = vectors * lanes; k < size; ++k) total += canvas.image[k];
  const real factor = factor_of(u[0], strength);
  const vec f = all(factor), rest = all((1 - factor) * (total / size));
  for (int v = 0; v < Canvas<C, H, W>::vectors; ++v)
    store(canvas.image + v * lanes, f * load(canvas.image + v * lanes) + rest);
}

// d is the grey image 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, section 2.5.1).
template <int C, int H, int W>
NOINLINE void color(Canvas<C, H, W>& canvas, std::array<float, 1> u, double strength) {
  static_assert(C == 3, "colours are red, green and blue");
  const real f = factor_of(u[0], strength), rest = 1 - f;
  real *red = canvas.image, *green = red + H * W, *blue = green + H * W;
  const auto vary = [&](auto& r, auto& g, auto& b) {
    const auto grey = rest * (real(0.299) * r + real(0.587) * g + real(0.114) * b);
    r = f * r + grey;
    g = f * g + grey;
    b = f * b + grey;
  };
  int k = 0;
  for (; k + lanes <= H * W; k += lanes) {
    vec r = load_anywhere(red + k), g = load_anywhere(green + k), b = load_anywhere(blue + k);
    vary(r, g, b);
    store_anywhere(red + k, r);
    store_anywhere(green + k, g);
    store_anywhere(blue + k, b);
  }
  for (; k < H * W; ++k) vary(red[k], green[k], blue[k]);
}

}  // namespace deepen
