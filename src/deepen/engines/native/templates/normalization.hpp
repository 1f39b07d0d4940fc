// Normalizations that need nothing of the rest of the batch: by fixed numbers, or by groups of channels.
#pragma once
#include "affine.hpp"
#include "moments.hpp"
#include "pass.hpp"

namespace deepen {

// y = (x − mean) / deviation; `Constants` has both for each channel.
template <class X, class Y, class Constants>
struct Normalize : Kernel {
  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real*, std::byte*) {
    for (int image = 0; image < pass.count; ++image)
      stretch_channels<X, Y>(x + image * X::size, y + image * Y::size, statistics.mean, statistics.scale,
                             statistics.shift);
  }

  static NOINLINE void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx,
                                const real*, const std::byte*, real*) {
    using DX = Bordered<X, 0>;
    if constexpr (X::padded) {
      if (dx == nullptr) return;
      for (int image = 0; image < pass.count; ++image)
        stretch_gradient<X>(dy + image * DX::size, dx + image * DX::size, statistics.scale);
    }
  }

 private:
  struct Statistics {
    alignas(64) real mean[padded_channels<X>] = {}, scale[padded_channels<X>] = {}, shift[padded_channels<X>] = {};
    constexpr Statistics() {
      for (int c = 0; c < X::channels; ++c) {
        mean[c] = Constants::mean[c];
        scale[c] = 1 / Constants::deviation[c];
      }
    }
  };
  static constexpr Statistics statistics{};
};

// Batch normalization by the running statistics: y = γ · x̂ + β with x̂ = (x − mean) / √(variance + ε);
// dx = γ / √(variance + ε) · dy, dγ = Σ dy · x̂, dβ = Σ dy.
template <class X, class Y, class Constants>
struct FixedBatchNormalization : Kernel {
  static constexpr int padded = padded_channels<X>;
  // The packed numbers: mean, scale γ / √…, shift β, and 1 / √….
  static constexpr Count weights = 4 * padded, sums = 2 * padded;

  static void pack(const real* const* parameters, real* weights) {
    std::memset(weights, 0, 4 * padded * sizeof(real));
    const real *gamma = parameters[0], *beta = parameters[1], *mean = parameters[2], *variance = parameters[3];
    for (int c = 0; c < X::channels; ++c) {
      const real inverse = 1 / std::sqrt(variance[c] + Constants::epsilon);
      weights[c] = mean[c];
      weights[padded + c] = gamma[c] * inverse;
      weights[2 * padded + c] = beta[c];
      weights[3 * padded + c] = inverse;
    }
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights, std::byte*) {
    for (int image = 0; image < pass.count; ++image)
      stretch_channels<X, Y>(x + image * X::size, y + image * Y::size, weights, weights + padded,
                             weights + 2 * padded);
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx,
                                const real* weights, const std::byte*, real* sums) {
    GradientSums<X> own{};
    for (int image = 0; image < pass.count; ++image, x += X::size, dy += Bordered<Y, 0>::size) {
      own.add_image(x, dy, weights, [](vec gradient, vec, int, int, int) { return gradient; });
      if constexpr (X::padded)
        if (dx != nullptr) stretch_gradient<X>(dy, dx + image * Bordered<X, 0>::size, weights + padded);
    }
    const real* inverse = weights + 3 * padded;
    for (int c = 0; c < X::channels; ++c) {
      sums[c] += real(own.stretch[c] * double(inverse[c]));
      sums[padded + c] += real(own.shift[c]);
    }
  }

  static void unpack(const real* sums, real* const* gradients) {
    std::memcpy(gradients[0], sums, X::channels * sizeof(real));
    std::memcpy(gradients[1], sums + padded, X::channels * sizeof(real));
  }
};

// Normalize groups of neighbouring channels of each image: y = γ · x̂ + β with x̂ = (x − μ) / √(σ² + ε), μ and σ²
// over the values of a group. dγ = Σ dy · x̂, dβ = Σ dy, and with means over the values of a group
// dx = (γ dy − mean(γ dy) − x̂ · mean(γ dy · x̂)) / √(σ² + ε).
template <class X, class Y, int Groups, class Constants>
struct GroupNormalization : Kernel {
  static constexpr int padded = padded_channels<X>, group = X::channels / Groups;
  static constexpr double values = double(group) * X::height * X::width;
  static constexpr Count weights = 2 * padded, sums = 2 * padded;  // γ and β, and their gradients
  // For each channel the mean and the inverse deviation of its group.
  static constexpr Count kept = round_up(2 * padded * Count(sizeof(real)), 64);

  static void pack(const real* const* parameters, real* weights) {
    std::memset(weights, 0, 2 * padded * sizeof(real));
    std::memcpy(weights, parameters[0], X::channels * sizeof(real));
    std::memcpy(weights + padded, parameters[1], X::channels * sizeof(real));
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* weights,
                               std::byte* kept_bytes) {
    alignas(64) real scale[padded] = {};
    for (int image = 0; image < pass.count; ++image, x += X::size, y += Y::size, kept_bytes += kept) {
      real *mean = reinterpret_cast<real*>(kept_bytes), *inverse = mean + padded;
      group_statistics(x, mean, inverse);
      for (int c = 0; c < X::channels; ++c) scale[c] = weights[c] * inverse[c];
      stretch_channels<X, Y>(x, y, mean, scale, weights + padded);
    }
  }

  static NOINLINE void backward(const Pass& pass, const real* x, const real*, const real* dy, real* dx,
                                const real* weights, const std::byte* kept_bytes, real* sums) {
    using DY = Bordered<Y, 0>;
    for (int image = 0; image < pass.count; ++image, x += X::size, dy += DY::size, kept_bytes += kept) {
      const real *mean = reinterpret_cast<const real*>(kept_bytes), *inverse = mean + padded;
      const auto all_of_it = [](vec gradient, vec, int, int, int) { return gradient; };
      GradientSums<X> own{};
      own.add_image(x, dy, mean, all_of_it);
      for (int c = 0; c < X::channels; ++c) {
        sums[c] += real(own.stretch[c] * double(inverse[c]));
        sums[padded + c] += real(own.shift[c]);
      }
      if constexpr (X::padded) {
        if (dx == nullptr) continue;
        alignas(64) real scale[padded] = {}, slope[padded] = {}, offset[padded] = {};
        for (int first = 0; first < X::channels; first += group) {
          const double factor = double(inverse[first]);
          double shift = 0, stretch = 0;
          for (int c = first; c < first + group; ++c) {
            shift += double(weights[c]) * own.shift[c];
            stretch += double(weights[c]) * own.stretch[c] * factor;
          }
          for (int c = first; c < first + group; ++c) {
            scale[c] = real(double(weights[c]) * factor);
            slope[c] = real(-stretch / values * factor * factor);
            offset[c] = real(-shift / values * factor);
          }
        }
        statistics_gradient<X>(x, dy, dx + image * Bordered<X, 0>::size, mean, scale, slope, offset, all_of_it);
      }
    }
  }

  static void unpack(const real* sums, real* const* gradients) {
    std::memcpy(gradients[0], sums, X::channels * sizeof(real));
    std::memcpy(gradients[1], sums + padded, X::channels * sizeof(real));
  }

 private:
  static INLINE void group_statistics(const real* x, real* mean, real* inverse) {
    Moments<X> channels{};
    channels.add_image(x);
    std::memset(mean, 0, 2 * padded * sizeof(real));
    for (int first = 0; first < X::channels; first += group) {
      double center = 0, squares = 0;
      for (int c = first; c < first + group; ++c) center += channels.mean[c] / group;
      for (int c = first; c < first + group; ++c) {
        const double delta = channels.mean[c] - center;
        squares += channels.squares[c] + delta * delta * channels.count;
      }
      for (int c = first; c < first + group; ++c) {
        mean[c] = real(center);
        inverse[c] = real(1 / std::sqrt(squares / values + double(Constants::epsilon)));
      }
    }
  }
};

}  // namespace deepen
