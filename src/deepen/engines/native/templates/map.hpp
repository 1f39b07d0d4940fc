// Where the numbers of one image lie: channels last, rounded up to whole vectors, with a border of zeros.
#pragma once
#include "vectors.hpp"

namespace deepen {

template <class Whole>
constexpr Whole round_up(Whole count, int step) {
  return (count + step - 1) / step * step;
}

// How many numbers so many take in whole vectors, and how many have room for so many bytes.
constexpr Count in_vectors(Count numbers) { return round_up(numbers, lanes); }
constexpr Count room_for(Count bytes) { return (bytes + Count(sizeof(real)) - 1) / Count(sizeof(real)); }

// Maps of C channels, H rows and W columns, with `Border` rows and columns of zeros on each side. A pixel's
// channels lie together; `Pixel` numbers further begins the next pixel. Features `(F,)` are Map<F, 1, 1>.
//
// Two things hold of every map that a kernel is given, and whoever writes one keeps them true:
// the border is zero, and so are the holes, the lanes of a pixel's last vector beyond its C channels.
template <int C, int H, int W, int Border = 0, int Pixel = round_up(C, lanes)>
struct Map {
  static constexpr int channels = C, height = H, width = W, border = Border;
  static constexpr int pixel = Pixel;                         // numbers from one pixel to the next
  static constexpr int vectors = Pixel / lanes;               // of a pixel; 0 where pixels are not padded
  static constexpr int row = (W + 2 * Border) * Pixel;        // numbers from one row to the next
  static constexpr Count size = Count(H + 2 * Border) * row;  // numbers from one image to the next
  static constexpr bool padded = Pixel % lanes == 0;
  static_assert(Pixel >= C);

  // Where a pixel begins; rows and columns of the border have numbers below 0, or from H and W on.
  static constexpr Count at(int y, int x) { return Count(y + Border) * row + Count(x + Border) * Pixel; }
};

// The same maps with another border.
template <class M, int Border>
using Bordered = Map<M::channels, M::height, M::width, Border, M::pixel>;

// Set the holes of a pixel's vector to zero; v is the vector's number in the pixel.
template <class M>
INLINE vec without_holes(vec value, int v) {
  if constexpr (M::channels % lanes == 0) return value;
  mask lane{};
  for (int i = 0; i < lanes; ++i) lane[i] = i;
  return choose(lane < whole(M::channels - v * lanes), value, vec{});
}

// Bring a number for each channel, such as the biases, into a pixel's order, holes included.
template <class M>
INLINE void pack_features(const real* numbers, real* pixel) {
  for (int c = 0; c < M::pixel; ++c) pixel[c] = c < M::channels ? numbers[c] : real(0);
}

// Set the border of one image to zero.
template <class M>
INLINE void clear_border(real* y) {
  if constexpr (M::border > 0) {
    constexpr Count rows = Count(M::border) * M::row, side = Count(M::border) * M::pixel;
    std::memset(y, 0, rows * sizeof(real));
    for (int i = 0; i < M::height; ++i) {
      real* row = y + M::at(i, -M::border);
      std::memset(row, 0, side * sizeof(real));
      std::memset(row + M::row - side, 0, side * sizeof(real));
    }
    std::memset(y + M::size - rows, 0, rows * sizeof(real));
  }
}

// Set a whole image to zero.
template <class M>
INLINE void clear(real* y) {
  std::memset(y, 0, M::size * sizeof(real));
}

// Bring one image from a map to (C, H, W).
template <class M>
NOINLINE void bring_out(const real* x, real* image) {
  for (int c = 0; c < M::channels; ++c)
    for (int i = 0; i < M::height; ++i)
      for (int j = 0; j < M::width; ++j) image[(c * M::height + i) * M::width + j] = x[M::at(i, j) + c];
}

}  // namespace deepen
