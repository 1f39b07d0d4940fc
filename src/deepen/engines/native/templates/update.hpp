// What a step does with all parameters once their gradients are known; threads share the work by ranges.
//
// The parameters lie one after the other in an arena, each in NumPy's layout, with a few zeros up to the next
// multiple of 64 bytes. Gradients, the optimizer's slots and the moving average lie in arenas of the same layout.
//
// A step goes: `penalize`, `all_finite` and `squares` (where the norm is clipped) on every thread's part; then, if
// all is finite, `update_range` on every part; then `move_average`.
#pragma once
#include <algorithm>
#include <cmath>

#include "optimizers.hpp"

namespace deepen {

enum class Penalty { none, l1, l2 };

// A parameter that training changes, and how.
struct Parameter {
  Count offset, size;   // where it lies in the arena, and how many numbers it has
  double rate_factor;   // of the learning rate
  double decay;         // λ, the weight decay
  Penalty penalty;      // what is added to the loss
  double strength;      // how strongly
  double max_norm;      // how long a row may be; 0: any length
  Count rows;           // the weights that feed a unit or filter are a row
  const Count* starts;  // where each row begins in the parameter, and the last one ends; nullptr: all are as long

  constexpr Count start(Count row) const { return starts ? starts[row] : size / rows * row; }
};

struct Table {
  const Parameter* parameters;
  int count;

  const Parameter* begin() const { return parameters; }
  const Parameter* end() const { return parameters + count; }
};

// Places of the arena, from `begin` up to, not including, `end`.
struct Range {
  Count begin, end;
};

// Where thread number `thread` begins: so that all have about as many numbers to change, and that rows which are
// held to a length stay whole. Elsewhere it is a multiple of 64 bytes, so that no two threads write to one line.
inline Count begin_of_part(Table table, int thread, int threads) {
  constexpr Count line = 64 / sizeof(real);
  Count total = 0;
  for (const Parameter& p : table) total += p.size;
  Count before = total * thread / threads;
  for (const Parameter& p : table) {
    if (before >= p.size) {
      before -= p.size;
      continue;
    }
    if (p.max_norm == 0) return p.offset + before / line * line;
    Count row = 0;
    while (row + 1 < p.rows && p.start(row + 1) <= before) ++row;
    return p.offset + p.start(row);
  }
  return table.count ? table.end()[-1].offset + table.end()[-1].size : 0;
}

// The part of a thread; those of all threads together hold every parameter of the table.
inline Range part(Table table, int thread, int threads) {
  return {begin_of_part(table, thread, threads), begin_of_part(table, thread + 1, threads)};
}

// Call f(p, begin, count) for what lies in a range of each parameter p.
template <class F>
INLINE void for_each(Table table, Range range, F&& f) {
  for (const Parameter& p : table) {
    const Count begin = std::max(range.begin, p.offset), end = std::min(range.end, p.offset + p.size);
    if (begin < end) f(p, begin, end - begin);
  }
}

// Σ f(x) over an array, in double. It is added up in as many strands as keep a processor busy: the same number
// whatever its vectors are, so that the order of additions, and with it the last digit, is everywhere the same.
template <class F>
INLINE double total(Count count, const real* x, F&& f) {
  constexpr int strands = 16;
  double sums[strands] = {};
  Count i = 0;
  for (; i + strands <= count; i += strands)
    for (int s = 0; s < strands; ++s) sums[s] += f(double(x[i + s]));
  for (int s = 0; i < count; ++i, ++s) sums[s] += f(double(x[i]));
  double all = 0;
  for (double one : sums) all += one;
  return all;
}

INLINE double square(double x) { return x * x; }

// Σ x².
inline NOINLINE double squares(Count count, const real* x) { return total(count, x, square); }

// Σ |x|.
inline NOINLINE double absolutes(Count count, const real* x) {
  return total(count, x, [](double one) { return std::fabs(one); });
}

// y ← f(y, x), a vector at a time.
template <class F>
INLINE void change(Count count, real* y, const real* x, F&& f) {
  Count i = 0;
  for (; i + lanes <= count; i += lanes) store_anywhere(y + i, f(load_anywhere(y + i), load_anywhere(x + i)));
  if (i < count) store_some(y + i, f(load_some(y + i, count - i), load_some(x + i, count - i)), count - i);
}

// Add to the gradients those of the penalties on parameters, and return what these add to the loss:
// λ Σ |w| with the gradient λ sign(w), and λ Σ w² with 2 λ w.
inline NOINLINE double penalize(Table table, Range range, const real* w, real* g) {
  double penalty = 0;
  for_each(table, range, [&](const Parameter& p, Count begin, Count count) {
    if (p.penalty == Penalty::none) return;
    if (p.penalty == Penalty::l1) {
      penalty += p.strength * absolutes(count, w + begin);
      change(count, g + begin, w + begin,
             [&](vec gradient, vec x) { return gradient + real(p.strength) * sign(x); });
    } else {
      penalty += p.strength * squares(count, w + begin);
      const real twice = real(2 * p.strength);
      change(count, g + begin, w + begin, [twice](vec gradient, vec x) { return gradient + twice * x; });
    }
  });
  return penalty;
}

// Whether all gradients of a range are finite numbers.
inline NOINLINE bool all_finite(Table table, Range range, const real* g) {
  bool finite = true;
  for_each(table, range, [&](const Parameter&, Count begin, Count count) {
    // g − g is 0, or NaN where g is infinite or NaN; a sum keeps it.
    vec differences{};
    Count i = 0;
    for (; i + lanes <= count; i += lanes) {
      const vec some = load_anywhere(g + begin + i);
      differences += some - some;
    }
    const vec rest = load_some(g + begin + i, count - i);
    finite = finite && sum(differences + (rest - rest)) == 0;
  });
  return finite;
}

// Σ g² over a range: added over the threads in their order, the square of the gradients' norm.
inline NOINLINE double squares(Table table, Range range, const real* g) {
  double found = 0;
  for_each(table, range, [&](const Parameter&, Count begin, Count count) { found += squares(count, g + begin); });
  return found;
}

// What gradients are multiplied by so that their norm together is at most `norm`, as torch does it.
inline double clipping(double squares, double norm) { return std::min(1.0, norm / (std::sqrt(squares) + 1e-6)); }

// Bring each row of a range of a parameter back to the length that it may have: w ← w · min(1, c / ‖w‖).
inline NOINLINE void hold_to_length(const Parameter& p, Count begin, Count count, real* w) {
  for (Count row = 0; row < p.rows; ++row) {
    const Count start = p.offset + p.start(row), size = p.offset + p.start(row + 1) - start;
    if (start < begin || start + size > begin + count) continue;
    const double length = std::sqrt(squares(size, w + start));
    if (length <= p.max_norm) continue;
    const real factor = real(p.max_norm / length);
    change(size, w + start, w + start, [factor](vec x, vec) { return x * factor; });
  }
}

// Change the parameters of a range, a thread's `part`: step number `step` counts from 1, `rate` is the learning
// rate, and `scale` the factor of clipping, or 1.
template <class Optimizer>
NOINLINE void update_range(Table table, Range range, real* w, const real* g, real* const* slots, Count step,
                           double rate, double scale) {
  for_each(table, range, [&](const Parameter& p, Count begin, Count count) {
    real* kept[Optimizer::slots + 1];  // one more, as there is no array of none
    for (int s = 0; s < Optimizer::slots; ++s) kept[s] = slots[s] + begin;
    update<Optimizer>(count, w + begin, g + begin, kept, Step{step, rate * p.rate_factor, p.decay, scale});
    if (p.max_norm > 0) hold_to_length(p, begin, count, w);
  });
}

// Move an average of parameters or statistics: a ← a + share · (w − a).
inline NOINLINE void move_average(Count count, real* average, const real* w, double share) {
  change(count, average, w, [share](vec a, vec x) { return a + real(share) * (x - a); });
}

}  // namespace deepen
