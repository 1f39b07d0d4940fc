// What every kernel is told about the images that it is called for.
#pragma once
#include <cstddef>

#include "map.hpp"

namespace deepen {

// When a draw is made, as in deepen.randomness: all that random numbers depend on, besides their purpose.
struct Moment {
  std::uint64_t seed, epoch, step, position;
};

// A few images of a batch, which go through a stretch of the network together.
struct Pass {
  int count;        // how many images; each takes `Map::size` numbers, one after the other
  Count first;      // the place of the first of them in the batch
  Count batch;      // N: how many images the whole batch has
  Moment moment;    // of the batch's first image
  real* work;       // numbers that a kernel may use while it runs: `Kernel::work(count)` of them
  double* penalty;  // what penalties on activity add to the loss of the batch (divided by N already)
};

// A kernel is a type with these members, all static; the base has what a kernel without parameters needs.
//
//   weights   how many numbers the packed parameters take
//   pack      brings parameters from NumPy's layout into the one that the kernel computes with
//   forward   computes y from x, for `pass.count` images
//   kept      how many bytes of an image the way back needs besides x and y
//   backward  computes dx from dy (written, not added to; nullptr where nobody asks for it), and adds what this
//             thread's images contribute to the gradients of the parameters to `sums`
//   sums      how many numbers these take; a thread's are zero when a batch begins
//   unpack    brings the sums, added over all threads, into NumPy's layout
//   work      how many numbers forward and backward use while they run, for so many images
//
// Some follow a protocol of their own, which is told where they are: BatchNormalization, which needs sums over the
// whole batch, and Place and Add, which have several inputs.
//
//   Count work(int count);
//   void pack(const real* const* parameters, real* weights);
//   void forward(const Pass&, const real* x, real* y, const real* weights, std::byte* kept);
//   void backward(const Pass&, const real* x, const real* y, const real* dy, real* dx, const real* weights,
//                 const std::byte* kept, real* sums);
//   void unpack(const real* sums, real* const* gradients);
struct Kernel {
  static constexpr Count weights = 0, sums = 0, kept = 0;
  static constexpr Count work(int) { return 0; }
  static void pack(const real* const*, real*) {}
  static void unpack(const real*, real* const*) {}
};

}  // namespace deepen
