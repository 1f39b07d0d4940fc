// Vectors of numbers: what the processor adds and multiplies at once, in GCC's and Clang's portable notation.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Set by the compiler's command line: the type of all numbers, and how many bytes a vector register holds.
#ifndef DEEPEN_REAL
#define DEEPEN_REAL float
#endif
#ifndef DEEPEN_VECTOR_BYTES
#if defined(__AVX512F__)
#define DEEPEN_VECTOR_BYTES 64
#elif defined(__AVX__)
#define DEEPEN_VECTOR_BYTES 32
#else
#define DEEPEN_VECTOR_BYTES 16
#endif
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

namespace deepen {

using real = DEEPEN_REAL;
constexpr int lanes = DEEPEN_VECTOR_BYTES / sizeof(real);

// A vector in memory is aligned: every buffer begins at, and every pixel is a multiple of, its size.
typedef real vec __attribute__((vector_size(DEEPEN_VECTOR_BYTES), may_alias));
using whole = std::conditional_t<sizeof(real) == 4, std::int32_t, std::int64_t>;
typedef whole mask __attribute__((vector_size(DEEPEN_VECTOR_BYTES), may_alias));  // all bits or none, per lane

INLINE vec load(const real* p) { return *reinterpret_cast<const vec*>(p); }
INLINE void store(real* p, vec v) { *reinterpret_cast<vec*>(p) = v; }

// The same where the address is any multiple of a number's size.
INLINE vec load_anywhere(const real* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store_anywhere(real* p, vec v) { std::memcpy(p, &v, sizeof v); }

INLINE vec all(real value) { return vec{} + value; }
INLINE vec choose(mask where, vec yes, vec no) { return where ? yes : no; }
INLINE vec larger(vec a, vec b) { return a > b ? a : b; }
INLINE vec smaller(vec a, vec b) { return a < b ? a : b; }

INLINE real sum(vec v) {
  real total = 0;
  for (int lane = 0; lane < lanes; ++lane) total += v[lane];
  return total;
}

}  // namespace deepen
