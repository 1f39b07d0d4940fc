// Moves by whole pixels, and mirrored images.
#pragma once
#include <utility>

#include "augment.hpp"

namespace deepen {

// How far an image is moved: up to `pixels` to either side. The product is one of float32, as in Shift.
INLINE int move_of(float u, int pixels) { return int(u * float(2 * pixels + 1)) - pixels; }

// y[i, j] = x[i + down, j + right]; zeros come in.
template <int C, int H, int W>
NOINLINE void shift(Canvas<C, H, W>& canvas, std::array<float, 2> u, int pixels) {
  const int down = move_of(u[0], pixels), right = move_of(u[1], pixels);
  const int left_zeros = at_most(not_below(-right, 0), W), right_zeros = at_most(not_below(right, 0), W);
  const int copied = not_below(W - left_zeros - right_zeros, 0);
  real* y = canvas.spare;
  for (int c = 0; c < C; ++c)
    for (int i = 0; i < H; ++i, y += W) {
      const int from = i + down;
      if (from < 0 || from >= H || copied == 0) {
        std::memset(y, 0, W * sizeof(real));
        continue;
      }
      std::memset(y, 0, left_zeros * sizeof(real));
      std::memcpy(y + left_zeros, canvas.image + (c * H + from) * W + left_zeros + right, copied * sizeof(real));
      std::memset(y + left_zeros + copied, 0, right_zeros * sizeof(real));
    }
  canvas.swap();
}

// Where a row or column beyond the border comes from: the image is mirrored at its first and last one.
INLINE constexpr int mirrored(int place, int length) {
  if (place < 0) return -place;
  return place < length ? place : 2 * (length - 1) - place;
}

// The same, and what comes in is the image mirrored at its border; `pixels` is below H and W.
template <int C, int H, int W>
NOINLINE void crop(Canvas<C, H, W>& canvas, std::array<float, 2> u, int pixels) {
  const int down = move_of(u[0], pixels), right = move_of(u[1], pixels);
  const int first = not_below(-right, 0), last = at_most(W - right, W);  // columns that were inside
  real* y = canvas.spare;
  for (int c = 0; c < C; ++c)
    for (int i = 0; i < H; ++i, y += W) {
      const real* x = canvas.image + (c * H + mirrored(i + down, H)) * W;
      for (int j = 0; j < first; ++j) y[j] = x[mirrored(j + right, W)];
      std::memcpy(y + first, x + first + right, (last - first) * sizeof(real));
      for (int j = last; j < W; ++j) y[j] = x[mirrored(j + right, W)];
    }
  canvas.swap();
}

template <std::size_t... Lane>
INLINE vec reversed(vec v, std::index_sequence<Lane...>) {
  return vec{v[lanes - 1 - Lane]...};
}

// y[i, j] = x[i, W − 1 − j]
template <int C, int H, int W>
NOINLINE void mirror(Canvas<C, H, W>& canvas) {
  for (int row = 0; row < C * H; ++row) {
    const real* x = canvas.image + row * W;
    real* y = canvas.spare + row * W;
    if constexpr (W >= lanes) {
      // The last vector overlaps the one before it where the width is not a multiple of theirs.
      for (int j = 0; j < W; j += lanes) {
        const int at = at_most(j, W - lanes);
        store_anywhere(y + at, reversed(load_anywhere(x + W - lanes - at), std::make_index_sequence<lanes>()));
      }
    } else {
      for (int j = 0; j < W; ++j) y[j] = x[W - 1 - j];
    }
  }
  canvas.swap();
}

// Mirror a share of the images.
template <int C, int H, int W>
INLINE void flip(Canvas<C, H, W>& canvas, std::array<float, 1> u, double share) {
  if (u[0] < float(share)) mirror(canvas);
}

// Mirror in even epochs the images whose own number says so, and in odd ones the others.
template <int C, int H, int W>
INLINE void alternating_flip(Canvas<C, H, W>& canvas, std::array<float, 1> u, std::uint64_t epoch) {
  if ((u[0] < 0.5f) == (epoch % 2 == 0)) mirror(canvas);
}

}  // namespace deepen
