// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Runs jobs on the thread on which rte_vhost handles the events of all connections: while one runs, no connection of
 * any device can be torn down or take a message.
 *
 * rte_vhost has no call for that, but it lets its user look at each message of a connection before it is handled, and
 * does so on that thread. So the process keeps a vhost-user connection to itself, over a socket whose name is gone as
 * soon as it is connected, and a message on it is the call. */

/* Makes the connection; harmless when it is there. Builder or control thread. 0, or negative errno: no job will run. */
int event_thread_init(void);

/* Runs 'job' and returns when it is done. 0, or -ENOTCONN when it has not been run. Builder or control thread; calls
 * wait for one another. */
int event_thread_run(void (*job)(void *context), void *context);

/* Called on the event thread, with the same 'job' each time: it is run there a little later, when the thread is done
 * with the message at hand and holds no locks. Best effort. */
void event_thread_post(void (*job)(void));
