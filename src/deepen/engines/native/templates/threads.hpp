// Threads that work on the same step: each takes its share of the batch, and now and then all wait for each other.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "vectors.hpp"

#ifndef _WIN32
#include <csignal>
#include <unistd.h>
#endif

namespace deepen {

// The range [begin, end) of `count` things that are a thread's: shares lie one behind the other and differ by one
// at most. It depends on nothing else, so that the same number of threads always adds in the same order.
static inline std::pair<Count, Count> share(Count count, int thread, int threads) {
  return {count * thread / threads, count * (thread + 1) / threads};
}

// Tells the processor that a loop only waits: it saves power, and leaves more to the core's other thread.
INLINE void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Where a fixed number of threads meet: whoever comes waits until all have come.
//
// The last to come begins a new round; the others watch the number of the round, busily at first (that takes less
// than a microsecond), and asleep when it takes longer: then somebody else may need the core, perhaps the one that
// is waited for.
class Barrier {
 public:
  explicit Barrier(int threads)
      : threads_(threads),
        spin_(threads <= int(std::thread::hardware_concurrency()) ? patience : patience.zero()) {}

  void wait() {
    const unsigned round = round_.load(std::memory_order_relaxed);
    if (!arrive() && !spin(round)) sleep(round);
  }

  // Come without waiting; return whether all the others were there already.
  bool arrive() {
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < threads_) return false;
    arrived_.store(0, std::memory_order_relaxed);  // nobody comes again before the round has changed
    round_.fetch_add(1);
    // A sleeper says so before it looks at the round for the last time: it sees the new one, or is seen here.
    if (sleepers_.load() > 0) {
      { const std::lock_guard<std::mutex> between_look_and_sleep(mutex_); }
      wake_.notify_all();
    }
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::duration patience = std::chrono::microseconds(20);

  bool spin(unsigned round) const {
    if (spin_ == spin_.zero()) return false;
    const Clock::time_point begin = Clock::now();
    do {
      for (int look = 0; look < 64; ++look) {
        if (round_.load(std::memory_order_acquire) != round) return true;
        relax();
      }
    } while (Clock::now() - begin < spin_);
    return false;
  }

  void sleep(unsigned round) {
    sleepers_.fetch_add(1);
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_.load() != round; });
    }
    sleepers_.fetch_sub(1);
  }

  const int threads_;
  const Clock::duration spin_;  // no spinning where there are fewer cores than threads
  // What all write to lies apart from what all watch, so that an arrival does not disturb those who wait.
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

// Some threads, one of them the caller's own, which is number 0; the others sleep while there is nothing to do.
//
//   Pool pool(4);
//   pool.run([&](int thread) { ...; pool.barrier(); ...; });   // on all four; returns when all are done
//
// A pool belongs to whoever made it, and ends its threads with itself: a static one would end when the process
// does, when its threads may be gone already. One caller at a time.
class Pool {
 public:
  // Throws std::system_error where the system has no more threads to give.
  explicit Pool(int threads) : threads_(threads) { begin(); }

  ~Pool() {
    if (!forked()) end();
  }

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Call work(thread) on every thread, and return when all have done it. It must not throw.
  template <class Work>
  void run(Work&& work) {
    if (forked()) begin();
    crew_->work = &work;
    crew_->call = [](void* what, int thread) { (*static_cast<std::remove_reference_t<Work>*>(what))(thread); };
    crew_->barrier.wait();
    work(0);
    crew_->barrier.wait();
  }

  // Inside of `run`, wait until all threads have come here: what they have written before is there for all.
  void barrier() { crew_->barrier.wait(); }

 private:
  struct Crew {
    explicit Crew(int threads) : barrier(threads) {}
    Barrier barrier;
    void (*call)(void*, int) = nullptr;  // nullptr ends the workers
    void* work = nullptr;
    std::vector<std::thread> workers;
  };

  static void labour(Crew* crew, int thread) {
    for (;;) {
      crew->barrier.wait();
      if (crew->call == nullptr) return;
      crew->call(crew->work, thread);
      crew->barrier.wait();
    }
  }

  // In a process that was forked from the pool's there is no crew: threads are not copied, and of the memory that
  // they share nobody knows what it was just going through. It is left alone, and another crew begins.
  void begin() {
    crew_ = new Crew(threads_);
    [[maybe_unused]] const Masked signals;
    try {
      for (int thread = 1; thread < threads_; ++thread) crew_->workers.emplace_back(labour, crew_, thread);
    } catch (const std::system_error&) {
      end();
      throw;
    }
    process_ = process();
  }

  // The workers wait at the barrier, and find nothing to do behind it.
  void end() {
    crew_->call = nullptr;
    for (int missing = int(crew_->workers.size()) + 1; missing < threads_; ++missing) crew_->barrier.arrive();
    crew_->barrier.wait();
    for (std::thread& worker : crew_->workers) worker.join();
    delete crew_;
  }

  bool forked() const { return process_ != process(); }

#ifdef _WIN32
  static long process() { return 0; }
  struct Masked {};
#else
  static long process() { return long(getpid()); }

  // Workers begin with the signals masked that the caller has while this lives: Ctrl-C and the like are for
  // Python's own thread. Faults of a thread itself stay, so that they are reported.
  struct Masked {
    Masked() {
      sigset_t all;
      sigfillset(&all);
      for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, fault);
      pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~Masked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    sigset_t before_;
  };
#endif

  const int threads_;
  long process_ = 0;
  Crew* crew_ = nullptr;
};

}  // namespace deepen
