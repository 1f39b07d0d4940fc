// Images mixed in pairs, and their targets with them.
#pragma once
#include "augment.hpp"

namespace deepen {

// Two images (C, H, W) of a batch of N, and the rows of probabilities that they are to be taken for: one at i, and
// the other, which stands as far from the end as that from the beginning, at N − 1 − i.
struct Pair {
  const real *image, *other;
  const real *targets, *other_targets;
  Count classes;
  real* mixed_targets;  // written
};

// The pair of the image at that place, out of a batch's images, `Image::size` numbers each, and rows (N, K).
template <class Image>
Pair pair_at(Count place, Count batch, const real* images, const real* targets, Count classes,
             real* mixed_targets) {
  const Count other = batch - 1 - place;
  return {images + place * Image::size, images + other * Image::size, targets + place * classes,
          targets + other * classes,    classes,                      mixed_targets + place * classes};
}

// t = λ t + (1 − λ) t'
INLINE void mix_targets(const Pair& pair, double share) {
  const real kept = real(share);
  for (Count k = 0; k < pair.classes; ++k)
    pair.mixed_targets[k] = kept * pair.targets[k] + (1 - kept) * pair.other_targets[k];
}

// A number from Beta(alpha, alpha): ½ + ½ c √((1 − p) / (p + (1 − p) c²)) with p = u^(1/alpha), c = cos 2π v
// (Devroye, "Random variate generation in one line of code", WSC 1996).
INLINE double symmetric_beta(double u, double v, double alpha) {
  const double p = std::pow(u, 1 / alpha), c = std::cos(2 * 3.141592653589793 * v);
  const double value = 0.5 + 0.5 * c * std::sqrt((1 - p) / (p + (1 - p) * c * c));
  return value < 0 ? 0 : value > 1 ? 1 : value;  // rounding may lead a hair beyond
}

// y = λ x + (1 − λ) x', λ from Beta(alpha, alpha).
template <int C, int H, int W>
NOINLINE void mixup(Canvas<C, H, W>& canvas, const Pair& pair, std::array<float, 2> u, double alpha) {
  const double share = symmetric_beta(u[0], u[1], alpha);
  const vec here = all(real(share)), there = all(1 - real(share));
  for (int v = 0; v < Canvas<C, H, W>::vectors; ++v)
    store(canvas.image + v * lanes, here * load(pair.image + v * lanes) + there * load(pair.other + v * lanes));
  mix_targets(pair, share);
}

// Put a rectangle of the other image into the one: it has the image's proportions and the share 1 − λ of its area,
// and what is outside is cut off. Targets are mixed by the area that is left.
template <int C, int H, int W>
NOINLINE void cutmix(Canvas<C, H, W>& canvas, const Pair& pair, std::array<float, 4> u, double alpha) {
  const double side = std::sqrt(1 - symmetric_beta(u[0], u[1], alpha));
  const int half_height = int(side * H / 2), half_width = int(side * W / 2);
  const int row = place_of(u[2], H), column = place_of(u[3], W);
  const Box whole_box{row - half_height, row + half_height, column - half_width, column + half_width};
  const Box box = whole_box.within(H, W);
  const int height = box.bottom - box.top, width = box.right - box.left;
  std::memcpy(canvas.image, pair.image, Canvas<C, H, W>::size * sizeof(real));
  for (int c = 0; c < C; ++c)
    for (int i = box.top; i < box.bottom; ++i) {
      const Count first = (Count(c) * H + i) * W + box.left;
      std::memcpy(canvas.image + first, pair.other + first, width * sizeof(real));
    }
  mix_targets(pair, 1 - double(height * width) / (H * W));
}

}  // namespace deepen
