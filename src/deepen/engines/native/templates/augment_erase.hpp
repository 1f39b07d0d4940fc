// Images of which a part is hidden.
#pragma once
#include "augment.hpp"

namespace deepen {

// Set a square of `size` pixels a side to zero, its centre anywhere in the image.
template <int C, int H, int W>
NOINLINE void cutout(Canvas<C, H, W>& canvas, std::array<float, 2> u, int size) {
  const int top = place_of(u[0], H) - size / 2, left = place_of(u[1], W) - size / 2;
  const Box box = Box{top, top + size, left, left + size}.within(H, W);
  for (int c = 0; c < C; ++c)
    for (int i = box.top; i < box.bottom; ++i)
      std::memset(canvas.image + (c * H + i) * W + box.left, 0, (box.right - box.left) * sizeof(real));
}

// Of rectangles: the least and the largest share of the image, and the least ratio of height to width.
struct ErasingRange {
  double least, most, ratio;
};

// Turn two numbers into the area of a rectangle and, with uniform logarithm, its ratio: from those ratios at which
// it fits into the image.
INLINE void sides_of(double u, double v, ErasingRange range, int h, int w, int& height, int& width) {
  const double area = range.least + (range.most - range.least) * u;
  const double least_fit = area * h / w, most_fit = h / (w * area);
  const double lowest = std::fmin(std::fmax(least_fit, range.ratio), most_fit);
  const double highest = std::fmax(std::fmin(most_fit, 1 / range.ratio), least_fit);
  const double ratio = lowest * std::pow(highest / lowest, v);
  const auto whole_pixels = [](double side, int most) {
    return int(std::fmin(std::fmax(std::nearbyint(side), 1), most));
  };
  height = whole_pixels(std::sqrt(area * h * w * ratio), h);
  width = whole_pixels(std::sqrt(area * h * w / ratio), w);
}

// Fill a rectangle in a share of the images with noise; only what of it is seen is drawn.
template <int C, int H, int W>
NOINLINE void erasing(Canvas<C, H, W>& canvas, const Moment& moment, Count place, std::uint64_t key,
                      std::uint64_t noise_key, double share, ErasingRange range) {
  const std::array<float, 5> u = uniform<5>(moment, place, key);
  if (!(u[4] < float(share))) return;
  int height, width;
  sides_of(u[0], u[1], range, H, W, height, width);
  const int top = place_of(u[2], H - height + 1), left = place_of(u[3], W - width + 1);
  for (int c = 0; c < C; ++c)
    for (int i = top; i < top + height; ++i) {
      const Count first = (Count(c) * H + i) * W + left;
      real* y = canvas.image + first;
      each_number(moment, place, noise_key, Count(C) * H * W, first, first + width,
                  [&](std::uint32_t number) { *y++ = fraction(number); });
    }
}

}  // namespace deepen
