// libpng's simplified interface; its structure is set up by macros.
#ifndef CPNG_SHIM_H
#define CPNG_SHIM_H

#include <png.h>
#include <stdint.h>
#include <string.h>

/// The most bytes that a PNG of this size takes, 0 where it is too large for libpng.
static inline size_t png_rgb_size_max(uint32_t width, uint32_t height) {
    if (width == 0 || height == 0 || width > 0x7fff || height > 0x7fff) { return 0; }
    png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
    return PNG_IMAGE_PNG_SIZE_MAX(image);
}

/// Writes packed R G B rows as a PNG into `png`.
/// Returns the bytes written; 0 on failure, with libpng's words in `message` (64 bytes).
static inline size_t png_write_rgb(
    const uint8_t *rgb, uint32_t width, uint32_t height, void *png, size_t capacity, uint8_t *message) {
    png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = capacity;
    int done = png_image_write_to_memory(&image, png, &size, 0, rgb, 0, NULL);
    memcpy(message, image.message, 64);
    message[63] = 0;
    png_image_free(&image);
    return done ? size : 0;
}

#endif
