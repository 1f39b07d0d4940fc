// Batch normalization in training: its statistics are those of the whole batch, so every thread waits for the
// others between the sums over the images and what is computed from them.
#pragma once
#include "affine.hpp"
#include "moments.hpp"
#include "pass.hpp"

namespace deepen {

// y = γ · x̂ + β with x̂ = (x − μ) · s, s = 1 / √(σ² + ε), μ and σ² over the m values of a channel in the batch;
// with `Relu` y = max(…, 0), and dy counts where y > 0 only.
// dγ = Σ dy · x̂, dβ = Σ dy, dx = γ s (dy − dβ/m − x̂ · dγ/m).
//
// In this order: every thread calls moments_of for its images; one calls finish; all call forward. On the way back
// every thread calls gather, one finish_back, all backward. Arrays of sums are zero when a batch begins.
template <class X, class Y, bool Relu, class Constants>
struct BatchNormalization {
  static constexpr int padded = padded_channels<X>;
  using BatchMoments = Moments<X>;
  using BackSums = GradientSums<X>;
  static constexpr Count moments = sizeof(BatchMoments) / sizeof(double);
  static constexpr Count back_sums = sizeof(BackSums) / sizeof(double);
  // Of each channel: μ, γ s, β and s; and on the way back what dx takes of x − μ, and the constant in it.
  struct Coefficients {
    real mean[padded], scale[padded], shift[padded], inverse[padded];
    real slope[padded], offset[padded];
  };
  static constexpr Count coefficients = sizeof(Coefficients) / sizeof(real);

  static void moments_of(const Pass& pass, const real* x, double* moments) {
    for (int image = 0; image < pass.count; ++image)
      reinterpret_cast<BatchMoments*>(moments)->add_image(x + image * X::size);
  }

  // From the moments of all threads to the coefficients, and to the running mean and variance:
  // new = momentum · old + (1 − momentum) · batch, with the unbiased variance.
  static void finish(int threads, double* const* moments, const real* const* parameters,
                     const real* const* running, real* const* new_running, real* coefficients) {
    BatchMoments total{};
    for (int thread = 0; thread < threads; ++thread)
      total.add(*reinterpret_cast<const BatchMoments*>(moments[thread]));
    Coefficients& own = *reinterpret_cast<Coefficients*>(coefficients);
    own = {};
    for (int c = 0; c < X::channels; ++c) {
      const double inverse = 1 / std::sqrt(total.squares[c] / total.count + double(Constants::epsilon));
      own.mean[c] = real(total.mean[c]);
      own.scale[c] = real(double(parameters[0][c]) * inverse);
      own.shift[c] = parameters[1][c];
      own.inverse[c] = real(inverse);
      const real kept = Constants::momentum;
      new_running[0][c] = kept * running[0][c] + (1 - kept) * real(total.mean[c]);
      new_running[1][c] = kept * running[1][c] + (1 - kept) * real(total.squares[c] / (total.count - 1));
    }
  }

  static NOINLINE void forward(const Pass& pass, const real* x, real* y, const real* coefficients) {
    for (int image = 0; image < pass.count; ++image)
      normalize(x + image * X::size, y + image * Y::size, coefficients,
                [](vec value, int, int, int) { return value; });
  }

  // The same with another value added before the ReLU, as at the end of a residual block.
  template <class Other>
  static NOINLINE void forward_add(const Pass& pass, const real* x, const real* other, real* y,
                                   const real* coefficients) {
    for (int image = 0; image < pass.count; ++image, other += Other::size)
      normalize(x + image * X::size, y + image * Y::size, coefficients, [=](vec value, int i, int j, int v) {
        return value + load_channels<Other>(other + Other::at(i, j), v);
      });
  }

  // Where y is not given, x tells where it is above 0; that is so where nothing was added.
  static NOINLINE void gather(const Pass& pass, const real* x, const real* y, const real* dy,
                              const real* coefficients, double* sums) {
    const Coefficients& own = of(coefficients);
    each_image(pass, x, y, own, [&](int image, const real* own_x, auto taken) {
      reinterpret_cast<BackSums*>(sums)->add_image(own_x, dy + image * DY::size, own.mean, taken);
    });
  }

  // From the sums of all threads to dγ and dβ, and to the coefficients of the way back; `count` is m.
  static void finish_back(int threads, double* const* sums, const real* const* parameters, real* const* gradients,
                          double count, real* coefficients) {
    Coefficients& own = *reinterpret_cast<Coefficients*>(coefficients);
    BackSums total{};
    for (int thread = 0; thread < threads; ++thread) total.add(*reinterpret_cast<const BackSums*>(sums[thread]));
    for (int c = 0; c < X::channels; ++c) {
      const double inverse = double(own.inverse[c]), scale = double(parameters[0][c]) * inverse;
      const double dgamma = total.stretch[c] * inverse, dbeta = total.shift[c];
      gradients[0][c] = real(dgamma);
      gradients[1][c] = real(dbeta);
      own.slope[c] = real(-scale * inverse * dgamma / count);
      own.offset[c] = real(-scale * dbeta / count);
    }
  }

  // dother, unless null, becomes dy where it counts: the gradient of what forward_add added.
  static NOINLINE void backward(const Pass& pass, const real* x, const real* y, const real* dy, real* dx,
                                const real* coefficients, real* dother = nullptr) {
    const Coefficients& own = of(coefficients);
    each_image(pass, x, y, own, [&](int image, const real* own_x, auto taken) {
      const Count first = image * DY::size;
      const auto gradient = [&](auto passed_on) {
        if constexpr (X::padded)
          statistics_gradient<X>(own_x, dy + first, dx + first, own.mean, own.scale, own.slope, own.offset,
                                 passed_on);
      };
      if (dother == nullptr) {
        gradient(taken);
      } else {
        real* own_other = dother + first;
        gradient([=](vec value, vec deviation, int i, int j, int v) {
          const vec through = taken(value, deviation, i, j, v);
          store(own_other + DY::at(i, j) + v * lanes, through);
          return through;
        });
      }
    });
  }

 private:
  using DY = Bordered<Y, 0>;

  static INLINE const Coefficients& of(const real* coefficients) {
    return *reinterpret_cast<const Coefficients*>(coefficients);
  }

  template <class Add>
  static INLINE void normalize(const real* x, real* y, const real* coefficients, Add add) {
    const Coefficients& own = of(coefficients);
    stretch_channels<X, Y>(x, y, own.mean, own.scale, own.shift, [=](vec value, int i, int j, int v) {
      const vec total = add(value, i, j, v);
      return Relu ? relu(total) : total;
    });
  }

  // Call f(image, its x, what becomes of dy at the ReLU) for every image.
  template <class F>
  static INLINE void each_image(const Pass& pass, const real* x, const real* y, const Coefficients& own, F f) {
    for (int image = 0; image < pass.count; ++image, x += X::size) {
      if constexpr (!Relu) {
        f(image, x, [](vec gradient, vec, int, int, int) { return gradient; });
      } else if (y != nullptr) {
        const real* own_y = y + image * Y::size;
        f(image, x, [=](vec gradient, vec, int i, int j, int v) {
          return where_positive(load(own_y + Y::at(i, j) + v * lanes), gradient);
        });
      } else {
        f(image, x, [&own](vec gradient, vec deviation, int, int, int v) {
          const vec scale = load(own.scale + v * lanes), shift = load(own.shift + v * lanes);
          return where_positive(deviation * scale + shift, gradient);
        });
      }
    }
  }
};

}  // namespace deepen
