// What augmentations work on. Each is a function that varies one image, and is given its numbers and settings.
#pragma once
#include "images.hpp"
#include "random.hpp"

namespace deepen {

// An image (C, H, W) that is being varied, and as much room again: what cannot vary it where it stands writes
// into `spare` and swaps the two. Both have room for a frame of one pixel around the image, and end with a whole
// vector, so that what treats all pixels alike needs no remainder.
template <int C, int H, int W>
struct Canvas {
  static constexpr int channels = C, height = H, width = W, plane = H * W;
  static constexpr int vectors = round_up(C * plane, lanes) / lanes;
  static constexpr int size = vectors * lanes;  // numbers from one image to the next, where many wait
  static constexpr int room = round_up(C * (H + 2) * (W + 2), 64);
  static constexpr int padded_width = round_up(W, lanes);
  static constexpr int fields = round_up(2 * H * padded_width, 64);
  static constexpr Count scratch = Count(2) * room + fields;  // numbers that a thread needs for a canvas

  using Planes = Map<1, C * H, W, 0, 1>;  // where the data's image is brought to: it stays as it is, (C, H, W)

  real* image;
  real* spare;
  real* field;  // two numbers for each pixel, rows padded

  explicit Canvas(real* memory) : image(memory), spare(memory + room), field(memory + 2 * room) {}

  void swap() {
    real* const varied = spare;
    spare = image;
    image = varied;
  }
};

// From a number in [0, 1) to one from −most up to most.
template <class Number>
INLINE Number symmetric(Number u, Number most) {
  return (2 * u - 1) * most;
}

// From a number in [0, 1) to a whole one from 0 to count − 1, each as likely.
INLINE int place_of(float u, int count) { return int(double(u) * count); }

INLINE constexpr int at_most(int value, int most) { return value < most ? value : most; }
INLINE constexpr int not_below(int value, int least) { return value > least ? value : least; }

// Rows from `top` up to `bottom` and columns from `left` up to `right`, the latter not included.
struct Box {
  int top, bottom, left, right;

  // The part of it inside an image.
  Box within(int height, int width) const {
    return {not_below(top, 0), at_most(bottom, height), not_below(left, 0), at_most(right, width)};
  }
};

}  // namespace deepen
