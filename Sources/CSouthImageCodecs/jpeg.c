#include "southimagecodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// A file may hold thousands of tiny progressive scans, each a pass over the whole picture.
enum { MAXIMUM_SCANS = 500 };

typedef struct {
    struct jpeg_error_mgr base;  // first: libjpeg sees only this
    jmp_buf jump;
    south_image_result *result;
} error_state;

static void fail(j_common_ptr codec) {
    error_state *state = (error_state *)codec->err;
    char text[JMSG_LENGTH_MAX];
    state->base.format_message(codec, text);
    snprintf(state->result->message, SOUTH_IMAGE_MESSAGE, "%s", text);
    switch (state->base.msg_code) {
    case JERR_OUT_OF_MEMORY: state->result->status = SOUTH_IMAGE_NO_MEMORY; break;
    case JERR_INPUT_EMPTY:
    case JERR_INPUT_EOF:
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER: state->result->status = SOUTH_IMAGE_TRUNCATED; break;
    default: state->result->status = SOUTH_IMAGE_BROKEN;
    }
    longjmp(state->jump, 1);
}

// libjpeg fills a picture that ends early with grey and only warns.
static void warn(j_common_ptr codec, int level) {
    int code = codec->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) fail(codec);
}

static void say_nothing(j_common_ptr codec) { (void)codec; }

static void watch(j_common_ptr codec) {
    if (!codec->is_decompressor) return;
    if (((j_decompress_ptr)codec)->input_scan_number > MAXIMUM_SCANS) {
        error_state *state = (error_state *)codec->err;
        snprintf(state->result->message, SOUTH_IMAGE_MESSAGE, "more than %d scans", MAXIMUM_SCANS);
        state->result->status = SOUTH_IMAGE_BROKEN;
        longjmp(state->jump, 1);
    }
}

static struct jpeg_error_mgr *handlers(error_state *state, south_image_result *result) {
    jpeg_std_error(&state->base);
    state->base.error_exit = fail;
    state->base.emit_message = warn;
    state->base.output_message = say_nothing;
    state->result = result;
    return &state->base;
}

south_image_result south_jpeg_header(const uint8_t *bytes, size_t count) {
    south_image_result result = {0};
    struct jpeg_decompress_struct codec;
    error_state state;
    memset(&codec, 0, sizeof codec);
    codec.err = handlers(&state, &result);
    if (setjmp(state.jump)) {
        jpeg_destroy_decompress(&codec);
        return result;
    }
    jpeg_create_decompress(&codec);
    jpeg_mem_src(&codec, bytes, count);
    jpeg_read_header(&codec, TRUE);
    result.width = (int32_t)codec.image_width;
    result.height = (int32_t)codec.image_height;
    jpeg_destroy_decompress(&codec);
    return result;
}

static uint8_t scaled(uint8_t a, uint8_t b) {
    int product = a * b + 128;
    return (uint8_t)(((product >> 8) + product) >> 8);
}

static void rgb_from_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, int32_t width) {
    for (int32_t x = 0; x < width; ++x) {
        uint8_t light = cmyk[4 * x + 3];
        for (int i = 0; i < 3; ++i) {
            int value = light - scaled((uint8_t)(255 - cmyk[4 * x + i]), light);
            rgb[3 * x + i] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

south_image_result south_jpeg_read(const uint8_t *bytes, size_t count, uint8_t *rgb,
                                   int32_t width, int32_t height) {
    south_image_result result = {0};
    struct jpeg_decompress_struct codec;
    struct jpeg_progress_mgr progress = {.progress_monitor = watch};
    error_state state;
    memset(&codec, 0, sizeof codec);
    codec.err = handlers(&state, &result);
    if (setjmp(state.jump)) {
        jpeg_destroy_decompress(&codec);
        return result;
    }
    jpeg_create_decompress(&codec);
    codec.progress = &progress;
    jpeg_mem_src(&codec, bytes, count);
    jpeg_read_header(&codec, TRUE);
    int inks = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
    codec.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    codec.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&codec);
    if ((int32_t)codec.output_width != width || (int32_t)codec.output_height != height) {
        jpeg_destroy_decompress(&codec);
        result.status = SOUTH_IMAGE_BROKEN;
        snprintf(result.message, SOUTH_IMAGE_MESSAGE, "the size changed while reading");
        return result;
    }
    // libjpeg's own pool: released with the codec on every path.
    JSAMPARRAY row = (*codec.mem->alloc_sarray)(
        (j_common_ptr)&codec, JPOOL_IMAGE, (JDIMENSION)width * 4, 1);
    while (codec.output_scanline < codec.output_height) {
        uint8_t *target = rgb + (size_t)codec.output_scanline * (size_t)width * 3;
        JSAMPROW rows[1] = {inks ? row[0] : target};
        jpeg_read_scanlines(&codec, rows, 1);
        if (inks) rgb_from_inverted_cmyk(row[0], target, width);
    }
    result.width = width;
    result.height = height;
    jpeg_destroy_decompress(&codec);
    return result;
}

south_image_result south_jpeg_write(const uint8_t *rgb, int32_t width, int32_t height, int quality,
                                    uint8_t **file, size_t *count) {
    south_image_result result = {0};
    struct jpeg_compress_struct codec;
    error_state state;
    // libjpeg writes these two when it finishes; they must outlive a jump.
    unsigned char *buffer[1] = {NULL};
    unsigned long size[1] = {0};
    volatile int started = 0;
    *file = NULL;
    *count = 0;
    memset(&codec, 0, sizeof codec);
    codec.err = handlers(&state, &result);
    if (setjmp(state.jump)) {
        // Writes back the buffer that it holds now, which may have been moved to grow.
        if (started) codec.dest->term_destination(&codec);
        jpeg_destroy_compress(&codec);
        free(buffer[0]);
        return result;
    }
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, buffer, size);
    codec.image_width = (JDIMENSION)width;
    codec.image_height = (JDIMENSION)height;
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, quality, TRUE);
    jpeg_start_compress(&codec, TRUE);
    started = 1;
    while (codec.next_scanline < codec.image_height) {
        JSAMPROW rows[1] = {
            (JSAMPROW)(uintptr_t)(rgb + (size_t)codec.next_scanline * (size_t)width * 3)};
        jpeg_write_scanlines(&codec, rows, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    result.width = width;
    result.height = height;
    *file = buffer[0];
    *count = size[0];
    return result;
}
