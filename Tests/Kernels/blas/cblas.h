// The little of CBLAS that the kernels call, for a test that needs no library: `blas.c`.
#ifndef CBLAS_H
#define CBLAS_H

enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

void openblas_set_num_threads(int count);
void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transposed_a,
    enum CBLAS_TRANSPOSE transposed_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);

#endif
