#include "southimageversions.h"

#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *south_png_version(void) { return png_get_libpng_ver(NULL); }

const char *south_jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return "turbo " TEXT(LIBJPEG_TURBO_VERSION);
#else
    return TEXT(JPEG_LIB_VERSION);
#endif
}
