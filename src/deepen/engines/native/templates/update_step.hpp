// One step of the optimizer, on all threads of a program.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "threads.hpp"
#include "update.hpp"

namespace deepen {

// What Python hands over for a step; every member takes 8 bytes. All arrays have a place for each number.
struct Update {
  real* numbers;           // parameters and running statistics
  real* gradients;         // of the parameters; what penalties add is added here
  const real* statistics;  // the new running statistics
  real* slots[2];          // the optimizer's arrays
  real* average;           // the moving average; null: there is none
  std::int64_t first_statistic, count;  // where statistics begin among the numbers, and how many numbers there are
  std::int64_t step;       // counts from 1
  double rate, clip_norm, average_share;  // clip_norm 0: any norm
  double loss;             // in: of the batch; out: with the penalties
  std::int64_t finite;     // out: whether all was finite; if not, no parameter, slot or statistic has changed
};

// Make the step; `pack` then brings the new weights of one thread's turn into the form that kernels compute with.
template <class Optimizer, class Pack>
void make_update(Pool& pool, Table table, Update& update, Pack&& pack) {
  struct Part {
    double penalty, squares;
    bool finite;
  };
  std::vector<Part> parts(pool.threads());
  pool.run([&](int thread) {
    const Range own = part(table, thread, pool.threads());
    Part& found = parts[thread];
    found.penalty = penalize(table, own, update.numbers, update.gradients);
    found.finite = all_finite(table, own, update.gradients);
    found.squares = update.clip_norm > 0 ? squares(table, own, update.gradients) : 0;
    pool.barrier();
    Part all{update.loss, 0, true};
    for (const Part& one : parts)
      all = {all.penalty + one.penalty, all.squares + one.squares, all.finite && one.finite};
    const bool finite = all.finite && std::isfinite(all.penalty);
    pool.barrier();
    if (thread == 0) update.loss = all.penalty, update.finite = finite;
    if (!finite) return;
    const double scale = update.clip_norm > 0 ? clipping(all.squares, update.clip_norm) : 1;
    update_range<Optimizer>(table, own, update.numbers, update.gradients, update.slots, update.step, update.rate,
                            scale);
    if (thread == 0) {
      const Count first = update.first_statistic;
      std::copy(update.statistics + first, update.statistics + update.count, update.numbers + first);
    }
    pool.barrier();
    if (update.average != nullptr) {
      const auto [begin, end] = share(update.count, thread, pool.threads());
      move_average(end - begin, update.average + begin, update.numbers + begin, update.average_share);
    }
    pack(thread);
  });
}

}  // namespace deepen
