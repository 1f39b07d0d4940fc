// Elementary functions of whole vectors, and the activations that are made of them.
//
// In float they are polynomials, with the relative errors stated; in double they are the C library's. NaN stays
// NaN.
#pragma once
#include <limits>

#include "vectors.hpp"

namespace deepen {

constexpr bool fast_functions = sizeof(real) == 4;

INLINE vec absolute(vec x) { return vec(mask(x) & std::numeric_limits<whole>::max()); }
INLINE vec with_sign_of(vec magnitude, vec x) {
  return vec(mask(absolute(magnitude)) | (mask(x) & std::numeric_limits<whole>::min()));
}

// c₀ + x (c₁ + x (c₂ + …))
template <class... Rest>
INLINE vec polynomial(vec x, real first, Rest... rest) {
  if constexpr (sizeof...(rest) > 0) {
    return polynomial(x, real(rest)...) * x + first;
  } else {
    return all(first);
  }
}

template <class Function>
INLINE vec lane_by_lane(vec x, Function function) {
  for (int lane = 0; lane < lanes; ++lane) x[lane] = function(x[lane]);
  return x;
}

// x = n ln 2 + r with a whole n and |r| <= ln 2 / 2, so that eˣ = 2ⁿ eʳ; eʳ − 1 to 2e-8 of itself. For float.
struct Reduced {
  mask n;
  vec expm1;

  INLINE explicit Reduced(vec x) {
    const real round = real(12582912);  // 1.5 · 2²³: what is added to it loses its fraction
    const vec nearest = (x * real(1.4426950408889634) + round) - round;
    const vec whole_n = choose(nearest == nearest, nearest, vec{});  // NaN is no whole number; it stays in r
    // ln 2 in two parts; n times the first is exact.
    const vec r = (x - whole_n * real(0.693359375)) - whole_n * real(-2.12194440054690583e-4);
    n = __builtin_convertvector(whole_n, mask);
    expm1 = r + r * r * polynomial(r, 0.49999997, 0.16666543, 0.0416672, 0.00836658, 0.00138825097);
  }
};

// 2ⁿ for -126 <= n <= 127. For float.
INLINE vec power_of_2(mask n) { return vec((n + 127) << 23); }

// eˣ; in float within 1.2e-7, with gradual underflow.
INLINE vec exp(vec x) {
  if constexpr (fast_functions) {
    // Beyond these it is 0 or infinite anyway; n then lies in -150 … 128, which takes two factors.
    const Reduced part(smaller(all(89), larger(all(-104), x)));
    const mask half = part.n >> 1;
    return (part.expm1 + real(1)) * power_of_2(half) * power_of_2(part.n - half);
  } else {
    return lane_by_lane(x, [](real value) { return std::exp(value); });
  }
}

// eˣ − 1; in float within 2e-7.
INLINE vec expm1(vec x) {
  if constexpr (fast_functions) {
    const Reduced part(smaller(all(89), larger(all(-20), x)));
    const vec half = power_of_2(part.n - 1);  // 2ⁿ itself may be too large where eˣ is not
    return (half * part.expm1 + (half - real(0.5))) * real(2);
  } else {
    return lane_by_lane(x, [](real value) { return std::expm1(value); });
  }
}

// |tanh x| = −m / (2 + m) with m = e^(−2|x|) − 1; in float within 3e-7.
INLINE vec tanh(vec x) {
  if constexpr (fast_functions) {
    const vec m = expm1(absolute(x) * real(-2));
    return with_sign_of(m / (m + real(2)), x);
  } else {
    return lane_by_lane(x, [](real value) { return std::tanh(value); });
  }
}

// 1 / (1 + e⁻ˣ); e to a negative power only, which does not overflow. In float within 2e-7.
INLINE vec sigmoid(vec x) {
  const vec power = exp(-absolute(x));
  return choose(x < 0, power, all(1)) / (power + real(1));
}

// The normal distribution: its density φ(x) = e^(−x²/2) / √(2π), and Φ(x) = erfc(−x/√2) / 2, the share below x.
struct Normal {
  vec density, share;

  INLINE explicit Normal(vec x) {
    // Beyond 40 the density is 0 even in double, and the square of a large x might overflow.
    const vec a = smaller(all(40), absolute(x)), power = exp(a * a * real(-0.5));
    density = power * real(0.3989422804014327);
    if constexpr (fast_functions) {
      // Φ(−a) = e^(−a²/2) t P(t) with t = 1 / (1 + 0.3 a): in float within 3e-7 for a < 1, and, as x is rounded
      // before it is squared, 1e-7 a² beyond.
      const vec t = all(1) / (a * real(0.3) + real(1));
      const vec tail = power * t *
                       polynomial(t, 0.119686693, 0.119571812, 0.110235423, 0.0783896595, 0.0961567983,
                                  -0.079423435, 0.191784456, -0.228213549, 0.112435587, -0.0206234641);
      share = choose(x > 0, real(1) - tail, tail);
    } else {
      share = lane_by_lane(x, [](real value) { return std::erfc(value * real(-0.7071067811865476)) / 2; });
    }
  }
};

// An activation is a type with a `value` and, given dy and what is kept, a `gradient`; kept is the output y, or
// the input x where `keeps_input`. `Constants` is a struct with the numbers that a description gives.
struct ReLU {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return relu(x); }
  static INLINE vec gradient(vec dy, vec y) { return where_positive(y, dy); }
};

// y = factor · x, which is no activation, but works like one.
template <class Constants>
struct Scaled {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return x * Constants::factor; }
  static INLINE vec gradient(vec dy, vec) { return dy * Constants::factor; }
};

template <class Constants>
struct LeakyReLU {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return choose(x > 0, x, x * Constants::slope); }
  static INLINE vec gradient(vec dy, vec y) { return choose(y > 0, dy, dy * Constants::slope); }
};

template <class Constants>
struct ELU {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return choose(x > 0, x, expm1(smaller(vec{}, x)) * Constants::alpha); }
  static INLINE vec gradient(vec dy, vec y) { return choose(y > 0, dy, dy * (y + Constants::alpha)); }
};

struct GELU {
  static constexpr bool keeps_input = true;
  static INLINE vec value(vec x) { return x * Normal(x).share; }
  static INLINE vec gradient(vec dy, vec x) {
    const Normal normal(x);
    return dy * (normal.share + x * normal.density);
  }
};

struct Sigmoid {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return sigmoid(x); }
  static INLINE vec gradient(vec dy, vec y) { return dy * y * (real(1) - y); }
};

struct Tanh {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return tanh(x); }
  static INLINE vec gradient(vec dy, vec y) { return dy * (real(1) - y * y); }
};

template <class Constants>
struct ScaledTanh {
  static constexpr bool keeps_input = false;
  static INLINE vec value(vec x) { return tanh(x * Constants::slope) * Constants::amplitude; }
  static INLINE vec gradient(vec dy, vec y) {
    constexpr real bend = Constants::slope / Constants::amplitude;
    constexpr real steepest = Constants::slope * Constants::amplitude;
    return dy * (steepest - y * y * bend);
  }
};

}  // namespace deepen
