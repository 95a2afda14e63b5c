// What training says to the other processes of a run: MPI's collectives over all of them, begun now
// and waited for later. Built with the trait MPI; without it there is only the first function.
//
// Every collective is begun by all ranks in the same order. Functions that can fail return 0, or a
// code that south_communicator_message puts in words. All may be called from any thread.

#ifndef SOUTHCOMMUNICATOR_H
#define SOUTHCOMMUNICATOR_H

#include <stddef.h>
#include <stdint.h>

// 1 where MPI is built in.
int south_communicator_has_mpi(void);

// Joins the run; once per process. After the first success it does nothing.
int south_communicator_start(void);

// Leaves the run, with every other rank. No call may follow.
int south_communicator_finish(void);

// Ends all processes of the run at once; what they were at is lost.
void south_communicator_abort(int code);

int south_communicator_rank(void);
int south_communicator_size(void);

enum { SOUTH_SUM_FLOAT32, SOUTH_SUM_FLOAT64, SOUTH_SUM_BFLOAT16 };

// A collective that was begun. Its memory must stay where it is until the wait for it is over.
typedef struct south_exchange south_exchange;

// Complete when every rank has begun it.
int south_communicator_barrier(south_exchange **exchange);

// Rank root's bytes at data replace everyone's.
int south_communicator_broadcast(
    void *data, size_t bytes, int root, south_exchange **exchange);

// The elementwise sum over the ranks replaces everyone's values.
int south_communicator_sum(int type, void *values, size_t count, south_exchange **exchange);

// input [size, count], float32 or bfloat16 → output [count], float32: rank r gets row r of the sum
// over the ranks, which is taken in their order and in float32. All elements together must be fewer
// than 2³¹.
int south_communicator_sum_scatter(
    int type, const void *input, float *output, size_t count, south_exchange **exchange);

// data [size, bytes]: everyone's row r is replaced by rank r's. All bytes of a row must be fewer
// than 2³¹.
int south_communicator_all_gather(void *data, size_t bytes, south_exchange **exchange);

// output [size, bytes], read on rank 0 only: row r is rank r's input. As above.
int south_communicator_gather(
    const void *input, void *output, size_t bytes, south_exchange **exchange);

// Waits until the exchange is complete, or a time is over, and frees it.
int south_communicator_wait(south_exchange *exchange, double seconds);

// 1 where a code says that a wait took too long.
int south_communicator_is_timeout(int code);

// Writes a line about a code; at most size bytes with the closing zero.
void south_communicator_message(int code, char *text, size_t size);

#endif
