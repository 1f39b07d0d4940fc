// Optimizers: how gradients change parameters, a vector of numbers at a time.
#pragma once
#include <cmath>
#include <type_traits>

#include "vectors.hpp"

namespace deepen {

// What one step of the optimizer is told about a parameter.
struct Step {
  Count number;  // t, which counts from 1
  double rate;   // η
  double decay;  // λ
  double scale;  // what the gradients are multiplied by beforehand: below 1 where their norm is clipped
};

// An optimizer is a type with the number of arrays that it keeps for each parameter, the `slots`, and with
//
//   Optimizer(const Step&);                                works out the scalars of a step, in double
//   void operator()(vec& w, vec g, vec* kept) const;       changes a vector of parameters and of each slot
//
// Every scalar becomes a `real` as it meets an array, as in NumPy.
// All constants are double: 1 − β of a rounded β would be wrong by many times its rounding.

// The first numbers of a vector, as the end of an array may have them; the others are zero.
INLINE vec load_some(const real* p, Count count) {
  vec v{};
  std::memcpy(&v, p, std::size_t(count) * sizeof(real));
  return v;
}
INLINE void store_some(real* p, vec v, Count count) { std::memcpy(p, &v, std::size_t(count) * sizeof(real)); }

// Apply an optimizer to `count` numbers, which may begin anywhere.
template <class Optimizer>
NOINLINE void update(Count count, real* w, const real* g, real* const* slots, const Step& step) {
  const Optimizer rule(step);
  const real scale = real(step.scale);
  vec kept[Optimizer::slots + 1];  // one more, as there is no array of none
  Count i = 0;
  for (; i + lanes <= count; i += lanes) {
    vec weights = load_anywhere(w + i);
    for (int s = 0; s < Optimizer::slots; ++s) kept[s] = load_anywhere(slots[s] + i);
    rule(weights, load_anywhere(g + i) * scale, kept);
    for (int s = 0; s < Optimizer::slots; ++s) store_anywhere(slots[s] + i, kept[s]);
    store_anywhere(w + i, weights);
  }
  const Count rest = count - i;
  if (rest == 0) return;
  vec weights = load_some(w + i, rest);
  for (int s = 0; s < Optimizer::slots; ++s) kept[s] = load_some(slots[s] + i, rest);
  rule(weights, load_some(g + i, rest) * scale, kept);
  for (int s = 0; s < Optimizer::slots; ++s) store_some(slots[s] + i, kept[s], rest);
  store_some(w + i, weights, rest);
}

INLINE vec square_root(vec v) {
  for (int lane = 0; lane < lanes; ++lane) v[lane] = std::sqrt(v[lane]);
  return v;
}

// The scalars of most rules. Weight decay comes before the rule in all but AdamW: g ← g + λ w.
struct Rates {
  real rate, decay;

  explicit Rates(const Step& step) : rate(real(step.rate)), decay(real(step.decay)) {}
};

// Stochastic gradient descent: w ← w − η g.
struct SGD : Rates {
  using Rates::Rates;
  static constexpr int slots = 0;

  INLINE void operator()(vec& w, vec g, vec*) const {
    g += decay * w;
    w -= rate * g;
  }
};

// Gradient descent with momentum: v ← μ v + g, w ← w − η v.
template <class Constants>
struct Momentum : Rates {
  using Rates::Rates;
  static_assert(std::is_same_v<decltype(Constants::momentum), const double>);
  static constexpr int slots = 1;
  static constexpr real momentum = real(Constants::momentum);

  INLINE void operator()(vec& w, vec g, vec* kept) const {
    vec& v = kept[0];
    g += decay * w;
    v = momentum * v + g;
    w -= rate * v;
  }
};

// Momentum whose gradient is taken ahead: v ← μ v + g, w ← w − η (g + μ v).
template <class Constants>
struct Nesterov : Rates {
  using Rates::Rates;
  static_assert(std::is_same_v<decltype(Constants::momentum), const double>);
  static constexpr int slots = 1;
  static constexpr real momentum = real(Constants::momentum);

  INLINE void operator()(vec& w, vec g, vec* kept) const {
    vec& v = kept[0];
    g += decay * w;
    v = momentum * v + g;
    w -= rate * (g + momentum * v);
  }
};

// Smaller steps where gradients have been large: s ← s + g², w ← w − η g / (√s + ε).
template <class Constants>
struct AdaGrad : Rates {
  using Rates::Rates;
  static_assert(std::is_same_v<decltype(Constants::epsilon), const double>);
  static constexpr int slots = 1;

  INLINE void operator()(vec& w, vec g, vec* kept) const {
    vec& s = kept[0];
    g += decay * w;
    s += g * g;
    w -= rate * g / (square_root(s) + real(Constants::epsilon));
  }
};

// AdaGrad that forgets: s ← s + (1 − α) (g² − s), w ← w − η g / (√s + ε).
template <class Constants>
struct RMSprop : Rates {
  using Rates::Rates;
  static_assert(std::is_same_v<decltype(Constants::smoothing), const double>);
  static constexpr int slots = 1;

  INLINE void operator()(vec& w, vec g, vec* kept) const {
    vec& s = kept[0];
    g += decay * w;
    s += real(1 - Constants::smoothing) * (g * g - s);
    w -= rate * g / (square_root(s) + real(Constants::epsilon));
  }
};

// Adam's step without weight decay: m ← m + (1 − β₁) (g − m), v ← v + (1 − β₂) (g² − v),
// w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
template <class Constants>
struct AdamStep {
  static_assert(std::is_same_v<decltype(Constants::beta2), const double>);
  real rate, correction;

  explicit AdamStep(const Step& step)
      : rate(real(step.rate / (1 - std::pow(Constants::beta1, double(step.number))))),
        // Its reciprocal, as to multiply is cheaper than to divide.
        correction(real(1 / std::sqrt(1 - std::pow(Constants::beta2, double(step.number))))) {}
  INLINE void operator()(vec& w, vec g, vec* kept) const {
    vec &m = kept[0], &v = kept[1];
    m += real(1 - Constants::beta1) * (g - m);
    v += real(1 - Constants::beta2) * (g * g - v);
    w -= rate * m / (square_root(v) * correction + real(Constants::epsilon));
  }
};

// Adam: means of gradient and squared gradient, corrected for their start at zero.
template <class Constants>
struct Adam {
  static constexpr int slots = 2;
  AdamStep<Constants> adam;
  real decay;

  explicit Adam(const Step& step) : adam(step), decay(real(step.decay)) {}
  INLINE void operator()(vec& w, vec g, vec* kept) const { adam(w, g + decay * w, kept); }
};

// Adam with decoupled weight decay: w ← (1 − η λ) w, then Adam's step with g as it is.
template <class Constants>
struct AdamW {
  static constexpr int slots = 2;
  AdamStep<Constants> adam;
  real shrinking;

  explicit AdamW(const Step& step) : adam(step), shrinking(real(1 - step.rate * step.decay)) {}
  INLINE void operator()(vec& w, vec g, vec* kept) const {
    w *= shrinking;
    adam(w, g, kept);
  }
};

}  // namespace deepen
