#include "southimagecodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct {
    const uint8_t *bytes;
    size_t count, position;
} source;

typedef struct {
    uint8_t *bytes;
    size_t count, capacity;
} sink;

static void fail(png_structp codec, png_const_charp message) {
    south_image_result *result = png_get_error_ptr(codec);
    if (result->status == SOUTH_IMAGE_OK) {
        result->status = SOUTH_IMAGE_BROKEN;
        snprintf(result->message, SOUTH_IMAGE_MESSAGE, "%s", message);
    }
    png_longjmp(codec, 1);
}

static void say_nothing(png_structp codec, png_const_charp message) {
    (void)codec;
    (void)message;
}

static void take(png_structp codec, png_bytep target, size_t length) {
    source *from = png_get_io_ptr(codec);
    if (length > from->count - from->position) {
        south_image_result *result = png_get_error_ptr(codec);
        result->status = SOUTH_IMAGE_TRUNCATED;
        snprintf(result->message, SOUTH_IMAGE_MESSAGE, "the file ends inside a chunk");
        png_error(codec, "truncated");
    }
    memcpy(target, from->bytes + from->position, length);
    from->position += length;
}

static void give(png_structp codec, png_bytep bytes, size_t length) {
    sink *to = png_get_io_ptr(codec);
    if (length > to->capacity - to->count) {
        size_t capacity = to->capacity * 2 > to->count + length ? to->capacity * 2
                                                                : to->count + length;
        uint8_t *moved = realloc(to->bytes, capacity);
        if (moved == NULL) {
            ((south_image_result *)png_get_error_ptr(codec))->status = SOUTH_IMAGE_NO_MEMORY;
            png_error(codec, "out of memory");
        }
        to->bytes = moved;
        to->capacity = capacity;
    }
    memcpy(to->bytes + to->count, bytes, length);
    to->count += length;
}

static void give_all(png_structp codec) { (void)codec; }

static south_image_result without_memory(void) {
    south_image_result result = {.status = SOUTH_IMAGE_NO_MEMORY};
    snprintf(result.message, SOUTH_IMAGE_MESSAGE, "out of memory");
    return result;
}

// Reads the header and, where `rgb` is given, the picture.
static south_image_result read_png(const uint8_t *bytes, size_t count, uint8_t *rgb,
                                   int32_t width, int32_t height) {
    south_image_result result = {0};
    source from = {bytes, count, 0};
    png_structp codec =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &result, fail, say_nothing);
    png_infop info = codec == NULL ? NULL : png_create_info_struct(codec);
    if (info == NULL) {
        png_destroy_read_struct(&codec, NULL, NULL);
        return without_memory();
    }
    if (setjmp(png_jmpbuf(codec))) {
        png_destroy_read_struct(&codec, &info, NULL);
        return result;
    }
    png_set_read_fn(codec, &from, take);
    png_read_info(codec, info);
    result.width = (int32_t)png_get_image_width(codec, info);
    result.height = (int32_t)png_get_image_height(codec, info);
    if (rgb != NULL) {
        if (result.width != width || result.height != height)
            png_error(codec, "the size changed while reading");
        png_byte colour = png_get_color_type(codec, info);
        if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(codec);
        if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(codec);
        png_set_strip_16(codec);
        png_set_strip_alpha(codec);
        if ((colour & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(codec);
        int passes = png_set_interlace_handling(codec);
        png_read_update_info(codec, info);
        if (png_get_rowbytes(codec, info) != (size_t)width * 3)
            png_error(codec, "an unforeseen pixel layout");
        for (int pass = 0; pass < passes; ++pass)
            for (int32_t y = 0; y < height; ++y)
                png_read_row(codec, rgb + (size_t)y * (size_t)width * 3, NULL);
        png_read_end(codec, NULL);
    }
    png_destroy_read_struct(&codec, &info, NULL);
    return result;
}

south_image_result south_png_header(const uint8_t *bytes, size_t count) {
    return read_png(bytes, count, NULL, 0, 0);
}

south_image_result south_png_read(const uint8_t *bytes, size_t count, uint8_t *rgb,
                                  int32_t width, int32_t height) {
    return read_png(bytes, count, rgb, width, height);
}

south_image_result south_png_write(const uint8_t *rgb, int32_t width, int32_t height,
                                   uint8_t **file, size_t *count) {
    south_image_result result = {0};
    sink to = {NULL, 0, 0};
    *file = NULL;
    *count = 0;
    png_structp codec =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, &result, fail, say_nothing);
    png_infop info = codec == NULL ? NULL : png_create_info_struct(codec);
    if (info == NULL) {
        png_destroy_write_struct(&codec, NULL);
        return without_memory();
    }
    if (setjmp(png_jmpbuf(codec))) {
        png_destroy_write_struct(&codec, &info);
        free(to.bytes);
        return result;
    }
    png_set_write_fn(codec, &to, give, give_all);
    png_set_IHDR(codec, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(codec, info);
    for (int32_t y = 0; y < height; ++y)
        png_write_row(codec, rgb + (size_t)y * (size_t)width * 3);
    png_write_end(codec, NULL);
    png_destroy_write_struct(&codec, &info);
    result.width = width;
    result.height = height;
    *file = to.bytes;
    *count = to.count;
    return result;
}
