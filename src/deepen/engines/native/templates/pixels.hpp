// A pixel's channels, vector by vector; also of images whose pixels are not rounded up to whole vectors.
#pragma once
#include <utility>

#include "map.hpp"

namespace deepen {

template <class M>
constexpr int vectors_of = round_up(M::pixel, lanes) / lanes;

// How many numbers of vector v lie in a pixel that is not padded.
template <class M>
constexpr int numbers_in(int v) {
  return M::pixel - v * lanes < lanes ? M::pixel - v * lanes : lanes;
}

template <int... Lane>
INLINE vec gathered(const real* numbers, std::integer_sequence<int, Lane...>) {
  return vec{numbers[Lane]...};
}

template <class M>
INLINE vec load_channels(const real* pixel, int v) {
  if constexpr (M::padded) {
    return load(pixel + v * lanes);
  } else if constexpr (M::pixel < lanes) {
    // In registers: a vector that was just written to memory number by number is slow to read.
    return gathered(pixel, std::make_integer_sequence<int, M::pixel>{});
  } else {
    vec value{};
    std::memcpy(&value, pixel + v * lanes, numbers_in<M>(v) * sizeof(real));
    return value;
  }
}

template <class M>
INLINE void store_channels(real* pixel, int v, vec value) {
  if constexpr (M::padded) {
    store(pixel + v * lanes, value);
  } else {
    std::memcpy(pixel + v * lanes, &value, numbers_in<M>(v) * sizeof(real));
  }
}

}  // namespace deepen
