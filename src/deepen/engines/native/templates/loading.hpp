// How images come into a step: from the data, varied on the way, into the map that the network reads.
#pragma once
#include "augment_mix.hpp"

namespace deepen {

// The images of a batch: which ones they are in the data; null stands for all in their order.
struct Source {
  const void* images;
  std::int64_t pixels;  // the type of their numbers, a `Pixels`
  const std::int64_t* indices;

  Count index(Count place) const { return indices ? indices[place] : place; }
};

// As they are.
template <class M>
void load(const Pass& pass, const Source& source, real* images) {
  for (int i = 0; i < pass.count; ++i)
    load_image<M>(source.images, source.pixels, source.index(pass.first + i), images + i * M::size);
}

// The image at a place of the batch on a canvas, its channels one after the other, varied by a function of the
// program.
template <class Image, auto Vary>
Image varied(const Pass& pass, const Source& source, Count place) {
  const Count index = source.index(place);
  Image canvas(pass.work);
  load_image<typename Image::Planes>(source.images, source.pixels, index, canvas.image);
  Vary(canvas, pass.moment, place, index);
  return canvas;
}

// Varied by a function of the program; takes `Image::scratch` numbers of work.
template <class M, class Image, auto Vary>
void load_varied(const Pass& pass, const Source& source, real* images) {
  for (int i = 0; i < pass.count; ++i)
    arrange<M>(varied<Image, Vary>(pass, source, pass.first + i).image, images + i * M::size);
}

// The same up to where images are mixed: all of the batch have to be there before one can be, so they are stored.
template <class Image, auto Vary>
void begin_mixing(const Pass& pass, const Source& source, real* images) {
  for (int i = 0; i < pass.count; ++i) {
    const Image canvas = varied<Image, Vary>(pass, source, pass.first + i);
    std::memcpy(images + i * Image::size, canvas.image, Image::size * sizeof(real));
  }
}

// Mix each image with the one that stands as far from the end of the batch, their rows of targets `(N, K)` too,
// and go on varying. `images` points to this group's first one, among those of the whole batch.
template <class Image, auto Mix, auto Vary>
void mix_on(const Pass& pass, const Source& source, const real* images, const real* rows, Count classes,
            real* mixed_rows, real* mixed_images) {
  const real* const batch = images - pass.first * Image::size;
  for (int i = 0; i < pass.count; ++i) {
    const Count place = pass.first + i;
    Image canvas(pass.work);
    Mix(canvas, pair_at<Image>(place, pass.batch, batch, rows, classes, mixed_rows), pass.moment, place);
    Vary(canvas, pass.moment, place, source.index(place));
    std::memcpy(mixed_images + i * Image::size, canvas.image, Image::size * sizeof(real));
  }
}

// What was mixed, as the map that the network reads.
template <class M, class Image>
void end_mixing(const Pass& pass, const real* mixed, real* images) {
  for (int i = 0; i < pass.count; ++i) arrange<M>(mixed + i * Image::size, images + i * M::size);
}

}  // namespace deepen
