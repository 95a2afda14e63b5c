// JPEG and PNG in memory, over libjpeg and libpng's low-level interface. Their error handling is
// setjmp, which Swift cannot call; here every failure is a status and a line of text, and nothing
// leaks, prints or exits.

#ifndef SOUTHIMAGECODECS_H
#define SOUTHIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

enum {
    SOUTH_IMAGE_OK = 0,
    SOUTH_IMAGE_BROKEN = 1,       // breaks the format's rules, or a kind that is not supported
    SOUTH_IMAGE_TRUNCATED = 2,    // ends before the picture does
    SOUTH_IMAGE_NO_MEMORY = 3,
};

enum { SOUTH_IMAGE_MESSAGE = 200 };  // bytes of a message, its final zero included

typedef struct {
    int status;
    int32_t width, height;
    char message[SOUTH_IMAGE_MESSAGE];
} south_image_result;

// Width and height from the header; nothing of the picture is decoded.
south_image_result south_jpeg_header(const uint8_t *bytes, size_t count);
south_image_result south_png_header(const uint8_t *bytes, size_t count);

// Decodes into `rgb [height, width, 3]`, which holds the size that the header said.
// Grey is replicated, palettes are expanded, alpha is dropped, 16 bits keep their upper byte, and
// CMYK is taken as Adobe writes it, inverted. No colour management, no EXIF rotation.
south_image_result south_jpeg_read(const uint8_t *bytes, size_t count, uint8_t *rgb,
                                   int32_t width, int32_t height);
south_image_result south_png_read(const uint8_t *bytes, size_t count, uint8_t *rgb,
                                  int32_t width, int32_t height);

// Encodes `rgb [height, width, 3]`. `*file` receives `*count` bytes to be given to `free`, or NULL.
south_image_result south_jpeg_write(const uint8_t *rgb, int32_t width, int32_t height, int quality,
                                    uint8_t **file, size_t *count);
south_image_result south_png_write(const uint8_t *rgb, int32_t width, int32_t height,
                                   uint8_t **file, size_t *count);

#endif
