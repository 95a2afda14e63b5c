// The versions of the image libraries: libpng's as it runs, libjpeg's as its header says, which has
// no function for it.

#ifndef SOUTHIMAGEVERSIONS_H
#define SOUTHIMAGEVERSIONS_H

const char *south_png_version(void);
const char *south_jpeg_version(void);

#endif
