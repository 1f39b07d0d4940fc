// Sums over the lanes of several vectors at once: of four vectors in a seventh of what four single sums take.
#pragma once
#include <utility>

#include "vectors.hpp"

namespace deepen {

// The lanes at these places of two vectors, one behind the other.
template <int... Place>
INLINE vec pick(vec a, vec b, std::integer_sequence<int, Place...>) {
#ifdef __clang__
  return __builtin_shufflevector(a, b, Place...);
#else
  return __builtin_shuffle(a, b, mask{Place...});
#endif
}

// Of every 2·Half lanes of a and b, the first half (Side 0) or the second one (Side 1).
template <int Half, int Side, int... Lane>
INLINE vec halves(vec a, vec b, std::integer_sequence<int, Lane...>) {
  return pick(a, b, std::integer_sequence<int, (Lane / Half * 2 + Side) * Half + Lane % Half...>{});
}

// The sums of N vectors, a power of two, in the first lanes of one. Each round adds the second half of every
// stretch of partial sums to its first one, so that two vectors fit into one.
template <int N, int Half = lanes / 2>
INLINE vec fold(const vec (&v)[N]) {
  static_assert(N <= lanes);
  if constexpr (Half == 0) {
    return v[0];
  } else {
    constexpr std::make_integer_sequence<int, lanes> each{};
    vec sums[(N + 1) / 2];
#pragma GCC unroll 16
    for (int i = 0; i < (N + 1) / 2; ++i) {
      vec a = v[2 * i], b = N == 1 ? a : v[2 * i + 1];
      sums[i] = halves<Half, 0>(a, b, each) + halves<Half, 1>(a, b, each);
    }
    return fold<(N + 1) / 2, Half / 2>(sums);
  }
}

}  // namespace deepen
