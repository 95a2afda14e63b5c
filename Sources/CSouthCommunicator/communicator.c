#include "southcommunicator.h"

#include <stdio.h>

// Codes of our own, outside MPI's range.
enum { NOT_STARTED = -1, NO_SUCH_RANK = -2 };

static int started = 0;

#if SOUTHGPT_MPI

#include <mpi.h>

// MPI's counts are ints: longer arrays go in pieces.
static const size_t PIECE = (size_t)1 << 28;

int south_communicator_has_mpi(void) { return 1; }

int south_communicator_start(void) {
    if (started) return 0;
    int already = 0, provided = 0;
    int code = MPI_Initialized(&already);
    if (code == MPI_SUCCESS && !already)
        code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    // Errors come back as codes, so that the caller can say which step failed.
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    started = code == MPI_SUCCESS;
    return code;
}

int south_communicator_finish(void) {
    if (!started) return NOT_STARTED;
    started = 0;
    return MPI_Finalize();
}

int south_communicator_rank(void) {
    int rank = 0;
    if (started) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

int south_communicator_size(void) {
    int size = 1;
    if (started) MPI_Comm_size(MPI_COMM_WORLD, &size);
    return size;
}

int south_communicator_barrier(void) {
    return started ? MPI_Barrier(MPI_COMM_WORLD) : NOT_STARTED;
}

int south_communicator_broadcast(void *data, size_t bytes, int root) {
    if (!started) return NOT_STARTED;
    if (root < 0 || root >= south_communicator_size()) return NO_SUCH_RANK;
    int code = MPI_SUCCESS;
    for (size_t at = 0; at < bytes && code == MPI_SUCCESS; at += PIECE) {
        int count = (int)(bytes - at < PIECE ? bytes - at : PIECE);
        code = MPI_Bcast((char *)data + at, count, MPI_BYTE, root, MPI_COMM_WORLD);
    }
    return code;
}

int south_communicator_all_reduce_float32(float *values, size_t count, int mean) {
    if (!started) return NOT_STARTED;
    int code = MPI_SUCCESS;
    for (size_t at = 0; at < count && code == MPI_SUCCESS; at += PIECE) {
        int piece = (int)(count - at < PIECE ? count - at : PIECE);
        code = MPI_Allreduce(
            MPI_IN_PLACE, values + at, piece, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    }
    if (mean) {
        float size = (float)south_communicator_size();
        for (size_t i = 0; i < count; i++) values[i] /= size;
    }
    return code;
}

static int describe(int code, char *text, size_t size) {
    char message[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (MPI_Error_string(code, message, &length) != MPI_SUCCESS) return 0;
    snprintf(text, size, "%s", message);
    return 1;
}

#else

int south_communicator_has_mpi(void) { return 0; }

int south_communicator_start(void) {
    started = 1;
    return 0;
}

int south_communicator_finish(void) {
    if (!started) return NOT_STARTED;
    started = 0;
    return 0;
}

int south_communicator_rank(void) { return 0; }
int south_communicator_size(void) { return 1; }
int south_communicator_barrier(void) { return started ? 0 : NOT_STARTED; }

int south_communicator_broadcast(void *data, size_t bytes, int root) {
    (void)data, (void)bytes;
    if (!started) return NOT_STARTED;
    return root == 0 ? 0 : NO_SUCH_RANK;
}

int south_communicator_all_reduce_float32(float *values, size_t count, int mean) {
    (void)values, (void)count, (void)mean;
    return started ? 0 : NOT_STARTED;
}

static int describe(int code, char *text, size_t size) {
    (void)code, (void)text, (void)size;
    return 0;
}

#endif

void south_communicator_message(int code, char *text, size_t size) {
    if (size == 0) return;
    if (code == NOT_STARTED) {
        snprintf(text, size, "the run was not joined, or was left");
    } else if (code == NO_SUCH_RANK) {
        snprintf(text, size, "no such rank among %d", south_communicator_size());
    } else if (!describe(code, text, size)) {
        snprintf(text, size, "error code %d", code);
    }
}
