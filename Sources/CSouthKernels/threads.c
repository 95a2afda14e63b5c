// One pool of threads that lives as long as the process.
//
// A call puts a job on a list, cut into a span of indices for each thread. A thread takes its own span
// in order, so that what it reads ahead of one task is there for the next, then helps with the others.
// Workers without work spin for some microseconds, then sleep on a futex.
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

enum { MAX_THREADS = 128, SPINS = 300 };

/// Indices that one thread takes in order; the others take them too when theirs are done.
typedef struct {
    _Alignas(64) _Atomic size_t next;
    size_t end;
} span;

typedef struct job {
    void (*task)(void *, size_t);
    void *context;
    int span_count;
    span *spans;
    /// Workers inside; changed under the lock upwards, so none enters after the job left the list.
    _Atomic uint32_t helpers;
    struct job *link;
} job;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static job *jobs;
static int threads = 1;
static _Atomic int limit = MAX_THREADS;
static _Atomic uint32_t posted;
static _Atomic uint32_t sleepers;
static _Thread_local bool inside;

static void futex_wait(_Atomic uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}
static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_part(job *work, int own) {
    for (int turn = 0; turn < work->span_count; turn++) {
        span *from = work->spans + (own + turn) % work->span_count;
        for (;;) {
            size_t index = atomic_fetch_add_explicit(&from->next, 1, memory_order_relaxed);
            if (index >= from->end) break;
            work->task(work->context, index);
        }
    }
}

static bool has_tasks(const job *work) {
    for (int i = 0; i < work->span_count; i++)
        if (atomic_load(&work->spans[i].next) < work->spans[i].end) return true;
    return false;
}

static void *worker(void *number) {
    int index = (int)(intptr_t)number;
    inside = true;
    for (;;) {
        uint32_t seen = atomic_load(&posted);
        job *work = NULL;
        if (index < atomic_load(&limit)) {
            pthread_mutex_lock(&lock);
            for (work = jobs; work; work = work->link)
                if (has_tasks(work)) break;
            if (work) atomic_fetch_add(&work->helpers, 1);
            pthread_mutex_unlock(&lock);
        }
        if (work) {
            take_part(work, index);
            // The job may be gone as soon as the count is zero: only its address is used then.
            if (atomic_fetch_sub(&work->helpers, 1) == 1) futex_wake(&work->helpers);
            continue;
        }
        int spins = 0;
        while (atomic_load(&posted) == seen && spins < SPINS) {
            pause_briefly();
            spins++;
        }
        if (spins < SPINS) continue;
        atomic_fetch_add(&sleepers, 1);
        futex_wait(&posted, seen);
        atomic_fetch_sub(&sleepers, 1);
    }
    return NULL;
}

static void start(void) {
    cpu_set_t allowed;
    threads = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed)
                                                                  : (int)sysconf(_SC_NPROCESSORS_ONLN);
    const char *wish = getenv("SOUTHGPT_THREADS");
    if (wish && atoi(wish) > 0) threads = atoi(wish);
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (threads < 1) threads = 1;
    // Signals belong to the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)i) != 0) {
            threads = i;
            break;
        }
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int south_thread_count(void) {
    pthread_once(&once, start);
    return (int)south_min(threads, atomic_load(&limit));
}

void south_limit_threads(int count) { atomic_store(&limit, count < 1 ? 1 : count); }

void south_parallel(size_t count, void (*task)(void *, size_t), void *context) {
    if (count <= 1 || inside || south_thread_count() == 1) {
        for (size_t i = 0; i < count; i++) task(context, i);
        return;
    }
    size_t parts = (size_t)south_thread_count();
    if (parts > count) parts = count;
    span spans[MAX_THREADS];
    for (size_t i = 0; i < parts; i++) {
        atomic_init(&spans[i].next, count * i / parts);
        spans[i].end = count * (i + 1) / parts;
    }
    job work = {.task = task, .context = context, .span_count = (int)parts, .spans = spans};
    pthread_mutex_lock(&lock);
    work.link = jobs;
    jobs = &work;
    pthread_mutex_unlock(&lock);
    atomic_fetch_add(&posted, 1);
    if (atomic_load(&sleepers) > 0) futex_wake(&posted);

    inside = true;
    take_part(&work, 0);
    inside = false;

    pthread_mutex_lock(&lock);
    for (job **link = &jobs; *link; link = &(*link)->link)
        if (*link == &work) {
            *link = work.link;
            break;
        }
    pthread_mutex_unlock(&lock);
    uint32_t helpers;
    for (int spins = 0; (helpers = atomic_load(&work.helpers)) != 0; spins++) {
        if (spins < SPINS)
            pause_briefly();
        else
            futex_wait(&work.helpers, helpers);
    }
}

// MARK: Scratch memory

enum { SLOTS = 12 };
typedef struct {
    void *memory[SLOTS];
    size_t bytes[SLOTS];
} scratch;

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static _Thread_local scratch *mine;

static void release(void *held) {
    scratch *s = held;
    for (int i = 0; i < SLOTS; i++) free(s->memory[i]);
    free(s);
}
static void make_key(void) { pthread_key_create(&key, release); }

void *south_scratch(int slot, size_t bytes) {
    if (!mine) {
        pthread_once(&key_once, make_key);
        mine = calloc(1, sizeof *mine);
        if (!mine) abort();
        pthread_setspecific(key, mine);
    }
    if (mine->bytes[slot] < bytes) {
        free(mine->memory[slot]);
        size_t rounded = (bytes + 4095) / 4096 * 4096;
        mine->memory[slot] = aligned_alloc(64, rounded);
        if (!mine->memory[slot]) abort();
        mine->bytes[slot] = rounded;
    }
    return mine->memory[slot];
}
