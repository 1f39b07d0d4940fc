// How many multiply-adds the processor's vector units compute at most: sums in registers, and nothing else.
#include <thread>
#include <vector>

#include "vectors.hpp"

using namespace deepen;

namespace {

// A sum waits for itself for 4 or 5 cycles, and two can begin in each: these are enough, and fit into registers.
constexpr int sums = 12;

// Each sum begins with a number that the compiler does not know: equal sums it would compute once.
NOINLINE void multiply_add(long times, const real* begin, real* result) {
  vec sum[sums];
  for (int i = 0; i < sums; ++i) sum[i] = all(begin[i]);
  const vec a = all(begin[0]), b = all(begin[1]);
  for (; times > 0; --times) {
#pragma GCC unroll 12
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
  }
  for (const vec& each : sum) *result += deepen::sum(each);
}

}  // namespace

// Computes so many billions of multiplications and additions on each thread; returns what nobody needs.
extern "C" double compute(int threads, double billions) {
  const long times = long(billions * 1e9 / (2 * sums * lanes));
  std::vector<real> begin(sums);
  for (int i = 0; i < sums; ++i) begin[i] = real(1) / real(i + 2);
  std::vector<real> results(threads * 16);
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back(multiply_add, times, begin.data(), &results[t * 16]);
  multiply_add(times, begin.data(), &results[0]);
  for (std::thread& each : others) each.join();
  double total = 0;
  for (const real each : results) total += each;
  return total;
}
