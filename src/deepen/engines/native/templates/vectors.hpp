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

// How many vectors the registers of the processor hold.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int registers = 32;
#else
constexpr int registers = 16;
#endif

// How many things there are in a whole batch or in all parameters, or the place of one: `long` has 32 bits on some
// systems.
using Count = std::int64_t;

// A vector in memory is aligned: every buffer begins at a multiple of its size, and every pixel of padded maps
// takes one.
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

// Where a number is NaN, no comparison holds and the second one is taken: what may be NaN stands second, and
// stays.
INLINE vec larger(vec a, vec b) { return a > b ? a : b; }
INLINE vec smaller(vec a, vec b) { return a < b ? a : b; }

// max(x, 0), and its way back: dy where y > 0, else 0. NaN stays NaN.
INLINE vec relu(vec x) { return larger(vec{}, x); }
INLINE vec where_positive(vec y, vec dy) { return choose(y > 0, dy, vec{}); }

// 1 above 0 and −1 below; 0 and NaN are themselves.
INLINE vec sign(vec x) { return choose(x > 0, all(1), choose(x < 0, all(-1), x)); }

// Bytes become whole numbers, and these bytes, step by step: GCC 12 takes lane by lane what it cannot do in one.
typedef std::int8_t int8_vec __attribute__((vector_size(lanes), may_alias));
typedef std::int16_t int16_vec __attribute__((vector_size(2 * lanes)));
typedef std::int32_t int32_vec __attribute__((vector_size(4 * lanes)));
INLINE mask load_bytes(const std::int8_t* p) {
  const int16_vec numbers = __builtin_convertvector(*reinterpret_cast<const int8_vec*>(p), int16_vec);
  return __builtin_convertvector(__builtin_convertvector(numbers, int32_vec), mask);
}
INLINE void store_bytes(std::int8_t* p, mask wide) {
  const int16_vec numbers = __builtin_convertvector(__builtin_convertvector(wide, int32_vec), int16_vec);
  *reinterpret_cast<int8_vec*>(p) = __builtin_convertvector(numbers, int8_vec);
}

INLINE real sum(vec v) {
  real total = 0;
  for (int lane = 0; lane < lanes; ++lane) total += v[lane];
  return total;
}

}  // namespace deepen
