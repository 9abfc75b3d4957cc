// SPDX-License-Identifier: Apache-2.0
#include "vhost/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/core/err.h"

static int too_long(const char *what, size_t size, char **error)
{
    err_set(error, "vhost-user socket path '%s' is longer than %zu bytes", what, size - 1);
    return -ENAMETOOLONG;
}

int socket_path_of_server(const char *dir, const char *name, char *path, size_t size, char **error)
{
    struct stat st;
    int n;

    if (strpbrk(name, "/\\") != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        err_set(error, "'%s' is not a valid name for a vhost-user port: it becomes a file name", name);
        return -EINVAL;
    }
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        err_set(error, "vhost-user socket directory '%s' does not exist", dir);
        return -ENOENT;
    }
    n = snprintf(path, size, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= size)
        return too_long(name, size, error);
    return 0;
}

int socket_path_of_client(const char *from, char *path, size_t size, char **error)
{
    struct stat st;
    int n = snprintf(path, size, "%s", from);

    if (n < 0 || (size_t)n >= size)
        return too_long(from, size, error);
    if (stat(from, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        err_set(error, "vhost-server-path '%s' is not a socket", from);
        return -ENOTSOCK;
    }
    return 0;
}

/* 0 when nobody listens at 'path', else negative errno. */
static int check_dead(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result;

    if (fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    result = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return result == ECONNREFUSED ? 0 : -EADDRINUSE;
}

int socket_path_clear(const char *path, char **error)
{
    struct stat st;
    int result;

    if (lstat(path, &st) != 0)
        return 0; /* nothing there; if it cannot be used, binding will tell */
    if (!S_ISSOCK(st.st_mode)) {
        err_set(error, "'%s' exists and is not a socket", path);
        return -EEXIST;
    }
    result = check_dead(path);
    if (result != 0) {
        err_set(error, "vhost-user socket '%s' is in use by another process", path);
        return result;
    }
    if (unlink(path) != 0) {
        result = -errno;
        err_set(error, "could not remove stale socket '%s' (%s)", path, strerror(-result));
    }
    return result;
}
