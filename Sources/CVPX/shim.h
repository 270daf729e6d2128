// libvpx, and what Swift cannot import of it: initialisers that are macros (they carry the ABI's version), variadic
// controls, and packets that are unions.
#ifndef CVPX_SHIM_H
#define CVPX_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

static inline vpx_codec_err_t vpx_shim_vp8_encoder_defaults(vpx_codec_enc_cfg_t *config) {
    return vpx_codec_enc_config_default(vpx_codec_vp8_cx(), config, 0);
}

static inline vpx_codec_err_t vpx_shim_vp8_encoder_init(vpx_codec_ctx_t *codec, const vpx_codec_enc_cfg_t *config) {
    return vpx_codec_enc_init(codec, vpx_codec_vp8_cx(), config, 0);
}

/// cpu-used, from the next picture on.
static inline vpx_codec_err_t vpx_shim_vp8_encoder_speed(vpx_codec_ctx_t *codec, int speed) {
    return vpx_codec_control(codec, VP8E_SET_CPUUSED, -speed);
}

/// The controls of a live stream.
/// - `speed`: libvpx's cpu-used, 1 to 16; real time asks for it negated (a fixed speed instead of an adapted one).
/// - `screen`: 0 for a camera, 1 for a screen, 2 for a screen at all costs.
static inline vpx_codec_err_t vpx_shim_vp8_encoder_control(
    vpx_codec_ctx_t *codec, int speed, unsigned screen, unsigned static_threshold, unsigned max_intra_percent) {
    vpx_codec_err_t status = vpx_codec_control(codec, VP8E_SET_CPUUSED, -speed);
    if (!status) status = vpx_codec_control(codec, VP8E_SET_SCREEN_CONTENT_MODE, screen);
    if (!status) status = vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, static_threshold);
    if (!status) status = vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, max_intra_percent);
    return status;
}

/// One I420 picture, where it lies.
typedef struct {
    const uint8_t *y, *u, *v;
    int stride_y, stride_u, stride_v;
    unsigned width, height;
} vpx_shim_picture;

static inline vpx_codec_err_t vpx_shim_encode(
    vpx_codec_ctx_t *codec, const vpx_shim_picture *picture, int64_t pts, unsigned long duration, bool keyframe) {
    vpx_image_t image;
    // The pixels are only read: the planes lose their const on the way.
    if (!vpx_img_wrap(&image, VPX_IMG_FMT_I420, picture->width, picture->height, 1, (unsigned char *)picture->y))
        return VPX_CODEC_INVALID_PARAM;
    image.planes[VPX_PLANE_Y] = (unsigned char *)picture->y;
    image.planes[VPX_PLANE_U] = (unsigned char *)picture->u;
    image.planes[VPX_PLANE_V] = (unsigned char *)picture->v;
    image.stride[VPX_PLANE_Y] = picture->stride_y;
    image.stride[VPX_PLANE_U] = picture->stride_u;
    image.stride[VPX_PLANE_V] = picture->stride_v;
    return vpx_codec_encode(codec, &image, pts, duration, keyframe ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
}

/// The next piece of encoded data, or NULL; valid until the next call to encode.
static inline const void *vpx_shim_next_encoded(
    vpx_codec_ctx_t *codec, vpx_codec_iter_t *iterator, size_t *size, bool *is_keyframe) {
    const vpx_codec_cx_pkt_t *packet;
    while ((packet = vpx_codec_get_cx_data(codec, iterator))) {
        if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
        *size = packet->data.frame.sz;
        *is_keyframe = packet->data.frame.flags & VPX_FRAME_IS_KEY;
        return packet->data.frame.buf;
    }
    return NULL;
}

static inline vpx_codec_err_t vpx_shim_vp8_decoder_init(vpx_codec_ctx_t *codec, unsigned threads) {
    vpx_codec_dec_cfg_t config = {.threads = threads};
    return vpx_codec_dec_init(codec, vpx_codec_vp8_dx(), &config, 0);
}

/// The picture that the last call to decode gave, in the decoder's memory. False where there is none.
static inline bool vpx_shim_decoded(vpx_codec_ctx_t *codec, vpx_shim_picture *picture) {
    vpx_codec_iter_t iterator = NULL;
    const vpx_image_t *image = vpx_codec_get_frame(codec, &iterator);
    if (!image || image->fmt != VPX_IMG_FMT_I420) return false;
    *picture = (vpx_shim_picture){
        .y = image->planes[VPX_PLANE_Y],
        .u = image->planes[VPX_PLANE_U],
        .v = image->planes[VPX_PLANE_V],
        .stride_y = image->stride[VPX_PLANE_Y],
        .stride_u = image->stride[VPX_PLANE_U],
        .stride_v = image->stride[VPX_PLANE_V],
        .width = image->d_w,
        .height = image->d_h,
    };
    return true;
}

/// Whether the last picture was decoded from damaged data.
static inline bool vpx_shim_is_corrupted(vpx_codec_ctx_t *codec) {
    int corrupted = 0;
    return vpx_codec_control(codec, VP8D_GET_FRAME_CORRUPTED, &corrupted) == VPX_CODEC_OK && corrupted;
}

#endif
