// What surrounds the calls of a generated program: its arguments, memory and threads.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <new>
#include <vector>

#include "loading.hpp"
#include "losses.hpp"
#include "threads.hpp"

namespace deepen {

// What Python hands over for a batch; every member takes 8 bytes. Unused pointers are null.
struct Arguments {
  const void* images;           // the data set, or the batch itself
  std::int64_t pixels;          // the type of its numbers, a `Pixels`
  const std::int64_t* indices;  // the images of the batch in it; null: all, in their order
  std::int64_t count;           // N
  const std::int64_t* classes;  // the targets: class numbers (N,), or
  const real* rows;             // rows (N, K)
  Moment moment;
  const real* numbers;          // parameters and running statistics, each at its offset
  real* gradients;              // of the parameters, at the same offsets
  real* statistics;             // the new running statistics, at the same offsets
  real* outputs;                // (N, K)
  real* input_gradient;         // (N, C, H, W)
  real* const* watched;         // one (N, …) for each layer that is looked at
  double loss;                  // the mean over the batch, penalties on activity included
  std::int64_t hits;            // how many images have their largest output at their label
};

// An array of a number of its own of numbers, aligned; a kernel may need none.
template <class Number, long Count>
struct Numbers {
  alignas(64) Number data[Count > 0 ? Count : 1];
  operator Number*() { return data; }
  operator const Number*() const { return data; }
};

// Memory that grows when it has to; what it holds is lost then.
class Memory {
 public:
  ~Memory() { std::free(data_); }
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  real* reserve(long count) {
    if (count > count_) {
      std::free(data_);
      data_ = static_cast<real*>(std::aligned_alloc(64, (count * sizeof(real) + 63) / 64 * 64));
      count_ = data_ == nullptr ? 0 : count;
    }
    return data_;
  }

 private:
  real* data_ = nullptr;
  long count_ = 0;
};

constexpr long most(std::initializer_list<long> counts) {
  long found = 0;
  for (long count : counts) found = count > found ? count : found;
  return found;
}

constexpr long aligned(long count) { return (count + lanes - 1) / lanes * lanes; }

constexpr long numbers_in(long bytes) { return (bytes + sizeof(real) - 1) / sizeof(real); }

INLINE std::byte* bytes(real* cell) { return reinterpret_cast<std::byte*>(cell); }

// The arrays of a kernel among a program's numbers.
template <class Number, std::size_t Count>
struct Arrays {
  Number* at[Count];
  Arrays(Number* numbers, const long (&offsets)[Count]) {
    for (std::size_t i = 0; i < Count; ++i) at[i] = numbers + offsets[i];
  }
};

template <class K, std::size_t Count>
void pack(const real* numbers, const long (&offsets)[Count], real* weights) {
  K::pack(Arrays<const real, Count>(numbers, offsets).at, weights);
}

template <class K, std::size_t Count>
void unpack(const real* sums, const long (&offsets)[Count], real* gradients) {
  K::unpack(sums, Arrays<real, Count>(gradients, offsets).at);
}

// One routine of a program at work. Weights are what the kernels packed; each thread has Sums of gradients, the
// Batchwise sums of statistics, and its scratch; Coefficients are what batch normalization makes of the latter.
template <class Weights, class Sums, class Batchwise, class Coefficients>
struct Routine {
  struct Thread {
    Sums sums;
    Batchwise batchwise;
    Tally tally;
    double penalty;
    Memory scratch;
  };

  Pool& pool;
  std::unique_ptr<Weights> weights = std::make_unique<Weights>();
  std::unique_ptr<Coefficients> own_coefficients = std::make_unique<Coefficients>();
  Coefficients& coefficients = *own_coefficients;
  std::vector<std::unique_ptr<Thread>> threads;
  Memory storage;
  Arguments* given = nullptr;
  real* stored = nullptr;
  Memory rows[2];
  real* mixed_rows = nullptr;

  explicit Routine(Pool& pool) : pool(pool) {
    for (int i = 0; i < pool.threads(); ++i) threads.push_back(std::make_unique<Thread>());
  }

  // Make ready for a batch, in memory of so many numbers for each image and for each thread; false: there is none.
  bool begin(Arguments& arguments, long per_image, long per_thread) {
    given = &arguments;
    mixed_rows = nullptr;
    stored = storage.reserve(per_image * arguments.count + 16);
    bool enough = stored != nullptr;
    for (auto& thread : threads) enough = enough && thread->scratch.reserve(per_thread) != nullptr;
    return enough;
  }

  void begin_thread(int thread) {
    Thread& own = *threads[thread];
    std::memset(static_cast<void*>(&own.sums), 0, sizeof own.sums);
    std::memset(static_cast<void*>(&own.batchwise), 0, sizeof own.batchwise);
    own.tally = {};
    own.penalty = 0;
  }

  Sums& sums(int thread) { return threads[thread]->sums; }
  Batchwise& batchwise(int thread) { return threads[thread]->batchwise; }
  Tally& tally(int thread) { return threads[thread]->tally; }
  real* scratch(int thread) { return threads[thread]->scratch.reserve(0); }
  long batch() const { return given->count; }
  Source source() const { return {given->images, given->pixels, given->indices}; }
  Targets targets() const { return {given->classes, mixed_rows ? mixed_rows : given->rows}; }

  // Room for the rows of targets (N, K) after mixture number `number`, which takes those of the one before.
  real* rows_after(int number, long classes) {
    return mixed_rows = rows[number % 2].reserve(given->count * classes);
  }
  const real* rows_before(int number) { return number == 0 ? given->rows : rows[(number - 1) % 2].reserve(0); }

  Pass pass(int thread, long first, long last, real* work) {
    return {int(last - first), first, given->count, given->moment, work, &threads[thread]->penalty};
  }

  template <class M>
  static void hand_out(const Pass& pass, const real* x, real* images) {
    constexpr long size = long(M::channels) * M::height * M::width;
    for (int i = 0; i < pass.count; ++i) bring_out<M>(x + i * M::size, images + (pass.first + i) * size);
  }

  // Add the threads' sums of gradients up, always in the same order; each thread does its part of them.
  void reduce(int thread) {
    const auto [from, to] = share(sizeof(Sums) / sizeof(real), thread, pool.threads());
    real* total = reinterpret_cast<real*>(&sums(0));
    for (int other = 1; other < pool.threads(); ++other) {
      const real* more = reinterpret_cast<const real*>(&sums(other));
      for (long i = from; i < to; ++i) total[i] += more[i];
    }
  }

  void finish() {
    given->loss = 0;
    given->hits = 0;
    for (auto& thread : threads) {
      given->loss += thread->tally.loss + thread->penalty;
      given->hits += thread->tally.hits;
    }
  }

  bool turn(int thread, long task) const { return task % pool.threads() == thread; }
};

// What one thread does for all where the statistics of a batch are known, K a batch normalization.
template <class K, class Run, class Member>
void finish(Run& run, Member member, const long (&parameters)[2], const long (&running)[2], real* coefficients) {
  std::vector<double*> moments;
  for (auto& thread : run.threads) moments.push_back(thread->batchwise.*member);
  const Arrays<const real, 2> own(run.given->numbers, parameters), before(run.given->numbers, running);
  const Arrays<real, 2> after(run.given->statistics, running);
  K::finish(int(moments.size()), moments.data(), own.at, before.at, after.at, coefficients);
}

// The same on the way back; an image has so many values of a channel.
template <class K, class Run, class Member>
void finish_back(Run& run, Member member, const long (&parameters)[2], long values, real* coefficients) {
  std::vector<double*> sums;
  for (auto& thread : run.threads) sums.push_back(thread->batchwise.*member);
  const Arrays<const real, 2> own(run.given->numbers, parameters);
  const Arrays<real, 2> gradients(run.given->gradients, parameters);
  K::finish_back(int(sums.size()), sums.data(), own.at, gradients.at, double(values) * run.batch(), coefficients);
}

}  // namespace deepen
