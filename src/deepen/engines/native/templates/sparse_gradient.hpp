// The way back through pooling and convolution at once: of four outputs only the winner has a gradient, and only
// its products are computed.
#pragma once
#include "pooled_forward.hpp"

namespace deepen {

// Sums that the registers hold besides a factor, an address or two and what is being loaded.
constexpr int sums_in_registers = registers - 4;

// Σ g over all pixels: the gradient of the bias.
template <class Y>
NOINLINE void add_bias_gradient(const real* dy, const std::int8_t* winners, real* sums) {
  for (int f = 0; f < Y::pixel; f += lanes) {
    vec total = load(sums + f);
    for (int p = 0; p < Y::height * Y::width; ++p)
      total += without_stopped(load_bytes(winners + p * Winners<Y>::pixel + f), load(dy + p * Y::pixel + f));
    store(sums + f, total);
  }
}

// dk[f, c, u, v] += g · x[c, 2i + a + u − top, 2j + b + v − left], where g is the gradient of the pooled pixel
// (i, j) and filter f, and (a, b) its winner. Of one filter all positions and some vectors of channels are summed
// up in registers, while the pixels go by; those where ReLU stopped the gradient are left out.
template <class X, class Y, class W>
struct SparseWeightGradient {
  static_assert(X::padded);
  // `rows` rows of the window and V vectors of channels at a time.
  static constexpr int best_rows() {
    const int fitting = sums_in_registers / W::width;
    return fitting < 1 ? 1 : fitting < W::height ? fitting : W::height;
  }
  static constexpr int rows = best_rows();
  static constexpr int best_vectors() {
    int best = 1;
    for (int v = 2; v * rows * W::width <= sums_in_registers; ++v)
      if (X::vectors % v == 0) best = v;
    return best;
  }
  static constexpr int V = best_vectors();

  // So many pixels at a time, of all images, that what they need of x stays in the first-level cache for all
  // filters; 64 at most, the bits of a set.
  static constexpr int area = Y::height * Y::width;
  static constexpr int best_pixels() {
    const int most = 16000 / (4 * V * DEEPEN_VECTOR_BYTES);  // a pixel of Y needs four of x
    const int fitting = most < 64 ? most : 64;
    const int parts = (area + fitting - 1) / fitting;
    return parts > 1 ? (area + parts - 1) / parts : fitting / area * area;
  }
  static constexpr int pixels = best_pixels();

  // [V vectors of channels][filter][position][vector]
  static constexpr Count sums = Count(X::pixel) * Y::channels * W::positions;
  static constexpr Count work(int) { return (pixels + 2) * Count(Y::pixel); }

  static void accumulate(const Pass& pass, const real* x, const real* dy, const std::int8_t* winners, real* sums) {
    // Of each filter where the winners' windows begin in x, and the set of the pixels whose winners count: a bit
    // for each of the first 32 pixels, and for each of the others.
    whole* places = reinterpret_cast<whole*>(pass.work);
    whole* sets = places + pixels * Y::pixel;
    x += X::at(-W::top, -W::left);
    for (int first = 0; first < pass.count * area; first += pixels) {
      const int count = first + pixels < pass.count * area ? pixels : pass.count * area - first;
      find(winners, first, count, places, sets);
      for (int c = 0; c < X::pixel; c += V * lanes)
        add<0>(x + c, dy + Count(first) * Y::pixel, places, sets, sums + c * Count(Y::channels) * W::positions);
    }
  }

  static void unpack(const real* sums, real* gradient) {
    for (int first = 0; first < X::pixel; first += V * lanes)
      for (int f = 0; f < Y::channels; ++f)
        for (int p = 0; p < W::positions; ++p)
          for (int c = first; c < first + V * lanes; ++c, ++sums)
            if (c < X::channels) gradient[(Count(f) * X::channels + c) * W::positions + p] = *sums;
  }

 private:
  static NOINLINE void find(const std::int8_t* winners, int first, int count, whole* places, whole* sets) {
    for (int f = 0; f < Y::pixel; f += lanes)
      for (int half = 0; half < 2; ++half) {
        mask set = {};
        for (int p = half * 32; p < count && p < half * 32 + 32; ++p) {
          const int image = (first + p) / area, pixel = (first + p) % area;
          const mask winner = load_bytes(winners + image * Winners<Y>::size + pixel * Winners<Y>::pixel + f);
          const int row = pixel / Y::width, column = pixel % Y::width;
          const whole place = image * X::size + Count(2 * row) * X::row + Count(2 * column) * X::pixel;
          *reinterpret_cast<mask*>(places + p * Y::pixel + f) =
              place + (-(winner & 1) & X::pixel) + (-(winner >> 1 & 1) & X::row);
          set |= (winner < stopped) & whole(std::int32_t(1u << p % 32));
        }
        *reinterpret_cast<mask*>(sets + half * Y::pixel + f) = set;
      }
  }

  // All filters, for the window's rows from U on.
  template <int U>
  static void add(const real* x, const real* dy, const whole* places, const whole* sets, real* sums) {
    constexpr int height = U + rows < W::height ? rows : W::height - U;
    add_rows<height>(x + U * X::row, dy, places, sets, sums + U * W::width * V * lanes);
    if constexpr (U + height < W::height) add<U + height>(x, dy, places, sets, sums);
  }

  template <int Rows>
  static NOINLINE void add_rows(const real* x, const real* dy, const whole* places, const whole* sets,
                                real* sums) {
    for (int f = 0; f < Y::channels; ++f, sums += W::positions * V * lanes) {
      vec total[Rows][W::width][V];
#pragma GCC unroll 32
      for (int u = 0; u < Rows; ++u)
#pragma GCC unroll 32
        for (int v = 0; v < W::width; ++v)
#pragma GCC unroll 32
          for (int c = 0; c < V; ++c) total[u][v][c] = load(sums + ((u * W::width + v) * V + c) * lanes);
      std::uint64_t set = std::uint32_t(sets[f]) | std::uint64_t(std::uint32_t(sets[Y::pixel + f])) << 32;
      for (; set; set &= set - 1) {
        const int at = __builtin_ctzll(set) * Y::pixel + f;
        const real* from = x + places[at];
        const vec gradient = all(dy[at]);
#pragma GCC unroll 32
        for (int u = 0; u < Rows; ++u)
#pragma GCC unroll 32
          for (int v = 0; v < W::width; ++v)
#pragma GCC unroll 32
            for (int c = 0; c < V; ++c)
              total[u][v][c] += gradient * load(from + u * X::row + v * X::pixel + c * lanes);
      }
#pragma GCC unroll 32
      for (int u = 0; u < Rows; ++u)
#pragma GCC unroll 32
        for (int v = 0; v < W::width; ++v)
#pragma GCC unroll 32
          for (int c = 0; c < V; ++c) store(sums + ((u * W::width + v) * V + c) * lanes, total[u][v][c]);
    }
  }
};

// dx[c, 2i + a + u − top, 2j + b + v − left] += g · k[f, c, u, v]. The windows of a pooled pixel's four outputs
// cover KH + 1 × KW + 1 pixels; for a vector of channels these are summed up in registers while the filters go by,
// those with the first winner first, then those with the second, and so on: so it is known which sums a winner
// adds to. On the way along a row only the columns that the next pixel does not cover are stored.
template <class X, class Y, class W>
struct SparseDataGradient {
  // `rows` rows of the window at a time; so many filters that their weights stay in the first-level cache.
  static constexpr int columns = W::width + 1;
  static constexpr int best_rows() {
    const int fitting = sums_in_registers / columns - 1;
    return fitting < 1 ? 1 : fitting < W::height ? fitting : W::height;
  }
  static constexpr int rows = best_rows(), filters = 32, parts = (Y::channels + filters - 1) / filters;

  // A bit for each of `filters` filters: whether it has a gradient and this winner.
  struct Sets {
    std::uint32_t of[4];
  };
  // What all windows cover, of one vector of channels.
  using Sums = Map<lanes, 2 * Y::height + W::height - 1, 2 * Y::width + W::width - 1>;

  // [vector of channels][filter][position]
  static constexpr Count weights = Count(X::pixel) * Y::channels * W::positions;
  static constexpr Count sets_size = round_up(Y::height * Y::width * parts * sizeof(Sets) / sizeof(real), 64);
  static constexpr Count work(int) { return sets_size + Sums::size; }

  static void pack(const real* kernel, real* weights) {
    for (int first = 0; first < X::pixel; first += lanes)
      for (int f = 0; f < Y::channels; ++f)
        for (int p = 0; p < W::positions; ++p)
          for (int c = first; c < first + lanes; ++c)
            *weights++ = c < X::channels ? kernel[(Count(f) * X::channels + c) * W::positions + p] : real(0);
  }

  static void backward(const Pass& pass, const real* dy, const std::int8_t* winners, const real* weights,
                       real* dx) {
    Sets* sets = reinterpret_cast<Sets*>(pass.work);
    real* sums = pass.work + sets_size;
    for (int image = 0; image < pass.count; ++image) {
      sort(winners + image * Winners<Y>::size, sets);
      for (int v = 0; v < X::vectors; ++v) {
        clear<Sums>(sums);
        for (int part = 0; part < parts; ++part)
          add<0>(dy + image * Bordered<Y, 0>::size + part * filters, sets + part,
                 weights + (Count(v) * Y::channels + part * filters) * W::positions * lanes, sums);
        cut(sums, dx + image * Bordered<X, 0>::size + v * lanes);
      }
    }
  }

 private:
  // Eight winners at a time: a bit of each of the eight bytes, then these bits side by side.
  static NOINLINE void sort(const std::int8_t* winners, Sets* sets) {
    constexpr std::uint64_t ones = 0x0101010101010101, side_by_side = 0x0102040810204080;
    for (int p = 0; p < Y::height * Y::width; ++p, winners += Winners<Y>::pixel)
      for (int part = 0; part < parts; ++part, ++sets) {
        *sets = {};
        for (int f = part * filters; f < Y::channels && f < (part + 1) * filters; f += 8) {
          std::uint64_t eight;
          std::memcpy(&eight, winners + f, 8);
          const std::uint64_t right = eight & ones, lower = eight >> 1 & ones;
          const std::uint64_t goes = ~(eight >> 2) & ones >> (f + 8 > Y::channels ? (f + 8 - Y::channels) * 8 : 0);
          const std::uint64_t winner[4] = {goes & ~(lower | right), goes & ~lower & right, goes & lower & ~right,
                                           goes & lower & right};
          for (int i = 0; i < 4; ++i)
            sets->of[i] |= std::uint32_t(winner[i] * side_by_side >> 56) << (f - part * filters);
        }
      }
  }

  // All pixels, for the window's rows from U on.
  template <int U>
  static void add(const real* dy, const Sets* sets, const real* weights, real* sums) {
    constexpr int height = U + rows < W::height ? rows : W::height - U;
    for (int i = 0; i < Y::height; ++i)
      add_row<height>(dy + i * Y::width * Y::pixel, sets + i * Y::width * parts, weights + U * W::width * lanes,
                      sums + Sums::at(2 * i + U, 0));
    if constexpr (U + height < W::height) add<U + height>(dy, sets, weights, sums);
  }

  template <int Rows>
  static NOINLINE void add_row(const real* dy, const Sets* sets, const real* weights, real* sums) {
    vec total[Rows + 1][columns];
    bring<Rows, 0, columns - 2>(sums, total);
    for (int j = 0; j < Y::width; ++j, dy += Y::pixel, sets += parts, sums += 2 * lanes) {
      bring<Rows, columns - 2, columns>(sums, total);
#pragma GCC unroll 4
      for (int winner = 0; winner < 4; ++winner)
        for (std::uint32_t set = sets->of[winner]; set; set &= set - 1) {
          const int f = __builtin_ctz(set);
          const vec gradient = all(dy[f]);
          const real* weight = weights + f * (W::positions * lanes);
#pragma GCC unroll 32
          for (int u = 0; u < Rows; ++u)
#pragma GCC unroll 32
            for (int v = 0; v < W::width; ++v)
              total[winner / 2 + u][winner % 2 + v] += gradient * load(weight + (u * W::width + v) * lanes);
        }
#pragma GCC unroll 32
      for (int u = 0; u <= Rows; ++u) {
        store(sums + u * Sums::row, total[u][0]);
        store(sums + u * Sums::row + lanes, total[u][1]);
#pragma GCC unroll 32
        for (int v = 0; v < columns - 2; ++v) total[u][v] = total[u][v + 2];
      }
    }
#pragma GCC unroll 32
    for (int u = 0; u <= Rows; ++u)
#pragma GCC unroll 32
      for (int v = 0; v < columns - 2; ++v) store(sums + u * Sums::row + v * lanes, total[u][v]);
  }

  template <int Rows, int From, int To>
  static INLINE void bring(const real* sums, vec (&total)[Rows + 1][columns]) {
#pragma GCC unroll 32
    for (int u = 0; u <= Rows; ++u)
#pragma GCC unroll 32
      for (int v = From; v < To; ++v) total[u][v] = load(sums + u * Sums::row + v * lanes);
  }

  // The pixels of x among all that the windows cover; others have no gradient.
  static NOINLINE void cut(const real* sums, real* dx) {
    for (int i = 0; i < X::height; ++i)
      for (int j = 0; j < X::width; ++j, dx += X::pixel) {
        const bool covered = i + W::top < Sums::height && j + W::left < Sums::width;
        store(dx, covered ? load(sums + Sums::at(i + W::top, j + W::left)) : vec{});
      }
  }
};

}  // namespace deepen
