// The search for what may be among the first, one version.

/// The first place from `i` on, in steps of SOUTH_CANDIDATES, near which an element may come before
/// `worst`; not a number compares with nothing, and so is looked at.
static ptrdiff_t V(next_candidate)(const float *x, ptrdiff_t i, ptrdiff_t count, float worst,
    int descending) {
    for (; i + SOUTH_CANDIDATES <= count; i += SOUTH_CANDIDATES) {
        vi found = {0};
        for (int j = 0; j < SOUTH_CANDIDATES; j += LANES) {
            vf v = V(load)(x + i + j);
            found |= descending ? ~(vi)(v <= worst) : ~(vi)(v >= worst);
        }
        if (__builtin_reduce_or(found)) return i;
    }
    return i;
}
