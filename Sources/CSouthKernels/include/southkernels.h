#ifndef SOUTHKERNELS_H
#define SOUTHKERNELS_H
#endif
