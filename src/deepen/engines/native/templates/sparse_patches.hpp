// The sparse weight gradient of a first layer, whose input has too few channels to fill vectors.
#pragma once
#include "pooled_forward.hpp"

namespace deepen {

// dk[f, ·] += g · patch, where the patch is all that the winner's window covers, laid out in vectors: of few
// channels a window makes one or two. Of several filters the sums stay in registers while the pixels go by.
template <class X, class Y, class W>
struct SparsePatchGradient {
  // A patch is `chunks` times V vectors; B filters at a time, a divisor of those of Y with its holes.
  static constexpr int numbers = W::positions * X::channels, needed = (numbers + lanes - 1) / lanes;
  static constexpr int chunks = (needed + 5) / 6, V = (needed + chunks - 1) / chunks, patch = chunks * V * lanes;
  static constexpr int best_filters() {
    int best = lanes;
    while (best > 1 && best * V > registers - 4) best /= 2;
    return best;
  }
  static constexpr int B = best_filters();

  // As many rows of Y at a time as have patches that fit into the first-level cache.
  static constexpr int row = Y::width * 4 * patch;  // numbers; four patches of a pixel follow each other
  static constexpr int best_height() {
    const int fitting = 16000 / (row * int(sizeof(real)));
    return fitting < 1 ? 1 : fitting < Y::height ? fitting : Y::height;
  }
  static constexpr int height = best_height();

  // [chunk][filter][vector]
  static constexpr Count sums = Count(patch) * Y::pixel;
  static constexpr Count patches = Count(height) * row;
  static constexpr Count work(int) { return patches + Count(height) * Y::width * Y::pixel; }

  static void accumulate(const Pass& pass, const real* x, const real* dy, const std::int8_t* winners, real* sums) {
    real *patches_of_rows = pass.work, *gradients = pass.work + patches;
    std::memset(patches_of_rows, 0, patches * sizeof(real));
    for (int image = 0; image < pass.count; ++image)
      for (int i = 0; i < Y::height; i += height) {
        const int rows = i + height < Y::height ? height : Y::height - i;
        for (int r = 0; r < rows; ++r)
          bring_patches(x + image * X::size + X::at(2 * (i + r) - W::top, -W::left), patches_of_rows + r * row);
        const std::int8_t* winners_here = winners + image * Winners<Y>::size + i * Winners<Y>::row;
        bring_gradients(dy + image * Bordered<Y, 0>::size + i * Bordered<Y, 0>::row, winners_here, rows * Y::width,
                        gradients);
        for (int chunk = 0; chunk < chunks; ++chunk)
          for (int f = 0; f < Y::pixel; f += B)
            add(patches_of_rows + chunk * V * lanes, gradients + f, winners_here + f, rows * Y::width,
                sums + (Count(chunk) * Y::pixel + f) * V * lanes);
      }
  }

  static void unpack(const real* sums, real* gradient) {
    for (int f = 0; f < Y::channels; ++f)
      for (int c = 0; c < X::channels; ++c)
        for (int p = 0; p < W::positions; ++p) {
          const int number = p * X::channels + c, chunk = number / (V * lanes);
          *gradient++ = sums[(Count(chunk) * Y::pixel + f) * V * lanes + number % (V * lanes)];
        }
  }

 private:
  static NOINLINE void bring_patches(const real* x, real* to) {
    constexpr int runs = X::pixel == X::channels ? 1 : W::width, run = W::width * X::channels / runs;
    for (int j = 0; j < Y::width; ++j, x += 2 * X::pixel)
      for (int winner = 0; winner < 4; ++winner, to += patch) {
        const real* from = x + winner / 2 * X::row + winner % 2 * X::pixel;
#pragma GCC unroll 3
        for (int u = 0; u < W::height; ++u)
          for (int r = 0; r < runs; ++r)
            std::memcpy(to + (u * runs + r) * run, from + u * X::row + r * X::pixel, run * sizeof(real));
      }
  }

  static NOINLINE void bring_gradients(const real* dy, const std::int8_t* winners, int pixels, real* to) {
    for (int p = 0; p < pixels; ++p, dy += Y::pixel, to += Y::pixel, winners += Winners<Y>::pixel)
      for (int f = 0; f < Y::pixel; f += lanes)
        store(to + f, without_stopped(load_bytes(winners + f), load(dy + f)));
  }

  static NOINLINE void add(const real* patches, const real* gradients, const std::int8_t* winners, int pixels,
                           real* sums) {
    vec total[B][V];
#pragma GCC unroll 32
    for (int f = 0; f < B; ++f)
#pragma GCC unroll 32
      for (int v = 0; v < V; ++v) total[f][v] = load(sums + (f * V + v) * lanes);
    for (int p = 0; p < pixels; ++p, patches += 4 * patch, gradients += Y::pixel, winners += Winners<Y>::pixel)
#pragma GCC unroll 32
      for (int f = 0; f < B; ++f) {
        const real* from = patches + (winners[f] & 3) * patch;
        const vec gradient = all(gradients[f]);
#pragma GCC unroll 32
        for (int v = 0; v < V; ++v) total[f][v] += gradient * load(from + v * lanes);
      }
#pragma GCC unroll 32
    for (int f = 0; f < B; ++f)
#pragma GCC unroll 32
      for (int v = 0; v < V; ++v) store(sums + (f * V + v) * lanes, total[f][v]);
  }
};

}  // namespace deepen
