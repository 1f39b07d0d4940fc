// Images read at places between pixels: turned, scaled, sheared, moved, and bent like rubber.
#pragma once
#include "augment.hpp"

namespace deepen {

// Copy the image into a frame of zeros, which holds every neighbour of every place.
template <int C, int H, int W>
NOINLINE void frame(Canvas<C, H, W>& canvas) {
  const real* x = canvas.image;
  real* y = canvas.spare;
  for (int c = 0; c < C; ++c) {
    std::memset(y, 0, (W + 2) * sizeof(real));
    y += W + 2;
    for (int i = 0; i < H; ++i, x += W, y += W + 2) {
      y[0] = y[W + 1] = 0;
      std::memcpy(y + 1, x, W * sizeof(real));
    }
    std::memset(y, 0, (W + 2) * sizeof(real));
    y += W + 2;
  }
}

// The pixel before each place along one axis, and how far the place is beyond it. Places are counted in the frame,
// which begins at 0; from its rim on everything is zero, and further away makes no difference.
INLINE vec before_and_rest(vec place, int length, mask& before) {
  place = smaller(larger(place, vec{}), all(real(length + 1)));
  before = __builtin_convertvector(place, mask);
  const mask last = mask{} + length;
  before = before < last ? before : last;
  return place - __builtin_convertvector(before, vec);
}

// Write row i of the varied image: its pixels come from these rows and columns of the frame, bilinearly.
template <int C, int H, int W>
INLINE void sample_row(Canvas<C, H, W>& canvas, int i, const real* rows, const real* columns) {
  constexpr int padded = Canvas<C, H, W>::padded_width, stride = W + 2;
  alignas(64) whole corner[padded];
  alignas(64) real both[padded], only_down[padded], only_right[padded], neither[padded];
  for (int j = 0; j < padded; j += lanes) {
    mask top, left;
    const vec down = before_and_rest(load(rows + j), H, top), right = before_and_rest(load(columns + j), W, left);
    const mask corners = top * stride + left;
    std::memcpy(corner + j, &corners, sizeof corners);
    const vec product = down * right;
    store(both + j, product);
    store(only_down + j, down - product);
    store(only_right + j, right - product);
    store(neither + j, all(1) - down - (right - product));
  }
  real* y = canvas.image + i * W;
  for (int j = 0; j < W; ++j) {
    const real* x = canvas.spare + corner[j];
    const real w = neither[j], w_right = only_right[j], w_down = only_down[j], w_both = both[j];
    for (int c = 0; c < C; ++c, x += (H + 2) * stride)
      y[c * H * W + j] = w * x[0] + w_right * x[1] + w_down * x[stride] + w_both * x[stride + 1];
  }
}

// The largest numbers of an affine map: angle in radians, growth, shear, and moves in pixels.
struct AffineRange {
  double angle, growth, shear, shift;
};

// The pixel at column a and row b from the centre comes from (aa a + ab b + at, ba a + bb b + bt): the inverse of
// scaling by s, shearing by k, turning by an angle and moving.
template <int C, int H, int W>
NOINLINE void affine(Canvas<C, H, W>& canvas, std::array<float, 5> u, AffineRange most) {
  const double angle = symmetric<double>(u[0], most.angle), s = 1 + symmetric<double>(u[1], most.growth);
  const double k = symmetric<double>(u[2], most.shear);
  const double right = symmetric<double>(u[3], most.shift), down = symmetric<double>(u[4], most.shift);
  const double cos = std::cos(angle), sin = std::sin(angle);
  const double aa = (cos - k * sin) / s, ab = (-sin - k * cos) / s, ba = sin / s, bb = cos / s;
  const real at = real(-aa * right - ab * down), bt = real(-ba * right - bb * down);
  constexpr real middle = real(H - 1) / 2, centre = real(W - 1) / 2;
  frame(canvas);
  constexpr int padded = Canvas<C, H, W>::padded_width;
  alignas(64) real rows[padded], columns[padded], a[padded];
  for (int j = 0; j < padded; ++j) a[j] = real(j) - centre;
  for (int i = 0; i < H; ++i) {
    const real b = real(i) - middle;
    // One pixel more, because the frame begins one pixel before the image.
    const vec row = all(real(bb) * b + bt + (middle + 1)), column = all(real(ab) * b + at + (centre + 1));
    for (int j = 0; j < padded; j += lanes) {
      store(rows + j, all(real(ba)) * load(a + j) + row);
      store(columns + j, all(real(aa)) * load(a + j) + column);
    }
    sample_row(canvas, i, rows, columns);
  }
}

// d = G r G, where r is uniform from −alpha up to alpha for each pixel, once for rows and once for columns, and
// G[i, j] = Gaussian::weights[|i − j|]; y[i, j] = x[i + d₀[i, j], j + d₁[i, j]].
template <class Gaussian, int C, int H, int W>
NOINLINE void elastic(Canvas<C, H, W>& canvas, const Moment& moment, Count place, std::uint64_t key,
                      double alpha) {
  constexpr int padded = Canvas<C, H, W>::padded_width, vectors = padded / lanes, longer = H > W ? H : W;
  constexpr int group = 4;  // rows computed together, so that a vector that is read serves several
  real* const r = canvas.field;
  std::memset(r, 0, 2 * H * padded * sizeof(real));
  int column = 0;
  real* row = r;
  each_number(moment, place, key, Count(2) * H * W, 0, Count(2) * H * W, [&](std::uint32_t number) {
    row[column] = symmetric<float>(fraction(number), float(alpha));
    if (++column == W) column = 0, row += padded;
  });
  // Both sides of the Gaussian in one table: an overhang is zero, and belongs to rows and columns outside.
  constexpr int overhang = lanes + group, begin = longer + overhang;
  real table[2 * begin] = {};
  for (int d = 0; d < longer; ++d) table[begin + d] = table[begin - d] = Gaussian::weights[d];
  const real* const gaussian = table + begin;

  frame(canvas);
  alignas(64) real smooth[2][group][padded], places[2][group][padded];
  for (int i = 0; i < H; i += group) {
    for (int axis = 0; axis < 2; ++axis) {
      for (int v = 0; v < vectors; ++v) {
        vec total[group] = {};
        for (int k = 0; k < H; ++k) {
          const vec drawn = load(r + (axis * H + k) * padded + v * lanes);
          for (int g = 0; g < group; ++g) total[g] += drawn * gaussian[i + g - k];
        }
        for (int g = 0; g < group; ++g) store(smooth[axis][g] + v * lanes, total[g]);
      }
      for (int v = 0; v < vectors; ++v) {
        vec total[group];
        for (int g = 0; g < group; ++g)
          for (int lane = 0; lane < lanes; ++lane)
            total[g][lane] = real(1 + (axis == 0 ? i + g : v * lanes + lane));
        for (int k = 0; k < W; ++k) {
          const vec weights = load_anywhere(gaussian + v * lanes - k);
          for (int g = 0; g < group; ++g) total[g] += weights * smooth[axis][g][k];
        }
        for (int g = 0; g < group; ++g) store(places[axis][g] + v * lanes, total[g]);
      }
    }
    for (int g = 0; g < group && i + g < H; ++g) sample_row(canvas, i + g, places[0][g], places[1][g]);
  }
}

}  // namespace deepen
