// What surrounds the calls of a generated program: its arguments, memory and threads.
#pragma once
#include <algorithm>
#include <exception>
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

// An aligned array; each kernel has its own number of numbers, and some have none.
template <class Number, Count Size>
struct Numbers {
  alignas(64) Number data[Size > 0 ? Size : 1];
  operator Number*() { return data; }
  operator const Number*() const { return data; }
};

// Memory that grows when it has to; what it holds is lost then.
class Memory {
 public:
  ~Memory() { give_back(); }
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Make room for so many numbers; false: there is none.
  bool reserve(Count count) {
    if (count <= count_) return true;
    give_back();
    data_ = static_cast<real*>(::operator new(count * sizeof(real), alignment, std::nothrow));
    count_ = data_ == nullptr ? 0 : count;
    return data_ != nullptr;
  }
  real* data() const { return data_; }

 private:
  static constexpr std::align_val_t alignment{64};

  void give_back() { ::operator delete(data_, alignment); }

  real* data_ = nullptr;
  Count count_ = 0;
};

constexpr Count most(std::initializer_list<Count> counts) {
  Count found = 0;
  for (Count count : counts) found = count > found ? count : found;
  return found;
}

INLINE std::byte* bytes(real* cell) { return reinterpret_cast<std::byte*>(cell); }

// The arrays of a kernel among a program's numbers.
template <class Number, std::size_t Size>
struct Arrays {
  Number* at[Size];
  Arrays(Number* numbers, const Count (&offsets)[Size]) {
    for (std::size_t i = 0; i < Size; ++i) at[i] = numbers + offsets[i];
  }
};

template <class K, std::size_t Size>
void pack(const real* numbers, const Count (&offsets)[Size], real* weights) {
  K::pack(Arrays<const real, Size>(numbers, offsets).at, weights);
}

template <class K, std::size_t Size>
void unpack(const real* sums, const Count (&offsets)[Size], real* gradients) {
  K::unpack(sums, Arrays<real, Size>(gradients, offsets).at);
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
  std::vector<double*> of_threads;  // where each has one of its Batchwise sums
  Memory storage;
  Arguments* given = nullptr;
  real* stored = nullptr;
  Memory rows[2];
  real* mixed_rows = nullptr;

  explicit Routine(Pool& pool) : pool(pool) {
    for (int i = 0; i < pool.threads(); ++i) threads.push_back(std::make_unique<Thread>());
    of_threads.resize(threads.size());
  }

  // Make ready for a batch, in memory of so many numbers for each image, for each thread, and for the row of
  // targets of an image that is mixed; false: there is none.
  bool begin(Arguments& arguments, Count per_image, Count per_thread, Count per_row) {
    given = &arguments;
    mixed_rows = nullptr;
    bool enough = storage.reserve(per_image * arguments.count);
    for (Memory& all : rows) enough = enough && all.reserve(per_row * arguments.count);
    for (auto& thread : threads) enough = enough && thread->scratch.reserve(per_thread);
    stored = storage.data();
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
  real* scratch(int thread) { return threads[thread]->scratch.data(); }
  Count batch() const { return given->count; }
  Source source() const { return {given->images, given->pixels, given->indices}; }
  Targets targets() const { return {given->classes, mixed_rows ? mixed_rows : given->rows}; }

  // The rows of targets (N, K) before a mixture, and where those behind it go; they are what counts from then on.
  const real* rows_before(int mixture) { return mixture == 0 ? given->rows : rows[(mixture - 1) % 2].data(); }
  void begin_mixture(int mixture) { mixed_rows = rows[mixture % 2].data(); }

  Pass pass(int thread, Count first, Count last, real* work) {
    return {int(last - first), first, given->count, given->moment, work, &threads[thread]->penalty};
  }

  template <class M>
  static void hand_out(const Pass& pass, const real* x, real* images) {
    constexpr Count size = Count(M::channels) * M::height * M::width;
    for (int i = 0; i < pass.count; ++i) bring_out<M>(x + i * M::size, images + (pass.first + i) * size);
  }

  // Add the threads' sums of gradients up, always in the same order; each thread does its part of them.
  void reduce(int thread) {
    const auto [from, to] = share(sizeof(Sums) / sizeof(real), thread, pool.threads());
    real* total = reinterpret_cast<real*>(&sums(0));
    for (int other = 1; other < pool.threads(); ++other) {
      const real* more = reinterpret_cast<const real*>(&sums(other));
      for (Count i = from; i < to; ++i) total[i] += more[i];
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

  // Where each thread's sums of one kind are, a member of Batchwise.
  template <class Member>
  double* const* of_all(Member member) {
    for (std::size_t i = 0; i < threads.size(); ++i) of_threads[i] = threads[i]->batchwise.*member;
    return of_threads.data();
  }

  bool turn(int thread, Count task) const { return task % pool.threads() == thread; }
};

// What one thread does for all where the statistics of a batch are known, K a batch normalization.
template <class K, class Run, class Member>
void finish(Run& run, Member member, const Count (&parameters)[2], const Count (&running)[2], real* coefficients) {
  const Arrays<const real, 2> own(run.given->numbers, parameters), before(run.given->numbers, running);
  const Arrays<real, 2> after(run.given->statistics, running);
  K::finish(run.pool.threads(), run.of_all(member), own.at, before.at, after.at, coefficients);
}

// The same on the way back; an image has so many values of a channel.
template <class K, class Run, class Member>
void finish_back(Run& run, Member member, const Count (&parameters)[2], Count values, real* coefficients) {
  const Arrays<const real, 2> own(run.given->numbers, parameters);
  const Arrays<real, 2> gradients(run.given->gradients, parameters);
  K::finish_back(run.pool.threads(), run.of_all(member), own.at, gradients.at, double(values) * run.batch(),
                 coefficients);
}

}  // namespace deepen
