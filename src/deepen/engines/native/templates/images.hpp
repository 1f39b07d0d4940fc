// From the images of the data to the map that a network reads.
#pragma once
#include "map.hpp"

namespace deepen {

// The numbers that the data's pixels are: bytes are divided by 255, others are taken as they are.
enum class Pixels : std::int64_t { bytes = 0, floats = 1, doubles = 2 };

// What each byte becomes. One quotient read is cheaper than one computed, and rounded alike.
struct Quotients {
  real of[256];
  constexpr Quotients() : of{} {
    for (int byte = 0; byte < 256; ++byte) of[byte] = real(byte) / real(255);
  }
};
constexpr Quotients quotients;

INLINE real pixel_value(std::uint8_t byte) { return quotients.of[byte]; }
INLINE real pixel_value(float value) { return real(value); }
INLINE real pixel_value(double value) { return real(value); }

// Bring an image (C, H, W) into a map, holes and border included.
template <class M, class Number>
NOINLINE void arrange(const Number* image, real* y) {
  constexpr Count plane = Count(M::height) * M::width;
  if constexpr (M::pixel == M::channels)
    clear_border<M>(y);
  else
    clear<M>(y);
  for (int i = 0; i < M::height; ++i) {
    const Number* from = image + i * M::width;
    real* row = y + M::at(i, 0);
    if constexpr (M::pixel == 1 && std::is_same_v<Number, real>) {
      std::memcpy(row, from, M::width * sizeof(real));
    } else {
      for (int c = 0; c < M::channels; ++c)
        for (int j = 0; j < M::width; ++j) row[j * M::pixel + c] = pixel_value(from[c * plane + j]);
    }
  }
}

// Bring the data's image of that number into a map. The data are images (C, H, W), one after the other, and their
// numbers of a type of `Pixels`.
template <class M>
INLINE void load_image(const void* images, std::int64_t type, Count index, real* y) {
  const Count first = index * (Count(M::channels) * M::height * M::width);
  switch (Pixels(type)) {
    case Pixels::bytes: return arrange<M>(static_cast<const std::uint8_t*>(images) + first, y);
    case Pixels::floats: return arrange<M>(static_cast<const float*>(images) + first, y);
    case Pixels::doubles: return arrange<M>(static_cast<const double*>(images) + first, y);
  }
}

}  // namespace deepen
