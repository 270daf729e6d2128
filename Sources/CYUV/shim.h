// libyuv, and the one conversion it leaves out.
#ifndef CYUV_SHIM_H
#define CYUV_SHIM_H

#include <libyuv.h>

/// Brings a plane of full range (JPEG's: 0–255) to the limited range of video (BT.601: Y 16–235, U and V 16–240), in
/// place. `luma`: whether it is Y.
static inline void yuv_limit_range(uint8_t *plane, ptrdiff_t stride, int width, int height, int luma) {
    // In 1/16384; the offset keeps black at 16, or the middle of U and V at 128, and rounds.
    const uint32_t factor = luma ? 14071 : 14392;
    const uint32_t offset = (luma ? 16 * 16384u : 128 * (16384u - 14392u)) + 8192;
    for (int row = 0; row < height; row++) {
        uint8_t *pixel = plane + row * stride;
        for (int column = 0; column < width; column++) {
            pixel[column] = (uint8_t)((pixel[column] * factor + offset) >> 14);
        }
    }
}

#endif
