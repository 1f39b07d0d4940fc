// Random numbers as functions of when and what for: bit by bit those of deepen.randomness, computed where needed.
#pragma once
#include <array>

#include "pass.hpp"

namespace deepen {

constexpr int numbers_per_block = 8;

// One block of Philox 4x64 with 10 rounds (Salmon et al., SC 2011): four words, each of which gives two numbers.
// Nothing in it depends on another block, so that a processor works at several of a loop's at once.
struct Block {
  std::uint64_t words[4];

  // Block b is computed at counter b + 1, as NumPy counts up before it computes.
  INLINE Block(const Moment& moment, std::uint64_t key, std::uint64_t block) {
    __extension__ typedef unsigned __int128 product;
    std::uint64_t a = block + 1, b = 0, c = moment.step, d = moment.epoch;
    std::uint64_t seed = moment.seed;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const product first = product(0xD2E7470EE14C6C93) * a, second = product(0xCA5A826395121157) * c;
      a = std::uint64_t(second >> 64) ^ b ^ seed;
      c = std::uint64_t(first >> 64) ^ d ^ key;
      b = std::uint64_t(second);
      d = std::uint64_t(first);
      seed += 0x9E3779B97F4A7C15;
      key += 0xBB67AE8584CAA73B;
    }
    words[0] = a, words[1] = b, words[2] = c, words[3] = d;
  }

  // The k-th number u in [0, 1), as u · 2²⁴: of each half of a word, the lower one first, the upper 24 bits count.
  INLINE std::uint32_t number(int k) const { return std::uint32_t(words[k / 2] >> (k % 2 * 32)) >> 8; }

  // Call `use` for all of them.
  template <class Use>
  INLINE void each(Use&& use) const {
    for (const std::uint64_t word : words) {
      use(std::uint32_t(word) >> 8);
      use(std::uint32_t(word >> 40));
    }
  }
};

// A number u in [0, 1) from u · 2²⁴; nothing is rounded.
INLINE constexpr float fraction(std::uint32_t number) { return float(number) * 0x1p-24f; }

// The least u · 2²⁴ of the numbers u ≥ share, compared in float32.
constexpr std::uint32_t at_least(double share) {
  const double scaled = double(float(share)) * 0x1p24;
  const auto below = std::uint32_t(scaled);
  return below + (double(below) < scaled);
}

// The blocks that an image takes of a draw of `count` numbers per image begin here. An image is known by where it
// stands in the batch, whose first one stands at `moment.position` of the whole.
INLINE std::uint64_t first_block(const Moment& moment, Count place, Count count) {
  return (moment.position + place) * std::uint64_t((count + numbers_per_block - 1) / numbers_per_block);
}

// An image's few numbers in [0, 1): a row of deepen.randomness.uniform.
template <int N>
INLINE std::array<float, N> uniform(const Moment& moment, Count place, std::uint64_t key) {
  const std::uint64_t first = first_block(moment, place, N);
  std::array<float, N> u;
  for (int k = 0; k < N; k += numbers_per_block) {
    const Block block(moment, key, first + k / numbers_per_block);
    for (int i = 0; i < numbers_per_block && k + i < N; ++i) u[k + i] = fraction(block.number(i));
  }
  return u;
}

// Numbers that an image keeps at all times, by its number in the data: a row of uniform_of_images.
template <int N>
INLINE std::array<float, N> uniform_of_images(const Moment& moment, Count index, std::uint64_t key) {
  return uniform<N>({moment.seed, 0, 0, 0}, index, key);
}

// Calls `use(u · 2²⁴)` for an image's numbers from `begin` up to `end` of the `count` it has, in their order.
template <class Use>
INLINE void each_number(const Moment& moment, Count place, std::uint64_t key, Count count, Count begin, Count end,
                        Use&& use) {
  const std::uint64_t first = first_block(moment, place, count);
  for (Count k = begin / numbers_per_block * numbers_per_block; k < end; k += numbers_per_block) {
    const Block block(moment, key, first + k / numbers_per_block);
    if (begin <= k && k + numbers_per_block <= end) {
      block.each(use);
    } else {
      for (int i = 0; i < numbers_per_block; ++i)
        if (begin <= k + i && k + i < end) use(block.number(i));
    }
  }
}

}  // namespace deepen
