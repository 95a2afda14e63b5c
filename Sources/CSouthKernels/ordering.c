// Sorting and selection of rows. An element becomes a key whose unsigned order is the wanted one,
// joined with its index: so equal elements stay in their order, whatever the algorithm does.
#include "internal.h"

/// A key in the upper half, an index in the lower.
typedef uint64_t item;

enum {
    /// Items that are sorted by insertion.
    SHORT = 24,
    /// Items from which on sorting by digits pays.
    LONG = 512,
    /// Elements of a row that are passed over together where none is wanted.
    SOUTH_CANDIDATES = 16,
};

#define SOUTH_BODY "ordering_body.h"
#include "versions.h"

static item item_of(uint32_t key, ptrdiff_t index) { return (item)key << 32 | (uint32_t)index; }

/// Both zeros are equal and NaN is the greatest.
static uint32_t float_key(float x) {
    uint32_t bits;
    if (x == 0) x = 0;
    memcpy(&bits, &x, 4);
    if (x != x) return UINT32_MAX;
    return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

/// A number of that key.
static float float_of(uint32_t key) {
    uint32_t bits = key & 0x80000000 ? key & 0x7fffffff : ~key;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static uint32_t key_at(const void *x, int type, ptrdiff_t index, int half) {
    switch (type) {
    case SOUTH_FLOAT32: return float_key(((const float *)x)[index]);
    case SOUTH_INT32: return (uint32_t)((const int32_t *)x)[index] ^ 0x80000000;
    default: {
        uint64_t bits = (uint64_t)((const int64_t *)x)[index] ^ (uint64_t)1 << 63;
        return (uint32_t)(half ? bits >> 32 : bits);
    }
    }
}

static void sort_short(item *items, ptrdiff_t count) {
    for (ptrdiff_t i = 1; i < count; i++) {
        item moved = items[i];
        ptrdiff_t j = i;
        for (; j > 0 && items[j - 1] > moved; j--) items[j] = items[j - 1];
        items[j] = moved;
    }
}

/// Runs of SHORT, merged two by two; `room` has as many items.
static void sort_middling(item *items, ptrdiff_t count, item *room) {
    for (ptrdiff_t i = 0; i < count; i += SHORT)
        sort_short(items + i, south_min(SHORT, count - i));
    item *from = items, *to = room;
    for (ptrdiff_t run = SHORT; run < count; run *= 2) {
        for (ptrdiff_t i = 0; i < count; i += 2 * run) {
            ptrdiff_t a = i, a_end = south_min(i + run, count);
            ptrdiff_t b = a_end, b_end = south_min(i + 2 * run, count), k = i;
            while (a < a_end && b < b_end) to[k++] = from[b] < from[a] ? from[b++] : from[a++];
            while (a < a_end) to[k++] = from[a++];
            while (b < b_end) to[k++] = from[b++];
        }
        item *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != items) memcpy(items, from, sizeof(item) * (size_t)count);
}

/// By four digits of the key, the lowest first; a digit that all share is passed over.
static void sort_long(item *items, ptrdiff_t count, item *room) {
    uint32_t counts[4][256] = {{0}};
    for (ptrdiff_t i = 0; i < count; i++)
        for (int digit = 0; digit < 4; digit++) counts[digit][items[i] >> (32 + 8 * digit) & 255]++;
    item *from = items, *to = room;
    for (int digit = 0; digit < 4; digit++) {
        int shift = 32 + 8 * digit;
        uint32_t *places = counts[digit], sum = 0;
        if (places[from[0] >> shift & 255] == (uint32_t)count) continue;
        for (int value = 0; value < 256; value++) {
            uint32_t number = places[value];
            places[value] = sum;
            sum += number;
        }
        for (ptrdiff_t i = 0; i < count; i++) to[places[from[i] >> shift & 255]++] = from[i];
        item *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != items) memcpy(items, from, sizeof(item) * (size_t)count);
}

/// Sorts items that come in the order of their indices.
static void sort_items(item *items, ptrdiff_t count, item *room) {
    if (count <= SHORT)
        sort_short(items, count);
    else if (count < LONG)
        sort_middling(items, count, room);
    else
        sort_long(items, count, room);
}

/// Moves the `k` least items to the front, in any order.
static void partition_least(item *items, ptrdiff_t count, ptrdiff_t k) {
    ptrdiff_t low = 0, high = count - 1;
    while (low < high) {
        item a = items[low], b = items[low + (high - low) / 2], c = items[high];
        item pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (items[i] < pivot) i++;
            while (items[j] > pivot) j--;
            if (i > j) break;
            item swapped = items[i];
            items[i++] = items[j];
            items[j--] = swapped;
        }
        if (k - 1 <= j)
            high = j;
        else if (k - 1 >= i)
            low = i;
        else
            return;
    }
}

typedef struct {
    ptrdiff_t inner, k, stride;
    const char *x;
    int type, descending;
    char *values;
    int32_t *indices;
} ordering;

/// The `k` first of a row in order: candidates are kept in a buffer; when it is full all but the
/// best k are dropped, and later ones must beat the worst of those.
static void best_of_row(const ordering *o, const void *x, item *items, item *room,
    ptrdiff_t capacity) {
    uint32_t flip = o->descending ? UINT32_MAX : 0;
    ptrdiff_t filled = 0;
    item worst = UINT64_MAX;
    for (ptrdiff_t i = 0, checked = 0; i < o->inner; i++) {
        if (i >= checked && worst != UINT64_MAX && o->type == SOUTH_FLOAT32) {
            float least = float_of((uint32_t)(worst >> 32) ^ flip);
            i = SOUTH_PICK(next_candidate)(x, i, o->inner, least, o->descending);
            checked = i + SOUTH_CANDIDATES;
            if (i >= o->inner) break;
        }
        item next = item_of(key_at(x, o->type, i, 0) ^ flip, i);
        if (next > worst) continue;
        items[filled++] = next;
        if (filled < capacity) continue;
        partition_least(items, filled, o->k);
        filled = o->k;
        worst = items[0];
        for (ptrdiff_t j = 1; j < filled; j++) worst = items[j] > worst ? items[j] : worst;
    }
    if (filled > o->k) partition_least(items, filled, o->k);
    // Partitioning mixed the indices, so the whole items count.
    sort_middling(items, o->k, room);
}

static void sort_row(const ordering *o, const void *x, item *items, item *room) {
    uint32_t flip = o->descending ? UINT32_MAX : 0;
    for (ptrdiff_t i = 0; i < o->inner; i++)
        items[i] = item_of(key_at(x, o->type, i, 0) ^ flip, i);
    sort_items(items, o->inner, room);
    if (o->type != SOUTH_INT64) return;
    // 64-bit keys in two rounds: by the lower half, then, keeping that order, by the upper one.
    for (ptrdiff_t i = 0; i < o->inner; i++) {
        ptrdiff_t index = (ptrdiff_t)(uint32_t)items[i];
        items[i] = item_of(key_at(x, o->type, index, 1) ^ flip, index);
    }
    sort_long(items, o->inner, room);
}

static void order_task(void *context, size_t row) {
    const ordering *o = context;
    int size = south_element_size(o->type);
    const char *x = o->x + (ptrdiff_t)row * o->stride * size;
    int partial = o->k < o->inner / 4 && o->type != SOUTH_INT64;
    ptrdiff_t capacity = partial ? south_min(south_max(2 * o->k, 64), o->inner) : o->inner;
    item *items = south_scratch(0, sizeof(item) * (size_t)(capacity + 1));
    item *room = south_scratch(1, sizeof(item) * (size_t)(capacity + 1));
    if (partial)
        best_of_row(o, x, items, room, capacity);
    else
        sort_row(o, x, items, room);
    ptrdiff_t at = (ptrdiff_t)row * o->k;
    for (ptrdiff_t i = 0; i < o->k; i++) {
        ptrdiff_t index = (ptrdiff_t)(uint32_t)items[i];
        o->indices[at + i] = (int32_t)index;
        memcpy(o->values + (at + i) * size, x + index * size, (size_t)size);
    }
}

void south_order(ptrdiff_t outer, ptrdiff_t inner, ptrdiff_t k, const void *x, ptrdiff_t stride,
    int type, int descending, void *values, int32_t *indices) {
    ordering o = {inner, k, stride, x, type, descending, values, indices};
    if (k == 0) return;
    south_parallel((size_t)outer, order_task, &o);
}
