#include "southcommunicator.h"

#if !SOUTHGPT_MPI

int south_communicator_has_mpi(void) { return 0; }

#else

#include <limits.h>
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int south_communicator_has_mpi(void) { return 1; }

// Codes of our own, outside MPI's range.
enum { NOT_STARTED = -1, TOO_LONG = -2, TIMED_OUT = -3, NO_MEMORY = -4,
    WRONG_TYPE = -5 };

// MPI's counts are ints: longer arrays go in pieces of this many elements.
static const size_t PIECE = (size_t)1 << 28;

struct south_exchange {
    south_exchange *next;
    int code, is_complete, pieces;
    // Memory of its own that MPI reads or writes meanwhile.
    void *scratch;
    // Set where the rows that arrive in it, one a rank, are to be added up.
    void *output;
    int type, rows;
    size_t count;
    MPI_Request requests[];
};

// MPI is joined with MPI_THREAD_SERIALIZED: one thread at a time, this lock's holder.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER;
static int started = 0;
static int waiting = 0;
static south_exchange *pending = NULL;
static MPI_Op bfloat16_sum;
// Known from the start on, so that nobody need enter MPI to ask.
static int own_rank = 0, rank_count = 1;
// The processes of the run, apart from whatever else in the program speaks MPI.
static MPI_Comm world;

// MARK: - Progress

// Messages only move while somebody is inside MPI. Under the lock.
static void advance(void) {
    for (south_exchange **at = &pending; *at;) {
        south_exchange *exchange = *at;
        int code = MPI_Testall(
            exchange->pieces, exchange->requests, &exchange->is_complete, MPI_STATUSES_IGNORE);
        if (code != MPI_SUCCESS) {
            exchange->code = code;
            exchange->is_complete = 1;
        }
        if (exchange->is_complete) *at = exchange->next;
        else at = &exchange->next;
    }
}

static void pause_for(long nanoseconds) {
    struct timespec time = {.tv_sec = 0, .tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

// Looks after exchanges while everyone computes; sleeps between, to leave them the core.
static void *attend(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    while (started) {
        if (!pending || waiting) {
            pthread_cond_wait(&begun, &lock);
            continue;
        }
        advance();
        pthread_mutex_unlock(&lock);
        pause_for(100000);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void add_rows(const south_exchange *exchange);

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int south_communicator_wait(south_exchange *exchange, double seconds) {
    if (!exchange) return NOT_STARTED;
    double end = now() + seconds;
    pthread_mutex_lock(&lock);
    waiting++;
    for (long turn = 0; !exchange->is_complete; turn++) {
        advance();
        if (exchange->is_complete) break;
        pthread_mutex_unlock(&lock);
        // A short wait is a matter of microseconds; a long one must not hold a core.
        if (turn < 2000) sched_yield();
        else pause_for(turn < 20000 ? 50000 : 1000000);
        if (turn % 256 == 255 && now() > end) {
            // MPI still holds its memory: it is left to the abort that must follow.
            pthread_mutex_lock(&lock);
            waiting--;
            pthread_mutex_unlock(&lock);
            return TIMED_OUT;
        }
        pthread_mutex_lock(&lock);
    }
    waiting--;
    pthread_cond_signal(&begun);
    pthread_mutex_unlock(&lock);
    int code = exchange->code;
    if (code == MPI_SUCCESS && exchange->output) add_rows(exchange);
    free(exchange->scratch);
    free(exchange);
    return code;
}

// MARK: - Joining and leaving

static float widened(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// To nearest even; NaN stays NaN.
static uint16_t narrowed(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The rows of an exchange in the order of the ranks, in float32 whatever they came in.
static void add_rows(const south_exchange *e) {
    for (size_t at = 0; at < e->count; at += 4096) {
        size_t length = e->count - at < 4096 ? e->count - at : 4096;
        float sum[4096];
        memset(sum, 0, sizeof sum);
        for (int row = 0; row < e->rows; row++) {
            size_t start = (size_t)row * e->count + at;
            if (e->type == SOUTH_SUM_FLOAT32) {
                const float *values = (const float *)e->scratch + start;
                for (size_t i = 0; i < length; i++) sum[i] += values[i];
            } else {
                const uint16_t *values = (const uint16_t *)e->scratch + start;
                for (size_t i = 0; i < length; i++) sum[i] += widened(values[i]);
            }
        }
        memcpy((float *)e->output + at, sum, length * sizeof(float));
    }
}

static void add_bfloat16(void *input, void *sum, int *count, MPI_Datatype *type) {
    (void)type;
    const uint16_t *a = input;
    uint16_t *b = sum;
    for (int i = 0; i < *count; i++) b[i] = narrowed(widened(a[i]) + widened(b[i]));
}

int south_communicator_start(void) {
    if (started) return 0;
    int already = 0, provided = MPI_THREAD_SERIALIZED;
    int code = MPI_Initialized(&already);
    if (code == MPI_SUCCESS && !already)
        code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (code == MPI_SUCCESS && provided < MPI_THREAD_SERIALIZED) code = MPI_ERR_OTHER;
    if (code == MPI_SUCCESS) code = MPI_Comm_dup(MPI_COMM_WORLD, &world);
    // Errors come back as codes, so that the caller can say which step failed.
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Op_create(add_bfloat16, 1, &bfloat16_sum);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(world, &own_rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(world, &rank_count);
    if (code != MPI_SUCCESS) return code;
    started = 1;
    pthread_t thread;
    if (pthread_create(&thread, NULL, attend, NULL) != 0) {
        started = 0;
        return NO_MEMORY;
    }
    pthread_detach(thread);
    return 0;
}

int south_communicator_finish(void) {
    pthread_mutex_lock(&lock);
    int code = started ? MPI_Finalize() : NOT_STARTED;
    started = 0;
    pthread_cond_signal(&begun);
    pthread_mutex_unlock(&lock);
    return code;
}

void south_communicator_abort(int code) {
    // Without the lock: whoever holds it may be the one that hangs.
    if (started) MPI_Abort(MPI_COMM_WORLD, code);
    _Exit(code);
}

int south_communicator_rank(void) { return own_rank; }

int south_communicator_size(void) { return rank_count; }

// MARK: - Collectives

// Makes an exchange, `made`, of some pieces with SCRATCH bytes of its own: SETUP fills it in, BEGIN
// begins each `piece` as `request`.
#define SOUTH_BEGIN(PIECES, SCRATCH, SETUP, BEGIN)                                                \
    do {                                                                                          \
        size_t pieces = (PIECES), scratch = (SCRATCH);                                            \
        south_exchange *made = malloc(sizeof *made + pieces * sizeof(MPI_Request));               \
        if (!made) return NO_MEMORY;                                                              \
        *made = (south_exchange){.pieces = (int)pieces};                                          \
        if (scratch > 0 && !(made->scratch = malloc(scratch))) {                                  \
            free(made);                                                                           \
            return NO_MEMORY;                                                                     \
        }                                                                                         \
        SETUP;                                                                                    \
        pthread_mutex_lock(&lock);                                                                \
        int code = started ? MPI_SUCCESS : NOT_STARTED;                                           \
        for (size_t piece = 0; piece < pieces && code == MPI_SUCCESS; piece++) {                  \
            MPI_Request *request = &made->requests[piece];                                        \
            code = (BEGIN);                                                                       \
        }                                                                                         \
        if (code == MPI_SUCCESS) {                                                                \
            made->next = pending;                                                                 \
            pending = made;                                                                       \
            *exchange = made;                                                                     \
            pthread_cond_signal(&begun);                                                          \
        } else {                                                                                  \
            free(made->scratch);                                                                  \
            free(made);                                                                           \
        }                                                                                         \
        pthread_mutex_unlock(&lock);                                                              \
        return code;                                                                              \
    } while (0)

static size_t pieces_of(size_t count) { return (count + PIECE - 1) / PIECE; }

static int piece_length(size_t count, size_t piece) {
    size_t rest = count - piece * PIECE;
    return (int)(rest < PIECE ? rest : PIECE);
}

static MPI_Datatype type_of(int type) {
    return type == SOUTH_SUM_FLOAT32 ? MPI_FLOAT
        : type == SOUTH_SUM_FLOAT64  ? MPI_DOUBLE
                                     : MPI_UINT16_T;
}

static MPI_Op sum_of(int type) { return type == SOUTH_SUM_BFLOAT16 ? bfloat16_sum : MPI_SUM; }

static size_t width_of(int type) {
    return type == SOUTH_SUM_FLOAT32 ? 4 : type == SOUTH_SUM_FLOAT64 ? 8 : 2;
}

int south_communicator_barrier(south_exchange **exchange) {
    SOUTH_BEGIN(1, 0, (void)0, MPI_Ibarrier(world, request));
}

int south_communicator_broadcast(
    void *data, size_t bytes, int root, south_exchange **exchange) {
    SOUTH_BEGIN(pieces_of(bytes), 0, (void)0,
        MPI_Ibcast((char *)data + piece * PIECE, piece_length(bytes, piece), MPI_BYTE, root,
            world, request));
}

// OpenMPI sends all of a sum in place up a tree and down again, but a large one from elsewhere in
// shares, each once to its rank and once from it: large ones are copied.
int south_communicator_sum(int type, void *values, size_t count, south_exchange **exchange) {
    size_t width = width_of(type), bytes = count * width;
    SOUTH_BEGIN(pieces_of(count), bytes < 65536 ? 0 : bytes,
        if (made->scratch) memcpy(made->scratch, values, bytes),
        MPI_Iallreduce(
            made->scratch ? (char *)made->scratch + piece * PIECE * width : MPI_IN_PLACE,
            (char *)values + piece * PIECE * width, piece_length(count, piece), type_of(type),
            sum_of(type), world, request));
}

// Everyone sends everyone its row, and adds up what arrived when it is waited for. OpenMPI's own
// nonblocking sum over shards passes everything through one rank.
int south_communicator_sum_scatter(
    int type, const void *input, float *output, size_t count, south_exchange **exchange) {
    size_t rows = (size_t)rank_count;
    if (count > INT_MAX / rows) return TOO_LONG;
    if (type == SOUTH_SUM_FLOAT64) return WRONG_TYPE;
    SOUTH_BEGIN(1, rows * count * width_of(type),
        (made->output = output, made->type = type, made->rows = (int)rows, made->count = count),
        MPI_Ialltoall(input, (int)count, type_of(type), made->scratch, (int)count, type_of(type),
            world, request));
}

int south_communicator_all_gather(void *data, size_t bytes, south_exchange **exchange) {
    if (bytes > INT_MAX) return TOO_LONG;
    SOUTH_BEGIN(1, 0, (void)0,
        MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, (int)bytes, MPI_BYTE,
            world, request));
}

int south_communicator_gather(
    const void *input, void *output, size_t bytes, south_exchange **exchange) {
    if (bytes > INT_MAX) return TOO_LONG;
    SOUTH_BEGIN(1, 0, (void)0,
        MPI_Igather(input, (int)bytes, MPI_BYTE, output, (int)bytes, MPI_BYTE, 0, world,
            request));
}

// MARK: - Messages

int south_communicator_is_timeout(int code) { return code == TIMED_OUT; }

void south_communicator_message(int code, char *text, size_t size) {
    if (size == 0) return;
    char message[MPI_MAX_ERROR_STRING];
    int length = 0;
    switch (code) {
    case NOT_STARTED: snprintf(text, size, "the run was not joined, or was left"); return;
    case TOO_LONG: snprintf(text, size, "too many elements for one exchange"); return;
    case TIMED_OUT: snprintf(text, size, "a rank did not come"); return;
    case WRONG_TYPE: snprintf(text, size, "no sums over shards in this type"); return;
    case NO_MEMORY: snprintf(text, size, "no memory for it"); return;
    default:
        if (MPI_Error_string(code, message, &length) == MPI_SUCCESS)
            snprintf(text, size, "%s", message);
        else
            snprintf(text, size, "error code %d", code);
    }
}

#endif
