// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/* Paths of vhost-user sockets. All return 0, or negative errno with '*error' set. Control or builder thread. */

/* Writes the path of the server socket 'name' in 'dir' to 'path' (of 'size' bytes, that of sun_path). The name is
 * the database's, so it may not lead out of the directory: '/' and '\' are refused. */
int socket_path_of_server(const char *dir, const char *name, char *path, size_t size, char **error);

/* Copies a client's path: absolute or not, existing or not, but short enough for a socket address. */
int socket_path_of_client(const char *from, char *path, size_t size, char **error);

/* Makes room for a listening socket at 'path': removes a socket that a dead process left, refuses one that somebody
 * listens on (-EADDRINUSE) and anything that is not a socket (-EEXIST). */
int socket_path_clear(const char *path, char **error);
