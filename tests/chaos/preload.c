/* Preloaded into the roles of a test: a wall clock that is set, a disk that is slow or fails to sync.
   What is told lies in the file that DAVYLAMP_TEST_TOLD names, three int64 that may change at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

struct told {
    int64_t ahead;   /* ns that the wall clock is ahead of the machine's */
    int64_t slow;    /* ns that each sync takes longer */
    int64_t failing; /* errno of each sync, 0 while it succeeds */
};
static const struct told nothing;
static const volatile struct told *told = &nothing;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DAVYLAMP_TEST_TOLD");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *seen = mmap(NULL, sizeof(struct told), PROT_READ, MAP_SHARED, file, 0);
    if (seen != MAP_FAILED)
        told = seen;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(which, at);
    if (!answer && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t ns = at->tv_sec * SECOND + at->tv_nsec + told->ahead;
        at->tv_sec = ns / SECOND;
        at->tv_nsec = ns % SECOND;
    }
    return answer;
}

time_t time(time_t *where) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (where)
        *where = at.tv_sec;
    return at.tv_sec;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

static int synced(const char *name, int file) {
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (told->slow) {
        struct timespec wait = {told->slow / SECOND, told->slow % SECOND};
        nanosleep(&wait, NULL);
    }
    if (told->failing) {
        errno = (int)told->failing;
        return -1;
    }
    return real(file);
}

int fsync(int file) { return synced("fsync", file); }

int fdatasync(int file) { return synced("fdatasync", file); }
