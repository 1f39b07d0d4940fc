// Sums over the pixels of a map, channel by channel: means and deviations, and the gradients of scale and shift.
//
// They are taken in bands of some hundred pixels, which lie in the first cache while they are read twice, and
// added up in double: over many values float would lose digits.
#pragma once
#include "pixels.hpp"

namespace deepen {

// How many numbers a pixel's channels take in whole vectors.
template <class M>
constexpr int padded_channels = vectors_of<M> * lanes;

template <class M>
constexpr int band_height = M::width >= 128 ? 1 : (128 / M::width < M::height ? 128 / M::width : M::height);

// Σ term(value of vector v) over some rows; four sums, as a single one would wait for each addition to end.
template <class M, class Term>
INLINE vec sum_over(const real* rows, int height, int v, Term term) {
  const auto value = [&](const real* pixel) { return term(load_channels<M>(pixel, v)); };
  vec a{}, b{}, c{}, d{};
  for (int i = 0; i < height; ++i, rows += M::row) {
    const real* pixel = rows;
    int j = 0;
    for (; j + 4 <= M::width; j += 4, pixel += 4 * M::pixel) {
      a += value(pixel);
      b += value(pixel + M::pixel);
      c += value(pixel + 2 * M::pixel);
      d += value(pixel + 3 * M::pixel);
    }
    for (; j < M::width; ++j, pixel += M::pixel) a += value(pixel);
  }
  return (a + b) + (c + d);
}

// Of each channel's values: how many they are, their mean, and the sum of squared deviations from it.
template <class M>
struct Moments {
  double mean[padded_channels<M>], squares[padded_channels<M>], count;

  // Add other values, by the rule of Chan, Golub and LeVeque: with δ the difference of the means and n of N values
  // new, the mean moves by δ n/N, and the squares grow by the new ones and δ² n (N − n)/N.
  template <class Number>
  INLINE void add(int channel, Number new_mean, Number new_squares, double share) {
    const double delta = double(new_mean) - mean[channel];
    mean[channel] += delta * share;
    squares[channel] += double(new_squares) + delta * delta * share * count;
  }

  NOINLINE void add_image(const real* x) {
    constexpr int band = band_height<M>;
    for (int top = 0; top < M::height; top += band) {
      const int height = band < M::height - top ? band : M::height - top;
      const real* rows = x + M::at(top, 0);
      const int number = height * M::width;
      const double share = number / (count + number);
      for (int v = 0; v < vectors_of<M>; ++v) {
        const vec band_mean = sum_over<M>(rows, height, v, [](vec value) { return value; }) * (1 / real(number));
        const vec deviations = sum_over<M>(rows, height, v, [&](vec value) {
          const vec deviation = value - band_mean;
          return deviation * deviation;
        });
        for (int lane = 0; lane < lanes; ++lane) add(v * lanes + lane, band_mean[lane], deviations[lane], share);
      }
      count += number;
    }
  }

  void add(const Moments& other) {
    if (other.count == 0) return;
    const double share = other.count / (count + other.count);
    for (int c = 0; c < padded_channels<M>; ++c) add(c, other.mean[c], other.squares[c], share);
    count += other.count;
  }
};

// Of each channel: Σ dy and Σ dy (x − mean).
template <class M>
struct GradientSums {
  double shift[padded_channels<M>], stretch[padded_channels<M>];

  // Add an image's; taken(dy, x − mean, i, j, v) is dy as it comes through a ReLU, or dy itself.
  template <class Taken>
  INLINE void add_image(const real* x, const real* dy, const real* mean, Taken taken) {
    constexpr int pixel = padded_channels<M>;  // of dy
    constexpr int band = band_height<M>;
    for (int top = 0; top < M::height; top += band) {
      const int bottom = top + band < M::height ? top + band : M::height;
      for (int v = 0; v < vectors_of<M>; ++v) {
        const vec center = load(mean + v * lanes);
        vec sums{}, products{}, more_sums{}, more_products{};
        const auto take = [&](int i, int j, vec& sum, vec& product) {
          const vec deviation = load_channels<M>(x + M::at(i, j), v) - center;
          const vec gradient = taken(load(dy + (Count(i) * M::width + j) * pixel + v * lanes), deviation, i, j, v);
          sum += gradient;
          product += gradient * deviation;
        };
        for (int i = top; i < bottom; ++i) {
          int j = 0;
          for (; j + 2 <= M::width; j += 2) {
            take(i, j, sums, products);
            take(i, j + 1, more_sums, more_products);
          }
          if (j < M::width) take(i, j, sums, products);
        }
        sums += more_sums;
        products += more_products;
        for (int lane = 0; lane < lanes; ++lane) {
          shift[v * lanes + lane] += double(sums[lane]);
          stretch[v * lanes + lane] += double(products[lane]);
        }
      }
    }
  }

  void add(const GradientSums& other) {
    for (int c = 0; c < padded_channels<M>; ++c) {
      shift[c] += other.shift[c];
      stretch[c] += other.stretch[c];
    }
  }
};

}  // namespace deepen
