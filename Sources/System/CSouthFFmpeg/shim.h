#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

// Macros that Swift does not import.
static inline int south_averror(int code) { return AVERROR(code); }
static inline int south_averror_eof(void) { return AVERROR_EOF; }
static inline int south_decoder_not_found(void) { return AVERROR_DECODER_NOT_FOUND; }
static inline int64_t south_no_pts(void) { return AV_NOPTS_VALUE; }

/// The display matrix of a stream: nine fixed-point numbers, or null. It lies elsewhere since 7.0.
static inline const int32_t *south_display_matrix(const AVStream *stream) {
    size_t bytes = 0;
    const uint8_t *data = NULL;
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    const AVPacketSideData *found = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data,
        AV_PKT_DATA_DISPLAYMATRIX);
    if (found != NULL) {
        data = found->data;
        bytes = found->size;
    }
#else
    data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
#endif
    return bytes >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)data : NULL;
}

// The scaler's handle and flags are other C types in other releases of FFmpeg, so its calls stay
// on this side.

/// Bytes of a row of packed RGB with room for the scaler, which works in wide steps.
static inline int south_rgb_stride(int width) { return (width * 3 + 63) / 64 * 64 + 64; }

/// Converts a picture of any format to packed 8-bit RGB `[height, width, 3]` of the same size, by
/// the matrix and range that it declares. Negative on failure.
static inline int south_to_rgb(const AVFrame *frame, uint8_t *rgb) {
    struct SwsContext *scaler = sws_getContext(
        frame->width, frame->height, (enum AVPixelFormat)frame->format, frame->width,
        frame->height, AV_PIX_FMT_RGB24, SWS_BILINEAR, NULL, NULL, NULL);
    if (scaler == NULL) return AVERROR(EINVAL);
    // A format without a matrix (RGB, grey) refuses it, which is as it should be.
    sws_setColorspaceDetails(
        scaler, sws_getCoefficients(frame->colorspace), frame->color_range == AVCOL_RANGE_JPEG,
        sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    int stride = south_rgb_stride(frame->width);
    uint8_t *wide = (uint8_t *)av_malloc((size_t)stride * (size_t)frame->height);
    int rows = 0;
    if (wide != NULL) {
        uint8_t *targets[4] = {wide, NULL, NULL, NULL};
        int strides[4] = {stride, 0, 0, 0};
        rows = sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0,
                         frame->height, targets, strides);
        av_image_copy_plane(rgb, frame->width * 3, wide, stride, frame->width * 3, frame->height);
    }
    av_free(wide);
    sws_freeContext(scaler);
    return rows == frame->height ? 0 : AVERROR(EINVAL);
}

/// Converts packed 8-bit RGB, in rows of `south_rgb_stride` bytes, to the frame's YUV 4:2:0 by
/// BT.601 in limited range, with the same bytes on every machine. Negative on failure.
static inline int south_from_rgb(const uint8_t *rgb, AVFrame *frame) {
    struct SwsContext *scaler = sws_getContext(
        frame->width, frame->height, AV_PIX_FMT_RGB24, frame->width, frame->height,
        (enum AVPixelFormat)frame->format, SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT, NULL,
        NULL, NULL);
    if (scaler == NULL) return AVERROR(EINVAL);
    const uint8_t *sources[4] = {rgb, NULL, NULL, NULL};
    int strides[4] = {south_rgb_stride(frame->width), 0, 0, 0};
    int rows = sws_scale(scaler, sources, strides, 0, frame->height, frame->data, frame->linesize);
    sws_freeContext(scaler);
    return rows == frame->height ? 0 : AVERROR(EINVAL);
}

/// Silences FFmpeg and the encoders that log through it: what went wrong is in the error thrown.
static inline void south_quiet_ffmpeg(void) { av_log_set_level(AV_LOG_QUIET); }
