// Dropout: some activations become zero at random.
#pragma once
#include "pixels.hpp"
#include "random.hpp"

namespace deepen {

// y = x · m · scale and dx = dy · m · scale, where m is 1 for a uniform draw u ≥ rate, else 0. Inverted dropout
// has the scale 1 / (1 − rate), original dropout 1.
//
// Numbers are drawn for (C, H, W), and maps have their channels last: which activations stay is kept in the maps'
// order, a byte each, for both ways.
template <class X, class Y, std::uint64_t Key, class Constants>
struct Dropout : Kernel {
  static constexpr int pixels = Y::height * Y::width;
  static constexpr Count kept = round_up(pixels * Y::pixel, 64), count = Count(Y::channels) * pixels;
  static constexpr Count work(int) { return pixels == 1 ? 0 : room_for(count); }

  static void forward(const Pass& pass, const real* x, real* y, const real*, std::byte* kept_bytes) {
    for (int i = 0; i < pass.count; ++i) {
      std::byte* stays = kept_bytes + i * kept;
      draw(pass, pass.first + i, stays);
      clear_border<Y>(y + i * Y::size);
      apply<X, Y>(x + i * X::size, y + i * Y::size, stays);
    }
  }

  static void backward(const Pass& pass, const real*, const real*, const real* dy, real* dx, const real*,
                       const std::byte* kept_bytes, real*) {
    using DX = Bordered<X, 0>;
    using DY = Bordered<Y, 0>;
    if constexpr (X::padded)
      for (int i = 0; dx && i < pass.count; ++i)
        apply<DY, DX>(dy + i * DY::size, dx + i * DX::size, kept_bytes + i * kept);
  }

 private:
  static NOINLINE void draw(const Pass& pass, Count place, std::byte* stays) {
    constexpr std::uint32_t least = at_least(Constants::rate);
    if constexpr (Y::pixel != Y::channels) std::memset(stays, 0, kept);
    std::byte* const drawn = pixels == 1 ? stays : reinterpret_cast<std::byte*>(pass.work);
    std::byte* next = drawn;
    each_number(pass.moment, place, Key, count, 0, count,
                [&](std::uint32_t number) { *next++ = std::byte(-int(number >= least)); });
    if constexpr (pixels > 1) {
      // Few pixels at a time, so that the lines of the cache that are written to stay there for all channels.
      constexpr int tile = 64;
      for (int begin = 0; begin < pixels; begin += tile)
        for (int c = 0; c < Y::channels; ++c)
          for (int p = begin; p < pixels && p < begin + tile; ++p) stays[p * Y::pixel + c] = drawn[c * pixels + p];
    }
  }

  template <class From, class To>
  static NOINLINE void apply(const real* from, real* to, const std::byte* stays) {
    for (int i = 0; i < To::height; ++i)
      for (int j = 0; j < To::width; ++j)
        for (int v = 0; v < To::vectors; ++v, stays += lanes) {
          const mask stay = load_bytes(reinterpret_cast<const std::int8_t*>(stays));
          const vec factor = choose(stay, all(Constants::scale), vec{});
          store(to + To::at(i, j) + v * lanes, load_channels<From>(from + From::at(i, j), v) * factor);
        }
  }
};

}  // namespace deepen
