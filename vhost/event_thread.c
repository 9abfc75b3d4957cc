// SPDX-License-Identifier: Apache-2.0
#include "vhost/event_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_vhost.h>

/* A request of the vhost-user protocol without payload, and its reply of eight bytes. */
static const uint32_t get_features[3] = {1, 1, 0};
#define REPLY_LEN (sizeof get_features + 8)
/* One that does nothing and is not replied to. */
static const uint32_t set_owner[3] = {3, 1, 0};

/* Guards the rest: one job at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int connection = -1;
/* Written before the message is sent, read by the event thread after it has come. */
static void (*current_job)(void *context);
static void *current_context;
static void (*posted_job)(void);

static enum rte_vhost_msg_result before_message(int device_id, void *message)
{
    if (memcmp(message, set_owner, sizeof set_owner[0]) == 0)
        posted_job();
    else
        current_job(current_context);
    return RTE_VHOST_MSG_RESULT_NOT_HANDLED; /* by us: it is answered as ever */
}

static const struct rte_vhost_user_extern_ops message_hooks = {.pre_msg_handle = before_message};

static int new_connection(int device_id)
{
    return rte_vhost_extern_callback_register(device_id, &message_hooks, NULL);
}

static const struct rte_vhost_device_ops callbacks = {.new_connection = new_connection};

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    result = -errno;
    close(fd);
    return result;
}

static int make_connection(void)
{
    char dir[] = "/tmp/sluice-vhost-XXXXXX";
    char path[sizeof dir + 8];
    int result = -EIO;

    if (mkdtemp(dir) == NULL)
        return -errno;
    snprintf(path, sizeof path, "%s/events", dir);
    if (rte_vhost_driver_register(path, 0) == 0) {
        if (rte_vhost_driver_callback_register(path, &callbacks) == 0 && rte_vhost_driver_start(path) == 0)
            result = connect_to(path);
        if (result < 0)
            rte_vhost_driver_unregister(path);
    }
    unlink(path);
    rmdir(dir);
    return result;
}

int event_thread_init(void)
{
    int result = 0;

    pthread_mutex_lock(&lock);
    if (connection < 0) {
        result = make_connection();
        if (result >= 0) {
            connection = result;
            result = 0;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int event_thread_run(void (*job)(void *context), void *context)
{
    uint8_t reply[REPLY_LEN];
    int result = 0;

    pthread_mutex_lock(&lock);
    current_job = job;
    current_context = context;
    if (connection < 0 ||
        send(connection, get_features, sizeof get_features, MSG_NOSIGNAL) != (ssize_t)sizeof get_features)
        result = -ENOTCONN;
    else if (recv(connection, reply, sizeof reply, MSG_WAITALL) != (ssize_t)sizeof reply)
        result = -EIO;
    pthread_mutex_unlock(&lock);
    return result;
}

void event_thread_post(void (*job)(void))
{
    posted_job = job;
    if (connection >= 0)
        send(connection, set_owner, sizeof set_owner, MSG_NOSIGNAL | MSG_DONTWAIT);
}
