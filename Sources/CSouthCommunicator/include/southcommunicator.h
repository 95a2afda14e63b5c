// What training says to the other processes of a run. With the trait MPI these are MPI's
// collectives over all processes; without it there is one process, rank 0 of 1, for which each is
// the identity. Every call is collective: all ranks make it, in the same order, from one thread.
//
// Functions that can fail return 0, or a code that south_communicator_message puts in words.

#ifndef SOUTHCOMMUNICATOR_H
#define SOUTHCOMMUNICATOR_H

#include <stddef.h>
#include <stdint.h>

// 1 where MPI is built in.
int south_communicator_has_mpi(void);

// Joins the run; once per process. After the first success it does nothing.
int south_communicator_start(void);

// Leaves the run. No call may follow.
int south_communicator_finish(void);

int south_communicator_rank(void);
int south_communicator_size(void);

// Returns when every rank has called it.
int south_communicator_barrier(void);

// Rank root's bytes at data replace everyone's.
int south_communicator_broadcast(void *data, size_t bytes, int root);

// The elementwise sum over the ranks, divided by their number where mean is not 0, replaces
// everyone's values.
int south_communicator_all_reduce_float32(float *values, size_t count, int mean);

// Writes a line about a code; at most size bytes with the closing zero.
void south_communicator_message(int code, char *text, size_t size);

#endif
