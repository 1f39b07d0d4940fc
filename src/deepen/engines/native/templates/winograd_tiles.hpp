// Winograd's tiles: 4 × 4 outputs of a 3 × 3 window, and the transforms of what they read and give.
#pragma once
#include "pass.hpp"
#include "pixels.hpp"
#include "window.hpp"

// A 3 × 3 window reads 6 × 6 pixels d to give 4 × 4 outputs: 144 products, channel by channel. Winograd's minimal
// filtering F(4 × 4, 3 × 3) needs 36. It knows polynomials by their values at six points: 0, ±r, ±2r and ∞:
//
//   y = Aᵀ [ (G k Gᵀ) ⊙ (Bᵀ d B) ] A
//
//       ⎡ 1   0  −5/2   0   1  0 ⎤       ⎡   1     0     0  ⎤        ⎡ 1   1    1   1    1  0 ⎤
//       ⎢ 0 −2r   −2    r   1  0 ⎥       ⎢ −2/3 −2r/3  −1/3 ⎥        ⎢ 0   r   −r  2r  −2r  0 ⎥
//  Bᵀ = ⎢ 0  2r   −2   −r   1  0 ⎥   G = ⎢ −2/3  2r/3  −1/3 ⎥   Aᵀ = ⎢ 0  1/2  1/2  2    2  0 ⎥
//       ⎢ 0  −r  −1/2  2r   1  0 ⎥       ⎢  1/6   r/3   1/3 ⎥        ⎣ 0  r/2 −r/2 4r  −4r  1 ⎦
//       ⎢ 0   r  −1/2 −2r   1  0 ⎥       ⎢  1/6  −r/3   1/3 ⎥
//       ⎣ 0   1    0  −5/2  0  1 ⎦       ⎣   0     0     1  ⎦
//
// with r = 1/√2. Textbooks take the points 0, ±1 and ±2, whose powers differ more in size: rounding errors are
// then four times as large.
//
// With many channels the products are a product of matrices at each of the 36 points, of tiles × channels with
// channels × filters, and the transforms cost little beside it (Lavin and Gray, "Fast algorithms for convolutional
// neural networks", 2016). The vectors below hold channels: a transform works on as many as a vector has lanes.
namespace deepen::winograd {

constexpr int points = 36;
constexpr real r = real(0.707106781186547524400844362104849039L), half = real(0.5);

// The tiles of one image's outputs, row by row; those at the lower and right edges may be cut.
template <class Y>
struct Tiles {
  static constexpr int rows = (Y::height + 3) / 4, columns = (Y::width + 3) / 4, per_image = rows * columns;
  static constexpr int last_height = Y::height - 4 * (rows - 1), last_width = Y::width - 4 * (columns - 1);
};

// Whether these are windows of 3 × 3 pixels, one beside the other, within x and its border.
template <class X, class Y, class W>
constexpr bool fits = W::dense && W::height == 3 && W::width == 3 && Y::padded && reaches_within<X, Y, W>;

// How many outputs of a tile lie within the maps.
template <int H, int W>
struct Cut {
  static constexpr int height = H, width = W;
};

// Call `function(place, image, y, x, cut)` for the tiles from `first` up to `last` of several images; y and x are
// where a tile begins, and its place is counted from `first`.
template <class Y, class Function>
INLINE void for_tiles(Count first, Count last, Function function) {
  using T = Tiles<Y>;
  for (Count tile = first; tile < last; ++tile) {
    const int place = int(tile - first), number = int(tile % T::per_image);
    const Count image = tile / T::per_image;
    const int row = number / T::columns, column = number % T::columns;
    const bool low = row == T::rows - 1, right = column == T::columns - 1;
    if (low && right) function(place, image, 4 * row, 4 * column, Cut<T::last_height, T::last_width>{});
    else if (low) function(place, image, 4 * row, 4 * column, Cut<T::last_height, 4>{});
    else if (right) function(place, image, 4 * row, 4 * column, Cut<4, T::last_width>{});
    else function(place, image, 4 * row, 4 * column, Cut<4, 4>{});
  }
}

// Transformed tiles, `values[point][tile][number]`. A vector that nobody uses lies between two points: at a power
// of two they would all compete for the same places in the cache.
template <int Places, int Numbers>
struct Spectrum {
  static constexpr int tile = Numbers;
  static constexpr Count point = Count(Places) * Numbers + lanes, size = points * point;
};

// Two rows of Bᵀ d: the points 0 and ∞, r and −r, or 2r and −2r.
enum class Points { ends, r, r2 };

template <Points P>
INLINE void input_pair(const vec (&d)[6], vec& first, vec& second) {
  if constexpr (P == Points::ends) {
    first = d[0] + d[4] - real(2.5) * d[2];
    second = d[1] + d[5] - real(2.5) * d[3];
  } else {
    constexpr real point = P == Points::r ? r : 2 * r, other = P == Points::r ? 2 : half;
    const vec even = d[4] - other * d[2], odd = d[3] - other * d[1];
    first = even + point * odd;
    second = even - point * odd;
  }
}

// Two rows of Bᵀ d B, of one vector of channels; d counts as zero below and right of what the outputs read. Two at
// a time, as more would not fit into the registers.
template <class X, class S, class C, Points P>
INLINE void transform_input_rows(const real* x, int v, real* to_first, real* to_second) {
  vec first[6], second[6];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    vec d[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      const bool read = i < C::height + 2 && j < C::width + 2;
      d[i] = read ? load_channels<X>(x + Count(i) * X::row + j * X::pixel, v) : vec{};
    }
    input_pair<P>(d, first[j], second[j]);
  }
  const auto row = [](const vec(&values)[6], real* to) {
    vec z[6];
    input_pair<Points::ends>(values, z[0], z[5]);
    input_pair<Points::r>(values, z[1], z[2]);
    input_pair<Points::r2>(values, z[3], z[4]);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) store(to + j * S::point, z[j]);
  };
  row(first, to_first);
  row(second, to_second);
}

// Bᵀ d B of all channels of the tile whose first pixel is at x.
template <class X, class S, class C>
NOINLINE void transform_input(const real* x, real* to) {
  constexpr Count row = 6 * S::point;
  for (int v = 0; v < vectors_of<X>; ++v, to += lanes) {
    transform_input_rows<X, S, C, Points::ends>(x, v, to, to + 5 * row);
    transform_input_rows<X, S, C, Points::r>(x, v, to + row, to + 2 * row);
    transform_input_rows<X, S, C, Points::r2>(x, v, to + 3 * row, to + 4 * row);
  }
}

// Aᵀ m.
INLINE void output_transform(const vec (&m)[6], vec (&y)[4]) {
  const vec even = m[1] + m[2], odd = m[1] - m[2], even2 = m[3] + m[4], odd2 = m[3] - m[4];
  y[0] = m[0] + even + even2;
  y[1] = r * odd + 2 * r * odd2;
  y[2] = half * even + real(2) * even2;
  y[3] = half * r * odd + (4 * r * odd2 + m[5]);
}

// A d.
INLINE void gradient_transform(const vec (&d)[4], vec (&z)[6]) {
  const vec even = d[0] + half * d[2], odd = d[1] + half * d[3];
  const vec even2 = d[0] + real(2) * d[2], odd2 = d[1] + real(2) * d[3];
  z[0] = d[0];
  z[1] = even + r * odd;
  z[2] = even - r * odd;
  z[3] = even2 + 2 * r * odd2;
  z[4] = even2 - 2 * r * odd2;
  z[5] = d[3];
}

constexpr real third = real(1) / real(3), sixth = real(1) / real(6);

// G k.
INLINE void kernel_transform(const vec (&k)[3], vec (&u)[6]) {
  const vec even = 2 * third * k[0] + third * k[2], odd = 2 * r * third * k[1];
  const vec even2 = sixth * k[0] + third * k[2], odd2 = r * third * k[1];
  u[0] = k[0];
  u[1] = -even - odd;
  u[2] = odd - even;
  u[3] = even2 + odd2;
  u[4] = even2 - odd2;
  u[5] = k[2];
}

// Gᵀ s.
INLINE void kernel_gradient_transform(const vec (&s)[6], vec (&k)[3]) {
  const vec even = s[1] + s[2], odd = s[1] - s[2], even2 = s[3] + s[4], odd2 = s[3] - s[4];
  k[0] = s[0] - 2 * third * even + sixth * even2;
  k[1] = r * third * (odd2 - real(2) * odd);
  k[2] = s[5] + third * (even2 - even);
}

}  // namespace deepen::winograd
