// Matrix products by their definition.
#include "cblas.h"

void openblas_set_num_threads(int count) { (void)count; }

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transposed_a,
    enum CBLAS_TRANSPOSE transposed_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc) {
    (void)order;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++) {
                double x = transposed_a == CblasTrans ? a[l * (long)lda + i] : a[i * (long)lda + l];
                double y = transposed_b == CblasTrans ? b[j * (long)ldb + l] : b[l * (long)ldb + j];
                sum += x * y;
            }
            float *target = c + i * (long)ldc + j;
            *target = (float)(alpha * sum + (beta == 0 ? 0 : beta * (double)*target));
        }
}
