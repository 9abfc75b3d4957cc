// SPDX-License-Identifier: Apache-2.0
#include "vhost/event_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_vhost.h>

/* The job of the moment; under 'lock', for there is one socket at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*current_job)(void *context);
static void *current_context;

/* Its own lock, so that whoever waits for the job does not hold it up. */
static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_changed = PTHREAD_COND_INITIALIZER;
static bool done;

static int run_current_job(int device_id)
{
    current_job(current_context);
    pthread_mutex_lock(&done_lock);
    done = true;
    pthread_cond_signal(&done_changed);
    pthread_mutex_unlock(&done_lock);
    return -1; /* nobody is there to talk to */
}

static const struct rte_vhost_device_ops callbacks = {.new_connection = run_current_job};

static int knock(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    result = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
    if (result == 0) {
        pthread_mutex_lock(&done_lock);
        while (!done)
            pthread_cond_wait(&done_changed, &done_lock);
        pthread_mutex_unlock(&done_lock);
    }
    close(fd);
    return result;
}

int event_thread_run(void (*job)(void *context), void *context)
{
    char dir[] = "/tmp/sluice-vhost-XXXXXX";
    char path[sizeof dir + 8];
    int result = -EIO;

    if (mkdtemp(dir) == NULL)
        return -errno;
    snprintf(path, sizeof path, "%s/events", dir);
    pthread_mutex_lock(&lock);
    current_job = job;
    current_context = context;
    done = false;
    if (rte_vhost_driver_register(path, 0) == 0) {
        if (rte_vhost_driver_callback_register(path, &callbacks) == 0 && rte_vhost_driver_start(path) == 0)
            result = knock(path);
        rte_vhost_driver_unregister(path);
    }
    pthread_mutex_unlock(&lock);
    unlink(path);
    rmdir(dir);
    return result;
}
